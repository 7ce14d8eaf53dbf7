"""What breaks the model is refused by both hosts in both protocols, with the same code; network rules hold in each host's EC2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from localstack_memorydb.provider import model
from tests.conformance.requests import wrong_requests

from .endpoint import Endpoint
from .test_wire import SIGNED, cbor

RIGHT: dict[str, dict[str, Any]] = {
    "CreateCluster": {"ClusterName": "refused", "NodeType": "db.t4g.small", "ACLName": "open-access"},
    "CreateUser": {
        "UserName": "refused",
        "AuthenticationMode": {"Type": "password", "Passwords": ["sixteen-letters-at-least"]},
        "AccessString": "on ~* +@all",
    },
    "CreateACL": {"ACLName": "refused"},
    "UpdateCluster": {"ClusterName": "refused"},
    "DescribeEvents": {},
    "TagResource": {"ResourceArn": "arn", "Tags": [{"Key": "a"}]},
}
KINDS = ("missing", "null", "blank", "too many", "too few", "too long", "enumeration", "pattern")


def plain_json(endpoint: Endpoint, operation: str, params: dict[str, Any]) -> tuple[int, Any]:
    headers = {
        "X-Amz-Target": f"AmazonMemoryDB.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": SIGNED,
    }
    request = Request(endpoint.url, data=json.dumps(params).encode(), headers=headers)
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def refusal(endpoint: Endpoint, protocol: str, operation: str, params: dict[str, Any]) -> tuple[int, str]:
    if protocol == "json":
        status, answer = plain_json(endpoint, operation, params)
    else:
        status, _, answer = cbor(endpoint, operation, params)
    return status, answer.get("__type", "none").rpartition("#")[2]


def cases(operation: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for what, _, params in wrong_requests(model.find(operation), RIGHT[operation]):
        if any(kind in what for kind in KINDS):
            yield what, params


@pytest.mark.parametrize("protocol", ["json", "cbor"])
@pytest.mark.parametrize("operation", RIGHT)
def test_what_breaks_the_model(endpoint: Endpoint, operation: str, protocol: str) -> None:
    answers = {what: refusal(endpoint, protocol, operation, params) for what, params in cases(operation)}
    assert answers == dict.fromkeys(answers, (400, "InvalidParameterValueException"))


@pytest.mark.parametrize("protocol", ["json", "cbor"])
def test_members_that_nobody_knows_are_passed_over(endpoint: Endpoint, protocol: str) -> None:
    params = {"Engine": "valkey", "Novelty": 1}
    if protocol == "json":
        assert plain_json(endpoint, "DescribeEngineVersions", params)[0] == 200
    else:
        assert cbor(endpoint, "DescribeEngineVersions", params)[0] == 200


def test_security_groups_and_zones_are_those_of_ec2(endpoint: Endpoint) -> None:
    ec2, memorydb = endpoint.client("ec2"), endpoint.client("memorydb")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="far", Description="far", VpcId=vpc)["GroupId"]
    right = {"NodeType": "db.t4g.small", "ACLName": "open-access", "NumReplicasPerShard": 0}
    with pytest.raises(ClientError) as far:
        memorydb.create_cluster(ClusterName="grouped", SecurityGroupIds=[group], **right)
    assert far.value.response["Error"]["Code"] == "InvalidParameterCombinationException"
    assert f"than [{vpc}]" in far.value.response["Error"]["Message"]
    with pytest.raises(memorydb.exceptions.InvalidParameterValueException):
        memorydb.create_cluster(ClusterName="grouped", SecurityGroupIds=["sg-0123456789abcdef0"], **right)
    zones = {row["ZoneId"]: row["ZoneName"] for row in ec2.describe_availability_zones()["AvailabilityZones"]}
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", AvailabilityZone=zones["use1-az3"])
    with pytest.raises(memorydb.exceptions.SubnetNotAllowedFault):
        memorydb.create_subnet_group(SubnetGroupName="zoned", SubnetIds=[subnet["Subnet"]["SubnetId"]])
