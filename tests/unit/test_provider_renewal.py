"""Another node type, another engine version: the nodes are replaced, the data stays."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from localstack_memorydb.engine import AddressError, ClusterHandle
from tests.world import ACCOUNT, World, say

COMBINATION = "InvalidParameterCombinationException"


def running_spec(aws: World) -> Any:
    """What the cluster's nodes were started with."""
    (store,) = aws.provider._stores.values()
    return aws.provider._fleet.handle(store.clusters["orders"]).spec


def update(aws: World, **change: Any) -> dict[str, Any]:
    answer = aws("UpdateCluster", ClusterName="orders", **change)["Cluster"]
    assert answer["Status"] == "updating"
    return aws.settled_cluster()


@pytest.fixture(autouse=True)
def orders(aws: World) -> None:
    """A cluster of two shards that holds two keys."""
    aws.create_cluster(NumShards=2, NumReplicasPerShard=0)
    for shard in aws.cluster()["Shards"]:
        endpoint = shard["Nodes"][0]["Endpoint"]
        say(aws, "SET a 1", "SET b 2", "SET c 3", endpoint=endpoint)


def stored(aws: World) -> list[str]:
    """How many keys each shard holds."""
    shards = aws.cluster()["Shards"]
    return [say(aws, "DBSIZE", endpoint=shard["Nodes"][0]["Endpoint"])[0] for shard in shards]


def test_another_node_type(aws: World) -> None:
    """Addresses stay, as names do on AWS; clients are cut off once."""
    before = stored(aws)
    old = aws.cluster()["ClusterEndpoint"]
    cluster = update(aws, NodeType="db.r7g.large")
    assert (cluster["NodeType"], cluster["Status"]) == ("db.r7g.large", "available")
    assert running_spec(aws).maxmemory == 14037181030
    assert stored(aws) == before
    assert aws.events()[0] == "Succeeded applying modification to node type to db.r7g.large."
    assert cluster["ClusterEndpoint"] == old
    assert say(aws, "INFO server")[0].startswith("$")


def test_from_redis_to_valkey(aws: World) -> None:
    before = stored(aws)
    cluster = update(aws, Engine="valkey", EngineVersion="7.2")
    assert [cluster[name] for name in ("Engine", "EngineVersion", "EnginePatchVersion")] == [
        "valkey",
        "7.2",
        "7.2.6",
    ]
    assert cluster["ParameterGroupName"] == "default.memorydb-valkey7"
    assert (running_spec(aws).engine_version, stored(aws)) == ("7.2", before)
    assert aws.refusal("UpdateCluster", ClusterName="orders", Engine="redis") == COMBINATION


def test_an_upgrade_within_an_engine(aws: World) -> None:
    aws.create_cluster("old", EngineVersion="6.2", NumReplicasPerShard=0)
    aws("UpdateCluster", ClusterName="old", EngineVersion="7.1")
    cluster = aws.settled_cluster("old")
    assert (cluster["EngineVersion"], cluster["ParameterGroupName"]) == ("7.1", "default.memorydb-redis7")


def test_who_has_a_group_of_their_own_must_name_another(aws: World) -> None:
    for name, family in (("mine", "memorydb_redis7"), ("new", "memorydb_valkey7")):
        aws("CreateParameterGroup", ParameterGroupName=name, Family=family)
        values = [{"ParameterName": "timeout", "ParameterValue": "30"}]
        aws("UpdateParameterGroup", ParameterGroupName=name, ParameterNameValues=values)
    aws("UpdateCluster", ClusterName="orders", ParameterGroupName="mine")
    assert aws.refusal("UpdateCluster", ClusterName="orders", Engine="valkey") == COMBINATION
    cluster = update(aws, Engine="valkey", ParameterGroupName="new")
    assert (cluster["ParameterGroupName"], running_spec(aws).parameters["timeout"]) == ("new", "30")


def test_several_changes_in_one_request(aws: World) -> None:
    cluster = update(
        aws,
        NodeType="db.t4g.medium",
        Engine="valkey",
        ReplicaConfiguration={"ReplicaCount": 1},
        Description="All at once",
    )
    assert [shard["NumberOfNodes"] for shard in cluster["Shards"]] == [2, 2]
    assert (cluster["NodeType"], cluster["Engine"], cluster["Description"]) == (
        "db.t4g.medium",
        "valkey",
        "All at once",
    )


def test_users_go_along(aws: World) -> None:
    mode = {"Type": "password", "Passwords": ["correct-horse-battery"]}
    aws("CreateUser", UserName="alice", AuthenticationMode=mode, AccessString="on ~* +@all")
    aws("CreateACL", ACLName="staff", UserNames=["alice"])
    cluster = update(aws, NodeType="db.t4g.medium", ACLName="staff")
    assert cluster["ACLName"] == "staff"
    assert say(aws, "PING")[0].startswith("-NOAUTH")
    assert say(aws, "AUTH alice correct-horse-battery") == ["+OK"]


def test_when_it_fails_all_is_as_before(aws: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before, described = stored(aws), aws.cluster()

    def fail(*_: object) -> None:
        raise AddressError("no address is free")

    with monkeypatch.context() as patch:
        patch.setattr(ClusterHandle, "renew", fail)
        aws("UpdateCluster", ClusterName="orders", NodeType="db.t4g.medium")
        cluster = aws.settled_cluster()
    assert (cluster, stored(aws)) == (described, before)
    text = "Failed applying modification to node type to db.t4g.medium. no address is free"
    assert aws.events()[0] == text


def test_members_of_a_multi_region_cluster(aws: World) -> None:
    request = {"MultiRegionClusterNameSuffix": "shop", "NodeType": "db.r7g.xlarge"}
    name = aws("CreateMultiRegionCluster", **request)["MultiRegionCluster"]["MultiRegionClusterName"]
    shared = {"MultiRegionClusterName": name}
    member = {"ClusterName": "member", "NodeType": "db.r7g.xlarge", "ACLName": "open-access", **shared}
    aws.at(ACCOUNT, "eu-west-1", "CreateCluster", **member)
    aws.finish_work()
    aws("DescribeClusters")
    aws("UpdateMultiRegionCluster", NodeType="db.r7g.2xlarge", **shared)
    aws.finish_work()
    (cluster,) = aws.at(ACCOUNT, "eu-west-1", "DescribeClusters")["Clusters"]
    assert (cluster["NodeType"], cluster["Status"]) == ("db.r7g.2xlarge", "available")


def test_reset_meanwhile_leaves_nothing_behind(aws: World) -> None:
    place = aws.cluster()["ClusterEndpoint"]
    aws("UpdateCluster", ClusterName="orders", NodeType="db.t4g.medium")
    aws.finish_work()
    aws.provider.reset()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((place["Address"], place["Port"]), 60)
    assert aws("DescribeClusters")["Clusters"] == []
