"""What an index sees in a key: the value of a field as the column wants it, and as clients get it."""

from __future__ import annotations

from array import array
from typing import Any, Final, Protocol, TypeAlias

from localstack_memorydb.engine.documents import Document, Json, write
from localstack_memorydb.engine.documents.selecting import Selection
from localstack_memorydb.engine.documents.texts import encoded, is_number
from localstack_memorydb.engine.errors import NotFloat
from localstack_memorydb.engine.numbers import parse_float
from localstack_memorydb.engine.search.columns import read_vector
from localstack_memorydb.engine.search.schema import Field, NumericField, TagField, VectorField
from localstack_memorydb.engine.values import Hash, Value

Datum: TypeAlias = bytes | float | None
"""A field's value in an aggregation: a number for numeric fields."""


class Documents(Protocol):
    """How keys of one type are read."""

    def holds(self, value: Value | None) -> bool:
        """Whether the value is of the type."""

    def column_value(self, value: Any, field: Field) -> object:
        """The field's value for its column; None when it has none, or one of another form."""

    def text(self, value: Any, field: Field) -> bytes | None:
        """The field's value as a client gets it."""

    def whole(self, value: Any) -> list[bytes]:
        """The whole key as a client gets it: names and values."""


class HashDocuments:
    """Hashes: a field is a field."""

    def holds(self, value: Value | None) -> bool:
        """Whether the value is a hash."""
        return type(value) is Hash

    def column_value(self, value: Hash, field: Field) -> object:
        """The field's value for its column; None when it has none, or one of another form."""
        data = value.get(field.identifier)
        if data is None:
            return None
        if isinstance(field, NumericField):
            return as_number(data)
        if isinstance(field, TagField):
            return data.decode("utf-8", "surrogateescape").split(field.separator)
        if isinstance(field, VectorField):
            return read_vector(data, field.dimensions)
        return None

    def text(self, value: Hash, field: Field) -> bytes | None:
        """The field's value as a client gets it."""
        return value.get(field.identifier)

    def whole(self, value: Hash) -> list[bytes]:
        """All fields with their values."""
        return [word for pair in value.items() for word in pair]


class JsonDocuments:
    """JSON documents: a field is what a path selects, the first value unless there may be several."""

    def holds(self, value: Value | None) -> bool:
        """Whether the value is a document."""
        return type(value) is Document

    def column_value(self, value: Document, field: Field) -> object:
        """The field's value for its column; None when it has none, or one of another form."""
        found = self._select(value, field)
        if isinstance(field, TagField):
            return [label for each in found for label in _labels(each, field.separator)]
        if not found:
            return None
        first: Any = found[0]
        if isinstance(field, NumericField):
            return float(first) if is_number(first) else None
        if isinstance(field, VectorField):
            return _vector(first if isinstance(first, list) else found, field.dimensions)
        return None

    def text(self, value: Document, field: Field) -> bytes | None:
        """The field's value as a client gets it: a string without quotes, all else as JSON."""
        found = self._select(value, field)
        if not found or found[0] is None:
            return None
        return encoded(found[0]) if isinstance(found[0], str) else write(found[0])

    def whole(self, value: Document) -> list[bytes]:
        """The document, under the name of its root."""
        return [b"$", value.dump()]

    def _select(self, value: Document, field: Field) -> list[Json]:
        return Selection(value.root, field.identifier.decode("utf-8", "surrogateescape")).values


def _labels(value: Json, separator: str) -> list[str]:
    """The labels in a string, a boolean, or an array of these."""
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, str):
        return value.split(separator)
    if isinstance(value, list):
        return [label for each in value if not isinstance(each, list) for label in _labels(each, separator)]
    return []


def _vector(value: list[Json], dimensions: int) -> array[float] | None:
    """A vector from an array of as many numbers; None when it is none."""
    numbers: list[Any] = value
    if len(value) != dimensions or not all(map(is_number, value)):
        return None
    try:
        return array("f", numbers)
    except OverflowError:
        return None


def as_number(data: bytes) -> float | None:
    """A number from its text; None when it is none."""
    try:
        return parse_float(data)
    except NotFloat:
        return None


DOCUMENTS: Final[dict[str, Documents]] = {"HASH": HashDocuments(), "JSON": JsonDocuments()}
"""The readers by key type."""
