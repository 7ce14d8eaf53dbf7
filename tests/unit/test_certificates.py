"""How certificates reach OpenSSL."""

from __future__ import annotations

import os
import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from localstack_memorydb.engine.certificates import Authority, AuthorityError, loadable


@pytest.fixture
def pem() -> bytes:
    now = datetime.now(UTC)
    return b"".join(Authority.create(now).issue(["localhost"], now))


@pytest.fixture
def context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the system has no files in memory")
def test_keys_are_not_written_to_disk(
    pem: bytes, context: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with loadable(pem) as path:
        assert list(tmp_path.iterdir()) == []
        context.load_cert_chain(path)
    assert not Path(path).exists()


def test_a_system_without_files_in_memory(
    pem: bytes, context: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.memfd_create", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with loadable(pem) as path:
        context.load_cert_chain(path)
    assert list(tmp_path.iterdir()) == []


def test_the_authoritys_key_is_the_owners_alone(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    loose = tmp_path / "ca.key"
    loose.write_text("left behind")
    loose.chmod(0o644)
    authority = Authority.open(tmp_path, now)
    assert stat.S_IMODE(loose.stat().st_mode) == 0o600
    authority.rotate(now)
    assert stat.S_IMODE(loose.stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ca.key", "ca.pem"]


def test_a_key_that_others_could_read_is_the_owners_again(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    former = Authority.open(tmp_path, now).pem
    (tmp_path / "ca.key").chmod(0o644)
    assert Authority.open(tmp_path, now).pem == former
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("file", ["ca.key", "ca.pem"])
@pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\n"])
def test_an_authority_that_cannot_be_read_is_not_replaced(tmp_path: Path, file: str, content: bytes) -> None:
    now = datetime.now(UTC)
    Authority.open(tmp_path, now)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(AuthorityError, match="remove both"):
        Authority.open(tmp_path, now)
    assert (tmp_path / file).read_bytes() == content


def test_a_rotated_authority_comes_back(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority = Authority.open(tmp_path, now)
    former = authority.pem
    authority.rotate(now)
    assert authority.pem != former
    assert Authority.open(tmp_path, now).pem == authority.pem == (tmp_path / "ca.pem").read_bytes()


def test_a_key_without_its_certificate_is_replaced(tmp_path: Path) -> None:
    """As a process leaves it that died while it rotated."""
    now = datetime.now(UTC)
    former = Authority.open(tmp_path, now).pem
    Authority.open(tmp_path, now).rotate(now)
    (tmp_path / "ca.pem").write_bytes(former)
    again = Authority.open(tmp_path, now)
    assert again.pem != former
    assert (tmp_path / "ca.pem").read_bytes() == again.pem
