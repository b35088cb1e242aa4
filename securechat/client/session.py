"""One login to one server, without socket or clock: bytes in, events and bytes out, calls in between.

`now` is monotonic seconds, passed in by whoever owns the session; nobody else may touch it. What outlives the link is
in the `Conversation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from securechat.client import doubts, earlier, messages, remembering, replies, search, typing
from securechat.client.batches import Batch, Batches
from securechat.client.channels import Channels, nick_of
from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.events import (
    Admitted,
    Earlier,
    Entered,
    Event,
    Found,
    Joined,
    Names,
    PasswordAnswered,
    Person,
    Renamed,
    Told,
    Topic,
)
from securechat.client.history import Place, Playback, Request, Steps, message_time
from securechat.client.liveness import Liveness
from securechat.client.outbox import Piece
from securechat.client.paging import Paging
from securechat.client.past import Past
from securechat.client.registration import Registration
from securechat.client.remembering import Remembering
from securechat.client.search import Query, Searching
from securechat.client.sending import Sending
from securechat.client.stream import Stream
from securechat.protocol import lines, numerics, sasl
from securechat.protocol.message import NO_TAGS, Message, encode

UNENDED_BYTES = 64 * 1024

READY = "ready"  # the token of the PING whose PONG ends the burst
HISTORY_BATCHES = ("chathistory", "draft/chathistory-targets", search.CAPABILITY)
HISTORY = frozenset({"draft/chathistory", "labeled-response", "batch"})

Answer = Callable[[list[Message]], None]


class Session:
    """`feed`, `tick` and the calls change it; `take_output` and `take_events` hand out what they led to.

    `past`: what is to be told of it.
    """

    def __init__(self, credentials: Credentials, past: Past, conversation: Conversation) -> None:
        self.nick = credentials.account
        self._past = past
        self.channels = Channels()
        self.goodbye = ""  # the server's last words
        self._credentials = credentials
        self._conversation = conversation
        self._now = 0.0
        self._liveness = Liveness(lambda: self._send("PING", "still-there"))
        self._bursting = True
        self._output: list[bytes] = []
        self._events: list[Event] = []
        self._buffer = lines.LineBuffer(UNENDED_BYTES)
        self._batches = Batches()
        self._registration: Registration | None = Registration(credentials, self._send)
        self._capabilities: frozenset[str] = frozenset()
        self._next_label = 0
        self._answers: dict[str, Answer] = {}
        self._sending = Sending(conversation.outbox, self._send, self._label, self._tell, self._show_own)
        self._stream = Stream(conversation, self._tell)
        self._remembering = Remembering(credentials, self._ask, self._tell)
        self._paging: Paging | None = None
        self._came_at: datetime | None = None  # by the server's clock
        self._software = ""  # the server's
        self._found = False  # anybody, by the WHO that is being answered
        self._handlers: Mapping[str, Callable[[Message], None]] = {
            "PRIVMSG": self._said,
            "NOTICE": self._said,
            "TAGMSG": self._typing,
            numerics.RPL_MYINFO: self._myinfo,
            "PING": self._ping,
            "PONG": self._pong,
            "ERROR": self._error,
            numerics.RPL_ENDOFMOTD: self._burst_half_over,
            numerics.ERR_NOMOTD: self._burst_half_over,
            numerics.RPL_ENDOFWHO: self._who_over,
        }

    @property
    def entered(self) -> bool:
        """Whether lines are told as they are said, and sent as they are typed."""
        return self._stream.flowing

    # What whoever owns the socket calls.

    def start(self, now: float) -> None:
        self._now = now
        self._liveness.start(now)
        if self._registration is not None:
            self._registration.start()

    def feed(self, data: bytes, now: float) -> None:
        """Bytes from the server. Raises ProtocolError when it breaks the rules so badly that we must go."""
        self._now = now
        self._liveness.heard(now)
        for line in self._buffer.feed(data):
            message = lines.read_server_line(line)
            if isinstance(message, Message):
                self._receive(message)
        self._sending.send_due(now)

    def tick(self, now: float) -> None:
        """Do what is due at this moment. Raises ProtocolError when the server has let us wait for too long."""
        self._now = now
        self._liveness.tick(now)
        if self._paging is not None:
            self._paging.tick(now)
        self._sending.send_due(now)

    def excuse(self, now: float) -> None:
        """The silence is ours: we do not read at the moment."""
        self._liveness.heard(now)

    @property
    def deadline(self) -> float:
        """When `tick` must be called at the latest."""
        paging = self._paging.deadline if self._paging is not None else None
        return min(moment for moment in (self._liveness.deadline, paging, self._sending.deadline) if moment is not None)

    def take_output(self) -> bytes:
        output = b"".join(self._output)
        self._output.clear()
        return output

    def take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    # What a face calls, by way of the owner.

    def join(self, channel: str, key: str | None = None) -> None:
        self._send("JOIN", channel, *([key] if key else []))

    def part(self, channel: str, reason: str) -> None:
        self._send("PART", channel, *([reason] if reason else []))

    def set_topic(self, channel: str, topic: str) -> None:
        self._send("TOPIC", channel, topic)

    def ask_topic(self, channel: str) -> None:
        self._send("TOPIC", channel)

    def ask_names(self, channel: str) -> None:
        self.channels.ask_names(channel)
        self._send("NAMES", channel)

    def ask_who(self, mask: str) -> None:
        self._send("WHO", mask)

    def search(self, query: Query) -> None:
        """Look through what may be read here; one Found tells what there is."""
        if self._capabilities >= search.NEEDED:
            Searching(query, self.nick, self._ask_search, self._tell).ask_next()
        else:
            self._tell(Found((), "this server knows no search"))

    def read_earlier(self, target: str, place: Place | None) -> None:
        """Read what was said before that, or the newest; one Earlier tells it."""
        if self._capabilities >= HISTORY:
            earlier.read(target, place, self.nick, self._ask_history, self._tell)
        else:
            self._tell(Earlier(target, (), problem="this server keeps no history"))

    def show_typing(self, target: str, *, active: bool) -> None:
        """Let others know that the person is typing; again every `typing.EVERY` seconds as long as that is so."""
        if self._capabilities >= typing.NEEDED:
            self._answers[label := self._label()] = _nobody_cares
            self._send("TAGMSG", target, tags={"label": label, **typing.tags(active=active)})

    def change_password(self, old: str, new: str) -> None:
        """Ask the server for another password; PasswordAnswered tells what it said."""

        def answered(answers: list[Message]) -> None:
            for message in answers:
                if message.command == "NOTE":
                    self._remembering.password_changed(new)
                if replies.is_answer(message):
                    self._tell(PasswordAnswered(message.command == "NOTE", replies.reason(message)))

        *first, last = sasl.pieces(sasl.write_passwords(old, new))
        for piece in first:
            self._send("PASSWD", piece)
        self._ask(answered, "PASSWD", last)

    def remember(self) -> None:
        """Have this computer's next login take no password; one Remembered tells how it went."""
        self._remembering.remember()

    def forget(self) -> None:
        """Undo that; if this session was opened so, it ends."""
        self._remembering.forget()

    def quit(self) -> None:
        self._send("QUIT")

    # Lines and events out.

    def _tell(self, event: Event) -> None:
        self._events.append(event)

    def _ask_search(self, answer: Answer, attributes: str) -> None:
        self._ask(answer, "SEARCH", attributes)

    def _send(self, command: str, *params: str, tags: Mapping[str, str] = NO_TAGS) -> None:
        self._output.append(encode(command, *params, tags=tags))

    def _label(self) -> str:
        self._next_label += 1
        return str(self._next_label)

    def _ask(self, answer: Answer, command: str, *params: str) -> None:
        """Send a command whose labelled reply goes to `answer`."""
        label = self._label()
        self._answers[label] = answer
        self._send(command, *params, tags={"label": label})

    # Lines in.

    def _receive(self, message: Message) -> None:
        item = self._batches.receive(message)
        if isinstance(item, Batch):
            answered = self._answer(item.label, item.messages)
            if item.kind not in HISTORY_BATCHES:  # history is only for whoever asked for it
                for held in item.messages:
                    self._handle(held, answered)
        elif item is not None:
            self._handle(item, self._answer(item.label, [item]))

    def _answer(self, label: str | None, answers: list[Message]) -> bool:
        """Give these lines to whatever of ours they answer, if there is such a thing."""
        if label is None:
            return False
        if label in self._sending:
            self._sending.answered(label, answers)
        elif answer := self._answers.pop(label, None):
            answer(answers)
        else:
            return False
        return True

    def _handle(self, message: Message, answered: bool) -> None:
        """One line, whether or not it belonged to an answer; yes and no were told where they belong then."""
        if self._registration is not None:
            if event := self._registration.receive(message):
                self._registered(event)
                return
        elif not answered and self._is_refusal(message):
            return
        if handler := self._handlers.get(message.command):
            handler(message)
        elif self._registration is None and not (answered and replies.is_answer(message)):
            self._told(message)

    def _told(self, message: Message) -> None:
        self._learn_source(message)
        event = self.channels.receive(message, message_time(message)) or replies.read(message)
        if isinstance(event, Renamed) and event.own:
            self.nick = event.after
        self._found = self._found or isinstance(event, Person)
        if isinstance(event, Joined) and event.own and event.time and not self.entered:
            self._came_at = min(event.time, self._came_at or event.time)
        if event is not None and (self.entered or not self._is_burst(message, event)):
            self._tell(event)

    def _is_burst(self, message: Message, event: Event) -> bool:
        """Whether it only says how things are when we come; the message of the day is for the first link of a visit."""
        again = self._conversation.entered and message.command == numerics.RPL_MOTD
        return again or isinstance(event, Joined | Topic | Names)

    def _is_refusal(self, message: Message) -> bool:
        """Whether this is a no to a message of ours, from a server without labels."""
        return not self._sending.labelled and replies.is_error(message) and self._sending.refused_unlabelled(message)

    def _registered(self, event: Event) -> None:
        if not isinstance(event, Admitted) or self._registration is None:
            return self._tell(event)
        self._capabilities = self._sending.capabilities = frozenset(self._registration.capabilities)
        limits = self._registration.limits if self._sending.labelled else None
        self._conversation.limits = self._sending.limits = limits
        self._registration = None
        self.nick = self.channels.own_nick = event.nick
        self._remembering.offered = self._capabilities >= remembering.NEEDED
        self._tell(replace(event, rememberable=self._remembering.possible))
        if self._credentials.remember and self._credentials.token is None:
            self._remembering.remember()

    def _burst_half_over(self, message: Message) -> None:
        """The channels follow right away; the answer to this PING comes behind them."""
        if self._bursting and self._registration is None:
            self._send("PING", READY)

    def _learn_source(self, message: Message) -> None:
        if message.source and "@" in message.source and self.channels.is_own(nick_of(message)):
            self._conversation.source_bytes = len(message.source.encode())

    def _who_over(self, message: Message) -> None:
        """Who asked for somebody that is not here gets an answer, too."""
        if not self._found and len(message.params) > 1:
            self._tell(Told("nobody found", about=message.params[1], failed=True))
        self._found = False

    def _ping(self, message: Message) -> None:
        self._send("PONG", *message.params[-1:])

    def _pong(self, message: Message) -> None:
        token = message.params[-1] if message.params else ""
        if token == READY and self._bursting:
            self._burst_over()
        else:
            self._sending.ponged(token)

    def _error(self, message: Message) -> None:
        self.goodbye = message.params[-1] if message.params else ""

    # Messages, live and past.

    def _said(self, message: Message) -> None:
        self._learn_source(message)
        if "!" not in (message.source or ""):
            return self._told(message) if self._registration is None else None
        said = messages.read(message, self.nick)
        return self._stream.said(said) if said is not None else None

    def _typing(self, message: Message) -> None:
        if self.entered and (event := typing.read(message, self.nick)) is not None:
            self._tell(event)

    def _myinfo(self, message: Message) -> None:
        self._software = message.params[2] if len(message.params) > 2 else ""

    def _show_own(self, piece: Piece) -> None:
        """A message of ours that is stored, on a server that does not echo it."""
        self._handle(Message("PRIVMSG", (piece.line.target, piece.wire_text), f"{self.nick}!"), answered=True)

    def _burst_over(self) -> None:
        self._bursting = False
        self._liveness.ready()
        if self._capabilities >= HISTORY:
            self._paging = Paging(self._steps(), self._ask_history, self._enter)
            self._paging.start(self._now)
        else:
            if not self._sending.knows_ids:
                doubts.give_up(self._sending, self._conversation.outbox.doubts)
            self._enter()

    def _steps(self) -> Steps:
        """What must be known before lines are told and sent."""
        seen = self._conversation.seen
        if not self._sending.knows_ids:
            yield from doubts.settle(self._conversation.outbox, self._sending, seen, self.nick)
        yield from self._past(seen, self.channels.names, self._missed)

    def _ask_history(self, answer: Answer, request: Request) -> None:
        self._ask(answer, "CHATHISTORY", *request)

    def _missed(self, playback: Playback) -> None:
        self._stream.missed(playback, self.nick)

    def _enter(self) -> None:
        self._paging = None
        again = self._conversation.entered
        self._stream.flow(Entered(self.nick, self.channels.names, self._came_at, again, self._software))
        self._sending.begin()


def _nobody_cares(answers: list[Message]) -> None:
    """For commands whose failure is no news for the person."""
