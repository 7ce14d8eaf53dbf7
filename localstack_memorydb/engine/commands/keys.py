"""Keys of any type. https://valkey.io/commands/#generic"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, chain, islice
from typing import Final

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.buffers import Buffer
from localstack_memorydb.engine.directives import directive
from localstack_memorydb.engine.errors import CommandError, NoSuchKey, SyntaxFault, WrongArity
from localstack_memorydb.engine.eviction import frequency, idle_seconds, note_restored
from localstack_memorydb.engine.glob import Matcher, compile_glob
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.keyspace import EMBEDDED_LENGTH, Slot
from localstack_memorydb.engine.looking import MANY, looking
from localstack_memorydb.engine.numbers import INT_MAX, is_integer, parse_int, parse_int_in
from localstack_memorydb.engine.options import deadline_time, parse_expire_conditions, parse_scan_options
from localstack_memorydb.engine.rdb.compact import list_encoding
from localstack_memorydb.engine.registry import (
    DENYOOM,
    FAST,
    LOADING,
    READONLY,
    STALE,
    WRITE,
    Earlier,
    Family,
    one,
    span,
    two,
)
from localstack_memorydb.engine.resp import OK, Argv, Reply, Simple
from localstack_memorydb.engine.scan import parse_cursor
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.slots import SLOTS
from localstack_memorydb.engine.values import TYPE_NAMES, List, Set, Value, copy_value

keys = Family("generic", "@keyspace")

_TYPES: Final = {kind: Simple(name) for kind, name in TYPE_NAMES.items()}
_NO_TYPE: Final = Simple(b"none")


@keys.command("DEL", -2, WRITE, keys=span("RM delete"))
@keys.command("UNLINK", -2, WRITE | FAST, keys=span("RM delete"), since="4.0.0")
def delete(s: Session, argv: Argv) -> Reply:
    """Deletes keys; answers how many there were."""
    remove = s.db.remove
    gone = [key for key in (argv[1:] if len(argv) < MANY else looking(argv[1:])) if remove(key)]
    if len(gone) < len(argv) - 1:
        s.unchanged = not gone
        s.effect([b"DEL", *gone])
    return len(gone)


@keys.command("EXISTS", -2, READONLY | FAST, keys=span("RO"))
def exists(s: Session, argv: Argv) -> Reply:
    """How many of the keys there are; one that is named twice counts twice."""
    db = s.db
    return sum([key in db for key in (argv[1:] if len(argv) < MANY else looking(argv[1:]))])


@keys.command("TOUCH", -2, READONLY | FAST, keys=span("RO"), since="3.2.1")
def touch(s: Session, argv: Argv) -> Reply:
    """As EXISTS, and the keys count as used, even by a client that otherwise leaves no trace (CLIENT NO-TOUCH)."""
    s.db.used = s.now
    return exists(s, argv)


@keys.command("TYPE", 2, READONLY | FAST, keys=one("RO"))
def type_(s: Session, argv: Argv) -> Reply:
    """The type of the key's value."""
    found = s.db.get(argv[1])
    return _NO_TYPE if found is None else _TYPES[type(found)]


# -- expiry -----------------------------------------------------------------------------------------------------------


def _expire(s: Session, argv: Argv, command: str, seconds: bool, relative: bool) -> int:
    if s.legacy and len(argv) > 3:
        raise WrongArity(command)
    conditions = parse_expire_conditions(argv, 3) if len(argv) > 3 else None
    deadline = deadline_time(s, argv[2], command, seconds, relative)
    db, key = s.db, argv[1]
    if key not in db or (conditions and not _allows(conditions, db.deadlines.get(key), deadline)):
        s.unchanged = True
        return 0
    if deadline > s.now:
        db.expire(key, deadline)
        s.effect([b"PEXPIREAT", key, b"%d" % deadline])
    else:
        db.remove(key)
        s.effect([b"DEL", key])
    return 1


