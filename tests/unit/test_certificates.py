"""How certificates reach OpenSSL."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from localstack_memorydb.engine.certificates import Authority, loadable


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
