"""Entries as rows: wrapped in cells, and kept up with what is added, dropped and put in front."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from securechat.client.history import Place
from securechat.ui.full import buffer as buffers
from securechat.ui.full.buffer import Buffer, Entry
from securechat.ui.full.layout import Columns, Layout, RowKind, entry_rows, wrap

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(number: int, text: str = "") -> Entry:
    time = NOON + timedelta(seconds=number)
    return Entry(time, "bob", text or f"line {number}", place=Place(time, f"m{number}"))


def shown(layout: Layout) -> list[str]:
    return [row.text for row in layout.rows if row.kind in (RowKind.FIRST, RowKind.MORE)]


@pytest.mark.parametrize(
    ("text", "first", "rest", "pieces"),
    [
        ("", 20, 20, [""]),
        ("short", 20, 20, ["short"]),
        ("the quick brown fox", 12, 12, ["the quick ", "brown fox"]),
        ("the quick brown fox", 10, 20, ["the quick ", "brown fox"]),
        ("x" * 25, 10, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("быстро и тихо", 8, 8, ["быстро ", "и тихо"]),
        ("to é the quick", 9, 6, ["to é the ", "quick"]),
        ("日本語日本語", 10, 10, ["日本語日本", "語"]),
        (" nine cells? 語", 12, 12, [" nine ", "cells? 語"]),
        (" elevenchars語", 12, 12, [" ", "elevenchars", "語"]),
        ("no room beside a long nick", 3, 30, ["", "no room beside a long nick"]),
        ("none at all", -5, -5, None),
    ],
)
def test_a_text_is_cut_at_spaces_into_what_fits(text, first, rest, pieces):
    cut = list(wrap(text, first, rest))
    assert "".join(cut) == text
    if pieces is not None:
        assert cut == pieces
        assert all(cell_len(piece.rstrip(" ")) <= max(first, rest) for piece in cut)


def test_rows_keep_up_with_the_entries():
    buffer, layout = Buffer("#x"), Layout()
    for number in range(3):
        buffer.add(entry(number))
    layout.sync(buffer, 80)
    assert shown(layout) == ["line 0", "line 1", "line 2"]
    kept = layout.rows[-1]
    buffer.add(entry(3))
    layout.sync(buffer, 80)
    assert shown(layout)[-1] == "line 3"
    assert kept in layout.rows  # nothing was made anew
    buffer.prepend([entry(-2), entry(-1), entry(0)])
    layout.sync(buffer, 80)
    assert shown(layout) == ["line -2", "line -1", "line 0", "line 1", "line 2", "line 3"]
    layout.sync(buffer, 24)
    assert shown(layout)[-1] == "line 3"


def test_each_line_of_an_entry_has_rows_of_its_own():
    buffer, layout = Buffer("#x"), Layout()
    buffer.add(entry(0, "one\n\nthe quick brown fox\nend"))
    layout.sync(buffer, 34)
    assert shown(layout) == ["one", "", "the quick brown fox", "end"]
    layout.sync(buffer, 20)
    assert shown(layout) == ["", "one", "", "the quick ", "brown fox", "end"]


CODE = "def f():\n    return 1\n\nor something shorter"
LONG = "a-rather-long-name"


@pytest.mark.parametrize(
    ("width", "who", "text", "rows"),
    [
        (60, "bob", CODE, [(20, "def f():"), (20, "    return 1"), (20, ""), (20, "or something shorter")]),
        (59, "bob", CODE, [(13, "def f():"), (13, "    return 1"), (13, ""), (13, "or something shorter")]),
        (40, "bob", CODE, [(13, "def f():"), (13, "    return 1"), (13, ""), (13, "or something shorter")]),
        (20, "bob", CODE, [(13, ""), *((7, t) for t in ("def f():", "    return 1", "", "or something ", "shorter"))]),
        (60, LONG, CODE, [(28, "def f():"), (20, "    return 1"), (20, ""), (20, "or something shorter")]),
        (59, LONG, CODE, [(28, "def f():"), (28, "    return 1"), (28, ""), (28, "or something shorter")]),
        (40, LONG, CODE, [(28, ""), (7, "def f():"), (7, "    return 1"), (7, ""), (7, "or something shorter")]),
        (40, LONG, "fits beside", [(28, "fits beside")]),
        (40, LONG, "goes on below that", [(28, "goes on "), (7, "below that")]),
        (40, "bob", "the quick brown fox jumps over it", [(13, "the quick brown fox jumps "), (13, "over it")]),
        (40, "", "the quick brown fox jumps over the dog", [(7, "the quick brown fox jumps over "), (7, "the dog")]),
    ],
)
def test_a_text_stands_under_itself_where_there_is_room(width, who, text, rows):
    columns = Columns(width)
    laid = entry_rows(Entry(NOON, who, text), columns)
    assert [row.kind for row in laid] == [RowKind.FIRST, *[RowKind.MORE] * (len(rows) - 1)]
    assert [(columns.more(who) if at else columns.first(who), row.text) for at, row in enumerate(laid)] == rows


def test_a_new_day_has_a_line_of_its_own():
    buffer, layout = Buffer("#x"), Layout()
    buffer.add(entry(0))
    buffer.add(entry(1))
    buffer.add(entry(86400))
    layout.sync(buffer, 80)
    days = [row.text for row in layout.rows if row.kind is RowKind.DAY]
    assert days == ["Sunday, 1 March 2026", "Monday, 2 March 2026"]


def test_the_unread_line_stands_before_the_first_that_is_unread():
    buffer, layout = Buffer("#x"), Layout()
    buffer.add(entry(0))
    layout.sync(buffer, 80)
    for number in (1, 2):
        buffer.add_unread(entry(number), mention=number == 2)
    layout.sync(buffer, 80)
    kinds = [row.kind for row in layout.rows]
    assert kinds == [RowKind.DAY, RowKind.FIRST, RowKind.UNREAD, RowKind.FIRST, RowKind.FIRST]
    assert (buffer.unread, buffer.mentions) == (2, 1)
    buffer.read()
    buffer.forget_unread_line()
    layout.sync(buffer, 80)
    assert RowKind.UNREAD not in [row.kind for row in layout.rows]


def test_the_oldest_are_dropped_and_their_rows_with_them(monkeypatch):
    monkeypatch.setattr(buffers, "MOST_ENTRIES", 20)  # all is compared after each line, which takes long with 10 000
    monkeypatch.setattr(buffers, "DROPPED_AT_ONCE", 5)
    buffer, layout = Buffer("#x"), Layout()
    for number in range(64):
        buffer.add(entry(number))
        layout.sync(buffer, 80)
        assert shown(layout) == [one.text for one in buffer.entries]
    assert len(buffer.entries) < 25
    assert shown(layout)[-1] == "line 63"
