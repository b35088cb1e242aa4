"""Orders to a process that plays an enemy: a word on its standard input, an answer on its standard output."""

from __future__ import annotations

import subprocess


def order(process: subprocess.Popen[str], word: str) -> str:
    """The answer's line. Raises RuntimeError when the process has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError("the process that plays the enemy has ended; what it said is above")
    return answer
