"""Tags on every kind of resource."""

from __future__ import annotations

import pytest

from tests.world import ACCOUNT, REGION, World

ARN = f"arn:aws:memorydb:{REGION}:{ACCOUNT}"
TEAM, SIZE = {"Key": "team", "Value": "shop"}, {"Key": "size", "Value": "xl"}

KINDS = {
    "cluster/orders": "ClusterNotFoundFault",
    "snapshot/nightly": "SnapshotNotFoundFault",
    "subnetgroup/default": "SubnetGroupNotFoundFault",
    "parametergroup/default.memorydb-redis7": "ParameterGroupNotFoundFault",
    "user/default": "UserNotFoundFault",
    "acl/open-access": "ACLNotFoundFault",
}


@pytest.mark.parametrize("resource", KINDS)
def test_a_resource_of_any_kind_can_be_tagged(aws: World, resource: str) -> None:
    aws.create_cluster()
    aws.create_snapshot()
    arn = f"{ARN}:{resource}"
    assert aws("ListTags", ResourceArn=arn) == {"TagList": []}
    assert aws("TagResource", ResourceArn=arn, Tags=[TEAM]) == {"TagList": [TEAM]}
    assert aws("TagResource", ResourceArn=arn, Tags=[SIZE]) == {"TagList": [SIZE, TEAM]}
    assert aws("ListTags", ResourceArn=arn) == {"TagList": [SIZE, TEAM]}
    assert aws("UntagResource", ResourceArn=arn, TagKeys=["team"]) == {"TagList": [SIZE]}


def test_reserved_nodes_keep_the_tags_of_their_purchase(aws: World) -> None:
    offering = aws("DescribeReservedNodesOfferings")["ReservedNodesOfferings"][0]
    arn = aws(
        "PurchaseReservedNodesOffering",
        ReservedNodesOfferingId=offering["ReservedNodesOfferingId"],
        ReservationId="ours",
        Tags=[TEAM],
    )["ReservedNode"]["ARN"]
    assert aws("ListTags", ResourceArn=arn) == {"TagList": [TEAM]}
    assert aws.refusal("ListTags", ResourceArn=f"{ARN}:reservednode/nobodys") == "InvalidARNFault"


@pytest.mark.parametrize(("resource", "code"), KINDS.items())
def test_a_resource_that_does_not_exist(aws: World, resource: str, code: str) -> None:
    assert aws.refusal("ListTags", ResourceArn=f"{ARN}:{resource.partition('/')[0]}/nobody") == code


def test_multi_region_resources_have_arns_without_a_region(aws: World) -> None:
    arn = f"arn:aws:memorydb::{ACCOUNT}:multiregioncluster/virxk-all"
    assert aws.refusal("ListTags", ResourceArn=arn) == "MultiRegionClusterNotFoundFault"
    arn = f"arn:aws:memorydb:{REGION}:{ACCOUNT}:multiregioncluster/virxk-all"
    assert aws.refusal("ListTags", ResourceArn=arn) == "InvalidARNFault"


@pytest.mark.parametrize(
    "arn",
    [
        "orders",
        f"arn:aws:elasticache:{REGION}:{ACCOUNT}:cluster/orders",
        f"arn:aws:memorydb:eu-west-1:{ACCOUNT}:cluster/orders",
        f"arn:aws:memorydb:{REGION}:999999999999:cluster/orders",
        f"arn:aws-cn:memorydb:{REGION}:{ACCOUNT}:cluster/orders",
        f"{ARN}:cluster/",
        f"{ARN}:cluster",
        f"{ARN}:node/orders",
    ],
)
@pytest.mark.parametrize("operation", ["ListTags", "TagResource", "UntagResource"])
def test_an_arn_that_names_no_resource_here(aws: World, operation: str, arn: str) -> None:
    aws.create_cluster()
    rest = {"TagResource": {"Tags": [TEAM]}, "UntagResource": {"TagKeys": ["team"]}}.get(operation, {})
    assert aws.refusal(operation, ResourceArn=arn, **rest) == "InvalidARNFault"


