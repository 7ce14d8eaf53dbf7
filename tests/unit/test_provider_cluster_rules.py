"""What CreateCluster refuses, and how."""

from __future__ import annotations

from typing import Any

import pytest

from localstack_memorydb.engine import Engine
from localstack_memorydb.provider import Quotas
from tests.world import ACCOUNT, REGION, World, open_world

VALUE = "InvalidParameterValueException"
COMBINATION = "InvalidParameterCombinationException"

REFUSED = [
    ("a name of 41 characters", {"ClusterName": "a" * 41}, VALUE),
    ("a name that begins with a digit", {"ClusterName": "1st"}, VALUE),
    ("a name with two hyphens in a row", {"ClusterName": "a--b"}, VALUE),
    ("a name with a hyphen at its end", {"ClusterName": "a-"}, VALUE),
    ("a name with a dot", {"ClusterName": "a.b"}, VALUE),
    ("an unknown ACL", {"ACLName": "nobody"}, "ACLNotFoundFault"),
    ("a node type of ElastiCache", {"NodeType": "cache.t4g.medium"}, VALUE),
    ("an unknown engine", {"Engine": "memcached"}, VALUE),
    ("a patch version", {"EngineVersion": "7.1.1"}, VALUE),
    ("a version of another engine", {"Engine": "redis", "EngineVersion": "7.2"}, VALUE),
    ("no shard", {"NumShards": 0}, VALUE),
    ("a negative number of shards", {"NumShards": -1}, VALUE),
    ("six replicas", {"NumReplicasPerShard": 6}, VALUE),
    ("a negative number of replicas", {"NumReplicasPerShard": -1}, VALUE),
    ("91 shards", {"NumShards": 91}, "ShardsPerClusterQuotaExceededFault"),
    ("92 nodes", {"NumShards": 46}, "NodeQuotaForClusterExceededFault"),
    ("an unknown parameter group", {"ParameterGroupName": "nobody"}, "ParameterGroupNotFoundFault"),
    ("a parameter group of another family", {"ParameterGroupName": "default.memorydb-valkey7"}, COMBINATION),
    ("an unknown subnet group", {"SubnetGroupName": "nobody"}, "SubnetGroupNotFoundFault"),
    ("data tiering on nodes without it", {"DataTiering": True}, COMBINATION),
    ("no data tiering on nodes with it", {"NodeType": "db.r6gd.xlarge", "DataTiering": False}, COMBINATION),
    (
        "vector search with two shards",
        {"ParameterGroupName": "default.memorydb-redis7.search", "NumShards": 2},
        COMBINATION,
    ),
    (
        "vector search on nodes with data tiering",
        {"ParameterGroupName": "default.memorydb-redis7.search", "NodeType": "db.r6gd.xlarge"},
        COMBINATION,
    ),
    (
        "vector search before 7.1",
        {"ParameterGroupName": "default.memorydb-redis7.search", "EngineVersion": "7.0"},
        COMBINATION,
    ),
    ("a network type that the subnets lack", {"NetworkType": "dual_stack"}, COMBINATION),
    ("IPv6 discovery on an IPv4 network", {"IpDiscovery": "ipv6"}, COMBINATION),
    (
        "a multi-Region cluster that does not exist",
        {"MultiRegionClusterName": "virxk-all"},
        "MultiRegionClusterNotFoundFault",
    ),
    ("a system port", {"Port": 80}, VALUE),
    ("a port that does not exist", {"Port": 65536}, VALUE),
    ("36 days of retention", {"SnapshotRetentionLimit": 36}, VALUE),
    ("an ARN that is no topic's", {"SnsTopicArn": "alarms"}, VALUE),
    ("a topic of another account", {"SnsTopicArn": f"arn:aws:sns:{REGION}:999999999999:alarms"}, VALUE),
    (
        "windows that overlap",
        {"MaintenanceWindow": "sun:04:30-sun:05:30", "SnapshotWindow": "05:00-06:00"},
        VALUE,
    ),
    ("a maintenance window of half an hour", {"MaintenanceWindow": "sun:04:30-sun:05:00"}, VALUE),
    ("a snapshot window that is none", {"SnapshotWindow": "noon"}, VALUE),
    ("a reserved tag", {"Tags": [{"Key": "aws:name", "Value": "x"}]}, VALUE),
    ("a tag without a key", {"Tags": [{"Value": "x"}]}, VALUE),
    ("51 tags", {"Tags": [{"Key": f"k{number}"} for number in range(51)]}, "TagQuotaPerResourceExceeded"),
    ("two sources", {"SnapshotName": "a", "SnapshotArns": ["arn:aws:s3:::b/c.rdb"]}, COMBINATION),
    ("an unknown snapshot", {"SnapshotName": "nobody"}, VALUE),
    ("an ARN that is no object's", {"SnapshotArns": ["arn:aws:s3:::bucket"]}, VALUE),
    ("an object's ARN with a comma", {"SnapshotArns": ["arn:aws:s3:::bucket/a,b.rdb"]}, VALUE),
]


