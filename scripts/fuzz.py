#!/usr/bin/env python3
"""Throw generated input at the whole server, sockets and TLS aside, and watch what must always hold.

Half of the inputs come from a grammar with mutations, half are raw bytes; all are split at random. A line that breaks
the protocol's form, an uncaught exception, a handler that fails, or a state that is not the store's ends the run with
status 1. `--plant NAME` runs on a copy of the sources that holds a known bug, which must be found.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fuzzing import world

COPIED = ("securechat", "scripts", "tests")
PLANTS = {
    "bare-cr": ("securechat/protocol/lines.py", 'if b"\\r" in line or b"\\0" in line:', 'if b"\\0" in line:'),
    "characters-for-bytes": (
        "securechat/server/multiline.py",
        "else len(text.encode())",
        "else len(text)",
    ),
    "last-backslash": ("securechat/protocol/message.py", 'next(characters, "")', "next(characters)"),
    "any-timestamp": ("securechat/server/commands/history.py", "except ValueError", "except KeyError"),
    "too-early": (
        "securechat/server/dispatch.py",
        "registering and (command is None or command.stage is Stage.ADMITTED)",
        "registering and command is None",
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None, help="repeat a run")
    parser.add_argument("--plant", choices=sorted(PLANTS), help="a known bug to put into a copy of the sources first")
    words = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if words.seed is None else words.seed
    if words.plant is not None:
        return run_planted(words.plant, words.inputs, seed)
    return run(words.inputs, seed)


def run(inputs: int, seed: int) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            world.run(inputs, seed, Path(folder) / "data")
        except Exception:  # whatever it is, it is what we look for
            traceback.print_exc()
            print(f"broken with --seed {seed}")
            return 1
    print(f"{inputs} inputs in {time.monotonic() - began:.1f} s, nothing broke; --seed {seed}")
    return 0


def run_planted(plant: str, inputs: int, seed: int) -> int:
    file, right, wrong = PLANTS[plant]
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            shutil.copytree(ROOT / name, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        source = Path(folder) / file
        text = source.read_text()
        if text.count(right) != 1:
            raise SystemExit(f"fuzz.py: the plant {plant!r} no longer fits {file}; adapt PLANTS")
        source.write_text(text.replace(right, wrong))
        command = [sys.executable, str(Path(folder) / "scripts/fuzz.py"), f"--inputs={inputs}", f"--seed={seed}"]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
