"""The API over HTTP, in both protocols, on the stand-alone host.

Every operation is asked with one thing wrong at a time: each request is refused with the documented code, and nothing has
changed. Then every operation is asked rightly and answers. The host checks meanwhile that errors are declared and answers
fit the model: what does not would be an InternalFailure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localstack_memorydb.provider import OPERATIONS, model

from .host import ACCOUNT, ARN, ARNS, NEW, NOT_FOUND, OTHER, Host, differences, prepare, right_requests
from .requests import wrong_requests


@pytest.fixture(scope="module")
def right(host: Host) -> dict[str, dict[str, Any]]:
    return right_requests(host, ACCOUNT)


@pytest.mark.parametrize("protocol", ["json", "cbor"])
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_request_with_one_thing_wrong(
    host: Host, right: dict[str, dict[str, Any]], operation: str, protocol: str
) -> None:
    def check() -> Iterator[str]:
        before = host.state()
        for what, member, params in wrong_requests(model.find(operation), right[operation]):
            status, code, text = host.refusal(protocol, operation, params)
            if (status, code) != (
                400,
                "InvalidParameterValueException",
            ) or f"parameter {member} " not in text:
                yield f"{what}: {status} {code} {text}"
            if host.state() != before:
                yield f"{what}: the state has changed"
                return

    assert differences(host, check) == []


def documented() -> Iterator[tuple[str, dict[str, Any], str]]:
    """(operation, what is changed in a right request, the code): rules that the model does not hold."""
    for operation, described in sorted(model.operations().items()):
        for member, found in described.input.members.items():
            code = NOT_FOUND.get(member, "")
            if code in described.faults and NEW.get(operation, ("",))[0] != member:
                yield operation, {member: ["nobody"] if found.shape.kind == "list" else "nobody"}, code
        if "MaxResults" in described.input.members:
            for page in ({"MaxResults": 0}, {"MaxResults": 101}, {"NextToken": "nonsense"}):
                yield operation, page, "InvalidParameterValueException"
        if "Tags" in described.input.members:
            yield operation, {"Tags": [{"Key": "aws:x"}]}, "InvalidParameterValueException"
            yield operation, {"Tags": [{"Value": "x"}]}, "InvalidParameterValueException"
            yield operation, {"Tags": [{"Key": "x" * 129}]}, "InvalidParameterValueException"
            yield operation, {"Tags": [{"Key": "x", "Value": "x" * 257}]}, "InvalidParameterValueException"
            many = [{"Key": f"k{number}"} for number in range(51)]
            yield operation, {"Tags": many}, "TagQuotaPerResourceExceeded"
    for operation, (member, taken) in NEW.items():
        yield operation, {member: "old"}, taken
        for name in ("1st", "a--b", "a-", "a_b", "a.b", "é", "a" * 256):
            yield operation, {member: name}, "InvalidParameterValueException"
    for operation in ("ListTags", "TagResource", "UntagResource"):
        yield operation, {"ResourceArn": "old"}, "InvalidARNFault"
        for kind, code in ARNS.items():
            yield operation, {"ResourceArn": f"{ARN}:{kind}/nobody"}, code
    yield "CreateACL", {"UserNames": ["old", "OLD"]}, "DuplicateUserNameFault"
    yield "UpdateACL", {"UserNamesToAdd": ["old"]}, "DuplicateUserNameFault"
    yield "UpdateACL", {"UserNamesToRemove": ["spare"]}, "InvalidParameterValueException"
    yield "UntagResource", {"TagKeys": ["team", "nothing"]}, "TagNotFoundFault"
    yield "DeleteACL", {"ACLName": "open-access"}, "InvalidParameterValueException"
    yield "DeleteUser", {"UserName": "default"}, "InvalidParameterValueException"
    yield "UpdateUser", {"UserName": "default"}, "InvalidParameterValueException"
    yield "CreateSubnetGroup", {"SubnetIds": ["subnet-nowhere"]}, "InvalidSubnet"
    yield "UpdateSubnetGroup", {"SubnetIds": ["subnet-nowhere"]}, "InvalidSubnet"


@pytest.mark.parametrize("protocol", ["json", "cbor"])
@pytest.mark.parametrize("operation", sorted({operation for operation, _, _ in documented()}))
def test_what_is_refused_beyond_the_model(
    host: Host, right: dict[str, dict[str, Any]], operation: str, protocol: str
) -> None:
    def check() -> Iterator[str]:
        for asked, change, code in documented():
            if asked == operation:
                answered = host.refusal(protocol, operation, {**right[operation], **change})
                if answered[:2] != (400, code):
                    yield f"{change}: {answered}, not {code}"

    assert differences(host, check) == []


@pytest.mark.parametrize("protocol", ["json", "cbor"])
def test_every_operation_answers(host: Host, protocol: str) -> None:
    account = OTHER if protocol == "json" else OTHER[::-1].replace("2", "3")
    prepare(host, account)
    requests = right_requests(host, account)
    assert requests.keys() == model.operations().keys()
    for operation, params in requests.items():
        host.accepted(protocol, operation, params, account)
        host.accepted(protocol, "DescribeClusters", {}, account)
