"""Faces of the client."""
