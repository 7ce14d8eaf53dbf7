"""One host, one provider process, a workspace for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.conftest import HOSTS, require
from tests.hosts.endpoint import Endpoint

from .workspace import PROVIDER_VERSION, Provider, Workspace, find_provider, find_terraform

FULL = os.environ.get("MEMORYDB_TERRAFORM") == "full"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All rows take many minutes: `make terraform` runs them, `make test` those that are marked `short`."""
    later = pytest.mark.skip(reason="`make terraform` runs it")
    for item in items:
        here = Path(__file__).parent in Path(item.path).parents
        if here and not FULL and item.get_closest_marker("short") is None:
            item.add_marker(later)
        if here:
            item.add_marker(pytest.mark.timeout(2400))


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    program = find_provider()
    if find_terraform() is None or program is None:
        pytest.skip(
            f"terraform or its AWS provider {PROVIDER_VERSION} is not here (TF_PLUGIN_DIR names a mirror)"
        )
    started = Provider(program, tmp_path_factory.mktemp("provider"))
    yield started
    started.stop()


@pytest.fixture(scope="module", params=HOSTS)
def endpoint(request: pytest.FixtureRequest, shared_endpoint: Callable[[str], Endpoint]) -> Endpoint:
    return shared_endpoint(require(request.param))


@pytest.fixture
def workspace(endpoint: Endpoint, provider: Provider, tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path, endpoint.url, provider)
    made.write("")
    made.init()
    return made


@pytest.fixture
def memorydb(endpoint: Endpoint) -> Any:
    """A client beside Terraform's."""
    return endpoint.client("memorydb")


@pytest.fixture
def clear(memorydb: Any) -> Iterator[Callable[[], None]]:
    """Deletes what tests made, out of band: the provider waits five minutes before it believes that a cluster is gone."""

    def delete() -> None:
        for cluster in memorydb.describe_clusters()["Clusters"]:
            memorydb.delete_cluster(ClusterName=cluster["Name"])
        for snapshot in memorydb.describe_snapshots()["Snapshots"]:
            memorydb.delete_snapshot(SnapshotName=snapshot["Name"])

    yield delete
    delete()
