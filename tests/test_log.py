"""The log: bounded, rotating, never in a caller's way, and not to be forged by text from outside."""

import contextlib
import json
import logging
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from securechat import log
from securechat.config import Log

logger = logging.getLogger("securechat.tests")


@contextlib.contextmanager
def running(folder: Path, options: Log | None = None, **limits: int) -> Iterator[Path]:
    """A log in `folder`; stopped, and so written out, at the end of the block."""
    handle = log.configure(options or Log(), folder, "server", **limits)
    try:
        yield handle.path
    finally:
        handle.stop()


def run_script(script: str, *args: object, **options: object) -> subprocess.CompletedProcess[str]:
    """A fresh process, since stderr and the end of an interpreter are what is looked at."""
    command = [sys.executable, "-c", script, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def test_a_record_becomes_one_line_of_a_private_file(tmp_path: Path):
    with running(tmp_path) as path:
        logger.info("session of %s admitted", "ada")
    assert path == tmp_path / "server.log"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    securechat\.tests: session of ada admitted\n", path.read_text()
    )


def test_the_level_holds_for_our_records_and_others_are_heard_from_warning_up(tmp_path: Path):
    with running(tmp_path, Log(level="DEBUG")) as path:
        logger.debug("ours")
        logging.getLogger("alembic.runtime").info("theirs, chatter")
        logging.getLogger("alembic.runtime").warning("theirs, trouble")
    assert [line.rpartition(": ")[2] for line in path.read_text().splitlines()] == ["ours", "theirs, trouble"]


def test_a_file_named_in_the_settings_is_relative_to_the_folder(tmp_path: Path):
    with running(tmp_path, Log(file="other.log")) as path:
        logger.info("hello")
    assert path == tmp_path / "other.log"
    assert "hello" in path.read_text()


def test_json_is_one_object_a_line(tmp_path: Path):
    with running(tmp_path, Log(json=True)) as path:
        logger.warning("line one\nline two \u202e \x1b[31m %s", "é")
        try:
            raise ValueError("broken")
        except ValueError:
            logger.exception("a bug")
    first, second = (json.loads(line) for line in path.read_text(encoding="ascii").splitlines())
    assert first["message"] == "line one\nline two \u202e \x1b[31m é"
    assert (first["level"], first["logger"], first["thread"]) == ("WARNING", "securechat.tests", "MainThread")
    assert second["traceback"].endswith("ValueError: broken")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\nc", r"a\nb\r\nc"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("\x85 \u2028 \u2029 \x0b \x0c", r"\x85 \u2028 \u2029 \x0b \x0c"),
        ("\u202egnp.exe \u2066 \u200f", r"\u202egnp.exe \u2066 \u200f"),
        ("\udcff\x00", r"\udcff\x00"),
        ("Grüße, 世界 🎉", "Grüße, 世界 🎉"),
    ],
)
def test_controls_in_text_are_made_visible(text: str, shown: str):
    assert log.visible(text) == shown


def test_text_from_outside_cannot_forge_a_record(tmp_path: Path):
    with running(tmp_path) as path:
        logger.info("said %s", "a\r\n2026-01-01T00:00:00.000Z INFO    securechat.server: session of mallory admitted")
    (line,) = path.read_bytes().decode().split("\n")[:-1]
    assert r": said a\r\n2026" in line


def test_the_text_of_an_exception_cannot_forge_a_record(tmp_path: Path):
    forged = "2026-01-01T00:00:00.000Z INFO    securechat.server: session of mallory admitted"
    with running(tmp_path) as path:
        try:
            raise ValueError(f"x\n{forged}\r{forged}")
        except ValueError:
            logger.exception("a bug")
    first, *rest = path.read_text().splitlines()
    assert first.endswith("ERROR   securechat.tests: a bug")
    assert rest
    assert all(line.startswith("    | ") for line in rest)


def test_arguments_are_taken_as_they_are_at_the_call(tmp_path: Path):
    members = ["ada"]
    with running(tmp_path) as path:
        for _ in range(200):
            logger.info("members %s", members)
        members.append("bob")
    assert path.read_text().count("members ['ada']\n") == 200


WRONG_ARGUMENTS = """
import logging, sys
from pathlib import Path
from securechat import log
from securechat.config import Log

class Hostile:
    def __str__(self):
        raise RuntimeError

running = log.configure(Log(), Path(sys.argv[1]), "server", stderr=True)
logging.getLogger("securechat.tests").info("%d members", "many")
logging.getLogger("securechat.tests").info("%s", Hostile())
running.stop()
"""


