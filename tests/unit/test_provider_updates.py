"""UpdateCluster: every setting, and what cannot be changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import ACCOUNT, REGION, World

VALUE = "InvalidParameterValueException"
COMBINATION = "InvalidParameterCombinationException"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"


@pytest.mark.parametrize(
    "change",
    [
        {"Description": "All orders"},
        {"Description": ""},
        {"MaintenanceWindow": "fri:09:00-fri:10:00"},
        {"SnapshotWindow": "23:30-01:00"},
        {"SnapshotRetentionLimit": 35},
        {"SnsTopicArn": TOPIC},
    ],
    ids=lambda change: next(iter(change)),
)
def test_settings_change_at_once(aws: World, change: dict[str, Any]) -> None:
    aws.create_cluster(Description="Orders")
    answer = aws("UpdateCluster", ClusterName="orders", **change)["Cluster"]
    assert answer["Status"] == "available"
    assert {name: answer[name] for name in change} == change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "NoOperationFault"),
        ({"Description": "Orders"}, "NoOperationFault"),
        ({"SecurityGroupIds": []}, "NoOperationFault"),
        ({"ACLName": "open-access"}, "NoOperationFault"),
        ({"EngineVersion": "7.1"}, "NoOperationFault"),
        ({"NodeType": "db.t4g.small"}, "NoOperationFault"),
        ({"ShardConfiguration": {"ShardCount": 1}}, "NoOperationFault"),
        ({"ACLName": "nobody"}, "ACLNotFoundFault"),
        ({"ParameterGroupName": "nobody"}, "ParameterGroupNotFoundFault"),
        ({"ParameterGroupName": "default.memorydb-valkey7"}, COMBINATION),
        ({"ParameterGroupName": "default.memorydb-redis7.search"}, COMBINATION),
        ({"MaintenanceWindow": "someday"}, VALUE),
        ({"SnapshotWindow": "04:00-04:30"}, VALUE),
        ({"MaintenanceWindow": "fri:09:00-fri:10:00", "SnapshotWindow": "09:30-10:30"}, VALUE),
        ({"SnapshotRetentionLimit": 36}, VALUE),
        ({"SnsTopicStatus": "ACTIVE"}, COMBINATION),
        ({"SnsTopicStatus": "asleep"}, VALUE),
        ({"IpDiscovery": "ipv6"}, COMBINATION),
        ({"NodeType": "db.r6gd.xlarge"}, VALUE),
        ({"NodeType": "cache.t4g.small"}, VALUE),
        ({"EngineVersion": "7.0"}, COMBINATION),
        ({"EngineVersion": "9.9"}, VALUE),
        ({"Engine": "memcached"}, VALUE),
        ({"Engine": "valkey", "EngineVersion": "7.1"}, VALUE),
        ({"Engine": "valkey", "ParameterGroupName": "default.memorydb-redis7"}, COMBINATION),
        ({"Engine": "valkey", "ParameterGroupName": "default.memorydb-valkey7.search"}, COMBINATION),
        ({"NodeType": "db.t4g.medium", "ReplicaConfiguration": {"ReplicaCount": 6}}, VALUE),
        ({"ReplicaConfiguration": {"ReplicaCount": 6}}, VALUE),
        ({"ShardConfiguration": {}}, VALUE),
        ({"ShardConfiguration": {"ShardCount": 0}}, VALUE),
        ({"ShardConfiguration": {"ShardCount": 91}}, "ShardsPerClusterQuotaExceededFault"),
        ({"ShardConfiguration": {"ShardCount": 46}}, "NodeQuotaForClusterExceededFault"),
        ({"ShardConfiguration": {"ShardCount": 2}, "ReplicaConfiguration": {"ReplicaCount": 2}}, COMBINATION),
        ({"ShardConfiguration": {"ShardCount": 2}, "EngineVersion": "7.1"}, COMBINATION),
    ],
    ids=str,
)
def test_update_cluster_refuses(aws: World, change: dict[str, Any], code: str) -> None:
    before = aws.create_cluster(Description="Orders")
    assert aws.refusal("UpdateCluster", ClusterName="orders", **change) == code
    assert aws.cluster() == before


def test_a_request_is_carried_out_whole_or_not_at_all(aws: World) -> None:
    before = aws.create_cluster()
    assert (
        aws.refusal("UpdateCluster", ClusterName="orders", Description="x", SnapshotRetentionLimit=99)
        == VALUE
    )
    assert aws.cluster() == before


def test_an_unknown_cluster_cannot_be_changed(aws: World) -> None:
    assert aws.refusal("UpdateCluster", ClusterName="orders", Description="x") == "ClusterNotFoundFault"


def test_the_topic_goes_with_an_empty_arn(aws: World) -> None:
    aws.create_cluster(SnsTopicArn=TOPIC)
    request = {"ClusterName": "orders", "SnsTopicArn": "", "SnsTopicStatus": "INACTIVE"}
    cluster = aws("UpdateCluster", **request)["Cluster"]
    assert (cluster.get("SnsTopicArn"), cluster["SnsTopicStatus"]) == (None, "INACTIVE")


def test_a_topic_can_be_silenced(aws: World) -> None:
    aws.create_cluster(SnsTopicArn=TOPIC)
    cluster = aws("UpdateCluster", ClusterName="orders", SnsTopicStatus="inactive")["Cluster"]
    assert (cluster["SnsTopicArn"], cluster["SnsTopicStatus"]) == (TOPIC, "INACTIVE")


def test_security_groups_are_replaced(aws: World) -> None:
    aws.create_cluster(SecurityGroupIds=["sg-1"])
    answer = aws("UpdateCluster", ClusterName="orders", SecurityGroupIds=["sg-2", "sg-3"])["Cluster"]
    assert answer["SecurityGroups"] == [
        {"SecurityGroupId": "sg-2", "Status": "modifying"},
        {"SecurityGroupId": "sg-3", "Status": "modifying"},
    ]
    assert {group["Status"] for group in aws.cluster()["SecurityGroups"]} == {"active"}


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("UpdateCluster", {"ClusterName": "orders"}),
        (
            "CreateCluster",
            {"ClusterName": "more", "NodeType": "db.t4g.small", "ACLName": "open-access"},
        ),
    ],
)
def test_security_groups_must_be_of_the_vpc(aws: World, operation: str, given: dict[str, Any]) -> None:
    aws.create_cluster()
    assert aws.refused(operation, SecurityGroupIds=["sg-1", "sg-own"], **given) == (
        "InvalidParameterCombinationException",
        "Subnet group [default] belongs to a different VPC [vpc-default] than [vpc-own]",
    )
    assert aws.refusal(operation, SecurityGroupIds=["sg-no"], **given) == "InvalidParameterValueException"


def test_another_acl_and_another_group_are_told(aws: World) -> None:
    aws.create_cluster()
    aws("CreateACL", ACLName="nobody")
    aws("CreateParameterGroup", ParameterGroupName="own", Family="memorydb_redis7")
    aws("UpdateCluster", ClusterName="orders", ACLName="nobody", ParameterGroupName="own")
    assert aws.settled_cluster()["ACLName"] == "nobody"
    assert aws.events()[:3] == [
        "Updated parameter group for the cluster",
        "Updated to use the ACL nobody",
        "Updated to use a ParameterGroup own",
    ]


def test_replicas_come_and_go(aws: World) -> None:
    aws.create_cluster(NumShards=2)
    answer = aws("UpdateCluster", ClusterName="orders", ReplicaConfiguration={"ReplicaCount": 2})["Cluster"]
    assert answer["Status"] == "updating"
    cluster = aws.settled_cluster()
    assert (cluster["Status"], [shard["NumberOfNodes"] for shard in cluster["Shards"]]) == (
        "available",
        [3, 3],
    )
    assert aws.events()[:4] == [
        "Modified number of nodes from 4 to 6",
        "Added node orders-0002-003 in Availability Zone us-east-1b",
        "Added node orders-0001-003 in Availability Zone us-east-1a",
        "Increase replica count started for replication group orders on 2026-11-23T12:00:00.000Z",
    ]
    aws("UpdateCluster", ClusterName="orders", ReplicaConfiguration={"ReplicaCount": 0})
    cluster = aws.settled_cluster()
    assert (cluster["AvailabilityMode"], [shard["NumberOfNodes"] for shard in cluster["Shards"]]) == (
        "SingleAZ",
        [1, 1],
    )
    assert "Removed node orders-0002-003" in aws.events()


def test_shards_come_and_go(aws: World) -> None:
    aws.create_cluster(NumReplicasPerShard=0)
    answer = aws("UpdateCluster", ClusterName="orders", ShardConfiguration={"ShardCount": 3})["Cluster"]
    assert (answer["Status"], answer["NumberOfShards"]) == ("updating", 3)
    assert answer["PendingUpdates"] == {"Resharding": {"SlotMigration": {"ProgressPercentage": 0.0}}}
    cluster = aws.settled_cluster()
    assert [shard["Name"] for shard in cluster["Shards"]] == ["0001", "0002", "0003"]
    assert "PendingUpdates" not in cluster
    aws("UpdateCluster", ClusterName="orders", ShardConfiguration={"ShardCount": 1})
    assert [shard["Slots"] for shard in aws.settled_cluster()["Shards"]] == ["0-16383"]


def test_shards_that_move_are_modifying(slow_aws: World) -> None:
    aws = slow_aws
    aws.create_cluster()
    aws.pass_time(minutes=1)
    aws("UpdateCluster", ClusterName="orders", ShardConfiguration={"ShardCount": 2})
    cluster = aws.settled_cluster()
    assert {shard["Status"] for shard in cluster["Shards"]} == {"modifying"}


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("UpdateCluster", {"Description": "x"}),
        ("CreateSnapshot", {"SnapshotName": "nightly"}),
        ("FailoverShard", {"ShardName": "0001"}),
        ("DeleteCluster", {}),
        ("DeleteCluster", {"FinalSnapshotName": "last"}),
    ],
)
def test_while_a_cluster_changes_nothing_else_may_change_it(
    slow_aws: World, operation: str, request_: dict[str, Any]
) -> None:
    aws = slow_aws
    aws.create_cluster()
    aws.pass_time(minutes=1)
    aws("UpdateCluster", ClusterName="orders", ReplicaConfiguration={"ReplicaCount": 0})
    assert aws.refusal(operation, ClusterName="orders", **request_) == "InvalidClusterStateFault"


def test_a_replica_count_that_is_left_out_is_zero(aws: World) -> None:
    """The SDK for Go, which Terraform uses, does not send zeros."""
    aws.create_cluster(NumReplicasPerShard=1)
    aws("UpdateCluster", ClusterName="orders", ReplicaConfiguration={})
    assert [shard["NumberOfNodes"] for shard in aws.settled_cluster()["Shards"]] == [1]
