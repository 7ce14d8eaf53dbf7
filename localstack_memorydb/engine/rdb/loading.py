"""Values as they lie in a file: a loader per value type.

Loaders take the data, a position and the limits, and return the value and the position behind it. They may look past the end of
what is sound: slices come back short and indexing raises IndexError, which the callers in reader.py turn into one RdbError.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Final, TypeAlias

from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.errors import NotFloat
from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.numbers import parse_float
from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.rdb import format as rdb
from localstack_memorydb.engine.rdb import packed
from localstack_memorydb.engine.rdb.compact import build_hash, build_list, build_set, build_zset
from localstack_memorydb.engine.rdb.documents import read_document
from localstack_memorydb.engine.rdb.format import RdbError
from localstack_memorydb.engine.rdb.strings import read_count, read_length, read_string, read_strings
from localstack_memorydb.engine.streams import (
    DELETED,
    SAME_FIELDS,
    SEQUENCE_MAX,
    Consumer,
    Group,
    Pending,
    Stream,
    StreamNode,
    counted,
)
from localstack_memorydb.engine.values import Hash, List, Set, Value, ZSet

Loader: TypeAlias = Callable[[bytes, int, Limits], tuple[Value, int]]

_PLAIN_NODE, _PACKED_NODE = 1, 2
_OLD_SCORES: Final = {253: math.nan, 254: math.inf, 255: -math.inf}
_MODULE_INTEGERS: Final = (1, 2)
_MODULE_FLOATS: Final = {3: 4, 4: 8}
_unpack_time = struct.Struct("<q").unpack_from
_unpack_double = struct.Struct("<d").unpack


def _string(data: bytes, at: int, _limits: Limits) -> tuple[bytes, int]:
    return read_string(data, at)


def _list(data: bytes, at: int, limits: Limits) -> tuple[List, int]:
    count, at = read_count(data, at)
    items, at = read_strings(data, at, count)
    return build_list(items, limits), at


def _list_ziplist(data: bytes, at: int, limits: Limits) -> tuple[List, int]:
    blob, at = read_string(data, at)
    return build_list(packed.ziplist(blob), limits), at


def _list_quicklist(data: bytes, at: int, limits: Limits) -> tuple[List, int]:
    nodes, at = read_count(data, at)
    items: list[bytes] = []
    for _ in looking(range(nodes)):
        blob, at = read_string(data, at)
        items += packed.ziplist(blob)
    return build_list(items, limits), at


def _list_quicklist_2(data: bytes, at: int, limits: Limits) -> tuple[List, int]:
    nodes, at = read_count(data, at, 2)
    items: list[bytes] = []
    for _ in looking(range(nodes)):
        container, at = read_length(data, at)
        blob, at = read_string(data, at)
        if container == _PLAIN_NODE:
            items.append(blob)
        elif container == _PACKED_NODE:
            items += packed.listpack(blob)
        else:
            raise RdbError(f"corrupt: a list node of the unknown kind {container}")
    return build_list(items, limits), at


def _set(data: bytes, at: int, limits: Limits) -> tuple[Set, int]:
    count, at = read_count(data, at)
    members, at = read_strings(data, at, count)
    return _distinct(members, limits), at


def _set_intset(data: bytes, at: int, limits: Limits) -> tuple[Set, int]:
    blob, at = read_string(data, at)
    return build_set(packed.intset(blob), limits), at


def _set_listpack(data: bytes, at: int, limits: Limits) -> tuple[Set, int]:
    blob, at = read_string(data, at)
    return _distinct(packed.listpack(blob), limits, was_listpack=True), at


def _distinct(members: list[bytes], limits: Limits, *, was_listpack: bool = False) -> Set:
    value = build_set(members, limits, was_listpack=was_listpack)
    if len(value) != len(members):
        raise RdbError("corrupt: a set holds a member twice")
    return value


def _hash(data: bytes, at: int, limits: Limits) -> tuple[Hash, int]:
    count, at = read_count(data, at, 2)
    strings, at = read_strings(data, at, 2 * count)
    return _paired(strings, limits), at


def _hash_ziplist(data: bytes, at: int, limits: Limits) -> tuple[Hash, int]:
    blob, at = read_string(data, at)
    return _paired(packed.ziplist(blob), limits), at


def _hash_listpack(data: bytes, at: int, limits: Limits) -> tuple[Hash, int]:
    blob, at = read_string(data, at)
    return _paired(packed.listpack(blob), limits), at


def _paired(strings: list[bytes], limits: Limits) -> Hash:
    fields = dict(zip(strings[::2], strings[1::2], strict=False))
    if 2 * len(fields) != len(strings):
        raise RdbError("corrupt: a hash holds a field twice, or one without a value")
    return build_hash(fields, limits)


def _zset(data: bytes, at: int, limits: Limits) -> tuple[ZSet, int]:
    """Scores as text, as Redis wrote them before 4.0."""
    count, at = read_count(data, at, 2)
    pairs: list[tuple[bytes, float]] = []
    for _ in looking(range(count)):
        member, at = read_string(data, at)
        size = data[at]
        at += 1
        score = _OLD_SCORES.get(size)
        if score is None:
            score = _score(data[at : at + size])
            at += size
        pairs.append((member, score))
    return _scored(pairs, limits), at


def _zset_2(data: bytes, at: int, limits: Limits) -> tuple[ZSet, int]:
    count, at = read_count(data, at, 9)
    pairs: list[tuple[bytes, float]] = []
    for _ in looking(range(count)):
        member, at = read_string(data, at)
        pairs.append((member, _unpack_double(data[at : at + 8])[0]))
        at += 8
    return _scored(pairs, limits), at


def _zset_ziplist(data: bytes, at: int, limits: Limits) -> tuple[ZSet, int]:
    blob, at = read_string(data, at)
    return _alternating(packed.ziplist(blob), limits), at


def _zset_listpack(data: bytes, at: int, limits: Limits) -> tuple[ZSet, int]:
    blob, at = read_string(data, at)
    return _alternating(packed.listpack(blob), limits), at


def _alternating(strings: list[bytes], limits: Limits) -> ZSet:
    if len(strings) % 2:
        raise RdbError("corrupt: a sorted set holds a member without a score")
    pairs = list(zip(strings[::2], map(_score, strings[1::2]), strict=True))
    return _scored(pairs, limits, was_listpack=True)


def _scored(pairs: list[tuple[bytes, float]], limits: Limits, *, was_listpack: bool = False) -> ZSet:
    scores = dict(pairs)
    if len(scores) != len(pairs):
        raise RdbError("corrupt: a sorted set holds a member twice")
    if any(map(math.isnan, scores.values())):
        raise RdbError("corrupt: a sorted set holds a score that is not a number")
    return build_zset(scores, limits, was_listpack=was_listpack)


def _score(text: bytes) -> float:
    try:
        return parse_float(text)
    except (NotFloat, OverflowError):
        raise RdbError("corrupt: a sorted set holds a score that is not a number") from None


def _streams(kind: int) -> Loader:
    """Streams as Redis 5.0, 7.0 and 7.2 write them: each time with more about entries that are gone and consumers."""

    def load(data: bytes, at: int, _limits: Limits) -> tuple[Stream, int]:
        value, at = _stream_entries(data, at)
        if kind >= rdb.STREAM_LISTPACKS_2:
            at = _skip_id(data, at)
            value.max_deleted, at = _id(data, at)
            value.entries_added, at = read_length(data, at)
        groups, at = read_count(data, at, 5)
        for _ in range(groups):
            at = _stream_group(data, at, value, kind)
        return value, at

    return load


def _id(data: bytes, at: int) -> tuple[int, int]:
    ms, at = read_length(data, at)
    sequence, at = read_length(data, at)
    return ms << 64 | sequence, at


def _skip_id(data: bytes, at: int) -> int:
    return _id(data, at)[1]


def _stream_entries(data: bytes, at: int) -> tuple[Stream, int]:
    value = Stream()
    nodes, at = read_count(data, at, 2)
    for _ in looking(range(nodes)):
        master, at = read_string(data, at)
        blob, at = read_string(data, at)
        if len(master) != 16:
            raise RdbError("corrupt: a stream node's ID has not 16 bytes")
        value.nodes.append(_stream_node(int.from_bytes(master, "big"), packed.listpack(blob)))
    length, at = read_length(data, at)
    value.length = value.entries_added = sum(len(node.entries) for node in value.nodes)
    if length != value.length:
        raise RdbError("corrupt: a stream's length does not match its entries")
    value.last, at = _id(data, at)
    return value, at


def _stream_node(master: int, items: list[bytes]) -> StreamNode:
    """A node's entries, those marked as deleted apart (t_stream.c: streamIteratorGetID)."""
    try:
        count = int(items[2])
        names = tuple(items[3 : 3 + count])
        node, at = StreamNode(master, names), 4 + count
        while at < len(items):
            flags, ms, sequence = map(int, items[at : at + 3])
            start, at = at, at + 3
            if flags & SAME_FIELDS:
                fields = tuple(chain.from_iterable(zip(names, items[at : at + count], strict=True)))
                at += count
            else:
                size = 2 * int(items[at])
                fields = tuple(items[at + 1 : at + 1 + size])
                at += size + 1
            if int(items[at]) != at - start:
                raise RdbError("corrupt: a stream's entry does not have the size that it states")
            at += 1
            identifier = ((master >> 64) + ms) << 64 | ((master & SEQUENCE_MAX) + sequence)
            if flags & DELETED:
                node.add_deleted(identifier, fields, items[start:at])
            else:
                node.add(identifier, fields, sum(map(len, fields)))
        sound = (
            items[0] == b"%d" % len(node.entries)
            and items[1] == b"%d" % len(node.gone)
            and items[3 + count] == b"0"
        )
    except (IndexError, ValueError):
        sound = False
    if not sound:
        raise RdbError("corrupt: a stream node's entries do not hold together")
    if not node.entries and not node.gone:
        raise RdbError("corrupt: a stream node without entries")
    return node


