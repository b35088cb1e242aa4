"""What clients without CHATHISTORY are sent of what their account missed: all of it, once, before what is new."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Collection, Iterator, Set
from dataclasses import replace
from pathlib import Path

import pytest

from securechat import config
from securechat.protocol.lines import BODY_BYTES
from securechat.server import missed
from securechat.server.core import Core
from securechat.server.missed import DEVICES
from securechat.server.reading import StoredHistory
from securechat.server.services import PoolFull
from securechat.server.session import Stage
from securechat.server.turn import BYTES_IN_A_TURN
from securechat.store.errors import StoreBusy
from securechat.store.rows import AccountId
from tests.core import HASH, SETTINGS, START, CoreRun, Peer, registration
from tests.running import PASSWORD
from tests.wire import ALL_CAPS

WORDS = ("PRIVMSG", "NOTICE")
DATE = re.compile(r":\[\d{4}-\d\d-\d\d \d\d:\d\d\] ")


@pytest.fixture
def run(run: CoreRun) -> Iterator[CoreRun]:
    """In the end the core's places are the store's."""
    yield run
    assert run.held() == run.stored()


@pytest.fixture
def ada(run: CoreRun) -> Peer:
    """Who talks."""
    return run.login("ada")


def said(peer: Peer) -> list[str]:
    """What it was sent of what people say: `where :text`, without the time before the text."""
    found = []
    for line in peer.take():
        words = line.split(" ", 4 if line.startswith("@") else 3)[line.startswith("@") :]
        if words[1] in WORDS:
            found.append(DATE.sub(":", f"{words[2]} {words[3]}"))
    return found


def logged_in(run: CoreRun, login: str, caps: str = "") -> list[str]:
    """Log in, read what was missed, and leave."""
    peer = run.connect_as(login, caps)
    run.say(peer, "QUIT")
    return said(peer)


# What is sent


def test_direct_messages_come_first_then_each_channel_oldest_first(run: CoreRun, ada: Peer) -> None:
    cyd = run.login("cyd")
    run.say(ada, "JOIN #lab")
    bob = run.login("bob", "")
    run.say(bob, "JOIN #lab")
    run.say(bob, "QUIT")
    run.say(ada, "PRIVMSG #lab :1", "PRIVMSG #lobby :2", "PRIVMSG bob :3", "NOTICE #lab :4")
    run.say(cyd, "PRIVMSG #lobby :5", "PRIVMSG bob :6", "PRIVMSG ada :not for bob")
    run.say(ada, "PRIVMSG bob :7")
    bob = run.connect_as("bob", "")
    assert b" 366 " not in b"".join(bob.received).partition(b" PRIVMSG ")[2]
    assert said(bob) == ["bob :3", "bob :7", "bob :6", "#lobby :2", "#lobby :5", "#lab :1", "#lab :4"]
    run.say(bob, "QUIT")
    assert logged_in(run, "bob") == []


def test_times_are_tags_where_they_are_known_and_else_stand_before_the_text(run: CoreRun, ada: Peer) -> None:
    run.say(ada, "PRIVMSG #lobby :hello", "PRIVMSG #lobby :\x01ACTION waves\x01", "PRIVMSG #lobby :\x01VERSION\x01")
    tagged, plain = run.connect_as("bob", "server-time"), run.connect_as("cyd", "")
    assert [line for line in tagged.take() if " PRIVMSG " in line] == [
        "@time=2023-11-14T22:13:51.000Z :ada!ada@u1.securechat PRIVMSG #lobby :hello",
        "@time=2023-11-14T22:13:51.001Z :ada!ada@u1.securechat PRIVMSG #lobby :\x01ACTION waves\x01",
    ]
    assert [line for line in plain.take() if " PRIVMSG " in line] == [
        ":ada!ada@u1.securechat PRIVMSG #lobby :[2023-11-14 22:13] hello",
        ":ada!ada@u1.securechat PRIVMSG #lobby :\x01ACTION [2023-11-14 22:13] waves\x01",
    ]


@pytest.mark.parametrize("frame", ["{}", "\x01ACTION {}\x01"])
def test_a_text_that_the_time_makes_too_long_is_sent_in_two_lines(run: CoreRun, ada: Peer, frame: str) -> None:
    words = "é" * 150 + " " + "x" * 155
    run.say(ada, f"PRIVMSG #lobby :{frame.format(words)}")
    bob = run.connect_as("bob", "")
    lines = [line for line in bob.take() if " PRIVMSG " in line]
    assert len(lines) == 2
    assert all(len(line.encode()) + 2 <= BODY_BYTES for line in lines)
    head, tail = frame.split("{}")
    texts = [line.split(" :", 1)[1].removeprefix(head).removesuffix(tail) for line in lines]
    assert "".join(texts) == f"[2023-11-14 22:13] {words}"


def test_no_more_than_the_newest_hundred_of_each(run: CoreRun, ada: Peer) -> None:
    run.say(ada, *(f"PRIVMSG {'#lobby' if n % 2 else 'bob'} :{n}" for n in range(300)))
    found = logged_in(run, "bob")
    assert found == [f"bob :{n}" for n in range(100, 300, 2)] + [f"#lobby :{n}" for n in range(101, 300, 2)]
    assert logged_in(run, "bob") == []


def test_what_one_said_elsewhere_is_shown_as_ones_own(run: CoreRun, ada: Peer) -> None:
    logged_in(run, "ada@laptop")
    run.say(ada, "PRIVMSG bob :psst", "PRIVMSG #lobby :hello", "PRIVMSG ada :a note")
    assert logged_in(run, "ada@laptop") == ["ada :a note", "bob :psst", "#lobby :hello"]


def test_what_happened_to_a_channel_is_not_shown_again(run: CoreRun, ada: Peer) -> None:
    logged_in(run, "bob")
    run.say(ada, "JOIN #lab", "INVITE bob #lab")
    run.say(run.login("cyd"), "JOIN #lab", "PART #lab")
    run.say(ada, "TOPIC #lobby :new", "MODE #lobby +m")
    assert logged_in(run, "bob") == []


def test_a_message_of_several_lines_has_its_time_before_the_first(run: CoreRun) -> None:
    ada = run.login("ada", f"{ALL_CAPS} draft/multiline")
    long = "x" * 465
    pieces = (f"@batch=1 PRIVMSG #lobby :{text}" for text in (long, "", "short"))
    run.say(ada, "BATCH +1 draft/multiline #lobby", *pieces, "BATCH -1")
    bob = run.connect_as("bob", "")
    texts = [line.split(" :", 1)[1] for line in bob.take() if " PRIVMSG " in line]
    assert "".join(texts[:2]) == f"[2023-11-14 22:13] {long}"
    assert texts[2:] == ["short"]


def test_what_is_redacted_before_it_is_shown_is_not_shown(run: CoreRun, ada: Peer) -> None:
    outcomes = set()
    for turns in range(8):
        run.say(ada, "PRIVMSG #lobby :secret")
        bob = run.connect()
        run.say(bob, *registration("bob", ""))
        run.queue(bob, "CAP END")
        for _ in range(turns):
            run.step()
        run.queue(ada, f"REDACT #lobby {run.msgid('secret', '#lobby')}")
        run.waiting.rotate(1)  # before whatever else comes next
        run.step()
        shown = any(b"secret" in data for data in bob.received)
        run.run()
        assert any("secret" in line for line in bob.take()) is shown
        outcomes.add(shown)
        run.lose(bob)
    assert outcomes == {True, False}


@pytest.mark.parametrize("leaving", ["KICK #lab bob", "MODE #lab +b bob"])
def test_who_may_not_read_a_channel_any_more_is_sent_nothing_of_it(run: CoreRun, ada: Peer, leaving: str) -> None:
    bob = run.login("bob", "")
    run.say(ada, "JOIN #lab")
    run.say(bob, "JOIN #lab", "QUIT")
    run.say(ada, "PRIVMSG #lab :secret", leaving)
    assert logged_in(run, "bob") == []


def test_who_parted_is_sent_nothing_of_it(run: CoreRun, ada: Peer) -> None:
    bob = run.login("bob", "")
    run.say(bob, "JOIN #lab")
    run.say(ada, "JOIN #lab")
    run.say(bob, "PART #lab", "QUIT")
    run.say(ada, "PRIVMSG #lab :secret")
    assert logged_in(run, "bob") == []


@pytest.mark.parametrize("leaving", ["KICK #lab bob", "MODE #lab +b bob"])
def test_who_is_thrown_out_while_it_is_read_is_sent_nothing_of_it(run: CoreRun, ada: Peer, leaving: str) -> None:
    bob = run.login("bob", "")
    run.say(ada, "JOIN #lab")
    run.say(bob, "JOIN #lab", "QUIT")
    run.say(ada, "PRIVMSG #lab :secret")
    outcomes = set()
    for turns in range(10):
        peer = run.connect()
        run.say(peer, *registration("bob", ""))
        run.queue(peer, "CAP END")
        for _ in range(turns):
            run.step()
        shown = any(b"secret" in data for data in peer.received)
        run.queue(ada, leaving)
        run.waiting.rotate(1)  # before whatever else comes next
        run.run()
        assert any("secret" in line for line in peer.take()) is shown
        outcomes.add(shown)
        run.lose(peer)
        run.say(ada, "MODE #lab -b bob", "INVITE bob #lab", "PRIVMSG #lab :secret")
        run.say(run.login("bob"), "JOIN #lab", "QUIT")
    assert outcomes == {True, False}


def test_a_client_that_knows_chathistory_is_sent_nothing_and_moves_no_place(run: CoreRun, ada: Peer) -> None:
    run.say(ada, "PRIVMSG #lobby :hello")
    assert logged_in(run, "bob", "draft/chathistory") == []
    assert logged_in(run, "bob", "draft/chathistory server-time batch") == []
    assert run.stored().places == ()
    assert logged_in(run, "bob") == ["#lobby :hello"]


def test_it_can_be_turned_off(template: Path, tmp_path: Path) -> None:
    off = config.Settings(auth=SETTINGS.auth, store=SETTINGS.store, history=config.History(playback_lines=0))
    with CoreRun(template, tmp_path, off) as run:
        run.say(run.login("ada"), "PRIVMSG #lobby :hello")
        assert logged_in(run, "bob") == []
        assert run.stored().places == ()


# Devices


def test_each_device_has_its_own_place(run: CoreRun, ada: Peer) -> None:
    run.say(ada, "PRIVMSG #lobby :0")
    for device in ("", "@laptop", "@Phone"):
        logged_in(run, f"bob{device}")
    run.say(ada, "PRIVMSG #lobby :1")
    assert logged_in(run, "bob@laptop") == ["#lobby :1"]
    run.say(ada, "PRIVMSG #lobby :2")
    assert logged_in(run, "bob") == ["#lobby :1", "#lobby :2"]
    assert logged_in(run, "bob@phone") == ["#lobby :1", "#lobby :2"]
    assert logged_in(run, "bob@LapTop") == ["#lobby :2"]


def test_a_new_device_begins_where_the_most_advanced_one_is(run: CoreRun, ada: Peer) -> None:
    run.say(ada, "PRIVMSG #lobby :1")
    assert logged_in(run, "bob@laptop") == ["#lobby :1"]
    logged_in(run, "bob@laptop")
    run.say(ada, "PRIVMSG #lobby :2")
    assert logged_in(run, "bob@phone") == ["#lobby :2"]
    here = run.login("bob@laptop", "")
    run.say(ada, "PRIVMSG #lobby :3")
    assert said(here) == ["#lobby :3"]
    assert logged_in(run, "bob@tablet") == []  # that one was told at this moment, though its place is not stored yet


def test_the_user_name_may_say_the_device_too(run: CoreRun, ada: Peer) -> None:
    def as_user(user: str, login: str) -> list[str]:
        peer = run.connect()
        words = [f"USER {user} 0 * :Bob" if line.startswith("USER") else line for line in registration(login, "")]
        run.say(peer, *words, "CAP END")
        assert peer.session.person is not None
        assert peer.session.person.user == "me"
        run.say(peer, "QUIT")
        return said(peer)

    as_user("me@laptop", "bob")
    assert [place.device for place in run.stored().places] == []  # nothing was said yet
    run.say(ada, "PRIVMSG #lobby :1")
    assert as_user("me@laptop", "bob") == ["#lobby :1"]
    assert as_user("me@laptop", "bob@phone") == []
    assert [place.device for place in run.stored().places] == ["laptop", "phone"]


def test_an_authzid_may_name_the_account_with_or_without_the_device(run: CoreRun) -> None:
    for authzid, numeric in (("bob", "903"), ("bob@laptop", "903"), ("ada@laptop", "904"), ("ada", "904")):
        peer = run.connect()
        secret = base64.b64encode(f"{authzid}\0bob@laptop\0{PASSWORD}".encode()).decode()
        run.say(peer, *registration("bob")[:-1], f"AUTHENTICATE {secret}")
        assert peer.take()[-1].split(" ")[1] == numeric


def test_an_account_has_a_bounded_number_of_devices(run: CoreRun, ada: Peer) -> None:
    for number in range(DEVICES + 3):
        run.say(ada, f"PRIVMSG #lobby :{number}")
        logged_in(run, f"bob@device{number}")
    assert {place.device for place in run.stored().places} == {f"device{n}" for n in range(3, DEVICES + 3)}


def test_places_go_with_the_account(run: CoreRun, ada: Peer) -> None:
    run.say(ada, "PRIVMSG #lobby :1")
    here = run.login("bob", "")
    run.pass_(5)
    assert len(run.stored().places) == 1
    run.accounts.delete("bob")
    run.look()
    assert here.closed is not None
    assert run.stored().places == ()


# Exactly once, while others talk


def test_what_is_said_while_it_is_read_comes_behind_it_and_once(run: CoreRun, ada: Peer) -> None:
    for turns in range(12):
        logged_in(run, "bob")
        run.say(ada, "PRIVMSG #lobby :missed", "PRIVMSG bob :missed")
        bob = run.connect()
        run.say(bob, *registration("bob", ""))
        run.queue(ada, "PRIVMSG #lobby :just before")
        run.queue(bob, "CAP END", "PRIVMSG ada :I am here")
        for n in range(turns):
            run.queue(ada, f"PRIVMSG #lobby :{n}", f"PRIVMSG bob :{n}")
        run.run()
        live = [line for n in range(turns) for line in (f"#lobby :{n}", f"bob :{n}")]
        assert said(bob) == ["bob :missed", "#lobby :missed", "#lobby :just before", *live]
        run.say(bob, "QUIT")


def test_who_come_in_together_share_a_commit_and_are_shown_everything_once(run: CoreRun, ada: Peer) -> None:
    logged_in(run, "bob"), logged_in(run, "cyd")
    run.say(ada, "PRIVMSG #lobby :missed")
    bob, cyd = run.connect(), run.connect()
    run.say(bob, *registration("bob", ""))
    run.say(cyd, *registration("cyd", ""))
    run.queue(ada, "PRIVMSG #lobby :before both")
    run.queue(bob, "CAP END")
    run.queue(ada, "PRIVMSG #lobby :between", "PRIVMSG #lobby :them")
    run.queue(cyd, "CAP END")
    run.queue(ada, "PRIVMSG #lobby :behind both")
    commits = run.writer.commits["kept"]
    run.step()
    assert run.writer.commits["kept"] == commits + 1
    run.run()
    texts = ["missed", "before both", "between", "them", "behind both"]
    assert said(bob) == said(cyd) == [f"#lobby :{text}" for text in texts]


def test_what_happens_while_it_is_read_is_shown_behind_it_in_its_order(run: CoreRun, ada: Peer) -> None:
    run.say(ada, "PRIVMSG #lobby :missed")
    other, bob = run.login("bob"), run.connect()
    run.say(bob, *registration("bob", ""))
    run.queue(bob, "CAP END", "PING x")
    run.queue(other, "JOIN #lab", "PART #lab", "JOIN #lab")
    run.queue(ada, "TOPIC #lobby :changed")
    run.queue(run.connect(), *registration("cyd"), "CAP END")
    run.run()
    words = ["PRIVMSG", "JOIN", "353", "PART", "JOIN", "353", "TOPIC", "JOIN", "PONG"]
    commands = [line.split(" ")[1] for line in bob.take()]
    assert [one for one in commands[commands.index("366") :] if one in words] == words


@pytest.mark.parametrize("seed", range(8))
def test_over_many_logins_everything_is_shown_once_and_in_order(run: CoreRun, ada: Peer, seed: int) -> None:
    """Someone talks all the time, in the very turns in which bob comes and goes."""
    chance = random.Random(seed)
    shown: list[int] = []
    sent = 0
    bob: Peer | None = None
    for _ in range(400):
        for _ in range(chance.randrange(3)):
            run.queue(ada, f"PRIVMSG #lobby :{sent}")
            sent += 1
        what = chance.random()
        if bob is None and what < 0.3:
            bob = run.connect()
            run.queue(bob, *registration("bob", chance.choice(["", "server-time"])), "CAP END")
        elif bob is not None and bob.session.stage is Stage.ADMITTED and what < 0.1:
            run.queue(bob, "QUIT")
        run.queue(ada, *(f"PRIVMSG #lobby :{n}" for n in range(sent, sent + 2)))
        sent += 2
        run.run()
        if chance.random() < 0.1:
            run.pass_(chance.choice([1, 5]))
        if bob is not None and chance.random() < 0.05:
            run.lose(bob)
        if bob is not None and bob.session.link is None:
            shown += numbers(bob)
            bob = None
    shown += numbers(bob) if bob is not None else []
    shown += [int(line.rpartition(":")[2]) for line in logged_in(run, "bob")]
    assert shown == list(range(shown[0], sent))


def numbers(peer: Peer) -> list[int]:
    return [int(line.rpartition(":")[2]) for line in said(peer) if line.startswith("#lobby")]


@pytest.mark.parametrize("seed", range(8))
def test_whoever_does_not_read_misses_nothing(run: CoreRun, ada: Peer, seed: int) -> None:
    chance = random.Random(seed)
    shown: list[int] = []
    sent = 0
    for _ in range(60):
        run.say(ada, *(f"PRIVMSG #lobby :{n}" for n in range(sent, sent + chance.randrange(1, 20))))
        sent = int(run.texts()[-1]) + 1
        bob = run.connect()
        run.queue(bob, *registration("bob", ""), "CAP END")
        bob.reads = chance.random() < 0.5
        for _ in range(chance.randrange(4)):
            run.say(ada, f"PRIVMSG #lobby :{sent}")
            sent += 1
            if chance.random() < 0.5:
                bob.reads = chance.random() < 0.5
                run.read(bob)
            if chance.random() < 0.3:
                run.pass_(5)
        run.lose(bob)
        seen = numbers(bob)
        assert seen == sorted(set(seen))
        assert not seen or not shown or seen[0] <= shown[-1] + 1, "a gap"
        shown = seen or shown
    run.say(ada, f"PRIVMSG #lobby :{sent}")
    assert numbers_of(logged_in(run, "bob"))[0] <= shown[-1] + 1


def numbers_of(lines: list[str]) -> list[int]:
    return [int(line.rpartition(":")[2]) for line in lines]


def test_a_place_does_not_run_ahead_of_what_was_read(run: CoreRun, ada: Peer) -> None:
    run.say(ada, *(f"PRIVMSG #lobby :{n}" for n in range(5)), "PRIVMSG bob :psst")
    bob = run.connect()
    bob.reads = False
    run.say(bob, *registration("bob", ""), "CAP END")
    assert bob.session.opening is None
    run.pass_(5)
    run.lose(bob)
    assert run.stored().places == ()
    assert logged_in(run, "bob") == ["bob :psst", *(f"#lobby :{n}" for n in range(5))]


def test_nothing_moves_when_the_commit_fails(run: CoreRun, ada: Peer) -> None:
    run.say(ada, "PRIVMSG #lobby :1")
    bob = run.login("bob", "")
    for _ in range(2):
        run.writer.outcomes.append("failed")
        run.pass_(5)
        assert run.stored().places == run.held().places == ()
    run.writer.outcomes.append("failed")
    run.lose(bob)
    assert run.stored().places == ()
    assert logged_in(run, "bob") == ["#lobby :1"]


def test_the_place_is_kept_every_few_seconds_only(run: CoreRun, ada: Peer) -> None:
    run.login("bob", "")
    run.pass_(5)
    run.say(ada, "PRIVMSG #lobby :1")
    before = run.writer.commits["kept"]
    run.pass_(4)
    assert run.writer.commits["kept"] == before
    for _ in range(3):
        run.pass_(5)
    assert run.writer.commits["kept"] == before + 1
    assert [place.seq for place in run.stored().places] == [1]


def test_the_places_of_many_are_kept_some_at_a_time(run: CoreRun, ada: Peer) -> None:
    """A hundred in a round; ada, who moves none, comes first."""
    for number in range(missed.PEOPLE_AT_ONCE + 1):
        run.accounts.add(f"bob{number}", HASH)
        run.login(f"bob{number}", "")
    run.say(ada, "PRIVMSG #lobby :1")
    run.pass_(5)
    kept = [len(run.stored().places)]
    for _ in range(2):
        run.pass_(1)
        kept.append(len(run.stored().places))
    assert kept == [99, 101, 101]


def test_who_missed_nothing_has_nothing_read(run: CoreRun, ada: Peer) -> None:
    run.say(ada, "PRIVMSG #lobby :1")
    logged_in(run, "bob")
    before = run.jobs_started
    logged_in(run, "bob")
    assert run.jobs_started == before + 1  # the password's


# Long ones


def test_a_long_login_comes_in_pieces_while_the_client_reads(run: CoreRun, ada: Peer) -> None:
    """Of 200 channels with much to say; what waits for it is bounded, and nothing is missing."""
    bob = run.login("bob", "")
    channels = [f"#channel{n:03}" for n in range(199)]
    for channel in channels:
        run.say(bob, f"JOIN {channel}")
        run.say(ada, f"JOIN {channel}", f"TOPIC {channel} :{'t' * 290}")
    run.say(bob, "QUIT")
    for channel in channels:
        run.say(ada, *(f"PRIVMSG {channel} :{n} {'x' * 350}" for n in range(20)))
    bob = run.connect()
    bob.reads = False
    run.say(bob, *registration("bob", ""), "CAP END")
    rounds = 0
    while bob.session.opening is not None:
        assert sum(map(len, bob.outbox)) < BYTES_IN_A_TURN + 64 * 1024
        run.say(ada, f"PRIVMSG #lobby :live {rounds}")
        rounds += 1
        run.read(bob)
    run.read(bob)
    lines = bob.take()
    assert rounds > 5
    assert sum(" 366 " in line for line in lines) == 200
    texts = [line.split(" ", 3)[2:] for line in lines if " PRIVMSG " in line]
    missed = [f"[2023-11-14 22:13] {n} {'x' * 350}" for n in range(20)]
    assert texts[:-rounds] == [[channel, f":{text}"] for channel in channels for text in missed]
    assert texts[-rounds:] == [["#lobby", f":live {n}"] for n in range(rounds)]


def test_who_does_not_read_while_too_much_is_said_is_closed(run: CoreRun, ada: Peer) -> None:
    for target in ("bob", "#lobby"):
        run.say(ada, *(f"PRIVMSG {target} :{n} {'x' * 400}" for n in range(100)))
    run.say(run.login("cyd"), *(f"PRIVMSG bob :{n} {'x' * 400}" for n in range(100)))
    bob = run.connect()
    bob.reads = False
    run.say(bob, *registration("bob", ""), "CAP END")
    assert bob.session.opening is not None
    line = f"PRIVMSG #lobby :{'x' * 400}"
    most = run.core.settings.limits.outbox // len(line)
    for _ in range(most // 50 + 1):
        run.say(ada, *[line] * 50)
    assert bob.closed == "does not read what it is sent first"
    assert run.stored().places == ()


# When it cannot be read


class Unreadable(StoredHistory):
    """Fails as often as `errors` says."""

    errors: list[Exception]

    def missed_targets(self, account: AccountId, channels: Collection[str], after: int, upto: int) -> Set[str]:
        if self.errors:
            raise self.errors.pop()
        return super().missed_targets(account, channels, after, upto)


@pytest.mark.parametrize("error", [StoreBusy("busy"), PoolFull()])
def test_what_cannot_be_read_now_is_shown_at_the_next_login(run: CoreRun, error: Exception) -> None:
    history = Unreadable(run.database)
    history.errors = [error]
    services = replace(run.core.services, history=history)
    run.core = Core(run.fresh(), run.fresh_throttle(), SETTINGS, services, lambda: run.now)
    run.core.started = START
    ada = run.login("ada")
    run.say(ada, "PRIVMSG #lobby :missed")
    bob = run.connect_as("bob", "")
    assert sum(line.endswith("it is shown at your next login") for line in bob.take()) == 1
    run.say(ada, "PRIVMSG #lobby :live")
    run.pass_(5)
    run.say(bob, "QUIT")
    assert said(bob) == ["#lobby :live"]
    assert logged_in(run, "bob") == ["#lobby :missed", "#lobby :live"]
