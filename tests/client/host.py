"""A server of one account in a few lines: it obeys the wire, stores what is said, and knows named messages again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from securechat.protocol.message import Message, parse, parse_tags, write_tags
from securechat.protocol.multiline import CONCAT, KIND, Piece, pieces_of, text_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAPABILITIES = "sasl=PLAIN message-tags server-time echo-message batch labeled-response draft/chathistory"


@dataclass(frozen=True)
class Stored:
    number: int
    sender: str
    target: str
    text: str

    @property
    def time(self) -> str:
        return f"{NOON + timedelta(milliseconds=self.number):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"

    def lines(self, *, multiline: bool = False, **tags: str) -> list[str]:
        """As they leave; `multiline`: to who takes a message of several lines as one."""
        head, source = write_tags({"time": self.time, "msgid": f"m{self.number}", **tags}), f":{self.sender}!u@team"
        further = write_tags({"time": self.time, **{key: value for key, value in tags.items() if key == "batch"}})
        pieces = list(pieces_of(self.text))
        if multiline and len(pieces) > 1:
            inside = [f"@batch=x{';' + CONCAT if one.concat else ''} {source} {self._said(one)}" for one in pieces]
            return [f"{head}{source} BATCH +x {KIND} {self.target}", *inside, "BATCH -x"]
        first, *more = [one for one in pieces if one.text] or pieces
        return [f"{head}{source} {self._said(first)}", *(f"{further}{source} {self._said(one)}" for one in more)]

    def _said(self, piece: Piece) -> str:
        return f"PRIVMSG {self.target} :{piece.text}"


class Host:
    """What outlives connections. `knows_ids`: whether it offers securechat/retry. `multiline`: draft/multiline."""

    def __init__(self, *, knows_ids: bool = True, multiline: bool = False) -> None:
        self.capabilities = CAPABILITIES + (" securechat/retry" if knows_ids else "")
        if multiline:
            self.capabilities += f" {KIND}=max-bytes=2000,max-lines=10"
        self.stored: list[Stored] = []
        self.named: dict[str, Stored] = {}
        self.guest: Guest | None = None

    def connect(self) -> Guest:
        self.guest = Guest(self)
        return self.guest

    def say(self, sender: str, target: str, text: str) -> Stored:
        stored = Stored(len(self.stored) + 1, sender, target, text)
        self.stored.append(stored)
        if self.guest is not None and self.guest.admitted and sender != "ada":
            self.guest.output += stored.lines(multiline=self.guest.multiline)
        return stored


class Guest:
    """One connection. Lines in; `output` holds the lines that leave."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.output: list[str] = []
        self.admitted = False
        self.multiline = False
        self.opening: Message | None = None
        self.pieces: list[Piece] = []

    def receive(self, line: str) -> None:
        message = parse(line)
        handler = getattr(self, f"on_{message.command.lower()}", None)
        if handler is not None:
            handler(message)

    def on_cap(self, message: Message) -> None:
        if message.params[0] == "LS":
            self.output.append(f":s CAP * LS :{self.host.capabilities}")
        elif message.params[0] == "REQ":
            self.multiline = KIND in message.params[1].split()
            self.output.append(f":s CAP * ACK :{message.params[1]}")
        else:
            self.admitted = True
            self.output += [":s 001 ada :Welcome", ":s 422 ada :No MOTD"]
            self.output += [":ada!u@team JOIN #lobby", ":s 353 ada = #lobby :@ada bob", ":s 366 ada #lobby :End"]

    def on_authenticate(self, message: Message) -> None:
        self.output.append("AUTHENTICATE +" if message.params[0] == "PLAIN" else ":s 903 ada :ok")

    def on_ping(self, message: Message) -> None:
        self.output.append(f":s PONG s :{message.params[0]}")

    def on_batch(self, message: Message) -> None:
        if message.params[0].startswith("+"):
            self.opening, self.pieces = message, []
        elif self.opening is not None:
            self._said(self.opening, self.opening.params[2], text_of(self.pieces))
            self.opening = None

    def on_privmsg(self, message: Message) -> None:
        if "batch" in message.tags:
            self.pieces.append(Piece(message.params[1], CONCAT in message.tags))
        else:
            self._said(message, *message.params)

    def _said(self, message: Message, target: str, text: str) -> None:
        name = message.tags.get("+securechat/id")
        first = self.host.named.get(name) if name else None
        if first is not None and (first.target, first.text) != (target, text):
            self.output.append(f"@label={message.label} :s FAIL PRIVMSG ID_REUSED {name} :another message")
            return
        stored = first or self.host.say("ada", target, text)
        if name and "securechat/retry" in self.host.capabilities:
            self.host.named[name] = stored
        self.output += stored.lines(multiline=self.multiline, label=message.label or "")

    def on_chathistory(self, message: Message) -> None:
        subcommand, *words = message.params
        if subcommand == "TARGETS":
            lines = [f"@batch=h :s CHATHISTORY TARGETS {name} {last.time}" for name, last in self._latest().items()]
        elif not self._knows(words[1]):
            self.output.append(f"@label={message.label} :s FAIL CHATHISTORY INVALID_PARAMS {subcommand} :no such msgid")
            return
        else:
            lines = self._written(self._page(subcommand, *words))
        self._answer(message, "chathistory", lines)

    def _answer(self, message: Message, kind: str, lines: list[str]) -> None:
        self.output.append(f"@label={message.label} :s BATCH +h {kind}")
        self.output += lines
        self.output.append(":s BATCH -h")

    def on_search(self, message: Message) -> None:
        """The newest that there are, whatever is looked for."""
        found = self.host.stored[-int(parse_tags(message.params[0]).get("limit", "1")) :]
        self._answer(message, "soju.im/search", self._written(found))

    def on_passwd(self, message: Message) -> None:
        self.output.append(f"@label={message.label} :s NOTE PASSWD PASSWORD_CHANGED :Done")

    def on_join(self, message: Message) -> None:
        self.output.append(f":ada!u@team JOIN {message.params[0]}")
        self.on_names(message)

    def on_names(self, message: Message) -> None:
        name = message.params[0]
        self.output += [f":s 353 ada = {name} :@ada bob", f":s 366 ada {name} :End"]

    def _written(self, page: list[Stored]) -> list[str]:
        return [line for stored in page for line in stored.lines(multiline=self.multiline, batch="h")]

    def _latest(self) -> dict[str, Stored]:
        """The newest of each target, as ada names it."""
        return {self._place(stored): stored for stored in self.host.stored}

    def _place(self, stored: Stored) -> str:
        return stored.target if stored.sender == "ada" or stored.target.startswith("#") else stored.sender

    def _knows(self, reference: str) -> bool:
        kind, _, value = reference.partition("=")
        return kind != "msgid" or any(value == f"m{stored.number}" for stored in self.host.stored)

    def _page(self, subcommand: str, target: str, reference: str, limit: str) -> list[Stored]:
        there = [stored for stored in self.host.stored if self._place(stored) == target]
        if subcommand == "LATEST":
            return there[-int(limit) :]
        kind, _, value = reference.partition("=")
        if kind == "msgid":
            return [stored for stored in there if stored.number > int(value[1:])][: int(limit)]
        return [stored for stored in there if stored.time > value][: int(limit)]
