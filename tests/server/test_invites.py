"""Logging in with an invite's secret in the password's place, choosing a password with it, and how it ends."""

from __future__ import annotations

import base64

import pytest

from securechat.auth import invites, passwords
from securechat.protocol.invites import password_of
from securechat.server.session import Stage
from securechat.store.invites import HOUR, NewInvite
from securechat.store.totp import NewFactor
from tests.core import HASH, START, CoreRun, Peer, registration
from tests.running import PASSWORD, ROUNDS, Server

NEW = "quite another battery"
UNSET = passwords.dummy(ROUNDS)
REFUSED = "904 {} :SASL authentication failed"


def invited(run: CoreRun, name: str = "emil", channel: str = "", hours: int = 72) -> str:
    """The secret, as it stands in the password's place."""
    secret = password_of(invites.new())
    made = NewInvite(invites.digest(secret), channel, int(START * 1000) + hours * HOUR)
    run.invites.open(name, made, UNSET, admin=False)
    run.look()
    return secret


def answer(run: CoreRun, name: str, secret: str) -> list[str]:
    """The outcome of a login, without the sources."""
    peer = run.connect()
    run.say(peer, *registration(name, "", secret))
    return [line.partition(" ")[2] for line in peer.take() if " FAIL " in line or " 90" in line]


def passwd(new: str = NEW, old: str = "") -> str:
    return "PASSWD " + base64.b64encode(f"{old}\0{new}".encode()).decode()


def ask(run: CoreRun, peer: Peer, line: str) -> list[str]:
    run.say(peer, line)
    return [one.partition(" ")[2] for one in peer.take()]


def test_it_opens_the_account_until_a_password_is_chosen(run: CoreRun) -> None:
    secret = invited(run)
    lost = run.login("emil", secret=secret)
    emil = run.login("emil", secret=secret)
    assert ask(run, emil, passwd())[-1].startswith("NOTE PASSWD PASSWORD_CHANGED")
    assert lost.closed == "the password of this account was changed"
    assert emil.closed is None
    run.login("emil", secret=NEW)
    [fail, refused] = answer(run, "emil", secret)
    assert fail.startswith("FAIL AUTHENTICATE INVITE_USED :this invite was used")
    assert refused == REFUSED.format("emil")


def test_before_it_is_used_the_account_has_no_password(run: CoreRun) -> None:
    invited(run)
    for guess in ("", "unset", UNSET.decode(), PASSWORD):
        assert answer(run, "emil", guess or " ") == [REFUSED.format("emil")]


def test_whoever_does_not_hold_the_secret_is_told_nothing(run: CoreRun) -> None:
    """A wrong one, another account's, and one of a name that nobody has: answered as a wrong password is."""
    emils, wrong = invited(run), password_of(invites.new())
    told = [answer(run, *login) for login in (("bob", emils), ("emil", wrong), ("bob", wrong), ("emil", "guess"))]
    assert told == [[REFUSED.format(name)] for name in ("bob", "emil", "bob", "emil")]
    assert answer(run, "nobody", wrong) == [REFUSED.format("nobody")]


def test_who_holds_a_void_one_is_told_why(run: CoreRun) -> None:
    expired, replaced = invited(run, "fred", hours=0), invited(run)
    invited(run)
    assert (
        answer(run, "fred", expired)[0]
        == "FAIL AUTHENTICATE INVITE_EXPIRED :this invite has expired; ask for a new one"
    )
    assert answer(run, "emil", replaced)[0].startswith("FAIL AUTHENTICATE INVITE_WITHDRAWN :this invite was withdrawn")


def test_a_weak_password_leaves_it_open(run: CoreRun) -> None:
    secret = invited(run)
    emil = run.login("emil", secret=secret)
    for weak in ("short", "password1", secret):
        assert ask(run, emil, passwd(weak))[0].startswith("FAIL PASSWD WEAK_PASSWORD")
    run.login("emil", secret=secret)
    assert ask(run, emil, passwd())[0].startswith("NOTE PASSWD")


def test_no_old_password_is_needed_by_it_alone(run: CoreRun) -> None:
    bob = run.login("bob")
    assert ask(run, bob, passwd())[0].startswith("FAIL PASSWD INVALID_PARAMS")
    emil = run.login("emil", secret=invited(run))
    assert ask(run, emil, passwd(old="whatever"))[0].startswith("NOTE PASSWD")
    assert ask(run, emil, passwd("yet another battery"))[0].startswith("FAIL PASSWD INVALID_PARAMS")
    assert ask(run, emil, passwd("yet another battery", NEW))[0].startswith("NOTE PASSWD")


def test_a_device_token_is_made_once_the_password_is_chosen(run: CoreRun) -> None:
    emil = run.login("emil", secret=invited(run))
    assert ask(run, emil, "TOKEN CREATE :laptop")[0].startswith("FAIL TOKEN PASSWORD_REQUIRED")
    ask(run, emil, passwd())
    assert ask(run, emil, "TOKEN CREATE :laptop")[0].startswith("TOKEN CREATE")


def test_a_password_that_cannot_be_stored_leaves_it_open(run: CoreRun) -> None:
    secret = invited(run, channel="#ops")
    emil, other = run.login("emil", secret=secret), run.login("emil", secret=secret)
    before = run.state()
    run.queue(emil, passwd())
    run.step()
    run.writer.outcomes.append("failed")
    run.run()
    assert "TEMPORARILY_UNAVAILABLE" in emil.take()[-1]
    assert other.closed is None
    assert run.state() == before
    assert ask(run, emil, passwd())[-1].startswith("NOTE PASSWD")


