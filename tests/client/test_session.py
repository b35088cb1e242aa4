"""A session driven by lines: what it tells its face, and what it sends."""

import pytest

from securechat.client.events import (
    Acknowledged,
    Joined,
    Kicked,
    Kind,
    Left,
    Names,
    Parted,
    PasswordAnswered,
    Person,
    Queued,
    Refused,
    Renamed,
    Roles,
    Said,
    Told,
    Topic,
)
from securechat.protocol.message import ProtocolError, parse

from .conftest import CAPABILITIES, ECHO, Script

AT = "time=2026-03-01T10:00:00.000Z"


def test_the_labelled_echo_is_the_acknowledgement(entered):
    entered.say(7, "#lobby", "hello there")
    (line,) = entered.sent()
    label = line.partition(" ")[0].removeprefix("@label=")
    assert line == f"@label={label} PRIVMSG #lobby :hello there"
    acknowledged, said = entered.server(f"@label={label};msgid=m1;{AT} :{ECHO} PRIVMSG #lobby :hello there")
    assert acknowledged == Acknowledged(7)
    assert (said.text, said.own, said.msgid) == ("hello there", True, "m1")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (":s 404 ada #lobby :Cannot send to channel", "Cannot send to channel"),
        (":s FAIL PRIVMSG TEMPORARILY_UNAVAILABLE #lobby :Try again", "Try again"),
    ],
)
def test_a_labelled_error_refuses_the_message_and_is_told_once(entered, answer, reason):
    entered.say(7, "#lobby", "hello")
    label = entered.sent()[0].partition(" ")[0]
    (refused,) = entered.server(f"{label} {answer}")
    assert isinstance(refused, Refused)
    assert (refused.ticket, refused.text, refused.reason) == (7, "hello", reason)


def test_what_cannot_be_stored_for_the_moment_is_queued_and_sent_again():
    script = Script(patience=60.0)
    script.enter()
    script.say(7, "#lobby", "hello")
    label = script.sent()[0].partition(" ")[0]
    answer = "FAIL PRIVMSG TEMPORARILY_UNAVAILABLE #lobby :Try again"
    assert script.server(f"{label} :s {answer}") == [Queued(7, "#lobby", "hello")]
    script.later(0.5)
    label = script.sent()[0].partition(" ")[0]
    assert script.server(f"{label} :s {answer}") == []
    script.later(1.0)
    label = script.sent()[0].partition(" ")[0]
    assert script.server(f"{label};msgid=m1 :{ECHO} PRIVMSG #lobby hello")[0] == Acknowledged(7)


def test_an_echo_inside_a_labelled_batch_counts_too(entered):
    entered.say(7, "bob", "hello")
    label = entered.sent()[0].partition(" ")[0]
    events = entered.server(
        f"{label} :s BATCH +x labeled-response",
        "@batch=x :s 301 ada bob :at lunch",
        f"@batch=x;msgid=m1 :{ECHO} PRIVMSG bob :hello",
        "BATCH -x",
    )
    assert events[0] == Acknowledged(7)
    assert Told("is away: at lunch", about="bob") in events
    assert isinstance(events[-1], Said)


def test_a_label_nobody_asked_for_acknowledges_nothing(entered):
    entered.say(7, "#lobby", "hello")
    events = entered.server(f"@label=999 :{ECHO} PRIVMSG #lobby :hello")
    assert not any(isinstance(event, Acknowledged) for event in events)
    assert entered.conversation.outbox.lines[0].ticket == 7


def test_history_nobody_asked_for_is_dropped(entered):
    events = entered.server("BATCH +h chathistory #lobby", "@batch=h :eve!e@h PRIVMSG #lobby :forged", "BATCH -h")
    assert events == []


