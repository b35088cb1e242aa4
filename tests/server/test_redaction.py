"""REDACT: who may, who is told, and that nothing of what was said is left."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from securechat.server.commands import redaction
from securechat.server.event import timestamp
from securechat.server.items import Answer
from securechat.store.rows import REDACTED
from tests.core import HASH, CoreRun
from tests.wire import ALL_CAPS

WITHOUT = ALL_CAPS.replace("draft/message-redaction", "")
REASON = " :not fit for\x02 print"


class Lab:
    """ada is operator of #lab, bob said `secret plan` there and to ada, cyd is a member, dot is not."""

    def __init__(self, run: CoreRun) -> None:
        self.run = run
        self.peers = {name: run.login(name) for name in ("ada", "bob", "cyd", "dot")}
        for name in ("ada", "bob", "cyd"):
            run.say(self.peers[name], "JOIN #lab")
        run.say(self.peers["bob"], "@+x=y PRIVMSG #lab,ada :secret plan")
        self.said = {"#lab": run.msgid("secret plan", "#lab"), "ada": run.msgid("secret plan", "1:2")}
        self.forget()

    def forget(self) -> None:
        for peer in self.run.peers:
            peer.take()

    def redact(self, name: str, target: str = "#lab", reason: str = "") -> str:
        """The command that `name` would say of what bob said."""
        return f"REDACT {'bob' if (name, target) == ('ada', 'ada') else target} {self.said[target]}{reason}"

    def say(self, name: str, *lines: str) -> list[str]:
        self.run.say(self.peers[name], *lines)
        return bare(self.peers[name].take())


@pytest.fixture
def lab(run: CoreRun) -> Lab:
    return Lab(run)


def bare(lines: Sequence[str]) -> list[str]:
    """Without tags and hosts."""
    return [re.sub(r"^(@\S+ )?:([^! ]+)\S*", r"\2", line) for line in lines]


@pytest.mark.parametrize(
    ("name", "target", "answer"),
    [
        ("bob", "#lab", "bob REDACT #lab {msgid}"),
        ("ada", "#lab", "ada REDACT #lab {msgid}"),
        ("cyd", "#lab", "localhost FAIL REDACT REDACT_FORBIDDEN #lab {msgid} :"),
        ("dot", "#lab", "localhost FAIL REDACT INVALID_TARGET #lab :"),
        ("bob", "ada", "bob REDACT ada {msgid}"),
        ("ada", "ada", "localhost FAIL REDACT REDACT_FORBIDDEN bob {msgid} :"),
        ("cyd", "ada", "localhost FAIL REDACT UNKNOWN_MSGID ada {msgid} :"),
    ],
)
def test_author_and_operator_may_redact_and_nobody_else(lab: Lab, name: str, target: str, answer: str) -> None:
    [line] = lab.say(name, lab.redact(name, target))
    assert line.startswith(answer.format(msgid=lab.said[target]))
    kept = lab.run.texts("#lab" if target == "#lab" else "1:2")
    assert kept == ([] if " REDACT " in answer and "FAIL" not in answer else ["secret plan"])


@pytest.mark.parametrize("line", ["MODE #lab +b bob", "MODE #lab +m", "KICK #lab bob"])
def test_who_may_not_speak_there_may_not_redact_what_he_said(lab: Lab, line: str) -> None:
    lab.say("ada", line)
    lab.forget()
    [answer] = lab.say("bob", lab.redact("bob", reason=REASON))
    assert re.search(r"FAIL REDACT (INVALID_TARGET|REDACT_FORBIDDEN) #lab", answer)
    assert lab.run.texts("#lab") == ["secret plan"]


def test_all_who_know_of_redactions_are_told_and_nobody_else(lab: Lab) -> None:
    again, old = lab.run.login("ada"), lab.run.login("cyd", WITHOUT)
    lab.say("ada", lab.redact("ada", reason=REASON))
    line = f"ada REDACT #lab {lab.said['#lab']}{REASON}"
    assert [bare(lab.peers[name].take()) for name in ("bob", "cyd", "dot")] == [[line], [line], []]
    assert bare(again.take()) == [line]
    assert old.take() == []
    lab.say("bob", lab.redact("bob", "ada"))
    line = f"bob REDACT ada {lab.said['ada']}"
    assert [bare(peer.take()) for peer in (lab.peers["ada"], again, lab.peers["cyd"])] == [[line], [line], []]


def test_nothing_of_it_is_left_but_that_it_was_redacted_by_whom_and_why(lab: Lab) -> None:
    lab.say("ada", lab.redact("ada", reason=REASON))
    [erased] = lab.run.entries("#lab", REDACTED)
    assert (erased.text, erased.tags, erased.msgid) == ("", "", lab.said["#lab"])
    [marker] = lab.run.entries("#lab", "REDACT")
    assert (marker.sender, marker.text) == (1, lab.said["#lab"] + REASON)
    assert lab.run.held() == lab.run.stored()


def test_who_saw_it_and_was_away_learns_of_it_when_he_fills_the_gap(lab: Lab) -> None:
    lab.say("bob", lab.redact("bob"))
    lab.say("bob", "PRIVMSG #lab :a better plan")
    lab.forget()
    history = lab.say("cyd", f"CHATHISTORY AFTER #lab msgid={lab.said['#lab']} 10")
    assert history[1:-1] == [f"bob REDACT #lab {lab.said['#lab']}", "bob PRIVMSG #lab :a better plan"]
    old = lab.run.login("cyd", WITHOUT)
    lab.run.say(old, f"CHATHISTORY AFTER #lab msgid={lab.said['#lab']} 10")
    assert bare(old.take())[1:-1] == ["bob PRIVMSG #lab :a better plan"]


