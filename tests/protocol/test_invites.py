"""Invite codes: they survive being typed, and a mistyped one names the place of the mistake."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securechat.protocol.invites import GROUP, BadInvite, Invite, is_password, parse, write

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MISTAKE = re.compile(r"the (\d+)(?:st|nd|rd|th) group")
BOB = Invite("bob", "chat.example.org", 6697, bytes(range(32)), bytes(range(100, 116)))
LONG = Invite("a" * 32, "x" * 253, 65535, b"\xff" * 32, b"\x00" * 16)

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,31}", fullmatch=True)
hosts = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,30}[a-z0-9])?", fullmatch=True),
    st.ip_addresses().map(str),
    st.sampled_from(["chat.example.org", "bücher.example", "localhost", "::1"]),
)
codes = st.builds(
    Invite,
    names,
    hosts,
    st.integers(1, 65535),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=16, max_size=16),
).map(write)


def mistake(text: str) -> int:
    """The number of the group that the refusal names."""
    with pytest.raises(BadInvite) as caught:
        parse(text)
    found = MISTAKE.search(str(caught.value))
    assert found is not None, caught.value
    assert caught.value.group == int(found[1])
    return int(found[1])


def group_of(place: int) -> int:
    """Of a character of a code without dashes, from 1 on."""
    return place // GROUP + 1


def dashed(characters: str) -> str:
    return "-".join(characters[start : start + GROUP] for start in range(0, len(characters), GROUP))


@given(st.data())
def test_a_code_says_what_it_was_made_of(data: st.DataObject) -> None:
    invite = Invite(
        data.draw(names),
        data.draw(hosts),
        data.draw(st.integers(1, 65535)),
        data.draw(st.binary(min_size=32, max_size=32)),
        data.draw(st.binary(min_size=16, max_size=16)),
    )
    assert parse(write(invite)) == invite


@pytest.mark.parametrize("invite", [BOB, LONG, Invite("b", "::1", 1, bytes(32), bytes(16))])
def test_it_is_groups_of_letters_and_digits_that_look_unlike(invite: Invite) -> None:
    code = write(invite)
    assert re.fullmatch(rf"[{ALPHABET}]{{{GROUP}}}(-[{ALPHABET}]{{{GROUP}}})*", code)
    assert parse(code) == invite


@given(
    codes,
    st.lists(st.sampled_from(["", "-", "--", " ", "\n", " - ", "\u2013", "\t-\r\n", "\u00a0"]), min_size=1),
    st.sampled_from([str.upper, str.lower, str.swapcase, str.title]),
    st.sampled_from("0Oo"),
    st.sampled_from("1IilL"),
)
def test_white_space_dashes_and_letter_case_are_forgiven(
    code: str, separators: list[str], cased: Callable[[str], str], zero: str, one: str
) -> None:
    groups = [cased(group).translate(str.maketrans("01", zero + one)) for group in code.split("-")]
    typed = "".join(group + separators[number % len(separators)] for number, group in enumerate(groups))
    assert parse(f" {typed}\n") == parse(code)


@given(codes, st.data())
def test_every_wrong_character_is_found_where_it_is(code: str, data: st.DataObject) -> None:
    characters = code.replace("-", "")
    place = data.draw(st.integers(0, len(characters) - 1))
    wrong = data.draw(st.sampled_from(ALPHABET.replace(characters[place], "")))
    assert mistake(dashed(characters[:place] + wrong + characters[place + 1 :])) == group_of(place)


@pytest.mark.parametrize("invite", [BOB, LONG])
def test_every_single_substitution_in_a_code_is_found(invite: Invite) -> None:
    characters = write(invite).replace("-", "")
    for place in range(len(characters)):
        for wrong in ALPHABET if invite is BOB else "0Z":
            if wrong != characters[place]:
                assert mistake(characters[:place] + wrong + characters[place + 1 :]) == group_of(place)


@given(codes, st.data())
def test_two_neighbours_that_changed_places_are_found_where_they_are(code: str, data: st.DataObject) -> None:
    characters = code.replace("-", "")
    unlike = [place for place in range(len(characters) - 1) if characters[place] != characters[place + 1]]
    place = data.draw(st.sampled_from(unlike))
    swapped = characters[:place] + characters[place + 1] + characters[place] + characters[place + 2 :]
    assert mistake(swapped) == group_of(place)


@given(codes, st.data())
def test_two_groups_that_changed_places_are_found_where_the_first_is(code: str, data: st.DataObject) -> None:
    groups = code.split("-")
    first, second = sorted(data.draw(st.sets(st.integers(0, min(len(groups), 32) - 1), min_size=2, max_size=2)))
    groups[first], groups[second] = groups[second], groups[first]
    assert mistake("-".join(groups)) == first + 1


def test_every_swap_in_a_code_is_found() -> None:
    characters = write(BOB).replace("-", "")
    for place in range(len(characters) - 1):
        one, other = characters[place : place + 2]
        if one != other:
            assert mistake(characters[:place] + other + one + characters[place + 2 :]) == group_of(place)
    groups = write(BOB).split("-")
    for first in range(len(groups)):
        for second in range(first + 1, len(groups)):
            swapped = groups.copy()
            swapped[first], swapped[second] = groups[second], groups[first]
            assert mistake("-".join(swapped)) == first + 1


def test_groups_of_a_very_long_code_that_changed_places_are_found() -> None:
    """The number of a group is in its check modulo 32, so what lies that far apart is for the sum over all of it."""
    groups = write(Invite("bob", "".join(map(str, range(90))), 6697, BOB.key, BOB.secret)).split("-")
    assert len(groups) > 34
    for first in range(1, len(groups) - 32):
        swapped = groups.copy()
        swapped[first], swapped[first + 32] = groups[first + 32], groups[first]
        with pytest.raises(BadInvite, match="some of its groups changed places"):
            parse("-".join(swapped))


@given(codes, st.data())
def test_a_missing_or_doubled_character_is_found_where_it_is(code: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(code) - 1).filter(lambda at: code[at] != "-"))
    number = code[:place].count("-") + 1
    assert mistake(code[:place] + code[place + 1 :]) == number
    assert mistake(code[:place] + code[place] + code[place:]) == number


@given(codes, st.data())
def test_a_missing_group_is_found_where_it_should_be(code: str, data: st.DataObject) -> None:
    groups = code.split("-")
    left_out = data.draw(st.integers(0, len(groups) - 2))
    assert mistake("-".join(groups[:left_out] + groups[left_out + 1 :])) == left_out + 1


@pytest.mark.parametrize("character", "U#.,ä\u200b\udc80\x1b")
def test_a_character_that_no_code_has_is_named_with_its_place(character: str) -> None:
    code = write(BOB)
    with pytest.raises(BadInvite) as caught:
        parse(code[:23] + character + code[24:])
    assert "the 3rd character of the 4th group" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert caught.value.group == 4


def test_the_sentence_shows_the_group() -> None:
    group = write(BOB).split("-")[3]
    wrong = ("A" if group[0] != "A" else "B") + group[1:]
    with pytest.raises(BadInvite) as caught:
        parse(write(BOB).replace(group, wrong.lower()))
    assert str(caught.value) == (
        f"the invite code is mistyped: the mistake is in the 4th group, {wrong!r}; compare it with the original"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no invite code"),
        (" -\n- ", "no invite code"),
        (write(BOB)[:-7], "ends behind its 23rd group"),
        (write(BOB)[:62], "ends behind its 9th group"),
        (write(BOB)[:-1], "the 24th group, '.{5}', has 5 characters instead of 6"),
        (write(BOB) + "-" + write(BOB), "the mistake is in the 25th group"),
        ("A" * 100_000, "the 1st group"),
    ],
)
def test_what_is_no_whole_code_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadInvite, match=words) as caught:
        parse(text)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    "nonsense",
    [
        Invite("no name", "chat.example.org", 6697, BOB.key, BOB.secret),
        Invite("bob", "", 6697, BOB.key, BOB.secret),
        Invite("bob", "a b", 6697, BOB.key, BOB.secret),
        Invite("bob", "-oProxyCommand", 6697, BOB.key, BOB.secret),
        Invite("bob", "\x1b[2J", 6697, BOB.key, BOB.secret),
        Invite("bob", "chat.example.org", 0, BOB.key, BOB.secret),
    ],
)
def test_a_well_made_code_of_nonsense_is_refused(nonsense: Invite) -> None:
    with pytest.raises(BadInvite, match="names no server or no account"):
        parse(write(nonsense))


def test_a_code_of_a_later_version_says_what_to_do() -> None:
    """This is BOB's, of version 2."""
    later = (
        "08D2JT-00108X-1G818W-60W40T-J2GB1Y-G6GW39-RG249P-1650NK-2RBHG7-68T3CR-E1T7GK-ZCHJP7-CSV8DG-5N6PVE-3DDSQN-"
        "Q0WBJ4-EC1P45-VV221H-HPGRB0-M5SJQY-GRBDEJ-1P6AB2-KFE9K7-GSN00B"
    )
    with pytest.raises(BadInvite, match="install the newest one"):
        parse(later)


@given(st.text(max_size=300))
def test_whatever_is_typed_is_refused_in_one_printable_line(text: str) -> None:
    with pytest.raises(BadInvite) as caught:
        parse(text)
    assert str(caught.value).isprintable()


def test_the_secret_is_the_password_of_one_login_and_in_no_repr() -> None:
    assert is_password(BOB.password)
    assert BOB.password == "sci_ZGVmZ2hpamtsbW5vcHFycw"
    assert "secret" not in repr(BOB)
    assert not is_password(BOB.password + "=")
    assert not is_password("sct_" + BOB.password[4:])
