"""The indexes of a shard, and how they follow its keys.

A write only notes which key has changed (`Indexes.changed`); the key is read again before the next query, or a moment later.
So a query sees every write before it, and writes wait for no index.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.errors import CommandError, printable
from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.search.columns import TextColumn, VectorColumn, make_column
from localstack_memorydb.engine.search.documents import DOCUMENTS, Datum, Documents, as_number
from localstack_memorydb.engine.search.schema import (
    Definition,
    Field,
    NumericField,
    VectorField,
    parse_definition,
)

if TYPE_CHECKING:
    from localstack_memorydb.engine.keyspace import Keyspace
    from localstack_memorydb.engine.values import Value

MOST_INDEXES: Final = 10


class Index:
    """One index: the keys that it covers, in the order in which it met them, and a column for each field."""

    def __init__(self, definition: Definition, keyspace: Keyspace, created: int) -> None:
        self.definition = definition
        self.created = created
        self.keys: dict[bytes, None] = {}
        self._keyspace = keyspace
        self._documents: Documents = DOCUMENTS[definition.key_type]
        self.clear()

    def clear(self) -> None:
        """There are no keys any more."""
        self.keys.clear()
        self.columns: dict[bytes, TextColumn] = {
            field.name: make_column(field) for field in self.definition.fields
        }

    def fill(self) -> None:
        """Reads every key of the shard anew."""
        self.clear()
        for _, slot in looking(self._keyspace.filled(), 10):
            for key, value in looking(slot.items()):
                if key.startswith(self.definition.prefixes or b""):
                    self._take(key, value)

    def refresh(self, key: bytes) -> None:
        """Reads a key again that may have changed, or may be gone."""
        if not key.startswith(self.definition.prefixes or b""):
            return
        value = self._keyspace.of(key).get(key)
        known = key in self.keys
        if known:
            for column in self.columns.values():
                column.drop(key)
        if value is not None and self._documents.holds(value):
            self._take(key, value)
        elif known:
            del self.keys[key]

    def _take(self, key: bytes, value: Value) -> None:
        if not self._documents.holds(value):
            return
        self.keys[key] = None
        for field in self.definition.fields:
            found = self._documents.column_value(value, field)
            if found is not None:
                self.columns[field.name].put(key, found)

    # -- what queries ask ---------------------------------------------------------------------------------------------

    def require_field(self, name: bytes) -> Field:
        """The field of that name. Raises CommandError."""
        field = self.definition.find(name)
        if field is None:
            raise CommandError(f"ERR Unknown field: {printable(name)}")
        return field

    def value(self, key: bytes) -> Value:
        """What the key holds."""
        return self._keyspace.of(key)[key]

    def text(self, key: bytes, field: Field) -> bytes | None:
        """The field's value as a client gets it."""
        return self._documents.text(self.value(key), field)

    def datum(self, key: bytes, field: Field) -> Datum:
        """The field's value for an aggregation."""
        found = self._documents.text(self.value(key), field)
        return as_number(found) if found is not None and isinstance(field, NumericField) else found

    def whole(self, key: bytes) -> list[bytes]:
        """Names and values of the whole key."""
        return self._documents.whole(self.value(key))

    # -- what FT.INFO and INFO tell -----------------------------------------------------------------------------------

    @property
    def vectors(self) -> int:
        """How many vectors there are."""
        return sum(len(each) for each in self.columns.values() if isinstance(each, VectorColumn))

    @property
    def vector_size(self) -> int:
        """An estimate of the bytes that vectors take."""
        return sum(each.size for each in self.columns.values() if isinstance(each, VectorColumn))

    @property
    def other_size(self) -> int:
        """An estimate of the bytes that everything else takes."""
        return sum(each.size for each in self.columns.values() if not isinstance(each, VectorColumn))

    @property
    def has_vectors(self) -> bool:
        """Whether a field holds vectors."""
        return any(isinstance(field, VectorField) for field in self.definition.fields)


class Indexes:
    """The indexes of a shard by name, and their further names. `dirty` are keys that may have changed."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self.by_name: dict[bytes, Index] = {}
        self.aliases: dict[bytes, bytes] = {}
        self.dirty: dict[bytes, None] = {}
        self._prefixes: tuple[bytes, ...] = ()

    # -- following the keys -------------------------------------------------------------------------------------------

    def changed(self, key: bytes) -> None:
        """The key may have changed."""
        if key.startswith(self._prefixes):
            self.dirty[key] = None

    def flushed(self) -> None:
        """Every key is gone."""
        self.dirty.clear()
        for index in self.by_name.values():
            index.clear()

    def refresh(self) -> None:
        """Brings the indexes up to date."""
        if self.dirty:
            dirty, self.dirty = self.dirty, {}
            for index in self.by_name.values():
                for key in looking(dirty):
                    index.refresh(key)

    def fill(self) -> None:
        """Reads every key anew: data has come in another way than by writes."""
        self.dirty.clear()
        for index in self.by_name.values():
            index.fill()

    # -- making and finding them --------------------------------------------------------------------------------------

    def create(self, definition: Definition, created: int) -> Index:
        """A new index, filled. Raises CommandError."""
        if definition.name in self.by_name or definition.name in self.aliases:
            raise CommandError(f"ERR Index {printable(definition.name)} already exists.")
        if len(self.by_name) >= MOST_INDEXES:
            raise CommandError(f"ERR The number of indexes cannot exceed {MOST_INDEXES}")
        index = Index(definition, self._keyspace, created)
        index.fill()
        self.by_name[definition.name] = index
        self._watch()
        return index

    def drop(self, name: bytes) -> None:
        """Removes the index and its aliases; keys stay."""
        del self.by_name[name]
        self.aliases = {alias: index for alias, index in self.aliases.items() if index != name}
        self._watch()

    def _watch(self) -> None:
        """Finds out which keys matter, and whether any do."""
        prefixes = {prefix for each in self.by_name.values() for prefix in each.definition.prefixes or (b"",)}
        self._prefixes = tuple(prefixes)
        self._keyspace.indexes = self if self.by_name else None
        self._keyspace.observe()

    def find(self, name: bytes) -> Index | None:
        """The index of that name or alias."""
        return self.by_name.get(self.aliases.get(name, name))

    # -- persistence --------------------------------------------------------------------------------------------------

    def dump(self) -> str:
        """The definitions as text."""
        made = [
            {"created": each.created, "declared": [_text(word) for word in each.definition.declared]}
            for each in self.by_name.values()
        ]
        aliases = {_text(alias): _text(name) for alias, name in self.aliases.items()}
        return json.dumps({"indexes": made, "aliases": aliases})

    def restore(self, text: str) -> None:
        """Makes the indexes that `dump` told of, in the place of those that are here. Raises ValueError, CommandError."""
        document = json.loads(text)
        self.by_name.clear()
        for each in document["indexes"]:
            self.create(parse_definition(_words(each["declared"])), int(each["created"]))
        aliases = document["aliases"]
        self.aliases = {_bytes(alias): _bytes(name) for alias, name in aliases.items()}
        self._watch()


def _text(word: bytes) -> str:
    return word.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _words(texts: Iterable[str]) -> list[bytes]:
    return [_bytes(text) for text in texts]
