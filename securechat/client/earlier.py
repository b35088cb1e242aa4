"""Scrolling back: one page of what was said before something that is shown already."""

from __future__ import annotations

from collections.abc import Callable

from securechat.client import history, messages, replies
from securechat.client.events import Earlier, Event
from securechat.client.history import Place, Request
from securechat.protocol.message import Message

Answer = Callable[[list[Message]], None]


def read(
    target: str,
    place: Place | None,
    own_nick: str,
    ask: Callable[[Answer, Request], None],
    tell: Callable[[Event], None],
) -> None:
    """Ask for the page before `place`, or for the newest; `tell` gets one Earlier."""

    def answered(answers: list[Message]) -> None:
        error = next((message for message in answers if replies.is_error(message)), None)
        if error is not None:
            return tell(Earlier(target, (), problem=replies.reason(error)))
        lines = tuple(said for message in answers if (said := messages.read(message, own_nick)) is not None)
        return tell(Earlier(target, lines, beginning=len(answers) < history.PAGE))

    ask(answered, history.before(target, place))
