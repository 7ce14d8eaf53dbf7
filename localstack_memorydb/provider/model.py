"""botocore's model of the MemoryDB API, read once: what a request may hold and what an answer must look like.

The model is https://docs.aws.amazon.com/memorydb/latest/APIReference/ as data. This is the only file of the
provider that knows botocore. Requests and answers are plain dicts; timestamps are aware datetimes, so the same
dicts serve AWS JSON 1.1 and CBOR.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from botocore import xform_name
from botocore.loaders import Loader

from localstack_memorydb.provider.faults import (
    Fault,
    InvalidParameterValueException,
    UnknownOperationException,
)

PAGING: Final = frozenset({"max_results", "next_token"})
_INTEGER_LIMIT: Final = 2**31


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One member of a structure; `attribute` is its name in Python (ACLName: acl_name)."""

    name: str
    attribute: str
    shape: Shape
    required: bool


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One type of the model with its bounds; for a list `element` is what it holds."""

    name: str
    kind: str
    members: Mapping[str, Member] = field(default_factory=dict)
    element: Shape | None = None
    minimum: int | None = None
    maximum: int | None = None
    pattern: re.Pattern[str] | None = None
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation: input and output, and the errors that it declares."""

    name: str
    input: Shape
    output: Shape
    faults: frozenset[str]

    @property
    def attribute(self) -> str:
        return _attribute(self.name)

    @property
    def paged(self) -> bool:
        return {"NextToken", "MaxResults"} <= self.input.members.keys()

    @property
    def parameters(self) -> dict[str, Member]:
        """The members that the operation itself has to deal with, by their names in Python."""
        members = {member.attribute: member for member in self.input.members.values()}
        return {name: member for name, member in members.items() if not (self.paged and name in PAGING)}

    @property
    def results(self) -> tuple[Member, ...]:
        """The members of the answer, paging aside."""
        return tuple(member for member in self.output.members.values() if member.name != "NextToken")


@cache
def operations() -> Mapping[str, Operation]:
    """Every operation of the API by its name."""
    document = _document()
    return {
        name: Operation(
            name=name,
            input=_shape(entry["input"]["shape"]),
            output=_shape(entry["output"]["shape"]),
            faults=frozenset(fault["shape"] for fault in entry.get("errors", ())),
        )
        for name, entry in document["operations"].items()
    }


@cache
def fault_names() -> frozenset[str]:
    """The error shapes of the model."""
    return frozenset(name for name, shape in _document()["shapes"].items() if shape.get("exception"))


def find(name: str) -> Operation:
    """The operation of that name; UnknownOperationException when the API has none."""
    found = operations().get(name)
    if found is None:
        raise UnknownOperationException(f"The operation {name} is not known to Amazon MemoryDB.")
    return found


@cache
def _document() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = Loader().load_service_model("memorydb", "service-2")
    return loaded


@cache
def _shape(name: str) -> Shape:
    entry = _document()["shapes"][name]
    required = entry.get("required", ())
    return Shape(
        name=name,
        kind=entry["type"],
        members={
            member: Member(member, _attribute(member), _shape(reference["shape"]), member in required)
            for member, reference in entry.get("members", {}).items()
        },
        element=_shape(entry["member"]["shape"]) if entry["type"] == "list" else None,
        minimum=entry.get("min"),
        maximum=entry.get("max"),
        pattern=re.compile(entry["pattern"], re.DOTALL) if "pattern" in entry else None,
        enum=tuple(entry.get("enum", ())),
    )


def _attribute(name: str) -> str:
    attribute: str = xform_name(name).lstrip("_")
    return attribute


def validate(operation: Operation, params: Mapping[str, Any]) -> dict[str, Any]:
    """The request's members by their names in Python; the first that breaks the model is a fault.

    A member that is null counts as left out, and one that the model does not know is passed over, as on AWS: a newer SDK
    may send what this model has not heard of.
    """
    return {
        operation.input.members[name].attribute: value
        for name, value in _structure(operation.input, params, "").items()
    }


