"""Logging: callers hand records to a bounded queue, one log thread writes them to a rotating file and to stderr.

Whatever happens to the file or to stderr, a caller neither waits nor sees an error, and text from outside cannot
forge a line. `Tally` sums events that would otherwise flood the log.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

log = logging.getLogger(__name__)

ROTATE_AT = 10 * 1024 * 1024
KEEP = 5  # rotated files beside the one in use
QUEUE_LIMIT = 4 * 1024 * 1024  # characters that may wait for the log thread
LONGEST_PART = 16 * 1024  # characters of one message or one traceback
RECORD_COST = 1024  # what a waiting record weighs beside its text
STOP_TIMEOUT = 2.0
TELL_EVERY = 1.0

# C0, DEL and C1 controls, line and paragraph separators, bidirectional controls, lone surrogates.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


class Options(Protocol):
    """The settings that logging needs; `config.Log` has them."""

    @property
    def level(self) -> str: ...
    @property
    def json(self) -> bool: ...
    @property
    def file(self) -> str | None: ...


def configure(
    options: Options,
    folder: Path,
    name: str,
    *,
    stderr: bool = False,
    rotate_at: int = ROTATE_AT,
    queue_limit: int = QUEUE_LIMIT,
) -> RunningLog:
    """Start this process's log: `options.file`, else `<name>.log` in `folder`, which must exist.

    `stderr` repeats warnings and errors there as plain text. Other packages are heard from WARNING up only.
    """
    if RunningLog.current is not None:
        RunningLog.current.stop()
    path = folder / Path(options.file or f"{name}.log").expanduser()
    formatter = JsonFormatter() if options.json else TextFormatter()
    feed = Feed(queue_limit)
    writer = Writer(feed, RotatingFile(path, rotate_at, KEEP), formatter, stderr)
    return RunningLog(path, feed, writer, options.level)


def current() -> RunningLog | None:
    """The log that is running, if any: there is one in a process."""
    return RunningLog.current


def visible(text: str) -> str:
    """`text` as one line: controls, separators and lone surrogates are written as escapes."""
    return _INVISIBLE.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


class RunningLog:
    """The handle of the log: where it is, and `stop()`."""

    current: RunningLog | None = None

    def __init__(self, path: Path, feed: Feed, writer: Writer, level: str) -> None:
        self.path = path
        self._feed = feed
        self._ours = logging.getLogger("securechat")  # the root logger stays at its WARNING for all others
        self._level_before = self._ours.level
        self._thread = threading.Thread(target=writer.run, name="log", daemon=True)
        self._thread.start()
        self._ours.setLevel(level)
        logging.getLogger().addHandler(feed)
        atexit.register(self.stop)
        RunningLog.current = self

    def stop(self) -> None:
        """Write what waits and end the log thread; gives up after two seconds on a disk or a pipe that hangs."""
        if RunningLog.current is not self:
            return
        RunningLog.current = None
        atexit.unregister(self.stop)
        logging.getLogger().removeHandler(self._feed)
        self._ours.setLevel(self._level_before)
        self._feed.end()
        self._thread.join(STOP_TIMEOUT)


class Feed(logging.Handler):
    """The callers' side of the queue: snapshots each record, never waits, drops and counts what finds no room.

    A SimpleQueue, because a signal handler or a destructor that logs may interrupt its put(); with queue.Queue that
    thread would wait for itself. The totals only rise and have one writer each, so no lock guards them: `put` and
    `dropped` change under the handler's own lock, `taken` in the log thread.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.put = self.taken = self.dropped = 0
        self._queue: SimpleQueue[logging.LogRecord | None] = SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        snapshot = _snapshot(record)
        cost = _cost(snapshot)
        if self.put + cost - self.taken > self.limit:
            self.dropped += 1
            return
        self.put += cost
        self._queue.put(snapshot)

    def end(self) -> None:
        self._queue.put(None)

    def take(self) -> logging.LogRecord | None:
        """Wait for the next record; None is the end."""
        record = self._queue.get()
        if record is not None:
            self.taken += _cost(record)
        return record

    def empty(self) -> bool:
        return self._queue.empty()


def _snapshot(record: logging.LogRecord) -> logging.LogRecord:
    """A copy that refers to nothing of the caller: arguments may change later, a traceback keeps frames alive."""
    try:
        message = record.getMessage()
    except Exception as error:  # an argument's __str__ may raise anything; logging must not
        message = f"the message at {record.pathname}:{record.lineno} cannot be formatted: {type(error).__name__}"
    traceback = record.exc_text or ""
    if record.exc_info and record.exc_info[0] is not None:
        traceback = logging.Formatter().formatException(record.exc_info)
    if record.stack_info:
        traceback = f"{traceback}\n{record.stack_info}".lstrip("\n")
    snapshot = logging.LogRecord.__new__(logging.LogRecord)  # a third of what copy.copy takes
    snapshot.__dict__.update(record.__dict__, args=None, exc_info=None, stack_info=None)
    snapshot.msg, snapshot.exc_text = message[:LONGEST_PART], traceback[-LONGEST_PART:]
    return snapshot


def _cost(snapshot: logging.LogRecord) -> int:
    return RECORD_COST + len(snapshot.msg) + len(snapshot.exc_text or "")


