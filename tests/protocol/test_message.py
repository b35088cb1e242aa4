"""Messages as values: what is read from a line, and that what is written reads the same."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securechat.protocol.message import (
    QUOTED_BYTES,
    Message,
    ProtocolError,
    encode,
    escape,
    parse,
    quoted,
    unescape,
    write,
)

LINES = [
    ("PING", Message("PING")),
    ("ping 1", Message("PING", ("1",))),
    ("PRIVMSG #a :hello there", Message("PRIVMSG", ("#a", "hello there"))),
    ("PRIVMSG #a :", Message("PRIVMSG", ("#a", ""))),
    ("PRIVMSG #a ::)", Message("PRIVMSG", ("#a", ":)"))),
    ("PRIVMSG #a a:b", Message("PRIVMSG", ("#a", "a:b"))),
    ("PRIVMSG   #a   hi  ", Message("PRIVMSG", ("#a", "hi"))),
    ("PRIVMSG #a hi :  two  ", Message("PRIVMSG", ("#a", "hi", "  two  "))),
    (":ada!ada@u1 NOTICE b :x :y", Message("NOTICE", ("b", "x :y"), "ada!ada@u1")),
    (": PING", Message("PING", (), "")),
    ("  PING 1", Message("PING", ("1",))),
    ("PING a\tb", Message("PING", ("a\tb",))),
    ("@a=b;c;+d=;=e;c=2 PING 1", Message("PING", ("1",), None, {"a": "b", "c": "2", "+d": ""})),
    ("@a=x=y  :s PING", Message("PING", (), "s", {"a": "x=y"})),
    (r"@a=\:\s\\\r\n\b\  PING", Message("PING", (), None, {"a": "; \\\r\nb"})),
    (r"@a=\\s\\\:\\ PING", Message("PING", (), None, {"a": r"\s\;" + "\\"})),
    ("@ PING", Message("PING")),
    ("JOIN :", Message("JOIN", ("",))),
]


@pytest.mark.parametrize(("line", "message"), LINES)
def test_a_line_reads_as(line: str, message: Message) -> None:
    assert parse(line) == message


@pytest.mark.parametrize("line", ["", " ", ":source", ":source ", "@a=b", "@a=b ", "@a :source", " :PING"])
def test_a_line_without_a_command_is_refused_without_being_quoted(line: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(line)
    assert str(caught.value) == "no command in line"


def test_a_message_s_repr_shows_no_parameter_and_no_tag() -> None:
    assert "secret" not in repr(parse("@label=secret PASS secret"))


def test_the_label_is_a_tag() -> None:
    assert parse("@label=1 PING").label == "1"
    assert parse("PING").label is None


@pytest.mark.parametrize(
    ("words", "source", "line"),
    [
        (("PING",), None, "PING"),
        (("PONG", "a", "b"), "s", ":s PONG a b"),
        (("PRIVMSG", "#a", "two words"), None, "PRIVMSG #a :two words"),
        (("PRIVMSG", "#a", ""), None, "PRIVMSG #a :"),
        (("PRIVMSG", "#a", ":)"), None, "PRIVMSG #a ::)"),
    ],
)
def test_a_message_is_written_as(words: tuple[str, ...], source: str | None, line: str) -> None:
    assert write(*words, source=source) == line


def test_a_whole_line_has_its_tags_and_its_end() -> None:
    assert encode("PING", "é", tags={"a": "x y", "b": ""}) == "@a=x\\sy;b PING é\r\n".encode()
    assert encode("PING", source="s") == b":s PING\r\n"


words = st.text(st.characters(exclude_characters=" \r\n\0", exclude_categories=["Cs"]), min_size=1)
middles = words.filter(lambda word: not word.startswith(":"))
texts = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))
keys = st.text(string.ascii_letters + string.digits + "+-/.", min_size=1)
values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(middles, max_size=4), texts, st.none() | words, st.dictionaries(keys, values, max_size=4))
def test_what_is_written_reads_the_same(params: list[str], last: str, source: str | None, tags: dict[str, str]) -> None:
    line = encode("PRIVMSG", *params, last, source=source, tags=tags).decode()
    assert parse(line.removesuffix("\r\n")) == Message("PRIVMSG", (*params, last), source, tags)


@given(st.text())
def test_an_escaped_value_holds_nothing_that_ends_it(value: str) -> None:
    assert not set(escape(value)) & set("; \r\n")
    assert unescape(escape(value)) == value


@given(st.text())
def test_unescaping_takes_anything(value: str) -> None:
    unescape(value)


@pytest.mark.parametrize(
    ("word", "shown"),
    [("a", "a"), ("", "*"), (":a", "*"), ("a b", "*"), ("é" * 40, "é" * 32), ("a" + "é" * 40, "a" + "é" * 31)],
)
def test_a_peer_s_word_is_quoted_as(word: str, shown: str) -> None:
    assert quoted(word) == shown
    assert len(quoted(word).encode()) <= QUOTED_BYTES
