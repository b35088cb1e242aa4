"""The load: many TLS connections in one thread that read everything, answer pings, and note what came when.

Every receiver of one audience gets the very same bytes. So what one of them reads is compared with what the first one
read, in C, and only the first one's bytes are taken apart: the load must not be what limits the server.
A message's text begins `SENDER.SEQUENCE `. When it was sent is known here: senders and receivers are one process.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import time
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.benchmark.stream import Said, Stream
from tests.running import PASSWORD
from tests.wire import Wire

LOGINS_AT_ONCE = 50
RECORD_BYTES = 16 * 1024  # one recv gives at most one TLS record
EVENTS_IN_A_PASS = 64  # then the clock is looked at again: it may be time to send

_PING = re.compile(rb"PING :?([^\r\n]*)\r\n")


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel's people. Receivers that get the same bytes are one audience; senders hear one another, too."""

    name: str
    senders: Sequence[ssl.SSLSocket]
    audiences: Sequence[Sequence[ssl.SSLSocket]]


@dataclass(eq=False, slots=True)
class _Member:
    sock: ssl.SSLSocket
    stream: Stream
    offset: int = 0  # in the stream's bytes
    count: int = 0  # of the stream's messages
    unsent: bytearray = field(default_factory=bytearray)
    events: int = select.EPOLLIN


@dataclass(eq=False, slots=True)
class _Sender:
    member: _Member
    prefix: bytes
    reaches: int  # members
    heard_by: int  # audiences; another sender is one of its own
    sent: list[float] = field(default_factory=list)  # when, of each message
    unheard: list[int] = field(default_factory=list)  # audiences that have not read it yet, of each message


