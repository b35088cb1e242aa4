"""The server's clock steps, by an hour or a year, while it runs and over a restart: nothing is lost or out of order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from securechat.protocol.message import Message
from tests.running import Server
from tests.stepping import LIBRARY, SteppingClock
from tests.wire import Wire, acknowledged, heard

HOUR, YEAR = 3600, 365 * 86400
PAGE = 7  # no number of messages between two steps is a multiple of it
DAWN = "timestamp=1990-01-01T00:00:00.000Z"

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="no libfaketime; install the package libfaketime")


@pytest.mark.parametrize("step", [*(pytest.param(one, marks=pytest.mark.slow) for one in (HOUR, -HOUR)), -YEAR])
def test_a_step_of_the_clock_loses_nothing_and_disorders_nothing(
    step: int, idle_server: Server, tmp_path: Path
) -> None:
    server, clock = idle_server, SteppingClock(tmp_path)
    server.adduser("ada", "bob")
    token = server.token("bob")[1]
    server.start(env=clock.environment)
    said = talk(server, token, "before", step=lambda: clock.set(step))
    server.kill()
    server.start(env=clock.environment)
    assert abs(off_by(server) - step) < 60
    said += talk(server, token, "restarted", step=lambda: clock.set(0))
    server.stop()
    server.start(env=clock.environment)
    said += talk(server, token, "again", step=lambda: clock.set(step))
    check(server, said)


def talk(server: Server, token: str, words: str, step: Callable[[], None]) -> list[str]:
    """Two talk, the clock steps, they go on, one comes back; gives what was acknowledged, and each heard all of it."""
    with server.login("ada") as ada:
        with server.login("bob", password=token) as bob:
            said = [acknowledged(ada, f"{words} {number}") for number in range(20)]
            step()
            said += [acknowledged(ada, f"{words} stepped {number}") for number in range(20)]
            assert heard(bob) == said
        ada.wait_for("QUIT", within=20)  # whoever was lost is gone in the end, whatever the clock says
        with server.login("bob") as bob:
            ada.wait_for("JOIN")
            said.append(acknowledged(bob, f"{words} back"))
    return said


def off_by(server: Server) -> float:
    """The server's clock against ours."""
    with server.login("ada") as ada:
        [echo] = ada.ask("PRIVMSG ada :what time is it?")
        return (datetime.fromisoformat(echo.tags["time"]) - datetime.now(UTC)).total_seconds()


def check(server: Server, said: list[str]) -> None:
    """Stored is what was acknowledged, in its order, at times that rise; each way of paging gives each once."""
    entries = server.history("#lobby")
    assert [entry.text for entry in entries] == said
    assert all(earlier.time < later.time for earlier, later in pairwise(entries))
    with server.login("ada") as ada:
        for key in ("msgid", "time"):
            assert [message.params[1] for message in paged(ada, key)] == said
    assert "Traceback" not in server.log()


def paged(wire: Wire, key: str) -> list[Message]:
    found: list[Message] = []
    place = DAWN
    while page := wire.ask(f"CHATHISTORY AFTER #lobby {place} {PAGE}"):
        found += page
        place = f"{'timestamp' if key == 'time' else key}={page[-1].tags[key]}"
    return [message for message in found if message.command == "PRIVMSG"]
