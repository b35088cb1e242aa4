"""The modes of channels, as far as a client must read them: which change a person's role, which only take a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MOST_LETTERS = 256  # a line of 512 bytes has room for no more with their words


class Modes:
    """Of one server. Source: Modern IRC, "MODE message", and the ISUPPORT tokens CHANMODES and PREFIX."""

    def __init__(self) -> None:
        self._marks = {"o": "@", "v": "+"}  # by letter; as every server has them, until it says more
        self._with_word = "beIk"
        self._with_word_if_set = "l"

    def learn(self, tokens: Sequence[str]) -> None:
        """What the server supports, in words of its ISUPPORT."""
        for token in tokens:
            name, _, value = token.partition("=")
            if name == "PREFIX":
                letters, _, marks = value.removeprefix("(").partition(")")
                self._marks = dict(zip(letters, marks, strict=False))
            elif name == "CHANMODES":
                lists, always, if_set, *_ = [*value.split(","), "", "", ""]
                self._with_word, self._with_word_if_set = lists + always, if_set

    def roles(self, changes: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
        """The changes of roles in the words of a MODE: the mark, whose, and whether it is given or taken."""
        words = iter(changes[1:])
        given = True
        for letter in "".join(changes[:1])[:MOST_LETTERS]:
            if letter in "+-":
                given = letter == "+"
            elif letter in self._marks:
                yield self._marks[letter], next(words, ""), given
            elif letter in self._with_word or (given and letter in self._with_word_if_set):
                next(words, None)
