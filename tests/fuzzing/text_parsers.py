"""The parsers of what people write: times, searches, text, settings, addresses."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from securechat import config
from securechat.client import address, history
from securechat.client.multiline import MOST_CHARACTERS, MOST_LINES, Limits
from securechat.client.search import SearchUsage, read_query
from securechat.protocol import invites, multiline, text
from securechat.protocol.message import parse_tags
from securechat.server import playback
from securechat.store.search import Unsearchable, expression
from tests.fuzzing.parser import Parser, sure, text_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BUDGET = 300  # bytes of text; a line of IRC leaves more of its 512, but for the longest names
ONE_MESSAGE = Limits(MOST_CHARACTERS, MOST_LINES)

# History and search.


def _moment(data: bytes) -> int:
    return playback.milliseconds(text_of(data))


def _as_written(data: bytes, given: int) -> None:
    written = text_of(data)
    if written.endswith("Z") and len(written) == len("2026-01-01T00:00:00.000Z"):
        sure(given % 1000 == int(written[-4:-1]), "another millisecond")


def _time(data: bytes) -> datetime | None:
    return history.read_time(text_of(data))


def _same_moment(data: bytes, given: datetime | None) -> None:
    if given is not None:
        sure(given.tzinfo is UTC, "a time of no zone")
        again = history.read_time(history.moment(given))
        sure(again is not None and abs((again - given).total_seconds()) < 0.001, "another moment when it is written")


_index = sqlite3.connect(":memory:", check_same_thread=False)
_index.execute("CREATE VIRTUAL TABLE search USING fts5 (text, place, content='', detail=full)")


def _words(data: bytes) -> str:
    return expression(text_of(data))


def _takes_no_orders(data: bytes, given: str) -> None:
    _index.execute("SELECT rowid FROM search WHERE search MATCH ?", (given,)).fetchall()
    outside = given.removeprefix("text : (").removesuffix(")").split('"')[::2]
    sure(set("".join(outside)) <= {" ", "*"}, "a word outside of the quotes")


def _query(data: bytes) -> Any:
    return read_query(text_of(data), NOON)


def _same_query(data: bytes, given: Any) -> None:
    if given is not None:
        tags = parse_tags(given.written(given.until, given.limit))
        sure(tags.get("text", "") == given.text and tags.get("in") == given.target, "another question on the wire")


# Text for a terminal.


def _shown(data: bytes) -> str:
    return text.printable(text_of(data))


def _harmless(data: bytes, given: str) -> None:
    sure(text.printable(given) == given, "text for a terminal that is not")
    sure(not any(ord(one) < 0x20 or 0x7F <= ord(one) < 0xA0 or 0x202A <= ord(one) < 0x202F for one in given),
         "a control character for a terminal")  # fmt: skip


def _split(data: bytes) -> list[str]:
    return list(text.split(text_of(data), BUDGET))


def _whole(data: bytes, given: list[str]) -> None:
    sure("".join(given) == text_of(data), "the pieces are not the text")
    sure(all(len(piece.encode()) <= BUDGET for piece in given), "a piece too long")


def _lines(data: bytes) -> list[multiline.Piece] | None:
    return list(multiline.pieces_of(text_of(data))) if ONE_MESSAGE.hold(text_of(data)) else None


def _same_text(data: bytes, given: list[multiline.Piece] | None) -> None:
    if given is None:
        sure(len(list(multiline.pieces_of(text_of(data)))) > ONE_MESSAGE.lines, "a text that fits is not let through")
        return
    sure(multiline.extent_of(text_of(data)) == (len(given), multiline.size_of(given)), "another extent than its lines'")
    sure(multiline.text_of(given) == text_of(data), "another text when its lines are put together")
    sure(all(set(piece.text).isdisjoint("\r\n") for piece in given), "a line that is two")
    size = sum(len(piece.text.encode()) for piece in given)
    sure(multiline.size_of(given) == size + text_of(data).count("\n"), "another size")
    sure(multiline.longest_line(text_of(data)) == max(len(piece.text.encode()) for piece in given), "a longer line")


# What operators and people write.


def _settings(data: bytes) -> config.Settings:
    try:
        return config.read(text_of(data))
    except config.ConfigError as error:
        sure("\n" not in str(error), "an error in several lines")
        raise


def _address(data: bytes) -> tuple[str | None, address.Address]:
    return address.parse(text_of(data))


def _same_address(data: bytes, given: tuple[str | None, address.Address]) -> None:
    account, where = given
    written = f"{account}@{where}" if account else str(where)
    sure(address.parse(written) == given, "another address when it is written and read")


def _invite(data: bytes) -> invites.Invite:
    return invites.parse(text_of(data))


def _same_invite(data: bytes, given: invites.Invite) -> None:
    sure(invites.parse(invites.write(given)) == given, "another invite when it is written and read")


def _code(host: str, account: str = "bob") -> bytes:
    return invites.write(invites.Invite(account, host, 6697, bytes(range(32)), b"\xff" * 16)).encode()


CODES = (_code("chat.example.org"), _code("::1").replace(b"-", b" ").lower(), _code("-x"), _code("x", "no name"),
         _code("x" * 253), _code("x")[:-7], _code("x")[:-2], _code("x") + _code("x"), b"04D2J4-00108X",
         bytes(99).replace(b"\0", b"000000"))  # fmt: skip
MOMENTS = (b"2026-01-01T00:00:00.000Z", b"9999-12-31T23:59:59.999Z", b"0001-01-01T00:00:00+14:00", b"2026-W01-1",
           b"2026-01-01", b"2026-01-01T00:00:00.999999-23:59", b"1969-12-31T23:59:59.000Z")  # fmt: skip
CONFIG = (b'[server]\nname = "chat"\nmotd = """a\nb"""\n', b'[[listen]]\naddress = "::1"\nport = 0\n', b"[limits]\n",
          b'[limits]\nexempt = ["10.0.0.0/8", "::1"]\noutbox = 1_000\nlinger = 0.5\n', b"[a.b]\nc = {d = [1, [2]]}\n",
          b'[history.channels."#a"]\nretain_days = 1\n', b"x = 1979-05-27T07:32:00Z\n", b"[log]\njson = true\n",
          b"a = " + b"[" * 3000, b"a = " + b"{a = " * 2000, b"a = 9" + b"9" * 5000, b"a = 1e400\n", b"a = nan\n",
          b'[limits]\nexempt = ["fe80::1%\\n/64"]\n', b'"a\\nb" = 1\n',
          b"[limits]\nexempt = [" + b'"2001:db8:1:1:1:1:1:1/128",' * 32 + b"]\n", b"a." * 1000 + b"a = 1\n",
          b"x = [" + b"1," * 1000 + b"]\n")  # fmt: skip
TEXT_PARSERS = (
    Parser("an invite", _invite, CODES, b"0123456789ABCDEFGHJKMNPQRSTVWXYZ-U ", (invites.BadInvite,), _same_invite),
    Parser("a moment", _moment, MOMENTS, b"0123456789-:TZ.+W", (ValueError,), _as_written),
    Parser("a time", _time, MOMENTS, b"0123456789-:TZ.+W", holds=_same_moment),
    Parser(
        "words to search for",
        _words,
        (b'hello "a b" wor*', b'"', b"* a* AND", b'"x" OR text:y', b"a b " * 20),
        b"ab\" *'():^+-\0\xc3\xa9",
        (Unsearchable,),
        _takes_no_orders,
        most=512,
    ),
    Parser(
        "a search",
        _query,
        (
            b"in:#a from:bob tea",
            b"--since 30d --limit=5 x",
            b"until:2026-03-01",
            b"since:9w",
            b"limit:0",
            b"--in",
            b"since:999999d x",
            b"until:0001-01-01 y",
        ),
        b"in:-=# from 1d",
        (SearchUsage,),
        _same_query,
    ),
    Parser(
        "text for a terminal",
        _shown,
        (
            b"\x1b[2J",
            b"\x0304,12red\x03",
            b"e\xcc\x81" * 3,
            b"\xe2\x80\xaex",
            b"\xc2\x85",
            b"\xcc\x81" * 20,
            b"\x04ff0000x",
            b"\x7f\x9b",
            "👩\u200d🔬 ❤\ufe0f\u200d🔥 \u200dx".encode(),
            "می\u200cخواهم \u0378\u0600".encode(),  # noqa: RUF001 - Persian is written so
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f \U000e0041".encode(),
            "a\ufe0f\ufe0f \u115f\ufeff".encode(),
        ),
        b"a\x1b\x02\x03\x04\x0f1,\xcc\x81\xe2\x80\xae\xc2",
        holds=_harmless,
    ),
    Parser(
        "text in pieces",
        _split,
        (
            b"word " * 200,
            b"x" * 700,
            b"\xf0\x9f\x91\xa9\xe2\x80\x8d" * 50,
            b"\xcc\x81" * 200,
            b"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa" * 70,
            b"x" * 299 + "👩\u200d🔬".encode(),
        ),
        b"ab \xcc\x81\xf0\x9f\x87\xa9",
        holds=_whole,
    ),
    Parser(
        "text of several lines",
        _lines,
        (b"a\n\nb\rc", b"\r\n", b"", b"\n" * 90),
        b"ab\r\n\xc3\xa9",
        holds=_same_text,
    ),
    Parser("the configuration", _settings, CONFIG, b"[]a=1\"\n.{}, '#", (config.ConfigError,)),
    Parser(
        "an address",
        _address,
        (b"ada@chat.example:1", b"[::1]:6697", b"::1", b"a:b:c", b"@h", b"h:", b"[::1%x]", b"-o", b"h:99999"),
        b"a@:[]1.%",
        (address.AddressError,),
        _same_address,
    ),
)
