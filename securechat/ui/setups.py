"""The lines by which other clients are set up for one server and one person; docs/clients.md explains them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from securechat.client.address import Address
from securechat.errors import SecurechatError
from securechat.tls import pins


class NeedsCA(SecurechatError):
    """The client can be given no pin."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class Setup:
    """By `ca` or `pin` the server is trusted, with neither by the system's CAs."""

    name: str  # of the server, in the client
    address: Address
    account: str
    token: str = field(repr=False)
    ca: Path | None = None
    pin: str | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """`place` says where the text belongs, `start` how the client is started if that is special."""

    text: tuple[str, ...] = field(repr=False)
    place: str
    start: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    write: Callable[[Setup], Lines]
    pins: bool = False  # whether it can trust a server by the pin of its key


def check(client: str, address: Address, pin: str | None) -> None:
    """Raises NeedsCA; to be called before a token is made."""
    if pin is not None and not KINDS[client].pins:
        raise NeedsCA(
            f"{client} cannot trust {address} by the pin of its key, as you do here; ask its operator for the server's"
            " ca.crt, and give it with --ca FILE"
        )


def weechat(setup: Setup, *, before_4: bool = False) -> Lines:
    """From version 4 on `ssl` is written `tls`."""
    tls, server = "ssl" if before_4 else "tls", f"irc.server.{setup.name}"
    lines = [f"/secure set {setup.name} {setup.token}"]
    if setup.ca is not None:
        lines.append(f'/set weechat.network.gnutls_ca_user "{setup.ca}"')
    lines += [
        f"/server add {setup.name} {setup.address.host}/{setup.address.port} -{tls}",
        f"/set {server}.nicks {setup.account}",
        f"/set {server}.sasl_username {setup.account}",
        f'/set {server}.sasl_password "${{sec.data.{setup.name}}}"',
        f"/set {server}.autoconnect on",
        f"/connect {setup.name}",
    ]
    return Lines(tuple(lines), "type them, or paste them one by one, into WeeChat")


def irssi(setup: Setup) -> Lines:
    trust = "-tls_verify"
    if setup.ca is not None:
        trust += f" -tls_cafile {setup.ca}"
    if setup.pin is not None:
        digits = setup.pin.removeprefix(pins.PREFIX).upper()
        trust = f"-notls_verify -tls_pinned_pubkey {':'.join(digits[at : at + 2] for at in range(0, len(digits), 2))}"
    place = f"{setup.name} {setup.address.host} {setup.address.port}"
    login = f'-sasl_username {setup.account} -sasl_password "{setup.token}" -sasl_mechanism PLAIN'
    lines = (
        f"/set nick {setup.account}",
        f"/network add {login} {setup.name}",
        f"/server add -auto -tls {trust} -network {place}",
        "/save",
        f"/connect {setup.name}",
    )
    return Lines(lines, "type or paste them into irssi")


def catgirl(setup: Setup) -> Lines:
    lines = (
        f"host = {setup.address.host}",
        f"port = {setup.address.port}",
        f"nick = {setup.account}",
        f"sasl-plain = {setup.account}:{setup.token}",
    )
    place = f"put them into ~/.config/catgirl/{setup.name}, readable by you only"
    return Lines(lines, place, _with_ca(setup, f"catgirl {setup.name}"))


def halloy(setup: Setup) -> Lines:
    lines = [
        f"[servers.{setup.name}]",
        f"nickname = {json.dumps(setup.account)}",
        f"server = {json.dumps(setup.address.host)}",
        f"port = {setup.address.port}",
        "use_tls = true",
    ]
    if setup.ca is not None:
        lines.append(f"root_cert_path = {json.dumps(str(setup.ca))}")
    lines += [
        f"[servers.{setup.name}.sasl.plain]",
        f"username = {json.dumps(setup.account)}",
        f"password = {json.dumps(setup.token)}",
    ]
    return Lines(tuple(lines), "put them into Halloy's config.toml, readable by you only")


def senpai(setup: Setup) -> Lines:
    lines = (
        f'address "ircs://{setup.address}"',
        f'nickname "{setup.account}"',
        f'password "{setup.token}"',
    )
    return Lines(lines, "put them into ~/.config/senpai/senpai.scfg, readable by you only", _with_ca(setup, "senpai"))


def _with_ca(setup: Setup, command: str) -> str:
    """Who takes a CA from the surroundings only."""
    return f"SSL_CERT_FILE={quote(str(setup.ca))} {command}" if setup.ca is not None else command


KINDS = {
    "weechat": Kind(weechat),
    "irssi": Kind(irssi, pins=True),
    "halloy": Kind(halloy),
    "senpai": Kind(senpai),
    "catgirl": Kind(catgirl),
}
