"""What the core does when an administrator changed an account beside the running server."""

from __future__ import annotations

from securechat.auth.proof import Verified
from securechat.chat.person import Person
from securechat.protocol.names import fold
from securechat.server import known_addresses, presence
from securechat.server.session import DELETED, SUSPENDED, Login
from securechat.server.turn import Turn
from securechat.store.rows import AccountChanged, MemberStored


def changed(turn: Turn, change: AccountChanged) -> None:
    """Take over the account as stored; sessions that it no longer allows end. Writes nothing: the change is stored."""
    account = change.account
    person = turn.directory.people.get(account.id)
    if person is None:
        return add(turn, change)
    before = person.account
    operator = {channel: channel.is_operator(person) for channel in person.channels}
    turn.set(person, "account", account)
    turn.set(person, "revoked", change.revoked)
    _take_roles(turn, person, change)
    if account.deleted and not before.deleted:
        presence.end_sessions(turn, person, DELETED)
        _remove(turn, person)
    elif account.suspended:
        presence.end_sessions(turn, person, SUSPENDED)
    else:
        end_void(turn, person)
    for channel, was_operator in operator.items():
        if person.present and channel.is_operator(person) != was_operator:
            presence.show_mode(turn, channel, "-o" if was_operator else "+o", person)


def changed_quietly(turn: Turn, change: AccountChanged) -> None:
    """The same once more, after an error, without a word to anyone: what the store says must hold here, too."""
    person = turn.directory.people.get(change.account.id)
    if person is not None:
        for session in list(presence.sessions(person)):
            presence.cut(turn, session, "this account was changed")
    changed(turn, change)


def login_by(turn: Turn, verified: Verified) -> Login:
    """Whose proof was good. Of an account made a moment ago the store's word is here before the change's."""
    account = verified.account
    if account.id not in turn.directory.people:
        add(turn, AccountChanged(0, account, verified.members))
    return Login(turn.directory.people[account.id], verified.proof, turn.settings.auth.totp_required_for)


def add(turn: Turn, change: AccountChanged) -> None:
    account = change.account
    person = Person(account, turn.directory.network)
    person.revoked = change.revoked
    turn.put(turn.directory, "people", account.id, person)
    if not account.deleted:
        turn.put(turn.directory, "names", fold(account.name), person)
    for member in change.members:
        _join(turn, person, member)


def end_void(turn: Turn, person: Person) -> None:
    """End what was opened with an earlier password or a revoked token; who used the new one already may stay."""
    for session in list(presence.sessions(person)):
        if session.login is not None and (fault := session.login.fault):
            presence.end(turn, session, fault)


def _take_roles(turn: Turn, person: Person, change: AccountChanged) -> None:
    """Operators change with administrators: a channel passes to them when its last operator goes."""
    for member in change.members:
        channel = turn.directory.channels.get(member.channel)
        if channel is not None and channel.members.get(person) not in (None, member.role):
            turn.put(channel, "members", person, member.role)


def _join(turn: Turn, person: Person, member: MemberStored) -> None:
    channel = turn.directory.channels.get(member.channel)
    if channel is not None:
        turn.put(channel, "members", person, member.role)
        turn.put(person, "channels", channel, None)


def _remove(turn: Turn, person: Person) -> None:
    for channel in list(person.channels):
        presence.remove_member(turn, channel, person)
    for channel in turn.directory.channels.values():
        turn.drop(channel, "invited", person)
    turn.set(person, "read_markers", {})
    turn.set(person, "places", {})
    known_addresses.forget_all(turn, person)
    if turn.directory.names.get(fold(person.name)) is person:
        turn.drop(turn.directory, "names", fold(person.name))
