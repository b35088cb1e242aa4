"""Every command of an admitted client, what it is answered, and in which form; with labels and without.

Source of the forms: Modern IRC ("Numerics") and the IRCv3 specifications of the capabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import NamedTuple

import pytest

from securechat.protocol.message import Message
from securechat.server.dispatch import COMMANDS
from tests.running import PASSWORD, Server
from tests.wire import Wire

Login = Callable[..., Wire]


class Case(NamedTuple):
    """Lines are command and parameters between bars, `*` and `?` as in file names."""

    said: str
    answer: tuple[str, ...] = ()
    plain: tuple[str, ...] | None = None  # where a client without capabilities is answered otherwise


NEED_MORE = "461|ada|{}|Not enough parameters"
NO_SEARCH = ("421|ada|SEARCH|Unknown command",)
NO_TOKENS = ("421|ada|TOKEN|Unknown command",)
WHOIS_BOB = (
    "311|ada|bob|bob|u*.securechat|[*]|Bob Test",
    "319|ada|bob|*#lobby*",
    "312|ada|bob|localhost|securechat",
    "317|ada|bob|?|??????????|seconds idle, signon time",
    "330|ada|bob|bob|is logged in as",
    "671|ada|bob|is using a secure connection",
)
NEW_YEAR = "timestamp=2020-01-01T00:00:00.000Z"
HUNDRED_NAMES = ",".join(f"n{number}" for number in range(100))
ISUPPORT = "005|ada" + 13 * "|*" + "|are supported by this server"

REGISTRATION = (
    Case("PING x", ("PONG|localhost|x",)),
    Case("PING", (NEED_MORE.format("PING"),)),
    Case("PONG x"),
    Case("PASS x", ("462|ada|*",)),
    Case("USER a 0 * :b", ("462|ada|*",)),
    Case("NICK", ("431|ada|*",)),
    Case("NICK bob", ("433|ada|bob|*",)),
    Case("NICK [", ("432|ada|[[]|*",)),
    Case("NICK ada"),
    Case("CAP LS 302", ("CAP|ada|LS|*draft/chathistory* sasl=PLAIN *",)),
    Case("CAP LS", ("CAP|ada|LS|account-notify account-tag * sasl *",)),
    Case("CAP LIST", ("CAP|ada|LIST|* sasl *",), ("CAP|ada|LIST|cap-notify sasl",)),
    Case("CAP REQ :sasl nope", ("CAP|ada|NAK|sasl nope",)),
    Case("CAP REQ -cap-notify", ("CAP|ada|NAK|-cap-notify",)),
    Case("CAP REQ :sasl cap-notify", ("CAP|ada|ACK|sasl cap-notify",)),
    Case("CAP END"),
    Case("CAP FOO", ("410|ada|FOO|*",)),
    Case("CAP", (NEED_MORE.format("CAP"),)),
    Case("AUTHENTICATE PLAIN", ("907|ada|*",)),
    Case("FOO x", ("421|ada|FOO|Unknown command",)),
)
CHANNELS = (
    Case(
        "JOIN #lab",
        ("JOIN|#lab|ada|Ada Test", "353|ada|=|#lab|@ada", "MARKREAD|#lab|[*]", "366|ada|#lab|*"),
        ("JOIN|#lab", "353|ada|=|#lab|@ada", "366|ada|#lab|*"),
    ),
    Case("JOIN #lab"),
    Case("JOIN lab", ("476|ada|lab|*",)),
    Case("JOIN", (NEED_MORE.format("JOIN"),)),
    Case("JOIN #key", ("475|ada|#key|*",)),
    Case("JOIN #invited", ("473|ada|#invited|*",)),
    Case("JOIN #full", ("471|ada|#full|*",)),
    Case("JOIN #banned", ("474|ada|#banned|*",)),
    Case("TOPIC #lab", ("331|ada|#lab|No topic is set",)),
    Case("TOPIC #lab :a topic", ("TOPIC|#lab|a topic",)),
    Case("TOPIC #lab", ("332|ada|#lab|a topic", "333|ada|#lab|ada|??????????")),
    Case("TOPIC #nope", ("403|ada|#nope|No such channel",)),
    Case("TOPIC #closed", ("442|ada|#closed|*",)),
    Case("TOPIC #lobby :x", ("482|ada|#lobby|You're not a channel operator",)),
    Case("TOPIC", (NEED_MORE.format("TOPIC"),)),
    Case("NAMES #lab", ("353|ada|=|#lab|@ada", "366|ada|#lab|End of*NAMES list")),
    Case("NAMES #nope", ("366|ada|#nope|*",)),
    Case("NAMES", ("366|ada|[*]|*",)),
    Case("LIST #lab", ("321|ada|Channel|Users  Name", "322|ada|#lab|1|a topic", "323|ada|*")),
    Case("KICK #lab bob", ("441|ada|bob|#lab|*",)),
    Case("KICK #lobby bob", ("482|ada|#lobby|*",)),
    Case("KICK #closed bob", ("442|ada|#closed|*",)),
    Case("KICK #nope bob", ("403|ada|#nope|*",)),
    Case("KICK #lab", (NEED_MORE.format("KICK"),)),
    Case("INVITE bob #lab", ("341|ada|bob|#lab",)),
    Case("INVITE bob #lobby", ("443|ada|bob|#lobby|*",)),
    Case("INVITE nobody #lab", ("401|ada|nobody|*",)),
    Case("INVITE bob #nope", ("403|ada|#nope|*",)),
    Case("INVITE bob", (NEED_MORE.format("INVITE"),)),
)
MODES = (
    Case("MODE #lab", ("324|ada|#lab|+nt", "329|ada|#lab|??????????")),
    Case("MODE #lab b", ("368|ada|#lab|*",)),
    Case("MODE #lab +b eve", ("MODE|#lab|+b|eve!?@?",)),
    Case("MODE #lab b", ("367|ada|#lab|eve!?@?|ada|??????????", "368|ada|#lab|*")),
    Case("MODE #lab +eI-b good *!*@guest eve", ("MODE|#lab|+eI-b|good!?@?|[*]!?@guest|eve!?@?",)),
    Case("MODE #lab e", ("348|ada|#lab|good!?@?|ada|??????????", "349|ada|#lab|*")),
    Case("MODE #lab I", ("346|ada|#lab|[*]!?@guest|ada|??????????", "347|ada|#lab|*")),
    Case("MODE #lab +imsv-nt ada", ("MODE|#lab|+imsv-nt|ada",)),
    Case("MODE #lab -imsv+nt ada", ("MODE|#lab|-imsv+nt|ada",)),
    Case("MODE #lab +kl word 9", ("MODE|#lab|+kl|word|9",)),
    Case("MODE #lab", ("324|ada|#lab|+ntkl|word|9", "329|ada|#lab|*")),
    Case("MODE #lab -kl word", ("MODE|#lab|-kl|[*]",)),
    Case("MODE #lab +k", ("696|ada|#lab|k|[*]|*",)),
    Case("MODE #lab +k " + "x" * 99, ("696|ada|#lab|k|[*]|*",)),
    Case("MODE #lab +l many", ("696|ada|#lab|l|many|*",)),
    Case("MODE #lab +y", ("472|ada|y|*",)),
    Case("MODE #lab +o nobody", ("401|ada|nobody|*",)),
    Case("MODE #lab +o bob", ("441|ada|bob|#lab|*",)),
    Case("MODE #lobby +m", ("482|ada|#lobby|*",)),
    Case("MODE #nope", ("403|ada|#nope|*",)),
    Case("MODE ada", ("221|ada|+",)),
    Case("MODE ada +i", ("221|ada|+",)),
    Case("MODE ada +o", ("221|ada|+",)),
    Case("MODE ada +w", ("501|ada|*",)),
    Case("MODE ada +B", ("MODE|ada|+B",)),
    Case("MODE ada", ("221|ada|+B",)),
    Case("WHO ada", ("352|ada|[*]|ada|*|localhost|ada|HB|0 Ada Test", "315|ada|ada|*")),
    Case("WHOIS ada", ("311|*", "319|*", "312|*", "335|ada|ada|is a bot", "317|*", "330|*", "671|*", "318|*")),
    Case("MODE ada -B", ("MODE|ada|-B",)),
    Case("MODE bob", ("502|ada|*",)),
    Case("MODE nobody", ("401|ada|nobody|*",)),
    Case("MODE", (NEED_MORE.format("MODE"),)),
)
MESSAGES = (
    Case("PRIVMSG #lab :hi there", ("PRIVMSG|#lab|hi there",), ()),
    Case("PRIVMSG bob :psst", ("PRIVMSG|bob|psst",), ()),
    Case("PRIVMSG #lab,bob :both", ("PRIVMSG|#lab|both", "PRIVMSG|bob|both"), ()),
    Case("PRIVMSG op :hello", ("PRIVMSG|op|hello", "301|ada|op|lunch"), ("301|ada|op|lunch",)),
    Case("PRIVMSG nobody :x", ("401|ada|nobody|*",)),
    Case("PRIVMSG #nope :x", ("403|ada|#nope|*",)),
    Case("PRIVMSG #closed :x", ("404|ada|#closed|*",)),
    Case("PRIVMSG", ("411|ada|*",)),
    Case("PRIVMSG bob", ("412|ada|*",)),
    Case("PRIVMSG a,b,c,d,e :x", ("407|ada|PRIVMSG|*",)),
    Case("PRIVMSG bob :" + "x" * 490, ("417|ada|*",)),
    Case("PRIVMSG @#lab :for operators", ("PRIVMSG|@#lab|for operators",), ()),
    Case("PRIVMSG +#LAB :for voices", ("PRIVMSG|+#lab|for voices",), ()),
    Case("PRIVMSG @#nope :x", ("403|ada|#nope|*",)),
    Case("PRIVMSG @#closed :x", ("404|ada|#closed|*",)),
    Case("PRIVMSG @bob :x", ("401|ada|@bob|*",)),
    Case("NOTICE @#lab :for operators", ("NOTICE|@#lab|for operators",), ()),
    Case("TAGMSG @#lab", ("TAGMSG|@#lab",), ("421|ada|TAGMSG|*",)),
    Case("NOTICE #lab :hi there", ("NOTICE|#lab|hi there",), ()),
    Case("NOTICE nobody :x", ("401|ada|nobody|*",), ()),
    Case("NOTICE #nope :x", ("403|ada|#nope|*",), ()),
    Case("NOTICE bob", ("412|ada|*",), ()),
    Case("BATCH", (NEED_MORE.format("BATCH"),)),
    Case("BATCH -1", ("FAIL|BATCH|INVALID_REFTAG|1|*",), ("421|ada|BATCH|*",)),
    Case("BATCH +é draft/multiline bob", ("FAIL|BATCH|INVALID_REFTAG|é|*",), ("421|ada|BATCH|*",)),
    Case("BATCH +1 netsplit a b", ("FAIL|BATCH|UNKNOWN_TYPE|1|netsplit|*",), ("421|ada|BATCH|*",)),
    Case("BATCH +1 draft/multiline", ("FAIL|BATCH|MULTILINE_INVALID|*",), ("421|ada|BATCH|*",)),
    Case("TAGMSG bob", ("TAGMSG|bob",), ("421|ada|TAGMSG|*",)),
    Case("CHATHISTORY LATEST #lab * 1", ("NOTICE|#lab|hi there",)),
    Case("CHATHISTORY LATEST eve * 5", ()),
    Case("CHATHISTORY LATEST BOB * 1", ("PRIVMSG|bob|both",)),
    Case("CHATHISTORY TARGETS timestamp=2000-01-01 timestamp=2100-01-01 1", ("CHATHISTORY|TARGETS|*",)),
    Case("CHATHISTORY LATEST #nope * 1", ("FAIL|CHATHISTORY|INVALID_TARGET|LATEST|#nope|*",)),
    Case("CHATHISTORY LATEST #lab", ("FAIL|CHATHISTORY|INVALID_PARAMS|LATEST|*",)),
    Case("CHATHISTORY LATEST #lab * 1 1", ("FAIL|CHATHISTORY|INVALID_PARAMS|LATEST|*",)),
    Case("CHATHISTORY LATEST #lab id=1 5", ("FAIL|CHATHISTORY|INVALID_MSGREFTYPE|LATEST|#lab|id=1|*",)),
    Case("CHATHISTORY AFTER #lab timestamp=1 5", ("FAIL|CHATHISTORY|INVALID_PARAMS|AFTER|timestamp=1|*",)),
    Case("CHATHISTORY AFTER #lab msgid=none 5", ("FAIL|CHATHISTORY|MESSAGE_ERROR|AFTER|#lab|*",)),
    Case("CHATHISTORY TARGETS msgid=none * 5", ("FAIL|CHATHISTORY|INVALID_MSGREFTYPE|TARGETS|[*]|*",)),
    Case("CHATHISTORY FOO", ("FAIL|CHATHISTORY|INVALID_PARAMS|FOO|*",)),
    Case("CHATHISTORY", (NEED_MORE.format("CHATHISTORY"),)),
    Case("REDACT #lab none :why", ("FAIL|REDACT|UNKNOWN_MSGID|#lab|none|*",), ("421|ada|REDACT|*",)),
    Case("REDACT #closed none", ("FAIL|REDACT|INVALID_TARGET|#closed|*",), ("421|ada|REDACT|*",)),
    Case("REDACT nobody none", ("FAIL|REDACT|INVALID_TARGET|nobody|*",), ("421|ada|REDACT|*",)),
    Case("REDACT #lab", (NEED_MORE.format("REDACT"),)),
    Case("MARKREAD #lab", ("MARKREAD|#lab|[*]",), ("421|ada|MARKREAD|*",)),
    Case(f"MARKREAD #LAB {NEW_YEAR}", (f"MARKREAD|#lab|{NEW_YEAR}",), ("421|ada|MARKREAD|*",)),
    Case("MARKREAD nobody", ("MARKREAD|nobody|[*]",), ("421|ada|MARKREAD|*",)),
    Case(f"MARKREAD #closed {NEW_YEAR}", ("FAIL|MARKREAD|INVALID_TARGET|#closed|*",), ("421|ada|MARKREAD|*",)),
    Case("MARKREAD #lab *", ("FAIL|MARKREAD|INVALID_PARAMS|[*]|*",), ("421|ada|MARKREAD|*",)),
    Case("MARKREAD", ("FAIL|MARKREAD|NEED_MORE_PARAMS|*",), ("421|ada|MARKREAD|*",)),
    Case("SEARCH text=hi;in=#lab", ("PRIVMSG|#lab|hi there", "NOTICE|#lab|hi there"), NO_SEARCH),
    Case(r"SEARCH text=THERE\shi;from=ada;limit=1", ("NOTICE|#lab|hi there",), NO_SEARCH),
    Case('SEARCH :text="there\\shi"', (), NO_SEARCH),
    Case("SEARCH in=bob", ("PRIVMSG|bob|psst", "PRIVMSG|bob|both"), NO_SEARCH),
    Case("SEARCH in=#nope", ("FAIL|SEARCH|INVALID_PARAMS|in|*",), NO_SEARCH),
    Case("SEARCH near=x", ("FAIL|SEARCH|INVALID_PARAMS|near|*",), NO_SEARCH),
    Case("SEARCH text=hi there", ("FAIL|SEARCH|INVALID_PARAMS|[*]|*",), NO_SEARCH),
    Case("SEARCH", (NEED_MORE.format("SEARCH"),)),
)
PEOPLE = (
    Case("WHO #lab", ("352|ada|#lab|ada|u*.securechat|localhost|ada|H@|0 Ada Test", "315|ada|#lab|*")),
    Case("WHO bob", ("352|ada|[*]|bob|u*.securechat|localhost|bob|H|0 Bob Test", "315|ada|bob|*")),
    Case("WHO nobody", ("315|ada|nobody|*",)),
    Case("WHO bo?", ("352|ada|[*]|bob|u*.securechat|localhost|bob|H|0 Bob Test", "315|ada|bo[?]|*")),
    Case(
        "WHO bob %tcuihsnfdlaor,123",
        (
            "354|ada|123|[*]|bob|255.255.255.255|u*.securechat|localhost|bob|H|0|*|bob|n/a|Bob Test",
            "315|ada|bob|End of*WHO list",
        ),
    ),
    Case("WHO #lab %fnc", ("354|ada|#lab|ada|H@", "315|ada|#lab|*")),
    Case("WHO bob %t,12345", ("354|ada|0", "315|ada|bob|*")),
    Case("WHO nobody %n", ("315|ada|nobody|*",)),
    Case("WHOIS bob", (*WHOIS_BOB, "318|ada|bob|End of*WHOIS list")),
    Case("WHOIS localhost BOB", (*WHOIS_BOB, "318|ada|BOB|End of*WHOIS list")),
    Case("WHOIS nobody", ("401|ada|nobody|*", "318|ada|nobody|*")),
    Case("WHOIS", ("431|ada|*",)),
    Case(
        "WHOIS op",
        ("311|*", "319|*", "312|*", "313|ada|op|*", "301|ada|op|lunch", "317|*", "330|*", "671|*", "318|ada|op|*"),
    ),
    Case(
        "WHOWAS eve",
        ("314|ada|eve|eve|u*.securechat|[*]|Eve Test", "312|ada|eve|localhost|left 20*Z", "369|ada|eve|*"),
    ),
    Case("WHOWAS eve 1", ("314|*", "312|*", "369|ada|eve|*")),
    Case("WHOWAS bob", ("406|ada|bob|*", "369|ada|bob|*")),
    Case("WHOWAS nobody", ("406|ada|nobody|*", "369|ada|nobody|*")),
    Case("WHOWAS", ("431|ada|*",)),
    Case("SETNAME :Ada of the table", ("SETNAME|Ada of the table",), ()),
    Case("WHO ada %r", ("354|ada|Ada of the table", "315|ada|ada|*")),
    Case("SETNAME :" + "x" * 101, ("FAIL|SETNAME|INVALID_REALNAME|*",)),
    Case("SETNAME :", ("FAIL|SETNAME|INVALID_REALNAME|*",)),
    Case("SETNAME", (NEED_MORE.format("SETNAME"),)),
    Case("MONITOR + bob,nobody", ("730|ada|bob!bob@u*.securechat", "731|ada|nobody")),
    Case("MONITOR L", ("732|ada|bob,nobody", "733|ada|End of*MONITOR list")),
    Case("MONITOR S", ("730|ada|bob!bob@u*.securechat", "731|ada|nobody")),
    Case("MONITOR + *!*@*", ("432|ada|[*]!?@?|*",)),
    Case("MONITOR - NoBody"),
    Case("MONITOR l", ("732|ada|bob", "733|ada|*")),
    Case("MONITOR c"),
    Case("MONITOR L", ("733|ada|*",)),
    Case("MONITOR + " + HUNDRED_NAMES, ("731|ada|n0,n1,*",)),
    Case("MONITOR + bob", ("734|ada|100|bob|Monitor list is full",)),
    Case("MONITOR C"),
    Case("MONITOR +", (NEED_MORE.format("MONITOR"),)),
    Case("MONITOR ?", (NEED_MORE.format("MONITOR"),)),
    Case("MONITOR", (NEED_MORE.format("MONITOR"),)),
    Case("AWAY :gone", ("306|ada|*",)),
    Case("AWAY", ("305|ada|*",)),
    Case("USERHOST bob op nobody", ("302|ada|bob=+bob@u*.securechat op[*]=-op@u*.securechat",)),
    Case("ISON nobody bob", ("303|ada|bob",)),
    Case("ISON nobody", ("303|ada|",)),
    Case("ISON", (NEED_MORE.format("ISON"),)),
)
THE_SERVER = (
    Case("MOTD", ("422|ada|*",)),
    Case("VERSION", ("351|ada|securechat-*|localhost|*", ISUPPORT, ISUPPORT, "005|ada|*")),
    Case("TIME", ("391|ada|localhost|*",)),
    Case(
        "LUSERS",
        (
            "251|ada|There are 3 users *",
            "252|ada|0|operators online",
            "254|ada|*|*",
            "255|ada|*",
            "265|ada|*|*|*",
            "266|ada|*|*|*",
        ),
    ),
    Case("INFO", ("371|ada|*", "371|ada|*", "371|ada|on-line since *", "374|ada|End of*INFO list")),
    Case("STATS u", ("242|ada|Server Up 0 days 0:*", "219|ada|u|End of*STATS report")),
    Case("STATS x", ("219|ada|x|*",)),
    Case("STATS", (NEED_MORE.format("STATS"),)),
    Case("HELP", ("704|ada|[*]|*", "705|ada|[*]|AUTHENTICATE AWAY *", "706|ada|[*]|End of*HELP")),
    Case("HELP privmsg", ("704|ada|PRIVMSG|*", *2 * ("705|ada|PRIVMSG|*",), "706|ada|PRIVMSG|*")),
    Case("HELP nothing", ("524|ada|nothing|*",)),
    Case("KILL bob :why not", ("481|ada|*",)),
    Case("OPER op wrong", ("464|ada|Password incorrect",)),
    Case("OPER nobody wrong", ("464|ada|Password incorrect",)),
    Case(f"OPER bob :{PASSWORD}", ("491|ada|*",)),
    Case(f"OPER op :{PASSWORD}", ("381|ada|*", "MODE|ada|+o")),
    Case("MODE ada", ("221|ada|+o",)),
    Case("LUSERS", ("251|*", "252|ada|1|*", "254|*", "255|*", "265|*", "266|*")),
    Case("KILL nobody :why not", ("401|ada|nobody|*",)),
    Case("KILL eve :not here", ("401|ada|eve|*",)),
    Case("KILL", (NEED_MORE.format("KILL"),)),
    Case("OPER op", (NEED_MORE.format("OPER"),)),
    Case("MODE ada -o", ("MODE|ada|-o",)),
    Case("KILL bob :why not", ("481|ada|*",)),
    Case("WALLOPS :hello", ("421|ada|WALLOPS|*",)),
    Case("TOKEN LIST", (), NO_TOKENS),
    Case("TOKEN CREATE :my laptop", ("TOKEN|CREATE|????????|20*Z|sct_*|my laptop",), NO_TOKENS),
    Case("TOKEN LIST", ("TOKEN|LIST|????????|20*Z|20*Z|[*]|[*]|my laptop",), NO_TOKENS),
    Case("TOKEN CREATE :", ("FAIL|TOKEN|INVALID_PARAMS|CREATE|*",), NO_TOKENS),
    Case("TOKEN CREATE a b", ("FAIL|TOKEN|INVALID_PARAMS|CREATE|*",), NO_TOKENS),
    Case("TOKEN REVOKE none", ("FAIL|TOKEN|UNKNOWN_TOKEN|REVOKE|none|*",), NO_TOKENS),
    Case("TOKEN FOO", ("FAIL|TOKEN|INVALID_PARAMS|FOO|*",), NO_TOKENS),
    Case("TOKEN", (NEED_MORE.format("TOKEN"),)),
    Case("PASSWD !", ("FAIL|PASSWD|INVALID_PARAMS|*",)),
    Case("PASSWD", (NEED_MORE.format("PASSWD"),)),
)
LEAVING = (
    Case("PART #lab :bye now", ("PART|#lab|bye now",)),
    Case("PART #lab", ("442|ada|#lab|*",)),
    Case("PART #nope", ("403|ada|#nope|*",)),
    Case("PART", (NEED_MORE.format("PART"),)),
    Case("JOIN 0", ("PART|#lobby",)),
)
TABLE = (*REGISTRATION, *CHANNELS, *MODES, *MESSAGES, *PEOPLE, *THE_SERVER, *LEAVING)


@pytest.fixture
def surroundings(server: Server, login: Login) -> None:
    """People and channels that the table speaks of."""
    server.adduser("op", admin=True)
    server.adduser("ada")
    eve = login("eve")
    eve.send("QUIT")
    eve.until_closed()
    op, bob = login("op"), login("bob")
    op.send("AWAY :lunch")
    for line in ("JOIN #closed", "JOIN #key", "MODE #key +k word", "JOIN #invited", "MODE #invited +i"):
        bob.send(line)
    for line in ("JOIN #full", "MODE #full +l 1", "JOIN #banned", "MODE #banned +b ada"):
        bob.send(line)
    bob.wait_for("MODE", lambda line: line.params[0] == "#banned")
    op.wait_for("JOIN", lambda line: (line.source or "").startswith("bob!"))
    op.sync()


def fits(line: Message, shape: str) -> bool:
    """Whether command and parameters are as many as in the shape, and each fits; a last `*` stands for one or more."""
    wanted, words = shape.split("|"), [line.command, *line.params]
    if wanted[-1] == "*":
        words = words[: len(wanted)]
    return len(words) == len(wanted) and all(map(fnmatchcase, words, wanted))


def differences(answers: list[tuple[Case, list[Message], tuple[str, ...]]]) -> list[str]:
    return [
        f"{case.said!r} expected {wanted} got {['|'.join([line.command, *line.params]) for line in lines]}"
        for case, lines, wanted in answers
        if len(lines) != len(wanted) or not all(map(fits, lines, wanted))
    ]


@pytest.mark.usefixtures("surroundings")
def test_every_command_is_answered_as_the_standards_say(login: Login) -> None:
    ada = login("ada", "")
    answers = []
    for case in TABLE:
        ada.send(case.said)
        wanted = case.answer if case.plain is None else case.plain
        answers.append((case, [line for line in ada.sync() if line.source], wanted))
    assert not differences(answers)
    assert not [line for line in ada.seen if line.tags]


@pytest.mark.usefixtures("surroundings")
def test_every_command_is_answered_with_its_label(login: Login) -> None:
    ada = login("ada")
    answers = []
    for case in TABLE:
        lines = ada.ask(case.said)
        answers.append((case, [line for line in lines if line.command != "ACK"], case.answer))
    assert not differences(answers)


def test_no_command_is_missing_from_the_table() -> None:
    said = {case.said.split()[0] for case in TABLE}
    assert set(COMMANDS) - said == {"QUIT"}


def test_quit_is_acknowledged_and_followed_by_error(server: Server, login: Login) -> None:
    ada = login("ada")
    ada.send("QUIT :bye", label="1")
    lines = ada.until_closed()
    assert [(line.command, *line.params) for line in lines] == [("ACK",), ("ERROR", "Quit: bye")]
    assert lines[0].label == "1"


def test_a_client_that_knows_cap_302_keeps_cap_notify(server: Server) -> None:
    """And one that does not may give it up."""
    with server.connect() as new, server.connect() as old:
        for peer, version, outcome in ((new, " 302", "NAK"), (old, "", "ACK")):
            peer.send(f"CAP LS{version}")
            peer.send("CAP REQ cap-notify")
            peer.wait_for("CAP", lambda line: line.params[1] == "ACK")
            peer.send("CAP REQ -cap-notify")
            assert peer.wait_for("CAP").params[1:] == (outcome, "-cap-notify")


def test_who_is_found_in_names_is_seen_to_leave_before_its_join_was_shown(server: Server, login: Login) -> None:
    """Just after a start JOINs are held back for a second; nobody may stay behind in a list of nicks."""
    bob, ada = login("bob"), login("ada")
    names = next(line for line in ada.seen if line.command == "353")
    assert "bob" in names.params[-1].split()
    bob.send("QUIT :gone")
    assert (ada.wait_for("QUIT").source or "").startswith("bob!")
