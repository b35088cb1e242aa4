"""Batches: lines that the server sends together are held until the last is there. Bounded in number and in lines.

A message of several lines is no batch to whoever is behind this: it goes on as one Message, in the batch in which its
own stands, or alone. Source: IRCv3 batch and labeled-response.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from securechat.client import multiline
from securechat.protocol.message import Message, ProtocolError
from securechat.protocol.multiline import KIND

MOST_OPEN = 16
MOST_HELD = 20_000  # lines in all open batches


@dataclass(slots=True, eq=False)
class Batch:
    kind: str
    params: tuple[str, ...]
    opening: Message
    label: str | None = None  # of the command that it answers, its parent's if it has none of its own
    messages: list[Message] = field(default_factory=list)
    held: int = 0  # lines, of which several may be one message


class Batches:
    def __init__(self) -> None:
        self._open: dict[str, Batch] = {}
        self._held = 0

    def receive(self, message: Message) -> Message | Batch | None:
        """The message itself when it stands alone, the batch that it completes, or None while one is being held."""
        parent = self._around(message)
        if message.command == "BATCH" and message.params:
            sign, reference = message.params[0][:1], message.params[0][1:]
            if sign == "+" and reference:
                self._begin(reference, message, parent)
                return None
            return self._end(reference)
        if parent is None:
            return message
        self._held += 1
        if self._held > MOST_HELD:
            raise ProtocolError(f"the server holds back more than {MOST_HELD} lines in batches")
        parent.messages.append(message)
        parent.held += 1
        return None

    def _begin(self, reference: str, message: Message, parent: Batch | None) -> None:
        if len(self._open) >= MOST_OPEN:
            raise ProtocolError(f"the server opens more than {MOST_OPEN} batches at a time")
        label = message.label or (parent.label if parent else None)
        kind, *params = (*message.params[1:], "")[: max(1, len(message.params) - 1)]
        self._open[reference] = Batch(kind, tuple(params), message, label)

    def _end(self, reference: str) -> Message | Batch | None:
        batch = self._open.pop(reference, None)
        if batch is not None and batch.kind == KIND:
            return self._said(batch)
        if batch is not None:
            self._held -= batch.held
        return batch

    def _said(self, batch: Batch) -> Message | None:
        """The message of several lines that this batch is, unless it goes into another batch."""
        message, parent = multiline.folded(batch.opening, batch.messages), self._around(batch.opening)
        if message is not None and parent is not None and parent.kind != KIND:
            parent.messages.append(message)
            parent.held += batch.held
            return None
        self._held -= batch.held
        return message if parent is None else None

    def _around(self, message: Message) -> Batch | None:
        """The open batch in which it stands."""
        return self._open.get(message.tags.get("batch", ""))
