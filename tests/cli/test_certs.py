"""`securechat certs` as people run it: what is shown, what is revoked by which words, and what is refused."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from securechat import config
from securechat.store.accounts import Accounts
from securechat.store.database import Database, open_database
from securechat.store.rows import CertificateUsed
from securechat.store.writer import Writer
from securechat.tls import authority, clients, pins
from tests import forking

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]

ADA, BOB = 1, 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with opened(tmp_path) as database:
        for name in ("Ada", "bob"):
            Accounts(database, ["#lobby"]).add(name, b"")
    authority.create(tmp_path / "certs")
    return tmp_path


def opened(folder: Path) -> closing[Database]:
    return closing(open_database(folder, config.Store()))


@pytest.fixture
def run(folder: Path) -> Run:
    def run(*words: str) -> Result:
        command = [*forking.PREFIX, "certs", *words, "--data", str(folder)]
        result = forking.run(command)
        assert "Traceback" not in result.stderr
        return result

    return run


def made(folder: Path, name: str) -> tuple[str, str]:
    """Its file and serial number."""
    authority.client(folder / "certs", name)
    file = authority.client_files(folder / "certs", name).certificate
    return str(file), clients.read_file(file).serial


def use(folder: Path, serial: str, account: int) -> None:
    now = time.time_ns() // 1_000_000
    with opened(folder) as database, closing(Writer(database)) as writer:
        writer.commit([CertificateUsed(serial, account, now, "192.0.2.7", now + 1_000_000)])


def states(run: Run, *words: str) -> dict[str, tuple[str, str]]:
    found = json.loads(run("list", "--json", *words).stdout)
    return {one["serial"]: (one["account"], one["state"]) for one in found}


def test_those_that_were_used_are_listed_with_when_and_from_where(run: Run, folder: Path) -> None:
    use(folder, "5f", BOB)
    use(folder, "60", ADA)
    [one] = json.loads(run("list", "--for", "BOB", "--json").stdout)
    assert (one["serial"], one["account"], one["state"], one["address"]) == ("5f", "bob", "active", "192.0.2.7")
    assert one["first_used"] == one["last_used"] < one["expires"]
    lines = run("list").stdout.splitlines()
    assert [line.split()[:3] for line in lines] == [["60", "Ada", "active"], ["5f", "bob", "active"]]


def test_one_is_revoked_by_its_file_used_or_not(run: Run, folder: Path) -> None:
    file, serial = made(folder, "ada")
    done = run("revoke", file)
    assert (done.returncode, done.stdout) == (0, f"revoked {serial}\n")
    assert states(run) == {serial: ("Ada", "revoked")}
    assert "never used" in run("list").stdout


def test_one_that_was_used_is_revoked_by_its_number_alone(run: Run, folder: Path) -> None:
    """However it is written: OpenSSL shows capitals, pairs with colons, and zeros in front."""
    use(folder, "5fa1", BOB)
    use(folder, "60", BOB)
    assert run("revoke", "00:5F:A1").stdout == "revoked 5fa1\n"
    assert states(run) == {"5fa1": ("bob", "revoked"), "60": ("bob", "active")}


def test_another_takes_its_account_too(run: Run) -> None:
    assert run("revoke", "5f", "60", "--for", "bob").stdout == "revoked 5f, 60\n"
    assert states(run) == {"5f": ("bob", "revoked"), "60": ("bob", "revoked")}


def test_all_of_an_account_are_revoked_and_nobody_elses(run: Run, folder: Path) -> None:
    use(folder, "5f", BOB)
    use(folder, "60", ADA)
    assert run("revoke", "--all-of", "BOB").stdout == "revoked all certificates of bob up to now\n"
    assert states(run) == {"5f": ("bob", "revoked"), "60": ("Ada", "active")}


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (("list", "--for", "nobody"), 1, "no account 'nobody'"),
        (("revoke",), 2, "give serial numbers or files"),
        (("revoke", "5f", "--all-of", "ada"), 2, "give serial numbers or files"),
        (("revoke", "--all-of", "ada", "--for", "ada"), 2, "give serial numbers or files"),
        (("revoke", "5f"), 1, "give its file, or --for ACCOUNT"),
        (("revoke", "5f", "--for", "nobody"), 1, "no account 'nobody'"),
        (("revoke", "--all-of", "nobody"), 1, "no account 'nobody'"),
        (("revoke", "missing.crt"), 2, "cannot read missing.crt"),
    ],
)
def test_mistakes_are_refused_in_one_line(run: Run, words: tuple[str, ...], status: int, expected: str) -> None:
    result = run(*words)
    assert (result.returncode, result.stdout) == (status, "")
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_file_that_is_no_client_certificate_is_refused(run: Run, folder: Path) -> None:
    result = run("revoke", str(folder / "certs" / "server.crt"))
    assert (result.returncode, result.stdout) == (1, "")
    assert "server.crt is no certificate that an account can log in with" in result.stderr


def test_an_empty_list_says_where_to_read_on(run: Run) -> None:
    result = run("list")
    assert (result.returncode, result.stdout) == (0, "")
    assert "securechat certs --help" in result.stderr


def test_the_servers_certificate_is_shown_with_the_pin_that_clients_see(folder: Path, run: Run) -> None:
    (folder / "config.toml").write_text(f"[tls]\ncertificate = '{folder}/certs/server.crt'\nkey = 'x'\n")
    file = folder / "certs" / "server.crt"
    shown = dict(line.split(maxsplit=1) for line in run("show").stdout.splitlines())
    assert shown["pin"] == pins.of(file.read_bytes())
    assert shown["file"] == str(file)
    assert shown["names"].split()[:2] == ["localhost", "127.0.0.1"]
    assert shown["dates"].endswith(f" to {authority.expiry(file):%Y-%m-%d}")
    facts = json.loads(run("show", "--cert", str(file), "--json").stdout)
    assert (facts["pin"], " ".join(facts["names"])) == (shown["pin"], shown["names"])


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "make one with: python scripts/gen_certs.py"),
        (["--cert", "missing.crt"], 2, "cannot read missing.crt"),
        (["--cert", "PEM"], 1, "not a certificate in DER or PEM"),
    ],
)
def test_a_certificate_that_is_not_there_is_one_line(
    folder: Path, run: Run, words: list[str], status: int, said: str
) -> None:
    (folder / "PEM").write_text("Dear diary")
    done = run("show", *(word.replace("PEM", str(folder / "PEM")) for word in words))
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