class TextFormatter(logging.Formatter):
    """One line a record; the lines of a traceback are indented, so that no text in it looks like a record."""

    def format(self, record: logging.LogRecord) -> str:
        lines = [f"{_time(record)} {record.levelname:<7} {record.name}: {visible(record.getMessage())}"]
        if record.exc_text:
            lines += [f"    | {visible(line)}" for line in record.exc_text.split("\n")]
        return "\n".join(lines)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, ASCII only."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_text:
            fields["traceback"] = record.exc_text
        return json.dumps(fields)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Writer:
    """The log thread's work: a record becomes a line of the file and, from WARNING up, of stderr."""

    def __init__(self, feed: Feed, file: RotatingFile, formatter: logging.Formatter, stderr: bool) -> None:
        self.feed = feed
        self.file = file
        self.formatter = formatter
        self._plain = TextFormatter()
        self._stderr = stderr
        self._stderr_fd = _stderr_fd()
        self._complained = False
        self._refused = 0  # lines that the file did not take
        self._told = 0  # lost lines that a line has spoken of
        self._told_at = 0.0

    def run(self) -> None:
        while (record := self.feed.take()) is not None:
            if self._stderr and record.levelno >= logging.WARNING:
                self._say(self._plain.format(record))
            if not self._append(record):
                self._refused += 1
            elif self.feed.empty() or time.monotonic() - self._told_at > TELL_EVERY:
                self._tell_lost()
        self._tell_lost()
        self.file.close()

    def _append(self, record: logging.LogRecord) -> bool:
        try:
            self.file.write(self.formatter.format(record).encode() + b"\n")
        except OSError as error:
            if not self._complained:
                self._complained = True
                self._say(f"securechat: cannot write the log {str(self.file.path)!r}: {error.strerror}; going on")
            return False
        return True

    def _tell_lost(self) -> None:
        """Say how many lines the queue or the file refused, once there is a line that can be written."""
        lost = self.feed.dropped + self._refused - self._told
        if not lost:
            return
        self._told_at = time.monotonic()
        notice = log.makeRecord(log.name, logging.WARNING, __file__, 0, "%d log lines were lost here", (lost,), None)
        if self._append(notice):
            self._told += lost

    def _say(self, text: str) -> None:
        """Write to the descriptor: sys.stderr has a lock, and a thread stuck in it aborts the interpreter's end."""
        if self._stderr_fd is None:
            return
        try:
            os.write(self._stderr_fd, text.encode() + b"\n")
        except BlockingIOError:
            pass  # a terminal that another program made non-blocking; only this line is lost
        except OSError:
            self._stderr_fd = None  # closed, or its reader has gone


def _stderr_fd() -> int | None:
    """The descriptor of stderr, unless it was closed from the start: then 2 may be anything by now."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, ValueError, OSError):
        return None


class RotatingFile:
    """Lines appended to a file of mode 0600, which becomes `.1`, `.1` becomes `.2` and so on when it is full.

    Not logging's own: its text buffer keeps what a full disk refused and fails again when it is closed. The file is
    looked at before each write, so that one moved away by another program, or by a second process that writes the same
    log, is opened anew.
    """

    def __init__(self, path: Path, limit: int, keep: int) -> None:
        self.path = path
        self.limit = limit
        self.keep = keep
        self._fd: int | None = None
        self._torn = False  # the last write ended inside a line

    def write(self, line: bytes) -> None:
        """Append `line`; raises OSError, and the next call tries afresh."""
        try:
            fd = self._open(len(line))
            rest = memoryview(b"\n" + line if self._torn else line)
            while rest:
                rest = rest[os.write(fd, rest) :]
                self._torn = bool(rest)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self, room: int) -> int:
        if self._fd is not None and not self._is_ours(self._fd):
            self.close()
        if self._fd is None:
            self._fd = self._open_file()
        size = os.fstat(self._fd).st_size
        if size and size + room > self.limit:
            self.close()
            self._shift()
            self._fd = self._open_file()
        return self._fd

    def _open_file(self) -> int:
        # O_NONBLOCK: a pipe without a reader must fail, not wait. It means nothing to a regular file.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
        return os.open(self.path, flags, 0o600)

    def _is_ours(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _shift(self) -> None:
        for number in range(self.keep, 0, -1):
            newer = Path(f"{self.path}.{number - 1}") if number > 1 else self.path
            if newer.exists():
                newer.replace(f"{self.path}.{number}")


class Tally:
    """Refusals summed by reason and address; one INFO line for each when their minute is over.

    `now` is monotonic. Reasons are our own few phrases; addresses are anyone's, so beyond `limit` pairs of reason and
    address those of one reason are summed as "other addresses". `totals` is never reset. Owned by the loop: no lock,
    no thread.
    """

    def __init__(self, logger: logging.Logger, *, period: float = 60.0, limit: int = 1000) -> None:
        self._logger = logger
        self._period = period
        self._limit = limit
        self._counts: dict[tuple[str, str], int] = {}
        self._since = 0.0
        self.totals: Counter[str] = Counter()  # by reason

    def count(self, reason: str, address: str, now: float) -> None:
        self.totals[reason] += 1
        self.flush(now)
        if not self._counts:
            self._since = now
        key = (reason, address)
        if key not in self._counts and len(self._counts) >= self._limit:
            key = (reason, "other addresses")
        self._counts[key] = self._counts.get(key, 0) + 1

    def flush(self, now: float) -> None:
        """Log what was counted if its minute is over; call it now and then."""
        if self._counts and now - self._since >= self._period:
            self.close()

    def close(self) -> None:
        """Log what was counted, whatever the time: at the end."""
        for (reason, address), number in self._counts.items():
            plural = "" if number == 1 else "s"
            self._logger.info("refused %d connection%s from %s: %s", number, plural, address, reason)
        self._counts.clear()
