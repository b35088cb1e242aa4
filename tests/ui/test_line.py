"""Line mode without a terminal: what a typed line leads to, and where the next one goes."""

from collections.abc import Callable

import pytest

from securechat.client.address import Address
from securechat.client.errors import ConnectionLost
from securechat.client.events import (
    Acknowledged,
    Disconnected,
    Entered,
    Joined,
    Kicked,
    PasswordAnswered,
    Refused,
    Renamed,
)
from securechat.client.profile import Profile
from securechat.client.session import Session
from securechat.ui.commands import ALIASES, COMMANDS
from securechat.ui.line import LineMode
from tests.client.conftest import CAPABILITIES, Script


class Link(Script):
    """As a client, but what is posted runs at once, in a session whose server a test plays."""

    def __init__(self, capabilities: str = CAPABILITIES) -> None:
        super().__init__(capabilities)
        self.tickets = 0

    def say(self, target: str, words: str, *, action: bool = False) -> int:
        self.tickets += 1
        super().say(self.tickets, target, words, action=action)
        return self.tickets

    def post(self, call: Callable[[Session], None]) -> None:
        call(self.session)

    def lines(self) -> list[str]:
        """What was sent, without tags."""
        return [line.partition(" ")[2] if line.startswith("@") else line for line in self.sent()]


@pytest.fixture
def link():
    link = Link()
    link.enter("#lobby", "#ops")
    return link


@pytest.fixture
def mode(link, tmp_path):
    visit = Profile(tmp_path).visit(Address("localhost"), "ada")
    mode = LineMode(link, visit, "#lobby", join=False)
    mode.heard([Entered("ada", ("#lobby", "#ops"))])
    return mode


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("hello there", ["PRIVMSG #lobby :hello there"]),
        ("//etc is a folder", ["PRIVMSG #lobby :/etc is a folder"]),
        ("one\n\ntwo", ["PRIVMSG #lobby one", "PRIVMSG #lobby two"]),
        ("tab\there\0\r", ["PRIVMSG #lobby tab\there"]),
        ("/me waves", ["PRIVMSG #lobby :\x01ACTION waves\x01"]),
        ("/msg bob  two spaces", ["PRIVMSG bob : two spaces"]),
        ("/join #new key", ["JOIN #new key"]),
        ("/j new", ["JOIN #new"]),
        ("/part", ["PART #lobby"]),
        ("/part #ops so long", ["PART #ops :so long"]),
        ("/names", ["NAMES #lobby"]),
        ("/topic", ["TOPIC #lobby"]),
        ("/topic tea time", ["TOPIC #lobby :tea time"]),
        ("/topic #ops tea", ["TOPIC #ops tea"]),
        ("/who", ["WHO #lobby"]),
        ("/WHO bob", ["WHO bob"]),
        ("", []),
        ("   ", []),
    ],
)
def test_a_typed_line_becomes_what_it_says(mode, link, typed, sent):
    assert mode.entered(typed) == []
    assert link.lines() == sent


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/mgs bob my secret", "did you mean /msg?"),
        ("/jion #x", "did you mean /join?"),
        ("/", "/help lists the commands"),
        ("/zzzzzz", "/help lists the commands"),
        ("/ hello", "nothing was sent"),
        ("/join", "usage: /join"),
        ("/join #a,#b", "usage: /join"),
        ("/msg", "usage: /msg"),
        ("/msg bob!x hi", "usage: /msg"),
        ("/me", "usage: /me"),
        ("/who :x", "usage: /who"),
        ("/search", "usage: /search"),
        ("/search x since:never", "'never' is no time"),
        ("/passwd old new", "/passwd takes nothing behind it"),
    ],
)
def test_a_mistyped_command_is_never_sent_and_says_why(mode, link, typed, told):
    (line,) = mode.entered(typed)
    assert told in line
    assert link.lines() == []


