"""SEARCH: the form of its answers, and who finds what at the moment of the answer."""

from __future__ import annotations

import pytest

from securechat.protocol.message import escape, parse
from tests.core import CoreRun, Peer

PEOPLE = ("ada", "bob", "cyd", "dot")


@pytest.fixture
def people(run: CoreRun) -> dict[str, Peer]:
    """In #lab are ada, its operator, and bob; cyd was there, dot never."""
    people = {name: run.login(name) for name in PEOPLE}
    for name in ("ada", "bob", "cyd"):
        run.say(people[name], "JOIN #lab")
    run.say(people["ada"], "PRIVMSG #lab :red apple", "NOTICE #lab :green apple", "TOPIC #lab :apple")
    run.say(people["bob"], "PRIVMSG #lab :red pear", "PRIVMSG cyd :red wine", "PRIVMSG ada :red ink")
    run.say(people["cyd"], "PART #lab")
    for peer in people.values():
        peer.take()
    return people


def find(run: CoreRun, peer: Peer, attributes: str) -> list[str]:
    """Target and text of each message found, or the words of the FAIL."""
    peer.take()
    run.say(peer, f"SEARCH {attributes}")
    lines = [parse(line.partition(" ")[2] if line.startswith("@") else line) for line in peer.take()]
    return [" ".join(line.params) for line in lines if line.command in ("PRIVMSG", "NOTICE", "FAIL")]


def test_the_answer_is_a_batch_of_the_messages_as_they_were_said(run: CoreRun, people: dict[str, Peer]) -> None:
    ada = people["ada"]
    run.say(ada, "@label=1 SEARCH text=red;in=#LAB")
    opening, *lines, closing = ada.take()
    assert opening == "@label=1 :localhost BATCH +1 soju.im/search"
    assert closing == ":localhost BATCH -1"
    found = [line.split(" ", 4) for line in lines]
    assert [words[1:] for words in found] == [
        [":ada!ada@u1.securechat", "PRIVMSG", "#lab", ":red apple"],
        [":bob!bob@u2.securechat", "PRIVMSG", "#lab", ":red pear"],
    ]
    for words in found:
        assert [tag.partition("=")[0] for tag in words[0].split(";")] == ["@batch", "time", "account", "msgid"]


def test_nothing_found_is_an_empty_batch(run: CoreRun, people: dict[str, Peer]) -> None:
    run.say(people["ada"], "SEARCH text=nowhere")
    assert people["ada"].take() == [":localhost BATCH +1 soju.im/search", ":localhost BATCH -1"]


def test_who_knows_no_batches_gets_the_lines_alone(run: CoreRun, people: dict[str, Peer]) -> None:
    old = run.login("bob", "soju.im/search")
    run.say(old, "SEARCH text=red;from=bob")
    assert old.take() == [
        f":bob!bob@u2.securechat PRIVMSG {place}" for place in ("#lab :red pear", "cyd :red wine", "ada :red ink")
    ]


def test_who_did_not_ask_for_it_has_no_such_command(run: CoreRun) -> None:
    ada = run.login("ada", "batch")
    run.say(ada, "SEARCH text=x")
    assert ada.take() == [":localhost 421 ada SEARCH :Unknown command"]


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ("text=red", ["#lab red apple", "#lab red pear", "ada red ink"]),
        (r"text=red\sapple", ["#lab red apple"]),
        (r'text="apple\sred"', []),
        ("text=app*", ["#lab red apple", "#lab green apple"]),
        ("from=bob", ["#lab red pear", "ada red ink"]),
        ("from=BOB;in=bob", ["ada red ink"]),
        ("from=nobody", []),
        ("in=ada", []),
        ("in=#lab;limit=1", ["#lab red pear"]),
        ("in=#lab;limit=1;after=2000-01-01T00:00:00.000Z", ["#lab red apple"]),
        ("in=#lab;before=2000-01-01T00:00:00.000Z", []),
        ("after=2040-01-01T00:00:00Z;before=2000-01-01T00:00:00Z", []),
        ("text=;in=#lab;limit=999999999", ["#lab red apple", "#lab green apple", "#lab red pear"]),
        ("limit=2", ["#lab red pear", "ada red ink"]),
        (":", ["#lab red apple", "#lab green apple", "#lab red pear", "ada red ink"]),
        ("text=red;color=red", ["SEARCH INVALID_PARAMS color unknown attribute"]),
        ("TEXT=red", ["SEARCH INVALID_PARAMS TEXT unknown attribute"]),
        ("text=red apple", [r"SEARCH INVALID_PARAMS * expected one parameter, its spaces written as \s"]),
        ("text=*", ["SEARCH INVALID_PARAMS text no words"]),
        ("text=r*", ["SEARCH INVALID_PARAMS text fewer than 3 letters before a *"]),
        ("limit=0", ["SEARCH INVALID_PARAMS limit not a number above 0"]),
        ("limit=", ["SEARCH INVALID_PARAMS limit not a number above 0"]),
        ("limit=٣", ["SEARCH INVALID_PARAMS limit not a number above 0"]),
        ("after=yesterday", ["SEARCH INVALID_PARAMS after not a timestamp"]),
        ("before=99999-01-01T00:00:00Z", ["SEARCH INVALID_PARAMS before not a timestamp"]),
        ("before=0001-01-01T00:00:00+14:00", []),
        ("in=#none", ["SEARCH INVALID_PARAMS in no history here for you"]),
        ("in=", ["SEARCH INVALID_PARAMS in no history here for you"]),
    ],
)
def test_attributes(run: CoreRun, people: dict[str, Peer], attributes: str, found: list[str]) -> None:
    assert find(run, people["ada"], attributes) == found


