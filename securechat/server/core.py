"""The core: everything the server knows and decides, without threads, sockets or storage.

It is given what happened, a turn at a time, and gives back rows to store and bytes to send. Only one turn is open at
any time, so undoing it is exact.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from functools import partial

from securechat.auth.throttle import Throttle
from securechat.chat.directory import Directory
from securechat.config import Settings
from securechat.protocol.lines import Unreadable
from securechat.protocol.message import Message
from securechat.protocol.numerics import ERR_UNKNOWNERROR
from securechat.server import accounts, audit, guessing, known_addresses, missed, presence
from securechat.server.dispatch import dispatch
from securechat.server.http import routes
from securechat.server.items import Answer, Asked, Ending, Gone, Item, Overdue, Resume, Said, Tick
from securechat.server.job import Job
from securechat.server.services import Services
from securechat.server.session import Opening, Session, Stage
from securechat.server.turn import StoreUnavailable, Turn
from securechat.store.errors import StoreError
from securechat.store.rows import AccountChanged

STRIKES = 3  # handler errors within STRIKE_TIME close a session
STRIKE_TIME = 60.0
UNAVAILABLE = "the server cannot store this now; try again later"

log = logging.getLogger(__name__)


class Core:
    """Owned and called by one thread, the loop's."""

    def __init__(
        self,
        directory: Directory,
        throttle: Throttle,
        settings: Settings,
        services: Services,
        clock: Callable[[], float],
    ) -> None:
        self.directory = directory
        self.throttle = throttle
        self.settings = settings
        self.services = services
        self._clock = clock  # seconds since the epoch
        self.started = clock()

    def turn(self, waiting: deque[Item]) -> Turn:
        """Handle what is waiting, as much as one turn takes."""
        turn = self._open()
        while waiting and turn.has_room():
            item = waiting.popleft()
            turn.items.append(item)
            self._handle(turn, item)
        self._end_overfull(turn)
        return turn

    def again(self, failed: Turn, error: StoreError) -> Turn:
        """Undo a turn whose commit failed and handle its items once more; whoever wanted something stored is told."""
        failed.undo()
        self.directory.stored_at = 0.0  # that something was stored a moment ago proves nothing any more
        turn = self._open(error)
        for item in failed.items:
            turn.items.append(item)
            self._handle(turn, item)
        self._end_overfull(turn)
        return turn

    def settled(self, turn: Turn, newest: int | None) -> None:
        """The turn stands and was delivered; `newest` is the newest entry of all if it stored something."""
        if newest is not None:
            self.directory.newest = newest
            self.directory.stored_at = turn.now
        if not turn.admitted:
            return
        first = self.directory.newest - turn.entries  # a turn's entries are numbered in one row, the newest is its last
        for session, before in turn.admitted.items():
            if session.opening is not None:
                session.opening.upto = first + before

    def knows(self, network: str) -> bool:
        """Whether somebody logged in from there of late."""
        return known_addresses.is_known(self.directory, network, int(self._clock() * 1000))

    def _open(self, failing: StoreError | None = None) -> Turn:
        return Turn(self.directory, self.throttle, self.settings, self.services, self._clock(), self.started, failing)

    def _handle(self, turn: Turn, item: Item) -> None:
        match item:
            case Said():  # first, and not taken apart by its pattern: that costs as much as a step of the handling
                self._heard(turn, item.session, item.message)
            case Asked(session, request):
                turn.set(session, "request", request)
                self._guarded(turn, session, None, lambda: routes.answer(turn, session, request))
            case Answer(Job(session=session, label=label)):
                turn.set(session, "busy", False)
                self._guarded(turn, None, None, lambda: self._settle(turn, item.job, item.result))
                if session.stage is not Stage.CLOSED:
                    self._guarded(turn, session, label, lambda: self._answered(turn, item.job, item.result))
                self._release(turn, session)
            case Resume(session):
                self._release(turn, session)
            case Gone(session, reason):
                cut = partial(presence.cut, turn, session, reason)
                self._guarded(turn, session, None, lambda: presence.lost(turn, session, reason), otherwise=cut)
                self._guarded(turn, None, None, lambda: missed.keep(turn, session))
            case Overdue(session, reason):
                self._end(turn, session, reason)
            case AccountChanged():
                quietly = partial(accounts.changed_quietly, turn, item)
                self._guarded(turn, None, None, lambda: accounts.changed(turn, item), otherwise=quietly)
            case Tick():
                self._guarded(turn, None, None, lambda: presence.announce(turn))
                self._guarded(turn, None, None, lambda: presence.give_up(turn))
                self._guarded(turn, None, None, lambda: missed.keep_some(turn))
                self._guarded(turn, None, None, lambda: guessing.forget_old(turn))
                self._guarded(turn, None, None, lambda: audit.flush(turn))
            case Ending():
                self._guarded(turn, None, None, lambda: presence.end_all(turn, item.reason))
                self._guarded(turn, None, None, lambda: audit.close(turn))

    def _heard(self, turn: Turn, session: Session, message: Message | Unreadable) -> None:
        """It is handled, or waits with what its session said before."""
        if session.waits:
            backlog = session.backlog
            turn.put(backlog, "lines", len(backlog.lines), message)
            return
        self._said(turn, session, message)
        if session.opening is not None:  # it was its admission
            self._release(turn, session)

    def _said(self, turn: Turn, session: Session, message: Message | Unreadable) -> None:
        if session.stage is Stage.CLOSED:
            return
        command = message.command if isinstance(message, Message) else "*"
        self._guarded(turn, session, message.label, lambda: dispatch(turn, session, message), command)

    def _settle(self, turn: Turn, job: Job, result: object) -> None:
        if job.settle is not None:
            job.settle(turn, result)

    def _answered(self, turn: Turn, job: Job, result: object) -> None:
        job.done(turn, job.session, result)

    def _release(self, turn: Turn, session: Session) -> None:
        """Go on with its opening, then with what it said while it waited, as much as the turn has room for."""
        backlog = session.backlog
        while session.opening is not None or backlog.taken < len(backlog.lines):
            if session.busy or session.choked:  # it waits again
                return
            if session in turn.admitted or not turn.has_room():
                turn.unfinished.append(session)
                return
            if session.opening is not None:
                self._go_on(turn, session, session.opening)
                continue
            turn.set(backlog, "taken", backlog.taken + 1)
            self._said(turn, session, backlog.lines[backlog.taken - 1])
        if backlog.lines:
            turn.set(backlog, "lines", {})
            turn.set(backlog, "taken", 0)

    def _go_on(self, turn: Turn, session: Session, opening: Opening) -> None:
        """The next step of the opening; one that fails is not tried again."""
        if opening.taken == len(opening.steps):
            turn.give_held(session, opening)
            return
        turn.set(opening, "taken", opening.taken + 1)
        self._guarded(turn, session, None, partial(opening.steps[opening.taken - 1], turn, session))

    def _guarded(
        self,
        turn: Turn,
        session: Session | None,
        label: str | None,
        handle: Callable[[], None],
        command: str = "*",
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Run one item's handler; when it raises, nothing of what it did remains and only its sender notices.

        `otherwise` does in its place what must not be left undone; without it the sender is told and counted.
        """
        mark = turn.mark()
        turn.begin(session, label)
        try:
            handle()
            turn.finish()
        except StoreUnavailable as error:
            turn.back_to(mark)
            if session is not None:
                turn.begin(session, label)
                self._refuse(turn, session, command, error)
                turn.finish()
        except Exception:  # a bug in one handler is one sender's trouble
            turn.back_to(mark)
            log.exception("a handler failed")  # without the line: it may hold a secret
            turn.begin(session, label)
            if otherwise is not None:
                otherwise()
            elif session is not None:
                self._strike(turn, session, command)

    def _refuse(self, turn: Turn, session: Session, command: str, error: StoreUnavailable) -> None:
        if session.request is not None:
            routes.unavailable(turn, session, str(error))
        else:
            turn.fail(session, command, "TEMPORARILY_UNAVAILABLE", UNAVAILABLE)

    def _strike(self, turn: Turn, session: Session, command: str) -> None:
        if session.request is not None:
            return routes.failed(turn, session)
        turn.standard(session, ERR_UNKNOWNERROR, command)
        turn.finish()
        recent = (at for at in session.strikes if at > turn.now - STRIKE_TIME)
        turn.set(session, "strikes", (*recent, turn.now))
        if len(session.strikes) >= STRIKES:
            self._end(turn, session, "too many internal errors")

    def _end_overfull(self, turn: Turn) -> None:
        for session in turn.overfull:
            self._end(turn, session, "does not read what it is sent first")

    def _end(self, turn: Turn, session: Session, reason: str) -> None:
        cut = partial(presence.cut, turn, session, reason)
        self._guarded(turn, session, None, lambda: presence.end(turn, session, reason), otherwise=cut)
