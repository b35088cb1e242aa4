"""MONITOR: whom a session watches come and go.

Source: IRCv3 monitor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from securechat.protocol import names, numerics
from securechat.protocol.message import Message, quoted
from securechat.server import watching
from securechat.server.command import Command
from securechat.server.isupport import MONITORED
from securechat.server.session import Session
from securechat.server.turn import Turn

LIST_BYTES = 400  # of names in one reply


def monitor(turn: Turn, session: Session, message: Message) -> None:
    subcommand, *rest = message.params
    targets = [name for name in rest[0].split(",") if name] if rest else []
    match subcommand.upper():
        case "+" if targets:
            _add(turn, session, targets)
        case "-" if targets:
            for name in targets:
                watching.unwatch(turn, session, name)
        case "C":
            watching.clear(turn, session)
        case "L":
            _replies(turn, session, numerics.RPL_MONLIST, session.monitored.values())
            turn.standard(session, numerics.RPL_ENDOFMONLIST)
        case "S":
            _show_status(turn, session, session.monitored.values())
        case _:
            turn.standard(session, numerics.ERR_NEEDMOREPARAMS, message.command)


def _add(turn: Turn, session: Session, targets: list[str]) -> None:
    """What does not fit into the list any more is refused all together, what is no nick one by one."""
    added: dict[str, None] = {}
    for number, name in enumerate(targets):
        if not names.is_account_name(name):
            turn.standard(session, numerics.ERR_ERRONEUSNICKNAME, quoted(name))
        elif names.fold(name) not in session.monitored and len(session.monitored) >= MONITORED:
            for line in _lines(targets[number:]):
                turn.standard(session, numerics.ERR_MONLISTFULL, str(MONITORED), line)
            break
        else:
            watching.watch(turn, session, name)
            added[name] = None
    _show_status(turn, session, added)


def _show_status(turn: Turn, session: Session, targets: Iterable[str]) -> None:
    here, gone = [], []
    for name in targets:
        person = turn.directory.person(name)
        if person is not None and person.present:
            here.append(person.source)
        else:
            gone.append(name)
    _replies(turn, session, numerics.RPL_MONONLINE, here)
    _replies(turn, session, numerics.RPL_MONOFFLINE, gone)


def _replies(turn: Turn, session: Session, numeric: str, words: Iterable[str]) -> None:
    for line in _lines(words):
        turn.reply(session, numeric, line)


def _lines(words: Iterable[str]) -> Iterator[str]:
    """The words with commas between them, as many in a line as fit."""
    line = ""
    for word in words:
        if line and len(line) + 1 + len(word) > LIST_BYTES:
            yield line
            line = ""
        line = f"{line},{word}" if line else word
    if line:
        yield line


COMMANDS = {"MONITOR": Command(monitor, fewest_params=1)}
