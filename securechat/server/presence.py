"""Who is here: arrivals, departures, and how the others are told. Presence is never stored.

A person is shown to come with the first session and to leave with the last one; all sessions are one person.
"""

from __future__ import annotations

from collections.abc import Iterable

from securechat.chat.channel import Channel
from securechat.chat.directory import Lingering
from securechat.chat.person import Departure, Person, Recipient
from securechat.protocol.capabilities import AWAY_NOTIFY, EXTENDED_MONITOR
from securechat.protocol.message import write
from securechat.server import watching
from securechat.server.event import Event
from securechat.server.session import Session, Stage
from securechat.server.turn import Turn

DEPARTURES = 5  # of a person that are remembered for WHOWAS
QUIET_TIME = 30.0  # seconds after a start in which arrivals are announced together, once a second


def arrive(turn: Turn, session: Session, person: Person, user: str, realname: str) -> None:
    """The session is one of the person's from now on; the first one is shown to the others.

    A person whose last connection was lost a moment ago has never been gone.
    """
    turn.put(person, "sessions", session, None)
    turn.drop(turn.directory, "lingering", person)
    settle_away(turn, person)
    if person.present:
        return
    turn.put(turn.directory, "present", person, None)
    turn.set(turn.directory, "most_present", max(turn.directory.most_present, len(turn.directory.present)))
    turn.set(person, "present", True)
    turn.set(person, "user", user)
    turn.set(person, "realname", realname)
    turn.set(person, "signed_on", turn.now)
    person.last_active = turn.now
    watching.came(turn, person)
    for channel in person.channels:
        if turn.now < turn.started + QUIET_TIME:
            turn.put(channel, "unannounced", person, None)
        else:
            _show_arrival(turn, channel, person)


def announce(turn: Turn) -> None:
    """Show the arrivals that were held back."""
    for channel in turn.directory.channels.values():
        for person in list(channel.unannounced):
            show_if_unannounced(turn, channel, person)


def show_if_unannounced(turn: Turn, channel: Channel, person: Person) -> None:
    if person in channel.unannounced:
        turn.drop(channel, "unannounced", person)
        _show_arrival(turn, channel, person)


def _show_arrival(turn: Turn, channel: Channel, person: Person) -> None:
    own = tuple(sessions(person))
    turn.tell(channel, joined(turn, channel, person), skip=own)
    letters = channel.role_letters(person)
    if letters:
        show_mode(turn, channel, "+" + letters, person, skip=own)
    show_away(turn, channel, person)


def show_away(turn: Turn, channel: Channel, person: Person) -> None:
    """With the JOIN of who is away the others learn that, too."""
    if person.away is not None:
        _tell(turn, channel.readers(), away_event(turn, person), AWAY_NOTIFY, tuple(sessions(person)))


def away_event(turn: Turn, person: Person) -> Event:
    return turn.event(person, "AWAY" if person.away is None else f"AWAY :{person.away}")


def show_mode(turn: Turn, channel: Channel, change: str, person: Person, skip: tuple[Session, ...] = ()) -> None:
    """A change of role that nobody in the channel made: the server says it."""
    body = write("MODE", channel.name, change, *[person.name] * (len(change) - 1), source=turn.server)
    turn.tell(channel, Event(body, turn.milliseconds, "", ""), skip)


def remove_member(turn: Turn, channel: Channel, person: Person) -> None:
    """The membership is over; where the last operator went, the admins follow."""
    had_operator = not channel.in_hands_of_admins()
    turn.drop(channel, "members", person)
    turn.drop(channel, "unannounced", person)
    turn.drop(person, "channels", channel)
    if had_operator:
        show_heirs(turn, channel)


def show_heirs(turn: Turn, channel: Channel) -> None:
    """Show the admins who are operators now, if the last operator of the channel's own has just gone."""
    if channel.in_hands_of_admins():
        for person in channel.present():
            if person.account.admin:
                show_mode(turn, channel, "+o", person)


def joined(turn: Turn, channel: Channel, person: Person, time: int | None = None) -> Event:
    return turn.event(
        person,
        f"JOIN {channel.name}",
        time=time,
        extended=f"JOIN {channel.name} {person.name} :{person.realname}",
    )


def settle_away(turn: Turn, person: Person, said: str | None = None) -> None:
    """A person is away when every session is, with what one of them has just `said`. With none nothing changes."""
    if _set_away(turn, person, said):
        tell_onlookers(turn, person, away_event(turn, person), AWAY_NOTIFY, skip=tuple(sessions(person)))


def _set_away(turn: Turn, person: Person, said: str | None = None) -> bool:
    texts = [session.away for session in sessions(person)]
    away = None if None in texts else said or person.away or texts[-1] if texts else person.away
    if away == person.away:
        return False
    turn.set(person, "away", away)
    return True


