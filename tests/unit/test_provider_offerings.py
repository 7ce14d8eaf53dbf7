"""What every account finds: engine versions, parameter groups, the default user and ACL, events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from localstack_memorydb.provider import catalog
from tests.world import ACCOUNT, REGION, START, World

ARN = f"arn:aws:memorydb:{REGION}:{ACCOUNT}"


@pytest.mark.parametrize(
    ("filters", "versions"),
    [
        ({}, ["6.2", "7.0", "7.1", "7.2", "7.3"]),
        ({"Engine": "valkey"}, ["7.2", "7.3"]),
        ({"EngineVersion": "7.1"}, ["7.1"]),
        ({"ParameterGroupFamily": "memorydb_redis7"}, ["7.0", "7.1"]),
        ({"DefaultOnly": True}, ["7.1", "7.2"]),
        ({"DefaultOnly": False}, ["6.2", "7.0", "7.1", "7.2", "7.3"]),
        ({"Engine": "redis", "EngineVersion": "7.2"}, []),
    ],
)
def test_engine_versions(aws: World, filters: dict[str, Any], versions: list[str]) -> None:
    found = aws("DescribeEngineVersions", **filters)["EngineVersions"]
    assert [each["EngineVersion"] for each in found] == versions


def test_an_engine_version_is_answered_as_aws_does(aws: World) -> None:
    assert aws("DescribeEngineVersions", EngineVersion="6.2")["EngineVersions"] == [
        {
            "Engine": "redis",
            "EngineVersion": "6.2",
            "EnginePatchVersion": "6.2.6",
            "ParameterGroupFamily": "memorydb_redis6",
        }
    ]


def test_every_family_has_its_default_group(aws: World) -> None:
    names = [each["Name"] for each in aws("DescribeParameterGroups")["ParameterGroups"]]
    assert {f"default.{family.replace('_', '-')}" for family in catalog.families()} < set(names)


def test_a_default_group(aws: World) -> None:
    assert aws("DescribeParameterGroups", ParameterGroupName="Default.memorydb-redis6")[
        "ParameterGroups"
    ] == [
        {
            "Name": "default.memorydb-redis6",
            "Family": "memorydb_redis6",
            "Description": "Default parameter group for memorydb_redis6",
            "ARN": f"{ARN}:parametergroup/default.memorydb-redis6",
        }
    ]


@pytest.mark.parametrize("operation", ["DescribeParameterGroups", "DescribeParameters"])
def test_an_unknown_group(aws: World, operation: str) -> None:
    assert aws.refusal(operation, ParameterGroupName="nobody") == "ParameterGroupNotFoundFault"


def parameters(aws: World, group: str) -> dict[str, dict[str, str]]:
    found = aws("DescribeParameters", ParameterGroupName=group)["Parameters"]
    return {each["Name"]: each for each in found}


def test_the_parameters_of_redis_6_are_those_that_aws_printed(aws: World) -> None:
    found = parameters(aws, "default.memorydb-redis6")
    assert len(found) == 39
    assert list(found)[:3] == ["acllog-max-len", "activedefrag", "active-defrag-cycle-max"]
    assert found["timeout"] == {
        "Name": "timeout",
        "Value": "0",
        "Description": "Idle client timeout in seconds; 1-19 invalid",
        "DataType": "integer",
        "AllowedValues": "0,20-",
        "MinimumEngineVersion": "6.2.4",
    }
    assert {"Value", "AllowedValues"}.isdisjoint(found["notify-keyspace-events"])


def test_the_parameters_of_seven_differ(aws: World) -> None:
    six, seven = (parameters(aws, f"default.memorydb-redis{version}") for version in (6, 7))
    assert {name for name in six.keys() - seven.keys() if "ziplist" not in name} == {"activerehashing"}
    assert seven["search-enabled"]["Value"] == "no"
    assert parameters(aws, "default.memorydb-redis7.search")["search-enabled"]["Value"] == "yes"


def test_parameters_come_in_pages(aws: World) -> None:
    first = aws("DescribeParameters", ParameterGroupName="default.memorydb-redis6", MaxResults=20)
    token = first["NextToken"]
    rest = aws("DescribeParameters", ParameterGroupName="default.memorydb-redis6", NextToken=token)
    names = [each["Name"] for each in first["Parameters"] + rest["Parameters"]]
    assert names == list(parameters(aws, "default.memorydb-redis6"))


def test_the_default_user_and_the_open_access_acl(aws: World) -> None:
    aws.create_cluster()
    assert aws("DescribeUsers")["Users"] == [
        {
            "Name": "default",
            "Status": "active",
            "AccessString": "on ~* &* +@all",
            "ACLNames": ["open-access"],
            "MinimumEngineVersion": "6.0",
            "Authentication": {"Type": "no-password"},
            "ARN": f"{ARN}:user/default",
        }
    ]
    assert aws("DescribeACLs", ACLName="Open-Access")["ACLs"] == [
        {
            "Name": "open-access",
            "Status": "active",
            "UserNames": ["default"],
            "MinimumEngineVersion": "6.2",
            "Clusters": ["orders"],
            "ARN": f"{ARN}:acl/open-access",
        }
    ]


def test_unknown_users_and_acls(aws: World) -> None:
    assert aws.refusal("DescribeUsers", UserName="nobody") == "UserNotFoundFault"
    assert aws.refusal("DescribeACLs", ACLName="nobody") == "ACLNotFoundFault"


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [("user-name", "default", 1), ("UserName", "nobody", 0), ("access-string", "on ~* &* +@all", 1)],
)
def test_users_can_be_filtered(aws: World, name: str, value: str, found: int) -> None:
    assert len(aws("DescribeUsers", Filters=[{"Name": name, "Values": [value]}])["Users"]) == found


def test_an_unknown_filter(aws: World) -> None:
    filters = [{"Name": "colour", "Values": ["blue"]}]
    assert aws.refusal("DescribeUsers", Filters=filters) == "InvalidParameterValueException"


class TestEvents:
    """A cluster is created at twelve; it is one o'clock."""

    @pytest.fixture(autouse=True)
    def prepare(self, aws: World) -> None:
        aws.create_cluster()
        aws.pass_time(minutes=30)
        aws("FailoverShard", ClusterName="orders", ShardName="0001")
        aws.pass_time(minutes=30, seconds=1)

    def test_an_hour_is_shown_newest_first(self, aws: World) -> None:
        events = aws("DescribeEvents")["Events"]
        assert [event["Date"] for event in events] == [START + timedelta(minutes=30)] * 4
        assert events[3] == {
            "SourceName": "orders",
            "SourceType": "cluster",
            "Message": "FailoverShard API called for shard 0001",
            "Date": START + timedelta(minutes=30),
        }

    @pytest.mark.parametrize(
        ("given", "count"),
        [
            ({"Duration": 20160}, 8),
            ({"Duration": 29}, 0),
            ({"StartTime": START}, 8),
            ({"StartTime": START, "Duration": 5}, 4),
            ({"EndTime": START + timedelta(minutes=5)}, 4),
            ({"StartTime": START + timedelta(minutes=1), "EndTime": START + timedelta(minutes=5)}, 0),
            ({"Duration": 90, "SourceType": "cluster"}, 8),
            ({"Duration": 90, "SourceType": "user"}, 0),
            ({"Duration": 90, "SourceType": "cluster", "SourceName": "Orders"}, 8),
            ({"Duration": 90, "SourceType": "cluster", "SourceName": "users"}, 0),
        ],
    )
    def test_other_times_and_sources(self, aws: World, given: dict[str, Any], count: int) -> None:
        assert len(aws("DescribeEvents", **given)["Events"]) == count

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"Duration": 0}, "InvalidParameterValueException"),
            ({"Duration": 20161}, "InvalidParameterValueException"),
            ({"SourceName": "orders"}, "InvalidParameterCombinationException"),
            ({"SourceType": "snapshot"}, "InvalidParameterValueException"),
            ({"StartTime": START, "EndTime": START, "Duration": 5}, "InvalidParameterCombinationException"),
            ({"StartTime": START, "EndTime": START - timedelta(1)}, "InvalidParameterCombinationException"),
        ],
    )
    def test_refusals(self, aws: World, given: dict[str, Any], code: str) -> None:
        assert aws.refusal("DescribeEvents", **given) == code

    def test_events_come_in_pages(self, aws: World) -> None:
        first = aws("DescribeEvents", Duration=90, MaxResults=4)
        rest = aws("DescribeEvents", Duration=90, MaxResults=4, NextToken=first["NextToken"])
        assert rest["Events"][0]["Message"] == "Cluster created."
        assert "NextToken" not in rest

    def test_after_fourteen_days_they_are_forgotten(self, aws: World) -> None:
        aws.pass_time(days=14)
        aws("FailoverShard", ClusterName="orders", ShardName="0001")
        assert len(aws("DescribeEvents", StartTime=START)["Events"]) == 4

    def test_after_fourteen_days_they_are_not_shown(self, aws: World) -> None:
        aws.pass_time(days=14)
        assert aws("DescribeEvents", StartTime=START)["Events"] == []
