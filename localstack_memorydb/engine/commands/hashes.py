"""Hashes. https://valkey.io/commands/#hash"""

from __future__ import annotations

import re
from itertools import repeat
from typing import Final

from localstack_memorydb.engine.errors import (
    CommandError,
    NotFloat,
    NotInteger,
    OutOfRange,
    SyntaxFault,
    WrongArity,
)
from localstack_memorydb.engine.giving_way import made_at_leisure
from localstack_memorydb.engine.looking import MANY, looking
from localstack_memorydb.engine.numbers import (
    INT_MAX,
    INT_MIN,
    add_long_double,
    add_simple,
    format_long_double,
    parse_int,
    parse_long_double,
)
from localstack_memorydb.engine.registry import DENYOOM, FAST, READONLY, WRITE, Family, one
from localstack_memorydb.engine.resp import OK, Absent, Argv, Bulks, Pairs, Reply
from localstack_memorydb.engine.sampling import draw, draw_one, parse_count
from localstack_memorydb.engine.scan import scan_collection
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.values import Hash

hashes = Family("hash", "@hash")

_INFINITE: Final = re.compile(rb"[+-]?inf(inity)?", re.IGNORECASE).fullmatch


def _open(s: Session, key: bytes) -> Hash:
    """The hash to write to, made if there is none. Raises WrongType."""
    found = s.value(key, Hash)
    if found is None:
        found = s.db[key] = Hash()
    return found


def _store(s: Session, found: Hash, field: bytes, value: bytes, measured: bool = True) -> None:
    """Sets one field; the hash stays a listpack as long as everything in it is short, if that is `measured`."""
    if found.pool is not None and field not in found:
        found.pool.add(field)
    found[field] = value
    if found.encoding == "listpack":
        limits = s.node.cluster.parameters.limits
        longest = limits.hash_max_listpack_value if measured else INT_MAX
        if len(value) > longest or len(field) > longest or len(found) > limits.hash_max_listpack_entries:
            found.encoding = "hashtable"


def _store_many(s: Session, found: Hash, items: list[bytes]) -> None:
    """Sets fields from alternating names and values."""
    fields = items[::2]
    if found.pool is not None:
        for field in looking(dict.fromkeys(fields)):
            if field not in found:
                found.pool.add(field)
    found.update(zip(fields, items[1::2], strict=True))
    if found.encoding == "listpack":
        limits = s.node.cluster.parameters.limits
        if (
            max(len(found), len(fields)) > limits.hash_max_listpack_entries
            or max(map(len, items)) > limits.hash_max_listpack_value
        ):
            found.encoding = "hashtable"


@hashes.command("HSET", -4, WRITE | DENYOOM | FAST, keys=one("RW update"), since="2.0.0")
def hset(s: Session, argv: Argv) -> Reply:
    """Sets fields; answers how many are new."""
    if len(argv) & 1:
        raise WrongArity("hset")
    found = s.db.get(argv[1])
    if type(found) is not Hash:
        found = _open(s, argv[1])
    before = len(found)
    if len(argv) == 4:
        _store(s, found, argv[2], argv[3])
    else:
        _store_many(s, found, argv[2:])
    return len(found) - before


@hashes.command("HMSET", -4, WRITE | DENYOOM | FAST, keys=one("RW update"), since="2.0.0")
def hmset(s: Session, argv: Argv) -> Reply:
    """Sets fields."""
    if len(argv) & 1:
        raise WrongArity("hmset")
    _store_many(s, _open(s, argv[1]), argv[2:])
    return OK


@hashes.command("HSETNX", 4, WRITE | DENYOOM | FAST, keys=one("RW insert"), since="2.0.0")
def hsetnx(s: Session, argv: Argv) -> Reply:
    """Sets a field that is not there yet."""
    found = _open(s, argv[1])
    if argv[2] in found:
        s.unchanged = True
        longest = s.node.cluster.parameters.limits.hash_max_listpack_value
        if s.table.level < (7, 0) and max(len(argv[2]), len(argv[3])) > longest:
            found.encoding = "hashtable"  # 6.2 makes room first, and looks then
        return 0
    _store(s, found, argv[2], argv[3])
    return 1


@hashes.command("HGET", 3, READONLY | FAST, keys=one("RO access"), since="2.0.0")
def hget(s: Session, argv: Argv) -> Reply:
    """The value of a field."""
    found = s.db.get(argv[1])
    if type(found) is Hash:
        return found.get(argv[2])
    return s.value(argv[1], Hash)


@hashes.command("HMGET", -3, READONLY | FAST, keys=one("RO access"), since="2.0.0")
def hmget(s: Session, argv: Argv) -> Reply:
    """The values of several fields."""
    found = s.value(argv[1], Hash)
    if found is None:
        return Absent(repeat(None, len(argv) - 2))
    return [*map(found.get, argv[2:])]


@hashes.command("HGETALL", 2, READONLY, keys=one("RO access"), since="2.0.0")
def hgetall(s: Session, argv: Argv) -> Reply:
    """All fields and their values."""
    found = s.value(argv[1], Hash)
    if found is None or len(found) < MANY:
        return dict(found or ())
    return made_at_leisure(s, argv, lambda: dict(found))