def test_several_lines_that_are_pasted_are_one_message_and_no_commands(tmp_path):
    link = Link(f"{CAPABILITIES} draft/multiline=max-bytes=4096,max-lines=10")
    link.enter("#lobby")
    mode = LineMode(link, Profile(tmp_path).visit(Address("localhost"), "ada"), "#lobby", join=False)
    mode.heard([Entered("ada", ("#lobby",))])
    lines = [f"PRIVMSG {{}} {words}" for words in ("one", "/names", ":", "two")]
    for target, typed in (("#lobby", ""), ("bob", "/msg bob ")):
        mode.entered(f"{typed}one\n/names\n\ntwo\n")
        assert [line for line in link.lines() if "BATCH" not in line] == [line.format(target) for line in lines]
    for typed in ("/me one\ntwo", "/quit\ntwo words", "/topic\n/names", "/etc/hosts is\nempty", "/\n"):
        (told,) = mode.entered(typed)
        assert "nothing was sent" in told
    assert link.lines() == []
    mode.say_all("one\n/names\n\ntwo\n")
    assert [line for line in link.lines() if "BATCH" not in line] == [line.format("#lobby") for line in lines]
    assert mode.doubtful()[-4:] == [
        "-!- kept for your next login, to #lobby: one",
        "-!- | /names",
        "-!- | ",
        "-!- | two",
    ]


def test_help_lists_every_command_and_every_alias_leads_to_one(mode):
    text = "\n".join(mode.entered("/help"))
    assert all(command.usage in text for command in COMMANDS.values())
    assert set(ALIASES.values()) <= set(COMMANDS)


def test_the_prompt_shows_where_a_line_goes(mode, link):
    assert mode.prompt == "#lobby> "
    mode.entered("/join #OPS")
    assert mode.prompt == "#ops> "
    mode.entered("/msg bob")
    assert mode.prompt == "bob> "
    mode.heard([Renamed("bob", "Bob")])
    assert mode.prompt == "Bob> "
    mode.heard([Joined("#new", "ada", own=True)])
    assert mode.prompt == "#new> "
    mode.heard([Kicked("#new", "ada", "bob", own=True)])
    assert mode.prompt == "#lobby> "
    assert link.lines() == []


def test_a_password_is_asked_for_hidden_and_sent_only_when_typed_twice_the_same(mode, link):
    mode.entered("/passwd")
    for question, answer in (("old password", "old"), ("new password", "new"), ("new password again", "nwe")):
        assert (mode.prompt, mode.hidden) == (f"{question}: ", True)
        told = mode.entered(answer)
    assert told == ["-!- password not changed: the two new ones differ"]
    assert (link.lines(), mode.hidden) == ([], False)
    for typed in ("/passwd", "old", "new", "new"):
        assert mode.entered(typed) == []
    (line,) = link.lines()
    assert "PASSWD" in line
    assert "new" not in line
    assert "changed" in mode.heard([PasswordAnswered(True, "Done")])[0]


def test_a_question_may_be_left_open(mode, link):
    mode.entered("/passwd")
    mode.cancel()
    mode.entered("hello")
    assert link.lines() == ["PRIVMSG #lobby hello"]


def test_a_refused_message_says_so_and_why(mode):
    mode.entered("hello")
    (line,) = mode.heard([Refused(1, "#lobby", "hello", "Cannot send to channel")])
    assert line.endswith("not sent to #lobby: Cannot send to channel: hello")
    assert mode.settled


def test_an_end_that_nobody_wanted_names_what_was_not_acknowledged(mode):
    mode.entered("one")
    mode.entered("two")
    mode.heard([Acknowledged(1)])
    (line,) = mode.heard([Disconnected("reset")])
    assert line == "-!- kept for your next login, to #lobby: two"
    with pytest.raises(ConnectionLost, match="reset") as error:
        mode.finish()
    assert error.value.exit_status == 3


def test_an_end_that_was_asked_for_is_no_error(mode):
    mode.entered("/quit")
    assert mode.leaving
    mode.heard([Disconnected("bye", expected=True)])
    mode.finish()


def test_a_line_entered_after_the_end_is_given_back_as_not_sent(mode, link):
    mode.heard([Disconnected("reset")])
    assert mode.entered("too late\nand this") == ["-!- not sent: too late", "-!- not sent: and this"]
    assert link.lines() == []


def test_an_answer_that_is_hidden_is_not_given_back(mode):
    mode.entered("/passwd")
    mode.heard([Disconnected("reset")])
    assert mode.entered("my old password") == []