def test_a_call_with_wrong_arguments_is_logged_and_raises_nothing(tmp_path: Path):
    result = run_script(WRONG_ARGUMENTS, tmp_path)
    assert (result.stderr, result.returncode) == ("", 0)
    first, second = (tmp_path / "server.log").read_text().splitlines()
    assert re.search(r"the message at <string>:\d+ cannot be formatted: TypeError$", first)
    assert second.endswith("cannot be formatted: RuntimeError")


def test_a_huge_message_is_cut(tmp_path: Path):
    with running(tmp_path) as path:
        logger.info("%s", "x" * 10_000_000)
    assert path.stat().st_size < 2 * log.LONGEST_PART


def test_full_files_are_rotated_and_only_five_are_kept(tmp_path: Path):
    with running(tmp_path, rotate_at=2000) as path:
        for number in range(400):
            logger.info("line %04d", number)
    files = [path, *(Path(f"{path}.{number}") for number in range(1, 6))]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(file.stat().st_size <= 2000 for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    numbers = [int(line[-4:]) for file in reversed(files) for line in file.read_text().splitlines()]
    assert numbers == list(range(numbers[0], 400))


def test_a_log_that_another_program_moved_away_is_opened_anew(tmp_path: Path):
    with running(tmp_path) as path:
        logger.info("first")
        wait_for_text(path, "first")
        path.rename(tmp_path / "moved")
        logger.info("second")
    assert "first" in (tmp_path / "moved").read_text()
    assert "second" in path.read_text()


def wait_for_text(path: Path, text: str) -> None:
    waiting = threading.Event()
    for _ in range(1000):
        if path.exists() and text in path.read_text():
            return
        waiting.wait(0.01)
    pytest.fail(f"{text!r} did not come to {path}")


LOG_A_LOT = """
import logging, sys
from pathlib import Path
from securechat import log
from securechat.config import Log

running = log.configure(Log(file=sys.argv[2]), Path(sys.argv[1]), "server", stderr=True)
for number in range(2000):
    logging.getLogger("securechat.tests").info("line %d", number)
running.stop()
print("went on")
"""


@pytest.mark.parametrize("file", ["/dev/full", "absent/server.log", "pipe"])
def test_a_log_that_cannot_be_written_is_said_once_and_stops_nobody(tmp_path: Path, file: str):
    """A full disk, a folder that is not there, a pipe that nobody reads."""
    os.mkfifo(tmp_path / "pipe")
    result = run_script(LOG_A_LOT, tmp_path, file)
    assert (result.stdout, result.returncode) == ("went on\n", 0)
    (line,) = result.stderr.splitlines()
    assert re.fullmatch(r"securechat: cannot write the log '.*': [^:]+; going on", line)


def test_a_disk_with_room_again_gets_lines_and_the_number_of_lost_ones(tmp_path: Path):
    link = tmp_path / "server.log"
    link.symlink_to("/dev/full")
    with running(tmp_path):
        for _ in range(50):
            logger.info("lost")
        wait_until_drained()
        link.unlink()
        logger.info("room again")
    again, lost = link.read_text().splitlines()
    assert again.endswith("room again")
    assert lost.endswith("WARNING securechat.log: 50 log lines were lost here")


def wait_until_drained() -> None:
    (feed,) = (handler for handler in logging.getLogger().handlers if isinstance(handler, log.Feed))
    waiting = threading.Event()
    for _ in range(1000):
        if feed.taken == feed.put:
            return
        waiting.wait(0.01)
    pytest.fail("the log thread does not drain its queue")


FLOOD_WITH_STDERR_STUCK = """
import logging, sys, time
from pathlib import Path
from securechat import log
from securechat.config import Log

running = log.configure(Log(), Path(sys.argv[1]), "server", stderr=True, queue_limit=1_000_000)
logger = logging.getLogger("securechat.tests")
longest = 0.0
for number in range(5000):
    before = time.perf_counter()
    logger.warning("line %d %s", number, "x" * 100)
    longest = max(longest, time.perf_counter() - before)
print(longest, flush=True)
sys.stdin.read()
running.stop()
"""


def test_a_queue_that_is_full_drops_and_counts_but_makes_nobody_wait(tmp_path: Path):
    """Nobody reads stderr, so the log thread hangs in it until the flood is over."""
    command = [sys.executable, "-c", FLOOD_WITH_STDERR_STUCK, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdout
        assert float(child.stdout.readline()) < 1.0
        child.communicate(timeout=30)
    lines = (tmp_path / "server.log").read_text().splitlines()
    told = [int(match[1]) for line in lines if (match := re.search(r": (\d+) log lines were lost here$", line))]
    kept = sum(": line " in line for line in lines)
    assert told
    assert kept + sum(told) == 5000


@pytest.mark.parametrize("close", ["2>&-", "2>/dev/full"])
def test_a_stderr_that_cannot_be_written_is_no_trouble(tmp_path: Path, close: str):
    script = LOG_A_LOT.replace(".info(", ".error(")
    shell = ["sh", "-c", f'"$0" -c "$1" "$2" server.log {close}', sys.executable, script, str(tmp_path)]
    result = subprocess.run(shell, capture_output=True, text=True, timeout=60, check=False)
    assert (result.stdout, result.stderr, result.returncode) == ("went on\n", "", 0)
    assert (tmp_path / "server.log").read_text().count("\n") == 2000


def test_warnings_come_to_stderr_as_plain_text_only_when_asked(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    for stderr in (True, False):
        handle = log.configure(Log(json=True), tmp_path, "server", stderr=stderr)
        logger.info("only for the file")
        logger.warning("certificate expires on %s", "2026-03-01")
        handle.stop()
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("WARNING securechat.tests: certificate expires on 2026-03-01")


END_WITHOUT_STOP = """
import logging, sys
from pathlib import Path
from securechat import log
from securechat.config import Log

log.configure(Log(), Path(sys.argv[1]), "client")
logging.getLogger("securechat.tests").info("last words")
"""


def test_a_process_that_ends_without_stop_loses_nothing(tmp_path: Path):
    assert run_script(END_WITHOUT_STOP, tmp_path).returncode == 0
    assert "last words" in (tmp_path / "client.log").read_text()


LOG_FROM_A_SIGNAL_HANDLER = """
import logging, signal, sys
from pathlib import Path
from securechat import log
from securechat.config import Log

running = log.configure(Log(), Path(sys.argv[1]), "server")
logger = logging.getLogger("securechat.tests")
seen = []
def note(*_):
    seen.append(1)
    logger.info("signal")
signal.signal(signal.SIGALRM, note)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
while len(seen) < 300:
    logger.info("line")
signal.setitimer(signal.ITIMER_REAL, 0)
running.stop()
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers on this system")
def test_a_signal_handler_may_log_while_its_thread_logs(tmp_path: Path):
    assert run_script(LOG_FROM_A_SIGNAL_HANDLER, tmp_path).returncode == 0
    assert (tmp_path / "server.log").read_text().count(": signal\n") >= 1


def test_there_is_one_log_and_a_second_takes_its_place(tmp_path: Path):
    assert log.current() is None
    first = log.configure(Log(), tmp_path, "server")
    second = log.configure(Log(), tmp_path, "client")
    assert log.current() is second
    assert sum(isinstance(handler, log.Feed) for handler in logging.getLogger().handlers) == 1
    logger.info("hello")
    first.stop()
    assert log.current() is second
    second.stop()
    assert log.current() is None
    assert not (tmp_path / "server.log").exists()
    assert "hello" in (tmp_path / "client.log").read_text()


def tallied(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]


def test_refusals_are_summed_by_reason_and_address_for_a_minute(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    tally = log.Tally(logger)
    for second in range(50):
        tally.count("too many connections", "127.0.0.9", 100.0 + second)
    tally.count("no TLS", "127.0.0.8", 130.0)
    tally.flush(159.9)
    assert tallied(caplog) == []
    tally.flush(160.0)
    assert tallied(caplog) == [
        "refused 50 connections from 127.0.0.9: too many connections",
        "refused 1 connection from 127.0.0.8: no TLS",
    ]
    tally.flush(500.0)
    assert len(tallied(caplog)) == 2


def test_a_refusal_after_the_minute_belongs_to_the_next(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    tally = log.Tally(logger)
    tally.count("no TLS", "::1", 0.0)
    tally.count("no TLS", "::1", 60.0)
    assert tallied(caplog) == ["refused 1 connection from ::1: no TLS"]
    tally.close()
    assert len(tallied(caplog)) == 2


def test_a_tally_of_many_addresses_stays_small(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    tally = log.Tally(logger, limit=3)
    for number in range(100):
        tally.count("no TLS", f"127.0.1.{number}", 0.0)
    tally.count("no TLS", "127.0.1.0", 0.0)
    tally.close()
    assert tallied(caplog) == [
        "refused 2 connections from 127.0.1.0: no TLS",
        "refused 1 connection from 127.0.1.1: no TLS",
        "refused 1 connection from 127.0.1.2: no TLS",
        "refused 97 connections from other addresses: no TLS",
    ]
