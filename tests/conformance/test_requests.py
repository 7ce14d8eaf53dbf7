"""Every operation that is built obeys the model: requests are made from it, each with one thing wrong.

A request counts as refused by the model when the error is InvalidParameterValueException and names the member.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localstack_memorydb.provider import OPERATIONS, model
from localstack_memorydb.provider.model import Shape
from tests.world import World

SAMPLES: dict[str, Any] = {"integer": 1, "boolean": True, "timestamp": 0}
WRONG_TYPES: dict[str, list[Any]] = {
    "string": [1, True, ["x"], {"x": "y"}],
    "integer": ["1", 1.5, True, [1]],
    "boolean": ["true", 1, [True]],
    "timestamp": ["yesterday", [0], True],
    "list": ["x", 1, {"x": "y"}],
    "structure": ["x", 1, ["x"]],
}


def sample(shape: Shape) -> Any:
    """A value that the model accepts."""
    match shape.kind:
        case "structure":
            return {name: sample(member.shape) for name, member in shape.members.items() if member.required}
        case "list" if shape.element is not None:
            return [sample(shape.element)]
        case "string":
            return shape.enum[0] if shape.enum else "a"
        case kind:
            return SAMPLES[kind]


def wrong(shape: Shape, path: str) -> Iterator[tuple[str, str, Any]]:
    """(what is wrong, the path that the error must name, the value)."""
    for value in WRONG_TYPES[shape.kind]:
        yield f"type {type(value).__name__}", path, value
    match shape.kind:
        case "integer":
            yield "too large", path, 2**31
            yield "too small", path, -(2**31) - 1
        case "string":
            yield from wrong_strings(shape, path)
        case "list" if shape.element is not None:
            yield from wrong_lists(shape, shape.element, path)
        case "structure":
            yield "unknown member", f"{path}.Nonsense", {"Nonsense": 1}
            for name, member in shape.members.items():
                if member.required:
                    yield "missing", f"{path}.{name}", {n: v for n, v in sample(shape).items() if n != name}
                for what, where, value in wrong(member.shape, f"{path}.{name}"):
                    yield what, where, {**sample(shape), name: value}


def wrong_strings(shape: Shape, path: str) -> Iterator[tuple[str, str, Any]]:
    if shape.enum:
        yield "not in the enumeration", path, "nonsense"
    if shape.pattern:
        yield "bad pattern", path, " "
        if shape.pattern.fullmatch("a b") is None:
            yield "bad pattern at the end", path, "a b"
    if shape.minimum:
        yield "too short", path, "a" * (shape.minimum - 1)
    if shape.maximum:
        yield "too long", path, "a" * (shape.maximum + 1)


def wrong_lists(shape: Shape, element: Shape, path: str) -> Iterator[tuple[str, str, Any]]:
    if shape.minimum:
        yield "too few", path, [sample(element)] * (shape.minimum - 1)
    if shape.maximum:
        yield "too many", path, [sample(element)] * (shape.maximum + 1)
    for what, where, value in wrong(element, f"{path}[1]"):
        yield what, where, [sample(element), value]


def cases() -> Iterator[Any]:
    for name in sorted(OPERATIONS):
        shape = OPERATIONS[name].model.input
        good = sample(shape)
        yield pytest.param(name, {**good, "Nonsense": 1}, "Nonsense", id=f"{name}-unknown member")
        for member, described in shape.members.items():
            if described.required:
                for what, value in (("missing", {}), ("null", {member: None})):
                    rest = {n: v for n, v in good.items() if n != member}
                    yield pytest.param(name, {**rest, **value}, member, id=f"{name}-{member} {what}")
            for what, where, value in wrong(described.shape, member):
                yield pytest.param(name, {**good, member: value}, where, id=f"{name}-{where} {what}")


@pytest.mark.parametrize(("operation", "request_", "member"), list(cases()))
def test_a_request_with_one_thing_wrong(
    world: World, operation: str, request_: dict[str, Any], member: str
) -> None:
    code, text = world.refused(operation, **request_)
    assert code == "InvalidParameterValueException"
    assert f"parameter {member} " in text or f"parameter: {member}." in text


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