def tell_onlookers(turn: Turn, person: Person, event: Event, needs: int, skip: tuple[Session, ...] = ()) -> None:
    """Tell of a change those with the capability `needs` who see the person, or watch it closely."""
    closely = (one for one in watching.watchers(turn, person) if one.caps & EXTENDED_MONITOR)
    _tell(turn, {**onlookers(person), **dict.fromkeys(closely)}, event, needs, skip)


def _tell(turn: Turn, some: Iterable[Recipient], event: Event, needs: int, skip: tuple[Session, ...]) -> None:
    turn.tell_each((one for one in some if one.caps & needs and one not in skip), event)


def lost(turn: Turn, session: Session, reason: str) -> None:
    """The connection is gone. The others are told only if the person does not come back within a moment."""
    if session.stage is Stage.CLOSED:
        return
    turn.shut(session)
    person = session.person
    if person is None or not _take_away(turn, session, person):
        return
    if person.sessions:
        return settle_away(turn, person)
    lingering = Lingering(turn.now, reason)
    turn.put(turn.directory, "lingering", person, lingering)
    return _give_up_one(turn, person, lingering)


def give_up(turn: Turn) -> None:
    """Whoever has not come back in time is gone."""
    for person, lingering in list(turn.directory.lingering.items()):
        _give_up_one(turn, person, lingering)


def _give_up_one(turn: Turn, person: Person, lingering: Lingering) -> None:
    if abs(turn.now - lingering.since) >= turn.settings.limits.linger:  # the clock may have been set back
        _depart(turn, person, lingering.reason)


def end(turn: Turn, session: Session, reason: str) -> None:
    """Close a session: ERROR to it, QUIT to the others."""
    if session.stage is not Stage.CLOSED:
        _leave(turn, session, reason)
        turn.close(session, reason)


def cut(turn: Turn, session: Session, reason: str) -> None:
    """Close a session without a word to the others: what is left to do when telling them failed."""
    if session.stage is Stage.CLOSED:
        return
    person = session.person
    if person is not None and _take_away(turn, session, person):
        _set_away(turn, person)
        if not person.sessions:
            _withdraw(turn, person)
    turn.close(session, reason)


def end_all(turn: Turn, reason: str) -> None:
    """The server ends: no QUITs, for nobody is left to read them."""
    for person in turn.directory.present:
        for session in list(sessions(person)):
            turn.close(session, reason)


def end_sessions(turn: Turn, person: Person, reason: str, keep: Session | None = None) -> None:
    """Close them all but `keep`; nobody lingers behind them."""
    for session in list(sessions(person)):
        if session is not keep:
            end(turn, session, reason)
    if person in turn.directory.lingering:
        _depart(turn, person, reason)


def sessions(person: Person) -> Iterable[Session]:
    return (session for session in person.sessions if isinstance(session, Session))


def _leave(turn: Turn, session: Session, reason: str) -> None:
    person = session.person
    if person is None or session not in person.sessions:
        return
    if len(person.sessions) > 1:
        _take_away(turn, session, person)
        settle_away(turn, person)
    else:
        _depart(turn, person, reason)


def _take_away(turn: Turn, session: Session, person: Person) -> bool:
    """Take the session from its person; whether it was one of his."""
    if session not in person.sessions:
        return False
    turn.drop(person, "sessions", session)
    watching.clear(turn, session)
    turn.drop(turn.directory, "opers", session)
    return True


def _depart(turn: Turn, person: Person, reason: str) -> None:
    """The person leaves, and the others see it; a last session hears of it by its ERROR alone."""
    shown_to = [session for session in onlookers(person) if session not in person.sessions]
    for session in list(sessions(person)):
        _take_away(turn, session, person)
    _withdraw(turn, person)
    turn.tell_each(shown_to, turn.event(person, f"QUIT :{reason}"))
    watching.went(turn, person)


def _withdraw(turn: Turn, person: Person) -> None:
    turn.drop(turn.directory, "lingering", person)
    turn.drop(turn.directory, "present", person)
    turn.set(person, "present", False)
    turn.set(person, "away", None)
    turn.set(person, "bot", False)
    departure = Departure(person.user, person.realname, turn.now)
    turn.set(person, "departures", (departure, *person.departures)[:DEPARTURES])
    for channel in person.channels:
        turn.drop(channel, "unannounced", person)


def onlookers(person: Person) -> dict[Recipient, None]:
    """Its own sessions, and those of everyone who shares a channel, each once.

    Who has not seen its JOIN yet may all the same have found it in NAMES, and must learn that it left.
    """
    found: dict[Recipient, None] = dict.fromkeys(person.sessions)
    for channel in person.channels:
        found.update(dict.fromkeys(channel.readers()))
    return found
