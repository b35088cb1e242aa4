"""What one session is answered, as values: lines, batches of them, and their text on the wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec


class Line(msgspec.Struct, frozen=True, gc=False):
    """Tags without `@`, and the text without CRLF; a struct, for there are a hundred in a page of history."""

    tags: str
    text: str

    def __repr__(self) -> str:
        """It may be what somebody said."""
        return f"Line(of {len(self.text)} characters)"


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines that belong together; batches may stand among them."""

    kind: str  # the type and its parameters
    lines: Sequence[Reply]
    source: str = ""  # of BATCH; empty is the server
    tags: str = ""


Reply = Line | Batch
NewReference = Callable[[], str]


def written(reply: Reply, tag: str, server: str, new_reference: NewReference) -> str:
    """All its lines, each with CRLF; `tag` (a label, or the batch it stands in) is put before its own tags."""
    if isinstance(reply, Line):
        return _line(joined(tag, reply.tags), reply.text)
    reference = new_reference()
    source = reply.source or server
    inside = f"batch={reference}"
    lines = [
        _line(f"{inside};{one.tags}" if one.tags else inside, one.text)  # for a page of history, a hundred times
        if isinstance(one, Line)
        else written(one, inside, server, new_reference)
        for one in reply.lines
    ]
    opening = _line(joined(tag, reply.tags), f":{source} BATCH +{reference} {reply.kind}")
    return "".join((opening, *lines, _line(_nested(tag), f":{source} BATCH -{reference}")))


def joined(*tags: str) -> str:
    return ";".join(filter(None, tags))


def _nested(tag: str) -> str:
    """The end of a batch that stands in another belongs to that one, too; a label is said once."""
    return tag if tag.startswith("batch=") else ""


def _line(tags: str, text: str) -> str:
    return f"@{tags} {text}\r\n" if tags else f"{text}\r\n"
