"""Every way of logging in, as the code's own tables have them, against an account with a second factor.

A new way is in no row here, and fails the first test until somebody has thought about it.
"""

from __future__ import annotations

import ast
import typing
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path

import pytest

import securechat.server
from securechat.auth import proof, tokens
from securechat.auth.proof import Verified
from securechat.protocol import sasl
from securechat.protocol.http import Request
from securechat.server.http.route import Access
from securechat.server.http.routes import ROUTES
from securechat.server.services import Services
from securechat.server.session import Stage
from securechat.tls.clients import ClientCertificate
from tests.codes import App
from tests.core import CoreRun, registration
from tests.running import PASSWORD
from tests.server.http.test_routes import outcome

SERVER = Path(securechat.server.__file__).parent
LATER = 10 * 365 * 24 * 3600 * 1000  # milliseconds

Thief = Callable[[CoreRun, App], str]


def by_plain(run: CoreRun, secret: str) -> bool:
    peer = run.connect()
    run.say(peer, *registration("ada", "", secret), "CAP END")
    return peer.session.stage is Stage.ADMITTED


def by_external(run: CoreRun, secret: str) -> bool:
    """The certificate proves everything; what is said beside it is the authzid."""
    del secret
    peer = run.connect()
    peer.session.certificate = ClientCertificate("ada", "5f", issued=10**13, expires=2 * 10**13)
    opening = ("CAP LS 302", "NICK ada", "USER ada 0 * :Ada Test", "CAP REQ :sasl", "AUTHENTICATE EXTERNAL")
    run.say(peer, *opening, "AUTHENTICATE +", "CAP END")
    return peer.session.stage is Stage.ADMITTED


def by_oper(run: CoreRun, secret: str) -> bool:
    peer = run.connect_as("bob")
    run.say(peer, f"OPER ada :{secret}")
    return peer.session.is_oper


def by_bearer(path: str, run: CoreRun, secret: str) -> bool:
    status, _ = outcome(run.ask(Request("GET", path, f"Bearer {secret}")))
    return status == HTTPStatus.OK


# Where a proof becomes a login, by module; of SASL by mechanism, of HTTP by path.
WAYS: dict[str, Callable[[CoreRun, str], bool]] = {
    "login.py PLAIN": by_plain,
    "login.py EXTERNAL": by_external,
    "commands/opers.py": by_oper,
    "http/bearer.py /metrics": partial(by_bearer, "/metrics"),
}
BY_PASSWORD = {"login.py PLAIN", "commands/opers.py"}
BY_TOKEN = {"login.py PLAIN", "http/bearer.py /metrics"}
# What is checked, by the service that does it, and by what the proof is called then.
# An invite opens an account without a password, and is void once it has a factor: test_invites.py shows both.
CHECKS = {"passwords.verify", "tokens.verify", "certificates.verify", "invites.verify"}
MEANS = {"password", "token", "certificate", "invite"}

# What somebody has who lacks the factor.
THIEVES: dict[str, Thief] = {
    "the password": lambda run, app: PASSWORD,
    "the password and a wrong code": lambda run, app: f"{PASSWORD}:{app.wrong(run.now)}",
    "the password and an old code": lambda run, app: f"{PASSWORD}:{app.code(run.now - 90)}",
    "the password and a used code": lambda run, app: used(run, f"{PASSWORD}:{app.code(run.now)}"),
    "the password and a used recovery code": lambda run, app: used(run, f"{PASSWORD}:{app.recovery_codes[0]}"),
    "the password and a code of another's": lambda run, app: f"{PASSWORD}:{App(run.factors, 'bob').code(run.now)}",
    "a code": lambda run, app: app.code(run.now),
    "a code behind no password": lambda run, app: f":{app.code(run.now)}",
    "a recovery code": lambda run, app: app.recovery_codes[0],
    "a token from before": lambda run, app: before.pop(),
}
before: list[str] = []


def used(run: CoreRun, secret: str) -> str:
    assert by_plain(run, secret)
    return secret


def token(run: CoreRun) -> str:
    secret = tokens.new()
    run.tokens.add("ada", "laptop", tokens.digest(secret), int(run.now * 1000) + LATER)
    return secret


@pytest.fixture
def app(run: CoreRun) -> App:
    """Ada's; she had a token before."""
    before[:] = [token(run)]
    app = App(run.factors, "ada")
    run.look()
    return app


def calls(name: str) -> set[str]:
    """The modules of the server that call a function of this name."""
    return {
        path.relative_to(SERVER).as_posix()
        for path in SERVER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and name in (getattr(node.func, "id", None), getattr(node.func, "attr", None))
    }


def test_every_way_in_has_a_row_here() -> None:
    known = {way.partition(" ")[0] for way in WAYS}
    assert calls("login_by") == known
    assert calls("Login") == {"accounts.py"}  # so that nobody goes past it
    mechanisms = {f"login.py {mechanism}" for mechanism in sasl.MECHANISMS}
    paths = {f"http/bearer.py {path}" for path, route in ROUTES.items() if route.access is not Access.ANYONE}
    assert mechanisms | paths == {way for way in WAYS if " " in way}
    assert set(typing.get_args(proof.Means)) == MEANS
    services = typing.get_type_hints(Services)
    checks = {
        f"{field}.{method}"
        for field, service in services.items()
        for method, function in vars(service).items()
        if callable(function) and Verified in typing.get_args(typing.get_type_hints(function).get("return"))
    }
    assert checks == CHECKS


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("thief", THIEVES.values(), ids=THIEVES)
def test_no_way_in_skips_the_second_factor(
    run: CoreRun, app: App, way: Callable[[CoreRun, str], bool], thief: Thief
) -> None:
    assert not way(run, thief(run, app))


@pytest.mark.parametrize("way", WAYS)
def test_with_it_each_way_is_open_to_what_it_takes(run: CoreRun, app: App, way: str) -> None:
    """Or the test above would show nothing. A token from now was made by who passed the factor; a certificate never."""
    codes = app.code(run.now), app.recovery_codes[0]
    assert [WAYS[way](run, f"{PASSWORD}:{code}") for code in codes] == [way in BY_PASSWORD] * 2
    assert WAYS[way](run, token(run)) == (way in BY_TOKEN)
    run.factors.disable("ada")
    run.look()
    assert WAYS[way](run, token(run) if way in BY_TOKEN else PASSWORD)
