"""What an account has in a Region is seen and used by nobody else: account and Region are those that a request is signed for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localstack_memorydb.provider import model

from .host import (
    ACCOUNT,
    ARN,
    NOT_FOUND,
    OTHER_REGION,
    REGION,
    UPDATE,
    Host,
    cluster,
    default_subnets,
    differences,
    right_requests,
)

STRANGER = "999999999999"
STRANGERS = [(STRANGER, REGION), (ACCOUNT, OTHER_REGION)]
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:ops"
KINDS = ("acl", "cluster", "parametergroup", "reservednode", "snapshot", "subnetgroup", "user")

Foreign = Iterator[tuple[str, dict[str, Any], str]]
"""(operation, parameters that name what is another's, the code)."""


def named(host: Host) -> Foreign:
    """Every operation whose first fault may be that there is no such thing."""
    right = right_requests(host, ACCOUNT)
    for operation, described in sorted(model.operations().items()):
        if operation.startswith(("Create", "Purchase", "DescribeReservedNodesOfferings")):
            continue
        for member, value in right[operation].items():
            code = NOT_FOUND.get(member, "")
            if code in described.faults and "default." not in value:
                yield operation, right[operation], code
                break


def referred_to() -> Foreign:
    """What requests for something new may refer to."""
    new = cluster("new")
    for member, code in (
        ("ACLName", "ACLNotFoundFault"),
        ("ParameterGroupName", "ParameterGroupNotFoundFault"),
        ("SubnetGroupName", "SubnetGroupNotFoundFault"),
        ("SnapshotName", "InvalidParameterValueException"),
    ):
        yield "CreateCluster", {**new, member: "old"}, code
    yield "CreateACL", {"ACLName": "new", "UserNames": ["old"]}, "UserNotFoundFault"
    subnets = [subnet.id for subnet in default_subnets(ACCOUNT)]
    yield "CreateSubnetGroup", {"SubnetGroupName": "new", "SubnetIds": subnets}, "InvalidSubnet"


def of_another_account() -> Foreign:
    """What an account has in every Region, or may use in every Region."""
    new = cluster("new")
    yield "CreateCluster", {**new, "SnsTopicArn": TOPIC}, "InvalidParameterValueException"
    member = {"Engine": "valkey", "EngineVersion": "7.3", "MultiRegionClusterName": "ldgnf-old"}
    yield "CreateCluster", {**new, **member}, "MultiRegionClusterNotFoundFault"
    arn = f"arn:aws:memorydb::{ACCOUNT}:multiregioncluster/ldgnf-old"
    yield "ListTags", {"ResourceArn": arn}, "InvalidARNFault"


def tagged() -> Foreign:
    arns = [f"{ARN}:{kind}/old" for kind in KINDS]
    for operation, more in (
        ("ListTags", {}),
        ("TagResource", {"Tags": [{"Key": "size", "Value": "xl"}]}),
        ("UntagResource", {"TagKeys": ["team"]}),
    ):
        for arn in arns:
            yield operation, {"ResourceArn": arn, **more}, "InvalidARNFault"


@pytest.mark.parametrize(("account", "region"), STRANGERS)
def test_nobody_else_can_name_it(host: Host, account: str, region: str) -> None:
    def check() -> Iterator[str]:
        requests = [*named(host), *referred_to(), *tagged()]
        if account == STRANGER:
            requests += of_another_account()
        else:
            requests = [request for request in requests if "MultiRegion" not in request[0]]
        assert len(requests) > 40
        for operation, params, code in requests:
            answered = host.refusal("json", operation, params, account, region)
            if answered[:2] != (400, code):
                yield f"{operation} {params}: {answered}, not {code}"

    assert differences(host, check) == []


@pytest.mark.parametrize("region", ["x" * 300, "../../outside", "US-EAST-1", "a b", "%00", "é"])
def test_a_region_that_cannot_be_is_refused(host: Host, region: str) -> None:
    answered = host.refusal("json", "DescribeClusters", {}, ACCOUNT, region)
    assert answered[:2] == (400, "InvalidSignatureException")


@pytest.mark.parametrize(("account", "region"), STRANGERS)
def test_requests_that_name_several_leave_out_what_is_anothers(host: Host, account: str, region: str) -> None:
    def check() -> Iterator[str]:
        names = {"ClusterNames": ["old"]}
        update = {"ServiceUpdate": {"ServiceUpdateNameToApply": UPDATE}}
        answer = host.ask("json", "BatchUpdateCluster", {**names, **update}, account, region)[1]
        assert [row["ErrorType"] for row in answer["UnprocessedClusters"]] == ["ClusterNotFoundFault"]
        assert answer["ProcessedClusters"] == []
        yield from host.ask("json", "DescribeServiceUpdates", names, account, region)[1]["ServiceUpdates"]
        source = {"SourceType": "cluster", "SourceName": "old"}
        yield from host.ask("json", "DescribeEvents", source, account, region)[1]["Events"]

    assert differences(host, check) == []


LISTS = {
    "ACLs": ("Name", {"open-access"}),
    "Clusters": ("Name", set()),
    "Events": ("SourceName", set()),
    "MultiRegionClusters": ("MultiRegionClusterName", set()),
    "ParameterGroups": ("Name", set()),
    "ReservedNodes": ("ReservationId", set()),
    "ServiceUpdates": ("ClusterName", set()),
    "Snapshots": ("Name", set()),
    "SubnetGroups": ("Name", set()),
    "Users": ("Name", {"default"}),
}
"""What tells one from another, and what an account has that has made nothing; default parameter groups are left out."""


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize(("account", "region"), STRANGERS)
def test_nobody_else_sees_it(host: Host, account: str, region: str, kind: str) -> None:
    def names(*place: str) -> set[str]:
        rows = host.ask("json", f"Describe{kind}", {}, *place)[1][kind]
        return {row[name] for row in rows if not row[name].startswith("default.")}

    name, nothing = LISTS[kind]
    own = names(ACCOUNT, REGION)
    assert own > nothing
    shared = account == ACCOUNT and kind == "MultiRegionClusters"
    assert names(account, region) == (own if shared else nothing)
