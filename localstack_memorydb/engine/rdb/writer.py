"""Writing a file: plain value types only (and a stream's one form), which every server since Redis 5.0 loads (Valkey's rdbSaveRio)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from localstack_memorydb.engine.buffers import Buffer
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.rdb import format as rdb
from localstack_memorydb.engine.rdb.format import RdbError, crc64
from localstack_memorydb.engine.rdb.packing import pack_listpack
from localstack_memorydb.engine.rdb.reader import Entry
from localstack_memorydb.engine.streams import DELETED, SAME_FIELDS, SEQUENCE_MAX, Stream, StreamNode
from localstack_memorydb.engine.values import Hash, List, Set, Value, ZSet

OLDEST_VERSION: Final = 9  # Redis 5.0 to 6.2; the first with all that is written here
FUNCTIONS_SINCE: Final = 10  # Redis 7.0
STREAM_COUNTERS_SINCE: Final = 10  # what a stream knows of entries that are gone
STREAM_ACTIVITY_SINCE: Final = 11  # Redis and Valkey 7.2: when a consumer last got a message
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_LENGTHS: Final = tuple(bytes([size]) for size in range(0x40))
_STRING_OF_LENGTH: Final = tuple(bytes([rdb.STRING, size]) for size in range(0x40))
_pack_deadline = struct.Struct("<Bq").pack
_pack_time = struct.Struct("<q").pack
_pack_double = struct.Struct("<d").pack


def write(
    entries: Iterable[Entry],
    *,
    version: int = OLDEST_VERSION,
    aux: Mapping[str, str] = _NOTHING,
    counts: tuple[int, int] | None = None,
    functions: Sequence[bytes] = (),
) -> bytes:
    """An RDB file of one database. Entries are (key, value, deadline in Unix milliseconds or None), keys distinct.

    `counts` are the numbers of keys and of keys with a deadline, a hint that lets a server size its tables. Function libraries need
    version 10.
    """
    if not OLDEST_VERSION <= version <= rdb.NEWEST_REDIS or (functions and version < FUNCTIONS_SINCE):
        raise ValueError(f"RDB version {version} cannot be written{' with functions' if functions else ''}")
    out = bytearray(b"REDIS%04d" % version)
    for name, text in aux.items():
        out.append(rdb.AUX)
        out += string(name.encode()) + string(text.encode())
    for source in functions:
        out.append(rdb.FUNCTION2)
        out += string(source)
    out.append(rdb.SELECTDB)
    out += length(0)
    if counts is not None:
        out.append(rdb.RESIZEDB)
        out += length(counts[0]) + length(counts[1])
    _append_entries(out, entries, version)
    out.append(rdb.EOF)
    out += crc64(out).to_bytes(8, "little")
    return bytes(out)


def _append_entries(out: bytearray, entries: Iterable[Entry], version: int) -> None:
    for key, value, deadline in looking(entries):
        if deadline is not None:
            out += _pack_deadline(rdb.EXPIRETIME_MS, deadline)
        size = len(key)
        if isinstance(value, bytes | Buffer):
            out += _STRING_OF_LENGTH[size] if size < 0x40 else b"\x00" + length(size)
            out += key
            size = len(value)
            out += _LENGTHS[size] if size < 0x40 else length(size)
            out += value
        else:
            kind, append_value = _form(value, version)
            out.append(kind)
            out += length(size) + key
            append_value(out, value)


def _form(value: Value, version: int) -> tuple[int, Callable[[bytearray, Any], None]]:
    """The type byte of a value and what appends its contents."""
    if type(value) is Stream:
        return _stream_type(version), lambda out, stream: _append_stream(out, stream, version, string)
    form = _FORMS.get(type(value))
    if form is None:
        raise RdbError(f"a {type(value).__name__.lower()} cannot be written to an RDB file")
    return form


def _append_string(out: bytearray, value: bytes) -> None:
    out += length(len(value))
    out += value


def _append_strings(out: bytearray, strings: List | Set) -> None:
    out += length(len(strings))
    for item in looking(strings):
        size = len(item)
        out += _LENGTHS[size] if size < 0x40 else length(size)
        out += item


def _append_hash(out: bytearray, fields: Hash) -> None:
    out += length(len(fields))
    for name, value in looking(fields.items()):
        size = len(name)
        out += _LENGTHS[size] if size < 0x40 else length(size)
        out += name
        size = len(value)
        out += _LENGTHS[size] if size < 0x40 else length(size)
        out += value


def _append_zset(out: bytearray, zset: ZSet) -> None:
    out += length(len(zset.scores))
    for member, score in looking(zset.scores.items()):
        size = len(member)
        out += _LENGTHS[size] if size < 0x40 else length(size)
        out += member
        out += _pack_double(score)


def _stream_type(version: int) -> int:
    if version < STREAM_COUNTERS_SINCE:
        return rdb.STREAM_LISTPACKS
    return rdb.STREAM_LISTPACKS_2 if version < STREAM_ACTIVITY_SINCE else rdb.STREAM_LISTPACKS_3


def _append_stream(out: bytearray, stream: Stream, version: int, text: Callable[[bytes], bytes]) -> None:
    counters, activity = version >= STREAM_COUNTERS_SINCE, version >= STREAM_ACTIVITY_SINCE
    out += length(len(stream.nodes))
    for node in looking(stream.nodes, 10):
        out += text(_raw_id(node.master)) + text(pack_listpack(_node_items(node)))
    out += length(stream.length) + _id(stream.last)
    if counters:
        out += _id(stream.first) + _id(stream.max_deleted) + length(stream.entries_added)
    out += length(len(stream.groups))
    for name, group in sorted(stream.groups.items()):
        out += text(name) + _id(group.last)
        if counters:
            out += length((-1 if group.entries_read is None else group.entries_read) & SEQUENCE_MAX)
        out += length(len(group.pending))
        for identifier, pending in looking(group.pending.items()):
            out += _raw_id(identifier) + _pack_time(pending.time) + length(pending.count)
        out += length(len(group.consumers))
        for _, consumer in sorted(group.consumers.items()):
            out += text(consumer.name) + _pack_time(consumer.seen)
            if activity:
                out += _pack_time(consumer.active)
            out += length(len(consumer.pending))
            for identifier in looking(consumer.pending):
                out += _raw_id(identifier)


def _raw_id(identifier: int) -> bytes:
    return identifier.to_bytes(16, "big")


def _id(identifier: int) -> bytes:
    return length(identifier >> 64) + length(identifier & SEQUENCE_MAX)


def _node_items(node: StreamNode) -> list[bytes]:
    """The elements of a node's listpack (t_stream.c: streamAppendItem), with the entries that were deleted."""
    names = node.names
    items = [b"%d" % len(node.entries), b"%d" % len(node.gone), b"%d" % len(names), *names, b"0"]
    ms, sequence = node.master >> 64, node.master & SEQUENCE_MAX
    entries = [(identifier, 0, fields) for identifier, fields in node.entries.items()]
    if node.gone:
        entries += [(identifier, DELETED, fields) for identifier, fields in node.gone]
        entries.sort()
    for identifier, deleted, fields in entries:
        same = fields[::2] == names
        stored = fields[1::2] if same else (b"%d" % (len(fields) // 2), *fields)
        flags = b"%d" % (deleted | SAME_FIELDS if same else deleted)
        apart = (b"%d" % ((identifier >> 64) - ms), b"%d" % ((identifier & SEQUENCE_MAX) - sequence))
        items += [flags, *apart, *stored, b"%d" % (len(stored) + 3)]
    return items


def _append_document(out: bytearray, document: Document) -> None:
    out += (
        length(rdb.JSON_MODULE) + length(rdb.MODULE_STRING) + string(document.dump()) + length(rdb.MODULE_EOF)
    )


_FORMS: Final[Mapping[type, tuple[int, Callable[[bytearray, Any], None]]]] = {
    bytes: (rdb.STRING, _append_string),
    List: (rdb.LIST, _append_strings),
    Set: (rdb.SET, _append_strings),
    Hash: (rdb.HASH, _append_hash),
    ZSet: (rdb.ZSET_2, _append_zset),
    Document: (rdb.MODULE_2, _append_document),
}


def length(size: int) -> bytes:
    if size < 0x40:
        return _LENGTHS[size]
    if size < 0x4000:
        return (0x4000 | size).to_bytes(2, "big")
    if size < 1 << 32:
        return b"\x80" + size.to_bytes(4, "big")
    return b"\x81" + size.to_bytes(8, "big")


def string(text: bytes) -> bytes:
    return length(len(text)) + text


def contents(value: Stream | Document, version: int, text: Callable[[bytes], bytes]) -> bytes:
    """A value that has one form only, without its key: type byte and contents, with strings as `text` writes them."""
    kind, append_value = _form(value, version)
    out = bytearray([kind])
    if isinstance(value, Stream):
        _append_stream(out, value, version, text)
    else:
        append_value(out, value)
    return bytes(out)
