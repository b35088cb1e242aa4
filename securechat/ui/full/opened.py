"""The buffers that are open: channels and people, each by its name, and not more of them and in them than has room."""

from __future__ import annotations

from collections.abc import Iterator

from securechat.protocol.names import fold
from securechat.ui.full.buffer import Buffer

MOST_PEOPLE = 500  # that are talked with at a time
MOST_ENTRIES = 200_000  # in all


class Opened:
    """Iterates over channels, then people, each by name."""

    def __init__(self) -> None:
        self._buffers: dict[str, Buffer] = {}  # by folded name, the oldest first

    def __iter__(self) -> Iterator[Buffer]:
        return iter((*self.channels, *self.people))

    @property
    def channels(self) -> list[Buffer]:
        return sorted((one for one in self._buffers.values() if one.is_channel), key=_by_name)

    @property
    def people(self) -> list[Buffer]:
        return sorted((one for one in self._buffers.values() if not one.is_channel), key=_by_name)

    def find(self, name: str) -> Buffer | None:
        return self._buffers.get(fold(name))

    def get(self, name: str) -> Buffer:
        """The buffer of this name, made if there is none."""
        buffer = self.find(name)
        if buffer is None:
            buffer = self._buffers[fold(name)] = Buffer(name)
        return buffer

    def close(self, buffer: Buffer) -> None:
        self._buffers.pop(fold(buffer.name), None)

    def rename(self, before: str, after: str) -> None:
        buffer = self._buffers.pop(fold(before), None)
        if buffer is not None:
            buffer.name = after
            self._buffers[fold(after)] = buffer

    def bound(self, current: Buffer) -> None:
        """A server may have us keep much, but not everything; the one that is looked at suffers last."""
        people = [one for one in self._buffers.values() if not one.is_channel and one is not current]
        for buffer in people[: max(0, len(people) - MOST_PEOPLE)]:
            self.close(buffer)
        while sum(len(one.entries) for one in self._buffers.values()) > MOST_ENTRIES:
            fullest = max(self._buffers.values(), key=lambda one: (one is not current, len(one.entries)))
            fullest.drop(len(fullest.entries) // 2)


def _by_name(buffer: Buffer) -> str:
    return fold(buffer.name)
