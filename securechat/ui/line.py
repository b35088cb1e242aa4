"""Line mode without a terminal: what was typed becomes calls, events become lines, questions are asked one by one.

Owned by the thread of the face; the drivers `terminal` and `plain` read and write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from securechat.client.client import Client
from securechat.client.errors import ConnectionLost
from securechat.client.events import (
    Acknowledged,
    Disconnected,
    Entered,
    Event,
    Joined,
    Kicked,
    LinkLost,
    Parted,
    Queued,
    Refused,
    Renamed,
)
from securechat.client.profile import Visit
from securechat.client.session import Session
from securechat.protocol.names import CHANNEL_PREFIX, fold
from securechat.protocol.text import printable
from securechat.ui import commands, reading
from securechat.ui.render import rendered


class LineMode:
    """The conversation of one person. `target` is where a typed line goes."""

    def __init__(self, client: Client, visit: Visit, target: str, *, join: bool) -> None:
        """`join`: enter the target first if it is a channel that we are not in."""
        self.target = target
        self.channels: dict[str, str] = {}  # folded to shown
        self.ended: Disconnected | None = None
        self.leaving = False
        self._client = client
        self._visit = visit
        self._join = join
        self._linked = False
        self._unacknowledged: dict[int, tuple[str, str]] = {}
        self._questions: list[str] = []
        self._answers: list[str] = []
        self._when_answered: Callable[[list[str]], list[str]] | None = None

    @property
    def prompt(self) -> str:
        return f"{self._questions[0]}: " if self._questions else f"{printable(self.target)}> "

    @property
    def hidden(self) -> bool:
        """Whether what is typed now must not be shown."""
        return bool(self._questions)

    @property
    def settled(self) -> bool:
        """Whether everything that was typed is answered, or no answer can come."""
        return not self._unacknowledged or not self._linked

    def heard(self, events: Sequence[Event]) -> list[str]:
        """The lines to show for these events; `shown` must follow once they are."""
        lines = []
        for event in events:
            lines += rendered(event, self.target)
            lines += self._follow(event)
        return lines

    def shown(self, events: Sequence[Event]) -> None:
        reading.note(self._visit, events)

    def entered(self, typed: str) -> list[str]:
        """Do what a typed line asks for; the lines to show at once."""
        if self.ended is not None:
            return self.unsent(typed)
        if self._questions:
            return self._answer(typed)
        lines = []
        for line in typed.split("\n"):  # several when they were pasted
            lines += self._entered_line(_sendable(line))
        return lines

    def unsent(self, typed: str) -> list[str]:
        """The lines that give back what came too late to be sent; nothing of what is hidden."""
        lines = [] if self._questions else typed.split("\n")
        return [f"-!- not sent: {printable(line)}" for line in lines if line.strip()]

    def doubtful(self) -> list[str]:
        """The lines that name what has no acknowledgement. It is kept, and sent at the next login."""
        return [
            f"-!- kept for your next login, to {printable(target)}: {printable(words)}"
            for target, words in self._unacknowledged.values()
        ]

    def finish(self) -> None:
        """At the end of the visit. Raises ConnectionLost, or what else made it end other than the person wanted."""
        self._visit.save(at_once=True)
        if self.ended is not None and self.ended.failure is not None:
            raise self.ended.failure
        if self.ended is not None and not self.ended.expected:
            raise ConnectionLost(f"the connection was lost: {printable(self.ended.reason)}; log in again")
        if self._unacknowledged:
            raise ConnectionLost("not everything is acknowledged; log in again, then what was kept is sent")

    def cancel(self) -> None:
        """Ask no more."""
        self._questions, self._answers, self._when_answered = [], [], None

    def say(self, target: str, words: str, *, action: bool = False) -> None:
        ticket = self._client.say(target, words, action=action)
        self._unacknowledged[ticket] = (target, words)

    def ask_hidden(self, questions: Sequence[str], when_answered: Callable[[list[str]], list[str]]) -> None:
        """Ask these one after the other without showing what is typed, then do something with the answers."""
        self._questions, self._answers, self._when_answered = list(questions), [], when_answered

    def post(self, call: Callable[[Session], None]) -> None:
        self._client.post(call)

    def _entered_line(self, line: str) -> list[str]:
        if not line.strip():
            return []
        if line.startswith("/") and not line.startswith("//"):
            return commands.run(self, line)
        self.say(self.target, line.removeprefix("/"))
        return []

    def _answer(self, typed: str) -> list[str]:
        self._answers.append(typed)
        del self._questions[0]
        if self._questions or self._when_answered is None:
            return []
        answers, answered = self._answers, self._when_answered
        self.cancel()
        return answered(answers)

    def _follow(self, event: Event) -> list[str]:
        """Keep up with where we are; the lines that this leads to."""
        match event:
            case Entered():
                return self._follow_entered(event)
            case Joined(own=True):
                self.channels[fold(event.channel)] = event.channel
                self.target = event.channel
            case Parted(own=True) | Kicked(own=True):
                self.channels.pop(fold(event.channel), None)
                if fold(self.target) == fold(event.channel):
                    self.target = next(iter(self.channels.values()), self.target)
            case Renamed() if fold(event.before) == fold(self.target):
                self.target = event.after
            case Queued():
                self._unacknowledged[event.ticket] = (event.target, event.text)
            case LinkLost():
                self._linked = False
            case Acknowledged() | Refused():
                self._unacknowledged.pop(event.ticket, None)
            case Disconnected():
                self.ended = event
                return self.doubtful()
        return []

    def _follow_entered(self, event: Entered) -> list[str]:
        self._linked = True
        self.channels = {fold(channel): channel for channel in event.channels}
        self._enter_target(event)
        if event.rememberable and not event.again:
            return ["-!- /remember spares you the password at your next login from this computer"]
        return []

    def _enter_target(self, event: Entered) -> None:
        if not self.target.startswith(CHANNEL_PREFIX) or fold(self.target) in self.channels:
            return
        if self._join and not event.again:
            self.post(lambda session: session.join(self.target))
        else:
            self.target = next(iter(self.channels.values()), self.target)


def _sendable(line: str) -> str:
    """Without what no message can hold; a terminal lets people type it."""
    return line.translate({0: None, 0x0D: None}).encode(errors="replace").decode()
