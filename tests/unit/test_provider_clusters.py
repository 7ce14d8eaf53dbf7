"""CreateCluster, DescribeClusters, DeleteCluster, FailoverShard: what they answer, and when."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localstack_memorydb.engine import Engine, EngineSettings
from tests.world import ACCOUNT, REGION, World, open_world

ARN = f"arn:aws:memorydb:{REGION}:{ACCOUNT}"


def test_a_new_cluster_is_answered_as_aws_does(aws: World) -> None:
    answer = aws("CreateCluster", ClusterName="Orders", NodeType="db.t4g.small", ACLName="open-access")
    windows = answer["Cluster"].pop("MaintenanceWindow"), answer["Cluster"].pop("SnapshotWindow")
    assert all(windows)
    assert answer["Cluster"] == {
        "Name": "orders",
        "Status": "creating",
        "NumberOfShards": 1,
        "AvailabilityMode": "MultiAZ",
        "ClusterEndpoint": {"Port": 6379},
        "NodeType": "db.t4g.small",
        "Engine": "redis",
        "EngineVersion": "7.1",
        "EnginePatchVersion": "7.1.1",
        "ParameterGroupName": "default.memorydb-redis7",
        "ParameterGroupStatus": "in-sync",
        "SubnetGroupName": "default",
        "TLSEnabled": True,
        "ARN": f"{ARN}:cluster/orders",
        "SnapshotRetentionLimit": 0,
        "ACLName": "open-access",
        "AutoMinorVersionUpgrade": True,
        "DataTiering": "false",
        "NetworkType": "ipv4",
        "IpDiscovery": "ipv4",
    }


def test_the_first_describe_shows_it_available_with_an_address(aws: World) -> None:
    cluster = aws.create_cluster()
    assert cluster["Status"] == "available"
    assert cluster["ClusterEndpoint"] == {
        "Address": cluster["Shards"][0]["Nodes"][0]["Endpoint"]["Address"],
        "Port": 6379,
    }


def test_shards_and_nodes_are_those_of_the_engine(aws: World) -> None:
    shards = aws.create_cluster(NumShards=2, NumReplicasPerShard=1)["Shards"]
    assert [(each["Name"], each["Slots"], each["Status"], each["NumberOfNodes"]) for each in shards] == [
        ("0001", "0-8191", "available", 2),
        ("0002", "8192-16383", "available", 2),
    ]
    assert [node["Name"] for node in shards[1]["Nodes"]] == ["orders-0002-001", "orders-0002-002"]


def test_the_nodes_of_a_shard_are_in_different_zones(aws: World) -> None:
    for shard in aws.create_cluster(NumShards=3)["Shards"]:
        assert {node["AvailabilityZone"] for node in shard["Nodes"]} == {"us-east-1a", "us-east-1b"}


def test_a_node_keeps_its_creation_time(aws: World) -> None:
    created = aws.create_cluster()["Shards"][0]["Nodes"][0]["CreateTime"]
    aws.pass_time(hours=1)
    assert aws.cluster()["Shards"][0]["Nodes"][0]["CreateTime"] == created


def test_shards_are_shown_only_when_asked_for(aws: World) -> None:
    aws.create_cluster()
    assert "Shards" not in aws("DescribeClusters")["Clusters"][0]


def test_without_replicas_a_cluster_is_in_one_zone(aws: World) -> None:
    assert aws.create_cluster(NumReplicasPerShard=0)["AvailabilityMode"] == "SingleAZ"


def test_what_a_request_gives_comes_back(aws: World) -> None:
    aws("CreateSubnetGroup", SubnetGroupName="own", SubnetIds=["subnet-a", "subnet-b"])
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
    given = {
        "Description": "",
        "Engine": "valkey",
        "EngineVersion": "7.2",
        "MaintenanceWindow": "sun:23:00-mon:01:30",
        "SnapshotWindow": "04:00-05:00",
        "SnapshotRetentionLimit": 35,
        "SubnetGroupName": "own",
        "SnsTopicArn": topic,
        "TLSEnabled": False,
        "AutoMinorVersionUpgrade": False,
    }
    cluster = aws.create_cluster(Port=7000, SecurityGroupIds=["sg-own", "sg-own"], KmsKeyId="1234", **given)
    assert {name: cluster[name] for name in given} == given
    assert cluster["ClusterEndpoint"]["Port"] == 7000
    assert cluster["SecurityGroups"] == [{"SecurityGroupId": "sg-own", "Status": "active"}]
    assert cluster["KmsKeyId"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234"
    assert cluster["SnsTopicStatus"] == "ACTIVE"
    assert (cluster["EnginePatchVersion"], cluster["ParameterGroupName"]) == (
        "7.2.6",
        "default.memorydb-valkey7",
    )


def test_a_valkey_cluster_gets_a_version_that_needs_no_multi_region_cluster(aws: World) -> None:
    assert aws.create_cluster(Engine="valkey")["EngineVersion"] == "7.2"


def test_r6gd_nodes_tier_data(aws: World) -> None:
    assert aws.create_cluster(NodeType="db.r6gd.xlarge")["DataTiering"] == "true"


def test_default_windows_are_the_same_in_every_run_and_in_the_regions_block(aws: World) -> None:
    cluster = aws.create_cluster()
    assert (cluster["MaintenanceWindow"], cluster["SnapshotWindow"]) == ("mon:10:00-mon:11:00", "03:00-04:00")


def test_creating_lasts_as_long_as_configured(slow_aws: World) -> None:
    aws = slow_aws
    assert aws.create_cluster()["Status"] == "creating"
    aws.pass_time(seconds=59)
    assert aws.cluster()["Status"] == "creating"
    aws.pass_time(seconds=1)
    assert aws.cluster()["Status"] == "available"


def test_a_cluster_that_is_creating_shows_its_shards_so_and_no_address(slow_aws: World) -> None:
    cluster = slow_aws.create_cluster()
    assert cluster["ClusterEndpoint"] == {"Port": 6379}
    assert cluster["Shards"][0]["Status"] == "creating"


def test_an_unknown_cluster_is_not_found(aws: World) -> None:
    assert aws.refused("DescribeClusters", ClusterName="Nobody") == (
        "ClusterNotFoundFault",
        "Cluster nobody not found.",
    )


def test_names_are_not_case_sensitive(aws: World) -> None:
    aws.create_cluster("Orders")
    assert aws("DescribeClusters", ClusterName="ORDERS")["Clusters"][0]["Name"] == "orders"


def test_clusters_are_listed_in_pages(aws: World) -> None:
    for name in ("carts", "orders", "users"):
        aws.create_cluster(name, NumReplicasPerShard=0)
    first = aws("DescribeClusters", MaxResults=2)
    second = aws("DescribeClusters", MaxResults=2, NextToken=first["NextToken"])
    assert [each["Name"] for each in first["Clusters"]] == ["carts", "orders"]
    assert [each["Name"] for each in second["Clusters"]] == ["users"]
    assert "NextToken" not in second


def test_a_deleted_cluster_is_deleting_and_then_gone(aws: World) -> None:
    aws.create_cluster()
    assert aws("DeleteCluster", ClusterName="orders")["Cluster"]["Status"] == "deleting"
    aws.finish_work()
    assert aws.refusal("DescribeClusters", ClusterName="orders") == "ClusterNotFoundFault"
    assert aws.events() == [
        "Cluster deleted.",
        "Cluster created.",
        "Updated to use a ParameterGroup default.memorydb-redis7",
        "Added node orders-0001-002 in Availability Zone us-east-1b",
        "Added node orders-0001-001 in Availability Zone us-east-1a",
    ]


def test_a_cluster_being_deleted_cannot_be_deleted_again(slow_aws: World) -> None:
    aws = slow_aws
    aws.create_cluster()
    aws.pass_time(minutes=1)
    aws("DeleteCluster", ClusterName="orders")
    assert aws.refused("DeleteCluster", ClusterName="orders") == (
        "InvalidClusterStateFault",
        "Cluster orders is not in available state.",
    )


def test_a_cluster_being_created_cannot_be_deleted(slow_aws: World) -> None:
    slow_aws.create_cluster()
    assert slow_aws.refusal("DeleteCluster", ClusterName="orders") == "InvalidClusterStateFault"


def test_a_final_snapshot_outlives_the_cluster(aws: World) -> None:
    aws.create_cluster(Tags=[{"Key": "team", "Value": "shop"}])
    aws("DeleteCluster", ClusterName="orders", FinalSnapshotName="Last")
    aws.finish_work()
    snapshot = aws.snapshot("last")
    assert (snapshot["Status"], snapshot["Source"]) == ("available", "manual")
    assert aws("ListTags", ResourceArn=snapshot["ARN"])["TagList"] == [{"Key": "team", "Value": "shop"}]
    assert aws("DescribeClusters")["Clusters"] == []


def test_a_final_snapshot_needs_a_free_name(aws: World) -> None:
    aws.create_cluster()
    aws.create_snapshot(name="nightly")
    request = {"ClusterName": "orders", "FinalSnapshotName": "nightly"}
    assert aws.refusal("DeleteCluster", **request) == "SnapshotAlreadyExistsFault"
    assert aws.cluster()["Status"] == "available"


def test_only_members_of_a_multi_region_cluster_can_be_deleted_as_such(aws: World) -> None:
    aws.create_cluster()
    request = {"ClusterName": "orders", "MultiRegionClusterName": "virxk-all"}
    assert aws.refusal("DeleteCluster", **request) == "InvalidParameterCombinationException"


class TestWithoutAddresses:
    """An engine that has three ports, so a cluster of four nodes cannot start."""

    @pytest.fixture
    def crowded(self) -> Iterator[World]:
        with Engine(EngineSettings(bind="range", port_range=(24510, 24512))) as engine:
            yield from open_world(engine)

    def test_creation_fails_with_an_event_and_can_be_cleared_away(self, crowded: World) -> None:
        request = {
            "ClusterName": "orders",
            "NodeType": "db.t4g.small",
            "ACLName": "open-access",
            "NumShards": 2,
        }
        assert crowded("CreateCluster", **request)["Cluster"]["Status"] == "creating"
        cluster = crowded.cluster()
        assert (cluster["Status"], cluster["Shards"], cluster["ClusterEndpoint"]) == (
            "create-failed",
            [],
            {"Port": 6379},
        )
        assert crowded.events()[0].startswith("Failed to create cluster due to incompatible network state. ")
        assert (
            crowded.refusal("UpdateCluster", ClusterName="orders", Description="x")
            == "InvalidClusterStateFault"
        )
        crowded("DeleteCluster", ClusterName="orders")
        crowded.finish_work()
        assert crowded("DescribeClusters")["Clusters"] == []

    def test_scaling_that_fails_leaves_the_cluster_as_it_was(self, crowded: World) -> None:
        crowded.create_cluster()
        crowded("UpdateCluster", ClusterName="orders", ShardConfiguration={"ShardCount": 4})
        cluster = crowded.settled_cluster()
        assert (cluster["Status"], cluster["NumberOfShards"], len(cluster["Shards"])) == ("available", 1, 1)
        assert "PendingUpdates" not in cluster
        assert crowded.events()[0].startswith("Failed to modify number of nodes from 2 to 8. ")

    def test_what_failed_holds_no_port(self, crowded: World) -> None:
        for _ in range(3):
            crowded.create_cluster(NumShards=2)
            crowded("DeleteCluster", ClusterName="orders")
            crowded.finish_work()
        assert crowded.create_cluster("small")["Status"] == "available"


def test_a_failover_swaps_roles_and_keeps_names(aws: World) -> None:
    before = aws.create_cluster(NumShards=2)["Shards"]
    answer = aws("FailoverShard", ClusterName="orders", ShardName="0001")["Cluster"]
    assert answer["Status"] == "available"
    assert aws.cluster()["Shards"] == before
    assert aws.events()[:4] == [
        "Finished recovery for nodes orders-0001-001",
        "Recovering nodes orders-0001-001",
        "Failover from primary node orders-0001-001 to replica node orders-0001-002 completed",
        "FailoverShard API called for shard 0001",
    ]


def test_a_failover_needs_a_shard_with_a_replica(aws: World) -> None:
    aws.create_cluster(NumReplicasPerShard=0)
    assert aws.refusal("FailoverShard", ClusterName="orders", ShardName="0002") == "ShardNotFoundFault"
    assert (
        aws.refusal("FailoverShard", ClusterName="orders", ShardName="0001")
        == "TestFailoverNotAvailableFault"
    )


def test_five_failovers_a_day_are_enough(aws: World) -> None:
    aws.create_cluster()
    for _ in range(5):
        aws("FailoverShard", ClusterName="orders", ShardName="0001")
    assert (
        aws.refusal("FailoverShard", ClusterName="orders", ShardName="0001")
        == "APICallRateForCustomerExceededFault"
    )
    aws.pass_time(hours=24)
    aws("FailoverShard", ClusterName="orders", ShardName="0001")


def test_node_types_that_a_cluster_can_be_scaled_to(aws: World) -> None:
    aws.create_cluster(NodeType="db.t4g.medium")
    answer = aws("ListAllowedNodeTypeUpdates", ClusterName="orders")
    assert answer["ScaleDownNodeTypes"] == ["db.t4g.small"]
    assert {"db.r6g.large", "db.r7g.16xlarge"} < set(answer["ScaleUpNodeTypes"])
    assert not any("r6gd" in name for name in answer["ScaleUpNodeTypes"])
