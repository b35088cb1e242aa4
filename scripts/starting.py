"""What scripts/start starts: a server with its settings and its folders, and how a command of securechat is run for it.

At the top only the standard library: --help also works before the installation.
"""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from securechat.config import Settings


class Refused(Exception):
    """Wrong usage; the text is for the person."""


@dataclass(frozen=True)
class Server:
    """What is started: its settings, where its things lie, and what `serve` is to be told."""

    settings: Settings
    data: Path
    certs: Path | None  # None: the configuration names a certificate, which is none of our business
    place: tuple[str, int]  # what a client on this machine connects to
    host: str | None  # where people reach it, if that was said
    options: list[str]  # --data and --config, as every command takes them
    serve_options: list[str]


def split(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal():
        raise Refused(f"cannot listen on {listen!r}; expected HOST:PORT")
    return host.strip("[]"), int(port)


def is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable(host: str) -> str:
    """The name under which a client on this machine finds a listener on `host`."""
    try:
        return "localhost" if not host or ipaddress.ip_address(host).is_unspecified else host
    except ValueError:
        return host


def run_command(server: Server, *words: str) -> None:
    """Run a command of securechat, which says itself what is wrong."""
    from securechat.cli.main import run

    if status := run([*words, *server.options]):
        sys.exit(status)
