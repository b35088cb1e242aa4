"""Certificates, TLS contexts and pins."""
