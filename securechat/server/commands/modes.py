"""MODE of channels; that of oneself is in `usermodes`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from securechat.chat import access, masks
from securechat.chat.channel import LIST_MODES, OPERATOR, VOICE, Channel, ListEntry
from securechat.chat.person import Person
from securechat.protocol import names, numerics
from securechat.protocol.message import Message, quoted
from securechat.protocol.names import CHANNEL_PREFIX
from securechat.server import presence
from securechat.server.actor import actor, visible_channel
from securechat.server.command import Command, asks, tells
from securechat.server.commands import usermodes
from securechat.server.isupport import MASKS, MODES
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.rows import ListModeRemoved, ListModeStored, MemberStored

FLAGS = "imnst"
ROLES = {"o": OPERATOR, "v": VOICE}
MASK_BYTES = 200
CHANGES_BYTES = 250  # of one line shown; above MASK_BYTES
PASSWORD_BYTES = 32
LISTS = {
    "b": (numerics.RPL_BANLIST, numerics.RPL_ENDOFBANLIST),
    "e": (numerics.RPL_EXCEPTLIST, numerics.RPL_ENDOFEXCEPTLIST),
    "I": (numerics.RPL_INVEXLIST, numerics.RPL_ENDOFINVEXLIST),
}


class Change(NamedTuple):
    """One letter of a MODE, with its parameter if it takes one and there was one."""

    adding: bool
    letter: str
    parameter: str | None

    def __repr__(self) -> str:
        """The parameter may be a channel's password."""
        return f"Change({'+' if self.adding else '-'}{self.letter})"


def mode(turn: Turn, session: Session, message: Message) -> None:
    target, *rest = message.params
    if not target.startswith(CHANNEL_PREFIX):
        return usermodes.mode(turn, session, target, rest)
    channel = visible_channel(turn, session, target)
    if channel is None:
        return None
    if not rest:
        return _show_modes(turn, session, channel)
    return _change_modes(turn, session, channel, list(changes(rest[0], rest[1:])))


