"""What the operating system says: of this machine, and of a process's CPU time and memory."""

from __future__ import annotations

import os
import platform
import resource
import ssl
from collections.abc import Iterator
from pathlib import Path

SERVER_CPU, LOAD_CPU = 0, 1  # the server has a core of its own, the load the other


def describe() -> str:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}, {python}, {ssl.OPENSSL_VERSION}"


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process, from the scheduler's nanoseconds."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:  # the thread has ended
            continue
    return total / 1e9


def cpu_by_thread(pid: int) -> dict[str, float]:
    """CPU seconds of the server by what its threads do: the first one is the loop's, niced ones check passwords."""
    used = dict.fromkeys(("loop", "passwords", "others"), 0.0)
    for thread, niceness, seconds in _threads(pid):
        used["loop" if thread == pid else "passwords" if niceness > 0 else "others"] += seconds
    return used


def _threads(pid: int) -> Iterator[tuple[int, int, float]]:
    """Of each thread its id, niceness and CPU seconds."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        niceness = int((task / "stat").read_text().rpartition(")")[2].split()[16])
        yield int(task.name), niceness, int((task / "schedstat").read_text().split()[0]) / 1e9


def rss_kib(pid: int) -> int:
    return _memory_kib(pid, "VmRSS")


def peak_rss_kib(pid: int) -> int:
    """The most since `forget_peak`."""
    return _memory_kib(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """Source: proc(5), clear_refs."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _memory_kib(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(f"no {name} of process {pid}")


def allow_files() -> None:
    """As many open files as this user may have, for us and the servers that we start."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def pin(cpu: int, pid: int | str = "self") -> None:
    """Keep all threads of a process, and what they start, on one core, where there is more than one."""
    if (os.cpu_count() or 1) > 1:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {cpu})
