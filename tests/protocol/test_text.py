"""What of a remote text reaches a terminal, and how a long text becomes messages."""

# ruff: noqa: RUF001 - letters of other scripts are what this is about

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securechat.protocol.combining import COMBINING, basic
from securechat.protocol.text import _SUSPECT, printable, split

FLAGS = re.compile("\U0001f3f4([\U000e0020-\U000e007e]+\U000e007f)")
VISIBLE = re.compile("[\u06dd\u070f\u0890\u0891\u08e2]")  # signs around numbers, of the kind that is invisible else

SHOWN = [
    ("plain", "plain"),
    ("\x02bold\x0f \x1funder\x1d", "bold under"),
    ("\x0304,12red\x03 \x04ff0000,00ff00x", "red x"),
    ("\x03\x03122 \x04ff\x031ff00 \x03\x021", "2 ffff00 1"),  # dropped once: what is left is no other code
    ("\x03٣ is three", "٣ is three"),  # colours have ASCII's digits
    ('C:\\x00 it\'s "\n\t\0"', 'C:\\x00 it\'s "\\x0a\\x09\\x00"'),
    ("\udc00\udc01a" + "\u0301" * 5 + "\ufe0f", "\\udc00\\udc01a" + "\u0301" * 4 + "\\u0301\\ufe0f"),
    ("\udc03\\udc03\\\\\udc04\udc00 \u2003\x1b", "\\udc03\\udc03\\\\\\udc04\\udc00 \u2003\\x1b"),
    ("\\t\t\\\\n\n\\'\" \\u200d", "\\t\\x09\\\\n\\x0a\\'\" \\u200d"),
    ("\U0001e944" * 6 + "\u0301\ue000", "\U0001e944" * 4 + "\\U0001e944" * 2 + "\\u0301\\ue000"),
    ("\x1b[2J", "\\x1b[2J"),
    ("a\x07b\x7f\x9b", "a\\x07b\\x7f\\x9b"),
    ("é 日本 😀", "é 日本 😀"),
    ("\u202egnp.exe", "\\u202egnp.exe"),
    ("a\u2028b", "a\\u2028b"),
    ("\ud800", "\\ud800"),
    ("a" + "\u0301" * 6, "a" + "\u0301" * 4 + "\\u0301" * 2),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_a_remote_text_is_shown_as(text: str, shown: str) -> None:
    assert printable(text) == shown


STAYS = [
    "👩\u200d👩\u200d👧 👩🏽\u200d🔬 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 1\ufe0f\u20e3 🇩🇪 🐈\u200d⬛",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # the flag of England
    "می\u200cخواهم نمی\u200cدانم ه\u200d",  # Persian
    "क\u094d\u200dष क\u094d\u200cष र\u200d\u094dय",  # Hindi, Bengali's way
    "ශ\u0dca\u200dරී ලංකා",  # Sinhala
    "ที่นี่ เป็นไทย ព្រះរាជាណាចក្រ မြန်မာ བོད་སྐད་ ᠮᠣᠩᠭ\u180bᠣᠯ",
    "שָׁלוֹם مُحَمَّدٌ Tiê\u0301ng Viê\u0323t 한국어 日本語\u3000か\u3099 葛\U000e0100",
    "naïve\u00a0: 10\u202f% ½ ∑ ☃ ⠿ \u0600١٢",
]
MARKED = [
    *["\u00ad", "\u061c", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u2028", "\u202e", "\u2060", "\u2066"],
    *["\u206a", "\ufeff", "\ufff9", "\ufffb", "\ufffe", "\ud800", "\udfff", "\ue000", "\uf8ff", "\ufdd0"],
    *["\u034f", "\u115f", "\u3164", "\uffa0", "\U000e0001", "\U000e0041", "\U000f0000", "\U0010ffff", "\u0378"],
]


@pytest.mark.parametrize("text", STAYS)
def test_what_people_write_stays_whole(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("character", MARKED, ids=ascii)
def test_what_is_no_text_is_marked_wherever_it_stands(character: str) -> None:
    mark = character.encode("unicode_escape", "surrogatepass").decode()
    assert printable(f"a{character}b") == f"a{mark}b"
    assert printable(f"😀 {character}é") == f"😀 {mark}é"


SMUGGLED = [
    ("a\ufe0f\ufe0f", "a\ufe0f\\ufe0f"),  # a character has one variation
    ("a" + "\U000e0101\U000e0102", "a\U000e0101\\U000e0102"),
    ("👩\u200d\u200d👧", "👩\\u200d\\u200d👧"),
    ("👩\u200dx", "👩\\u200dx"),
    ("x\u200d👩", "x\\u200d👩"),
    ("ه\u200d\u200d", "ه\u200d\\u200d"),
    ("🏴\U000e0067\U000e0062", "🏴\\U000e0067\\U000e0062"),  # a flag without its end
    ("x\U000e007f", "x\\U000e007f"),
]


@pytest.mark.parametrize(("text", "shown"), SMUGGLED, ids=ascii)
def test_joiners_selectors_and_tags_stay_only_where_they_mean_something(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_where_so_much_is_wrong_that_it_is_no_text_nothing_passes_for_spelling() -> None:
    assert printable("é a\ufe0f\ufe0f" * 64) == "é a\ufe0f\\ufe0f" * 64
    assert printable("é a\ufe0f\ufe0f" * 65) == "\\xe9 a\\ufe0f\\ufe0f" * 65
    assert printable("é" + "a" + "\u0301" * 5 + "a\ufe0f\ufe0f") == "é" + "a" + "\u0301" * 4 + "\\u0301a\ufe0f\\ufe0f"
    assert printable(("a" + "\u0301" * 5) * 65 + "a\ufe0f\ufe0f") == ("a" + "\\u0301" * 5) * 65 + "a\\ufe0f\\ufe0f"
    family = "👩\u200d👧"
    assert printable(family + "x\u200d" * 64) == family + "x\\u200d" * 64
    assert printable(family + "x\u200d" * 65) == "👩\\u200d👧" + "x\\u200d" * 65
    assert printable("é" * 2000 + "a\ufe0f\ufe0f" * 400)[:2000] == "é" * 2000  # what is far from it stays
    assert printable("é" + "\x1b" * 64) == "é" + "\\x1b" * 64
    assert printable("é" + "\x1b" * 65) == "\\xe9" + "\\x1b" * 65
    assert printable("a\u2000\u2001\u2002\u2003") == "a\u2000\u2001\u2002\u2003"
    assert printable("a\u2000\u2001\u2002\u2003\u2004é") == "a\\u2000\\u2001\\u2002\\u2003\\u2004é"


def test_a_long_text_in_a_script_without_spaces_may_have_more_that_is_rare() -> None:
    """Tibetan writes deep stacks in mantras; one in a hundred letters does not make all of it marks."""
    text = ("ཀ\u0f90\u0fb5\u0fa8\u0fb1\u0f71\u0f74\u0f7e་" + "བཀྲ་ཤིས་བདེ་ལེགས་" * 6) * 70
    assert printable(text).count("བཀྲ་ཤིས་བདེ་ལེགས་") == 420


@pytest.mark.parametrize("text", [*STAYS, *(text for text, _ in SHOWN), *(text for text, _ in SMUGGLED)], ids=ascii)
def test_a_text_is_shown_alike_wherever_it_stands_in_a_long_one(text: str) -> None:
    """Long texts are looked at in portions."""
    for before in (*range(1024 - len(text), 1026), 2040, 2048):
        assert printable("é" + "." * before + text) == "é" + "." * before + printable(text)


def test_a_portion_that_does_not_end_is_shown_though_no_letter_is_free() -> None:
    """A joiner ties each letter to the one before it."""
    tied = "".join(f"\u200d{chr(code)}" for code in (*range(0xC0, 0x250), *range(0xAC00, 0xD7A4)))
    assert printable(f'"\\ \U0001fafe{tied}\x1b') == f'"\\ \U0001fafe{tied}\\x1b'.replace("\u200d", "\\u200d")


ANY = st.characters(codec=None, exclude_categories=())
ODD = st.sampled_from(
    "a 👩🏽❤\u200d\u200c\ufe0f\u20e3\u0301\u0e35\u094dकहم\u180b\u180eᠭ🏴\U000e0067\U000e007f\x1b\u202e\u2b74"
)


@given(st.lists(ANY | ODD, max_size=30).map("".join))
def test_nothing_but_text_gets_through_and_once_is_enough(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    categories = [unicodedata.category(character) for character in shown]
    assert not {"Cc", "Cs", "Co", "Zl", "Zp"} & set(categories)
    assert "MMMMM" not in "".join("M" if category in ("Mn", "Me") else "." for category in categories)
    in_flags = "".join(FLAGS.findall(shown))
    formats = [one for one, category in zip(shown, categories, strict=True) if category == "Cf" and one not in in_flags]
    assert all(one in "\u200c\u200d" or "NUMBER" in unicodedata.name(one) or VISIBLE.match(one) for one in formats)


def test_every_character_is_looked_at_if_it_might_have_no_place_of_its_own() -> None:
    """The quick look finds each that combines or selects, whatever Unicode's data this Python has."""
    combining = (chr(code) for code in range(0x80, 0x110000) if unicodedata.category(chr(code)) in ("Mn", "Me"))
    assert [ascii(one) for one in combining if not _SUSPECT.match(one)] == []


def test_a_row_is_of_characters_that_combine_and_of_no_others() -> None:
    """Of those that this Python knows, by its own data."""
    combining = re.compile(f"[{COMBINING}]")
    known = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    found = {one for one in known if combining.fullmatch(basic(one))}
    expected = {one for one in known if unicodedata.category(one) in ("Mn", "Me")} - set("\u034f\u17b4\u17b5")
    assert found ^ expected <= {"\U0001171e"}  # which Unicode 16 made another kind


@pytest.mark.parametrize("category", ["Cc", "Cs", "Co", "Zl", "Zp"])
def test_no_character_of_these_kinds_stays(category: str) -> None:
    every = (chr(code) for code in range(0x110000))
    assert [ascii(one) for one in every if unicodedata.category(one) == category and one in printable(f"a{one}b")] == []


FLAG = "\U0001f1e9\U0001f1ea"
FAMILY = "👩\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("text", "budget", "pieces"),
    [
        ("", 10, [""]),
        ("short", 10, ["short"]),
        ("one two three", 8, ["one two ", "three"]),
        ("onetwothree", 4, ["onet", "woth", "ree"]),
        ("ééé", 4, ["éé", "é"]),
        ("aaa" + "e\u0301" * 2, 5, ["aaa", "e\u0301", "e\u0301"]),
        (FLAG * 2, 12, [FLAG, FLAG]),
        ("xx" + FAMILY, 19, ["xx", FAMILY]),
        ("x👍🏽", 8, ["x", "👍🏽"]),
        ("👍🏽", 7, ["👍", "🏽"]),
        ("a" + "\u0301" * 62 + "b", 125, ["a" + "\u0301" * 62, "b"]),
        ("aaa" + "\u0301" * 80, 160, ["aaa" + "\u0301" * 78, "\u0301" * 2]),  # no character of anybody's
    ],
)
def test_a_text_is_cut_at_words_and_never_inside_a_character(text: str, budget: int, pieces: list[str]) -> None:
    assert list(split(text, budget)) == pieces


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text("a é👍🏽\u200d\u0301🇩🇪"), st.integers(4, 40))
def test_the_pieces_joined_are_the_text_and_each_fits(text: str, budget: int) -> None:
    pieces = list(split(text, budget))
    assert "".join(pieces) == text
    assert all(len(piece.encode()) <= budget for piece in pieces)
