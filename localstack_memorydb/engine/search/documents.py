"""What an index sees in a key: the value of a field as the column wants it, and as clients get it."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

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

    def column_value(self, value: Any, field: Field) -> object:
        """The field's value for its column; None when it has none, or one of another form."""
        data: bytes | None = value.get(field.identifier)
        if data is None:
            return None
        if isinstance(field, NumericField):
            return as_number(data)
        if isinstance(field, TagField):
            return data.decode("utf-8", "surrogateescape").split(field.separator)
        if isinstance(field, VectorField):
            return read_vector(data, field.dimensions)
        return None

    def text(self, value: Any, field: Field) -> bytes | None:
        """The field's value as a client gets it."""
        found: bytes | None = value.get(field.identifier)
        return found

    def whole(self, value: Any) -> list[bytes]:
        """All fields with their values."""
        return [word for pair in value.items() for word in pair]


def as_number(data: bytes) -> float | None:
    """A number from its text; None when it is none."""
    try:
        return parse_float(data)
    except NotFloat:
        return None


DOCUMENTS: dict[str, Documents] = {"HASH": HashDocuments()}
"""The readers by key type."""
