"""Requests for history, one at a time: asked again a little later when the server cannot answer for the moment."""

from __future__ import annotations

from collections.abc import Callable

from securechat.client import replies
from securechat.client.history import Request, Steps
from securechat.protocol.message import Message, ProtocolError

ANSWER_TIMEOUT = 60.0
DELAYS = (1.0, 2.0, 4.0, 8.0)  # before asking once more; after the last a no is a no

Answer = Callable[[list[Message]], None]


class Paging:
    """Drives one `Steps` to its end, then calls `done`. `now` is monotonic seconds."""

    def __init__(self, steps: Steps, ask: Callable[[Answer, Request], None], done: Callable[[], None]) -> None:
        self._steps = steps
        self._ask = ask
        self._done = done
        self._request: Request = ()
        self._tries = 0
        self._now = 0.0
        self._ask_at: float | None = None  # when to ask again, if we wait for that
        self.deadline = 0.0

    def start(self, now: float) -> None:
        self._now = now
        self._advance(lambda: next(self._steps))

    def tick(self, now: float) -> None:
        """Do what is due. Raises ProtocolError when an answer does not come."""
        self._now = now
        if now < self.deadline:
            return
        if self._ask_at is None:
            raise ProtocolError(f"no answer to a request for history within {ANSWER_TIMEOUT:.0f} s")
        self._send()

    def _send(self) -> None:
        self._ask_at = None
        self.deadline = self._now + ANSWER_TIMEOUT
        self._ask(self._answered, self._request)

    def _answered(self, answers: list[Message]) -> None:
        error = next((message for message in answers if replies.is_error(message)), None)
        if error is not None and replies.is_temporary(error) and self._tries < len(DELAYS):
            self.deadline = self._ask_at = self._now + DELAYS[self._tries]
            self._tries += 1
        else:
            page = answers if error is None else None
            self._advance(lambda: self._steps.send(page))

    def _advance(self, step: Callable[[], Request]) -> None:
        try:
            self._request = step()
        except StopIteration:
            self._done()
        else:
            self._tries = 0
            self._send()
