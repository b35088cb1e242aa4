"""/metrics is for an administrator's device token alone, for as long as it counts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing

import pytest

from securechat.auth import tokens
from securechat.protocol.http import Request
from securechat.server.http import bearer
from securechat.server.items import Asked
from securechat.server.services import PoolFull
from securechat.store import audit
from securechat.store.accounts import Accounts
from securechat.store.audit import Wanted
from securechat.store.database import driver
from securechat.store.errors import StoreBusy
from tests import web
from tests.core import HASH, START, CoreRun, Fault
from tests.running import Server
from tests.server.http.test_routes import outcome

IN_A_YEAR = int(START * 1000) + 365 * 24 * 3600 * 1000


def made(run: CoreRun, owner: str = "ada", expires: int = IN_A_YEAR) -> tuple[str, str]:
    """Its id and the secret."""
    secret = tokens.new()
    return run.tokens.add(owner, "prometheus", tokens.digest(secret), expires), secret


def metrics(authorization: str) -> Request:
    return Request("GET", "/metrics", authorization)


def with_token(run: CoreRun, secret: str) -> int:
    return outcome(run.ask(metrics(f"Bearer {secret}")))[0]


def test_an_administrators_token_is_let_in_and_its_use_is_noted(run: CoreRun) -> None:
    ident, secret = made(run)
    assert with_token(run, secret) == 200
    [found] = [one for one in run.tokens.listing() if one.id == ident]
    assert (found.last_used, found.address) == (int(run.now * 1000), "127.0.0.1")


def test_a_store_that_cannot_note_its_use_keeps_nobody_out(run: CoreRun) -> None:
    _, secret = made(run)
    run.writer.outcomes.append("failed")
    assert with_token(run, secret) == 200


def test_a_members_token_is_refused(run: CoreRun) -> None:
    assert with_token(run, made(run, "bob")[1]) == 403


def test_whatever_is_wrong_with_it_is_answered_alike(run: CoreRun) -> None:
    (revoked, one), (_, expired) = made(run), made(run, expires=int(START * 1000))
    run.tokens.revoke([revoked])
    run.look()
    wrong = ["", "Bearer", "Bearer sct_x", f"Bearer {one}", f"Bearer {expired}", f"Bearer {tokens.new()}", "Basic YTpi"]
    answers = {run.ask(metrics(authorization)) for authorization in wrong}
    assert len(answers) == 1
    [answer] = answers
    assert outcome(answer)[0] == 401
    assert "\r\nWWW-Authenticate: Bearer\r\n" in answer


def test_failures_are_told_to_the_audit_log(run: CoreRun) -> None:
    (ident, revoked), (_, bobs) = made(run), made(run, "bob")
    run.tokens.revoke([ident])
    run.look()
    for secret in (revoked, tokens.new(), bobs):
        with_token(run, secret)
    run.ask(metrics(""))
    run.pass_(61)
    with run.database.read() as connection:
        entries = [entry.row for entry in audit.behind(driver(connection), Wanted(), 0, 10_000)]
    assert [(row.subject, row.detail) for row in entries if row.act == "http.failed"] == [
        ("", "2 times: wrong device token"),
        ("bob", "1 time: device token of a member"),
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda accounts: accounts.suspend("ada"), 401),
        (lambda accounts: accounts.set_role("ada", "member"), 403),
        (lambda accounts: accounts.set_password("ada", HASH), 401),
        (lambda accounts: accounts.delete("ada"), 401),
    ],
)
@pytest.mark.parametrize("meanwhile", [False, True])
def test_who_is_no_administrator_any_more_is_refused(
    run: CoreRun, change: Callable[[Accounts], None], status: int, meanwhile: bool
) -> None:
    """However early the worker read the token."""
    _, secret = made(run)
    peer = run.connect()
    if meanwhile:
        run.waiting.append(Asked(peer.session, metrics(f"Bearer {secret}")))
        run.step()
    change(run.accounts)
    run.look()
    if meanwhile:
        assert outcome(b"".join(peer.received).decode())[0] == status
    else:
        assert with_token(run, secret) == status


@pytest.mark.parametrize(
    ("error", "status"), [(StoreBusy("busy"), 503), (PoolFull(), 503), (RuntimeError("a bug"), 500)]
)
def test_a_check_that_could_not_be_made_is_no_refusal(
    run: CoreRun, error: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    _, secret = made(run)
    run.reading_fails_with = error
    assert with_token(run, secret) == status


def test_an_error_behind_the_check_is_answered_without_a_word_of_irc(
    run: CoreRun, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    _, secret = made(run)
    for number in range(1, 100):
        with Fault(number, within=bearer._checked) as fault:
            status = with_token(run, secret)
        if not fault.fired:
            assert number > 5
            assert status == 200
            return
        assert status == 500


def test_over_tls_a_token_opens_the_metrics_until_it_is_revoked(server: Server) -> None:
    server.adduser("ada", admin=True)
    _, secret = server.token("ada")
    assert web.get(server, "/metrics").status == 401
    answer = web.get(server, "/metrics", token=secret)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert web.get(server, "/metrics", token=secret, method="HEAD").body == ""
    with closing(server.open_store()) as database:
        Accounts(database, ()).suspend("ada")
    assert web.get(server, "/metrics", token=secret).status == 401
    server.stop()
    assert secret not in server.log()
