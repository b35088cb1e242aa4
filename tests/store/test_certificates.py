"""Client certificates at rest: whom one opens, how they end, and what a running server is told of that."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from securechat.store import certificates as store
from securechat.store.accounts import Accounts, NoSuchAccount
from securechat.store.certificates import Certificates, Named, NoSuchCertificate
from securechat.store.database import FILE, Database
from securechat.store.rows import CertificateUsed, MemberStored
from securechat.store.writer import Writer
from tests.store.conftest import ADA, BOB

NOW = time.time_ns() // 1_000_000
DAY = 24 * 3600 * 1000


@pytest.fixture
def certificates(database: Database, accounts: Accounts) -> Certificates:
    return Certificates(database)


def used(writer: Writer, serial: str, account: int = BOB, time: int = NOW, not_after: int = NOW + DAY) -> None:
    writer.commit([CertificateUsed(serial, account, time, "192.0.2.7", not_after)])


def states(certificates: Certificates) -> dict[str, str]:
    return {one.serial: one.state(NOW) for one in certificates.listing()}


def test_one_opens_the_account_it_names_under_any_case(certificates: Certificates, accounts: Accounts) -> None:
    assert certificates.find("bOB", "5f") == (accounts.required("bob"), (MemberStored("#lobby", BOB, 0),))
    assert certificates.find("nobody", "5f") is None


def test_nor_does_it_open_a_deleted_account(certificates: Certificates, accounts: Accounts) -> None:
    accounts.delete("bob")
    assert certificates.find("bob", "5f") is None


def test_first_and_last_use_are_kept(certificates: Certificates, writer: Writer) -> None:
    used(writer, "5f", time=NOW)
    used(writer, "5f", time=NOW + 7)
    [one] = certificates.listing("bob")
    assert (one.account, one.first_used, one.last_used, one.address) == ("Bob", NOW, NOW + 7, "192.0.2.7")
    assert one.state(NOW) == "active"
    assert one.state(NOW + DAY) == "expired"
    assert certificates.listing("ada") == []


def test_a_revoked_one_opens_nothing_and_the_server_is_told(certificates: Certificates, writer: Writer) -> None:
    used(writer, "5f")
    used(writer, "60")
    writer.changed()
    certificates.revoke([Named("5f")])
    assert certificates.find("bob", "5f") is None
    assert certificates.find("bob", "60") is not None
    [change] = writer.changed()
    assert (change.account.name, change.revoked) == ("Bob", {"5f"})
    used(writer, "5f")  # a login that was under way
    assert states(certificates) == {"5f": "revoked", "60": "active"}


def test_one_that_was_never_used_is_revoked_for_the_account_it_is_said_to_be_of(
    certificates: Certificates, writer: Writer
) -> None:
    writer.changed()
    certificates.revoke([Named("5f", "bob", NOW + DAY)])
    assert certificates.find("bob", "5f") is None
    [change] = writer.changed()
    assert (change.account.name, change.revoked) == ("Bob", {"5f"})


def test_of_one_that_was_used_the_user_counts(certificates: Certificates, writer: Writer) -> None:
    used(writer, "5f")
    writer.changed()
    certificates.revoke([Named("5f", "ada")])
    assert [change.account.name for change in writer.changed()] == ["Bob"]


def test_all_or_none_are_revoked(certificates: Certificates, writer: Writer) -> None:
    used(writer, "5f")
    with pytest.raises(NoSuchCertificate, match="--for ACCOUNT"):
        certificates.revoke([Named("5f"), Named("60")])
    with pytest.raises(NoSuchAccount):
        certificates.revoke([Named("5f"), Named("60", "nobody")])
    assert states(certificates) == {"5f": "active"}


def test_revoking_twice_keeps_the_first_time(certificates: Certificates) -> None:
    for _ in range(2):
        certificates.revoke([Named("5f", "bob")])
        [one] = certificates.listing()
        assert one.revoked_at is not None
    again = one.revoked_at
    certificates.revoke([Named("5f")])
    assert certificates.listing()[0].revoked_at == again


def test_all_of_an_account_are_those_issued_up_to_now_used_or_not(
    certificates: Certificates, accounts: Accounts, writer: Writer
) -> None:
    used(writer, "5f")
    used(writer, "60", ADA)
    writer.changed()
    before = {name: accounts.required(name).certificates_since for name in ("ada", "bob")}
    certificates.revoke_all("bob")
    assert states(certificates) == {"5f": "revoked", "60": "active"}
    [change] = writer.changed()
    assert change.account.certificates_since > before["bob"]
    assert change.revoked == {"5f"}
    assert accounts.required("ada").certificates_since == before["ada"]


def test_revoking_is_told_to_the_audit_log(certificates: Certificates, database: Database, writer: Writer) -> None:
    used(writer, "5f", ADA)
    certificates.revoke([Named("5f"), Named("60", "bob")])
    certificates.revoke_all("bob")
    with pytest.raises(NoSuchCertificate):
        certificates.revoke([Named("5f"), Named("61")])
    with database.read() as connection:
        statement = "SELECT subject, detail, address FROM audit WHERE act = 'certificate.revoke' ORDER BY id"
        told = connection.exec_driver_sql(statement).fetchall()
    assert told == [("Ada", "5f", "local"), ("Bob", "60", "local"), ("Bob", "all", "local")]


def test_an_account_takes_none_from_before_its_time(accounts: Accounts) -> None:
    """Whoever had the name before, and their certificates."""
    accounts.delete("bob", release_name=True)
    accounts.add("bob", b"")
    [created] = [one.created for one in accounts.listing() if one.account.name == "bob"]
    assert accounts.required("bob").certificates_since == created
    found = accounts.credentials("bob")
    assert found is not None
    assert found.account.certificates_since == created


def test_a_revoked_one_is_kept_until_it_expires(certificates: Certificates, database: Database, folder: Path) -> None:
    certificates.revoke([Named("1", "bob", NOW - DAY), Named("2", "bob", NOW + DAY), Named("3", "bob")])
    with database.write() as connection:
        store.prune(connection)
    with closing(sqlite3.connect(folder / FILE)) as connection:
        assert sorted(connection.execute("SELECT serial FROM certificate").fetchall()) == [("2",), ("3",)]
