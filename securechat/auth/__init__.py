"""Passwords and login mechanisms."""
