"""What an account logs in with, kept in memory for as long as the client runs: a lost link is made anew with it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Credentials:
    """The password changes when the server takes another one. There is none where a client certificate proves it."""

    account: str
    password: str | None = field(repr=False)
    code: str = field(default="", repr=False)  # of the second factor; it opens one login
