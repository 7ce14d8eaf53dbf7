"""HyperLogLogs: how many different elements there were, give or take 0.81 %. https://valkey.io/commands/#hyperloglog"""

from __future__ import annotations

from typing import Final

from localstack_memorydb.engine import hyperloglog as hll
from localstack_memorydb.engine.errors import CommandError, printable
from localstack_memorydb.engine.keyspace import Untold
from localstack_memorydb.engine.looking import look
from localstack_memorydb.engine.registry import (
    ADMIN,
    DENYOOM,
    FAST,
    READONLY,
    WRITE,
    Earlier,
    Family,
    KeySpec,
    one,
    span,
)
from localstack_memorydb.engine.resp import OK, Argv, Reply, Simple
from localstack_memorydb.engine.session import Session

hyperloglogs = Family("hyperloglog", "@hyperloglog")

_NOT_ONE: Final = "WRONGTYPE Key is not a valid HyperLogLog string value."
_CORRUPT: Final = "INVALIDOBJ Corrupted HLL object detected"


def _value(s: Session, key: bytes) -> bytes | None:
    """The key's HyperLogLog. Raises WrongType, CommandError for a string that is none."""
    found = s.value(key, bytes)
    if found is not None and not hll.is_valid(found):
        raise CommandError(_NOT_ONE)
    return found


def _sketch(s: Session, data: bytes) -> hll.Sketch:
    return hll.Sketch(data, s.node.cluster.parameters.limits.hll_sparse_max_bytes, exactly=not s.legacy)


@hyperloglogs.command("PFADD", -2, WRITE | DENYOOM | FAST, keys=one("RW insert"), since="2.8.9")
def pfadd(s: Session, argv: Argv) -> Reply:
    """Adds elements; 1 if the estimate may have changed."""
    found = _value(s, argv[1])
    if found is not None:
        s.db.unshare(argv[1])
    sketch = _sketch(s, hll.new() if found is None else found)
    try:
        changed = sketch.add(argv[2:]) or found is None
    except hll.Corrupt:
        if bytes(sketch.data) != found:  # what is known of is added, and nobody is told
            s.db.grow(argv[1], bytes(sketch.data))
        raise CommandError(_CORRUPT) from None
    if changed:
        s.db.grow(argv[1], sketch.spoil())
    else:
        s.unchanged = True
    return int(changed)


@hyperloglogs.command("PFCOUNT", -2, READONLY, keys=span("RW access"), since="2.8.9")
def pfcount(s: Session, argv: Argv) -> Reply:
    """How many different elements there were, in all the keys together. Of one key the answer is kept in its value."""
    try:
        if len(argv) > 2:
            return hll.count(_union(s, argv[1:])[0])
        found = _value(s, argv[1])
        if found is None:
            return 0
        s.db.unshare(argv[1])
        number = hll.cached(found)
        if number is None:
            number = hll.count(hll.registers(found))
            s.db.grow(argv[1], hll.with_count(found, number))
            s.node.shard.keyspace.changed(argv[1], s)  # what is kept changed, though nothing was added
        return number
    except hll.Corrupt:
        raise CommandError(_CORRUPT) from None


def _union(s: Session, keys: Argv) -> tuple[bytes, bool]:
    """The highest of each register, and whether any of the values is dense."""
    highest, any_dense = bytes(hll.REGISTERS), False
    for key in dict.fromkeys(keys):
        look()
        found = _value(s, key)
        if found is not None:
            any_dense |= hll.is_dense(found)
            highest = hll.highest(hll.registers(found, exactly=not s.legacy), highest)
    return highest, any_dense


@hyperloglogs.command(
    "PFMERGE",
    -2,
    WRITE | DENYOOM,
    keys=(KeySpec("RW access insert", 1), KeySpec("RO access", 2, -1)),
    since="2.8.9",
)
def pfmerge(s: Session, argv: Argv) -> Reply:
    """Makes the first key the union of all."""
    try:
        highest, any_dense = _union(s, argv[1:])
        found = _value(s, argv[1]) or hll.new()
        sketch = _sketch(s, hll.with_registers(found, highest) if any_dense else found)
        if not any_dense:
            sketch.merge(highest)
    except hll.Corrupt:
        raise CommandError(_CORRUPT) from None
    s.db.grow(argv[1], sketch.spoil())
    return OK


# -- for people who look inside ---------------------------------------------------------------------------------------


@hyperloglogs.command(
    "PFDEBUG",
    3,
    WRITE | DENYOOM | ADMIN,
    keys=one("RW access", at=2),
    since="2.8.9",
    earlier=Earlier("7.0", arity=-3),
)
def pfdebug(s: Session, argv: Argv) -> Reply:
    """GETREG: all registers; DECODE: the runs of a sparse value; ENCODING; TODENSE. The first and the last make it dense."""
    key, found = argv[2], _value(s, argv[2])
    if found is None:
        raise CommandError("ERR The specified key does not exist")
    s.db.unshare(key)
    word, is_dense = argv[1].lower(), hll.is_dense(found)
    if word not in (b"getreg", b"decode", b"encoding", b"todense"):
        raise CommandError(f"ERR Unknown PFDEBUG subcommand '{printable(argv[1])}'")
    if len(argv) != 3:
        raise CommandError(f"ERR Wrong number of arguments for the '{printable(argv[1])}' subcommand")
    s.unchanged = is_dense or word in (b"decode", b"encoding")
    if word == b"encoding":
        return Simple(b"dense" if is_dense else b"sparse")
    try:
        if word == b"decode":
            if is_dense:
                raise CommandError("ERR HLL encoding is not sparse")
            return hll.described(found)
        if not is_dense:
            s.db[key] = hll.dense(found, exactly=not s.legacy)
            s.effects = Untold([argv])
        return int(not is_dense) if word == b"todense" else list(hll.registers(found, exactly=not s.legacy))
    except hll.Corrupt:
        raise CommandError(_CORRUPT) from None


_TESTED: Final = (1, 10, 100, 1000, 10_000)


@hyperloglogs.command("PFSELFTEST", 1, ADMIN, since="2.8.9")
def pfselftest(s: Session, argv: Argv) -> Reply:
    """Whether registers keep what they were given, and counts are as near as is promised."""
    luck = s.node.cluster.random
    sketch, expected = _sketch(s, hll.dense(hll.new())), bytearray(hll.REGISTERS)
    for register in range(hll.REGISTERS):
        expected[register] = luck.randrange(1, 52)
        sketch.set(register, expected[register])
    if hll.registers(bytes(sketch.data)) != expected:
        raise CommandError("TESTFAILED Registers do not hold what was set")
    sketch, added, seed = _sketch(s, hll.new()), 0, luck.getrandbits(64)
    for size in _TESTED:
        for element in range(added, size):
            sketch.set(*hll.place_of(b"%d:%d" % (seed, element)))
        added = size
        estimate = hll.count(hll.registers(bytes(sketch.data)))
        # Six times the standard error; a few collisions are no error either.
        if abs(estimate - size) > max(1, size * 6 * 0.0081):
            raise CommandError(f"TESTFAILED Too big error. card:{size} abserr:{abs(estimate - size)}")
    return OK
