"""One login to one server, without socket or clock: bytes in, events and bytes out, calls in between.

`now` is monotonic seconds, passed in by whoever owns the session; nobody else may touch it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

from securechat.client import messages, replies
from securechat.client.batches import Batch, Batches
from securechat.client.channels import Channels, nick_of
from securechat.client.events import (
    Acknowledged,
    Admitted,
    Disconnected,
    Entered,
    Event,
    Joined,
    Missed,
    Names,
    PasswordAnswered,
    Refused,
    Renamed,
    Said,
    Topic,
)
from securechat.client.history import Playback, Seen, Steps, catch_up, message_time
from securechat.client.messages import ACTION_END, ACTION_START, Known
from securechat.client.outbox import WINDOW, Line, Outbox
from securechat.client.registration import Registration
from securechat.protocol import lines, numerics, sasl, text
from securechat.protocol.message import NO_TAGS, Message, ProtocolError, encode
from securechat.protocol.names import CHANNEL_PREFIX

PING_AFTER = 120.0
GIVE_UP_AFTER = 60.0  # of silence after our PING
UNENDED_BYTES = 64 * 1024
MOST_WAITING_LINES = 10_000  # said by others while we catch up
LONGEST_SOURCE = 110  # bytes of nick!user@host while the server has not yet shown ours
SHORTEST_PIECE = 32

READY = "ready"  # the token of the PING whose PONG ends the burst
HISTORY_BATCHES = ("chathistory", "draft/chathistory-targets")
ACKNOWLEDGE = "ack-"  # tokens of PINGs that stand in for labels

Answer = Callable[[list[Message]], None]


class Session:
    """`feed`, `tick` and the calls change it; `take_output` and `take_events` hand out what they led to."""

    def __init__(
        self, account: str, password: str, lobby: str, seen: Seen, *, window: int = WINDOW, patience: float = 0.0
    ) -> None:
        self.nick = account
        self.lobby = lobby
        self.channels = Channels()
        self.outbox = Outbox(window, patience)
        self.quitting = False
        self._now = 0.0
        self._heard_at = 0.0
        self._pinged_at: float | None = None
        self._seen = seen
        self._source_bytes = LONGEST_SOURCE
        self._output: list[bytes] = []
        self._events: list[Event] = []
        self._buffer = lines.LineBuffer(UNENDED_BYTES)
        self._batches = Batches()
        self._registration: Registration | None = Registration(account, password, self._send)
        self._capabilities: frozenset[str] = frozenset()
        self._next_label = 0
        self._answers: dict[str, Answer] = {}
        self._catching_up: Steps | None = None
        self._entered = False
        self._waiting: deque[Said] = deque()
        self._known = Known()
        self._came_at: datetime | None = None  # by the server's clock
        self._goodbye = ""
        self._handlers: Mapping[str, Callable[[Message], None]] = {
            "PRIVMSG": self._said,
            "NOTICE": self._said,
            "PING": self._ping,
            "PONG": self._pong,
            "ERROR": self._error,
            numerics.RPL_ENDOFMOTD: self._burst_half_over,
            numerics.ERR_NOMOTD: self._burst_half_over,
        }

    # What whoever owns the socket calls.

    def start(self, now: float) -> None:
        self._now = self._heard_at = now
        if self._registration is not None:
            self._registration.start()

    def feed(self, data: bytes, now: float) -> None:
        """Bytes from the server. Raises ProtocolError when it breaks the rules so badly that we must go."""
        self._now = self._heard_at = now
        self._pinged_at = None
        for line in self._buffer.feed(data):
            message = lines.read_server_line(line)
            if isinstance(message, Message):
                self._receive(message)
        self._send_due()

    def tick(self, now: float) -> None:
        """Do what is due at this moment. Raises ProtocolError when the server has been silent for too long."""
        self._now = now
        if self._pinged_at is not None and now >= self._pinged_at + GIVE_UP_AFTER:
            raise ProtocolError(f"no answer from the server for {now - self._heard_at:.0f} s")
        if self._pinged_at is None and now >= self._heard_at + PING_AFTER:
            self._pinged_at = now
            self._send("PING", "still-there")
        self._send_due()

    def excuse(self, now: float) -> None:
        """The silence is ours: we do not read at the moment."""
        self._heard_at = now
        self._pinged_at = None

    @property
    def deadline(self) -> float:
        """When `tick` must be called at the latest."""
        silence = self._heard_at + PING_AFTER if self._pinged_at is None else self._pinged_at + GIVE_UP_AFTER
        retry = self.outbox.deadline
        return silence if retry is None else min(silence, retry)

    def take_output(self) -> bytes:
        output = b"".join(self._output)
        self._output.clear()
        return output

    def take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def disconnected(self, reason: str) -> None:
        """The link is gone; the server's own words, if it said any, come first."""
        self._events.append(Disconnected(self._goodbye or reason, self.quitting))

    # What a face calls, by way of the owner.

    def say(self, ticket: int, target: str, words: str, *, action: bool = False) -> None:
        """Send a text, in as many messages as it needs; Acknowledged or Refused tells how `ticket` ended.

        `words` holds no CR, LF or NUL and can be written as UTF-8. Tickets rise.
        """
        start, end = (ACTION_START, ACTION_END) if action else ("", "")
        overhead = self._source_bytes + len(f": PRIVMSG {target} :{start}{end}\r\n".encode())
        budget = max(SHORTEST_PIECE, lines.BODY_BYTES - overhead)
        pieces = [f"{start}{piece}{end}" for piece in text.split(words, budget)]
        self.outbox.put(Line(ticket, target, words), pieces)
        self._send_due()

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

    def change_password(self, old: str, new: str) -> None:
        """Ask the server for another password; PasswordAnswered tells what it said."""
        *first, last = sasl.pieces(sasl.write_passwords(old, new))
        for piece in first:
            self._send("PASSWD", piece)
        self._ask(self._password_answered, "PASSWD", last)

    def quit(self, reason: str = "") -> None:
        self.quitting = True
        self._send("QUIT", *([reason] if reason else []))

    # Lines out.

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

    def _send_due(self) -> None:
        for piece in self.outbox.due(self._now):
            label = self._label()
            self.outbox.sent(piece, label)
            if self._labels:
                self._send("PRIVMSG", piece.line.target, piece.wire_text, tags={"label": label})
            else:
                self._send("PRIVMSG", piece.line.target, piece.wire_text)
                self._send("PING", ACKNOWLEDGE + label)

    @property
    def _labels(self) -> bool:
        """Whether a labelled echo comes back for each message."""
        return self._capabilities >= {"labeled-response", "echo-message", "batch"}

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
        if label in self.outbox:
            self._outcome(label, answers)
        elif answer := self._answers.pop(label, None):
            answer(answers)
        else:
            return False
        return True

    def _outcome(self, label: str, answers: list[Message]) -> None:
        """An answer to a message of ours: its echo says stored, an error says why not."""
        error = next((message for message in answers if replies.is_error(message)), None)
        if error is not None:
            self._refuse(label, error)
        else:
            self._acknowledge(label)

    def _acknowledge(self, label: str) -> None:
        piece = self.outbox.acknowledged(label, self._now)
        if "echo-message" not in self._capabilities:
            self._handle(Message("PRIVMSG", (piece.line.target, piece.wire_text), f"{self.nick}!"), answered=True)
        if piece.line.done:
            self._events.append(Acknowledged(piece.line.ticket))

    def _refuse(self, label: str, error: Message) -> None:
        temporary = replies.is_temporary(error)
        line = self.outbox.refused(label, self._now, temporary=temporary)
        if line is not None:
            self._events.append(Refused(line.ticket, line.target, line.text, replies.reason(error), temporary))

    def _handle(self, message: Message, answered: bool) -> None:
        """One line, whether or not it belonged to an answer; yes and no were told where they belong then."""
        if self._registration is not None:
            if event := self._registration.receive(message):
                self._registered(event)
                return
        elif not answered and not self._labels and replies.is_error(message) and self._refuse_unlabelled(message):
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
        if isinstance(event, Joined) and event.own and event.time and not self._entered:
            self._came_at = min(event.time, self._came_at or event.time)
        if event is not None and (self._entered or not isinstance(event, Joined | Topic | Names)):
            self._events.append(event)

    def _refuse_unlabelled(self, error: Message) -> bool:
        """Whether this error is about a message of ours, as far as a server without labels lets us know."""
        label = next((label for about in error.params[1:] if (label := self.outbox.label_to(about))), None)
        if label is not None:
            self._refuse(label, error)
        return label is not None

    def _registered(self, event: Event) -> None:
        self._events.append(event)
        if isinstance(event, Admitted) and self._registration is not None:
            self._capabilities = frozenset(self._registration.capabilities)
            self._registration = None
            self.nick = self.channels.own_nick = event.nick

    def _burst_half_over(self, message: Message) -> None:
        """The channels follow right away; the answer to this PING comes behind them."""
        if not self._entered and self._catching_up is None and self._registration is None:
            self._send("PING", READY)

    def _learn_source(self, message: Message) -> None:
        """How long the source is that others see before our messages."""
        if message.source and "@" in message.source and self.channels.is_own(nick_of(message)):
            self._source_bytes = len(message.source.encode())

    def _ping(self, message: Message) -> None:
        self._send("PONG", *message.params[-1:])

    def _pong(self, message: Message) -> None:
        token = message.params[-1] if message.params else ""
        if token == READY and not self._entered and self._catching_up is None:
            self._begin_catching_up()
        elif token.startswith(ACKNOWLEDGE) and token.removeprefix(ACKNOWLEDGE) in self.outbox:
            self._acknowledge(token.removeprefix(ACKNOWLEDGE))

    def _error(self, message: Message) -> None:
        self._goodbye = message.params[-1] if message.params else ""

    def _password_answered(self, answers: list[Message]) -> None:
        for message in answers:
            if message.command == "NOTE" or replies.is_error(message):
                self._events.append(PasswordAnswered(message.command == "NOTE", replies.reason(message)))

    # Messages, live and past.

    def _said(self, message: Message) -> None:
        self._learn_source(message)
        if "!" not in (message.source or ""):
            return self._told(message) if self._registration is None else None
        said = messages.read(message, self.nick)
        if said is None or not self._known.add(said.msgid):
            return None
        if self._entered:
            self._events.append(said)
            return None
        if len(self._waiting) >= MOST_WAITING_LINES:
            raise ProtocolError("more is being said than the history can be read")
        self._waiting.append(said)
        return None

    def _begin_catching_up(self) -> None:
        if not self._capabilities >= {"draft/chathistory", "labeled-response", "batch"}:
            return self._enter()
        self._catching_up = catch_up(self._seen, self.lobby, self.channels.names, self._show_past)
        return self._ask_history(None)

    def _ask_history(self, page: list[Message] | None) -> None:
        """Give the answer to the last request, make the next one; at the end what was said meanwhile is told."""
        if self._catching_up is None:
            return
        try:
            request = next(self._catching_up) if page is None else self._catching_up.send(page)
        except StopIteration:
            self._enter()
        else:
            self._ask(self._history_page, "CHATHISTORY", *request)

    def _history_page(self, answers: list[Message]) -> None:
        self._ask_history([] if any(replies.is_error(message) for message in answers) else answers)

    def _show_past(self, playback: Playback) -> None:
        told = [said for message in playback.messages if (said := messages.read(message, self.nick))]
        past = {said.msgid for said in told}
        self._waiting = deque(said for said in self._waiting if said.msgid is None or said.msgid not in past)
        for said in told:
            self._known.add(said.msgid)
        if told:
            direct = not playback.target.startswith(CHANNEL_PREFIX)
            self._events.append(Missed(playback.target, tuple(told), direct, playback.since_visit, playback.cut))

    def _enter(self) -> None:
        self._entered = True
        self._catching_up = None
        self._events.append(Entered(self.nick, self.channels.names, self._came_at))
        self._events.extend(self._waiting)
        self._waiting.clear()
