"""Text for people: what of a remote text may reach a terminal, and cutting a long text into messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Bold, italic, underline, strikethrough, monospace, reverse, reset and the two kinds of colour.
# Source: Modern IRC, "Formatting".
_FORMATTING = re.compile(
    r"[\x02\x0f\x11\x16\x1d-\x1f]|\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
)
# Directions that turn text around, and separators that some terminals take as line ends.
_UNSAFE = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0x2028, 0x2029, 0xFEFF}
_SURROGATES = range(0xD800, 0xE000)
_SHOWN = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    **{code: f"\\u{code:04x}" for code in (*_UNSAFE, *_SURROGATES)},
}
_JOINERS = {0x200D, 0xFE0E, 0xFE0F, 0x20E3}
_COMBINING_IN_A_ROW = 4  # no script in use needs more; floods of them run over the lines above
_NOT_ASCII = re.compile(rf"[^\x00-\x7f]{{{_COMBINING_IN_A_ROW + 1},}}")


def printable(text: str) -> str:
    """A remote text with everything but text made visible, so that it cannot move the cursor or forge a line.

    IRC formatting is dropped; C0, DEL, C1, direction controls and lone surrogates become `\\x1b`-like marks.
    """
    plain = _FORMATTING.sub("", text)
    if plain.isascii() and plain.isprintable():
        return plain
    return _NOT_ASCII.sub(_thinned, plain).translate(_SHOWN)


def _thinned(run: re.Match[str]) -> str:
    """Without the combining characters that are too many."""
    kept = []
    combining = 0
    for character in run[0]:
        combining = combining + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if combining <= _COMBINING_IN_A_ROW:
            kept.append(character)
    return "".join(kept)


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
    if after in _JOINERS or before == 0x200D or 0x1F3FB <= after <= 0x1F3FF or 0xE0020 <= after <= 0xE007F:
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
