"""The system's keyring is used where it is a real one, and holds nobody up where it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import keyring as system
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null

from securechat.client import keyring
from securechat.client.address import Address
from securechat.client.profile import Profile
from securechat.client.tokens import DeviceToken, TokenFile
from tests import keyrings

TOKEN = DeviceToken("1f3a5c7e", "sct_secret")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the keyring's secrets lie."""
    monkeypatch.setenv(keyrings.PLACE, str(tmp_path / "keyring"))
    before = system.get_keyring()
    system.set_keyring(keyrings.Working())
    yield tmp_path / "keyring"
    system.set_keyring(before)


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return Profile(tmp_path / "profile").token(Address("localhost"), "ada")


def kept(tmp_path: Path) -> str:
    """What stands in the file."""
    [path] = (tmp_path / "profile" / "tokens").iterdir()
    return path.read_text()


def test_the_secret_is_in_the_keyring_and_in_no_file(place: Path, file: TokenFile, tmp_path: Path) -> None:
    assert file.keep(TOKEN) == "in the system's keyring"
    assert file.read() == TOKEN
    assert TOKEN.secret not in kept(tmp_path)
    assert json.loads(place.read_text()) == {"securechat/localhost_3a_6697@ada 1f3a5c7e": TOKEN.secret}
    file.forget(TOKEN)
    assert file.read() is None
    assert json.loads(place.read_text()) == {}


class Chain(chainer.ChainerBackend):
    backends = [keyrings.Plain(), keyrings.Working()]  # type: ignore[assignment]  # noqa: RUF012 - as its class has it


class EmptyChain(chainer.ChainerBackend):
    backends: list[KeyringBackend] = []  # type: ignore[assignment]  # noqa: RUF012 - as its class has it


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring, EmptyChain, keyrings.Plain, keyrings.Locked])
def test_without_a_real_keyring_it_is_in_a_file(
    place: Path, file: TokenFile, tmp_path: Path, backend: type[KeyringBackend]
) -> None:
    system.set_keyring(backend())
    assert file.keep(TOKEN) == "in a file that only you may read"
    assert file.read() == TOKEN
    assert TOKEN.secret in kept(tmp_path)
    assert not place.exists()


def test_of_several_the_first_real_one_is_taken(place: Path, file: TokenFile) -> None:
    system.set_keyring(Chain())
    assert file.keep(TOKEN) == "in the system's keyring"
    assert file.read() == TOKEN


def test_one_that_never_answers_is_waited_for_a_moment_only(
    place: Path, file: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.set_keyring(keyrings.Stuck())
    monkeypatch.setattr(keyring, "PATIENCE", 0.2)  # the same wait, but of ten seconds
    assert file.keep(TOKEN) == "in a file that only you may read"


def test_a_secret_that_cannot_be_had_is_explained_and_nothing_of_it_said(place: Path, file: TokenFile) -> None:
    file.keep(TOKEN)
    system.set_keyring(keyrings.Locked())
    assert file.read() is None
    assert file.trouble == "the system's keyring refused (KeyringLocked); unlock it"
    system.set_keyring(keyrings.Working())
    place.unlink()
    assert file.read() is None
    assert file.trouble == "the system's keyring no longer holds the device token"
    system.set_keyring(keyrings.Locked())
    with pytest.raises(keyring.KeyringError) as error:
        keyring.keep("name", TOKEN.secret)
    assert TOKEN.secret not in str(error.value)
    assert error.value.__cause__ is error.value.__context__ is None