def _allows(conditions: frozenset[bytes], current: int | None, deadline: int) -> bool:
    """Whether NX, XX, GT and LT let the deadline be set. A key without one counts as living for ever."""
    if current is None:
        return not conditions & {b"XX", b"GT"}
    if b"NX" in conditions:
        return False
    return deadline > current if b"GT" in conditions else b"LT" not in conditions or deadline < current


_WITHOUT_CONDITIONS = Earlier("7.0", arity=3)  # NX, XX, GT and LT came with 7.0


@keys.command("EXPIRE", -3, WRITE | FAST, keys=one("RW update"), earlier=_WITHOUT_CONDITIONS)
def expire(s: Session, argv: Argv) -> Reply:
    """Gives the key a time to live in seconds."""
    return _expire(s, argv, "expire", seconds=True, relative=True)


@keys.command("PEXPIRE", -3, WRITE | FAST, keys=one("RW update"), since="2.6.0", earlier=_WITHOUT_CONDITIONS)
def pexpire(s: Session, argv: Argv) -> Reply:
    """Gives the key a time to live in milliseconds."""
    return _expire(s, argv, "pexpire", seconds=False, relative=True)


@keys.command("EXPIREAT", -3, WRITE | FAST, keys=one("RW update"), since="1.2.0", earlier=_WITHOUT_CONDITIONS)
def expireat(s: Session, argv: Argv) -> Reply:
    """Lets the key expire at a unix time in seconds."""
    return _expire(s, argv, "expireat", seconds=True, relative=False)


@keys.command(
    "PEXPIREAT", -3, WRITE | FAST, keys=one("RW update"), since="2.6.0", earlier=_WITHOUT_CONDITIONS
)
def pexpireat(s: Session, argv: Argv) -> Reply:
    """Lets the key expire at a unix time in milliseconds."""
    return _expire(s, argv, "pexpireat", seconds=False, relative=False)


@keys.command("PERSIST", 2, WRITE | FAST, keys=one("RW update"), since="2.2.0")
def persist(s: Session, argv: Argv) -> Reply:
    """Lets the key live for ever; 0 if it does, or is not there."""
    s.unchanged = s.db.deadlines.pop(argv[1], None) is None
    return 0 if s.unchanged else 1