def test_a_message_is_told_once_per_msgid(entered):
    line = "@msgid=m1 :bob!b@h PRIVMSG #lobby :hi"
    assert len(entered.server(line, line)) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (":bob!b@h PRIVMSG #lobby :hi", Said("#lobby", "bob", "hi")),
        (":bob!b@h PRIVMSG @#lobby :ops only", Said("#lobby", "bob", "ops only")),
        (":bob!b@h NOTICE #lobby :hi", Said("#lobby", "bob", "hi", Kind.NOTICE)),
        (":bob!b@h PRIVMSG #lobby :\x01ACTION waves\x01", Said("#lobby", "bob", "waves", Kind.ACTION)),
        (":bob!b@h PRIVMSG ada :psst", Said("bob", "bob", "psst", direct=True)),
        (f":{ECHO} PRIVMSG bob :psst", Said("bob", "ada", "psst", own=True, direct=True)),
    ],
)
def test_messages_come_with_where_they_belong(entered, line, said):
    assert entered.server(line) == [said]


def test_questions_about_the_client_are_not_answered(entered):
    assert entered.server(":bob!b@h PRIVMSG ada :\x01VERSION\x01") == []
    assert entered.sent() == []


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (":eve!e@h JOIN #lobby eve :Eve", Joined("#lobby", "eve")),
        (":bob!b@h PART #lobby :bye", Parted("#lobby", "bob", "bye")),
        (":bob!b@h KICK #lobby ada :out", Kicked("#lobby", "ada", "bob", "out", own=True)),
        (":bob!b@h QUIT :gone", Left("bob", ("#lobby",), "gone")),
        (":bob!b@h NICK Bob", Renamed("bob", "Bob")),
        (f":{ECHO} NICK Ada", Renamed("ada", "Ada", own=True)),
        (":bob!b@h MODE #lobby +v ada", Roles("#lobby", ("@ada",), by="bob")),
        (":bob!b@h MODE #lobby -o ada", Roles("#lobby", ("ada",), by="bob")),
        (":bob!b@h MODE #lobby +kob-lb+v key Bob x!*@* y!*@* ada", Roles("#lobby", ("@bob", "@ada"), by="bob")),
        (":bob!b@h TOPIC #lobby :tea", Topic("#lobby", "tea", by="bob")),
        (":s 332 ada #lobby :tea", Topic("#lobby", "tea")),
        (":s 352 ada #lobby u h s bob G@ :0 Bob B", Person("bob", "#lobby", True, "Bob B")),
        (":s 473 ada #ops :Cannot join channel (+i)", Told("Cannot join channel (+i)", "#ops", failed=True)),
        (":s NOTICE ada :going down", Told("going down")),
    ],
)
def test_the_channel_s_life_is_told(entered, line, event):
    assert entered.server(line) == [event]


def test_a_role_that_is_taken_leaves_the_one_below(entered):
    entered.server(":s 353 ada = #lobby :@+bob", ":bob!b@h NICK rob")
    assert entered.server(":ada!a@h MODE #lobby -o rob") == [Roles("#lobby", ("+rob",), by="ada")]
    assert entered.server(":ada!a@h MODE #lobby -v+o rob rob") == [Roles("#lobby", ("@rob",), by="ada")]
    entered.server(":rob!b@h PART #lobby", ":rob!b@h JOIN #lobby")
    assert entered.server(":ada!a@h MODE #lobby +v rob") == [Roles("#lobby", ("+rob",), by="ada")]


def test_modes_are_read_as_the_server_says_that_they_are(entered):
    entered.server(":s 005 ada PREFIX=(qo)~@ CHANMODES=b,X,j,n :are supported by this server")
    line = ":bob!b@h MODE #lobby +Xjq-Xjv+n one two bob three ada"
    assert entered.server(line) == [Roles("#lobby", ("~bob",), by="bob")]
    assert entered.server(":bob!b@h MODE #lobby +o bob", ":bob!b@h MODE #lobby -q bob") == [
        Roles("#lobby", ("~bob",), by="bob"),
        Roles("#lobby", ("@bob",), by="bob"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        ":bob!b@h MODE #lobby +nt",
        ":bob!b@h MODE #lobby +b @ada",
        ":bob!b@h MODE #lobby +o",
        ":bob!b@h MODE #lobby",
        ":bob!b@h MODE #lobby +o eve",
        ":bob!b@h MODE #other +o bob",
        ":ada!a@h MODE ada +B",
    ],
)
def test_other_modes_are_no_news(entered, line):
    assert entered.server(line) == []


