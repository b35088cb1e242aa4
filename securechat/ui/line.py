"""Line mode without a terminal: events become lines. The drivers `terminal` and `plain` read and write."""

from __future__ import annotations

from collections.abc import Sequence

from securechat.client.events import Event
from securechat.protocol.text import printable
from securechat.ui import reading
from securechat.ui.chat import Chat
from securechat.ui.render import rendered


class LineMode(Chat):
    """A conversation that is read from top to bottom."""

    @property
    def prompt(self) -> str:
        return f"{self.question}: " if self.question else f"{printable(self.target)}> "

    @property
    def hidden(self) -> bool:
        """Whether what is typed now must not be shown."""
        return bool(self.question)

    def heard(self, events: Sequence[Event]) -> list[str]:
        """The lines to show for these events; `shown` must follow once they are."""
        lines = []
        for event in events:
            lines += rendered(event, self.target)
            lines += self.follow(event)
        return lines

    def shown(self, events: Sequence[Event]) -> None:
        reading.note(self._visit, events)
