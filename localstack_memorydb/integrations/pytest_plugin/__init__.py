"""Fixtures for pytest: an emulator for the session, a cluster for each test, clients that are connected to it.

pytest imports this module at every start, used or not. So it imports nothing but pytest; boto3, redis-py and the
emulator are imported by the first test that wants them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from localstack_memorydb.integrations.pytest_plugin.cluster import Cluster, Clusters
    from localstack_memorydb.integrations.pytest_plugin.emulator import RunningEmulator

_MARKER = (
    "memorydb(shards=1, replicas=0, tls=True, users=None, shared=False, ...): "
    "the cluster that the fixtures memorydb_cluster and memorydb_redis make for this test"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the emulator is; without, each session starts its own."""
    help_ = "URL of a running emulator for the memorydb_* fixtures (default: start one)"
    group = parser.getgroup("memorydb", "MemoryDB (localstack-memorydb)")
    group.addoption("--memorydb-endpoint-url", metavar="URL", help=help_)
    parser.addini("memorydb_endpoint_url", help_)


def pytest_configure(config: pytest.Config) -> None:
    """The marker, and the asynchronous fixture when something can run it."""
    config.addinivalue_line("markers", _MARKER)
    plugins = config.pluginmanager
    if plugins.hasplugin("asyncio") or plugins.hasplugin("anyio"):
        from localstack_memorydb.integrations.pytest_plugin import asynchronous

        plugins.register(asynchronous, "memorydb-asynchronous")


def _endpoint_url(config: pytest.Config) -> str | None:
    return (
        config.getoption("memorydb_endpoint_url")
        or os.environ.get("MEMORYDB_ENDPOINT_URL")
        or config.getini("memorydb_endpoint_url")
        or None
    )


@pytest.fixture(scope="session")
def memorydb_emulator(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEmulator]:
    """An AWS endpoint with MemoryDB: the given one, or a stand-alone host that lives as long as this session."""
    from localstack_memorydb.integrations.pytest_plugin import emulator

    with emulator.running(_endpoint_url(pytestconfig), tmp_path_factory.mktemp("memorydb")) as found:
        yield found


@pytest.fixture(scope="session")
def memorydb_client(memorydb_emulator: RunningEmulator) -> Any:
    """boto3's client of MemoryDB."""
    return memorydb_emulator.client("memorydb")


@pytest.fixture(scope="session")
def _memorydb_clusters(memorydb_emulator: RunningEmulator) -> Iterator[Clusters]:
    from localstack_memorydb.integrations.pytest_plugin.cluster import Clusters

    clusters = Clusters(memorydb_emulator)
    yield clusters
    clusters.close()


@pytest.fixture
def memorydb_cluster(request: pytest.FixtureRequest, _memorydb_clusters: Clusters) -> Iterator[Cluster]:
    """A cluster that is available, as `@pytest.mark.memorydb(...)` describes it: empty, and this test's alone."""
    from localstack_memorydb.integrations.pytest_plugin.wanted import MarkerError, wanted

    marks = reversed(list(request.node.iter_markers("memorydb")))  # the closest has the last word
    refusal = ""
    try:
        description = wanted(marks)
    except MarkerError as error:
        refusal = str(error)
    if refusal:  # outside of the except, whose error pytest would show, too
        pytest.fail(refusal, pytrace=False)
    with _memorydb_clusters.cluster(description) as cluster:
        yield cluster


@pytest.fixture
def memorydb_redis(memorydb_cluster: Cluster) -> Iterator[Any]:
    """redis-py's RedisCluster, connected to the test's cluster as the first of its users."""
    client = memorydb_cluster.redis()
    yield client
    client.close()