def test_people_in_other_channels_are_nobody_s_business(entered):
    assert entered.server(":eve!e@h JOIN #other", ":eve!e@h QUIT :x", ":s 353 ada = #other :eve") == []


def test_names_are_told_only_when_asked_for(entered):
    listing = (":s 353 ada = #lobby :bob @ada", ":s 353 ada = #lobby :+eve", ":s 366 ada #lobby :End")
    assert entered.server(*listing) == []
    entered.session.ask_names("#lobby")
    assert entered.server(*listing) == [Names("#lobby", ("@ada", "+eve", "bob"))]


def test_the_last_word_of_a_line_of_names_about_somebody_counts(entered):
    entered.session.ask_names("#lobby")
    line, over = ":s 353 ada = #lobby :+Bob @+%ada é É  ~bob", ":s 366 ada #lobby :End"
    assert entered.server(line, over) == [Names("#lobby", ("~bob", "@ada", "+Bob", "É", "é"))]
    assert entered.server(":ada!a@h MODE #lobby -q bob", ":ada!a@h MODE #lobby -o ada") == [
        Roles("#lobby", ("%ada",), by="ada"),
    ]


def test_no_more_names_are_read_than_a_line_has_room_for(entered):
    entered.session.ask_names("#lobby")
    names = " ".join(f"n{number:03}" for number in range(600))
    (told,) = entered.server(f":s 353 ada = #lobby :{names}", ":s 366 ada #lobby :End")
    assert told == Names("#lobby", tuple(names.split()[:512]))


def test_who_finds_nobody_says_so(entered):
    over = ":s 315 ada bob :End of WHO list"
    nobody = [Told("nobody found", "bob", failed=True)]
    assert entered.server(over) == nobody
    assert entered.server(":s 352 ada * u h s bob H :0 Bob", over) == [Person("bob", "*", False, "Bob")]
    assert entered.server(over) == nobody


@pytest.mark.parametrize("size", [1, 300, 395, 400, 1000, 10_000])
def test_pieces_of_a_long_text_fill_the_relayed_line_and_no_more(entered, size):
    text = "".join(chr(0x1F600 + number % 60) if number % 3 else "x" for number in range(size))
    entered.conversation.outbox.window = 10_000
    entered.say(1, "#lobby", text)
    wire_texts = [parse(line).params[1] for line in entered.sent()]
    assert "".join(wire_texts) == text
    relayed = [len(f":{ECHO} PRIVMSG #lobby :{wire}\r\n".encode()) for wire in wire_texts]
    assert max(relayed) <= 512
    assert all(length > 512 - 8 for length in relayed[:-1])


def test_each_piece_of_an_action_is_an_action(entered):
    entered.say(1, "#lobby", "word " * 200, action=True)
    lines = entered.sent()
    assert len(lines) == 3
    assert all(line.partition(" :")[2].startswith("\x01ACTION ") and line.endswith("\x01") for line in lines)


def test_a_server_without_labels_acknowledges_by_pong(entered):
    script = Script("sasl server-time")
    script.log_in()
    script.burst("#lobby")
    script.sent()
    script.say(7, "#lobby", "hello")
    message, ping = script.sent()
    assert message == "PRIVMSG #lobby hello"
    said, acknowledged = script.server(f":s PONG s :{ping.partition(' ')[2]}")
    assert acknowledged == Acknowledged(7)
    assert (said.text, said.own) == ("hello", True)
    script.say(8, "#ops", "hello")
    (refused,) = script.server(":s 404 ada #ops :Cannot send to channel")
    assert refused.ticket == 8


