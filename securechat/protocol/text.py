"""Text for people: what of a remote text may reach a terminal, and cutting a long text into messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import accumulate, pairwise

from securechat.protocol.combining import COMBINING, basic

# Bold, italic, underline, strikethrough, monospace, reverse, reset and the two kinds of colour, with numbers or bare.
# Source: Modern IRC, "Formatting".
_FORMATTING = "\x02\x0f\x11\x16\x1d\x1e\x1f\x03\x04"
_NUMBERED = (r"\x03[0-9][0-9]?+(?:,[0-9][0-9]?+)?+", r"\x04[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?+")
_COLOURS = tuple(re.compile(f"{one}(?:{one})*+") for one in _NUMBERED)  # possessive, which takes half of the time
LONGEST_CLUSTER = 32  # characters that are looked at for where one begins, each time a text is cut
_GLUED = {0x200D, 0xFE0E, 0xFE0F, 0x20E3}
_REGIONAL = "".join(map(chr, range(0x1F1E6, 0x1F200)))  # two of them are a flag
_COMBINING_IN_A_ROW = 4  # no script in use needs more; floods of them run over the lines above

# Where a character might have no place of its own: it combines, selects a variation, or is an invisible letter. This is
# more than there are, and only searched to find out quickly that there is none.
_SUSPECTS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c9\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0711\u0730-\u074a"
    "\u07a6-\u07b0\u07eb-\u07fd\u0816-\u082d\u0859-\u085b\u0890-\u109f\u115f\u1160\u135d-\u135f\u1712-\u1734\u1752\u1753"
    "\u1772\u1773\u17b4-\u17dd\u180b-\u180f\u1885\u1886\u18a9-\u1cff\u1dc0-\u1dff\u20d0-\u20f0\u2cef-\u2cf1\u2d7f"
    "\u2de0-\u2dff\u302a-\u302d\u3099\u309a\u3164\ua66f-\ua6f1\ua802-\uabff\ufb1e\ufe00-\ufe0f\ufe20-\ufe2f\uffa0"
    "\U000101fd-\U0001efff\U000e0100-\U000e01ef"  # few, for behind U+FFFF each range is tried for every character
)
_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # although letters or marks
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_SUSPECT = re.compile(f"[{_SUSPECTS}]")
_MORE_SELECTORS = re.compile(f"([{_SELECTORS}](?<=[{_SELECTORS}]{{2}})[{_SELECTORS}]*)")
_JOINERS = "\u200c\u200d"
# A row of those that combine: what of it stays, and what is too much. The look behind only saves time: a row does not
# begin in the middle of one.
_ONE = f"[{COMBINING}][{_JOINERS}]*+"
_FIRST = f"[{COMBINING}](?<![\u0300-\u034e\u0350-\u036f].)[{_JOINERS}]*+"
_ROW = re.compile(f"({_FIRST}(?:{_ONE}){{{_COMBINING_IN_A_ROW - 1}}}+)((?:{_ONE})++)")

# Scripts whose letters join, so that U+200C and U+200D between them are spelling: Arabic to Mandaic, India's, Tibetan,
# Myanmar, Khmer, Mongolian, and those like them. Source: UAX 31, "Layout and Format Control Characters".
_JOINING = (
    "\u0620-\u077f\u07c0-\u07ff\u0840-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1a20-\u1aaf\u1b00-\u1bff\u1c00-\u1c4f"
    "\ua800-\ua82f\ua840-\ua8ff\ua980-\ua9df\uaa00-\uaadf\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010eff"
    "\U00010f30-\U00011fff\U0001e900-\U0001e95f"
)
_PICTURES = "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_BLACK_FLAG = "\U0001f3f4"
_TAGS = "[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
# The joiner comes first, so that a text without any costs nothing.
_LOST = {
    "\u200c": re.compile(f"\u200c(?<![{_JOINING}]\u200c)"),
    "\u200d": re.compile(
        f"\u200d(?<![{_JOINING}]\u200d)"
        f"(?:(?<![{_PICTURES}\ufe0e\ufe0f]\u200d)|(?![{_PICTURES}])|(?={_BLACK_FLAG}{_TAGS}))"
    ),
}
_FLAG = re.compile(f"({_BLACK_FLAG}{_TAGS})")
# What is worked on at once, so that little is alive at a time. It ends where nothing goes on from one to the next.
_AT_ONCE = 1024  # characters, or as many more as there are until such an end
_PORTION = re.compile(f"(?s).{{1,{_AT_ONCE}}}(?:[{_SUSPECTS}{_JOINERS}\U000e0020-\U000e007f]|(?<=[{_JOINERS}]).)*+")
_MISTAKES = 64  # of one kind in so many: what has more is no text of people, and nothing of that kind is spelling there
_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\n\r"})
# What stands for something else while a text is worked on: surrogates, which are in no UTF-8.
_FLAG_THERE, _MORE, _TOO_MANY, _KEPT = _STANDINS = "\udc00\udc01\udc02\udc03"
# What `repr` would mark and what stays nevertheless: what is unassigned, but kept free for pictures and for Han, newer
# than our table and not harmful; spaces, and signs around numbers, of which nobody needs many kinds.
_FREE = re.compile("([\U0001f000-\U0001faff\U00020000-\U0002fffd\U00030000-\U0003fffd])")
_STAYING = (
    "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
_KINDS = 4
# What `repr` would write otherwise than it is meant. Joiners stay for now; of quotes, it escapes none if there is but
# one kind.
_MEANT_WITHOUT_SPACES = {
    **{one: one for one in f'\\"{_JOINERS}{_STANDINS}'},
    **{one: f"\\x{ord(one):02x}" for one in "\t\n\r"},
}
_MEANT = {**_MEANT_WITHOUT_SPACES, **{one: one for one in _STAYING}}
# What it leaves as it is: more than are looked at at once, so that some are free to stand for others meanwhile.
_LETTERS = "".join(map(chr, (*range(0xC0, 0x100), *range(0xAC00, 0xB200))))


def printable(text: str) -> str:
    """A remote text with everything but text made visible, so that it cannot move the cursor or forge a line.

    IRC formatting is dropped. What a terminal obeys, what turns text around and what cannot be seen becomes a mark like
    `\\x1b`: C0, DEL, C1, format characters, invisible letters, lone surrogates, what is private or assigned to nothing,
    combining characters from the fifth in a row on. What is part of a script or of an emoji stays: joiners, selectors
    and flags where they have a meaning. A text that is full of what has none, or of controls, is no text of people, and
    nothing in it passes for spelling.
    """
    plain = text if text.isprintable() else _unformatted(text)
    if plain.isprintable() and (plain.isascii() or not _SUSPECT.search(plain)):
        return plain
    # Judged of all of it, so that what is shown would be shown as it is.
    if _controls_in(plain) > _most_mistakes(plain):
        plain = _ascii(plain)
    for one in _INVISIBLE:
        plain = plain.replace(one, _ascii(one))
    meant = _MEANT if sum(one in plain for one in _STAYING) <= _KINDS else _MEANT_WITHOUT_SPACES
    return "".join(_neutral(portion, meant) for portion in _PORTION.findall(plain))


def printable_lines(text: str) -> list[str]:
    """The lines of a remote text, each of them printable."""
    return [printable(line) for line in text.split("\n")]


def _unformatted(text: str) -> str:
    for colour in _COLOURS:
        text = colour.sub("\x0f", text)  # so that what was on both sides of it does not become another code
    for code in _FORMATTING:
        text = text.replace(code, "")
    return text


def _controls_in(text: str) -> int:
    written = text.encode(errors="surrogatepass")
    return len(written) - len(written.translate(None, _CONTROLS))


def _neutral(text: str, meant: Mapping[str, str]) -> str:
    """First what combines, then what is judged by itself, then what joins with what is left.

    Each step marks all that it finds at once: 8 KiB of anything must not take a millisecond, and calls for each
    character would take several.
    """
    if text.isascii():
        return _by_itself(text, meant)
    for one in _STANDINS:
        text = text.replace(one, _ascii(one))
    rest = _by_neighbours if text.isprintable() else partial(_visible, meant=meant)
    if not _SUSPECT.search(text):
        return rest(text)
    # One character has one variation, and few that combine with it.
    return _marked(_MORE_SELECTORS, _MORE, text, lambda part: _marked(_ROW, _TOO_MANY, part, rest, basic(part)))


def _marked(
    pattern: re.Pattern[str], standin: str, text: str, rest: Callable[[str], str], alike: str | None = None
) -> str:
    """With marks for what the last group of `pattern` finds, and `rest` of what is around these `standin`s.

    It is looked for in `alike`, if that is given, which is as long.
    """
    most = _most_mistakes(text)
    parts = pattern.split(alike or text, most + 1)
    if len(parts) == 1:
        return rest(text)
    if len(parts) > most * (pattern.groups + 1) + 1:
        return _by_itself(_MORE.join(map(_ascii, text.split(_MORE))), _MEANT_WITHOUT_SPACES)
    if alike not in (None, text):
        parts = [text[begin:end] for begin, end in pairwise(accumulate(map(len, parts), initial=0))]
    found = slice(pattern.groups, None, pattern.groups + 1)
    marks = _ascii("\n".join(parts[found])).split("\n")
    parts[found] = [standin] * len(marks)
    shown = [""] * (2 * len(marks) + 1)
    shown[::2], shown[1::2] = rest("".join(parts)).split(standin), marks
    return "".join(shown)


def _ascii(text: str) -> str:
    """With marks for all that is not."""
    return text.encode("ascii", "backslashreplace").decode()


def _visible(text: str, meant: Mapping[str, str]) -> str:
    """With marks for what shows nothing, wherever it stands, and is no part of a flag; then by its neighbours."""
    parts = _FLAG.split(text)
    each = _FLAG_THERE.join(parts[::2])
    shown = "".join(_by_itself(each[begin : begin + _AT_ONCE], meant) for begin in range(0, len(each), _AT_ONCE))
    parts[::2] = shown.split(_FLAG_THERE)
    return _by_neighbours("".join(parts))


def _by_itself(text: str, meant: Mapping[str, str]) -> str:
    """Few calls for all of it, since there may be thousands of different characters."""
    parts = [text] if text.isascii() else _FREE.split(text)
    rest = _KEPT.join(parts[::2])
    odd = [one for one in meant if one in rest]
    standins = list(zip(odd, (one for one in _LETTERS if one not in rest), strict=False))
    for one, standin in standins:
        rest = rest.replace(one, standin)
    rest = repr(rest)[1:-1]
    for one, standin in standins:
        rest = rest.replace(standin, meant[one])
    parts[::2] = rest.split(_KEPT)
    return "".join(parts)


def _by_neighbours(text: str) -> str:
    for joiner, lost in _LOST.items():
        if joiner not in text:
            continue
        most = _most_mistakes(text)
        parts = lost.split(text, most + 1)
        mark = _ascii(joiner)
        text = mark.join(parts) if len(parts) <= most + 1 else text.replace(joiner, mark)
    return text


def _most_mistakes(text: str) -> int:
    return _MISTAKES * -(-len(text) // _AT_ONCE)


def split(text: str, budget: int) -> Iterator[str]:
    """`text` in pieces of at most `budget` bytes of UTF-8, cut at spaces where there are any.

    The pieces joined are the text: a space at a cut stays at the end of its piece. A cut never falls inside a
    character, nor between an emoji and what modifies or joins it, unless one such cluster alone is over the budget,
    or longer than anybody writes.
    """
    while len(text) > budget or len(text.encode()) > budget:
        cut = _cut(text, budget)
        yield text[:cut]
        text = text[cut:]
    yield text


def _cut(text: str, budget: int) -> int:
    """How many characters the next piece takes; at least one."""
    fitting = len(text[:budget].encode()[:budget].decode(errors="ignore"))
    space = text.rfind(" ", 1, fitting)
    if space > 0:
        return space + 1
    for cut in range(fitting, max(0, fitting - LONGEST_CLUSTER), -1):
        if not _joined(text, cut):
            return cut
    return max(1, fitting)


def _joined(text: str, index: int) -> bool:
    """Whether the character at `index` belongs to the one before it."""
    before, after = ord(text[index - 1]), ord(text[index])
    if after in _GLUED or before == 0x200D or 0x1F3FB <= after <= 0x1F3FF or 0xE0020 <= after <= 0xE007F:
        return True
    if unicodedata.category(text[index]) in ("Mn", "Me", "Mc"):
        return True
    here = text[:index]
    return text[index] in _REGIONAL and (len(here) - len(here.rstrip(_REGIONAL))) % 2 == 1
