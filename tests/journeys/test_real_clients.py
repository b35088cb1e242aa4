"""WeeChat, irssi and catgirl as the distribution ships them, set up as docs/clients.md says, and a real server."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from securechat.tls import authority
from tests.certificates import ASKING, client_pem
from tests.clients import SERVER, Catgirl, Client, Irssi, Login, Weechat, wait_until
from tests.looks import CATGIRL, IRSSI, WEECHAT, Looks
from tests.running import PASSWORD, Server
from tests.wire import Wire

pytestmark = pytest.mark.real_client

Start = Callable[..., Client]


EVERY = pytest.mark.parametrize("looks", [WEECHAT, IRSSI, CATGIRL], ids=["weechat", "irssi", "catgirl"])


@pytest.fixture
def start(server: Server, tmp_path: Path) -> Iterator[Start]:
    """`start(Irssi, "ada")` gives a client that logs in as ada, with a home of its own."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def begin(kind: type[Client], name: str, password: str = PASSWORD, ca: Path = server.ca) -> Client:
            if name not in server.accounts:
                server.adduser(name)
            home = tmp_path / f"home-{name}-{next(numbers)}"
            return stack.enter_context(kind(home, Login(server.port, ca, name, password)))

        yield begin


@pytest.fixture
def op(server: Server) -> Iterator[Wire]:
    server.adduser("op", admin=True)
    with server.login("op") as wire:
        yield wire


@pytest.fixture
def bob(op: Wire, server: Server) -> Iterator[Wire]:
    with server.login("bob") as wire:
        yield wire


def count(pattern: str, text: str) -> int:
    return len(re.findall(pattern, text, re.MULTILINE))


@EVERY
def test_talking(looks: Looks, server: Server, start: Start, bob: Wire) -> None:
    """Logged in is in #lobby; what is said and done arrives once, is stored once and shown once, both ways."""
    client = start(looks.kind, "ada")
    client.go("#lobby")
    client.see(looks.joined.format(nick="ada", channel="#lobby"))
    bob.wait_for("JOIN", lambda line: line.source is not None and line.source.startswith("ada!"))

    bob.send("PRIVMSG #lobby :hello from bob")
    client.see(looks.said.format(nick="bob", text="hello from bob"))
    client.type("hi from ada")
    assert bob.wait_for("PRIVMSG", text="hi from ada").params[0] == "#lobby"
    client.type("/me waves")
    bob.wait_for("PRIVMSG", text="\x01ACTION waves\x01")
    bob.send("PRIVMSG #lobby :well met")
    shown = client.see(looks.said.format(nick="bob", text="well met"))
    assert count(looks.said.format(nick="ada", text="hi from ada"), shown) == 1
    assert count(looks.acted.format(nick="ada", text="waves"), shown) == 1
    assert count(looks.said.format(nick="bob", text="hello from bob"), shown) == 1
    assert [entry.text for entry in server.history("#lobby")].count("hi from ada") == 1

    bob.send("PRIVMSG ada :psst")
    client.go("bob")
    client.see(looks.said.format(nick="bob", text="psst"))
    client.type("shh")
    assert bob.wait_for("PRIVMSG", text="shh").params[0] == "bob"
    bob.send("PRIVMSG ada :yes")
    shown = client.see(looks.said.format(nick="bob", text="yes"))
    assert count(looks.said.format(nick="ada", text="shh"), shown) == 1
    assert [entry.text for entry in server.history("ada:bob")] == ["psst", "shh", "yes"]

    client.go("#lobby")
    client.type("/quit so long")
    bob.wait_for("QUIT", text="Quit: so long")


@EVERY
def test_asking(looks: Looks, start: Start, op: Wire, bob: Wire) -> None:
    """Topic, names, who, whois, away and a refused nick look as they should, and nothing is left unparsed."""
    client = start(looks.kind, "ada")
    client.go("#lobby")
    client.see(looks.joined.format(nick="ada", channel="#lobby"))
    op.send("TOPIC #lobby :by op")
    client.see(looks.topic_changed.format(by="op", channel="#lobby", text="by op"))
    client.type("/topic")
    client.see(looks.topic.format(channel="#lobby", text="by op"))
    client.type("/names")
    client.see(looks.names.format(channel="#lobby"))
    typed, window, answer = looks.who
    client.type(typed)
    client.go(window)
    client.see(answer)

    client.go(SERVER)
    client.type("/whois bob")
    client.see(looks.whois)
    client.type("/away gone for lunch")
    client.see("You have been marked as being away")
    bob.send("PRIVMSG ada :still there?")
    assert bob.wait_for("301").params[1:] == ("ada", "gone for lunch")
    client.type("/away")
    client.see("You are no longer marked as being away")
    client.type("/nick bob")
    shown = client.see(looks.nick_taken)
    client.go("#lobby")
    client.type("still ada")
    assert (bob.wait_for("PRIVMSG", text="still ada").source or "").startswith("ada!")
    assert not count(looks.stumbled, shown)
    assert not count(looks.stumbled, client.text())