def _show_modes(turn: Turn, session: Session, channel: Channel) -> None:
    letters, *parameters = channel.modes_with_parameters()
    shown = parameters if access.may_read(channel, actor(session)) else []
    turn.reply(session, numerics.RPL_CHANNELMODEIS, channel.name, letters, *shown)
    turn.reply(session, numerics.RPL_CREATIONTIME, channel.name, str(channel.created // 1000))


def changes(letters: str, parameters: list[str]) -> Iterator[Change]:
    """The letters one by one; at most MODES of them take a parameter."""
    left = parameters[:MODES]
    adding = True
    for letter in letters:
        if letter in "+-":
            adding = letter == "+"
        else:
            takes = letter in ROLES or letter in LIST_MODES or letter == "k" or (letter == "l" and adding)
            yield Change(adding, letter, left.pop(0) if takes and left else None)


def _change_modes(turn: Turn, session: Session, channel: Channel, wanted: list[Change]) -> None:
    """Apply one by one, and show those that changed something."""
    done: list[Change] = []
    shown: set[str] = set()  # lists, each once, or one line would be answered with megabytes
    operators = {person: channel.is_operator(person) for person in channel.present() if person.account.admin}
    refused = False
    for change in wanted:
        if change.letter in LIST_MODES and change.parameter is None:
            if change.letter not in shown:
                shown.add(change.letter)
                _show_list(turn, session, channel, change.letter)
        elif not channel.is_operator(actor(session)):
            refused = True
        elif (applied := _apply(turn, session, channel, change)) is not None:
            done.append(applied)
    if refused:
        turn.standard(session, numerics.ERR_CHANOPRIVSNEEDED, channel.name)
    for line in in_lines(done):
        event = turn.event(actor(session), f"MODE {channel.name} {line}")
        turn.tell(channel, event, skip=(session,))
        turn.echo(session, event)
    _show_admins(turn, session, channel, operators, done)


def _show_admins(turn: Turn, session: Session, channel: Channel, shown: dict[Person, bool], done: list[Change]) -> None:
    """Admins are operators while the channel has none of its own: show where that differs from what was `shown`."""
    for change in done:
        person = turn.directory.person(change.parameter or "")
        if change.letter == "o" and person in shown:
            shown[person] = change.adding
    for person, was_operator in shown.items():
        if channel.is_operator(person) != was_operator:
            turn.finish_if_actor(session)
            presence.show_mode(turn, channel, "-o" if was_operator else "+o", person)


def in_lines(done: list[Change]) -> Iterator[str]:
    """The changes as written, as few lines as their masks leave room for."""
    line: list[Change] = []
    for change in done:
        if line and len(written([*line, change]).encode()) > CHANGES_BYTES:
            yield written(line)
            line = []
        line.append(change)
    if line:
        yield written(line)


def written(done: list[Change]) -> str:
    """`+o-b alice mask`."""
    letters, sign = "", None
    for change in done:
        if change.adding != sign:
            letters, sign = letters + "-+"[change.adding], change.adding
        letters += change.letter
    return " ".join([letters, *(change.parameter for change in done if change.parameter is not None)])


def _apply(turn: Turn, session: Session, channel: Channel, change: Change) -> Change | None:
    """What was changed, or None; then the reason was replied or there was nothing to do."""
    apply = _APPLY.get(change.letter)
    if apply is None:
        return _refused(turn, session, numerics.ERR_UNKNOWNMODE, quoted(change.letter))
    return apply(turn, session, channel, change)


def _apply_flag(turn: Turn, session: Session, channel: Channel, change: Change) -> Change | None:
    if change.adding == (change.letter in channel.modes):
        return None
    letters = {*channel.modes} ^ {change.letter}
    turn.set(channel, "modes", "".join(sorted(letters)))
    turn.record(channel.stored())
    return change


def _apply_password(turn: Turn, session: Session, channel: Channel, change: Change) -> Change | None:
    if not change.adding and channel.password is None:
        return None
    password = change.parameter if change.adding else None
    if change.adding and not (password and _usable(password)):
        text = f"a key has 1 to {PASSWORD_BYTES} bytes, no space, no comma and no colon before it"
        return _invalid(turn, session, channel, Change(True, "k", None), text)
    turn.set(channel, "password", password)
    turn.record(channel.stored())
    return Change(change.adding, "k", password if change.adding else "*")


def _usable(password: str) -> bool:
    fits = len(password.encode()) <= PASSWORD_BYTES and not password.startswith(":")
    return fits and password.isprintable() and not {",", " "} & set(password)


def _apply_limit(turn: Turn, session: Session, channel: Channel, change: Change) -> Change | None:
    limit = None
    if change.adding:
        digits = change.parameter or ""
        if not (digits.isascii() and digits.isdigit() and 0 < len(digits) < 7 and int(digits)):
            return _invalid(turn, session, channel, change, "a limit is a number from 1 to 999999")
        limit = int(digits)
    if limit == channel.user_limit:
        return None
    turn.set(channel, "user_limit", limit)
    turn.record(channel.stored())
    return Change(change.adding, "l", str(limit) if limit is not None else None)


def _apply_role(turn: Turn, session: Session, channel: Channel, change: Change) -> Change | None:
    name = change.parameter
    if name is None:
        return _invalid(turn, session, channel, change, "whom?")
    person = turn.directory.person(name)
    if person is None:
        return _refused(turn, session, numerics.ERR_NOSUCHNICK, quoted(name))
    if person not in channel.members:
        return _refused(turn, session, numerics.ERR_USERNOTINCHANNEL, person.name, channel.name)
    bit = ROLES[change.letter]
    role = channel.members[person]
    wanted = role | bit if change.adding else role & ~bit
    if wanted == role:
        return None
    turn.put(channel, "members", person, wanted)
    turn.record(MemberStored(channel.key, person.id, wanted))
    return Change(change.adding, change.letter, person.name)


def _apply_list(turn: Turn, session: Session, channel: Channel, change: Change) -> Change | None:
    mask = masks.normalised(change.parameter or "")
    if len(mask.encode()) > MASK_BYTES or mask.startswith(":") or " " in mask or not mask.isprintable():
        return _invalid(turn, session, channel, change, "a mask is nick!user@host, with * and ?")
    known = next((old for letter, old in channel.lists if letter == change.letter and same(old, mask)), None)
    if change.adding == (known is not None):
        return None
    if known is not None:
        turn.drop(channel, "lists", (change.letter, known))
        turn.record(ListModeRemoved(channel.key, change.letter, known))
        return Change(False, change.letter, known)
    if len(channel.lists) >= MASKS:
        return _invalid(turn, session, channel, change, f"the channel's lists hold at most {MASKS} masks")
    entry = ListEntry(actor(session).name, turn.milliseconds)
    turn.put(channel, "lists", (change.letter, mask), entry)
    turn.record(ListModeStored(channel.key, change.letter, mask, *entry))
    return Change(True, change.letter, mask)


def same(one: str, other: str) -> bool:
    return names.fold(one) == names.fold(other)


def _refused(turn: Turn, session: Session, numeric: str, *words: str) -> Change | None:
    turn.standard(session, numeric, *words)
    return None


def _invalid(turn: Turn, session: Session, channel: Channel, change: Change, text: str) -> Change | None:
    shown = quoted(change.parameter or "")
    turn.reply(session, numerics.ERR_INVALIDMODEPARAM, channel.name, change.letter, shown, text)
    return None


def _show_list(turn: Turn, session: Session, channel: Channel, letter: str) -> None:
    entry_numeric, end_numeric = LISTS[letter]
    if access.may_read(channel, actor(session)):
        for (kind, mask), (set_by, set_at) in channel.lists.items():
            if kind == letter:
                turn.reply(session, entry_numeric, channel.name, mask, set_by, str(set_at // 1000))
    turn.standard(session, end_numeric, channel.name)


_APPLY: dict[str, Callable[[Turn, Session, Channel, Change], Change | None]] = {
    **dict.fromkeys(FLAGS, _apply_flag),
    **dict.fromkeys(ROLES, _apply_role),
    **dict.fromkeys(LIST_MODES, _apply_list),
    "k": _apply_password,
    "l": _apply_limit,
}


def _cost(session: Session, message: Message) -> float:
    """Clients ask for the modes and the lists of every channel that they enter."""
    letters, parameters = message.params[1:2], message.params[2:]
    only_asks = not parameters and set("".join(letters)) <= {"+", "-", *LIST_MODES}
    return asks(session, message) if only_asks else tells(session, message)


COMMANDS = {"MODE": Command(mode, fewest_params=1, cost=_cost)}
