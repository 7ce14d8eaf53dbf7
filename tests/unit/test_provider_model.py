"""The model: validation, rendering, and our classes against it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from localstack_memorydb.provider import faults, model, resources
from localstack_memorydb.provider.faults import Fault, InvalidParameterValueException

CREATE_CLUSTER = model.find("CreateCluster")
CLUSTER = {"ClusterName": "orders", "NodeType": "db.t4g.small", "ACLName": "open-access"}


def test_members_get_names_of_python() -> None:
    given = {**CLUSTER, "TLSEnabled": True, "KmsKeyId": "k", "NumShards": 2}
    assert model.validate(CREATE_CLUSTER, given) == {
        "cluster_name": "orders",
        "node_type": "db.t4g.small",
        "acl_name": "open-access",
        "tls_enabled": True,
        "kms_key_id": "k",
        "num_shards": 2,
    }


def test_null_is_left_out() -> None:
    assert "description" not in model.validate(CREATE_CLUSTER, {**CLUSTER, "Description": None})


def test_a_member_that_the_model_does_not_know_is_passed_over() -> None:
    validated = model.validate(CREATE_CLUSTER, {**CLUSTER, "Novelty": 1, "Tags": [{"Key": "a", "Colour": 2}]})
    assert validated.keys() == {"cluster_name", "node_type", "acl_name", "tags"}
    assert validated["tags"] == [{"Key": "a"}]


@pytest.mark.parametrize(
    ("operation", "given", "text"),
    [
        (
            "CreateCluster",
            {"ClusterName": None},
            "The parameter ClusterName must be provided and must not be blank.",
        ),
        (
            "CreateCluster",
            {"ClusterName": " "},
            "The parameter ClusterName must be provided and must not be blank.",
        ),
        ("CreateCluster", {"NumShards": "2"}, "The parameter NumShards must be an integer."),
        ("CreateCluster", {"NumShards": True}, "The parameter NumShards must be an integer."),
        ("CreateCluster", {"NumShards": 2**31}, "The parameter NumShards is out of range."),
        ("CreateCluster", {"TLSEnabled": "yes"}, "The parameter TLSEnabled must be true or false."),
        ("CreateCluster", {"Description": 1}, "The parameter Description must be a string."),
        ("CreateCluster", {"Tags": {"Key": "x"}}, "The parameter Tags must be a list."),
        ("CreateCluster", {"Tags": "x"}, "The parameter Tags must be a list."),
        ("CreateCluster", {"Tags": ["x"]}, "The parameter Tags[0] must be a structure."),
        ("CreateCluster", {"Tags": [{}, {"Key": 1}]}, "The parameter Tags[1].Key must be a string."),
        ("CreateCluster", {"Tags": [{}] * 201}, "The parameter Tags must have at most 200 entries."),
        ("CreateCluster", {"ACLName": "1st"}, r"The parameter ACLName must match [a-zA-Z][a-zA-Z0-9\-]*."),
        (
            "CreateCluster",
            {"NetworkType": "ipx"},
            "The parameter NetworkType must be one of ipv4, ipv6, dual_stack.",
        ),
    ],
)
def test_a_request_that_breaks_the_model_is_refused(operation: str, given: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameterValueException) as refusal:
        model.validate(model.find(operation), {**CLUSTER, **given})
    assert refusal.value.message == text


@pytest.mark.parametrize(
    ("value", "moment"), [(0, datetime(1970, 1, 1, tzinfo=UTC)), (1.5e9, datetime.fromtimestamp(1.5e9, UTC))]
)
def test_timestamps_may_be_seconds(value: float, moment: datetime) -> None:
    assert model.validate(model.find("DescribeEvents"), {"StartTime": value}) == {"start_time": moment}


@pytest.mark.parametrize("value", ["now", datetime(2026, 1, 1), 1e30, True])
def test_other_timestamps_are_refused(value: Any) -> None:
    with pytest.raises(InvalidParameterValueException):
        model.validate(model.find("DescribeEvents"), {"StartTime": value})


def test_none_is_not_rendered_but_empty_lists_are() -> None:
    shape = model.find("ListTags").output
    tag = SimpleNamespace(key="team", value=None)
    assert model.render(shape, SimpleNamespace(tag_list=[tag])) == {"TagList": [{"Key": "team"}]}
    assert model.render(shape, SimpleNamespace(tag_list=[])) == {"TagList": []}


def test_an_answer_of_other_types_is_found_out() -> None:
    with pytest.raises(TypeError, match=r"TagList\[0\].Key is int, the model says string"):
        model.check(model.find("ListTags").output, {"TagList": [{"Key": 1}]})


def test_every_error_shape_has_its_class_and_no_more() -> None:
    ours = {cls.code for cls in vars(faults).values() if isinstance(cls, type) and issubclass(cls, Fault)}
    assert (
        ours - {"InternalFailure", "InvalidSignatureException", "UnknownOperationException", "NotImplemented"}
        == model.fault_names()
    )


@pytest.mark.parametrize(
    "name",
    [
        "ACL",
        "Cluster",
        "Event",
        "MultiRegionCluster",
        "MultiRegionParameterGroup",
        "ParameterGroup",
        "ReservedNode",
        "Snapshot",
        "SubnetGroup",
        "Tag",
        "User",
    ],
)
def test_resources_have_what_their_shape_names(name: str) -> None:
    shape = next(
        member.shape.element or member.shape
        for operation in model.operations().values()
        for member in operation.results
        if name in {member.shape.name, member.shape.element.name if member.shape.element else None}
    )
    ours = getattr(resources, name)
    attributes = {field.name for field in dataclasses.fields(ours)} | set(dir(ours))
    assert {member.attribute for member in shape.members.values()} <= attributes