@EVERY
def test_coming_and_going(looks: Looks, start: Start, op: Wire, bob: Wire) -> None:
    """Modes, kicks, parts and joins, suffered in #lobby and done in a channel of one's own."""
    client = start(looks.kind, "ada")
    client.go("#lobby")
    client.see(looks.joined.format(nick="ada", channel="#lobby"))
    op.send("MODE #lobby +v ada")
    client.see(looks.voiced.format(by="op", channel="#lobby", nick="ada"))
    op.send("KICK #lobby ada :out")
    client.see(looks.kicked.format(by="op", channel="#lobby", nick="ada", reason="out"))
    client.type("/join #lobby")
    bob.wait_for("KICK")
    bob.wait_for("JOIN", lambda line: line.params[0] == "#lobby")

    client.type("/join #lab")
    client.go("#lab")
    client.see(looks.joined.format(nick="ada", channel="#lab"))
    bob.send("JOIN #lab")
    client.see(looks.joined.format(nick="bob", channel="#lab"))
    client.type("/topic of the lab")
    assert bob.wait_for("TOPIC").params == ("#lab", "of the lab")
    client.type("/mode +m" if looks is CATGIRL else "/mode #lab +m")
    assert bob.wait_for("MODE", lambda line: line.params[0] == "#lab").params == ("#lab", "+m")
    client.type("/kick bob bye")
    assert bob.wait_for("KICK").params == ("#lab", "bob", "bye")
    bob.send("JOIN #lab")
    bob.send("PART #lab :enough")
    client.see(looks.parted.format(nick="bob", channel="#lab", reason="enough"))
    bob.send("JOIN #lab")
    bob.wait_for("366")
    client.type("/part see you" if looks is CATGIRL else "/part #lab see you")
    assert bob.wait_for("PART", text="see you").params[0] == "#lab"
    client.go("#lobby")
    bob.send("QUIT :gone")
    shown = client.see(looks.quit.format(nick="bob", reason="gone"))
    assert not count(looks.stumbled, shown)


@EVERY
def test_a_certificate_of_another_ca_is_refused(looks: Looks, server: Server, start: Start, tmp_path: Path) -> None:
    authority.create(tmp_path / "other")
    client = start(looks.kind, "ada", ca=tmp_path / "other" / "ca.crt")
    seen_in(client, looks.untrusted)
    assert "admitted" not in server.log()


@EVERY
def test_a_certificate_stands_in_the_passwords_place(looks: Looks, tmp_path: Path) -> None:
    authority.create(tmp_path / "certs")
    server = Server(tmp_path / "data", tmp_path / "certs", ASKING)
    server.adduser("ada")
    server.start()
    login = Login(server.port, server.ca, "ada", "", client_pem(server.certificates, "ada"))
    try:
        with server.login("bob") as bob, looks.kind(tmp_path / "home", login) as client:
            client.go("#lobby")
            client.see(looks.joined.format(nick="ada", channel="#lobby"))
            client.type("by certificate")
            bob.wait_for("PRIVMSG", text="by certificate")
        assert "admitted ada from 127.0.0.1 by certificate" in server.log()
    finally:
        server.kill()


@EVERY
def test_a_certificate_of_ones_own_fails_where_the_listener_asks(looks: Looks, tmp_path: Path) -> None:
    authority.create(tmp_path / "certs")
    server = Server(tmp_path / "data", tmp_path / "certs", ASKING).start("--log-level", "DEBUG")
    login = Login(server.port, server.ca, "ada", "", client_pem(server.certificates, "ada", self_signed=True))
    try:
        with looks.kind(tmp_path / "home", login):
            wait_until(lambda: "that the server's CA did not issue" in server.log(), server.log)
    finally:
        server.kill()


@EVERY
def test_a_wrong_password_is_shown_and_not_tried_again_at_once(looks: Looks, server: Server, start: Start) -> None:
    client = start(looks.kind, "ada", password="not that one")
    seen_in(client, looks.wrong_password)
    assert "admitted" not in server.log()
    if looks is WEECHAT:
        client.see("reconnecting to server in 10 seconds")


def seen_in(client: Client, pattern: str) -> None:
    """catgirl says its last word when its screen is gone."""
    if isinstance(client, Catgirl):
        client.child.wait()
        assert re.search(pattern, client.raw())
    else:
        client.see(pattern)


@EVERY
def test_what_was_missed_is_shown_once(looks: Looks, start: Start, bob: Wire) -> None:
    first = start(looks.kind, "ada")
    first.go("#lobby")
    first.see(looks.joined.format(nick="ada", channel="#lobby"))
    first.type("/quit")
    bob.wait_for("QUIT")
    for target in ("#lobby", "ada"):
        bob.send(f"PRIVMSG {target} :while you were out")
        bob.send(f"PRIVMSG {target} :\x01ACTION waved\x01")
    for times, visit in ((1, "second"), (0, "third")):
        client = start(looks.kind, "ada")
        bob.wait_for("JOIN")
        for window, target in (("#lobby", "#lobby"), ("bob", "ada")):
            bob.send(f"PRIVMSG {target} :this is your {visit} visit")
            client.go(window)
            shown = client.see(looks.said.format(nick="bob", text=f"this is your {visit} visit"))
            assert count(looks.said.format(nick="bob", text="while you were out"), shown) == times
            assert count(looks.acted.format(nick="bob", text="waved"), shown) == times
        client.type("/quit")
        bob.wait_for("QUIT")


