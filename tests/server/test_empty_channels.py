"""Channels that nobody needs: they go with their last member, or count for whoever left them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from securechat.store import channels, snapshot
from tests.core import SETTINGS, CoreRun


def keys(run: CoreRun) -> set[str]:
    """The channels there are, here and in the store."""
    assert run.held() == run.stored()
    return set(run.core.directory.channels)


@pytest.mark.parametrize("leaving", ["PART #new", "PART #New :bye", "KICK #new bob", "JOIN 0"])
def test_a_channel_goes_with_its_maker_if_nothing_came_of_it(run: CoreRun, leaving: str) -> None:
    bob = run.login("bob")
    run.say(bob, "JOIN #New", "MARKREAD #new timestamp=2020-01-01T00:00:00.000Z")
    assert "#new" in keys(run)
    bob.take()
    run.say(bob, leaving)
    assert any(f" {leaving.split()[0].replace('JOIN', 'PART')} #New" in line for line in bob.take())
    assert "#new" not in keys(run)
    run.say(bob, "JOIN #new")
    assert any(line.startswith(":bob!") or " JOIN #new" in line for line in bob.take())
    assert "#new" in keys(run)


@pytest.mark.parametrize(
    "said",
    [
        "PRIVMSG #new :hello",
        "TOPIC #new :what for",
        "MODE #new +i",
        "MODE #new +b eve",
        "MODE #new +k key",
        "MODE #new +l 5",
    ],
)
def test_a_channel_in_which_something_is_said_or_set_stays(run: CoreRun, said: str) -> None:
    bob = run.login("bob")
    run.say(bob, "JOIN #new", said, "PART #new")
    assert "#new" in keys(run)


def test_a_channel_that_somebody_else_was_in_stays(run: CoreRun) -> None:
    bob, cyd = run.login("bob"), run.login("cyd")
    run.say(bob, "JOIN #new")
    run.say(cyd, "JOIN #new")
    run.say(bob, "PART #new")
    run.say(cyd, "PART #new")
    assert "#new" in keys(run)


def test_a_channel_of_everyone_s_stays(run: CoreRun) -> None:
    for name in ("ada", "bob", "cyd", "dot"):
        run.say(run.login(name), "PART #lobby")
    assert "#lobby" in keys(run)


def test_where_the_commit_fails_the_channel_is_still_there(run: CoreRun) -> None:
    bob = run.login("bob")
    run.say(bob, "JOIN #new")
    run.writer.outcomes.append("failed")
    run.say(bob, "PART #new")
    assert "#new" in keys(run)


def test_channels_that_were_left_empty_count_for_who_makes_another(template: Path, tmp_path: Path) -> None:
    limits = msgspec.structs.replace(SETTINGS.limits, channels_per_account=4)
    with CoreRun(template, tmp_path, msgspec.structs.replace(SETTINGS, limits=limits)) as run:
        bob, cyd = run.login("bob"), run.login("cyd")
        for name in ("#1", "#2", "#3"):
            run.say(bob, f"JOIN {name}", f"PRIVMSG {name} :hello", f"PART {name}")
        run.say(bob, "JOIN #4")
        assert any(" 405 bob #4 " in line for line in bob.take())
        run.say(bob, "JOIN #1")  # which is there
        assert "#1" in {channel.key for channel in bob.session.person.channels}
        run.say(cyd, "JOIN #2")  # it is nobody's any more
        run.say(bob, "PART #lobby", "JOIN #4")
        assert keys(run) == {"#lobby", "#1", "#2", "#3", "#4"}


def test_at_a_start_those_go_whose_members_or_messages_went(run: CoreRun) -> None:
    bob, cyd = run.login("bob"), run.login("cyd")
    run.say(bob, "JOIN #his,#pruned,#told", "PRIVMSG #told :hello", "PRIVMSG #pruned :hello", "PART #pruned")
    run.say(cyd, "JOIN #hers")
    run.accounts.delete("bob")
    run.look()
    with run.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM entry WHERE target = '#pruned'")
        channels.remove_empty(connection, SETTINGS.channels.autojoin)
    assert {one.key for one in run.stored().channels} == {"#lobby", "#told", "#hers"}


def test_what_is_left_of_a_channel_that_went_is_not_loaded(run: CoreRun) -> None:
    bob = run.login("bob")
    run.say(bob, "JOIN #new", "PART #new")
    with run.database.read() as connection:
        assert "#new" not in snapshot.load(connection).last_times
