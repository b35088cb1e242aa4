"""The system's keyring (extra `keyring`), where there is a real one.

It may be missing, locked or stuck, and never holds anybody up for longer than PATIENCE.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from securechat.errors import SecurechatError

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "securechat"
PATIENCE = 10.0  # seconds; a locked one may ask its owner for a password
RECOMMENDED = 1  # the priority from which the package calls a backend safe; `fail` and `null` are below
UNSAFE = "keyrings.alt"  # files, most in plain text: ours is as good, and its place is known

T = TypeVar("T")


class KeyringError(SecurechatError):
    """There is no real keyring, or it does not do what was asked."""


def read(name: str) -> str:
    """Raises KeyringError."""
    secret = _with_backend(lambda backend: backend.get_password(SERVICE, name))
    if secret is None:
        raise KeyringError("the system's keyring no longer holds the device token")
    return secret


def keep(name: str, secret: str) -> None:
    """Raises KeyringError."""
    _with_backend(lambda backend: backend.set_password(SERVICE, name, secret))


def delete(name: str) -> None:
    """Raises KeyringError."""
    _with_backend(lambda backend: backend.delete_password(SERVICE, name))


def _with_backend(call: Callable[[KeyringBackend], T]) -> T:
    """In a thread of its own, which is left behind when it does not come back."""
    outcome: queue.SimpleQueue[T | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put(call(_backend()))
        except Exception as error:  # of any backend there is; what it says may hold the secret
            outcome.put(error if isinstance(error, KeyringError) else KeyringError(_refused(error)))

    threading.Thread(target=run, name="keyring", daemon=True).start()
    try:
        result = outcome.get(timeout=PATIENCE)
    except queue.Empty:
        raise KeyringError(f"the system's keyring does not answer within {PATIENCE:g} s") from None
    if isinstance(result, Exception):
        raise result
    return result


def _refused(error: Exception) -> str:
    return f"the system's keyring refused ({type(error).__name__}); unlock it"


def _backend() -> KeyringBackend:
    try:
        import keyring
        from keyring.backends.chainer import ChainerBackend
    except ImportError:
        raise KeyringError("the package keyring is not installed") from None
    found: Any = keyring.get_keyring()
    for one in found.backends if isinstance(found, ChainerBackend) else [found]:
        if one.priority >= RECOMMENDED and not type(one).__module__.startswith(UNSAFE):
            backend: KeyringBackend = one
            return backend
    raise KeyringError("this system has no keyring")