def _lifetime(s: Session, key: bytes, since: int, unit: int) -> int:
    """The key's deadline, counted from `since` in units of that many ms; -1 if it has none, -2 without a key."""
    deadline = s.db.deadlines.get(key)
    if deadline is None:
        return -1 if key in s.db else -2
    return (deadline - since + unit // 2) // unit


@keys.command("TTL", 2, READONLY | FAST, keys=one("RO access"))
def ttl(s: Session, argv: Argv) -> Reply:
    """The time to live in seconds."""
    return _lifetime(s, argv[1], s.now, 1000)


@keys.command("PTTL", 2, READONLY | FAST, keys=one("RO access"), since="2.6.0")
def pttl(s: Session, argv: Argv) -> Reply:
    """The time to live in milliseconds."""
    return _lifetime(s, argv[1], s.now, 1)


@keys.command("EXPIRETIME", 2, READONLY | FAST, keys=one("RO access"), since="7.0.0")
def expiretime(s: Session, argv: Argv) -> Reply:
    """When the key expires, as a unix time in seconds."""
    return _lifetime(s, argv[1], 0, 1000)


@keys.command("PEXPIRETIME", 2, READONLY | FAST, keys=one("RO access"), since="7.0.0")
def pexpiretime(s: Session, argv: Argv) -> Reply:
    """When the key expires, as a unix time in milliseconds."""
    return _lifetime(s, argv[1], 0, 1)


# -- names ------------------------------------------------------------------------------------------------------------


@keys.command("RENAME", 3, WRITE, keys=two("RW access delete", "OW update"))
def rename(s: Session, argv: Argv) -> Reply:
    """Renames a key, over another if need be; its deadline comes along."""
    _rename(s, argv[1], argv[2])
    return OK


@keys.command("RENAMENX", 3, WRITE | FAST, keys=two("RW access delete", "OW insert"))
def renamenx(s: Session, argv: Argv) -> Reply:
    """Renames a key unless there is one of the new name."""
    if argv[1] in s.db and argv[2] in s.db:
        s.unchanged = True
        return 0
    _rename(s, argv[1], argv[2])
    return 1


def _rename(s: Session, source: bytes, target: bytes) -> None:
    value = s.db.get(source)
    if value is None:
        raise NoSuchKey
    if source == target:
        s.unchanged = True
        return
    deadline, form, used = s.db.deadlines.get(source), s.db.form(source), s.db.uses.get(source)
    s.db.remove(source)
    s.db.remove(target)
    _put_until(s.db, target, value, deadline)
    if used is not None:
        s.db.uses[target] = used
    if isinstance(value, bytes):
        s.db.keep(target, value, form)


def _put_until(db: Slot, key: bytes, value: Value, deadline: int | None) -> None:
    db.put(key, value)
    if deadline is not None:
        db.expire(key, deadline)


@keys.command("COPY", -3, WRITE | DENYOOM, keys=two("RO access", "OW update"), since="6.2.0")
def copy(s: Session, argv: Argv) -> Reply:
    """`[DB number] [REPLACE]`: copies a value and its deadline to another key."""
    source, target = argv[1], argv[2]
    replace = _copy_options(s, argv)
    if source == target:
        raise CommandError("ERR source and destination objects are the same")
    value = s.db.get(source)
    if value is None or (target in s.db and not replace):
        s.unchanged = True
        return 0
    _put_until(s.db, target, copy_value(value), s.db.deadlines.get(source))
    if isinstance(value, bytes):
        s.db.keep(target, value, s.db.form(source))
    return 1


def _copy_options(s: Session, argv: Argv) -> bool:
    """Whether REPLACE is among the options. Clusters have one database; before 7.2 the others were only forbidden."""
    replace, database = False, 0
    at = 3
    while at < len(argv):
        word = argv[at].upper()
        if word == b"REPLACE":
            replace = True
        elif word == b"DB" and at + 1 < len(argv):
            at += 1
            database = parse_int_in(argv[at], -(2**31), 2**31 - 1)
            if not 0 <= database < (1 if s.table.level >= (7, 2) else 16):
                raise CommandError("ERR DB index is out of range")
        else:
            raise SyntaxFault
        at += 1
    if database:
        raise CommandError("ERR Copying to another database is not allowed in cluster mode")
    return replace


@keys.command("MOVE", 3, WRITE | FAST, keys=one("RW access update"))
def move(s: Session, argv: Argv) -> Reply:
    """Clusters have one database."""
    raise CommandError("ERR MOVE is not allowed in cluster mode")


# -- the whole keyspace -----------------------------------------------------------------------------------------------


def _live(slot: Slot, now: int) -> Iterator[bytes]:
    """The keys of a slot whose time has not come."""
    deadlines = slot.deadlines
    return (key for key in slot if key not in deadlines or deadlines[key] > now)


@keys.command("KEYS", 2, READONLY, categories="@dangerous")
def keys_(s: Session, argv: Argv) -> Reply:
    """Every key of the node that matches the pattern."""
    slots = s.node.shard.keyspace.data()
    found = list(chain.from_iterable([_live(slot, s.now) if slot.deadlines else slot for slot in slots]))
    return found if argv[1] == b"*" else list(filter(compile_glob(argv[1]), found))


@keys.command("SCAN", -2, READONLY, since="2.8.0")
def scan(s: Session, argv: Argv) -> Reply:
    """Part of the node's keys, and the cursor for the next part. A cursor is a slot, and slots are returned whole."""
    first = min(parse_cursor(argv[1]), SLOTS)
    count, matches, kind = parse_scan_options(argv, 2, typed=True)
    slots = s.node.shard.keyspace.slots
    found: list[bytes] = []
    following = 0
    of_kind = frozenset(each for each, name in TYPE_NAMES.items() if name.lower() == kind)
    for number, slot in enumerate(islice(slots, first, None), first):
        if not slot:
            continue
        if count <= 0:
            following = number
            break
        count -= len(slot)
        if slot.deadlines:
            _purge_found(s, slot, matches, kind)
        live = _live(slot, s.now) if slot.deadlines else slot
        found += live if kind is None else [key for key in live if type(slot[key]) in of_kind]
    return [b"%d" % following, found if matches is None else list(filter(matches, found))]


_TRIES_OF_RANDOMKEY: Final = 16  # to meet a key whose time has not come


def _purge_found(s: Session, slot: Slot, matches: Matcher | None, kind: bytes | None) -> None:
    """Deletes what SCAN found too late. Since 7.2 it looks at keys of the wrong type no closer."""
    for key in [key for key, deadline in slot.deadlines.items() if deadline <= s.now]:
        if matches is not None and not matches(key):
            continue
        if kind is None or s.legacy_doubles or TYPE_NAMES[type(slot[key])].lower() == kind:
            s.node.shard.keyspace.purge(slot, key, s.now)


@keys.command("RANDOMKEY", 1, READONLY)
def randomkey(s: Session, argv: Argv) -> Reply:
    """Any key of the node, each as likely as the others."""
    keyspace = s.node.shard.keyspace
    for attempt in range(_TRIES_OF_RANDOMKEY + 1):
        if attempt == _TRIES_OF_RANDOMKEY:
            keyspace.purge_all(s.now)
        slots = keyspace.data()
        ends = list(accumulate(map(len, slots)))
        if not ends:
            break
        place = s.node.cluster.random.randrange(ends[-1])
        slot = slots[at := bisect_right(ends, place)]
        key = next(islice(slot, place - ends[at] + len(slot), None))
        keyspace.purge(slot, key, s.now)
        if key in slot:
            return key
    return None


# -- OBJECT -----------------------------------------------------------------------------------------------------------

keys.container("OBJECT", since="2.2.3")

_SHARED_INTEGERS: Final = 10000
_SHARED_REFERENCES: Final = 2**31 - 1
_ADJUSTING: Final = "Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."


@keys.command("OBJECT|ENCODING", 3, READONLY, keys=one("RO", 2), since="2.2.3")
def object_encoding(s: Session, argv: Argv) -> Reply:
    """How the value is kept, by the names of the engine version."""
    value = s.db.get(argv[2])
    return None if value is None else encoding(s, argv[2], value)


def encoding(s: Session, key: bytes, value: Value) -> bytes:
    """How the value is kept, by the names of the engine version."""
    level = s.table.level
    if isinstance(value, bytes | Buffer):
        form = s.node.shard.keyspace.of(key).form(key)
        if form is not None:
            return form
        if len(value) <= 20 and is_integer(value):
            return b"int"
        return b"embstr" if len(value) <= EMBEDDED_LENGTH else b"raw"
    if level < (7, 2):
        if isinstance(value, List):
            return b"quicklist"
        if value.encoding == "listpack":
            return b"hashtable" if isinstance(value, Set) else b"ziplist" if level < (7,) else b"listpack"
    elif isinstance(value, List):
        return list_encoding(value, s.node.cluster.parameters.limits).encode()
    return value.encoding.encode()


@keys.command("OBJECT|REFCOUNT", 3, READONLY, keys=one("RO", 2), since="2.2.3")
def object_refcount(s: Session, argv: Argv) -> Reply:
    """One, but for small integers, which all keys share."""
    value = s.db.get(argv[2])
    return None if value is None else references(s, argv[2], value)


def references(s: Session, key: bytes, value: Value) -> int:
    """What OBJECT REFCOUNT says of a value."""
    shared = isinstance(value, bytes) and len(value) <= 4 and is_integer(value) and not value.startswith(b"-")
    if shared and s.node.shard.keyspace.of(key).form(key) is not None:
        return 1
    cluster = s.node.cluster
    alone = cluster.parameters.evicts_by_use and cluster.spec.maxmemory > 0  # each has its own time of use
    return _SHARED_REFERENCES if shared and not alone else 1


@keys.command("OBJECT|IDLETIME", 3, READONLY, keys=one("RO", 2), since="2.2.3")
def object_idletime(s: Session, argv: Argv) -> Reply:
    """Seconds since the key was used."""
    if argv[2] not in s.db:
        return None
    if s.node.cluster.parameters.counts_use:
        raise CommandError(f"ERR An LFU maxmemory policy is selected, idle time not tracked. {_ADJUSTING}")
    return idle_seconds(s.db, argv[2], s.node.started, s.now)


@keys.command("OBJECT|FREQ", 3, READONLY, keys=one("RO", 2), since="4.0.0")
def object_freq(s: Session, argv: Argv) -> Reply:
    """How often the key is used, where the eviction policy asks for it."""
    if argv[2] not in s.db:
        return None
    if not s.node.cluster.parameters.counts_use:
        raise CommandError(
            f"ERR An LFU maxmemory policy is not selected, access frequency not tracked. {_ADJUSTING}"
        )
    return frequency(s.db, argv[2], s.node.shard, s.now)


@keys.command("OBJECT|HELP", 2, LOADING | STALE, since="6.2.0")
def object_help(s: Session, argv: Argv) -> Reply:
    """What OBJECT can do."""
    return help_lines(s, "object")


# -- DUMP and RESTORE -------------------------------------------------------------------------------------------------


@keys.command("DUMP", 2, READONLY, keys=one("RO access"), since="2.6.0")
def dump(s: Session, argv: Argv) -> Reply:
    """The value as RESTORE takes it."""
    value = s.db.get(argv[1])
    if value is None:
        return None
    limits = s.node.cluster.parameters.limits
    compresses = directive(s.node.cluster, "rdbcompression") == "yes"
    return rdb.dump(value, version=rdb.version_of(s.table.level), limits=limits, compresses=compresses)


@keys.command("RESTORE", -4, WRITE | DENYOOM, keys=one("OW update"), since="2.6.0", categories="@dangerous")
def restore(s: Session, argv: Argv) -> Reply:
    """`key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`: makes a key of what DUMP answered."""
    key = argv[1]
    words = _restore_options(argv)
    if key in s.db and b"REPLACE" not in words:
        raise CommandError("BUSYKEY Target key name already exists.")
    time = parse_int(argv[2])
    if time < 0:
        raise CommandError("ERR Invalid TTL value, must be >= 0")
    value = _restored(s, argv[3])
    deadline = time if not time or b"ABSTTL" in words else time + s.now
    if time and not s.now < deadline <= INT_MAX:  # a time that no C integer holds was long ago
        s.unchanged = not s.db.remove(key)
        s.effect([b"DEL", key])
        return OK
    _put_until(s.db, key, value, deadline or None)
    note_restored(s.node.shard, s.db, key, words.get(b"IDLETIME", 0), words.get(b"FREQ"), s.now)
    if time:
        s.effect([b"RESTORE", key, b"%d" % deadline, argv[3], b"ABSTTL", b"REPLACE"])
    return OK


def _restored(s: Session, payload: bytes) -> Value:
    """The value of a payload."""
    try:
        cluster, newest = s.node.cluster, rdb.version_of(s.table.level)
        any_checksum = cluster.switches.any_checksum
        return rdb.restore(payload, cluster.parameters.limits, newest, any_checksum=any_checksum)
    except rdb.FooterError:
        raise CommandError("ERR DUMP payload version or checksum are wrong") from None
    except rdb.RdbError:
        raise CommandError("ERR Bad data format") from None


def _restore_options(argv: Argv) -> dict[bytes, int]:
    words: dict[bytes, int] = {}
    at = 4
    while at < len(argv):
        word = argv[at].upper()
        more, number = at + 1 < len(argv), 0
        if word == b"IDLETIME" and more and b"FREQ" not in words:
            at += 1
            number = parse_int(argv[at])
            if number < 0:
                raise CommandError("ERR Invalid IDLETIME value, must be >= 0")
        elif word == b"FREQ" and more and b"IDLETIME" not in words:
            at += 1
            number = parse_int(argv[at])
            if not 0 <= number <= 255:
                raise CommandError("ERR Invalid FREQ value, must be >= 0 and <= 255")
        elif word not in (b"REPLACE", b"ABSTTL"):
            raise SyntaxFault
        words[word] = number
        at += 1
    return words
