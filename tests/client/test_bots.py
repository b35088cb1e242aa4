"""The library for bots against a real server, and the example of docs/bots.md as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from securechat.client import (
    Acknowledged,
    Client,
    ConnectionLost,
    Entered,
    Event,
    LoginFailed,
    NotStored,
    Refused,
    Said,
    TrustError,
)
from securechat.client.errors import NoLogin
from tests.relay import Relay
from tests.running import PASSWORD, Server

DOCS = Path(__file__).parents[2] / "docs/bots.md"
PATIENCE = 20


@pytest.fixture
def robot(server: Server, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """`robot()` is a logged-in client of the account robot."""
    server.adduser("robot")
    _, token = server.token("robot")
    clients: list[Client] = []

    def robot(*, port: int | None = None, **given: object) -> Client:
        options = {"token": token, "ca": server.ca, "profile": tmp_path / "profile", **given}
        clients.append(Client.connect(f"robot@localhost:{port or server.port}", **options))
        return clients[-1]

    yield robot
    for client in clients:
        client.close()


def next_of(client: Client, kind: type[Event]) -> Event:
    return next(event for event in client if isinstance(event, kind))


def said(server: Server, target: str = "#lobby") -> list[str]:
    return [entry.text for entry in server.history(target) if entry.kind == "PRIVMSG"]


def test_the_example_in_the_docs_answers_and_goes(server, login, tmp_path):
    [example] = [code for code in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if "import" in code]
    assert len([line for line in example.splitlines() if line]) <= 13
    (tmp_path / "bot.py").write_text(example)
    server.adduser("robot")
    env = os.environ | {
        "CHAT": f"robot@localhost:{server.port}",
        "CHAT_TOKEN": server.token("robot")[1],
        "CHAT_CA": str(server.ca),
        "XDG_DATA_HOME": str(tmp_path),
    }
    ada = login("ada")
    ada.send("JOIN #ops")
    with subprocess.Popen([sys.executable, tmp_path / "bot.py"], env=env, stderr=subprocess.PIPE, text=True) as bot:
        try:
            ada.wait_for(text="here I am; say !ping or !stop")
            ada.send("PRIVMSG #ops !ping")
            ada.wait_for(text="pong, ada")
            ada.send("PRIVMSG #ops !stop")
            assert bot.communicate(timeout=PATIENCE) == (None, "")
        finally:
            bot.kill()
    assert bot.returncode == 0


def test_a_ticket_ends_acknowledged_or_refused(robot):
    with robot() as client:
        stored, refused, impossible = (client.say(to, "hello") for to in ("#lobby", "nobody", "not a name"))
        ended = [next_of(client, Acknowledged | Refused) for _ in range(3)]
        assert {event.ticket: type(event) for event in ended} == {
            stored: Acknowledged,
            refused: Refused,
            impossible: Refused,
        }


def test_send_returns_when_it_is_stored_and_raises_why_it_is_not(server, robot):
    with robot() as client:
        client.send("#lobby", "one\ntwo\0 and a \udc80 half\r\n\nthree")
        assert said(server) == ["one\ntwo and a ? half\n\nthree"]
        with pytest.raises(NotStored, match=r"^not sent to 'nobody': "):
            client.send("nobody", "hello")
        with pytest.raises(ConnectionLost, match="no answer within 0 s"):
            client.send("#lobby", "in no time", timeout=0)


def test_what_is_no_channel_is_not_joined(robot):
    with robot() as client, pytest.raises(ValueError, match="is no channel's name"):
        client.join("#ops\r\nQUIT")


def test_what_has_a_key_is_stored_once_and_another_text_is_refused(server, robot):
    for _ in range(2):
        with robot() as client:
            client.send("#lobby", "first line\nsecond", key="deploy 7")
    assert said(server) == ["first line\nsecond"]
    with robot() as client, pytest.raises(NotStored, match="another message was sent under this name"):
        client.send("#lobby", "other", key="deploy 7")


def test_a_text_that_is_too_large_for_one_message_is_as_few_as_can_be(server, robot):
    texts = ["\n".join(f"line {number}" for number in range(100)), "x" * 900, "line \n" * 99 + "y" * 900]
    with robot() as client, robot() as other:
        stored = client.send("#lobby", "\n".join([texts[0], texts[1], *[texts[2]]]))
        heard = [next_of(other, Said) for _ in range(3)]
    assert len(said(server)) == 3
    assert heard[-1].msgid == stored.msgid
    assert "\n".join(one.text for one in heard) == "\n".join(texts)


def test_under_a_key_a_long_line_is_cut_the_same_whatever_is_known_of_the_server(server, robot):
    text = "word " * 90
    with robot() as client:
        client.post(lambda session: session.part("#lobby", ""))
    for _ in ("in no channel", "in one"):
        with robot() as client:
            client.join("#ops")
            client.send("#ops", text, key="deploy 8")
    assert [one.replace("\r", "") for one in said(server, "#ops")] == [text]


def test_at_the_end_all_that_was_said_is_stored(server, robot):
    with robot() as client:
        for number in range(100):
            client.say("#lobby", f"line {number}")
    assert said(server) == [f"line {number}" for number in range(100)]


def test_what_has_no_answer_at_the_end_is_told(server, robot):
    client = robot(patience=0)
    server.kill()
    client.say("#lobby", "too late")
    with pytest.raises(NotStored, match="1 of the texts have no answer"), client:
        pass


def test_what_was_said_during_an_outage_is_told_in_order_and_once(server, robot, login):
    ada = login("ada")

    def say(text: str) -> None:
        ada.send(f"PRIVMSG #lobby :{text}")
        ada.sync()

    say("before the robot came")
    with Relay(server.port) as relay, robot(port=relay.address[1]) as client:
        say("one")
        assert next_of(client, Said).text == "one"
        relay.drop()
        say("two")
        say("three")
        assert next_of(client, Said).text == "two"
        assert next_of(client, Said).text == "three"
        assert next_of(client, Entered).again
        say("four")
        assert next_of(client, Said).text == "four"


def test_who_takes_no_events_can_send_for_ever(server, robot, monkeypatch):
    monkeypatch.setattr("securechat.client.mailbox.MOST_UNTAKEN", 10)  # 20 000 messages would take a minute
    with robot() as client:
        for number in range(30):
            client.send("#lobby", f"line {number}")
        assert len(client.take(PATIENCE)) <= 10


def test_the_iteration_raises_what_ended_the_client(server, robot):
    client = robot(patience=0)
    server.kill()
    with pytest.raises(ConnectionLost):
        list(client)


@pytest.mark.parametrize(
    ("given", "raised"),
    [
        ({"token": None}, NoLogin),
        ({"token": None, "password": "wrong"}, LoginFailed),
        ({"ca": None}, TrustError),
        ({"ca": None, "pin": "0" * 64}, TrustError),
    ],
)
def test_a_login_that_fails_raises_why(robot, given, raised):
    with pytest.raises(raised):
        robot(**given)


def test_a_password_does_too(robot):
    with robot(token=None, password=PASSWORD) as client:
        client.send("#lobby", "hello")


def test_no_secret_is_in_the_repr(robot):
    with robot() as client:
        assert "sct_" not in repr(vars(client))
