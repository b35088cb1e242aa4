"""A process of bad peers: strangers that never finish their handshake or login, and a member that never reads.

`python -m tests.hostile.enemy PORT CA` obeys one word a line: `attack` (answered by `ready`), `stop` (answered by
how much was sent to the member that does not read, and how often it was cut).
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from securechat.protocol.message import Message
from tests.running import PASSWORD
from tests.wire import Wire

STRANGERS = 200
ADDRESSES = [f"127.0.1.{number}" for number in range(1, 21)]
STALLED, FLOODER = "stalled", "flooder"
FLOOD_BYTES = 17 << 20  # sent to the one that does not read, in an attack
FLOOD_LINE = b"@+x=" + b"x" * 4000 + b" TAGMSG " + STALLED.encode() + b"\r\n"
FLOOD_LINES = 20  # at a time
FLOOD_PAUSE = 0.005  # seconds

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


def tcp_only(address: tuple[str, int], source: str) -> socket.socket:
    return socket.create_connection(address, 5, (source, 0))


def half_a_hello(address: tuple[str, int], source: str) -> socket.socket:
    sock = tcp_only(address, source)
    hello = ssl.MemoryBIO()
    client = CONTEXT.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    data = hello.read()
    sock.sendall(data[: len(data) // 2])
    return sock


def silent(address: tuple[str, int], source: str) -> socket.socket:
    """The handshake is done; not a word follows."""
    return CONTEXT.wrap_socket(tcp_only(address, source), server_hostname="localhost")


KINDS: tuple[Callable[[tuple[str, int], str], socket.socket], ...] = (tcp_only, half_a_hello, silent)


class Flood:
    """Sends to a member that never reads; when that one is cut, it comes again."""

    def __init__(self, port: int, ca: Path) -> None:
        self._address, self._ca = ("127.0.0.1", port), ca
        self.sent = 0
        self.cuts = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        with self._login(FLOODER) as flooder, contextlib.ExitStack() as stack:
            stack.enter_context(self._login(STALLED))
            while self.sent < FLOOD_BYTES:
                flooder.send_bytes(FLOOD_LINE * FLOOD_LINES)
                self.sent += len(FLOOD_LINE) * FLOOD_LINES
                time.sleep(FLOOD_PAUSE)
                if any(_has_left(message) for message in flooder.sync()):
                    self.cuts += 1
                    stack.enter_context(self._login(STALLED))

    def _login(self, name: str) -> Wire:
        wire = Wire(self._address, self._ca)
        wire.register(name, PASSWORD, "message-tags")
        return wire


def _has_left(message: Message) -> bool:
    return message.command == "QUIT" and (message.source or "").startswith(STALLED)


def main(port: int, ca: Path) -> None:
    strangers: list[socket.socket] = []
    flood: Flood | None = None
    for word in map(str.strip, sys.stdin):
        if word == "attack":
            kinds = itertools.cycle(KINDS)
            sources = itertools.islice(itertools.cycle(ADDRESSES), STRANGERS)
            strangers = [kind(("127.0.0.1", port), source) for kind, source in zip(kinds, sources, strict=False)]
            flood = Flood(port, ca)
            answer("ready")
        elif word == "stop" and flood is not None:
            flood.stop()
            for sock in strangers:
                sock.close()
            answer(f"{flood.sent} {flood.cuts}")


def answer(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
