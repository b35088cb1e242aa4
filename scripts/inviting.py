"""scripts/start --invite: a line for each of some people, with which they join."""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
import time
from pathlib import Path

from starting import Refused, Server, reachable, run_command

from securechat.protocol.names import fold
from securechat.store.accounts import Accounts
from securechat.store.database import open_database
from securechat.store.invites import Invites
from securechat.tls import server_certificate


def invite(server: Server, names: list[str]) -> None:
    """A line for each with which they join; the first one does so here, where the command is ours.

    Who has joined needs none, and who was sent one keeps it.
    """
    host, command = invited_to(server), str(Path(sys.executable).with_name("securechat"))
    joined, invited, first = standing(server)
    for name in filter(None, map(str.strip, names)):
        if fold(name) in joined:
            print(f"{name} has joined already")
        elif fold(name) in invited:
            again = shlex.join([command, "invite", name, "--host", host, *server.options])
            print(f"{name} has an invite already; for another: {again}")
        else:
            line = join_line(server, name, "--host", host, *(["--admin"] if first else []))
            print(f"  {line.replace('securechat', shlex.quote(command), 1) if first else line}", flush=True)
        first = False


def invited_to(server: Server) -> str:
    """HOST:PORT where people reach the server."""
    listens, port = server.place
    if not port:
        raise Refused("--invite leads people to a port, so listen on one: --listen HOST:PORT")
    host = server.host or (listens if reachable(listens) == listens else None)
    if host is None and server.certs is not None:
        host = server_certificate.read_file(server.certs / "server.crt").host
        print(f"The invites lead to {host}, this machine's name; if people reach it by another, give that by --host.")
    if host is None:
        raise Refused("where do people reach this machine? give --host HOST, which the invites are to name")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def standing(server: Server) -> tuple[set[str], set[str], bool]:
    """Who has a password, who an invite that is open, by casefolded name; and whether there is no account at all."""
    with contextlib.closing(open_database(server.data, server.settings.store)) as database:
        there = [listed.account for listed in Accounts(database, ()).listing() if not listed.account.deleted]
        expiries = Invites(database, ()).expiries(time.time_ns() // 1_000_000)
    joined = {fold(account.name) for account in there if account.has_password}
    return joined, {fold(account.name) for account in there if account.id in expiries}, not there


def join_line(server: Server, name: str, *options: str) -> str:
    certificate = [] if server.certs is None else ["--cert", str(server.certs / "server.crt")]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        run_command(server, "invite", name, *certificate, *options)
    return printed.getvalue().strip()
