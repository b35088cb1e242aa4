"""What stands beside the messages: where one can go, with what is unread there, and who is in a channel."""

from __future__ import annotations

from collections.abc import Sequence

from securechat.client.channels import ROLE_MARKS
from securechat.protocol.names import fold
from securechat.protocol.text import printable
from securechat.ui.full.buffer import Buffer
from securechat.ui.full.pane import Line


def places(channels: Sequence[Buffer], people: Sequence[Buffer], current: Buffer) -> list[Line]:
    lines = _listed("channels", channels, current)
    return [*lines, Line(""), *_listed("people", people, current)] if people else lines


def members(buffer: Buffer) -> list[Line]:
    if not buffer.is_channel:
        return []
    shown = sorted(buffer.members.values(), key=_by_role)
    return [Line(f"{len(shown)} here", look="heading"), *(Line(nick, nick.lstrip(ROLE_MARKS)) for nick in shown)]


def _listed(heading: str, buffers: Sequence[Buffer], current: Buffer) -> list[Line]:
    return [Line(heading, look="heading"), *(_place(one, current=one is current) for one in buffers)]


def _place(buffer: Buffer, *, current: bool) -> Line:
    count = str(buffer.unread) if buffer.unread else ""
    if buffer.mentions and buffer.is_channel:
        count = f"@{buffer.mentions} {count}"
    look = "mention" if buffer.mentions else "unread" if buffer.unread else "plain"
    return Line(printable(buffer.name), buffer.name, count, look, current)


def _by_role(shown: str) -> tuple[int, str]:
    nick = shown.lstrip(ROLE_MARKS)
    mark = ROLE_MARKS.find(shown[0]) if nick != shown else len(ROLE_MARKS)
    return mark, fold(nick)
