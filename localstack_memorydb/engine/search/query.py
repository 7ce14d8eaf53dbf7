"""Query expressions: read into a tree, and what each node finds or says of itself.

https://docs.aws.amazon.com/memorydb/latest/devguide/vector-search-overview.html#vector-search-query-expression
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from localstack_memorydb.engine.errors import CommandError, printable
from localstack_memorydb.engine.search.columns import (
    NumericColumn,
    TagColumn,
    Tick,
    VectorColumn,
    read_vector,
)
from localstack_memorydb.engine.search.documents import as_number
from localstack_memorydb.engine.search.index import Index

Keys: TypeAlias = Mapping[bytes, None]

DEFAULT_EPSILON: Final = 0.01
_MOST_CANDIDATES: Final = 4096
_MOST_NEIGHBOURS: Final = (1 << 31) - 1
_INFINITIES: Final = {"inf": math.inf, "+inf": math.inf, "-inf": -math.inf}


@dataclass(slots=True)
class Search:
    """A query at work: what its parameters are, and the distances that it found, by their name and key."""

    index: Index
    parameters: Mapping[str, bytes]
    tick: Tick
    scores: dict[bytes, dict[bytes, float]] = field(default_factory=dict)

    def parameter(self, text: str) -> str:
        """The text, or the parameter that it names with a dollar. Raises CommandError."""
        return self.blob(text).decode("utf-8", "surrogateescape") if text.startswith("$") else text

    def blob(self, text: str) -> bytes:
        """The bytes of the parameter that is named with a dollar. Raises CommandError."""
        found = self.parameters.get(text[1:])
        if found is None:
            raise CommandError(f"ERR Parameter not found: {text[1:]}")
        return found

    def number(self, text: str) -> float:
        """A number, or the parameter that holds it. Raises CommandError."""
        word = self.parameter(text)
        infinite = _INFINITIES.get(word.lower())
        number = infinite if infinite is not None else as_number(word.encode("utf-8", "surrogateescape"))
        if number is None:
            raise CommandError(f"ERR Invalid number in the query: {word}")
        return number

    def whole_number(self, text: str, what: str, most: int) -> int:
        """A number from 1 on, or the parameter that holds it. Raises CommandError."""
        number = self.number(text)
        if not 1 <= number <= most or number != int(number):
            raise CommandError(f"ERR Invalid {what} in the query: it must be between 1 and {most}")
        return int(number)

    def vector_for(self, name: bytes, blob: str) -> tuple[VectorColumn, array[float]]:
        """The column, and the query vector as one of its dimensions. Raises CommandError."""
        column = self.index.columns[self.index.require_field(name).name]
        if not isinstance(column, VectorColumn):
            raise CommandError(f"ERR Field {printable(name)} is not a vector field")
        data = self.blob(blob)
        vector = read_vector(data, column.field.dimensions)
        if vector is None:
            raise CommandError(
                f"ERR Invalid query vector: it has {len(data)} bytes, field {printable(name)} needs "
                f"{4 * column.field.dimensions}"
            )
        return column, vector


Node: TypeAlias = "Everything | Both | Either | Between | Tagged | WithinRange | Nearest"


@dataclass(frozen=True, slots=True)
class Everything:
    """`*`"""

    def find(self, search: Search) -> Keys:
        """Every key."""
        return search.index.keys

    def explain(self) -> list[str]:
        """The node as lines."""
        return ["*"]


@dataclass(frozen=True, slots=True)
class Both:
    """Expressions side by side."""

    parts: tuple[Node, ...]

    def find(self, search: Search) -> Keys:
        """The keys that all parts find."""
        first, *others = dict.fromkeys(self.parts)
        found = first.find(search)
        for part in others:
            search.tick()
            more = part.find(search)
            fewer, many = (more, found) if len(more) < len(found) else (found, more)
            found = {key: None for key in fewer if key in many}
        return found

    def explain(self) -> list[str]:
        """The node as lines."""
        return _block("Intersect", [line for part in self.parts for line in part.explain()])


@dataclass(frozen=True, slots=True)
class Either:
    """Expressions with a bar between them."""

    parts: tuple[Node, ...]

    def find(self, search: Search) -> Keys:
        """The keys that any part finds."""
        found: dict[bytes, None] = {}
        for part in dict.fromkeys(self.parts):
            search.tick()
            found.update(part.find(search))
        return found

    def explain(self) -> list[str]:
        """The node as lines."""
        return _block("Union", [line for part in self.parts for line in part.explain()])


@dataclass(frozen=True, slots=True)
class Between:
    """`@number:[low high]`; a parenthesis before an end leaves it out."""

    name: bytes
    low: str
    high: str

    def find(self, search: Search) -> Keys:
        """The keys with a number in the range."""
        column = search.index.columns[search.index.require_field(self.name).name]
        if not isinstance(column, NumericColumn):
            raise CommandError(f"ERR Field {printable(self.name)} is not a numeric field")
        low, high = (search.number(end.removeprefix("(")) for end in (self.low, self.high))
        above, below = self.low.startswith("("), self.high.startswith("(")
        return dict.fromkeys(column.between(low, high, above=above, below=below))

    def explain(self) -> list[str]:
        """The node as lines."""
        return _block("Field", [_shown(self.name), self.low, self.high])


@dataclass(frozen=True, slots=True)
class Tagged:
    """`@tag:{a | b}`"""

    name: bytes
    labels: tuple[str, ...]

    def find(self, search: Search) -> Keys:
        """The keys with one of the labels."""
        column = search.index.columns[search.index.require_field(self.name).name]
        if not isinstance(column, TagColumn):
            raise CommandError(f"ERR Field {printable(self.name)} is not a tag field")
        labels = dict.fromkeys(column.fold(search.parameter(label)) for label in self.labels)
        if len(labels) == 1:
            return column.labelled(*labels)
        return {key: None for label in labels for key in column.labelled(label)}

    def explain(self) -> list[str]:
        """The node as lines."""
        return _block("Field", [_shown(self.name), *self.labels])


@dataclass(frozen=True, slots=True)
class WithinRange:
    """`@vector:[VECTOR_RANGE radius $vector]`, with the name under which its distances are told, if they are."""

    name: bytes
    radius: str
    blob: str
    score: bytes | None = None
    epsilon: float = DEFAULT_EPSILON

    def find(self, search: Search) -> Keys:
        """The keys whose vectors are no further away."""
        radius = search.number(self.radius)
        if radius < 0 or math.isnan(radius):
            raise CommandError("ERR Invalid radius in the query")
        column, vector = search.vector_for(self.name, self.blob)
        pairs = column.distances(vector, None, search.tick)
        found = {key: column.told(distance, vector, key) for distance, key in pairs if distance <= radius}
        if self.score is not None:
            search.scores[self.score] = found
        return dict.fromkeys(found)

    def explain(self) -> list[str]:
        """The node as lines."""
        return _block("VectorRange", [_shown(self.name), self.radius, self.blob])


@dataclass(frozen=True, slots=True)
class Nearest:
    """`filter=>[KNN count @vector $vector]`"""

    filter: Node
    count: str
    name: bytes
    blob: str
    score: bytes | None = None
    ef_runtime: str | None = None

    def find(self, search: Search) -> Keys:
        """The keys of the nearest vectors among those that the filter finds, the nearest first."""
        count = search.whole_number(self.count, "KNN count", _MOST_NEIGHBOURS)
        if self.ef_runtime is not None:
            search.whole_number(self.ef_runtime, "EF_RUNTIME", _MOST_CANDIDATES)
        column, vector = search.vector_for(self.name, self.blob)
        keys = None if isinstance(self.filter, Everything) else self.filter.find(search)
        nearest = column.nearest(vector, count, keys, search.tick)
        score = self.score or b"__%b_score" % column.field.name
        # The distance that a query asks for comes first in its answer.
        search.scores = {score: {key: distance for distance, key in nearest}} | search.scores
        return {key: None for _, key in nearest}

    def explain(self) -> list[str]:
        """The node as lines."""
        return _block("Vector", [*self.filter.explain(), _shown(self.name), self.count, self.blob])


def _block(title: str, lines: list[str]) -> list[str]:
    return [f"{title} {{", *(f"\t{line}" for line in lines), "}"]


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def field_names(node: Node) -> list[bytes]:
    """The fields that a query names."""
    if isinstance(node, Both | Either):
        return [name for part in node.parts for name in field_names(part)]
    if isinstance(node, Nearest):
        return [*field_names(node.filter), node.name]
    return [] if isinstance(node, Everything) else [node.name]
