"""Values as a server of an RDB version writes them (rdb.c: rdbSaveObject): in the form in which it keeps them, strings compressed.

Where a server's bytes depend on its past, these are those of a value that was made in order: a list by RPUSH, a hash table in the
order in which its members came.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from localstack_memorydb.engine.buffers import Buffer
from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.numbers import format_double, format_double_17, is_integer
from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.rdb import format as rdb
from localstack_memorydb.engine.rdb.compact import list_encoding, node_bytes
from localstack_memorydb.engine.rdb.packing import (
    compress,
    pack_intset,
    pack_listpack,
    pack_ziplist,
    ziplist_entry_size,
)
from localstack_memorydb.engine.rdb.writer import contents, length
from localstack_memorydb.engine.sizes import listpack_size
from localstack_memorydb.engine.values import Hash, List, Set, Value, ZSet

_LISTPACKS_SINCE: Final = 10  # Redis 7.0
_SET_LISTPACKS_SINCE: Final = 11  # Redis and Valkey 7.2
_NOT_COMPRESSED: Final = 20
_LISTPACK_FRAME: Final = 7
_ZIPLIST_FRAME: Final = 11
_LISTPACK_ESTIMATE: Final = 8  # quicklist.c: SIZE_ESTIMATE_OVERHEAD
_MOST_TO_COMPRESS: Final = 1024 * 1024
"""Of one value. What follows is written as it is, since other clients wait meanwhile: a second for 2 MB."""

_pack_double = struct.Struct("<d").pack


class Encoder:
    """Writes one value."""

    def __init__(self, version: int, limits: Limits, *, compresses: bool = True) -> None:
        self._version = version
        self._limits = limits
        self._compressible = _MOST_TO_COMPRESS if compresses else 0
        self._pack = pack_listpack if version >= _LISTPACKS_SINCE else pack_ziplist

    def encode(self, value: Value) -> bytes:
        """The type byte and the contents."""
        kind, parts = self._parts(value)
        return bytes([kind]) + b"".join(looking(parts))

    def string(self, text: bytes) -> bytes:
        """A string: as a small integer where it is one, compressed where that is worth it (rdbSaveRawString)."""
        size = len(text)
        if size <= 11 and is_integer(text):
            number = int(text)
            for form, width in enumerate((1, 2, 4)):
                if -(1 << 8 * width - 1) <= number < 1 << 8 * width - 1:
                    return bytes([0xC0 | form]) + number.to_bytes(width, "little", signed=True)
        if _NOT_COMPRESSED < size <= self._compressible:
            self._compressible -= size
            packed = compress(text)
            if packed is not None:
                return b"\xc3" + length(len(packed)) + length(size) + packed
        return length(size) + text

    def _parts(self, value: Value) -> tuple[int, Iterable[bytes]]:
        new = self._version >= _LISTPACKS_SINCE
        match value:
            case bytes() | Buffer():
                return rdb.STRING, (self.string(bytes(value)),)
            case List():
                return rdb.LIST_QUICKLIST_2 if new else rdb.LIST_QUICKLIST, self._list(value)
            case Hash() if value.encoding == "listpack":
                items = [word for pair in value.items() for word in pair]
                return rdb.HASH_LISTPACK if new else rdb.HASH_ZIPLIST, (self.string(self._pack(items)),)
            case Hash():
                return rdb.HASH, self._counted((word for pair in value.items() for word in pair), len(value))
            case ZSet() if value.encoding == "listpack":
                items = [word for score, member in value.order for word in (member, self._score(score))]
                return rdb.ZSET_LISTPACK if new else rdb.ZSET_ZIPLIST, (self.string(self._pack(items)),)
            case ZSet():
                return rdb.ZSET_2, self._scored(value)
            case Set() if value.encoding == "intset":
                return rdb.SET_INTSET, (self.string(pack_intset(value.members())),)
            case Set() if value.encoding == "listpack" and self._version >= _SET_LISTPACKS_SINCE:
                return rdb.SET_LISTPACK, (self.string(pack_listpack(value.members())),)
            case Set():
                return rdb.SET, self._counted(value, len(value))
            case _:
                body = contents(value, self._version, self.string)
                return body[0], (body[1:],)

    def _counted(self, words: Iterable[bytes], count: int) -> Iterator[bytes]:
        yield length(count)
        yield from map(self.string, words)

    def _scored(self, value: ZSet) -> Iterator[bytes]:
        yield length(len(value))
        for score, member in reversed(value.order):
            yield self.string(member)
            yield _pack_double(score)

    def _score(self, score: float) -> bytes:
        """A score as an element of a listpack or a ziplist."""
        if self._version >= _SET_LISTPACKS_SINCE:
            return format_double(score)
        if self._version >= _LISTPACKS_SINCE and score.is_integer() and abs(score) <= 2**62:
            return b"%d" % score
        return format_double_17(score)

    # -- lists: nodes as RPUSH fills them ---------------------------------------------------------------------------------

    def _list(self, value: List) -> Iterator[bytes]:
        nodes = [*looking(self._nodes(value), 10)]
        yield length(len(nodes))
        for plain, items in nodes:
            if self._version >= _LISTPACKS_SINCE:
                yield b"\x01" if plain else b"\x02"
            yield self.string(items[0] if plain else self._pack(items))

    def _nodes(self, value: List) -> Iterator[tuple[bool, list[bytes]]]:
        """The elements of each node, and whether it is a plain one: a large element by itself."""
        fill = self._limits.list_max_listpack_size
        room, most = node_bytes(fill), fill if fill >= 0 else 1 << 62
        one = self._version >= _SET_LISTPACKS_SINCE
        if one and list_encoding(value, self._limits) == "listpack":
            yield False, [*value]
            return
        old = self._version < _LISTPACKS_SINCE
        frame = _ZIPLIST_FRAME if old else _LISTPACK_FRAME
        items: list[bytes] = []
        size, previous = frame, 0
        for item in value:
            estimate = 0 if one else _ziplist_estimate(len(item)) if old else _LISTPACK_ESTIMATE
            large = self._version >= _SET_LISTPACKS_SINCE and len(item) > room
            if items and (large or size + len(item) + estimate > room or len(items) >= most):
                yield False, items
                items, size, previous, one = [], frame, 0, False
            if large:
                yield True, [item]
                continue
            items.append(item)
            previous = ziplist_entry_size(item, previous) if old else listpack_size(item)
            size += previous
        if items:
            yield False, items


def _ziplist_estimate(size: int) -> int:
    """What an element is thought to take besides its bytes (6.2's _quicklistNodeAllowInsert)."""
    return (1 if size < 254 else 5) + (1 if size < 64 else 2 if size < 16384 else 5)
