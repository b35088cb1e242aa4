"""One server a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from securechat.store.lock import LockUnusable, ServeLock, ServerRunning

HOLD = "import sys; from pathlib import Path; from securechat.store.lock import ServeLock\n"
HOLD += "with ServeLock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


def hold(folder: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_taker_is_told_who_holds_it(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        with pytest.raises(ServerRunning, match=f"process {holder.pid} already serves") as caught:
            ServeLock(tmp_path).acquire()
        assert caught.value.pid == holder.pid
        holder.kill()


def test_a_killed_holder_leaves_it_free(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        holder.kill()
    with ServeLock(tmp_path):
        assert (tmp_path / "serve.lock").read_text() == f"{os.getpid()}\n"


def test_it_is_free_again_when_the_block_ends(tmp_path: Path) -> None:
    for _ in range(2):
        with ServeLock(tmp_path):
            pass


def test_a_taker_may_wait(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        assert holder.stdin is not None
        holder.stdin.close()
        with ServeLock(tmp_path, wait=10):
            pass


def test_a_folder_that_cannot_hold_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LockUnusable, match="No such file"):
        ServeLock(tmp_path / "nowhere").acquire()
