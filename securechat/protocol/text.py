"""Text for people: what of a remote text may reach a terminal, and cutting a long text into messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

# Bold, italic, underline, strikethrough, monospace, reverse, reset and the two kinds of colour.
# Source: Modern IRC, "Formatting".
_FORMATTING = re.compile(
    r"[\x02\x0f\x11\x16\x1d-\x1f]|\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
)
_GLUED = {0x200D, 0xFE0E, 0xFE0F, 0x20E3}
_BLACK_FLAG = "\U0001f3f4"
_REMEMBERED = 16_384  # characters of which we know what becomes of them
_COMBINING_IN_A_ROW = 4  # no script in use needs more; floods of them run over the lines above

# Where a character might have no place of its own: it combines, selects a variation, or is an invisible letter. This is
# more than there are, and only searched to find out quickly that there is none; else the categories decide.
_SUSPECTS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0711\u0730-\u074a"
    "\u07a6-\u07b0\u07eb-\u07fd\u0816-\u082d\u0859-\u085b\u0890-\u109f\u115f\u1160\u135d-\u135f\u1712-\u1734\u1752\u1753"
    "\u1772\u1773\u17b4-\u17dd\u180b-\u180f\u1885\u1886\u18a9-\u1cff\u1dc0-\u1dff\u20d0-\u20f0\u2cef-\u2cf1\u2d7f"
    "\u2de0-\u2dff\u302a-\u302d\u3099\u309a\u3164\ua66f-\ua6f1\ua802-\uabff\ufb1e\ufe00-\ufe0f\ufe20-\ufe2f\uffa0"
    "\U000101fd-\U00011fff\U00013430-\U00013455\U00016ac0-\U0001bc9e\U0001cf00-\U0001daff\U0001e000-\U0001e95f"
    "\U000e0100-\U000e01ef"
)
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]")  # although letters or marks
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_SUSPECT = re.compile(f"[{_SUSPECTS}]")
_MORE_SELECTORS = re.compile(f"[{_SELECTORS}](?<=[{_SELECTORS}]{{2}})[{_SELECTORS}]*")
_MANY = re.compile(f"[{_SUSPECTS}\u200c\u200d]{{{_COMBINING_IN_A_ROW + 1},}}")
_NUMBER_SIGNS = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")  # of Cf, but visible

# Scripts whose letters join, so that U+200C and U+200D between them are spelling: Arabic to Mandaic, India's, Tibetan,
# Myanmar, Khmer, Mongolian, and those like them. Source: UAX 31, "Layout and Format Control Characters".
_JOINING = (
    "\u0620-\u077f\u07c0-\u07ff\u0840-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1a20-\u1aaf\u1b00-\u1bff\u1c00-\u1c4f"
    "\ua800-\ua82f\ua840-\ua8ff\ua980-\ua9df\uaa00-\uaadf\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010eff"
    "\U00010f30-\U00011fff\U0001e900-\U0001e95f"
)
_JOINERS = frozenset("\u200c\u200d")
_PICTURES = "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
# The joiner comes first, so that a text without any costs nothing.
_LOST_NON_JOINER = re.compile(f"\u200c(?<![{_JOINING}]\u200c)")
_LOST_JOINER = re.compile(f"\u200d(?<![{_JOINING}]\u200d)(?:(?<![{_PICTURES}\ufe0e\ufe0f]\u200d)|(?![{_PICTURES}]))")
_FLAG = re.compile("(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f)")
# Unassigned for now, but kept free for pictures and for Han: newer than our table, not harmful.
_TO_COME = re.compile("[\U0001f000-\U0001faff\U00020000-\U0002fffd\U00030000-\U0003fffd]")


# Of kinds of characters: a row of those that combine, and what of it stays.
_ROW = re.compile(f"(j*c(?:j*c){{0,{_COMBINING_IN_A_ROW - 1}}}j*)[cj]*")


def printable(text: str) -> str:
    """A remote text with everything but text made visible, so that it cannot move the cursor or forge a line.

    IRC formatting is dropped. What a terminal obeys, what turns text around and what cannot be seen becomes a mark like
    `\\x1b`: C0, DEL, C1, format characters, invisible letters, lone surrogates, what is private or assigned to nothing,
    combining characters from the fifth in a row on. What is part of a script or of an emoji stays: joiners, selectors
    and flags where they have a meaning.
    """
    plain = _FORMATTING.sub("", text)
    if plain.isprintable() and (plain.isascii() or not _SUSPECT.search(plain)):
        return plain
    if _BLACK_FLAG in plain:
        return "".join(part if _FLAG.fullmatch(part) else _neutral(part) for part in _FLAG.split(plain))
    return _neutral(plain)


def printable_lines(text: str) -> list[str]:
    """The lines of a remote text, each of them printable."""
    return [printable(line) for line in text.split("\n")]


def _neutral(text: str) -> str:
    """Without flags: first what is judged by itself, then what combines, then what joins with what is left."""
    marked = _BY_ITSELF.of(text) if not text.isprintable() or _INVISIBLE.search(text) else text
    if marked.isascii():
        return marked
    if _SUSPECT.search(marked):
        marked = _MORE_SELECTORS.sub(lambda more: _MARKS.of(more[0]), marked)  # one character has one variation
        marked = _MANY.sub(_thinned, marked)
    marked = _LOST_NON_JOINER.sub(r"\\u200c", marked)
    return _LOST_JOINER.sub(r"\\u200d", marked)


def _thinned(run: re.Match[str]) -> str:
    """The first combining characters in a row stay, the rest of the row is marked."""
    text = run[0]
    kept = []
    done = 0
    for row in _ROW.finditer(_KINDS.of(text)):
        few, end = row.span(1)[1], row.end()
        if few < end:
            kept += [text[done:few], _MARKS.of(text[few:end])]
            done = end
    return "".join(kept) + text[done:] if kept else text


def _mark(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _by_itself(character: str) -> str:
    """Itself, or its mark where it is never text, whatever stands beside it."""
    return character if _is_text(character) else _mark(character)


def _kind(character: str) -> str:
    """Whether it joins, combines, or stands by itself."""
    if character in _JOINERS:
        return "j"
    return "c" if unicodedata.category(character) in ("Mn", "Me") else "-"


class _Table(dict[str, str]):
    """A function of characters, for whole texts; it remembers those that it was asked for."""

    def __init__(self, function: Callable[[str], str]) -> None:
        self._function = function

    def of(self, text: str) -> str:
        return "".join(map(self.__getitem__, text))  # in less than half of the time of `str.translate`

    def __missing__(self, character: str) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()  # those that are in use are soon there again
        self[character] = result = self._function(character)
        return result


def _is_text(character: str) -> bool:
    """Whether a character shows itself and changes nothing else, or may do so beside others."""
    category = unicodedata.category(character)
    if category == "Cf":
        return character in _JOINERS or _NUMBER_SIGNS.match(character) is not None
    if category == "Cn":
        return _TO_COME.match(character) is not None
    return category not in ("Cc", "Cs", "Co", "Zl", "Zp") and not _INVISIBLE.match(character)


_BY_ITSELF, _KINDS, _MARKS = _Table(_by_itself), _Table(_kind), _Table(_mark)


def split(text: str, budget: int) -> Iterator[str]:
    """`text` in pieces of at most `budget` bytes of UTF-8, cut at spaces where there are any.

    The pieces joined are the text: a space at a cut stays at the end of its piece. A cut never falls inside a
    character, nor between an emoji and what modifies or joins it, unless one such cluster alone is over the budget.
    """
    while len(text.encode()) > budget:
        cut = _cut(text, budget)
        yield text[:cut]
        text = text[cut:]
    yield text


def _cut(text: str, budget: int) -> int:
    """How many characters the next piece takes; at least one."""
    fitting = len(text.encode()[:budget].decode(errors="ignore"))
    space = text.rfind(" ", 1, fitting)
    if space > 0:
        return space + 1
    cut = fitting
    while cut > 0 and _joined(text, cut):
        cut -= 1
    return cut or max(1, fitting)


def _joined(text: str, index: int) -> bool:
    """Whether the character at `index` belongs to the one before it."""
    before, after = ord(text[index - 1]), ord(text[index])
    if after in _GLUED or before == 0x200D or 0x1F3FB <= after <= 0x1F3FF or 0xE0020 <= after <= 0xE007F:
        return True
    if unicodedata.category(text[index]) in ("Mn", "Me", "Mc"):
        return True
    return _is_regional(after) and _regionals_before(text, index) % 2 == 1


def _is_regional(code: int) -> bool:
    return 0x1F1E6 <= code <= 0x1F1FF


def _regionals_before(text: str, index: int) -> int:
    count = 0
    while count < index and _is_regional(ord(text[index - 1 - count])):
        count += 1
    return count
