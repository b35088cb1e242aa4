"""The client without a face, and the library for bots: what they need is found here, and loaded when asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from securechat.client.client import Client
    from securechat.client.errors import ConnectionLost, LoginFailed, NotStored
    from securechat.client.events import (
        Acknowledged,
        Entered,
        Event,
        Joined,
        Kicked,
        Kind,
        Left,
        LinkBack,
        LinkLost,
        Parted,
        Queued,
        Refused,
        Renamed,
        Roles,
        Said,
        Told,
        Topic,
    )
    from securechat.client.reach import NotTLS, Unreachable
    from securechat.errors import SecurechatError
    from securechat.tls.errors import TrustError

__all__ = [
    "Acknowledged",
    "Client",
    "ConnectionLost",
    "Entered",
    "Event",
    "Joined",
    "Kicked",
    "Kind",
    "Left",
    "LinkBack",
    "LinkLost",
    "LoginFailed",
    "NotStored",
    "NotTLS",
    "Parted",
    "Queued",
    "Refused",
    "Renamed",
    "Roles",
    "Said",
    "SecurechatError",
    "Told",
    "Topic",
    "TrustError",
    "Unreachable",
]

_HOMES = {
    "Client": "securechat.client.client",
    "ConnectionLost": "securechat.client.errors",
    "LoginFailed": "securechat.client.errors",
    "NotStored": "securechat.client.errors",
    "NotTLS": "securechat.client.reach",
    "SecurechatError": "securechat.errors",
    "TrustError": "securechat.tls.errors",
    "Unreachable": "securechat.client.reach",
}


def __getattr__(name: str) -> object:
    """Load what is asked for: a command that only prints its help needs nothing of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "securechat.client.events")), name)