class Crowd:
    """The people of some channels; senders are numbered through from 0. It owns the sockets.

    `received` and `expected` count deliveries: one message to one other member.
    """

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._epoll = select.epoll()
        self._members: dict[int, _Member] = {}
        self._audiences: list[list[_Member]] = []
        self._senders: list[_Sender] = []
        for channel in channels:
            others = len(channel.senders) - 1
            reaches = sum(map(len, channel.audiences)) + others
            prefix = f"PRIVMSG {channel.name} :".encode()
            for sock in channel.senders:
                (member,) = self._add([sock])
                self._senders.append(_Sender(member, prefix, reaches, len(channel.audiences) + others))
            for sockets in channel.audiences:
                self._add(sockets)
        self.start()

    def _add(self, sockets: Sequence[ssl.SSLSocket]) -> list[_Member]:
        members = [_Member(sock, Stream(0)) for sock in sockets]
        for member in members:
            member.sock.setblocking(False)
            self._members[member.sock.fileno()] = member
            self._epoll.register(member.sock, select.EPOLLIN)
        self._audiences.append(members)
        return members

    @property
    def senders(self) -> range:
        return range(len(self._senders))

    @property
    def lost(self) -> int:
        return self.expected - self.received

    @property
    def out_of_order(self) -> int:
        """Messages that were not their sender's next one, in each stream of bytes that anyone got."""
        return sum(stream.misplaced for stream in self._streams)

    @property
    def added_bytes(self) -> int:
        """How many bytes the server puts before what a sender says: the tags and the source of the first messages."""
        found = [stream.data.index(b"PRIVMSG ") for stream in self._streams if stream.messages]
        return round(sum(found) / len(found))

    def start(self, *, timed: bool = True) -> None:
        """Count from nothing; nothing may be under way. Without `timed` no latencies are kept: a burst has millions."""
        self._timed = timed
        self.received = self.expected = 0
        self.latencies = array("d")  # seconds, of each delivery
        self.finished: deque[int] = deque()  # senders, one for each message that everyone has got
        self._streams: list[Stream] = []
        for sender in self._senders:
            sender.sent, sender.unheard = [], []
        for members in self._audiences:
            stream = Stream(len(members))
            self._streams.append(stream)
            for member in members:
                member.stream, member.offset, member.count = stream, 0, 0

    def settle(self, seconds: float) -> None:
        """Read and forget, until nothing has come for so long."""
        while events := self._epoll.poll(seconds):
            for fd, _ in events:
                self._receive(self._members[fd])

    def read(self, seconds: float) -> None:
        """Take what comes, for so long; once at least, or a sender who is late would never listen."""
        deadline = time.monotonic() + seconds
        self.read_once(max(0.0, seconds))
        while (left := deadline - time.monotonic()) > 0:
            self.read_once(left)

    def read_all(self, patience: float) -> None:
        """Take all that is still to come; it is lost when it is not here after so many seconds."""
        deadline = time.monotonic() + patience
        while self.received < self.expected and (left := deadline - time.monotonic()) > 0:
            self.read_once(left)

    def read_once(self, timeout: float) -> None:
        """Wait for something to come and take what is there, a bounded part of it."""
        for fd, events in self._epoll.poll(timeout, EVENTS_IN_A_PASS):
            member = self._members[fd]
            if events & select.EPOLLOUT:
                self._flush(member)
            if events & ~select.EPOLLOUT:
                self._take(member)

    def say(self, number: int, size: int, count: int = 1) -> None:
        """Have a sender send `count` messages of `size` bytes of text, joined."""
        sender = self._senders[number]
        first = len(sender.sent)
        texts = [f"{number}.{sequence} ".encode().ljust(size, b"x") for sequence in range(first, first + count)]
        self.expected += count * sender.reaches
        sender.unheard += [sender.heard_by] * count
        sender.sent += [time.monotonic()] * count
        sender.member.unsent += b"".join([sender.prefix + text + b"\r\n" for text in texts])
        self._flush(sender.member)

    def close(self) -> None:
        self._epoll.close()
        for member in self._members.values():
            member.sock.close()

    def _flush(self, member: _Member) -> None:
        try:
            while member.unsent:
                del member.unsent[: member.sock.send(member.unsent[:RECORD_BYTES])]
        except ssl.SSLWantWriteError:
            pass
        events = select.EPOLLIN | select.EPOLLOUT if member.unsent else select.EPOLLIN
        if events != member.events:
            member.events = events
            self._epoll.modify(member.sock, events)

    def _receive(self, member: _Member) -> bytes:
        """What one recv gives, without pings: epoll tells of the rest, for OpenSSL reads no further than its record."""
        try:
            data = member.sock.recv(RECORD_BYTES)
        except ssl.SSLWantReadError:
            return b""
        if not data:
            raise ConnectionError("the server closed a connection")
        if b"PING " not in data:
            return data
        for ping in _PING.finditer(data):
            member.unsent += b"PONG :" + ping[1] + b"\r\n"
        self._flush(member)
        return _PING.sub(b"", data)

    def _take(self, member: _Member) -> None:
        data = self._receive(member)
        now = time.monotonic()
        if not member.stream.data.startswith(data, member.offset):
            self._extend(member, data)
        member.offset += len(data)
        stream, before = member.stream, member.count
        after = stream.messages_before(member.offset, before)
        if after == before:
            return
        member.count = after
        self.received += after - before
        if self._timed:
            senders, messages = self._senders, stream.messages[before:after]
            self.latencies.extend([now - senders[number].sent[nth] for number, nth in messages])
        self._heard(stream.move(before, after))

    def _extend(self, member: _Member, data: bytes) -> None:
        """The member is ahead of its audience, or it got something else."""
        known = member.stream.data[member.offset :]
        if not data.startswith(known):
            member.stream = member.stream.branch(member.offset, member.count)
            self._streams.append(member.stream)
            known.clear()
        member.stream.add(data[len(known) :])

    def _heard(self, messages: Sequence[Said]) -> None:
        for number, nth in messages:
            unheard = self._senders[number].unheard
            unheard[nth] -= 1
            if not unheard[nth]:
                self.finished.append(number)


def connect(port: int, ca: Path, count: int) -> list[ssl.SSLSocket]:
    """TLS connections without a login, for the floor; the first connects first."""
    context = ssl.create_default_context(cafile=str(ca))
    sockets = []
    for _ in range(count):
        raw = socket.create_connection(("127.0.0.1", port), 10)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets.append(context.wrap_socket(raw, server_hostname="localhost"))
    return sockets


def log_in(address: tuple[str, int], ca: Path, names: Sequence[str], caps: str = "") -> list[Wire]:
    """Logged-in clients; many at once, so that the wait for bcrypt is shared."""
    wires: list[Wire] = []
    for first in range(0, len(names), LOGINS_AT_ONCE):
        batch = [(name, Wire(address, ca)) for name in names[first : first + LOGINS_AT_ONCE]]
        for name, wire in batch:
            wire.begin(name, PASSWORD, caps)
        for name, wire in batch:
            wire.finish(name)
            wire.seen.clear()  # thousands of names and arrivals
        wires += [wire for _, wire in batch]
    return wires