def _stream_group(data: bytes, at: int, value: Stream, kind: int) -> int:
    name, at = read_string(data, at)
    last, at = _id(data, at)
    if kind >= rdb.STREAM_LISTPACKS_2:
        read, at = read_length(data, at)
        group = Group(last, counted(read))
    else:
        group = Group(last, value.entries_until(last))
    value.groups[name] = group
    unowned: dict[int, tuple[int, int]] = {}
    count, at = read_count(data, at, 25)
    for _ in looking(range(count)):
        identifier = int.from_bytes(data[at : at + 16], "big")
        delivered = _unpack_time(data, at + 16)[0]
        times, at = read_length(data, at + 24)
        unowned[identifier] = (delivered, times)
    consumers, at = read_count(data, at, 10)
    for _ in range(consumers):
        at = _stream_consumer(data, at, group, unowned, kind)
    if unowned:
        raise RdbError("corrupt: a pending message belongs to no consumer")
    return at


def _stream_consumer(
    data: bytes, at: int, group: Group, unowned: dict[int, tuple[int, int]], kind: int
) -> int:
    name, at = read_string(data, at)
    seen = active = _unpack_time(data, at)[0]
    at += 8
    if kind >= rdb.STREAM_LISTPACKS_3:
        active = _unpack_time(data, at)[0]
        at += 8
    consumer = group.consumers[name] = Consumer(name, seen, active)
    count, at = read_count(data, at, 16)
    for _ in looking(range(count)):
        identifier = int.from_bytes(data[at : at + 16], "big")
        at += 16
        found = unowned.pop(identifier, None)
        if found is None:
            raise RdbError("corrupt: a consumer's pending message is not one of its group")
        group.give(identifier, Pending(consumer, *found), consumer)
    return at