@pytest.mark.parametrize(("given", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_create_cluster_refuses(aws: World, given: dict[str, Any], code: str) -> None:
    request = {"ClusterName": "orders", "NodeType": "db.t4g.small", "ACLName": "open-access", **given}
    assert aws.refusal("CreateCluster", **request) == code
    assert aws("DescribeClusters")["Clusters"] == []


def test_a_name_can_be_used_once(aws: World) -> None:
    aws.create_cluster("orders")
    request = {"ClusterName": "ORDERS", "NodeType": "db.t4g.small", "ACLName": "open-access"}
    assert aws.refused("CreateCluster", **request) == (
        "ClusterAlreadyExistsFault",
        "Cluster orders already exists.",
    )


def test_a_name_of_forty_characters_is_fine(aws: World) -> None:
    assert aws.create_cluster("a" * 40)["Status"] == "available"


def test_the_text_of_a_wrong_parameter_group_family_is_that_of_aws(aws: World) -> None:
    request = {"ClusterName": "orders", "NodeType": "db.t4g.small", "ACLName": "open-access"}
    _, text = aws.refused("CreateCluster", **request, ParameterGroupName="default.memorydb-redis6")
    assert (
        text == "Expected a parameter group of family memorydb_redis7 but found one of family memorydb_redis6"
    )


def test_data_tiering_is_not_everywhere(aws: World) -> None:
    with pytest.raises(Exception, match="not available in eu-north-1"):
        aws.at(
            ACCOUNT,
            "eu-north-1",
            "CreateCluster",
            ClusterName="a",
            NodeType="db.r6gd.xlarge",
            ACLName="open-access",
        )


def test_dual_stack_subnets_serve_dual_stack_clusters(aws: World) -> None:
    aws("CreateSubnetGroup", SubnetGroupName="both", SubnetIds=["subnet-both"])
    cluster = aws.create_cluster(SubnetGroupName="both", NetworkType="dual_stack")
    assert (cluster["NetworkType"], cluster["IpDiscovery"]) == ("dual_stack", "ipv4")


def test_ipv6_is_refused_plainly(aws: World) -> None:
    aws("CreateSubnetGroup", SubnetGroupName="six", SubnetIds=["subnet-six"])
    request = {
        "ClusterName": "orders",
        "NodeType": "db.t4g.small",
        "ACLName": "open-access",
        "SubnetGroupName": "six",
    }
    assert aws.refused("CreateCluster", **request, NetworkType="ipv6") == (
        "NotImplemented",
        "IPv6 is not implemented by localstack-memorydb 0.1.",
    )


def test_without_a_default_vpc_a_subnet_group_must_be_named(aws: World) -> None:
    aws.network.default = []
    request = {"ClusterName": "orders", "NodeType": "db.t4g.small", "ACLName": "open-access"}
    assert aws.refusal("CreateCluster", **request) == "InvalidVPCNetworkStateFault"


def test_nodes_of_all_clusters_count_towards_the_regions_quota(engine: Engine) -> None:
    for aws in open_world(engine, quotas=Quotas(nodes_per_region=3)):
        aws.create_cluster("one")
        request = {"ClusterName": "two", "NodeType": "db.t4g.small", "ACLName": "open-access"}
        assert aws.refusal("CreateCluster", **request) == "NodeQuotaForCustomerExceededFault"
        aws.create_cluster("two", NumReplicasPerShard=0)
