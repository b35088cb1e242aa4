"""The client without a face: trust, login, session, outbox."""
