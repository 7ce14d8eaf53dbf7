"""Requests made from botocore's model, each with one thing wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localstack_memorydb.provider.model import Operation, Shape

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


def wrong_requests(described: Operation, good: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(what is wrong, the path that the error must name, the request): `good` with one thing changed."""
    for member, found in described.input.members.items():
        if found.required:
            rest = {name: value for name, value in good.items() if name != member}
            yield f"{member} missing", member, rest
            yield f"{member} null", member, {**rest, member: None}
            if found.shape.kind == "string":
                yield f"{member} blank", member, {**rest, member: " "}
        for what, where, value in wrong(found.shape, member):
            yield f"{where} {what}", where, {**good, member: value}
