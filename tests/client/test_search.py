"""What people type to search, how it is asked, and page by page what comes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from securechat.client.events import Found
from securechat.client.search import Query, SearchUsage, read_limit, read_moment, read_query

from .conftest import CAPABILITIES, Script

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("disk full", Query("disk full")),
        ("disk  full in:#ops", Query("disk full", "#ops")),
        ("from:bob disk since:30d full", Query("disk full", None, "bob", NOW - timedelta(days=30))),
        ("--in #ops --from=bob disk", Query("disk", "#ops", "bob")),
        ("until:2h limit:7 x", Query("x", until=NOW - timedelta(hours=2), limit=7)),
        ("in:#ops", Query("", "#ops")),
        ('"disk full" at:noon http://in:80 within:1', Query('"disk full" at:noon http://in:80 within:1')),
    ],
)
def test_what_a_person_types_is_understood(typed, query):
    assert read_query(typed, NOW) == query


def test_nothing_is_no_search():
    assert read_query("  ", NOW) is None


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("45m", NOW - timedelta(minutes=45)),
        ("45min", NOW - timedelta(minutes=45)),
        ("2w", NOW - timedelta(weeks=2)),
        ("999999w", NOW - timedelta(days=365 * 50)),
        ("2026-02-01T10:00:00+00:00", datetime(2026, 2, 1, 10, tzinfo=UTC)),
        ("2026-02-01", datetime(2026, 2, 1).astimezone()),
    ],
)
def test_moments_are_ages_or_dates(written, moment):
    assert read_moment(written, NOW) == moment


@pytest.mark.parametrize("written", ["", "30", "d", "-1d", "yesterday", "2026-13-01", "1e3d"])
def test_what_is_no_moment_is_named(written):
    with pytest.raises(SearchUsage, match="is no time"):
        read_moment(written, NOW)


@pytest.mark.parametrize("written", ["", "0", "x", "10001", "-1", "٣"])
def test_what_is_no_number_of_lines_is_named(written):
    with pytest.raises(SearchUsage, match="is no number of lines"):
        read_limit(written)


@pytest.fixture
def searcher() -> Script:
    script = Script(f"{CAPABILITIES} soju.im/search")
    script.enter()
    return script


def line(number: int) -> str:
    time = NOW + timedelta(seconds=number)
    return f";msgid=m{number};time={time:%Y-%m-%dT%H:%M:%S}.000Z :bob!b@h PRIVMSG #lobby :line {number}"


def search(script: Script, query: Query, *pages: range) -> Found:
    """The result of a search of which each request is answered with such lines; the last of them must be asked for."""
    script.session.search(query)
    for page in pages:
        *rest, last = script.history("soju.im/search", *(line(number) for number in page)) or [None]
    assert rest == []
    return last


def test_words_are_escaped_as_tag_values():
    query = Query(r"two words; a \ and = ü", "#ops", "bob", until=NOW, limit=7)
    assert query.written(query.until, 7) == (
        r"text=two\swords\:\sa\s\\\sand\s=\sü;in=#ops;from=bob;before=2026-03-01T12:00:00.000Z;limit=7"
    )


def test_matches_come_oldest_first(searcher):
    found = search(searcher, Query("line"), range(3))
    assert [said.text for said in found.lines] == ["line 0", "line 1", "line 2"]
    assert found.problem == ""
    assert searcher.sent() == []


def test_pages_go_back_until_there_are_enough(searcher):
    found = search(searcher, Query("line", limit=150), range(200, 300), range(101, 201))
    assert [said.text for said in found.lines] == [f"line {number}" for number in range(150, 300)]


def test_pages_end_where_the_time_asked_for_begins(searcher):
    since = NOW + timedelta(seconds=250)
    found = search(searcher, Query("line", since=since, limit=1000), range(200, 300))
    assert [said.text for said in found.lines] == [f"line {number}" for number in range(250, 300)]


def test_a_server_that_repeats_a_page_is_not_asked_for_ever(searcher):
    found = search(searcher, Query("line", limit=1000), range(200, 300), range(200, 300))
    assert len(found.lines) == 100


def test_a_refusal_is_the_problem(searcher):
    searcher.session.search(Query("line"))
    label = searcher.sent()[-1].partition(" ")[0]
    (found,) = searcher.server(f"{label} :s FAIL SEARCH INVALID_PARAMS text :no words")
    assert found == Found((), "no words")


def test_a_server_without_search_says_so(entered):
    entered.session.search(Query("line"))
    assert entered.session.take_events() == [Found((), "this server knows no search")]


def test_what_is_found_counts_neither_as_said_nor_as_seen(searcher):
    search(searcher, Query("line"), range(3))
    assert len(searcher.server(f"@x{line(1)}")) == 1
