"""What a path is made of once it was read: steps, and the conditions of filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from localstack_memorydb.engine.documents.errors import Fault
from localstack_memorydb.engine.documents.texts import Json


@dataclass(frozen=True, slots=True)
class Broken:
    """What cannot be read. On anything but an array it is another fault, if there is an `otherwise`."""

    fault: Fault
    otherwise: Fault | None = None


@dataclass(frozen=True, slots=True)
class Dollar:
    """`$` in the middle: the root, if that is where the search is."""


@dataclass(frozen=True, slots=True)
class Name:
    """A member. The `last` one may be new, where values are set."""

    name: str
    last: bool


@dataclass(frozen=True, slots=True)
class Names:
    """Several members."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """An element."""

    index: int


@dataclass(frozen=True, slots=True)
class Indexes:
    """Several elements."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """Elements from `start` up to `stop` (None: the end)."""

    start: int
    stop: int | None
    step: int


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Every member or element."""


@dataclass(frozen=True, slots=True)
class Descend:
    """`..`: here and everywhere below."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """The elements that a condition holds for. One that follows `*` is for arrays only."""

    condition: Condition
    only_arrays: bool = False


Step: TypeAlias = Broken | Dollar | Name | Names | Index | Indexes | Slice | Wildcard | Descend | Filtered


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that is looked up from the root."""

    path: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the path."""

    value: Json


Operand: TypeAlias = Reference | Literal


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether `@`, its member, or an element of its member compares like that with a value.

    `at` is the element's index; `inside` asks for any element.
    """

    member: str | None
    operator: str
    operand: Operand
    at: int | None = None
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether `@` has the member."""

    member: str


@dataclass(frozen=True, slots=True)
class Either:
    """Conditions of which one holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Every:
    """Conditions that all hold."""

    conditions: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Exists | Either | Every


@dataclass(frozen=True, slots=True)
class Path:
    """A path that was read.

    `descents` says how many `..` come into view with each step, and `before` how many with the beginning: a search may see only
    so many, each time that it comes by.
    """

    steps: tuple[Step, ...]
    enhanced: bool
    descents: tuple[int, ...]
    before: int
