"""The types of CloudFormation: properties, attributes and steps, without a host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.session import get_session

from localstack_memorydb.integrations.cloudformation import TYPES, Deployment, Refused, ResourceType
from localstack_memorydb.provider import Fault
from tests.world import World

# What the published schemas of the types say: every property that is not read-only, and every read-only one.
SCHEMAS = {
    "ACL": ("ACLName UserNames Tags", "Arn Status"),
    "Cluster": (
        "ACLName AutoMinorVersionUpgrade ClusterName DataTiering Description Engine EngineVersion FinalSnapshotName "
        "IpDiscovery KmsKeyId MaintenanceWindow MultiRegionClusterName NetworkType NodeType NumReplicasPerShard NumShards "
        "ParameterGroupName Port SecurityGroupIds SnapshotArns SnapshotName SnapshotRetentionLimit SnapshotWindow "
        "SnsTopicArn SnsTopicStatus SubnetGroupName TLSEnabled Tags",
        "ARN Status ParameterGroupStatus ClusterEndpoint.Address ClusterEndpoint.Port",
    ),
    "MultiRegionCluster": (
        "Description Engine EngineVersion MultiRegionClusterNameSuffix MultiRegionParameterGroupName NodeType NumShards "
        "TLSEnabled Tags UpdateStrategy",
        "ARN MultiRegionClusterName Status",
    ),
    "ParameterGroup": ("Description Family ParameterGroupName Parameters Tags", "ARN"),
    "Snapshot": (
        "ClusterName KmsKeyId SnapshotName Tags",
        "Arn ClusterConfiguration DataTiering Source Status",
    ),
    "SubnetGroup": ("Description SubnetGroupName SubnetIds Tags", "ARN SupportedNetworkTypes"),
    "User": ("AccessString AuthenticationMode Tags UserName", "Arn Status"),
}
KINDS = pytest.mark.parametrize("kind", TYPES.values(), ids=lambda kind: kind.kind)


def invoker(aws: World) -> Any:
    def invoke(operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return aws(operation, **params)
        except Fault as fault:
            raise Refused(fault.code, fault.message) from None

    return invoke


def test_the_seven_types_are_there() -> None:
    assert set(TYPES) == {f"AWS::MemoryDB::{name}" for name in SCHEMAS}


@KINDS
def test_a_type_has_the_properties_and_attributes_of_its_schema(kind: ResourceType) -> None:
    properties, attributes = SCHEMAS[kind.kind]
    assert kind.properties == set(properties.split())
    assert set(kind.attributes) == set(attributes.split())


@KINDS
def test_the_members_are_those_of_the_api(kind: ResourceType) -> None:
    model = get_session().get_service_model("memorydb")
    shape = model.operation_model(f"Create{kind.kind}").input_shape
    assert set(kind.members) <= set(shape.members)
    assert "Tags" in shape.members


@KINDS
def test_what_is_required_or_for_good_is_a_property(kind: ResourceType) -> None:
    assert {
        *kind.required,
        *kind.create_only,
        *kind.write_only,
        *kind.integers,
        *kind.booleans,
    } <= kind.properties


@KINDS
def test_a_property_that_nobody_knows_is_refused(kind: ResourceType) -> None:
    given = dict.fromkeys(kind.required, "x")
    with pytest.raises(Refused, match=r"extraneous key \[Colour\] is not permitted"):
        kind.validated({**given, "Colour": "red"})


@KINDS
def test_a_property_that_is_missing_is_told(kind: ResourceType) -> None:
    with pytest.raises(Refused, match=rf"required key \[{kind.required[0]}\] not found"):
        kind.validated({})


def test_numbers_and_truths_may_be_text() -> None:
    kind = TYPES["AWS::MemoryDB::Cluster"]
    given = {"ClusterName": "a", "NodeType": "b", "ACLName": "c", "NumShards": "2", "TLSEnabled": "false"}
    found = kind.validated({**given, "DataTiering": "true"})
    assert (found["NumShards"], found["TLSEnabled"], found["DataTiering"]) == (2, False, True)


def test_text_may_be_numbers_and_truths() -> None:
    kind = TYPES["AWS::MemoryDB::Cluster"]
    given = {"ClusterName": "a", "NodeType": "b", "ACLName": "c", "EngineVersion": 7.1}
    found = kind.validated({**given, "Tags": [{"Key": "paid", "Value": True}, {"Key": "cost", "Value": 7}]})
    assert found["EngineVersion"] == "7.1"
    assert found["Tags"] == [{"Key": "paid", "Value": "true"}, {"Key": "cost", "Value": "7"}]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("NumShards", "many", "#/NumShards: expected type: Integer, found: String"),
        ("NumShards", 1.5, "#/NumShards: expected type: Integer, found: Double"),
        ("NumShards", [1], "#/NumShards: expected type: Integer, found: JSONArray"),
        ("TLSEnabled", "maybe", "#/TLSEnabled: expected type: Boolean, found: String"),
    ],
)
def test_a_property_of_the_wrong_type_is_refused(name: str, value: object, expected: str) -> None:
    kind = TYPES["AWS::MemoryDB::Cluster"]
    with pytest.raises(Refused, match=expected):
        kind.validated({"ClusterName": "a", "NodeType": "b", "ACLName": "c", name: value})


@pytest.mark.parametrize("text", ["{bad", "[1]"])
def test_parameters_that_are_no_json_object_are_refused_before_anything_is_made(
    aws: World, text: str
) -> None:
    deployment = Deployment(TYPES["AWS::MemoryDB::ParameterGroup"], invoker(aws))
    given = {"ParameterGroupName": "a", "Family": "memorydb_redis7", "Parameters": text}
    with pytest.raises(Refused, match="#/Parameters: expected type: JSONObject"):
        deployment.create(given)
    assert aws.refusal("DescribeParameterGroups", ParameterGroupName="a") == "ParameterGroupNotFoundFault"


def test_changes_that_the_api_refuses_together_are_made_one_after_the_other() -> None:
    kind = TYPES["AWS::MemoryDB::Cluster"]
    before = {"ClusterName": "a", "NodeType": "db.t4g.small", "ACLName": "c", "NumShards": 1}
    after = {
        **before,
        "NodeType": "db.t4g.medium",
        "NumShards": 2,
        "NumReplicasPerShard": 2,
        "Description": "d",
    }
    requests = [params for _, params in kind.update_steps("arn", before, after)]
    assert requests == [
        {"ClusterName": "a", "Description": "d"},
        {"ClusterName": "a", "NodeType": "db.t4g.medium"},
        {"ClusterName": "a", "ReplicaConfiguration": {"ReplicaCount": 2}},
        {"ClusterName": "a", "ShardConfiguration": {"ShardCount": 2}},
    ]


def test_a_multi_region_cluster_changes_in_place(aws: World) -> None:
    deployment = Deployment(TYPES["AWS::MemoryDB::MultiRegionCluster"], invoker(aws))
    given = {"MultiRegionClusterNameSuffix": "all", "NodeType": "db.r7g.xlarge", "Engine": "valkey"}
    deployment.create(given)
    deployment.update(given, {**given, "NodeType": "db.r7g.2xlarge", "NumShards": 2})
    (found,) = aws("DescribeMultiRegionClusters")["MultiRegionClusters"]
    assert (found["NodeType"], found["NumberOfShards"]) == ("db.r7g.2xlarge", 2)


def test_parameters_may_be_json_text_and_are_reset_when_they_go() -> None:
    kind = TYPES["AWS::MemoryDB::ParameterGroup"]
    base = {"ParameterGroupName": "a", "Family": "memorydb_redis7"}
    before, after = {**base, "Parameters": json.dumps({"timeout": 30})}, base
    assert kind.create_steps(before)[1:] == [
        (
            "UpdateParameterGroup",
            {
                "ParameterGroupName": "a",
                "ParameterNameValues": [{"ParameterName": "timeout", "ParameterValue": "30"}],
            },
        )
    ]
    assert kind.update_steps("arn", before, after) == [
        ("ResetParameterGroup", {"ParameterGroupName": "a", "ParameterNames": ["timeout"]})
    ]


def test_a_resource_is_made_changed_and_deleted(aws: World) -> None:
    deployment = Deployment(TYPES["AWS::MemoryDB::User"], invoker(aws))
    given = {"UserName": "Ann", "AccessString": "on ~* +@all", "AuthenticationMode": {"Type": "iam"}}
    deployment.create(given)
    assert deployment.name == "ann"
    deployment.update(given, {**given, "AccessString": "on ~a* +@read"})
    assert "~a*" in aws("DescribeUsers", UserName="ann")["Users"][0]["AccessString"]
    deployment.delete(given)
    deployment.delete(given)
    assert aws.refusal("DescribeUsers", UserName="ann") == "UserNotFoundFault"


def test_the_final_snapshot_is_taken(aws: World) -> None:
    deployment = Deployment(TYPES["AWS::MemoryDB::Cluster"], invoker(aws))
    given = {"ClusterName": "shop", "NodeType": "db.t4g.small", "ACLName": "open-access"}
    deployment.create(given)
    deployment.delete({**given, "FinalSnapshotName": "last"})
    assert aws.snapshot("last")["Status"] == "available"


def user(name: str, access: str = "on ~* +@all") -> dict[str, Any]:
    return {"UserName": name, "AccessString": access, "AuthenticationMode": {"Type": "iam"}}


def test_a_resource_of_another_name_takes_the_place_of_the_old_one(aws: World) -> None:
    deployment = Deployment(TYPES["AWS::MemoryDB::User"], invoker(aws))
    deployment.create(user("ann"))
    former = deployment.update(user("ann"), user("bob"))
    assert former is not None
    assert (former.name, deployment.name) == ("ann", "bob")
    assert {each["Name"] for each in aws("DescribeUsers")["Users"]} >= {"ann", "bob"}


def test_the_old_resource_stays_when_there_cannot_be_a_new_one(aws: World) -> None:
    deployment = Deployment(TYPES["AWS::MemoryDB::User"], invoker(aws))
    deployment.create(user("ann"))
    with pytest.raises(Refused, match="InvalidParameterValueException"):
        deployment.update(user("ann"), user("bob", "nonsense"))
    assert deployment.name == "ann"
    assert "bob" not in {each["Name"] for each in aws("DescribeUsers")["Users"]}


def test_what_was_made_in_vain_goes(aws: World) -> None:
    """A cluster is made before its topic's status is set, which fails here."""
    deployment = Deployment(TYPES["AWS::MemoryDB::Cluster"], invoker(aws))
    given = {"ClusterName": "one", "NodeType": "db.t4g.small", "ACLName": "open-access"}
    deployment.create(given)
    with pytest.raises(Refused):
        deployment.update(
            given, {**given, "ClusterName": "two", "SnsTopicStatus": "NONE", "FinalSnapshotName": "last"}
        )
    assert [each["Name"] for each in aws("DescribeClusters")["Clusters"]] == ["one"]
    assert aws("DescribeSnapshots")["Snapshots"] == []


