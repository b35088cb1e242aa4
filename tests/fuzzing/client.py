"""Our client under a server that mostly answers as it should, and else says anything."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.events import Event
from securechat.client.history import DAWN, Seen
from securechat.client.outbox import Outbox
from securechat.client.past import everything, nothing
from securechat.client.search import Query
from securechat.client.session import Session
from securechat.protocol.lines import BODY_BYTES, read_server_line
from securechat.protocol.message import Message, ProtocolError
from securechat.protocol.text import printable
from securechat.ui.render import rendered
from tests.client.host import Host
from tests.fuzzing.answers import CHANNELS, TEXTS, Answers
from tests.fuzzing.invariants import Broken

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "correct horse"
LONGEST_LINK = 60  # inputs, after which it is made anew
CAPABILITIES = (
    "sasl=PLAIN",
    "sasl=PLAIN server-time message-tags echo-message labeled-response batch",
    "sasl server-time message-tags labeled-response batch echo-message securechat/retry soju.im/search",
    "sasl message-tags labeled-response batch echo-message draft/multiline=max-bytes=600,max-lines=3",
)
SAID = {"CAP", "NICK", "USER", "AUTHENTICATE", "PING", "PONG", "PRIVMSG", "BATCH", "CHATHISTORY", "SEARCH", "PASSWD",
        "JOIN", "PART", "TOPIC", "NAMES", "WHO", "TAGMSG", "QUIT"}  # fmt: skip
ECHOED = {"PONG", "CAP", "CHATHISTORY"}  # hold the server's own words, which may be longer than it takes


class Visit:
    """One account's conversation over one link after the other; `throw` gives the client one input."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.answers = Answers(self.random)
        self.now = 1000.0
        self.host = Host()
        self.links = 0
        self._begin()

    def throw(self) -> None:
        data = self._input()
        cut = self.random.randrange(len(data) + 1)
        try:
            for piece in (data[:cut], data[cut:]):
                self.session.feed(piece, self.now)
            self._act()
        except ProtocolError:  # the client goes, and comes again
            self._link()
        except Exception as error:  # whatever it is, it is what we look for
            raise Broken(f"the client fell over {data!r}") from error
        self._look()
        self.inputs += 1
        if self.inputs > LONGEST_LINK or self.random.random() < 0.002:
            self._link() if self.random.random() < 0.5 else self._begin()

    def _begin(self) -> None:
        """Another person, who has seen nothing of this server or something of it."""
        self.host = Host(knows_ids=self.random.random() < 0.5, multiline=self.random.random() < 0.5)
        if self.random.random() < 0.5:
            self.host.capabilities = self.random.choice(CAPABILITIES)
        for number in range(self.random.choice((0, 3, 150))):
            self.host.say("bob", self.random.choice(("#lobby", "ada")), f"earlier {number}")
        seen = Seen(NOON) if self.random.random() < 0.5 else Seen()
        self.conversation = Conversation(seen, Outbox(patience=self.random.choice((0.0, 60.0))), lambda: NOON)
        self._link()

    def _link(self) -> None:
        if self.links:
            self.conversation.lost(timedelta(seconds=self.random.randrange(100)))
        self.links += 1
        self.inputs = 0
        past = everything("#lobby") if self.random.random() < 0.9 else nothing
        self.session = Session(Credentials("ada", PASSWORD), past, self.conversation)
        self.guest = self.host.connect()
        self.pending: deque[str] = deque()
        self.session.start(self.now)
        self._look()

    def _input(self) -> bytes:
        """What the server says next: half of it is what it should say."""
        if self.random.random() < 0.002:
            return self.answers.flood()
        if self.random.random() < 0.005:
            return self.answers.several()
        if self.pending and self.random.random() < 0.6:
            return self.answers.bent(self.pending.popleft())
        if self.session.entered or self.random.random() < 0.1:
            return self.answers.forged() if self.random.random() < 0.8 else self.answers.noise()
        return b"".join(self.answers.bent(self.pending.popleft()) for _ in range(min(3, len(self.pending))))

    def _act(self) -> None:
        """What the person and the clock do; someone else talks, too."""
        chance = self.random.random()
        if chance < 0.05:
            self.now += self.random.choice((0.1, 1, 5, 30, 61, 121))
            self.session.tick(self.now)
        elif chance < 0.1:
            self.host.say("bob", "#lobby", "something")
        elif chance < 0.15:
            words = "\n".join(self.random.choices(TEXTS[:8], k=self.random.choice((1, 1, 3, 12))))
            target = self.random.choice(("#lobby", "bob", "#a"))
            line = self.conversation.line(self.inputs + 1, target, words.replace("\r", ""), action=chance < 0.11)
            self.conversation.outbox.put(line)
            self.session.tick(self.now)
        elif chance < 0.2 and self.session.entered:
            self._ask()

    def _ask(self) -> None:
        session, channel = self.session, self.random.choice(CHANNELS[:3])
        query = Query("tea", "#lobby", since=self.random.choice((None, DAWN)), limit=self.random.choice((5, 150)))
        asking: tuple[Callable[[], None], ...] = (
            lambda: session.join(channel, "key"),
            lambda: session.part(channel, "bye"),
            lambda: session.ask_names(channel),
            lambda: session.set_topic(channel, "tea"),
            lambda: session.ask_topic(channel),
            lambda: session.ask_who("*"),
            lambda: session.search(query),
            lambda: session.read_earlier(channel, None),
            lambda: session.show_typing(channel, active=True),
            lambda: session.change_password(PASSWORD, PASSWORD + "!"),
        )
        self.random.choice(asking)()

    def _look(self) -> None:
        """What the client says and shows because of it."""
        for line in self.session.take_output().split(b"\r\n")[:-1]:
            self._said(line)
        for event in self.session.take_events():
            self._shown(event)
        if self.session.deadline < self.now - 3600:
            raise Broken("a deadline that is long over")

    def _said(self, line: bytes) -> None:
        message = read_server_line(line)
        if not isinstance(message, Message) or message.command not in SAID:
            raise Broken(f"the client said {line!r}")
        if message.command not in ECHOED and len(line.partition(b" ")[2]) > BODY_BYTES:
            raise Broken(f"the client said too long a line: {line!r}")
        if PASSWORD in line.decode() and message.command != "PRIVMSG":
            raise Broken(f"the client said the password in {message.command}")
        if message.label:
            self.answers.labels.append(message.label)
        self.guest.receive(line.decode())
        self.pending += self.guest.output
        self.guest.output.clear()

    def _shown(self, event: Event) -> None:
        for line in rendered(event, "#lobby", NOON):
            if "\n" in line or printable(line) != line:
                raise Broken(f"what a terminal would obey: {line!r}")


def run(inputs: int, seed: int) -> Visit:
    """Throw so many inputs at the client. Raises what breaks, or Broken."""
    visit = Visit(seed)
    for _ in range(inputs):
        visit.throw()
    return visit
