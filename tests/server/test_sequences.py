"""Generated sequences of commands: with commits that fail, and with handlers that raise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from securechat.server.core import STRIKE_TIME
from securechat.server.session import Stage
from tests.core import HASH, PASSWD, CoreRun, Fault, make_template, plain

LONG = "x" * 480  # fits its line, but not the relayed one
NAMES = ("ada", "bob", "cyd", "dot")
ROOMS = ("#lobby", "#lab", "#x")
room, person = st.sampled_from(ROOMS), st.sampled_from(NAMES)
mask = st.sampled_from(("bob", "c*", "*!*@*", "*!*@u2.securechat"))
COMMAND = st.one_of(
    st.builds("PRIVMSG {} :{{text}}".format, st.one_of(room, person, st.just("#lab,bob"))),
    st.builds("NOTICE {} :{{text}}".format, st.one_of(room, person)),
    st.just("PRIVMSG #lobby :{long}"),
    st.builds("JOIN {}".format, st.sampled_from((*ROOMS, "#lab,#x", "#x secret", "0"))),
    st.builds("PART {} :bye".format, room),
    st.builds("TOPIC {} :{{text}}".format, room),
    st.builds("KICK {} {} :out".format, room, person),
    st.builds("INVITE {} {}".format, person, room),
    st.builds("MODE {} {}o {}".format, room, st.sampled_from("+-"), person),
    st.builds("MODE {} {}v {}".format, room, st.sampled_from("+-"), person),
    st.builds("MODE {} {}{} {}".format, room, st.sampled_from("+-"), st.sampled_from("beI"), mask),
    st.builds("MODE {} {}".format, room, st.sampled_from(("+k secret", "-k *", "+l 2", "-l", "+im", "-im", "+s-nt"))),
    st.sampled_from(("NICK ADA", "NICK Bob", "NICK ada", "NICK bob", "AWAY :out", "AWAY", "TAGMSG #lab", "WHO #lab")),
    st.builds("NAMES {}".format, room),
    st.builds("@+draft/react=x TAGMSG {}".format, st.one_of(room, person)),
    st.builds("MARKREAD {} timestamp=2023-11-14T22:1{}:00.000Z".format, st.one_of(room, person), st.integers(0, 9)),
    st.just("REDACT #lobby {reaction} :why"),
    st.just("CHATHISTORY LATEST #lobby * 20"),
    st.just(PASSWD),
)
ADMIN = st.tuples(st.sampled_from(("suspend", "resume", "admin", "member", "password")), person)
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)  # explaining would trace, as Fault does
OUTCOMES = st.sampled_from(("kept", "kept", "failed", "uncertain, lost", "uncertain, kept"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


def filled(run: CoreRun, line: str, text: str) -> str:
    """The line with what differs from run to run."""
    reactions = run.entries("#lobby", "TAGMSG")
    return line.format(text=text, long=LONG, reaction=reactions[-1].msgid if reactions else "none")


class Town:
    """Three to five sessions that say generated lines, and log in again when theirs has ended."""

    def __init__(self, run: CoreRun, names: Sequence[str]) -> None:
        self.run = run
        self.names = names
        self.peers = [run.login(name) for name in names]

    def administer(self, action: str, name: str) -> None:
        accounts = self.run.accounts
        if action in ("admin", "member"):
            accounts.set_role(name, action)
        elif action == "password":
            accounts.set_password(name, HASH)
        else:
            getattr(accounts, action)(name)
        self.run.look()

    def return_all(self) -> None:
        """Whose session ended logs in once more, if that is possible."""
        for number, name in enumerate(self.names):
            if self.peers[number].session.stage is Stage.CLOSED:
                self.run.accounts.resume(name)
                self.run.accounts.set_password(name, HASH)
                self.run.look()
                for index, other in enumerate(self.names):
                    if other == name and self.peers[index].session.stage is Stage.CLOSED:
                        self.peers[index] = self.run.login(name)


@given(
    names=st.lists(person, min_size=3, max_size=5),
    turns=st.lists(
        st.tuples(OUTCOMES, st.lists(st.tuples(st.integers(0, 4), COMMAND), min_size=1, max_size=6), st.none() | ADMIN),
        min_size=1,
        max_size=12,
    ),
)
@settings(max_examples=40, deadline=None, phases=PHASES)
def test_after_failed_commits_the_core_is_as_if_loaded_anew(
    template: Path, names: list[str], turns: list[tuple]
) -> None:
    with TemporaryDirectory() as folder, CoreRun(template, Path(folder)) as run:
        town = Town(run, names)
        shown: list[str] = []
        told: set[str] = set()
        failed: set[str] = set()
        for number, (outcome, lines, change) in enumerate(turns):
            said = {}
            for index, (who, line) in enumerate(lines):
                peer = town.peers[who % len(names)]
                text = f"text-{number}-{index}-"
                said[f"{number}-{index}"] = text
                run.queue(peer, f"@label={number}-{index} {filled(run, line, text)}")
            run.writer.outcomes.append(outcome)
            run.run()
            run.writer.outcomes.clear()
            assert run.held() == run.stored()
            for peer in town.peers:
                for line in peer.take():
                    label = re.match(r"@label=([\d-]+)", line)
                    found = re.findall(r"(?:PRIVMSG|NOTICE) \S+ :(text-\d+-\d+-)", line)
                    shown += found
                    told.update(found)
                    if label and "TEMPORARILY_UNAVAILABLE" in line:
                        failed.add(said[label[1]])
            if change is not None:
                town.administer(*change)
                assert run.held() == run.stored()
            town.return_all()
        assert run.held() == run.stored() == run.fresh().snapshot()
        stored = Counter(entry for target in run.stored().last_times for entry in run.texts(target))
        assert told <= set(stored)
        assert not failed & set(stored)


@given(
    names=st.lists(person, min_size=3, max_size=5),
    steps=st.lists(st.tuples(st.integers(0, 4), COMMAND, st.none() | st.integers(1, 150)), min_size=1, max_size=20),
)
@settings(max_examples=40, deadline=None, phases=PHASES)
def test_where_a_handler_raised_the_others_go_on_as_if_the_line_had_not_been_sent(
    template: Path, names: list[str], steps: list[tuple]
) -> None:
    with (
        TemporaryDirectory() as folder,
        CoreRun(template, Path(folder, "one")) as run,
        CoreRun(template, Path(folder, "other")) as spared,
    ):
        town, twin = Town(run, names), Town(spared, names)
        for number, (who, line, at) in enumerate(steps):
            who %= len(names)
            run.now = spared.now = run.now + STRIKE_TIME + 1
            text = f"text-{number}-"
            with Fault(at or 0) as fault:
                run.say(town.peers[who], filled(run, line, text))
            if not fault.fired:
                spared.say(twin.peers[who], filled(spared, line, text))
            for index, (peer, other) in enumerate(zip(town.peers, twin.peers, strict=True)):
                lines, expected = plain(peer.take()), plain(other.take())
                if fault.fired and index == who:
                    assert len(lines) == 1, fault.where
                    assert " 400 " in lines[0]
                else:
                    assert lines == expected, (fault.where, line)
            assert run.held() == spared.held(), fault.where
            town.return_all()
            twin.return_all()
        assert run.held() == run.stored()
