"""A message of several lines: one event, and its lines for clients that take them one by one."""

from __future__ import annotations

from securechat.protocol.capabilities import MULTILINE
from securechat.protocol.multiline import CONCAT, KIND, is_multiline, pieces_of
from securechat.server.event import Event
from securechat.server.reply import Batch, Line, Reply, written


def event(head: str, text: str, time: int, msgid: str, account: str, tags: str, *, bot: bool = False) -> Event:
    """A message of one line or of several; `head` is `:source COMMAND target`."""
    if is_multiline(text):
        return MultilineEvent(head, text, time, msgid, account, tags, bot)
    return Event(f"{head} :{text}", time, msgid, account, tags, bot=bot)


class MultilineEvent(Event):
    """A relayed message of several lines. Its tags stand at the batch, or at the first line where there is none."""

    __slots__ = ("_head", "_pieces")

    def __init__(self, head: str, text: str, time: int, msgid: str, account: str, tags: str, bot: bool) -> None:
        super().__init__("", time, msgid, account, tags, bot=bot)
        self._head = head
        self._pieces = tuple(pieces_of(text))

    def replies(self, caps: int) -> tuple[Reply, ...]:
        """One batch where that is known, else the lines that are not blank."""
        if caps & MULTILINE:
            return (self._batch(caps),)
        said = [piece.text for piece in self._pieces if piece.text]
        tags = (self.tags(caps), *[self.further_tags(caps)] * (len(said) - 1))
        return tuple(Line(tag, f"{self._head} :{text}") for tag, text in zip(tags, said, strict=True))

    def _batch(self, caps: int) -> Batch:
        source, _, target = self._head.split(" ")
        lines = [Line(CONCAT if piece.concat else "", f"{self._head} :{piece.text}") for piece in self._pieces]
        return Batch(f"{KIND} {target}", lines, source.removeprefix(":"), self.tags(caps))

    def _write(self, variant: int) -> str:
        return "".join(written(reply, "", "", self._reference) for reply in self.replies(variant))

    def _reference(self) -> str:
        """The batch is closed where it is opened, so its name is free again at once."""
        return self.msgid.replace("_", "-")
