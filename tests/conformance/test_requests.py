"""Every operation that is built obeys the model: requests are made from it, each with one thing wrong.

A request counts as refused by the model when the error is InvalidParameterValueException and names the member.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localstack_memorydb.provider import OPERATIONS, model
from tests.world import World

from .requests import sample, wrong_requests


def cases() -> Iterator[Any]:
    for name in sorted(OPERATIONS):
        described = OPERATIONS[name].model
        for what, member, request in wrong_requests(described, sample(described.input)):
            yield pytest.param(name, request, member, id=f"{name}-{what}")


@pytest.mark.parametrize(("operation", "request_", "member"), list(cases()))
def test_a_request_with_one_thing_wrong(
    world: World, operation: str, request_: dict[str, Any], member: str
) -> None:
    code, text = world.refused(operation, **request_)
    assert code == "InvalidParameterValueException"
    assert f"parameter {member} " in text


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_request_that_the_model_accepts_comes_through(operation: str) -> None:
    described = OPERATIONS[operation].model
    given = {name: sample(member.shape) for name, member in described.input.members.items()}
    assert model.validate(described, given).keys() == {
        member.attribute for member in described.input.members.values()
    }


@pytest.mark.parametrize("operation", sorted(name for name in OPERATIONS if OPERATIONS[name].model.paged))
def test_a_paged_operation_refuses_what_is_no_page(world: World, operation: str) -> None:
    good = sample(OPERATIONS[operation].model.input)
    if "ParameterGroupName" in good:
        good["ParameterGroupName"] = "default.memorydb-redis7"
    if "MultiRegionParameterGroupName" in good:
        good["MultiRegionParameterGroupName"] = "default.memorydb-valkey7.multiregion"
    for wrong_page in ({"MaxResults": 0}, {"MaxResults": 101}, {"NextToken": "nonsense"}):
        code, text = world.refused(operation, **good, **wrong_page)
        assert code == "InvalidParameterValueException"
        assert next(iter(wrong_page)) in text
