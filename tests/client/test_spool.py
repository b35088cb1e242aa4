"""What waits to be sent is on disk: it outlives the client and belongs to one client at a time."""

from __future__ import annotations

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from securechat.client.history import Place
from securechat.client.outbox import Line, NotKept, Outbox
from securechat.client.spool import open_spool

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def line(ticket: int, *texts: str, target: str = "#lobby", **options) -> Line:
    made = Line(ticket, target, "".join(texts), NOON + timedelta(seconds=ticket), **options)
    made.cut(texts)
    return made


def kept(spool) -> list[tuple[int, str, str]]:
    return [(one.ticket, one.target, one.text) for one in spool.lines()]


def test_lines_come_back_whole_with_their_ids_and_in_doubt(tmp_path):
    place = Place(NOON, "m1")
    first, second = line(1, "one ", "two"), line(2, "waves", target="bob", action=True, behind=place)
    spool = open_spool(tmp_path, "x")
    outbox = Outbox(keeping=spool)
    assert outbox.put(first)
    assert outbox.put(second)
    outbox.save()
    outbox.reached("#lobby", place)
    outbox.close()
    again = Outbox(keeping=open_spool(tmp_path, "x"))
    assert [(one.ticket, one.target, one.text, one.action) for one in again.lines] == [
        (-2, "#lobby", "one two", False),
        (-1, "bob", "waves", True),
    ]
    assert [piece.id for piece in again.doubts] == [piece.id for piece in (*first.pieces, *second.pieces)]
    assert [piece.wire_text for piece in again.doubts] == ["one ", "two", "\x01ACTION waves\x01"]
    assert [again.behind(one) for one in again.lines] == [place, place]
    again.close()


def test_a_message_of_several_lines_comes_back_as_it_was_cut(tmp_path):
    outbox = Outbox(keeping=open_spool(tmp_path, "x"))
    outbox.put(line(1, "one\n\nlong\rline", "next"))
    outbox.save()
    outbox.close()
    again = Outbox(keeping=open_spool(tmp_path, "x"))
    assert [one.text for one in again.lines] == ["one\n\nlongline\nnext"]
    assert [piece.wire_text for piece in again.doubts] == ["one\n\nlong\rline", "next"]
    again.close()


def test_what_is_acknowledged_is_neither_sent_again_nor_readable_in_the_file(tmp_path):
    spool = open_spool(tmp_path, "x")
    outbox = Outbox(keeping=spool)
    outbox.put(line(1, "a secret plan"))
    outbox.save()
    assert b"a secret plan" in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for piece in outbox.due(0.0):
        outbox.sent(piece, "1")
    outbox.acknowledged("1", 0.0)
    outbox.save()
    assert kept(spool) == []
    assert b"secret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    outbox.close()


def test_a_killed_client_leaves_everything_that_was_saved(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.client.test_spool import line, open_spool\n"
        "spool = open_spool(Path(sys.argv[1]), 'x')\n"
        "for number in range(1, 101):\n"
        "    spool.put(line(number, f'line {number}'))\n"
        "    spool.save()\n"
        "spool.put(line(101, 'not saved'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60, check=False)
    spool = open_spool(tmp_path, "x")
    assert [text for _, _, text in kept(spool)] == [f"line {number}" for number in range(1, 101)]
    spool.close()


def test_a_file_belongs_to_one_client_until_that_is_gone(tmp_path):
    first = open_spool(tmp_path, "x")
    first.put(line(1, "of the first"))
    first.save()
    second = open_spool(tmp_path, "x")
    assert kept(second) == []
    second.put(line(2, "of the second"))
    second.close()
    third = open_spool(tmp_path, "x")
    assert kept(third) == [(-1, "#lobby", "of the second")]
    third.close()
    first.close()
    last = open_spool(tmp_path, "x")
    assert [text for _, _, text in kept(last)] == ["of the first", "of the second"]
    last.close()
    assert len(list(tmp_path.glob("*.db"))) == 2
    other = open_spool(tmp_path, "y")
    assert kept(other) == []
    other.close()


def test_lines_left_by_a_client_that_is_gone_are_adopted_once(tmp_path):
    first, second = open_spool(tmp_path, "x"), open_spool(tmp_path, "x")
    second.put(line(1, "left behind"))
    second.close()
    first.close()
    adopter = open_spool(tmp_path, "x")
    assert kept(adopter) == [(-1, "#lobby", "left behind")]
    meanwhile = open_spool(tmp_path, "x")
    assert kept(meanwhile) == []
    meanwhile.close()
    adopter.close()


def test_a_broken_file_is_put_aside(tmp_path):
    (tmp_path / "x.0.db").write_bytes(b"no database at all" * 1000)
    spool = open_spool(tmp_path, "x")
    spool.put(line(1, "fine"))
    spool.close()
    assert len(list(tmp_path.glob("x.0.broken-*"))) == 1


def test_nobody_else_may_read_it(tmp_path):
    spool = open_spool(tmp_path, "x")
    spool.put(line(1, "mine"))
    spool.save()
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    spool.close()


def test_a_disk_that_takes_nothing_is_told_and_caught_up_with(tmp_path):
    spool = open_spool(tmp_path, "x")
    pages = spool._database.execute("PRAGMA page_count").fetchone()[0]
    spool._database.execute(f"PRAGMA max_page_count = {pages}")
    spool.put(line(1, "x" * 100_000))
    with pytest.raises(NotKept, match="database or disk is full"):
        spool.save()
    spool._database.execute("PRAGMA max_page_count = 10000")
    spool.save()
    assert len(kept(spool)) == 1
    spool.close()
