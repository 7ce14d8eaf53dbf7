"""Subnet groups."""

from __future__ import annotations

from typing import Any

import pytest

from localstack_memorydb.engine import Engine
from localstack_memorydb.provider import Quotas
from tests.world import ACCOUNT, REGION, World, open_world

OWN = {"SubnetGroupName": "own", "SubnetIds": ["subnet-a", "subnet-b"]}


def test_a_subnet_group_is_answered_as_aws_does(aws: World) -> None:
    answer = aws("CreateSubnetGroup", SubnetGroupName="Own", SubnetIds=["subnet-a"], Description="Mine")
    assert answer["SubnetGroup"] == {
        "Name": "own",
        "Description": "Mine",
        "VpcId": "vpc-own",
        "Subnets": [
            {
                "Identifier": "subnet-a",
                "AvailabilityZone": {"Name": "us-east-1a"},
                "SupportedNetworkTypes": ["ipv4"],
            }
        ],
        "ARN": f"arn:aws:memorydb:{REGION}:{ACCOUNT}:subnetgroup/own",
        "SupportedNetworkTypes": ["ipv4"],
    }
    assert aws("DescribeSubnetGroups", SubnetGroupName="OWN")["SubnetGroups"] == [answer["SubnetGroup"]]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"SubnetGroupName": "taken"}, "SubnetGroupAlreadyExistsFault"),
        ({"SubnetGroupName": "1st"}, "InvalidParameterValueException"),
        ({"SubnetIds": []}, "InvalidSubnet"),
        ({"SubnetIds": ["subnet-nowhere"]}, "InvalidSubnet"),
        ({"SubnetIds": ["subnet-a", "subnet-default-a"]}, "InvalidSubnet"),
        ({"SubnetIds": ["subnet-a", "subnet-six"]}, "SubnetNotAllowedFault"),
        ({"SubnetIds": [f"subnet-{number}" for number in range(21)]}, "SubnetQuotaExceededFault"),
        ({"Tags": [{"Key": f"k{number}"} for number in range(51)]}, "TagQuotaPerResourceExceeded"),
    ],
)
def test_create_subnet_group_refuses(aws: World, given: dict[str, Any], code: str) -> None:
    aws("CreateSubnetGroup", **{**OWN, "SubnetGroupName": "taken"})
    assert aws.refusal("CreateSubnetGroup", **{**OWN, **given}) == code
    assert [group["Name"] for group in aws("DescribeSubnetGroups")["SubnetGroups"]] == ["taken"]


def test_a_zone_without_memorydb(aws: World) -> None:
    request = {"SubnetGroupName": "own", "SubnetIds": ["subnet-a", "subnet-e"]}
    assert aws.refused("CreateSubnetGroup", **request) == (
        "SubnetNotAllowedFault",
        "The subnet subnet-e is in Availability Zone us-east-1e, which MemoryDB does not support.",
    )
    aws.network.default.append(aws.network.known["subnet-e"])
    aws.create_cluster()
    (group,) = aws("DescribeSubnetGroups")["SubnetGroups"]
    assert "subnet-e" not in {each["Identifier"] for each in group["Subnets"]}


def test_the_quota_of_subnet_groups(engine: Engine) -> None:
    for aws in open_world(engine, quotas=Quotas(subnet_groups=1)):
        aws("CreateSubnetGroup", **OWN)
        request = {**OWN, "SubnetGroupName": "more"}
        assert aws.refusal("CreateSubnetGroup", **request) == "SubnetGroupQuotaExceededFault"


def test_the_default_group_appears_with_the_first_cluster(aws: World) -> None:
    assert aws("DescribeSubnetGroups")["SubnetGroups"] == []
    assert aws.refusal("DescribeSubnetGroups", SubnetGroupName="default") == "SubnetGroupNotFoundFault"
    aws.create_cluster()
    (group,) = aws("DescribeSubnetGroups")["SubnetGroups"]
    assert (group["Name"], group["VpcId"]) == ("default", "vpc-default")


def test_the_default_group_stays(aws: World) -> None:
    assert aws.refusal("DeleteSubnetGroup", SubnetGroupName="default") == "InvalidParameterValueException"


def test_subnets_are_replaced_and_the_description_changed(aws: World) -> None:
    aws("CreateSubnetGroup", **OWN)
    answer = aws("UpdateSubnetGroup", SubnetGroupName="own", SubnetIds=["subnet-c"], Description="New")[
        "SubnetGroup"
    ]
    assert [each["Identifier"] for each in answer["Subnets"]] == ["subnet-c"]
    assert answer["Description"] == "New"


def test_subnets_with_nodes_must_stay(aws: World) -> None:
    aws("CreateSubnetGroup", **OWN)
    aws.create_cluster(SubnetGroupName="own")
    assert aws.refusal("UpdateSubnetGroup", SubnetGroupName="own", SubnetIds=["subnet-a"]) == "SubnetInUse"
    aws("UpdateSubnetGroup", SubnetGroupName="own", SubnetIds=["subnet-a", "subnet-b", "subnet-c"])


def test_a_group_in_use_cannot_be_deleted(aws: World) -> None:
    aws("CreateSubnetGroup", **OWN)
    aws.create_cluster(SubnetGroupName="own")
    assert aws.refusal("DeleteSubnetGroup", SubnetGroupName="own") == "SubnetGroupInUseFault"
    aws("DeleteCluster", ClusterName="orders")
    aws.finish_work()
    assert aws("DeleteSubnetGroup", SubnetGroupName="own")["SubnetGroup"]["Name"] == "own"
    assert aws.refusal("DeleteSubnetGroup", SubnetGroupName="own") == "SubnetGroupNotFoundFault"


def test_zones_are_those_of_the_group_in_turn(aws: World) -> None:
    aws("CreateSubnetGroup", SubnetGroupName="own", SubnetIds=["subnet-c", "subnet-a"])
    shards = aws.create_cluster(SubnetGroupName="own", NumShards=2)["Shards"]
    assert [[node["AvailabilityZone"] for node in shard["Nodes"]] for shard in shards] == [
        ["us-east-1c", "us-east-1a"],
        ["us-east-1a", "us-east-1c"],
    ]


def test_its_life_is_told(aws: World) -> None:
    aws("CreateSubnetGroup", SubnetGroupName="own", SubnetIds=["subnet-a"])
    aws("UpdateSubnetGroup", SubnetGroupName="own", Description="Mine")
    aws("DeleteSubnetGroup", SubnetGroupName="own")
    events = aws("DescribeEvents", SourceType="subnet-group", SourceName="own")["Events"]
    assert [event["Message"].split()[0] for event in events] == ["Delete", "Modify", "Create"]
