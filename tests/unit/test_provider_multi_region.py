"""Multi-Region clusters: one account, several Regions, what the members share and who may change it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import ACCOUNT, REGION, World

VALUE = "InvalidParameterValueException"
COMBINATION = "InvalidParameterCombinationException"
STATE = "InvalidMultiRegionClusterStateFault"
NAME = "ldgnf-shop"
GROUP = "default.memorydb-valkey7.multiregion"
MEMBER = {"NodeType": "db.r7g.xlarge", "ACLName": "open-access", "NumReplicasPerShard": 0}


def create(aws: World, suffix: str = "shop", **params: Any) -> dict[str, Any]:
    request = {"MultiRegionClusterNameSuffix": suffix, "NodeType": "db.r7g.xlarge", **params}
    return dict(aws("CreateMultiRegionCluster", **request)["MultiRegionCluster"])


def join(aws: World, region: str = REGION, name: str = "orders", **params: Any) -> dict[str, Any]:
    request = {"ClusterName": name, "MultiRegionClusterName": NAME, **MEMBER, **params}
    answer = aws.at(ACCOUNT, region, "CreateCluster", **request)["Cluster"]
    aws.finish_work()
    return dict(answer)


def described(aws: World, **params: Any) -> dict[str, Any]:
    request = {"MultiRegionClusterName": NAME, **params}
    return dict(aws("DescribeMultiRegionClusters", **request)["MultiRegionClusters"][0])


@pytest.fixture
def shop(aws: World) -> World:
    """An account with a multi-Region cluster that has no members yet."""
    create(aws)
    return aws


def test_a_new_one_is_empty_and_global(aws: World) -> None:
    answer = create(aws, "Shop", Tags=[{"Key": "team", "Value": "shop"}])
    assert answer == {
        "MultiRegionClusterName": NAME,
        "Status": "creating",
        "NodeType": "db.r7g.xlarge",
        "Engine": "valkey",
        "EngineVersion": "7.3",
        "NumberOfShards": 1,
        "MultiRegionParameterGroupName": GROUP,
        "TLSEnabled": True,
        "ARN": f"arn:aws:memorydb::{ACCOUNT}:multiregioncluster/{NAME}",
    }
    (seen,) = aws.at(ACCOUNT, "eu-west-1", "DescribeMultiRegionClusters")["MultiRegionClusters"]
    assert seen == {**answer, "Status": "available"}
    assert aws.at("999999999999", REGION, "DescribeMultiRegionClusters")["MultiRegionClusters"] == []
    tags = aws.at(ACCOUNT, "eu-west-1", "ListTags", ResourceArn=answer["ARN"])["TagList"]
    assert tags == [{"Key": "team", "Value": "shop"}]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"MultiRegionClusterNameSuffix": "Shop"}, "MultiRegionClusterAlreadyExistsFault"),
        ({"MultiRegionClusterNameSuffix": "a--b"}, VALUE),
        ({"NodeType": "db.r7g.large"}, VALUE),
        ({"NodeType": "db.r6g.xlarge"}, VALUE),
        ({"Engine": "redis"}, VALUE),
        ({"EngineVersion": "7.2"}, VALUE),
        ({"EngineVersion": "9.9"}, VALUE),
        ({"NumShards": 0}, VALUE),
        ({"NumShards": 91}, VALUE),
        ({"MultiRegionParameterGroupName": "nobody"}, "MultiRegionParameterGroupNotFoundFault"),
    ],
)
def test_those_that_are_not_made(shop: World, request_: dict[str, Any], code: str) -> None:
    given = {"MultiRegionClusterNameSuffix": "other", "NodeType": "db.r7g.xlarge", **request_}
    assert shop.refusal("CreateMultiRegionCluster", **given) == code


def test_not_every_region_offers_them(aws: World) -> None:
    with pytest.raises(Exception, match="not available in sa-east-1"):
        aws.at(
            ACCOUNT,
            "sa-east-1",
            "CreateMultiRegionCluster",
            MultiRegionClusterNameSuffix="x",
            NodeType="db.r7g.xlarge",
        )


def test_members_take_over_what_is_shared(aws: World) -> None:
    create(aws, NumShards=2)
    answer = join(aws)
    assert {name: answer[name] for name in ("Engine", "EngineVersion", "NumberOfShards")} == {
        "Engine": "valkey",
        "EngineVersion": "7.3",
        "NumberOfShards": 2,
    }
    assert answer["MultiRegionClusterName"] == NAME
    join(aws, "eu-west-1")
    assert described(aws, ShowClusterDetails=True)["Clusters"] == [
        {
            "ClusterName": "orders",
            "Region": region,
            "Status": "available",
            "ARN": f"arn:aws:memorydb:{region}:{ACCOUNT}:cluster/orders",
        }
        for region in ("eu-west-1", REGION)
    ]
    assert "Clusters" not in described(aws)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"MultiRegionClusterName": "nobody"}, "MultiRegionClusterNotFoundFault"),
        ({"NodeType": "db.r7g.2xlarge"}, COMBINATION),
        ({"NumShards": 2}, COMBINATION),
        ({"Engine": "redis"}, COMBINATION),
        ({"EngineVersion": "7.2"}, COMBINATION),
        ({"TLSEnabled": False}, COMBINATION),
        ({"ParameterGroupName": "default.memorydb-redis7"}, COMBINATION),
    ],
)
def test_clusters_that_cannot_join(shop: World, request_: dict[str, Any], code: str) -> None:
    request = {"ClusterName": "orders", "MultiRegionClusterName": NAME, **MEMBER, **request_}
    assert shop.refusal("CreateCluster", **request) == code


def test_one_member_in_a_region_and_five_in_all(shop: World) -> None:
    for region in (REGION, "us-east-2", "us-west-2", "eu-west-1", "eu-central-1"):
        join(shop, region)
    request = {"ClusterName": "second", "MultiRegionClusterName": NAME, **MEMBER}
    assert shop.refusal("CreateCluster", **request) == COMBINATION
    with pytest.raises(Exception, match="at most 5 Regions"):
        join(shop, "eu-west-2")


def test_while_it_is_made_none_can_join(slow_aws: World) -> None:
    create(slow_aws)
    request = {"ClusterName": "orders", "MultiRegionClusterName": NAME, **MEMBER}
    assert slow_aws.refusal("CreateCluster", **request) == STATE


def test_members_are_resharded_together(shop: World) -> None:
    join(shop)
    join(shop, "eu-west-1")
    request = {"MultiRegionClusterName": NAME, "ShardConfiguration": {"ShardCount": 2}}
    answer = shop("UpdateMultiRegionCluster", **request)["MultiRegionCluster"]
    assert (answer["Status"], answer["NumberOfShards"]) == ("updating", 2)
    shop.finish_work()
    assert described(shop)["Status"] == "available"
    for region in (REGION, "eu-west-1"):
        (member,) = shop.at(ACCOUNT, region, "DescribeClusters", ShowShardDetails=True)["Clusters"]
        assert (member["Status"], len(member["Shards"])) == ("available", 2)


@pytest.mark.parametrize(
    "change",
    [
        {"ShardConfiguration": {"ShardCount": 2}},
        {"NodeType": "db.r7g.2xlarge"},
        {"EngineVersion": "7.3"},
        {"ParameterGroupName": "default.memorydb-valkey7"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_members_are_not_changed_alone(shop: World, change: dict[str, Any]) -> None:
    join(shop)
    assert shop.refusal("UpdateCluster", ClusterName="orders", **change) == COMBINATION
    shop("UpdateCluster", ClusterName="orders", Description="Own", ReplicaConfiguration={"ReplicaCount": 1})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"Description": "All shops"}, "Description"),
        ({"NodeType": "db.r7g.2xlarge"}, "NodeType"),
        ({"ShardConfiguration": {"ShardCount": 3}, "UpdateStrategy": "uncoordinated"}, "NumberOfShards"),
    ],
    ids=str,
)
def test_updates(shop: World, change: dict[str, Any], field: str) -> None:
    before = described(shop)
    shop("UpdateMultiRegionCluster", MultiRegionClusterName=NAME, **change)
    after = described(shop)
    assert {name for name in after if after[name] != before.get(name)} == {field}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, COMBINATION),
        ({"EngineVersion": "7.3"}, COMBINATION),
        ({"EngineVersion": "7.2"}, VALUE),
        ({"NodeType": "db.r7g.large"}, VALUE),
        ({"ShardConfiguration": {}}, VALUE),
        ({"ShardConfiguration": {"ShardCount": 2}, "NodeType": "db.r7g.2xlarge"}, COMBINATION),
        ({"Description": "x", "UpdateStrategy": "uncoordinated"}, COMBINATION),
        ({"UpdateStrategy": "COORDINATED"}, VALUE),
        ({"MultiRegionParameterGroupName": "nobody"}, "MultiRegionParameterGroupNotFoundFault"),
        ({"MultiRegionClusterName": "nobody"}, "MultiRegionClusterNotFoundFault"),
    ],
    ids=str,
)
def test_updates_that_are_refused(shop: World, change: dict[str, Any], code: str) -> None:
    request = {"MultiRegionClusterName": NAME, **change}
    assert shop.refusal("UpdateMultiRegionCluster", **request) == code


def test_members_go_first(shop: World) -> None:
    join(shop)
    assert shop.refusal("DeleteMultiRegionCluster", MultiRegionClusterName=NAME) == STATE
    for name in ({}, {"MultiRegionClusterName": "other"}):
        assert shop.refusal("DeleteCluster", ClusterName="orders", **name) == COMBINATION
    shop("DeleteCluster", ClusterName="orders", MultiRegionClusterName=NAME)
    shop.finish_work()
    answer = shop("DeleteMultiRegionCluster", MultiRegionClusterName=NAME)["MultiRegionCluster"]
    assert answer["Status"] == "deleting"
    request = {"MultiRegionClusterName": NAME}
    assert shop.refusal("DescribeMultiRegionClusters", **request) == "MultiRegionClusterNotFoundFault"


def test_a_snapshot_of_a_member_tells_where_it_is_from(shop: World) -> None:
    join(shop)
    configuration = shop.create_snapshot()["ClusterConfiguration"]
    assert configuration["MultiRegionClusterName"] == NAME
    assert configuration["MultiRegionParameterGroupName"] == GROUP


def test_allowed_node_types_are_those_of_several_regions(shop: World) -> None:
    answer = shop("ListAllowedMultiRegionClusterUpdates", MultiRegionClusterName=NAME)
    assert "db.r7g.2xlarge" in answer["ScaleUpNodeTypes"]
    assert {each.split(".")[1] for each in answer["ScaleUpNodeTypes"]} == {"r7g"}
    assert answer["ScaleDownNodeTypes"] == []


class TestParameterGroups:
    def test_there_is_one(self, aws: World) -> None:
        assert aws("DescribeMultiRegionParameterGroups")["MultiRegionParameterGroups"] == [
            {
                "Name": GROUP,
                "Family": "memorydb_valkey7",
                "Description": "Default parameter group for memorydb_valkey7",
                "ARN": f"arn:aws:memorydb::{ACCOUNT}:multiregionparametergroup/{GROUP}",
            }
        ]

    def test_its_parameters(self, aws: World) -> None:
        request = {"MultiRegionParameterGroupName": GROUP}
        found = aws("DescribeMultiRegionParameters", **request)["MultiRegionParameters"]
        assert {each["Source"] for each in found} == {"engine-default"}
        timeout = next(each for each in found if each["Name"] == "timeout")
        assert (timeout["Value"], timeout["DataType"]) == ("0", "integer")
        own = aws("DescribeMultiRegionParameters", Source="user", **request)
        assert own["MultiRegionParameters"] == []

    def test_refusals(self, aws: World) -> None:
        unknown = {"MultiRegionParameterGroupName": "nobody"}
        for operation in ("DescribeMultiRegionParameterGroups", "DescribeMultiRegionParameters"):
            assert aws.refusal(operation, **unknown) == "MultiRegionParameterGroupNotFoundFault"
        request = {"MultiRegionParameterGroupName": GROUP, "Source": "nobody"}
        assert aws.refusal("DescribeMultiRegionParameters", **request) == VALUE
