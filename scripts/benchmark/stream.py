"""The bytes that the receivers of one audience get, all the same, and the messages found in them. Knows no socket."""

from __future__ import annotations

import re
from bisect import bisect_right

_MESSAGE = re.compile(rb" :(\d+)\.(\d+) [^\n]*\n")

Said = tuple[int, int]  # a message: its sender's number, and how many that one sent before


class Stream:
    """What the foremost reader has got. Readers keep two positions: bytes, and messages that ended before them."""

    __slots__ = ("_from_each", "_parsed", "_read_by_all", "_readers_at", "data", "ends", "messages", "misplaced")

    def __init__(self, readers: int) -> None:
        self.data = bytearray()
        self.ends: list[int] = []  # of each message, in bytes
        self.messages: list[Said] = []
        self.misplaced = 0  # messages that were not their sender's next one: doubled, lost before, or out of order
        self._parsed = 0
        self._from_each: dict[int, int] = {}
        self._readers_at = [readers]  # how many readers have got so many messages, and no more
        self._read_by_all = 0

    def add(self, data: bytes) -> list[Said]:
        """Bytes that no reader had before; gives the messages that they complete."""
        self.data += data
        found = []
        for match in _MESSAGE.finditer(bytes(self.data[self._parsed :])):
            sender, sequence = int(match[1]), int(match[2])
            self.misplaced += sequence != self._from_each.get(sender, 0)
            self._from_each[sender] = sequence + 1
            found.append((sender, sequence))
            self.ends.append(self._parsed + match.end())
        if found:
            self._parsed = self.ends[-1]
        self.messages += found
        self._readers_at += [0] * len(found)
        return found

    def messages_before(self, offset: int, known: int) -> int:
        """How many messages end there or before; at least `known` do."""
        return bisect_right(self.ends, offset, known)

    def move(self, before: int, after: int) -> list[Said]:
        """A reader has got messages; gives those that every reader has got now."""
        self._readers_at[before] -= 1
        self._readers_at[after] += 1
        first = self._read_by_all
        while self._read_by_all < len(self.messages) and not self._readers_at[self._read_by_all]:
            self._read_by_all += 1
        return self.messages[first : self._read_by_all]

    def branch(self, offset: int, count: int) -> Stream:
        """A stream of its own for a reader at this position, who from here on gets something else than the others."""
        branch = Stream(0)
        branch.add(bytes(self.data[:offset]))
        branch._read_by_all = count
        branch._readers_at[count] = 1
        self._readers_at[count] -= 1
        return branch
