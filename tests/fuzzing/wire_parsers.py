"""The parsers of lines and of their words: what comes from a peer."""

from __future__ import annotations

from typing import Any

from securechat.auth import tokens
from securechat.chat import masks
from securechat.protocol import capabilities, names, sasl
from securechat.protocol.http import Head, Refused, Request
from securechat.protocol.lines import LineBuffer, Unended, read_line, read_server_line
from securechat.protocol.message import Message, parse, parse_tags, write, write_tags
from tests.fuzzing.parser import INPUT_BYTES, Parser, sure, text_of

# Lines: the same however they are cut, and a message written anew is the same message.


def _cut(data: bytes) -> list[bytes]:
    return LineBuffer().feed(data)


def _cut_alike(data: bytes, given: list[bytes]) -> None:
    buffer = LineBuffer(len(data))
    single = [line for byte in data for line in buffer.feed(bytes([byte]))]
    sure(single == given and all(b"\n" not in line for line in given), "cut differently when fed one by one")


def _same_when_written(data: bytes, given: Any) -> None:
    if not isinstance(given, Message):
        return
    sure(given.command and given.command == given.command.upper(), "a command that is empty, or not upper-case")
    sure(all(set(word).isdisjoint("\r\n\0") for word in given.params), "CR, LF or NUL in a parameter")
    sure(all(words and set(words).isdisjoint(" ") for words in given.params[:-1]), "no word in the middle")
    if not given.command.startswith("@"):  # behind a space that is no tag, and the space is not kept
        written = write_tags(given.tags) + write(given.command, *given.params, source=given.source)
        sure(parse(written) == given, "another message when it is written and read again")


def _read_tags(data: bytes) -> dict[str, str]:
    return parse_tags(text_of(data))


def _same_tags(data: bytes, given: dict[str, str]) -> None:
    sure(parse_tags(write_tags(given).removeprefix("@").removesuffix(" ")) == given, "other tags when written and read")


# SASL.


def _read_response(data: bytes) -> bytes:
    received = ""
    for piece in text_of(data).split(" "):
        received = sasl.joined(received, piece, 4096)
        if sasl.is_last(piece):
            break
    return sasl.decode(received)


def _same_in_pieces(data: bytes, given: bytes) -> None:
    pieces = list(sasl.pieces(given))
    sure(all(map(sasl.is_last, pieces[-1:])) and not any(map(sasl.is_last, pieces[:-1])), "an end in the middle")
    received = ""
    for piece in pieces:
        received = sasl.joined(received, piece, INPUT_BYTES * 2)
    sure(sasl.decode(received) == given, "another response when it is sent in pieces")


def _same_credentials(data: bytes, given: sasl.Plain) -> None:
    sure("\0" not in given.authcid + given.authzid + given.password, "NUL in a part")
    sure(given.authcid and given.password, "an empty name or password")


# HTTP.


def _request(data: bytes) -> Request | None:
    request = Head().feed(data)
    if request is not None and request.bearer is not None and tokens.is_token(request.bearer):
        tokens.digest(request.bearer)
    return request


def _same_bit_by_bit(data: bytes, given: Request | None) -> None:
    head = Head()
    requests = (head.feed(data[place : place + 1]) for place in range(len(data)))
    sure(next((request for request in requests if request is not None), None) == given, "another request bit by bit")
    ended = given is not None or not data.lstrip(b"\r\n") or b"\r\n\r\n" not in data.lstrip(b"\r\n")
    sure(ended, "a head that has an end and is not read")


# Words of a line.


def _requested(data: bytes) -> int | None:
    return capabilities.requested(text_of(data), 0)


def _only_known(data: bytes, given: int | None) -> None:
    if given is not None:
        lines = list(capabilities.in_lines(capabilities.names(given)))
        sure(all(len(line) <= capabilities.LIST_BYTES for line in lines), "a CAP line too long")
        sure(capabilities.requested(" ".join(lines), 0) == given, "other capabilities when they are asked for again")


def _named(data: bytes) -> tuple[bool, bool]:
    return names.is_account_name(text_of(data)), names.is_channel_name(text_of(data))


def _safe_names(data: bytes, given: tuple[bool, bool]) -> None:
    name = text_of(data)
    sure(names.fold(names.fold(name)) == names.fold(name), "folded twice is another name")
    sure(
        not any(given) or (len(name.encode()) <= 64 and set(name).isdisjoint(" ,:*?!@\r\n\0\x07")),
        "a name that is none",
    )


def _matched(data: bytes) -> bool:
    mask, _, source = text_of(data).partition(" ")
    return masks.matches(masks.normalised(mask), source)