@hashes.command("HKEYS", 2, READONLY, keys=one("RO access"), since="2.0.0")
def hkeys(s: Session, argv: Argv) -> Reply:
    """All fields."""
    found = s.value(argv[1], Hash)
    if found is None or len(found) < MANY:
        return Bulks(found or ())
    return made_at_leisure(s, argv, lambda: Bulks(found))


@hashes.command("HVALS", 2, READONLY, keys=one("RO access"), since="2.0.0")
def hvals(s: Session, argv: Argv) -> Reply:
    """All values."""
    found = s.value(argv[1], Hash)
    if found is None or len(found) < MANY:
        return Bulks() if found is None else Bulks(found.values())
    return made_at_leisure(s, argv, lambda: Bulks(found.values()))


@hashes.command("HLEN", 2, READONLY | FAST, keys=one("RO"), since="2.0.0")
def hlen(s: Session, argv: Argv) -> Reply:
    """How many fields there are."""
    return len(s.value(argv[1], Hash) or ())


@hashes.command("HSTRLEN", 3, READONLY | FAST, keys=one("RO"), since="3.2.0")
def hstrlen(s: Session, argv: Argv) -> Reply:
    """The length of a field's value."""
    found = s.value(argv[1], Hash)
    return 0 if found is None else len(found.get(argv[2], b""))


@hashes.command("HEXISTS", 3, READONLY | FAST, keys=one("RO"), since="2.0.0")
def hexists(s: Session, argv: Argv) -> Reply:
    """Whether there is such a field."""
    found = s.value(argv[1], Hash)
    return int(found is not None and argv[2] in found)


@hashes.command("HDEL", -3, WRITE | FAST, keys=one("RW delete"), since="2.0.0")
def hdel(s: Session, argv: Argv) -> Reply:
    """Removes fields; the key goes with the last one."""
    found = s.value(argv[1], Hash)
    removed = 0
    if found is not None:
        for field in argv[2:] if len(argv) < MANY else looking(argv[2:]):
            if found.pop(field, None) is not None:
                removed += 1
                if found.pool is not None:
                    found.pool.remove(field)
        if not found:
            s.db.remove(argv[1])
    if not removed:
        s.unchanged = True
    return removed


@hashes.command("HINCRBY", 4, WRITE | DENYOOM | FAST, keys=one("RW access update"), since="2.0.0")
def hincrby(s: Session, argv: Argv) -> Reply:
    """Adds to the integer in a field, 0 if there is none."""
    by = parse_int(argv[3])
    found = s.value(argv[1], Hash)
    old = b"0" if found is None else found.get(argv[2], b"0")
    try:
        number = parse_int(old) + by
    except NotInteger:
        raise CommandError("ERR hash value is not an integer") from None
    if not INT_MIN <= number <= INT_MAX:
        raise CommandError("ERR increment or decrement would overflow")
    _store(s, _open(s, argv[1]), argv[2], b"%d" % number, measured=not s.legacy)
    return number


def _float_sum(s: Session, argv: Argv) -> bytes:
    by = parse_long_double(argv[3])
    if by is None:
        raise CommandError("ERR value is NaN or Infinity") if _INFINITE(argv[3]) else NotFloat
    found = s.value(argv[1], Hash)
    old = b"0" if found is None else found.get(argv[2], b"0")
    number = parse_long_double(old)
    if number is None and not _INFINITE(old):
        raise CommandError("ERR hash value is not a float")
    total = None if number is None else add_long_double(number, by)
    if total is None:
        raise CommandError("ERR increment would produce NaN or Infinity")
    return format_long_double(total)


@hashes.command("HINCRBYFLOAT", 4, WRITE | DENYOOM | FAST, keys=one("RW access update"), since="2.6.0")
def hincrbyfloat(s: Session, argv: Argv) -> Reply:
    """Adds to the number in a field, 0 if there is none. The log gets the sum."""
    found = s.db.get(argv[1])
    text = add_simple(found.get(argv[2], b"0"), argv[3]) if isinstance(found, Hash) else None
    if text is None:
        text = _float_sum(s, argv)
    _store(
        s, _open(s, argv[1]), argv[2], text, measured=not s.legacy
    )  # 6.2 looks at the number of fields only
    s.effect([b"HSET", argv[1], argv[2], text])
    return text


@hashes.command("HRANDFIELD", -2, READONLY, keys=one("RO access"), since="6.2.0")
def hrandfield(s: Session, argv: Argv) -> Reply:
    """A random field, or `count` of them with their values: different ones, or with repetitions if it is negative."""
    random = s.node.cluster.random
    if len(argv) == 2:
        found = s.value(argv[1], Hash)
        return None if found is None else draw_one(found, random)
    count = parse_count(argv[2])
    if len(argv) > 4 or (len(argv) == 4 and argv[3].upper() != b"WITHVALUES"):
        raise SyntaxFault
    if len(argv) == 4 and not -(INT_MAX // 2) <= count <= INT_MAX // 2:
        raise OutOfRange
    found = s.value(argv[1], Hash)
    fields = [] if found is None else draw(found, count, random)
    if len(argv) == 3 or found is None:
        return fields
    return Pairs([(field, found[field]) for field in looking(fields)])


@hashes.command("HSCAN", -3, READONLY, keys=one("RO access"), since="2.8.0")
def hscan(s: Session, argv: Argv) -> Reply:
    """The next part of the fields, with their values."""
    cursor, found, fields = scan_collection(s, argv, Hash)
    return [cursor, [part for field in looking(fields) for part in (field, found[field])]]