def test_of_two_who_choose_at_once_one_does(run: CoreRun) -> None:
    secret = invited(run)
    one, other = run.login("emil", secret=secret), run.login("emil", secret=secret)
    run.queue(one, passwd("the battery of one"))
    run.queue(other, passwd("the battery of the other"))
    run.run()
    assert [one.closed, other.closed].count(None) == 1
    chosen, lost = ("the battery of one", "the battery of the other")[:: 1 if one.closed is None else -1]
    run.login("emil", secret=chosen)
    assert answer(run, "emil", lost) == [REFUSED.format("emil")]


@pytest.mark.parametrize("way", ["revoke", "replace", "passwd", "delete"])
def test_its_sessions_end_when_it_is_withdrawn(run: CoreRun, way: str) -> None:
    secret = invited(run)
    emil = run.login("emil", secret=secret)
    if way == "revoke":
        run.invites.revoke("emil")
    elif way == "replace":
        invited(run)
    elif way == "passwd":
        run.accounts.set_password("emil", HASH)
    else:
        run.accounts.delete("emil")
    run.look()
    reasons = {"passwd": "the password of this account was changed", "delete": "this account was deleted"}
    assert emil.closed == reasons.get(way, "the invite of this session was withdrawn")


def test_an_administrators_password_wins_over_the_one_that_is_being_chosen(run: CoreRun) -> None:
    emil = run.login("emil", secret=invited(run))
    run.queue(emil, passwd())
    run.step()
    run.accounts.set_password("emil", HASH)
    run.run()
    run.look()
    assert emil.closed == "the password of this account was changed"
    run.login("emil", secret=PASSWORD)
    assert answer(run, "emil", NEW) == [REFUSED.format("emil")]


def test_a_suspended_account_is_told_so_and_keeps_its_invite(run: CoreRun) -> None:
    secret = invited(run)
    run.accounts.suspend("emil")
    run.look()
    assert answer(run, "emil", secret)[0].startswith("FAIL AUTHENTICATE ACCOUNT_SUSPENDED")
    run.accounts.resume("emil")
    run.look()
    run.login("emil", secret=secret)


def test_one_that_was_made_behind_a_second_factor_passes_it(run: CoreRun) -> None:
    """As a device token does: who runs the server has made it. One from before is withdrawn."""
    before = invited(run)
    run.factors.enable("emil", NewFactor("JBSWY3DPEHPK3PXP", 0, ["digest"]))
    run.look()
    assert "INVITE_WITHDRAWN" in answer(run, "emil", before)[0]
    emil = run.login("emil", secret=invited(run))
    assert ask(run, emil, passwd())[-1].startswith("NOTE PASSWD")
    assert emil.closed is None
    assert answer(run, "emil", NEW)[0].startswith("FAIL AUTHENTICATE SECOND_FACTOR_REQUIRED")


def test_it_leads_into_its_channel_whatever_the_modes_say(run: CoreRun) -> None:
    ada = run.login("ada")
    run.say(ada, "JOIN #ops", "MODE #ops +ik sesame")
    emil = run.login("emil", secret=invited(run, channel="#ops"))
    told = ask(run, emil, passwd())
    assert any("JOIN #ops" in line for line in told)
    assert told[-1].startswith("NOTE PASSWD")
    assert ask(run, emil, "PRIVMSG #ops :hello")[0].endswith(" PRIVMSG #ops :hello")
    assert "JOIN #ops" in " ".join(ada.take())


def test_a_channel_that_is_not_there_is_made(run: CoreRun) -> None:
    emil = run.login("emil", secret=invited(run, channel="#new"))
    ask(run, emil, passwd())
    assert ask(run, emil, "NAMES #new")[0].startswith("353 emil = #new :@emil")


def test_nobody_who_is_banned_comes_back_by_an_invite(run: CoreRun) -> None:
    ada = run.login("ada")
    run.say(ada, "JOIN #ops", "MODE #ops +b emil!*@*")
    emil = run.login("emil", secret=invited(run, channel="#ops"))
    assert not any("JOIN" in line for line in ask(run, emil, passwd()))


def test_it_is_never_hashed_as_a_password(run: CoreRun) -> None:
    peer = run.connect()
    run.queue(peer, *registration("emil", "", invited(run)))
    turn = run.core.turn(run.waiting)
    assert [job.pool for job in turn.jobs] == ["reads"]
    turn.undo()


def test_an_invite_that_is_withdrawn_between_login_and_admission_opens_nothing(run: CoreRun) -> None:
    secret, peer = invited(run), run.connect()
    run.say(peer, *registration("emil", "", secret))
    run.invites.revoke("emil")
    run.look()
    run.say(peer, "CAP END")
    assert peer.closed == "the login is no longer valid"
    assert peer.session.stage is Stage.CLOSED


def test_no_secret_and_no_password_reaches_the_log_even_at_debug(idle_server: Server) -> None:
    idle_server.start("--log-level", "DEBUG")
    secret = idle_server.invite("emil").password
    with idle_server.login("emil", password=secret) as emil:
        assert emil.ask(passwd())[-1].command == "NOTE"
    with idle_server.connect() as again:
        again.send("CAP LS 302")
        again.authenticate("emil", secret)
        assert again.wait_for("FAIL").params[1] == "INVITE_USED"
    idle_server.stop()
    log = idle_server.log()
    assert "admitted emil from 127.0.0.1 by invite " in log
    assert "a used invite" in log
    for one in (secret, NEW):
        assert one not in log
        assert base64.b64encode(f"\0emil\0{one}".encode()).decode() not in log
