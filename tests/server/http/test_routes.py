"""Answers over HTTP as the core gives them: what a failing commit and a failing handler make of them."""

from __future__ import annotations

import logging

import pytest

from securechat.protocol.http import Request
from securechat.server.http import routes
from tests.core import CoreRun, Fault

HEALTHZ = Request("GET", "/healthz")


def outcome(answer: str) -> tuple[int, str]:
    """The status and the text."""
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split(" ")[1]), body


def test_a_server_that_can_store_is_healthy_and_says_so_after_a_commit(run: CoreRun) -> None:
    before = run.writer.commits["kept"]
    assert outcome(run.ask(HEALTHZ)) == (200, "ok\n")
    assert run.writer.commits["kept"] == before + 1


@pytest.mark.parametrize("ending", ["failed", "uncertain, lost"])
def test_a_server_that_cannot_store_is_not_healthy_and_says_why(run: CoreRun, ending: str) -> None:
    run.writer.outcomes.append(ending)
    status, text = outcome(run.ask(HEALTHZ))
    assert status == 503
    assert text.startswith("made to fail" if ending == "failed" else "at the commit: ")
    assert outcome(run.ask(HEALTHZ)) == (200, "ok\n")


def test_one_commit_is_proof_for_a_second(run: CoreRun) -> None:
    for passed, commits in ((0.0, 1), (0.9, 1), (0.2, 2), (-3600.0, 3), (0.0, 3)):  # a clock set back proves nothing
        run.now += passed
        run.ask(HEALTHZ)
        assert run.writer.commits["kept"] == commits


def test_behind_a_commit_that_failed_the_one_before_is_no_proof(run: CoreRun) -> None:
    ada = run.login("ada")
    run.ask(HEALTHZ)
    run.writer.outcomes.extend(["failed", "failed"])
    run.say(ada, "PRIVMSG #lobby :lost")
    assert outcome(run.ask(HEALTHZ)) == (503, "made to fail before the commit\n")
    assert outcome(run.ask(HEALTHZ)) == (200, "ok\n")


def test_a_commit_that_fails_is_no_proof_however_fresh_the_one_before(run: CoreRun) -> None:
    ada = run.login("ada")
    run.ask(HEALTHZ)
    run.writer.outcomes.append("failed")
    run.queue(ada, "PRIVMSG #lobby :lost")
    assert outcome(run.ask(HEALTHZ)) == (503, "made to fail before the commit\n")


def test_one_that_failed_since_voids_the_proof(run: CoreRun) -> None:
    ada = run.login("ada")
    run.ask(HEALTHZ)
    run.writer.outcomes.extend(("failed", "failed"))
    run.say(ada, "PRIVMSG #lobby :lost")
    assert outcome(run.ask(HEALTHZ))[0] == 503
    assert outcome(run.ask(HEALTHZ))[0] == 200


def test_a_handler_that_raises_is_answered_without_a_word_of_irc(
    run: CoreRun, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    for number in range(1, 100):
        with Fault(number, within=routes.answer) as fault:
            answer = outcome(run.ask(HEALTHZ))
        run.now += 1
        if not fault.fired:
            assert number > 5
            assert answer == (200, "ok\n")
            return
        assert answer == (500, "the server failed; its log says why\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (Request("GET", "/none"), 404),
        (Request("GET", ""), 404),
        (Request("OPTIONS", "*"), 404),
        (Request("POST", "/healthz"), 405),
        (Request("get", "/healthz"), 405),
        (Request("POST", "/metrics"), 405),
        (Request("HEAD", "/healthz"), 200),
    ],
)
def test_what_is_not_there_or_not_allowed_is_said(run: CoreRun, request_: Request, status: int) -> None:
    assert outcome(run.ask(request_))[0] == status
