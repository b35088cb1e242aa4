"""A raw IRC client for tests: real TLS, blocking, every wait with a deadline."""

from __future__ import annotations

import base64
import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from securechat.protocol.lines import LineBuffer, read_server_line
from securechat.protocol.message import Message

PATIENCE = 10.0  # seconds until a wait has failed

ALL_CAPS = (
    "message-tags server-time account-tag echo-message batch labeled-response multi-prefix extended-join "
    "standard-replies draft/chathistory draft/multiline securechat/retry account-notify away-notify extended-monitor "
    "invite-notify setname draft/event-playback draft/message-redaction draft/read-marker soju.im/search "
    "securechat/tokens"
)


class Wire:
    """One connection. Lines that a wait passes over are kept in `seen`."""

    def __init__(
        self, address: tuple[str, int], ca: Path, *, source: str | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        context = context or ssl.create_default_context(cafile=str(ca))
        raw = socket.create_connection(address, PATIENCE, (source, 0) if source else None)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.sock = context.wrap_socket(raw, server_hostname="localhost")
        except BaseException:
            raw.close()
            raise
        self._buffer = LineBuffer(1 << 20)
        self._arrived: list[Message] = []
        self._numbers = itertools.count(1)
        self.seen: list[Message] = []
        self.name = "*"

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def send(self, line: str, *, label: str | None = None) -> None:
        self.send_bytes((f"@label={label} {line}" if label else line).encode() + b"\r\n")

    def send_bytes(self, data: bytes) -> None:
        self.sock.settimeout(PATIENCE)
        self.sock.sendall(data)

    def say(self, target: str, *lines: str) -> None:
        """One message of several lines."""
        self.send(f"BATCH +several draft/multiline {target}")
        for line in lines:
            self.send(f"@batch=several PRIVMSG {target} :{line}")
        self.send("BATCH -several")

    def authenticate(self, name: str, password: str) -> None:
        """The SASL exchange alone, up to and without its outcome."""
        self.send("AUTHENTICATE PLAIN")
        self.wait_for("AUTHENTICATE")
        self.send("AUTHENTICATE " + base64.b64encode(f"\0{name}\0{password}".encode()).decode())

    def register(self, name: str, password: str, caps: str = ALL_CAPS) -> None:
        """Log in; returns when the burst is over."""
        self.begin(name, password, caps)
        self.finish(name)

    def begin(self, name: str, password: str, caps: str = ALL_CAPS) -> None:
        """Say all that a login takes, up to its outcome; `name` may be `name@device`."""
        nick = name.partition("@")[0]
        self.send("CAP LS 302")
        self.send(f"NICK {nick}")
        self.send(f"USER {nick} 0 * :{nick.title()} Test")
        self.send(f"CAP REQ :sasl {caps}".rstrip())
        self.authenticate(name, password)

    def finish(self, name: str) -> None:
        self.wait_for("903")
        self.send("CAP END")
        self.wait_for("001")
        self.name = name
        self.sync()

    def sync(self) -> list[Message]:
        """A round trip: everything that the server did for us before is here now; gives what came meanwhile."""
        token = f"sync-{next(self._numbers)}"
        self.send(f"PING {token}")
        before = len(self.seen)
        self.wait_for("PONG", lambda message: message.params[-1] == token)
        return self.seen[before:-1]

    def wait_for(
        self,
        command: str | None = None,
        matches: Callable[[Message], bool] = lambda message: True,
        *,
        label: str | None = None,
        text: str | None = None,
        within: float = PATIENCE,
    ) -> Message:
        """The next line of this command, label and last parameter; fails after `within` seconds or at the end."""
        deadline = time.monotonic() + within
        while True:
            message = self._next(deadline)
            if message is None:
                shown = [(one.command, *one.params) for one in self.seen[-5:]]
                raise AssertionError(f"no {command or ''} {label or ''} {text or ''} came; last were {shown}")
            wanted = (
                command in (None, message.command),
                label in (None, message.label),
                text is None or message.params[-1:] == (text,),
            )
            if all(wanted) and matches(message):
                return message

    def ask(self, line: str) -> list[Message]:
        """Send with a label; gives the lines of the answer, a batch's without its frame."""
        label = f"ask-{next(self._numbers)}"
        self.send(line, label=label)
        first = self.wait_for(label=label)
        if first.command != "BATCH":
            return [first]
        reference = first.params[0][1:]
        lines: list[Message] = []
        while True:
            message = self.wait_for()
            if message.command == "BATCH" and message.params[0] == f"-{reference}":
                return lines
            if message.tags.get("batch") == reference:
                lines.append(message)

    def until_closed(self, within: float = PATIENCE) -> list[Message]:
        """Everything up to the server's closing."""
        deadline = time.monotonic() + within
        messages = []
        while (message := self._next(deadline, closing=True)) is not None:
            messages.append(message)
        return messages

    def nothing_more(self) -> Iterator[Message]:
        """What came up to now besides the answers waited for."""
        self.sync()
        return iter(self.seen)

    def _next(self, deadline: float, closing: bool = False) -> Message | None:
        while not self._arrived:
            left = deadline - time.monotonic()
            if left <= 0:
                if closing:
                    raise AssertionError("the server did not close the connection")
                return None
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                continue
            except (ConnectionError, ssl.SSLError):
                return None
            if not data:
                return None
            read = (read_server_line(line) for line in self._buffer.feed(data))
            self._arrived += [message for message in read if isinstance(message, Message)]
        message = self._arrived.pop(0)
        self.seen.append(message)
        return message


def acknowledged(wire: Wire, text: str) -> str:
    """Say it in #lobby, and wait until it is stored."""
    [echo] = wire.ask(f"PRIVMSG #lobby :{text}")
    assert (echo.command, echo.params[-1]) == ("PRIVMSG", text)
    return text


def heard(wire: Wire) -> list[str]:
    """All that was said up to now where this one can hear it."""
    wire.sync()
    return [message.params[1] for message in wire.seen if message.command == "PRIVMSG"]
