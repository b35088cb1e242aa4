"""What people say to channels and to one another."""

from __future__ import annotations

from collections.abc import Callable

from tests.running import Server
from tests.wire import Wire

Login = Callable[..., Wire]


def test_a_line_reaches_the_other_members_and_comes_back_as_an_echo(server: Server, login: Login) -> None:
    ada, bob = login("ada"), login("bob")
    ada.send("PRIVMSG #lobby :hello", label="1")
    echo = ada.wait_for("PRIVMSG", label="1")
    line = bob.wait_for("PRIVMSG")
    assert line.params == ("#lobby", "hello")
    assert line.tags["msgid"] == echo.tags["msgid"]
    assert line.tags["account"] == "ada"


def test_an_acknowledged_message_survives_a_crash(server: Server, login: Login) -> None:
    """A labelled reply means the message is on disk."""
    ada = login("ada")
    ada.send("PRIVMSG #lobby :hello", label="1")
    ada.wait_for(label="1")
    server.kill()
    assert "hello" in [entry.text for entry in server.history("#lobby")]


def test_a_direct_message_reaches_the_receiver_and_the_sender_s_other_session(server: Server, login: Login) -> None:
    ada, also_ada, bob = login("ada"), login("ada", ""), login("bob")
    ada.send("PRIVMSG bob :psst", label="1")
    ada.wait_for("PRIVMSG", label="1")
    assert bob.wait_for("PRIVMSG").params == ("bob", "psst")
    copy = also_ada.wait_for("PRIVMSG")
    assert (copy.source or "").startswith("ada!")
    assert not copy.tags


def test_a_client_without_capabilities_gets_no_tags_and_no_echo(server: Server, login: Login) -> None:
    ada, bob = login("ada", ""), login("bob", "")
    ada.send("PRIVMSG #lobby :plain")
    assert not bob.wait_for("PRIVMSG").tags
    assert not [line for line in ada.sync() if line.command == "PRIVMSG"]


def test_a_text_that_would_not_fit_its_relayed_line_is_refused_and_not_shortened(server: Server, login: Login) -> None:
    ada = login("ada")
    prefix = f":{ada.ask('JOIN #long')[0].source} PRIVMSG #long :"
    fits = "x" * (512 - 2 - len(prefix))
    assert ada.ask(f"PRIVMSG #long :{fits}")[0].command == "PRIVMSG"
    assert ada.ask(f"PRIVMSG #long :{fits}x")[0].command == "417"
    assert [entry.text for entry in server.history("#long")] == [fits]
