"""The subcommands of DEBUG that look at how values lie in memory. What they tell of is Python: its dictionaries, its objects.

Where a real server has a hash table whose entries form chains, a dictionary looks for another place in its one table. A chain here are
the entries that belong into the same place.
"""

from __future__ import annotations

import struct
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from localstack_memorydb.engine.commands.keys import encoding
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.errors import CommandError, NoSuchKey
from localstack_memorydb.engine.numbers import parse_int
from localstack_memorydb.engine.resp import Argv, Reply, Simple, Verbatim
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.streams import Stream
from localstack_memorydb.engine.values import Hash, Set, Value, ZSet

_DATABASES: Final = 16
_LONGEST_CHAIN: Final = 49  # chains that are longer count as this long
_HEADER: Final = 32  # PyDictKeysObject before its table of places
_ENTRY: Final = struct.calcsize("nPP")  # PyDictKeyEntry: hash, key, value
_INDEX_BYTES: Final = ((8, 1), (16, 2), (32, 4), (64, 8))  # of a place, in a table of less than 2**n


def live(s: Session, key: bytes) -> Value | None:
    """The key's value, as if this were a command that reads it."""
    slot = s.node.shard.keyspace.of(key)
    s.node.shard.keyspace.purge(slot, key, s.now)
    return slot.get(key)


def existing(s: Session, key: bytes) -> Value:
    """As `live`, for a key that must be there. Raises NoSuchKey."""
    value = live(s, key)
    if value is None:
        raise NoSuchKey
    return value


# -- hash tables ------------------------------------------------------------------------------------------------------


def table_size(table: dict[Any, Any]) -> int:
    """How many places a dictionary with keys that are bytes has; none when it has never held anything."""
    room = dict.__sizeof__(table) - type(table).__basicsize__ - _HEADER
    for power in range(3, 64):
        width = next(width for below, width in _INDEX_BYTES if power < below)
        places = 1 << power
        if places * width + (places * 2 // 3) * _ENTRY >= room > 0:
            return places
    return 0


def _statistics(tables: Iterable[dict[Any, Any]], *, full: bool) -> str:
    """What a real server says of a hash table, of all of these together."""
    used = [table for table in tables if table]
    elements, size = sum(map(len, used)), sum(map(table_size, used))
    lines = ["Hash table 0 stats (main hash table):"]
    if not elements:
        return "\n".join([*lines, "No stats available for empty dictionaries", ""])
    lines += [f" table size: {size}", f" number of elements: {elements}"]
    if full:
        lines += _chains(used, elements, size)
    return "\n".join([*lines, ""])


def _chains(used: list[dict[Any, Any]], elements: int, size: int) -> list[str]:
    lengths: Counter[int] = Counter()
    longest = places = 0
    for table in used:
        mask = table_size(table) - 1
        chains = Counter(hash(key) & mask for key in table)
        lengths.update(min(length, _LONGEST_CHAIN) for length in chains.values())
        longest = max(longest, *chains.values())
        places += len(chains)
    lengths[0] = size - places
    return [
        f" different slots: {places}",
        f" max chain length: {longest}",
        f" avg chain length (counted): {elements / places:.2f}",
        f" avg chain length (computed): {elements / places:.2f}",
        " Chain length distribution:",
        *(
            f"   {length}: {count} ({100 * count / size:.2f}%)"
            for length, count in sorted(lengths.items())
            if count and length < _LONGEST_CHAIN
        ),
    ]


def _is_full(s: Session, argv: Argv) -> bool:
    """Whether chains shall be told of, which was always so before 7.2."""
    return s.legacy_doubles or (len(argv) > 3 and argv[3].lower() == b"full")


def htstats(s: Session, argv: Argv) -> Reply:
    """The dictionaries of the node's keys, and of those that expire. Databases but the first are empty in a cluster."""
    database = parse_int(argv[2])
    if not 0 <= database < _DATABASES:
        raise CommandError("ERR Out of range database")
    slots = [slot for _, slot in s.node.shard.keyspace.filled()] if database == 0 else []
    full = _is_full(s, argv)
    keys = _statistics(slots, full=full)
    deadlines = _statistics([slot.deadlines for slot in slots], full=full)
    return Verbatim(f"[Dictionary HT]\n{keys}[Expires HT]\n{deadlines}".encode())


def htstats_key(s: Session, argv: Argv) -> Reply:
    """The dictionary of a value that a real server keeps in a hash table."""
    value = existing(s, argv[2])
    kept = encoding(s, argv[2], value)
    if isinstance(value, ZSet) and kept == b"skiplist":
        table: dict[Any, Any] = value.scores
    elif isinstance(value, Hash | Set) and kept == b"hashtable":
        table = value
    else:
        raise CommandError("ERR The value stored at the specified key is not represented using an hash table")
    return Verbatim(_statistics([table], full=_is_full(s, argv)).encode())


# -- objects ----------------------------------------------------------------------------------------------------------


def sdslen(s: Session, argv: Argv) -> Reply:
    """How long a key and its string are, and what they take in memory. Python's have nothing in reserve."""
    value = s.node.shard.keyspace.of(argv[2]).get(argv[2])  # expired or not
    if value is None:
        raise NoSuchKey
    if not isinstance(value, bytes) or encoding(s, argv[2], value) == b"int":
        raise CommandError("ERR Not an sds encoded string.")
    return Simple(
        b"key_sds_len:%d, key_sds_avail:0, key_zmalloc: %d, val_sds_len:%d, val_sds_avail:0, val_zmalloc: %d"
        % (len(argv[2]), sys.getsizeof(argv[2]), len(value), sys.getsizeof(value))
    )


def structsize(s: Session, argv: Argv) -> Reply:
    """The sizes of what takes the place of a real server's structures: objects, entries of dictionaries, headers of strings."""
    bits = 8 * struct.calcsize("P")
    strings = " ".join(f"sdshdr{kind}:{bytes.__basicsize__}" for kind in (5, 8, 16, 32, 64))
    return f"bits:{bits} robj:{object.__basicsize__} dictentry:{_ENTRY} {strings} ".encode()


def _shown(s: Session, argv: Argv, kept: bytes) -> Reply:
    """Writes the elements of a value to the standard output, if that is how it is kept."""
    value = existing(s, argv[2])
    name = kept.decode()
    if encoding(s, argv[2], value) != kept or isinstance(value, bytes | Document | Stream):
        raise CommandError(f"ERR Not a {name} encoded object.")
    print(f"{{entries {len(value)}}} {list(value)!r}")
    return Simple(f"{name.capitalize()} structure printed on stdout".encode())


def listpack(s: Session, argv: Argv) -> Reply:
    """Shows a value that a real server keeps in a listpack."""
    return _shown(s, argv, b"listpack")


def ziplist(s: Session, argv: Argv) -> Reply:
    """Shows a value that a real 6.2 keeps in a ziplist."""
    return _shown(s, argv, b"ziplist")


def quicklist(s: Session, argv: Argv) -> Reply:
    """Shows a list that a real server keeps in a quicklist. It has no nodes here, so all detail is one."""
    return _shown(s, argv, b"quicklist")
