"""Values of a parameter group reach the nodes that run, however they come to be the cluster's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import World, say

COMPACT, TABLE = "$8", "$9"  # listpack and hashtable, as OBJECT ENCODING answers: by their lengths


@pytest.fixture(autouse=True)
def groups(aws: World) -> None:
    """`narrow` lets no hash of two fields stay compact; `wide` has the values of its family."""
    for name, family in (("narrow", "redis7"), ("wide", "redis7"), ("narrow-valkey", "valkey7")):
        aws("CreateParameterGroup", ParameterGroupName=name, Family=f"memorydb_{family}")
    narrow(aws, "narrow")
    narrow(aws, "narrow-valkey")


def narrow(aws: World, group: str) -> None:
    one = [{"ParameterName": "hash-max-listpack-entries", "ParameterValue": "1"}]
    aws("UpdateParameterGroup", ParameterGroupName=group, ParameterNameValues=one)


def cluster_with(aws: World, group: str, **given: Any) -> None:
    aws.create_cluster(ParameterGroupName=group, NumReplicasPerShard=0, **given)


def encoding(aws: World) -> str:
    aws.settled_cluster()
    return say(aws, "DEL h", "HSET h a 1 b 2", "OBJECT ENCODING h")[2]


def test_at_creation(aws: World) -> None:
    cluster_with(aws, "narrow")
    assert encoding(aws) == TABLE


def test_when_the_group_is_changed_and_reset(aws: World) -> None:
    cluster_with(aws, "wide")
    assert encoding(aws) == COMPACT
    narrow(aws, "wide")
    assert encoding(aws) == TABLE
    aws("ResetParameterGroup", ParameterGroupName="wide", ParameterNames=["hash-max-listpack-entries"])
    assert encoding(aws) == COMPACT
    narrow(aws, "wide")
    assert encoding(aws) == TABLE
    aws("ResetParameterGroup", ParameterGroupName="wide", AllParameters=True)
    assert encoding(aws) == COMPACT


def test_when_the_cluster_gets_another_group(aws: World) -> None:
    cluster_with(aws, "wide")
    aws("UpdateCluster", ClusterName="orders", ParameterGroupName="narrow")
    assert aws.cluster()["ParameterGroupStatus"] == "in-sync"
    assert encoding(aws) == TABLE


def test_when_the_engine_is_upgraded(aws: World) -> None:
    cluster_with(aws, "wide", EngineVersion="7.0")
    aws(
        "UpdateCluster",
        ClusterName="orders",
        Engine="valkey",
        EngineVersion="7.2",
        ParameterGroupName="narrow-valkey",
    )
    assert encoding(aws) == TABLE


def test_when_the_group_is_changed_while_nodes_are_replaced(aws: World) -> None:
    cluster_with(aws, "wide")
    aws("UpdateCluster", ClusterName="orders", NodeType="db.t4g.medium")
    narrow(aws, "wide")
    assert encoding(aws) == TABLE


def test_shards_and_replicas_that_come_later_have_them_too(aws: World) -> None:
    cluster_with(aws, "narrow")
    aws("UpdateCluster", ClusterName="orders", ShardConfiguration={"ShardCount": 2})
    aws.settled_cluster()
    answers = []
    for shard in aws.cluster()["Shards"]:
        endpoint = shard["Nodes"][0]["Endpoint"]
        answers += say(aws, "HSET h a 1 b 2", "OBJECT ENCODING h", endpoint=endpoint)
        answers += say(aws, "HSET b a 1 b 2", "OBJECT ENCODING b", endpoint=endpoint)
    assert [answer for answer in answers if answer.startswith("$")] == [TABLE, TABLE]
