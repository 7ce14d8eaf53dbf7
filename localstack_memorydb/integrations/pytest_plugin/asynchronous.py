"""The fixture for asynchronous tests; there only where pytest-asyncio or anyio can run it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from localstack_memorydb.integrations.pytest_plugin.cluster import Cluster

_fixture: Callable[..., Any]
try:
    from pytest_asyncio import fixture as _fixture
except ImportError:
    _fixture = pytest.fixture


@_fixture
async def memorydb_async_redis(memorydb_cluster: Cluster) -> AsyncIterator[Any]:
    """redis-py's asynchronous RedisCluster, connected to the test's cluster as the first of its users."""
    async with memorydb_cluster.async_redis() as client:
        yield client
