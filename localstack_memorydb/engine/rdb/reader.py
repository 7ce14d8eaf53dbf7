"""Reading a whole file: signature, checksum, then one pass over opcodes and keys (Valkey's rdbLoadRio).

It is all or nothing: a file is refused before anything of it is seen outside.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.rdb import format as rdb
from localstack_memorydb.engine.rdb.format import RdbError, crc64
from localstack_memorydb.engine.rdb.loading import LOADERS, refusal, skip_module_parts
from localstack_memorydb.engine.rdb.strings import read_length, read_string
from localstack_memorydb.engine.values import Value

Entry: TypeAlias = tuple[bytes, Value, int | None]

_HEADER_SIZE: Final = 9
_CHECKSUM_SIZE: Final = 8
_CHECKSUM_SINCE: Final = 5
_DEFAULT_LIMITS: Final = Limits()
_SLOT_INFO_NAME: Final = b"slot-info"  # Valkey 8 and newer write one per slot, among the keys
_LENGTHS_TO_SKIP: Final = {rdb.RESIZEDB: 2, rdb.SLOT_INFO: 3, rdb.IDLE: 1}
_unpack_milliseconds = struct.Struct("<q").unpack_from
_unpack_seconds = struct.Struct("<i").unpack_from


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a file holds: (key, value, deadline in Unix milliseconds or None) for each key, expired ones included."""

    version: int
    entries: list[Entry] = field(default_factory=list, repr=False)
    aux: dict[str, str] = field(default_factory=dict)
    functions: list[bytes] = field(default_factory=list, repr=False)
    """The sources of the function libraries."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def read(data: bytes, limits: Limits = _DEFAULT_LIMITS) -> Snapshot:
    """The contents of an RDB file of Redis up to 7.2 or Valkey up to 9.1. `limits` decide which values become compact.

    Raises RdbError for a file that is truncated, corrupt or foreign, that uses another database than 0, or that holds a type which
    is not supported; never another exception, and never at more cost than its size warrants.
    """
    snapshot = Snapshot(_read_version(data))
    end = len(data)
    if snapshot.version >= _CHECKSUM_SINCE:
        end -= _CHECKSUM_SIZE
        _check_checksum(data, end)
    try:
        _read_body(data, end, snapshot, limits)
    except (IndexError, struct.error):
        raise RdbError("truncated or corrupt: the file ends in the middle of a key") from None
    except MemoryError:  # compressed strings may be some ninety times as long as the file
        raise RdbError("the contents do not fit into memory") from None
    if len({entry[0] for entry in snapshot.entries}) != len(snapshot.entries):
        raise RdbError("corrupt: the file holds a key twice")
    return snapshot


def _read_version(data: bytes) -> int:
    name = next((name for name in (b"REDIS", b"VALKEY") if data.startswith(name)), None)
    if name is None:
        raise RdbError("wrong signature: not an RDB file")
    digits = data[len(name) : _HEADER_SIZE]
    if len(data) < _HEADER_SIZE or not digits.isdigit():
        raise RdbError("wrong signature: no version follows its name")
    version = int(digits)
    oldest, newest = (1, rdb.NEWEST_REDIS) if name == b"REDIS" else (rdb.NEWEST_VALKEY, rdb.NEWEST_VALKEY)
    if not oldest <= version <= newest:
        raise RdbError(
            f"can't handle RDB format version {version}: {newest} is the newest that is understood"
        )
    return version


def _check_checksum(data: bytes, end: int) -> None:
    if end <= _HEADER_SIZE or data[end - 1] != rdb.EOF:
        raise RdbError(
            "truncated, or followed by something else: the file does not end with an end mark and a checksum"
        )
    stored = int.from_bytes(data[end:], "little")
    if stored:
        computed = crc64(memoryview(data)[:end])
        if computed != stored:
            raise RdbError(f"corrupt: checksum is {stored:016x}, the contents give {computed:016x}")


def _read_body(data: bytes, end: int, snapshot: Snapshot, limits: Limits) -> None:
    """Fills the snapshot. Written out flat for the common key, a string under a short name."""
    entries = snapshot.entries
    append = entries.append
    deadline: int | None = None
    at = _HEADER_SIZE
    while at < end:
        kind = data[at]
        at += 1
        if kind <= rdb.NEWEST_TYPE:
            size = data[at]
            if size < 0x40:
                at += 1
                key = data[at : at + size]
                at += size
            else:
                key, at = read_string(data, at)
            if kind != rdb.STRING:
                at = _read_collection(data, at, kind, key, deadline, entries, limits)
            elif (size := data[at]) < 0x40:
                at += 1
                append((key, data[at : at + size], deadline))
                at += size
            else:
                string, at = read_string(data, at)
                append((key, string, deadline))
            deadline = None
        elif kind == rdb.EXPIRETIME_MS:
            deadline = _unpack_milliseconds(data, at)[0]
            at += 8
        elif kind == rdb.EXPIRETIME:
            deadline = _unpack_seconds(data, at)[0] * 1000
            at += 4
        elif kind == rdb.EOF:
            if at != end:
                raise RdbError(f"corrupt: {end - at} bytes follow the end mark")
            return
        else:
            at = _read_opcode(data, at, kind, snapshot)
    raise RdbError("truncated or corrupt: the file ends in the middle of a key")


def _read_collection(
    data: bytes, at: int, kind: int, key: bytes, deadline: int | None, entries: list[Entry], limits: Limits
) -> int:
    """Reads a value that is not a string; an empty one, which old servers could write and no stream is, is passed over as Valkey does."""
    loader = LOADERS.get(kind)
    if loader is None:
        raise refusal(kind, data, at)
    value, at = loader(data, at, limits)
    if value:
        entries.append((key, value, deadline))
    return at


def _read_opcode(data: bytes, at: int, opcode: int, snapshot: Snapshot) -> int:
    if opcode == rdb.AUX:
        name, at = read_string(data, at)
        text, at = read_string(data, at)
        if name != _SLOT_INFO_NAME:
            snapshot.aux[name.decode(errors="replace")] = text.decode(errors="replace")
    elif opcode == rdb.SELECTDB:
        database, at = read_length(data, at)
        if database:
            raise RdbError(f"the file holds keys of database {database}; a cluster has only database 0")
    elif opcode in _LENGTHS_TO_SKIP:
        for _ in range(_LENGTHS_TO_SKIP[opcode]):
            _, at = read_length(data, at)
    elif opcode == rdb.FREQ:
        at += 1
    elif opcode == rdb.FUNCTION2:
        source, at = read_string(data, at)
        snapshot.functions.append(source)
    elif opcode == rdb.MODULE_AUX:
        for _ in range(3):  # the module's number, the word "integer", when it was written
            _, at = read_length(data, at)
        at = skip_module_parts(data, at)
    elif opcode == rdb.FUNCTION_PRE_GA:
        raise RdbError("a function library in the format of a Redis 7.0 release candidate is not supported")
    elif opcode == rdb.SLOT_IMPORT:
        raise RdbError("the file was written while slots were being imported; their keys may be incomplete")
    else:
        raise RdbError(f"corrupt at byte {at - 1}: {opcode} is neither a value type nor an opcode")
    return at
