"""Service updates: none by default; those of the options are told of and can be applied."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from localstack_memorydb.engine import Engine
from localstack_memorydb.provider import ServiceUpdate
from tests.world import START, World, open_world

NAME = "memorydb-20261101"
APPLY = {"ServiceUpdateNameToApply": NAME}


@pytest.fixture
def patched(engine: Engine) -> Iterator[World]:
    """An account with two clusters and two updates, one of them for tomorrow."""
    updates = (
        ServiceUpdate(NAME, START - timedelta(days=22), "Fixes a bug", "redis"),
        ServiceUpdate("memorydb-later", START + timedelta(days=1)),
    )
    for world in open_world(engine, service_updates=updates):
        world.create_cluster("orders", NumReplicasPerShard=1)
        world.create_cluster("carts", NumReplicasPerShard=0)
        world.create_cluster("stock", Engine="valkey", NumReplicasPerShard=0)
        yield world


def described(aws: World, **filters: Any) -> list[tuple[str, str, str]]:
    found = aws("DescribeServiceUpdates", **filters)["ServiceUpdates"]
    return [(each["ClusterName"], each["Status"], each["NodesUpdated"]) for each in found]


def test_there_is_nothing_to_apply(aws: World) -> None:
    aws.create_cluster()
    assert aws("DescribeServiceUpdates") == {"ServiceUpdates": []}
    request = {"ClusterNames": ["orders"], "ServiceUpdate": APPLY}
    assert aws.refusal("BatchUpdateCluster", **request) == "ServiceUpdateNotFoundFault"


def test_an_item_for_each_cluster(patched: World) -> None:
    first = patched("DescribeServiceUpdates", MaxResults=20)["ServiceUpdates"][0]
    assert first == {
        "ClusterName": "carts",
        "ServiceUpdateName": NAME,
        "ReleaseDate": START - timedelta(days=22),
        "Description": "Fixes a bug",
        "Status": "available",
        "Type": "security-update",
        "Engine": "redis",
        "NodesUpdated": "0/1",
    }
    assert described(patched) == [("carts", "available", "0/1"), ("orders", "available", "0/2")]
    patched.pass_time(days=1)
    assert len(described(patched)) == 5


def test_filters(patched: World) -> None:
    assert described(patched, ClusterNames=["Orders", "nobody"]) == [("orders", "available", "0/2")]
    assert described(patched, Status=["complete"]) == []
    assert len(described(patched, Status=["complete", "available"], ServiceUpdateName=NAME)) == 2
    assert described(patched, ServiceUpdateName="another") == []


def test_an_update_is_applied_where_it_can_be(patched: World) -> None:
    names = ["orders", "stock", "nobody"]
    answer = patched("BatchUpdateCluster", ClusterNames=names, ServiceUpdate=APPLY)
    (cluster,) = answer["ProcessedClusters"]
    assert (cluster["Name"], cluster["Status"]) == ("orders", "updating")
    assert cluster["PendingUpdates"] == {
        "ServiceUpdates": [{"ServiceUpdateName": NAME, "Status": "in-progress"}]
    }
    assert [(each["ClusterName"], each["ErrorType"]) for each in answer["UnprocessedClusters"]] == [
        ("stock", "InvalidParameterValueException"),
        ("nobody", "ClusterNotFoundFault"),
    ]
    assert described(patched, Status=["complete"]) == [("orders", "complete", "2/2")]
    assert "PendingUpdates" not in patched.cluster()
    again = patched("BatchUpdateCluster", ClusterNames=["orders"], ServiceUpdate=APPLY)
    assert [each["ClusterName"] for each in again["UnprocessedClusters"]] == ["orders"]


@pytest.mark.parametrize("request_", [{}, {"ServiceUpdate": {}}])
def test_an_update_must_be_named(patched: World, request_: dict[str, Any]) -> None:
    code = patched.refusal("BatchUpdateCluster", ClusterNames=["orders"], **request_)
    assert code == "InvalidParameterValueException"
