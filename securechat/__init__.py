"""securechat: a team's own chat over TLS with a login."""

__version__ = "0.1.0"