def _structure(shape: Shape, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _invalid(path or "request", "must be a structure")
    given = {name: item for name, item in value.items() if item is not None and name in shape.members}
    for member in shape.members.values():
        if member.required and _is_blank(given.get(member.name)):
            raise _invalid(_join(path, member.name), "must be provided and must not be blank")
    return {name: _value(shape.members[name].shape, item, _join(path, name)) for name, item in given.items()}


def _value(shape: Shape, value: Any, path: str) -> Any:
    match shape.kind:
        case "structure":
            return _structure(shape, value, path)
        case "list":
            return _list(shape, value, path)
        case "string":
            return _string(shape, value, path)
        case "integer":
            return _integer(value, path)
        case "boolean":
            return _boolean(value, path)
        case "timestamp":
            return _timestamp(value, path)
        case kind:  # no other type stands in an input of this API
            raise NotImplementedError(f"{path}: {kind}")


def _list(shape: Shape, value: Any, path: str) -> list[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise _invalid(path, "must be a list")
    _bounds(shape, len(value), path, "entries")
    if shape.element is None:
        raise TypeError(f"{shape.name} is no list")
    return [_value(shape.element, item, f"{path}[{position}]") for position, item in enumerate(value)]


def _string(shape: Shape, value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _invalid(path, "must be a string")
    _bounds(shape, len(value), path, "characters")
    if shape.pattern and not shape.pattern.fullmatch(value):
        raise _invalid(path, f"must match {shape.pattern.pattern}")
    if shape.enum and value not in shape.enum:
        raise _invalid(path, f"must be one of {', '.join(shape.enum)}")
    return value


def _integer(value: Any, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _invalid(path, "must be an integer")
    if not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        raise _invalid(path, "is out of range")
    return value


def _boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _invalid(path, "must be true or false")
    return value


def _timestamp(value: Any, path: str) -> datetime:
    """An aware datetime, or seconds since the epoch as AWS JSON 1.1 writes timestamps."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError):
            raise _invalid(path, "is out of range") from None
    raise _invalid(path, "must be a timestamp")


def _bounds(shape: Shape, length: int, path: str, unit: str) -> None:
    if shape.minimum is not None and length < shape.minimum:
        raise _invalid(path, f"must have at least {shape.minimum} {unit}")
    if shape.maximum is not None and length > shape.maximum:
        raise _invalid(path, f"must have at most {shape.maximum} {unit}")


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _join(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)


def _invalid(path: str, what: str) -> Fault:
    return InvalidParameterValueException(f"The parameter {path} {what}.")


def render(shape: Shape, value: Any) -> Any:
    """The value as the answer holds it: of an object the attributes that the shape names, but None."""
    match shape.kind:
        case "structure":
            return dict(_attributes(shape, value))
        case "list" if shape.element is not None:
            element = shape.element
            return [render(element, item) for item in value]
        case _:
            return value


def _attributes(shape: Shape, value: Any) -> Iterator[tuple[str, Any]]:
    for member in shape.members.values():
        attribute = getattr(value, member.attribute)
        if attribute is not None:
            yield member.name, render(member.shape, attribute)


_PYTHON_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "structure": (dict,),
    "list": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "double": (float, int),
    "timestamp": (datetime,),
}


def check(shape: Shape, value: Any, path: str = "answer") -> None:
    """TypeError when a rendered answer does not have the types of the model; the tests let invoke call it.

    Enumerations are not checked: AWS itself answers AvailabilityMode MultiAZ where the model has multiaz.
    """
    if type(value) not in _PYTHON_TYPES[shape.kind]:
        raise TypeError(f"{path} is {type(value).__name__}, the model says {shape.kind}")
    if shape.kind == "structure":
        for name, item in value.items():
            check(shape.members[name].shape, item, _join(path, name))
    elif shape.element is not None:
        for position, item in enumerate(value):
            check(shape.element, item, f"{path}[{position}]")
