"""`securechat tokens` as people run it: what is shown where, and what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from securechat import config
from securechat.auth import tokens
from securechat.store.accounts import Accounts
from securechat.store.database import open_database
from tests import forking

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(open_database(tmp_path, config.Store())) as database:
        for name in ("Ada", "bob"):
            Accounts(database, ["#lobby"]).add(name, b"")
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def run(*words: str) -> Result:
        command = [*forking.PREFIX, "tokens", *words, "--data", str(folder)]
        result = forking.run(command)
        assert "Traceback" not in result.stderr
        return result

    return run


def listed(run: Run, *words: str) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = json.loads(run("list", "--json", *words).stdout)
    return found


def test_the_token_alone_is_on_standard_output_and_only_this_once(run: Run, folder: Path) -> None:
    created = run("create", "laptop", "--for", "ada", "--days", "90")
    secret = created.stdout.removesuffix("\n")
    assert created.returncode == 0
    assert tokens.is_token(secret)
    assert secret not in created.stderr
    [one] = listed(run)
    assert created.stderr.startswith(f"created device token {one['id']} for Ada, until ")
    assert (one["account"], one["name"], one["state"], one["last_used"]) == ("Ada", "laptop", "active", None)
    shown = run("list").stdout + run("list", "--json").stdout
    assert "laptop" in shown
    assert secret not in shown
    assert secret.encode() not in b"".join(path.read_bytes() for path in folder.iterdir())


def test_a_token_counts_for_as_long_as_the_configuration_says(run: Run, folder: Path) -> None:
    (folder / "config.toml").write_text("[auth]\ntoken_days = 2\n")
    made = [json.loads(run("create", "x", "--for", "bob", "--json", *days).stdout) for days in ((), ("--days", "3"))]
    assert all(tokens.is_token(one["token"]) for one in made)
    first, second = (one["expires"] for one in made)
    assert [one["expires"] for one in listed(run)] == [first, second]
    assert first < second


def test_tokens_are_revoked_by_id_or_all_of_an_account(run: Run) -> None:
    for owner in ("ada", "ada", "bob"):
        run("create", "x", "--for", owner)
    first, second, bobs = (one["id"] for one in listed(run))
    assert run("revoke", str(first)).stdout == f"revoked {first}\n"
    assert [one["state"] for one in listed(run)] == ["revoked", "active", "active"]
    assert run("revoke", "--all-of", "ADA").stdout == "revoked all device tokens of Ada\n"
    assert {one["id"]: one["state"] for one in listed(run)} == {first: "revoked", second: "revoked", bobs: "active"}
    assert [one["id"] for one in listed(run, "--for", "bob")] == [bobs]


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (("create", "laptop"), 2, "--for ACCOUNT"),
        (("create", "\x1b[2J", "--for", "ada"), 2, "cannot be a device token's name"),
        (("create", "laptop", "--for", "nobody"), 1, "no account 'nobody'"),
        (("list", "--for", "nobody"), 1, "no account 'nobody'"),
        (("revoke",), 2, "securechat tokens list"),
        (("revoke", "00000000", "--all-of", "ada"), 2, "securechat tokens list"),
        (("revoke", "00000000"), 1, "no device token '00000000'"),
        (("revoke", "--all-of", "nobody"), 1, "no account 'nobody'"),
    ],
)
def test_mistakes_are_refused_in_one_line(run: Run, words: tuple[str, ...], status: int, expected: str) -> None:
    result = run(*words)
    assert (result.returncode, result.stdout) == (status, "")
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_empty_list_says_how_to_begin(run: Run) -> None:
    result = run("list")
    assert (result.returncode, result.stdout) == (0, "")
    assert "tokens create NAME --for ACCOUNT" in result.stderr
