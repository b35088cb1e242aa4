#!/usr/bin/env python3
"""Throw generated input at everything that reads what others wrote, sockets and TLS aside, and watch what must hold.

Two fifths of the inputs go to a whole server, the rest to our client and to each parser by itself. About half come from
grammars with mutations, half are raw bytes; all are split at random. An exception that escapes, a line that breaks the
protocol's form, a handler that fails, text that a terminal would obey, or a state that is not the store's ends the run
with status 1. At the end the dearest inputs of 8 KiB are timed; one that takes more than a millisecond is a failure,
too (on a slow machine: than 1.5 looks at every byte). `--plant NAME` runs on a copy of the sources that holds a
known bug, which must be found.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fuzzing import client, parsers, world

INPUTS = 100_000
COPIED = ("securechat", "scripts", "tests")


def run_world(inputs: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world.run(inputs, seed, Path(folder) / "data")


def time_the_dearest(inputs: int, seed: int) -> None:
    from tests.fuzzing import cost  # which imports pytest: a fifth of the start of every other part

    dearest, most = cost.dearest()
    print(f"dearest of 8 KiB: {dearest.seconds * 1000:.2f} ms of CPU of at most {most * 1000:.2f}, {dearest.what}")
    if dearest.seconds > most:
        raise AssertionError(f"8 KiB took more than {most * 1000:.2f} ms")


class Part(NamedTuple):
    """`share` of all inputs go to `run`."""

    share: float
    run: Callable[[int, int], object]


PARTS: Mapping[str, Part] = {
    "parsers": Part(0.3, parsers.run),
    "client": Part(0.3, client.run),
    "server": Part(0.4, run_world),
    "costs": Part(0, time_the_dearest),
}


class Plant(NamedTuple):
    """A bug: in `file` stands `right`, and it is made `wrong`."""

    part: str
    file: str
    right: str
    wrong: str


PLANTS = {
    "bare-cr": Plant("server", "protocol/lines.py", 'if b"\\r" in line or b"\\0" in line:', 'if b"\\0" in line:'),
    "characters-for-bytes": Plant(
        "server", "protocol/multiline.py", "= text.encode()", "= text.encode('latin-1', 'replace')"
    ),
    "no-backslash": Plant("server", "protocol/message.py", '.replace("\\\\", "").replace(_BACKSLASH, "\\\\")', ""),
    "any-timestamp": Plant("server", "server/commands/history.py", "except ValueError", "except KeyError"),
    "too-early": Plant(
        "server",
        "server/dispatch.py",
        "command.stage not in (None, session.stage)",
        "(session.registration is None and command.stage not in (None, session.stage))",
    ),
    "behind-the-end": Plant(
        "server",
        "server/core.py",
        "if session.stage is not Stage.CLOSED:\n                    self._guarded(turn, session, label",
        "if True:\n                    self._guarded(turn, session, label",
    ),
    "escaped-twice": Plant("parsers", "protocol/message.py", '"\\r": r"\\r", ', '"\\r": r"\\\\r", '),
    "password-in-latin-1": Plant(
        "parsers",
        "protocol/sasl.py",
        "for part in parts))\n    except UnicodeDecodeError",
        "for part in parts))\n    except KeyError",
    ),
    "end-between-two-reads": Plant(
        "parsers", "protocol/http.py", "max(0, len(self._read) - _END_BYTES)", "len(self._read)"
    ),
    "no-http": Plant("parsers", "protocol/http.py", "except h11.RemoteProtocolError", "except h11.LocalProtocolError"),
    "no-last-piece": Plant("parsers", "protocol/sasl.py", "if len(encoded) % PIECE_BYTES == 0:", "if not encoded:"),
    "delete-is-text": Plant(
        "parsers",
        "protocol/text.py",
        "repr(rest)[1:-1]",
        'repr(rest)[1:-1].replace(r"\\x7f", "\\x7f")',
    ),
    "piece-too-long": Plant("parsers", "protocol/text.py", "return space + 1", "return space + 2"),
    "star-is-something": Plant("parsers", "chat/masks.py", "(?>.*?{part})", "(?>.+?{part})"),
    "quote-in-a-word": Plant("parsers", "store/search.py", '([^\\s"]+)', "(\\S+)"),
    "mistake-in-two-lines": Plant("parsers", "config.py", '" ".join(str(error).splitlines())', "str(error)"),
    "year-one": Plant("client", "client/history.py", "or not DAWN.year <= time.year < DUSK.year", ""),
    "no-target": Plant("client", "client/multiline.py", ' if len(opening.params) > 2 else ""', ""),
    "short-names": Plant(
        "client", "client/channels.py", "if len(message.params) > 3 else", "if len(message.params) > 2 else"
    ),
    "end-of-no-batch": Plant(
        "client", "client/batches.py", "self._open.pop(reference, None)", "self._open.pop(reference)"
    ),
    "nick-as-it-came": Plant("client", "ui/render.py", "is now {printable(event.after)}", "is now {event.after}"),
    "any-answer": Plant(
        "client", "client/sending.py", "if label != token and label in self._outbox", "if label != token"
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=INPUTS)
    parser.add_argument("--seed", type=int, default=None, help="repeat a run")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS], help="parts, each with its share")
    parser.add_argument("--plant", choices=sorted(PLANTS), help="a known bug to put into a copy of the sources first")
    words = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if words.seed is None else words.seed
    if words.plant is not None:
        return run_planted(PLANTS[words.plant], words.inputs, seed)
    try:
        run(words.only, words.inputs, seed)
    except Exception:  # whatever it is, it is what we look for
        traceback.print_exc()
        print(f"broken with --seed {seed}")
        return 1
    return 0


def run(parts: list[str], inputs: int, seed: int) -> None:
    for name in parts:
        share, throw = PARTS[name]
        began = time.monotonic()
        throw(round(inputs * share), seed)
        if share:
            took = time.monotonic() - began
            print(f"{name}: {round(inputs * share)} inputs in {took:.1f} s, nothing broke; --seed {seed}")


def run_planted(plant: Plant, inputs: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            shutil.copytree(ROOT / name, Path(folder) / name, ignore=shutil.ignore_patterns(".*"))
        source = Path(folder) / "securechat" / plant.file
        text = source.read_text()
        if text.count(plant.right) != 1:
            raise SystemExit(f"fuzz.py: the plant {plant.right!r} no longer fits {plant.file}; adapt PLANTS")
        source.write_text(text.replace(plant.right, plant.wrong))
        words = (f"--inputs={inputs}", f"--seed={seed}", "--only", plant.part)
        return subprocess.run([sys.executable, str(Path(folder) / "scripts/fuzz.py"), *words], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
