"""A running engine, and its authority in a file, as clients want it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localstack_memorydb.engine import ClusterHandle, ClusterSpec, Engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


@pytest.fixture(scope="session")
def ca(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    file: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    file.write_bytes(engine.ca_certificate)
    return str(file)


@pytest.fixture
def cluster(engine: Engine) -> Iterator[ClusterHandle]:
    handle = engine.create_cluster(
        ClusterSpec("clients", shards=2, replicas=1, engine="valkey", engine_version="7.2")
    )
    yield handle
    handle.close()