def test_arns_of_names_in_capitals_are_understood(aws: World) -> None:
    aws.create_cluster(Tags=[TEAM])
    assert aws("ListTags", ResourceArn=f"{ARN}:cluster/Orders") == {"TagList": [TEAM]}


def test_the_later_value_counts_and_keys_are_case_sensitive(aws: World) -> None:
    arn = aws.create_cluster(Tags=[TEAM, {"Key": "team", "Value": "till"}, {"Key": "Team", "Value": "x"}])[
        "ARN"
    ]
    assert aws("ListTags", ResourceArn=arn)["TagList"] == [
        {"Key": "Team", "Value": "x"},
        {"Key": "team", "Value": "till"},
    ]


def test_a_value_may_be_missing(aws: World) -> None:
    arn = aws.create_cluster(Tags=[{"Key": "flag"}, {"Key": "empty", "Value": ""}])["ARN"]
    assert aws("ListTags", ResourceArn=arn)["TagList"] == [{"Key": "empty", "Value": ""}, {"Key": "flag"}]


@pytest.mark.parametrize(
    "tag",
    [
        {"Value": "x"},
        {"Key": "", "Value": "x"},
        {"Key": "k" * 129, "Value": "x"},
        {"Key": "AWS:team", "Value": "x"},
        {"Key": "team", "Value": "v" * 257},
    ],
)
def test_tags_out_of_bounds_are_refused(aws: World, tag: dict[str, str]) -> None:
    arn = f"{ARN}:acl/open-access"
    assert aws.refusal("TagResource", ResourceArn=arn, Tags=[TEAM, tag]) == "InvalidParameterValueException"
    assert aws("ListTags", ResourceArn=arn) == {"TagList": []}


def test_fifty_tags_are_enough(aws: World) -> None:
    arn = f"{ARN}:acl/open-access"
    aws("TagResource", ResourceArn=arn, Tags=[{"Key": f"k{number}"} for number in range(50)])
    assert aws.refusal("TagResource", ResourceArn=arn, Tags=[TEAM]) == "TagQuotaPerResourceExceeded"
    aws("TagResource", ResourceArn=arn, Tags=[{"Key": "k0", "Value": "x"}])


def test_a_tag_that_is_not_there_cannot_be_taken_off(aws: World) -> None:
    arn = aws.create_cluster(Tags=[TEAM])["ARN"]
    assert aws.refusal("UntagResource", ResourceArn=arn, TagKeys=["team", "size"]) == "TagNotFoundFault"
    assert aws("ListTags", ResourceArn=arn) == {"TagList": [TEAM]}


def test_a_cluster_that_is_being_made_has_no_tags_to_show(slow_aws: World) -> None:
    arn = slow_aws.create_cluster()["ARN"]
    assert slow_aws.refusal("ListTags", ResourceArn=arn) == "InvalidClusterStateFault"


def test_tags_of_a_cluster_that_is_busy_can_be_read_but_not_changed(slow_aws: World) -> None:
    arn = slow_aws.create_cluster(Tags=[TEAM])["ARN"]
    slow_aws.pass_time(hours=1)
    slow_aws.create_snapshot()
    assert slow_aws("DescribeClusters")["Clusters"][0]["Status"] == "snapshotting"
    assert slow_aws("ListTags", ResourceArn=arn) == {"TagList": [TEAM]}
    assert slow_aws.refusal("TagResource", ResourceArn=arn, Tags=[SIZE]) == "InvalidClusterStateFault"


def test_a_snapshot_has_the_tags_of_its_cluster_or_its_own(aws: World) -> None:
    aws.create_cluster(Tags=[TEAM])
    like_cluster, own = (
        aws.create_snapshot(name="a")["ARN"],
        aws.create_snapshot(name="b", Tags=[SIZE])["ARN"],
    )
    assert aws("ListTags", ResourceArn=like_cluster)["TagList"] == [TEAM]
    assert aws("ListTags", ResourceArn=own)["TagList"] == [SIZE]
