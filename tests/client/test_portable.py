"""The client runs on Linux, macOS and Windows: nothing in it needs what only one of them has."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import securechat

PACKAGE = Path(securechat.__file__).parent
FLOORS = ("client", "ui", "protocol", "tls")
OF_THE_SERVER = PACKAGE / "tls/authority.py"  # makes its certificates, and locks their folder
SOURCES = sorted({path for floor in FLOORS for path in (PACKAGE / floor).rglob("*.py")} - {OF_THE_SERVER})

UNIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
UNIX_NAMES = {
    "os": {"eventfd", "fork", "forkpty", "getgid", "killpg", "mkfifo", "setsid"},
    "select": {"epoll", "poll", "kqueue", "devpoll"},
    "selectors": {"EpollSelector", "PollSelector", "KqueueSelector", "DevpollSelector"},
    "signal": {"SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGWINCH", "SIGPIPE", "pause", "alarm", "setitimer"},
    "socket": {"AF_UNIX", "SO_REUSEPORT", "MSG_DONTWAIT", "MSG_NOSIGNAL", "TCP_USER_TIMEOUT", "TCP_KEEPIDLE"},
    "asyncio": {"add_signal_handler"},
}


def faults(source: str) -> Iterator[str]:
    """What the source uses that only some systems have; a module whose lack is caught may be imported."""
    tree = ast.parse(source)
    guarded = {node for block in ast.walk(tree) if _catches_import_error(block) for node in _body(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in guarded:
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            yield from (f"line {node.lineno}: import {name}" for name in modules if name in UNIX_MODULES)
        if isinstance(node, ast.ImportFrom) and node.module in UNIX_NAMES:
            names = {name.name for name in node.names} & UNIX_NAMES[node.module]
            yield from (f"line {node.lineno}: {node.module}.{name}" for name in names)
        if isinstance(node, ast.Attribute) and node.attr in UNIX_NAMES.get(ast.unparse(node.value), ()):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def _catches_import_error(node: ast.AST) -> bool:
    return isinstance(node, ast.Try) and any(
        isinstance(handler.type, ast.Name) and handler.type.id in ("ImportError", "ModuleNotFoundError")
        for handler in node.handlers
    )


def _body(node: ast.AST) -> Iterator[ast.AST]:
    assert isinstance(node, ast.Try)
    for statement in node.body:
        yield from ast.walk(statement)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_source_of_the_client_uses_what_one_system_alone_has(path):
    assert list(faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import fcntl", ["line 1: import fcntl"]),
        ("from termios import ECHO", ["line 1: import termios"]),
        ("try:\n    import termios\nexcept ImportError:\n    pass", []),
        ("try:\n    import termios\nexcept OSError:\n    pass", ["line 2: import termios"]),
        ("import select\nselect.epoll()", ["line 2: select.epoll"]),
        ("from os import fork", ["line 1: os.fork"]),
        ("import signal\nsignal.SIGHUP", ["line 2: signal.SIGHUP"]),
    ],
)
def test_the_check_finds(source, found):
    assert list(faults(source)) == found


# As on Windows: these modules cannot be imported, and of `select` there is only select.
WITHOUT = f"""
import importlib, pathlib, sys
for module in {sorted(UNIX_MODULES)!r}:
    sys.modules[module] = None
import select
for name in {UNIX_NAMES["select"]!r} & set(dir(select)):
    delattr(select, name)
import securechat.client
for name in securechat.client.__all__:
    getattr(securechat.client, name)
for path in sorted(pathlib.Path(securechat.client.__file__).parent.glob("*.py")):
    importlib.import_module(f"securechat.client.{{path.stem}}")
for name in ("chat", "commands", "plain", "pipe", "render", "search", "stdin", "stdout"):
    try:
        importlib.import_module(f"securechat.ui.{{name}}")
    except ModuleNotFoundError as error:
        if error.name != f"securechat.ui.{{name}}":
            raise
print("whole")
"""


def test_the_client_is_imported_without_what_only_unix_has():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("whole\n", "")


def test_the_package_alone_loads_nothing_of_weight():
    heavy = ("ssl", "socket", "cryptography")
    look = f"import sys, securechat.client; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "\n"
