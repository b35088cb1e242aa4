"""Channels, accounts and who may do what; no sockets, no storage."""
