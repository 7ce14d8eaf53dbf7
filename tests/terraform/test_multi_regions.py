"""aws_memorydb_multi_region_cluster, and a member of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosts.test_story import until

from .test_clusters import ADDRESS as MEMBER
from .test_clusters import cluster, regional
from .workspace import Workspace

ADDRESS = "aws_memorydb_multi_region_cluster.test"


@pytest.fixture(autouse=True)
def forget(memorydb: Any) -> Iterator[None]:
    """Deletes what a test made, out of band: the provider waits long before it believes that something is gone."""
    yield
    for member in memorydb.describe_clusters()["Clusters"]:
        named = {key: member[key] for key in ("MultiRegionClusterName",) if member.get(key)}
        memorydb.delete_cluster(ClusterName=member["Name"], **named)
    until(lambda: not memorydb.describe_clusters()["Clusters"])  # one that still has a cluster is not deleted
    for made in memorydb.describe_multi_region_clusters()["MultiRegionClusters"]:
        if made["Status"] != "deleting":
            memorydb.delete_multi_region_cluster(MultiRegionClusterName=made["MultiRegionClusterName"])


def test_basic(workspace: Workspace, memorydb: Any) -> None:
    found = workspace.apply(regional("basic"))[ADDRESS]
    name = found["multi_region_cluster_name"]
    assert name.endswith("-basic")
    assert re.fullmatch(rf"arn:aws:memorydb::\d{{12}}:multiregioncluster/{name}", found["arn"])
    assert (found["num_shards"], found["tls_enabled"], found.get("description")) == (1, True, None)
    assert all(
        found[value] for value in ("engine", "engine_version", "multi_region_parameter_group_name", "status")
    )
    workspace.import_again(ADDRESS, name)
    workspace.destroy()
    assert memorydb.describe_multi_region_clusters()["MultiRegionClusters"] == []


def test_a_member(workspace: Workspace) -> None:
    made = regional("members", num_shards="2")
    member = cluster(
        "member",
        engine=f"{ADDRESS}.engine",
        multi_region_cluster_name=f"{ADDRESS}.multi_region_cluster_name",
        node_type='"db.r7g.xlarge"',
        num_shards="2",
    )
    found = workspace.apply(made + member)
    assert found[MEMBER]["multi_region_cluster_name"] == found[ADDRESS]["multi_region_cluster_name"]
    workspace.import_again(MEMBER, "member")


def test_disappears(workspace: Workspace, memorydb: Any) -> None:
    made = workspace.apply(regional("gone"))[ADDRESS]
    memorydb.delete_multi_region_cluster(MultiRegionClusterName=made["multi_region_cluster_name"])
    assert "1 to add" in workspace.plan(regional("gone"))


def test_what_is_given_comes_back(workspace: Workspace) -> None:
    given = {
        "description": "Several regions",
        "engine": "valkey",
        "engine_version": "7.3",
        "multi_region_parameter_group_name": "default.memorydb-valkey7.multiregion",
    }
    found = workspace.apply(regional("given", **{name: f'"{value}"' for name, value in given.items()}))
    assert {name: found[ADDRESS][name] for name in given} == given
    workspace.import_again(ADDRESS, found[ADDRESS]["multi_region_cluster_name"])


def test_other_shards_and_strategies(workspace: Workspace) -> None:
    for shards, strategy in (("1", ""), ("2", '"coordinated"'), ("3", '"uncoordinated"')):
        changes = {"num_shards": shards, **({"update_strategy": strategy} if strategy else {})}
        assert workspace.apply(regional("shards", **changes))[ADDRESS]["num_shards"] == int(shards)


def test_tags(workspace: Workspace) -> None:
    for tags in ('{ a = "1" }', '{ a = "2", b = "3" }', '{ c = "4" }'):
        found = workspace.apply(regional("tagged", tags=tags))[ADDRESS]
        assert found["tags"] == dict(re.findall(r'(\w) = "(\d)"', tags))


@pytest.mark.parametrize(
    ("attribute", "values"),
    [("tls_enabled", ("true", "false")), ("node_type", ('"db.r7g.xlarge"', '"db.r7g.2xlarge"'))],
)
def test_what_can_only_be_replaced(workspace: Workspace, attribute: str, values: tuple[str, ...]) -> None:
    for value in values:
        found = workspace.apply(regional("replaced", **{attribute: value}))[ADDRESS]
        assert str(found[attribute]).lower() == value.strip('"')