def test_a_redaction_of_one_s_last_direct_message_makes_the_pair_a_target(lab: Lab) -> None:
    since = timestamp(lab.run.entries("1:2")[-1].time)
    lab.say("bob", lab.redact("bob", "ada"))
    lab.forget()
    lines = lab.say("ada", f"CHATHISTORY TARGETS timestamp={since} timestamp=2040-01-01 10")
    assert "bob" in [line.split()[3] for line in lines[1:-1]]


def test_a_reaction_may_be_redacted_and_events_may_not(lab: Lab) -> None:
    lab.say("cyd", f"@+draft/react=x;+reply={lab.said['#lab']} TAGMSG #lab")
    [reaction] = lab.run.entries("#lab", "TAGMSG")
    lab.forget()
    assert lab.say("cyd", f"REDACT #lab {reaction.msgid}") == [f"cyd REDACT #lab {reaction.msgid}"]
    lab.forget()
    for entry in lab.run.entries("#lab", "JOIN", "REDACT", REDACTED):
        assert "UNKNOWN_MSGID" in lab.say("ada", f"REDACT #lab {entry.msgid}")[0]


def test_several_redactions_of_one_message_in_one_turn_count_once(lab: Lab) -> None:
    for name in ("ada", "bob", "ada"):
        lab.run.queue(lab.peers[name], lab.redact(name))
    lab.run.run()
    assert len(lab.run.entries("#lab", "REDACT")) == 1
    assert len([line for line in bare(lab.peers["cyd"].take()) if "REDACT" in line]) == 1
    assert "UNKNOWN_MSGID" in bare(lab.peers["bob"].take())[-1]
    assert lab.run.held() == lab.run.stored()


def test_a_redaction_that_could_not_be_stored_may_be_tried_again(lab: Lab) -> None:
    lab.run.queue(lab.peers["bob"], lab.redact("bob"))
    lab.run.writer.outcomes.append("failed")
    lab.run.run()
    assert "TEMPORARILY_UNAVAILABLE" in bare(lab.peers["bob"].take())[-1]
    assert lab.run.texts("#lab") == ["secret plan"]
    assert lab.say("bob", lab.redact("bob")) == [f"bob REDACT #lab {lab.said['#lab']}"]


@pytest.mark.parametrize("outcome", ["KICK #lab bob", "MODE #lab +b bob"])
def test_who_is_thrown_out_while_his_message_is_looked_up_may_not_redact_it(lab: Lab, outcome: str) -> None:
    lab.run.queue(lab.peers["bob"], lab.redact("bob"))
    lab.run.queue(lab.peers["ada"], outcome)
    lab.run.run()
    assert "FAIL REDACT INVALID_TARGET #lab" in bare(lab.peers["bob"].take())[-1]
    assert lab.run.texts("#lab") == ["secret plan"]


def test_a_name_that_passed_to_another_account_meanwhile_is_another_target(lab: Lab) -> None:
    run, cyd = lab.run, lab.peers["cyd"]
    run.say(cyd, "PRIVMSG dot :secret plan")
    msgid = run.msgid("secret plan", "3:4")
    lab.forget()
    run.queue(cyd, f"REDACT dot {msgid}")
    run.accounts.delete("dot", release_name=True)
    run.accounts.add("dot", HASH)
    turn = run.core.turn(run.waiting)
    [job] = turn.jobs
    run.look()
    run.waiting.append(Answer(job, job.work()))
    run.run()
    assert bare(cyd.take())[-1].startswith(f"localhost FAIL REDACT UNKNOWN_MSGID dot {msgid}")
    assert run.texts("3:4") == ["secret plan"]
    assert run.held() == run.stored()


def test_what_a_worker_read_before_the_redaction_is_not_shown_behind_it(lab: Lab) -> None:
    """Both in flight at once; the history was read first and its answer comes last."""
    run, cyd = lab.run, lab.peers["cyd"]
    run.queue(cyd, "@label=1 CHATHISTORY LATEST #lab * 10")
    turn = run.core.turn(run.waiting)
    [job] = turn.jobs
    read = job.work()
    run.say(lab.peers["bob"], lab.redact("bob"))
    assert bare(cyd.take()) == [f"bob REDACT #lab {lab.said['#lab']}"]
    run.waiting.append(Answer(job, read))
    run.say(cyd, "PING behind")
    lines = cyd.take()
    assert lines[0].startswith("@label=1 :localhost BATCH +")
    assert not any("secret plan" in line for line in lines)
    assert bare(lines)[-2:] == ["localhost BATCH -1", "localhost PONG localhost behind"]


def test_only_so_many_redactions_are_remembered(lab: Lab) -> None:
    run = lab.run
    for number in range(redaction.REMEMBERED + 1):
        run.queue(lab.peers["bob"], f"PRIVMSG #lab :{number}")
    run.run()
    run.queue(lab.peers["ada"], *(f"REDACT #lab {one.msgid}" for one in run.entries("#lab")))
    run.run()
    assert run.texts("#lab") == []
    assert len(run.core.directory.redacted) == redaction.REMEMBERED


@pytest.mark.parametrize("msgid", ["none", "*", "x" * 400, ":two words", "é"])
def test_an_unknown_msgid_is_refused(lab: Lab, msgid: str) -> None:
    [answer] = lab.say("ada", f"REDACT #lab {msgid}")
    assert answer.startswith("localhost FAIL REDACT UNKNOWN_MSGID #lab ")