def _module(data: bytes, at: int, _limits: Limits) -> tuple[Document, int]:
    """A JSON document, the only module's value that is known here."""
    number, after = read_length(data, at)
    if module_name(number) != "ReJSON-RL":
        raise refusal(rdb.MODULE_2, data, at)
    return read_document(data, after, number & 0x3FF)


LOADERS: Final[Mapping[int, Loader]] = {
    rdb.STRING: _string,
    rdb.LIST: _list,
    rdb.MODULE_2: _module,
    rdb.SET: _set,
    rdb.ZSET: _zset,
    rdb.HASH: _hash,
    rdb.ZSET_2: _zset_2,
    rdb.LIST_ZIPLIST: _list_ziplist,
    rdb.SET_INTSET: _set_intset,
    rdb.ZSET_ZIPLIST: _zset_ziplist,
    rdb.HASH_ZIPLIST: _hash_ziplist,
    rdb.LIST_QUICKLIST: _list_quicklist,
    rdb.HASH_LISTPACK: _hash_listpack,
    rdb.ZSET_LISTPACK: _zset_listpack,
    rdb.LIST_QUICKLIST_2: _list_quicklist_2,
    rdb.SET_LISTPACK: _set_listpack,
    **{
        kind: _streams(kind)
        for kind in (rdb.STREAM_LISTPACKS, rdb.STREAM_LISTPACKS_2, rdb.STREAM_LISTPACKS_3)
    },
}


def refusal(kind: int, data: bytes, at: int) -> RdbError:
    """Why a value of this type cannot be read. `at` is where the value begins."""
    name = rdb.UNSUPPORTED.get(kind)
    if name is None:
        return RdbError(f"corrupt at byte {at}: {kind} is not a value type")
    if kind == rdb.MODULE_2:
        name = f"{name} of the type {module_name(read_length(data, at)[0])}"
    return RdbError(f"{name} (RDB type {kind}) is not supported")


def module_name(identifier: int) -> str:
    """The nine letters that a module type's number stands for; the number's last ten bits are a version."""
    return "".join(rdb.MODULE_LETTERS[identifier >> shift & 0x3F] for shift in range(58, 9, -6))


def skip_module_parts(data: bytes, at: int) -> int:
    """The position behind the typed parts that a module wrote, which its own code is not needed to pass over."""
    while True:
        part, at = read_length(data, at)
        if part == rdb.MODULE_EOF:
            return at
        if part in _MODULE_INTEGERS:
            _, at = read_length(data, at)
        elif part in _MODULE_FLOATS:
            at += _MODULE_FLOATS[part]
        elif part == rdb.MODULE_STRING:
            _, at = read_string(data, at)
        else:
            raise RdbError(f"corrupt at byte {at}: a module's value holds the unknown part {part}")