def test_a_change_that_needs_a_new_resource_needs_a_new_name(aws: World) -> None:
    deployment = Deployment(TYPES["AWS::MemoryDB::ParameterGroup"], invoker(aws))
    given = {"ParameterGroupName": "a", "Family": "memorydb_redis7"}
    deployment.create(given)
    with pytest.raises(Refused, match="Rename a and update the stack again"):
        deployment.update(given, {**given, "Family": "memorydb_valkey7"})
    assert aws("DescribeParameterGroups", ParameterGroupName="a")["ParameterGroups"][0]["Family"] == (
        "memorydb_redis7"
    )


def test_a_change_that_was_made_already_is_no_failure(aws: World) -> None:
    deployment = Deployment(TYPES["AWS::MemoryDB::Cluster"], invoker(aws))
    given = {"ClusterName": "shop", "NodeType": "db.t4g.small", "ACLName": "open-access"}
    deployment.create(given)
    aws("UpdateCluster", ClusterName="shop", Description="new")
    deployment.update(given, {**given, "Description": "new"})
    assert aws("DescribeClusters", ClusterName="shop")["Clusters"][0]["Description"] == "new"


def test_a_resource_that_never_comes_to_rest_is_told(slow_aws: World) -> None:
    deployment = Deployment(TYPES["AWS::MemoryDB::Cluster"], invoker(slow_aws), patience=0.05)
    given = {"ClusterName": "shop", "NodeType": "db.t4g.small", "ACLName": "open-access"}
    with pytest.raises(Refused, match="NotStabilized"):
        deployment.create(given)
    assert deployment.name == "shop"


def test_who_uses_a_resource(aws: World) -> None:
    aws("CreateACL", ACLName="readers")
    for name in ("one", "two"):
        aws("CreateCluster", ClusterName=name, NodeType="db.t4g.small", ACLName="readers")
    deployment = Deployment(TYPES["AWS::MemoryDB::ACL"], invoker(aws), "readers")
    assert deployment.clusters() == {"one", "two"}