def _matched_by_rule(data: bytes, given: bool) -> None:
    mask, _, source = text_of(data).partition(" ")
    sure(given == _matches(names.fold(masks.normalised(mask)), names.fold(source)), "a mask matches what it should not")


def _matches(mask: str, source: str) -> bool:
    """By the rule itself, a sign at a time: which beginnings of the mask fit what was read so far."""
    fitting = {0}
    for sign in (*source, None):
        for place in sorted(fitting):
            while place < len(mask) and mask[place] == "*":
                place += 1
                fitting.add(place)
        if sign is not None:
            fitting = {place + (mask[place] != "*") for place in fitting
                       if place < len(mask) and mask[place] in ("*", "?", sign)}  # fmt: skip
    return len(mask) in fitting


LINES = (b"PRIVMSG #a :hello there\r\n", b"@label=1;+x=\\:\\s\\\\ :ada!u@h PRIVMSG #a,#b :x :y\r\n", b" @a  b   c\r\n",
         b"@time=2026-03-01T10:00:00.000Z;msgid=m1 :s BATCH +1 chathistory #a\n", b":s 353 ada = #a :@ada bob\r\n",
         b"CAP\n", b": x\n", b"@ x\n", b"@a\n", b"x\r\r\n", b"\r\n", b"@a;b=;=c;a=2;; X\n")  # fmt: skip
REQUEST = tuple(b"AUTHENTICATE "[:0] + one for one in (b"AGFkYQBjb3JyZWN0IGhvcnNl", b"A" * 400 + b" +", b"+", b"=",
          b"A" * 401, b"AA==", b"AA=", (b"A" * 400 + b" ") * 11, b"\xc3\xa9", b"*"))  # fmt: skip
REQUESTS = (
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sct_" + b"a" * 43 + b"\r\n\r\n",
    b"\r\nHEAD https://chat.example/a?b HTTP/1.0\n\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    b"OPTIONS * HTTP/2.0\r\nHost: x\r\n folded: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nauthorization: a\r\nAuthorization: b\xff\r\nX:\r\n\r\n",
)
WIRE_PARSERS = (
    Parser("lines", _cut, (b"a\r\nb\n", b"x" * 600 + b"\n", b"\r\n\r\n"), b"ab \r\n", (Unended,), _cut_alike),
    Parser(
        "a client's line",
        lambda data: read_line(data.partition(b"\n")[0]),
        LINES,
        b":@#,;=\\ +-*!\r\0abP\xc3\xa9",
        holds=_same_when_written,
    ),
    Parser(
        "a server's line",
        lambda data: read_server_line(data.partition(b"\n")[0]),
        LINES,
        b":@;=\\ \r\0aP1\xc3\xa9",
        holds=_same_when_written,
    ),
    Parser(
        "tags", _read_tags, (b"a=b;c=d\\:", b"+x/y=\\s\\", b"=;;a", b"\\=\\\\"), b";=\\ :snr\r\na\xc3", holds=_same_tags
    ),
    Parser(
        "a SASL response", _read_response, REQUEST, b"A+/= *", (sasl.SaslTooLong, sasl.SaslMalformed), _same_in_pieces
    ),
    Parser(
        "PLAIN",
        sasl.read_plain,
        (b"\0ada\0secret", b"ada\0ada\0s", b"\0\0", b"\0a\0b\0c", b"\0a\0\xff"),
        b"\0a\xc3",
        (sasl.SaslMalformed,),
        _same_credentials,
    ),
    Parser(
        "passwords",
        sasl.read_passwords,
        (b"old\0new", b"\0new", b"old\0", b"a\0b\0c", b"\xff\0a"),
        b"\0a\xc3",
        (sasl.SaslMalformed,),
    ),
    Parser(
        "capabilities",
        _requested,
        (b"sasl batch -sasl", b"-cap-notify", b"sasl=PLAIN", b"draft/multiline  batch"),
        b"sasl- =",
        holds=_only_known,
    ),
    Parser(
        "names",
        _named,
        (b"ada", b"#lobby", b"#\xc3\xbc", b"#a b", b"#" + b"c" * 63, b"Ada-_1", b"#\xe2\x80\xae"),
        b"#aZ-_1,:*?!@\x07\xc3\xa9",
        holds=_safe_names,
    ),
    Parser(
        "masks",
        _matched,
        (
            b"*!*@* ada!u@h",
            b"a?a a\xc3\xa4a!u@h",
            b"*a*a*a*b " + b"a" * 60,
            b"[a-z]!*@* a!u@h",
            b"b*@ b!x@y",
            b"A!B@C a!b@c",
        ),
        b"*?ab!@ ",
        holds=_matched_by_rule,
        most=512,
    ),
    Parser("an HTTP request", _request, REQUESTS, b"GET /:\r\n aH1.", (Refused,), _same_bit_by_bit),
)
