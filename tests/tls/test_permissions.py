"""A key that others may read is taken from them, with a word about it; the group of root's may read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from securechat.tls import authority, contexts
from securechat.tls.errors import CertificateError
from securechat.tls.permissions import make_private

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    authority.create(tmp_path)
    return tmp_path / "server.key"


@pytest.mark.parametrize("mode", [0o604, 0o606, 0o602, 0o644, 0o660 if os.geteuid() == 0 else 0o640])
def test_a_key_that_others_may_read_or_write_is_taken_from_them(
    key: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    key.chmod(mode)
    contexts.server_context(key.with_suffix(".crt"), key)
    assert key.stat().st_mode & 0o027 == 0
    assert f"others could read key {key}" in caplog.text


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_for_its_owner_alone_serves_as_it_is(key: Path, mode: int, caplog: pytest.LogCaptureFixture) -> None:
    key.chmod(mode)
    contexts.server_context(key.with_suffix(".crt"), key)
    assert key.stat().st_mode & 0o777 == mode
    assert not caplog.records


@only_root
def test_the_group_may_read_a_key_that_is_root_s(key: Path) -> None:
    key.chmod(0o640)
    make_private(key)
    assert key.stat().st_mode & 0o777 == 0o640


@only_root
def test_a_key_of_another_user_serves_nobody(key: Path) -> None:
    os.chown(key, 65534, 65534)
    with pytest.raises(CertificateError, match=r"belongs to another user.*chown 0 "):
        contexts.server_context(key.with_suffix(".crt"), key)
