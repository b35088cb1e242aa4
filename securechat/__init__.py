"""securechat: a team's own chat over TLS with a login."""

from datetime import date

__version__ = "0.1.0"
RELEASED = date(2026, 11, 1)  # about when this version was made: a clock that shows an earlier day is wrong