READERS = {
    "ada": ["#lab red apple", "#lab red pear", "ada red ink"],
    "bob": ["#lab red apple", "#lab red pear", "cyd red wine", "ada red ink"],
    "cyd": ["cyd red wine"],
    "dot": [],
}


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("reader", READERS)
def test_members_find_what_the_channel_holds_and_everyone_what_was_said_to_them(
    run: CoreRun, people: dict[str, Peer], reader: str, indexed: bool
) -> None:
    """No attribute opens what is closed: an ex-member and a stranger are answered as if the channel were not there."""
    if indexed:
        run.keep_up()
    peer = people[reader]
    assert find(run, peer, "text=red") == READERS[reader]
    assert find(run, peer, f"text={escape('red* OR c236c6162')}") == []
    for name in ("#lab", "#none"):
        found = find(run, peer, f"text=red;in={name}")
        if name == "#lab" and reader in ("ada", "bob"):
            assert found == ["#lab red apple", "#lab red pear"]
        else:
            assert found == ["SEARCH INVALID_PARAMS in no history here for you"]
    assert find(run, peer, "text=red;from=bob") == [one for one in READERS[reader] if one != "#lab red apple"]


@pytest.mark.parametrize("outcome", ["KICK #lab bob", "MODE #lab +b bob"])
@pytest.mark.parametrize("attributes", ["text=apple", "text=apple;in=#lab", "from=ada", "limit=1"])
def test_who_is_thrown_out_finds_nothing_of_it_not_even_by_a_search_under_way(
    run: CoreRun, people: dict[str, Peer], outcome: str, attributes: str
) -> None:
    bob, ada = people["bob"], people["ada"]
    run.queue(bob, f"SEARCH {attributes}")
    run.queue(ada, outcome)
    run.run()
    answer = bob.take()
    assert not [line for line in answer if "apple" in line or "pear" in line]
    refusal = ":localhost FAIL SEARCH INVALID_PARAMS in :no history here for you"
    assert (refusal in answer) == ("in=#lab" in attributes)
    assert not [line for line in find(run, bob, attributes) if line.startswith("#lab")]


def test_what_a_banned_member_may_not_read_does_not_take_the_place_of_what_he_may(
    run: CoreRun, people: dict[str, Peer]
) -> None:
    run.say(people["ada"], "MODE #lab +b bob", *(f"PRIVMSG #lab :more {number}" for number in range(5)))
    assert find(run, people["bob"], "limit=2") == ["cyd red wine", "ada red ink"]


@pytest.mark.parametrize("indexed", [True, False])
def test_redacted_text_is_not_found(run: CoreRun, people: dict[str, Peer], indexed: bool) -> None:
    if indexed:
        run.keep_up()
    [entry] = [entry for entry in run.entries("#lab") if entry.text == "red apple"]
    run.say(people["ada"], f"REDACT #lab {entry.msgid}")
    for _ in range(2):
        assert find(run, people["ada"], "text=red;in=#lab") == ["#lab red pear"]
        assert find(run, people["ada"], "text=apple") == ["#lab green apple"]
        assert find(run, people["ada"], "from=ada;in=#lab") == ["#lab green apple"]
        run.keep_up()


def test_what_the_deleted_said_is_found_by_the_name_that_it_is_shown_with(
    run: CoreRun, people: dict[str, Peer]
) -> None:
    run.accounts.delete("bob", release_name=True)
    run.look()
    assert find(run, people["ada"], "text=red;from=bob") == ["#lab red pear"]


def test_a_store_that_cannot_be_read_is_said_to_be_the_reason(run: CoreRun, people: dict[str, Peer]) -> None:
    with run.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE search")
    found = find(run, people["ada"], "text=red")
    assert found == ["SEARCH INTERNAL_ERROR cannot search now; try again in a few seconds"]