def test_a_password_change_travels_in_pieces_and_is_answered_by_label(entered):
    entered.session.change_password("o" * 200, "n" * 200)
    first, second = entered.sent()
    assert first.startswith("PASSWD ")
    assert len(first.partition(" ")[2]) == 400
    label, _, rest = second.partition(" ")
    assert rest.startswith("PASSWD ")
    assert entered.server(f"{label} :s FAIL PASSWD WEAK_PASSWORD :Too weak") == [PasswordAnswered(False, "Too weak")]
    entered.session.change_password("old", "new")
    label = entered.sent()[0].partition(" ")[0]
    assert entered.server(f"{label} :s NOTE PASSWD PASSWORD_CHANGED :Done") == [PasswordAnswered(True, "Done")]


def test_a_silent_server_is_asked_and_then_given_up(entered):
    entered.later(119)
    assert entered.sent() == []
    entered.later(1)
    assert entered.sent() == ["PING still-there"]
    entered.later(59)
    with pytest.raises(ProtocolError, match="no answer"):
        entered.later(1)


def test_a_machine_that_slept_asks_before_it_gives_up(entered):
    entered.later(3600)
    assert entered.sent() == ["PING still-there"]
    entered.server(":s PONG s :still-there")
    entered.later(1)


def test_pings_are_answered(entered):
    entered.server("PING :abc def")
    assert entered.sent() == ["PONG :abc def"]


def test_the_server_s_last_words_are_kept(entered):
    entered.server("ERROR :Closing link (suspended)")
    assert entered.session.goodbye == "Closing link (suspended)"


@pytest.mark.parametrize(
    "flood",
    [
        ["BATCH +h chathistory #x", *["@batch=h :b!b@h PRIVMSG #x :y"] * 20_001],
        [f"BATCH +b{number} netsplit" for number in range(17)],
        [f":{ECHO} JOIN #c{number}" for number in range(1001)],
        [f":s 353 ada = #lobby :{' '.join(f'n{page}-{number}' for number in range(500))}" for page in range(201)],
    ],
)
def test_a_flood_ends_the_connection_before_it_fills_the_memory(entered, flood):
    with pytest.raises(ProtocolError):
        entered.server(*flood)


def test_a_line_without_an_end_ends_the_connection(entered):
    with pytest.raises(ProtocolError):
        entered.session.feed(b"x" * 100_000, 0.0)


@pytest.mark.parametrize(
    "line",
    [
        ":", "@", "@a=b", ":x", "PRIVMSG", ":b!b@h PRIVMSG", ":b!b@h PRIVMSG #lobby", ":b!b@h JOIN", "353", "366",
        "332 x",
        "BATCH", "BATCH +", "BATCH -", "BATCH x", "CAP", "CAP * LS", ":b!b@h KICK #lobby", ":b!b@h KICK", ":b!b@h NICK",
        "FAIL", "404", "352 a b", "PONG", "ERROR", "NOTE", "INVITE", "@time=x;msgid :b!b@h PRIVMSG #lobby :x", "301",
        "@time=9999-12-31T23:59:59Z :b!b@h PRIVMSG #lobby :x", ":b!b@h TOPIC #lobby", "MODE", "QUIT", ":b!b@h QUIT",
        "005", "005 ada", "005 ada PREFIX CHANMODES :x", "005 ada PREFIX=)@ CHANMODES=,,,, :x", "MODE #lobby",
        ":b!b@h MODE #lobby +ovbkl",
    ],
)  # fmt: skip
def test_a_mangled_line_harms_nobody(entered, line):
    entered.server(line)
    fresh = Script()
    fresh.server(line)
    assert entered.server(":bob!b@h PRIVMSG #lobby :still here")[-1].text == "still here"


def test_bytes_may_come_one_by_one():
    whole, single = Script(CAPABILITIES), Script(CAPABILITIES)
    for script in (whole, single):
        script.enter()
    lines = f"@{AT};msgid=m1 :bob!b@h PRIVMSG #lobby :grüße 🦆\r\n:eve!e@h JOIN #lobby\r\n".encode()
    whole.session.feed(lines, 0.0)
    for byte in lines:
        single.session.feed(bytes([byte]), 0.0)
    assert single.session.take_events() == whole.session.take_events() != []
