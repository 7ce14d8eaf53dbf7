"""One account for all requests: they are refused, so they leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localstack_memorydb.engine import Engine
from tests.world import World, open_world

from .host import ACCOUNT, Host, prepare


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    with Engine() as engine:
        yield from open_world(engine)


@pytest.fixture(scope="package")
def host() -> Iterator[Host]:
    """A host in which one account has something of every kind."""
    host = Host()
    prepare(host, ACCOUNT)
    yield host
    host.close()
