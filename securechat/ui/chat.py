"""One person's conversation, as every face that a person types into has it: where a line goes, what is not yet stored,
which question is open. Draws nothing; owned by the thread of the face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

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
from securechat.ui import commands
from securechat.ui.render import with_text


@dataclass(frozen=True, slots=True)
class Unstored:
    """What was said and is not acknowledged. `queued`: it waits here for the link."""

    target: str
    text: str = field(repr=False)
    action: bool = False
    queued: bool = False


class Chat:
    """`target` is where a typed line goes. Lines that are given back are for the person, and safe to show."""

    def __init__(self, client: Client, visit: Visit, target: str, *, join: bool) -> None:
        """`join`: enter the target first if it is a channel that we are not in."""
        self.target = target
        self.channels: dict[str, str] = {}  # folded to shown
        self.unstored: dict[int, Unstored] = {}  # by ticket
        self.linked = False
        self.lost = ""  # why the link was, while there is none
        self.ended: Disconnected | None = None
        self.leaving = False
        self._client = client
        self._visit = visit
        self._join = join
        self._questions: list[str] = []
        self._answers: list[str] = []
        self._when_answered: Callable[[list[str]], list[str]] | None = None

    @property
    def question(self) -> str:
        """What is asked at the moment; empty when nothing is. The answer must not be shown while it is typed."""
        return self._questions[0] if self._questions else ""

    @property
    def settled(self) -> bool:
        """Whether everything that was typed is answered, or no answer can come."""
        return not self.unstored or not self.linked

    def entered(self, typed: str) -> list[str]:
        """Do what was typed, several lines at once where they were pasted; the lines to show at once."""
        if self.ended is not None:
            return self.unsent(typed)
        if self._questions:
            return self._answer(typed)
        return self._entered_line(_sendable(typed.rstrip("\n")))

    def say_all(self, pasted: str) -> None:
        """Say a text of several lines as it is: nothing in it is a command."""
        words = _sendable("\n".join(pasted.splitlines()))
        if words.strip():
            self.say(self.target, words)

    def unsent(self, typed: str) -> list[str]:
        """The lines that give back what came too late to be sent; nothing of what is hidden."""
        lines = [] if self._questions else typed.split("\n")
        return [f"-!- not sent: {printable(line)}" for line in lines if line.strip()]

    def doubtful(self) -> list[str]:
        """The lines that name what has no acknowledgement. It is kept, and sent at the next login."""
        kept = (
            with_text(f"kept for your next login, to {printable(line.target)}: ", line.text)
            for line in self.unstored.values()
        )
        return [f"-!- {line}" for lines in kept for line in lines]

    def last_words(self) -> list[str]:
        """Why the link was lost, where no other could be made: what refused that may not say it."""
        refused = self.ended is not None and self.ended.failure is not None
        return [f"-!- connection lost ({printable(self.lost)})"] if refused and self.lost else []

    def finish(self) -> None:
        """At the end of the visit. Raises ConnectionLost, or what else made it end other than the person wanted."""
        self._visit.save(at_once=True)
        if self.ended is not None and self.ended.failure is not None:
            raise self.ended.failure
        if self.ended is not None and not self.ended.expected:
            raise ConnectionLost(f"the connection was lost: {printable(self.ended.reason)}; log in again")
        if self.unstored:
            raise ConnectionLost("not everything is acknowledged; log in again, then what was kept is sent")

    def cancel(self) -> None:
        """Ask no more."""
        self._questions, self._answers, self._when_answered = [], [], None

    def say(self, target: str, words: str, *, action: bool = False) -> None:
        ticket = self._client.say(target, words, action=action)
        self.unstored[ticket] = Unstored(target, words, action)

    def ask_hidden(self, questions: Sequence[str], when_answered: Callable[[list[str]], list[str]]) -> None:
        """Ask these one after the other without showing what is typed, then do something with the answers."""
        self._questions, self._answers, self._when_answered = list(questions), [], when_answered

    def post(self, call: Callable[[Session], None]) -> None:
        self._client.post(call)

    def follow(self, event: Event) -> list[str]:
        """Keep up with where we are; the lines that this leads to."""
        match event:
            case Entered():
                self._follow_entered(event)
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
                self.unstored[event.ticket] = Unstored(event.target, event.text, event.action, queued=True)
            case LinkLost():
                self.linked, self.lost = False, event.reason
            case Acknowledged() | Refused():
                self.unstored.pop(event.ticket, None)
            case Disconnected():
                self.ended = event
                return self.doubtful()
        return []

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

    def _follow_entered(self, event: Entered) -> None:
        self.linked, self.lost = True, ""
        self.channels = {fold(channel): channel for channel in event.channels}
        self._enter_target(event)

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
