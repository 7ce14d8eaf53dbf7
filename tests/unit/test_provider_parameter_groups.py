"""Parameter groups: values, their bounds, and the clusters that take them over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.world import ACCOUNT, REGION, World

VALUE = "InvalidParameterValueException"
COMBINATION = "InvalidParameterCombinationException"
STATE = "InvalidParameterGroupStateFault"


def create(aws: World, name: str = "tuned", family: str = "memorydb_redis7", **params: Any) -> dict[str, Any]:
    return dict(
        aws("CreateParameterGroup", ParameterGroupName=name, Family=family, **params)["ParameterGroup"]
    )


def pairs(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterName": name, "ParameterValue": value} for name, value in values.items()]


def update(aws: World, values: dict[str, str], name: str = "tuned") -> None:
    aws("UpdateParameterGroup", ParameterGroupName=name, ParameterNameValues=pairs(values))


def values(aws: World, name: str = "tuned") -> dict[str, str]:
    found = aws("DescribeParameters", ParameterGroupName=name)["Parameters"]
    return {each["Name"]: each["Value"] for each in found if "Value" in each}


def running_values(aws: World, name: str = "orders") -> Mapping[str, str]:
    """What the cluster itself runs with."""
    (store,) = aws.provider._stores.values()
    return aws.provider._fleet.handle(store.clusters[name])._cluster.parameters.given


def test_a_new_group_has_the_values_of_its_family(aws: World) -> None:
    answer = create(aws, "Tuned", Description="For orders", Tags=[{"Key": "a", "Value": "b"}])
    arn = f"arn:aws:memorydb:{REGION}:{ACCOUNT}:parametergroup/tuned"
    assert answer == {
        "Name": "tuned",
        "Family": "memorydb_redis7",
        "Description": "For orders",
        "ARN": arn,
    }
    assert values(aws) == values(aws, "default.memorydb-redis7")
    assert aws("ListTags", ResourceArn=arn)["TagList"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"Family": "memorydb_redis5"}, VALUE),
        ({"ParameterGroupName": "default.mine"}, VALUE),
        ({"ParameterGroupName": "a--b"}, VALUE),
        ({"ParameterGroupName": "a" * 256}, VALUE),
        ({"ParameterGroupName": "Tuned"}, "ParameterGroupAlreadyExistsFault"),
    ],
)
def test_groups_that_are_not_made(aws: World, request_: dict[str, str], code: str) -> None:
    create(aws)
    given = {"ParameterGroupName": "other", "Family": "memorydb_redis7", **request_}
    assert aws.refusal("CreateParameterGroup", **given) == code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", "0"),
        ("timeout", "20"),
        ("timeout", "2147483647"),
        ("slowlog-log-slower-than", "-1"),
        ("active-defrag-cycle-max", "75"),
        ("maxmemory-policy", "allkeys-lru"),
        ("activerehashing", "no"),
        ("notify-keyspace-events", "KEA"),
        ("notify-keyspace-events", ""),
        ("TIMEOUT", "30"),
    ],
)
def test_values_that_are_taken(aws: World, name: str, value: str) -> None:
    create(aws)
    update(aws, {name: value})
    if name != "activerehashing":  # which the API hides in this family
        assert values(aws)[name.lower()] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", "19"),
        ("timeout", "-1"),
        ("timeout", "soon"),
        ("timeout", ""),
        ("timeout", "9" * 20),
        ("active-defrag-cycle-max", "76"),
        ("active-defrag-cycle-max", "0"),
        ("maxmemory-policy", "allkeys"),
        ("activedefrag", "true"),
        ("notify-keyspace-events", "KEQ"),
        ("hash-max-ziplist-value", "64"),
        ("maxmemory", "1"),
        ("nonsense", "1"),
    ],
)
def test_values_that_are_refused(aws: World, name: str, value: str) -> None:
    create(aws)
    request = {
        "ParameterGroupName": "tuned",
        "ParameterNameValues": pairs({"tcp-keepalive": "5", name: value}),
    }
    assert aws.refusal("UpdateParameterGroup", **request) == VALUE
    assert values(aws)["tcp-keepalive"] == "300"


@pytest.mark.parametrize(
    "given", [[], [{"ParameterName": "timeout"}], [{"ParameterValue": "1"}], [{}]], ids=str
)
def test_pairs_must_be_whole(aws: World, given: list[dict[str, str]]) -> None:
    create(aws)
    request = {"ParameterGroupName": "tuned", "ParameterNameValues": given}
    assert aws.refusal("UpdateParameterGroup", **request) == VALUE


def test_twenty_values_at_once(aws: World) -> None:
    create(aws)
    names = list(values(aws, "default.memorydb-redis7"))
    present = values(aws)
    twenty = {name: present[name] for name in names[:20]}
    update(aws, twenty)
    request = {
        "ParameterGroupName": "tuned",
        "ParameterNameValues": pairs({**twenty, names[20]: present[names[20]]}),
    }
    assert aws.refusal("UpdateParameterGroup", **request) == VALUE


def test_reset_of_some_and_of_all(aws: World) -> None:
    create(aws)
    update(aws, {"timeout": "30", "tcp-keepalive": "60", "activedefrag": "yes"})
    aws("ResetParameterGroup", ParameterGroupName="tuned", ParameterNames=["timeout"])
    assert (values(aws)["timeout"], values(aws)["tcp-keepalive"]) == ("0", "60")
    aws("ResetParameterGroup", ParameterGroupName="tuned", AllParameters=True)
    assert values(aws) == values(aws, "default.memorydb-redis7")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, COMBINATION),
        ({"AllParameters": True, "ParameterNames": ["timeout"]}, COMBINATION),
        ({"ParameterNames": ["nonsense"]}, VALUE),
        ({"AllParameters": False}, COMBINATION),
    ],
)
def test_resets_that_are_refused(aws: World, request_: dict[str, Any], code: str) -> None:
    create(aws)
    assert aws.refusal("ResetParameterGroup", ParameterGroupName="tuned", **request_) == code


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("UpdateParameterGroup", {"ParameterNameValues": pairs({"timeout": "30"})}),
        ("ResetParameterGroup", {"AllParameters": True}),
        ("DeleteParameterGroup", {}),
    ],
)
def test_default_groups_stay_as_they_are(aws: World, operation: str, request_: dict[str, Any]) -> None:
    assert aws.refusal(operation, ParameterGroupName="default.memorydb-redis7", **request_) == VALUE
    assert aws.refusal(operation, ParameterGroupName="nobody", **request_) == "ParameterGroupNotFoundFault"


def test_a_running_cluster_takes_over_what_changes(aws: World) -> None:
    create(aws)
    aws.create_cluster(ParameterGroupName="tuned")
    update(aws, {"timeout": "30"})
    assert running_values(aws)["timeout"] == "30"
    assert aws.cluster()["ParameterGroupStatus"] == "in-sync"
    assert "Updated parameter group for the cluster" in aws.events()
    aws("ResetParameterGroup", ParameterGroupName="tuned", ParameterNames=["timeout"])
    assert running_values(aws)["timeout"] == "0"


def test_a_cluster_can_change_its_group(aws: World) -> None:
    create(aws)
    update(aws, {"timeout": "30"})
    aws.create_cluster()
    answer = aws("UpdateCluster", ClusterName="orders", ParameterGroupName="tuned")["Cluster"]
    assert (answer["ParameterGroupStatus"], answer["Status"]) == ("applying", "available")
    assert (aws.cluster()["ParameterGroupStatus"], running_values(aws)["timeout"]) == ("in-sync", "30")
    aws("UpdateCluster", ClusterName="orders", ParameterGroupName="default.memorydb-redis7")
    assert running_values(aws)["timeout"] == "0"


def test_changes_wait_for_changes(slow_aws: World) -> None:
    aws = slow_aws
    create(aws)
    aws.create_cluster(ParameterGroupName="tuned")
    aws.pass_time(minutes=1)
    update(aws, {"timeout": "30"})
    assert aws.cluster()["ParameterGroupStatus"] == "applying"
    code, text = aws.refused("ResetParameterGroup", ParameterGroupName="tuned", AllParameters=True)
    assert (code, " has pending changes" in text) == (STATE, True)
    aws.pass_time(minutes=1)
    aws("ResetParameterGroup", ParameterGroupName="tuned", AllParameters=True)


def test_a_group_in_use_is_not_deleted(aws: World) -> None:
    create(aws)
    aws.create_cluster(ParameterGroupName="tuned")
    assert aws.refusal("DeleteParameterGroup", ParameterGroupName="tuned") == STATE
    aws("UpdateCluster", ClusterName="orders", ParameterGroupName="default.memorydb-redis7")
    assert aws("DeleteParameterGroup", ParameterGroupName="Tuned")["ParameterGroup"]["Name"] == "tuned"
    assert aws.refusal("DescribeParameters", ParameterGroupName="tuned") == "ParameterGroupNotFoundFault"


def test_some_values_are_for_life(aws: World) -> None:
    create(aws)
    create(aws, "other")
    update(aws, {"activerehashing": "no"}, "other")
    aws.create_cluster(ParameterGroupName="tuned")
    request = {"ParameterGroupName": "tuned", "ParameterNameValues": pairs({"activerehashing": "no"})}
    assert aws.refusal("UpdateParameterGroup", **request) == STATE
    assert aws.refusal("UpdateCluster", ClusterName="orders", ParameterGroupName="other") == COMBINATION


def test_data_tiering_limits_the_eviction_policy(aws: World) -> None:
    create(aws)
    aws.create_cluster(NodeType="db.r6gd.xlarge", ParameterGroupName="tuned")
    request = {
        "ParameterGroupName": "tuned",
        "ParameterNameValues": pairs({"maxmemory-policy": "allkeys-lfu"}),
    }
    assert aws.refusal("UpdateParameterGroup", **request) == COMBINATION
    update(aws, {"maxmemory-policy": "volatile-lru"})


def test_the_quota(aws: World) -> None:
    for number in range(300):
        create(aws, f"group{number}")
    request = {"ParameterGroupName": "one-more", "Family": "memorydb_redis7"}
    assert aws.refusal("CreateParameterGroup", **request) == "ParameterGroupQuotaExceededFault"


FOR_LIFE = {"activerehashing", "search-enabled"}
OTHERS = {
    "notify-keyspace-events": "KEA",
    "timeout": "20",
    "active-defrag-cycle-max": "50",
    "active-defrag-threshold-upper": "50",
}


def _another_value(parameter: dict[str, Any]) -> str:
    """A value that is allowed and is not the present one."""
    if parameter["Name"] in OTHERS:
        return OTHERS[parameter["Name"]]
    if parameter["DataType"] == "string":
        return str(next(word for word in parameter["AllowedValues"].split(",") if word != parameter["Value"]))
    return str(int(parameter["Value"]) + 1)


@pytest.mark.parametrize(
    ("family", "version"),
    [
        ("memorydb_redis6", {"EngineVersion": "6.2"}),
        ("memorydb_redis7", {"EngineVersion": "7.1"}),
        ("memorydb_valkey7", {"Engine": "valkey", "EngineVersion": "7.2"}),
    ],
)
def test_every_parameter_reaches_the_running_cluster(
    aws: World, family: str, version: dict[str, str]
) -> None:
    create(aws, family=family)
    aws.create_cluster(ParameterGroupName="tuned", **version)
    parameters = aws("DescribeParameters", ParameterGroupName="tuned")["Parameters"]
    changed = {each["Name"]: _another_value(each) for each in parameters if each["Name"] not in FOR_LIFE}
    for name, value in changed.items():
        update(aws, {name: value})
        assert running_values(aws)[name] == value
    assert running_values(aws).items() >= changed.items()