def test_three_clients_and_a_late_one_hear_one_another(server: Server, start: Start) -> None:
    people = {"ada": WEECHAT, "bob": IRSSI, "cat": CATGIRL}
    clients = {name: start(looks.kind, name) for name, looks in people.items()}
    for name, looks in people.items():
        clients[name].go("#lobby")
        clients[name].see(looks.joined.format(nick=name, channel="#lobby"))
    late = server.login("dan")
    with late:
        for name, looks in people.items():
            clients[name].see(looks.joined.format(nick="dan", channel="#lobby"))
        late.send("PRIVMSG #lobby :late but here")
        for name, client in clients.items():
            client.type(f"{name} was here")
            late.wait_for("PRIVMSG", text=f"{name} was here")
    for name, looks in people.items():
        clients[name].see(looks.said.format(nick="dan", text="late but here"))
        for other in people:
            shown = clients[name].see(looks.said.format(nick=other, text=f"{other} was here"))
            assert count(looks.said.format(nick=other, text=f"{other} was here"), shown) == 1


def test_two_sessions_of_one_account_see_what_the_other_says(server: Server, start: Start, bob: Wire) -> None:
    client = start(Irssi, "ada")
    client.go("#lobby")
    client.see(IRSSI.joined.format(nick="ada", channel="#lobby"))
    with server.login("ada") as other:
        client.type("from irssi")
        assert (other.wait_for("PRIVMSG", text="from irssi").source or "").startswith("ada!")
        other.send("PRIVMSG #lobby :from elsewhere")
        client.see(IRSSI.said.format(nick="ada", text="from elsewhere"))
        other.send("PRIVMSG bob :psst from elsewhere")
        bob.wait_for("PRIVMSG", text="psst from elsewhere")
        client.go("bob")
        client.see(IRSSI.said.format(nick="ada", text="psst from elsewhere"))


def test_weechat_understands_005_and_knows_who_is_there(server: Server, start: Start, bob: Wire) -> None:
    client = start(Weechat, "ada")
    assert isinstance(client, Weechat)
    client.go("#lobby")
    client.see(WEECHAT.joined.format(nick="ada", channel="#lobby"))
    client.see(r"3 nicks \(1 op, 0 voices, 2 normals\)")
    client.go(SERVER)
    for token, value in (("CHANMODES", "beI,k,l,imnst"), ("CASEMAPPING", "ascii"), ("PREFIX", r"\(ov\)@\+")):
        client.evaluate(f"{token} is ${{info:irc_server_isupport_value,team,{token}}}.")
        client.see(f"{token} is {value}\\.$")
    each = [f"irc_server[irc_servers].channels.nicks{later}" for later in ("", ".next_nick", ".next_nick.next_nick")]
    client.evaluate("present: " + " ".join(f"${{{nick}.prefix}}${{{nick}.name}}" for nick in each) + ".")
    shown = client.see(r"present: .*\.$")
    assert sorted(shown.partition("present: ")[2].rstrip().rstrip(".").split()) == ["@op", "ada", "bob"]


def test_irssi_opens_with_an_empty_join_and_goes_on(start: Start, bob: Wire) -> None:
    client = start(Irssi, "ada")
    client.go("#lobby")
    lines = [line for line in client.raw().splitlines() if line[:2] in ("<<", ">>")]
    assert lines[:2] == ["<< CAP LS 302", "<< JOIN :"]
    numerics = [line.split()[2] for line in lines if line.startswith(">> :") and line.split()[2].isdigit()]
    assert numerics[:7] == ["451", "900", "903", "001", "002", "003", "004"]
    assert lines.index("<< CAP END") < lines.index("<< NICK ada")
    assert not [line for line in lines if line.startswith(">> @") and "msgid" in line]


def test_catgirl_asks_plainly_and_for_more_while_sasl_is_under_way(start: Start, bob: Wire) -> None:
    client = start(Catgirl, "ada")
    client.go("#lobby")
    client.see(CATGIRL.joined.format(nick="ada", channel="#lobby"))
    lines = client.raw().splitlines()
    assert "<< CAP LS" in lines
    assert "<< NICK :ada" in lines
    listed = next(line for line in lines if " CAP * LS " in line)
    assert "draft/" not in listed
    assert "=" not in listed
    asked = next(index for index, line in enumerate(lines) if line.startswith("<< CAP REQ :") and "sasl" not in line)
    done = next(index for index, line in enumerate(lines) if " 903 " in line)
    assert asked < done
