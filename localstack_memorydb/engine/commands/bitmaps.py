"""Strings as arrays of bits and of small integers. https://valkey.io/commands/#bitmap"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import iand, ior, ixor
from typing import Final, NamedTuple

from bitarray import bitarray

from localstack_memorydb.engine.buffers import LEAST, Buffer, opened, text, write
from localstack_memorydb.engine.errors import CommandError, SyntaxFault
from localstack_memorydb.engine.keyspace import Untold
from localstack_memorydb.engine.looking import look, looking
from localstack_memorydb.engine.numbers import INT_MAX, parse_int
from localstack_memorydb.engine.registry import DENYOOM, FAST, READONLY, WRITE, Family, KeySpec, one
from localstack_memorydb.engine.resp import Argv, Reply
from localstack_memorydb.engine.session import Session

bitmaps = Family("bitmap", "@bitmap")

_OFFSET: Final = "ERR bit offset is not an integer or out of range"
_VALUE: Final = "ERR bit is not an integer or out of range"
_TYPE: Final = (
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
)
_UNITS: Final = {b"BYTE": 1, b"BIT": 8}
_FULL: Final = (1 << 64) - 1


def _offset(s: Session, text: bytes, width: int = 0) -> int:
    """The position of a bit; with `#` before it that of a field of that width (getBitOffsetFromArgument)."""
    by_width = width > 0 and text.startswith(b"#")
    try:
        offset = parse_int(text[1:]) * width if by_width else parse_int(text)
    except CommandError:
        raise CommandError(_OFFSET) from None
    if not 0 <= offset >> 3 < s.node.cluster.parameters.proto_max_bulk_len:
        raise CommandError(_OFFSET)
    return offset


# -- single bits ------------------------------------------------------------------------------------------------------


@bitmaps.command("SETBIT", 4, WRITE | DENYOOM, keys=one("RW access update"), since="2.2.0")
def setbit(s: Session, argv: Argv) -> Reply:
    """Sets or clears a bit; answers what it was. A shorter string grows by zeros."""
    offset = _offset(s, argv[2])
    if argv[3] not in {b"0", b"1"}:
        raise CommandError(_VALUE)
    found = text(s, argv[1])
    place, mask = offset >> 3, 0x80 >> (offset & 7)
    is_inside = found is not None and place < len(found)
    before = found[place] if found is not None and is_inside else 0
    after = before | mask if argv[3] == b"1" else before & ~mask
    s.unchanged = (
        is_inside and after == before and not s.legacy
    )  # for which every bit that is set is a change
    write(s.db, argv[1], found, place, bytes((after,)))
    return int(bool(before & mask))


@bitmaps.command("GETBIT", 3, READONLY | FAST, keys=one("RO access"), since="2.2.0")
def getbit(s: Session, argv: Argv) -> Reply:
    """A bit; what lies behind the end is 0."""
    offset = _offset(s, argv[2])
    found = text(s, argv[1]) or b""
    place = offset >> 3
    return found[place] >> (7 - (offset & 7)) & 1 if place < len(found) else 0


# -- ranges -----------------------------------------------------------------------------------------------------------


class _Range(NamedTuple):
    """What BITCOUNT and BITPOS look at, as the command line has it."""

    start: int
    end: int | None
    unit: int

    @property
    def is_reversed(self) -> bool:
        """Whether both ends are counted from the string's end, in the wrong order. Clipped to the string they might meet."""
        return self.end is not None and self.end < self.start < 0

    def bits(self, size: int) -> tuple[int, int]:
        """The first bit and the one after the last, in a string of that many bytes; empty when the second is not greater."""
        total = size * self.unit
        end = total - 1 if self.end is None else self.end
        start = max(self.start + total, 0) if self.start < 0 else self.start
        end = max(end + total, 0) if end < 0 else end
        end = min(end, total - 1)
        scale = 8 // self.unit
        return start * scale, (end + 1) * scale


def _range(s: Session, argv: Argv, at: int, *, open_end: bool) -> _Range:
    """`[start end [BYTE|BIT]]`; where `open_end`, the end may be left out, too."""
    words = argv[at:]
    most = 2 if s.legacy else 3
    if len(words) > most or (len(words) == 1 and not open_end):
        raise SyntaxFault
    if not words:
        return _Range(0, None, 1)
    start, unit = parse_int(words[0]), _UNITS.get(words[2].upper()) if len(words) > 2 else 1
    counts_first = s.legacy_doubles and not open_end  # BITCOUNT looks at the unit last, before 7.2
    if unit is None and not counts_first:
        raise SyntaxFault
    end = parse_int(words[1]) if len(words) > 1 else None
    if unit is None and not _Range(start, end, 1).is_reversed:
        raise SyntaxFault
    return _Range(start, end, unit or 1)


_CHUNK: Final = 1 << 22
"""Bytes that are looked at before others may come."""


def _pieces(data: bytes | Buffer, first: int, last: int) -> Iterator[tuple[bitarray, int, int, int]]:
    """The bits from `first` up to `last` (not included): the place of a piece's first bit, and where to look in it.

    A piece shows the string itself, which cannot grow while somebody keeps one.
    """
    for at in range(first >> 3, (last + 7) >> 3, _CHUNK):
        bits = bitarray(buffer=memoryview(data)[at : at + _CHUNK], endian="big")
        yield bits, at << 3, max(first - (at << 3), 0), min(last - (at << 3), len(bits))
        del bits
        look()


@bitmaps.command("BITCOUNT", -2, READONLY, keys=one("RO access"), since="2.6.0")
def bitcount(s: Session, argv: Argv) -> Reply:
    """How many bits are set, in the string or in a part of it."""
    if len(argv) == 2:
        found = text(s, argv[1])
        if found is None or len(found) <= _CHUNK:
            return bitarray(buffer=found).count() if found else 0
    if s.legacy_doubles and text(s, argv[1]) is None:
        return 0  # before 7.2 nobody looks at the rest then
    span = _range(s, argv, 2, open_end=False)
    found = text(s, argv[1])
    first, last = span.bits(len(found or b""))
    if found is None or first >= last or span.is_reversed:
        return 0
    return sum(bits.count(1, start, end) for bits, _, start, end in _pieces(found, first, last))


@bitmaps.command("BITPOS", -3, READONLY, keys=one("RO access"), since="2.8.7")
def bitpos(s: Session, argv: Argv) -> Reply:
    """Where the first bit of that value is; without an end the string goes on with zeros for ever."""
    bit = parse_int(argv[2])
    if bit not in {0, 1}:
        raise CommandError("ERR The bit argument must be 1 or 0.")
    if s.legacy_doubles and text(s, argv[1]) is None:
        return -1 if bit else 0
    span = _range(s, argv, 3, open_end=True)
    found = text(s, argv[1])
    if found is None:
        return -1 if bit else 0
    first, last = span.bits(len(found))
    if first >= last:
        return -1
    for bits, place, start, end in _pieces(found, first, last):
        at = bits.find(bit, start, end)
        if at >= 0:
            return place + at
    return -1 if bit or span.end is not None else len(found) * 8


# -- whole strings ----------------------------------------------------------------------------------------------------

_OPERATIONS: Final[dict[bytes, Callable[[bitarray, bitarray], bitarray]]] = {
    b"AND": iand,
    b"OR": ior,
    b"XOR": ixor,
}


@bitmaps.command(
    "BITOP",
    -4,
    WRITE | DENYOOM,
    keys=(KeySpec("OW update", 2), KeySpec("RO access", 3, -1)),
    since="2.6.0",
)
def bitop(s: Session, argv: Argv) -> Reply:
    """Stores what the operation makes of all strings, the shorter ones with zeros behind; answers its length."""
    name, target, keys = argv[1].upper(), argv[2], argv[3:]
    if name not in {*_OPERATIONS, b"NOT"}:
        raise SyntaxFault
    if name == b"NOT" and len(keys) != 1:
        raise CommandError("ERR BITOP NOT must be called with a single source key.")
    sources = [text(s, key) or b"" for key in looking(keys)]
    size = max(map(len, sources))
    if not size:
        if s.db.remove(target):
            s.effect([b"DEL", target])
        else:
            s.unchanged = True
        return 0
    result = Buffer(sources[0])
    result += bytes(size - len(result))
    for at in range(0, size, _CHUNK):
        others = (memoryview(source)[at : at + _CHUNK] for source in sources[1:])
        _combine(name, memoryview(result)[at : at + _CHUNK], others)
    s.db.remove(target)
    if size < LEAST:
        s.db.grow(target, bytes(result))
    else:
        s.db[target] = result
    return size


def _combine(name: bytes, result: memoryview, others: Iterable[memoryview]) -> None:
    """Changes a piece of the first string to what the operation makes of it and of the others."""
    made = bitarray(buffer=result, endian="big")
    if name == b"NOT":
        made.invert()
        return
    combine = _OPERATIONS[name]
    for other in looking(others, 16):
        if len(other) == len(result):
            combine(made, bitarray(buffer=other, endian="big"))
            continue
        shared = len(other) << 3
        if other:
            combine(bitarray(buffer=result[: len(other)], endian="big"), bitarray(buffer=other, endian="big"))
        if name == b"AND":
            made[shared:] = 0


# -- integers of any width --------------------------------------------------------------------------------------------


class _Operation(NamedTuple):
    """One operation of BITFIELD. `value` is what to set or add."""

    name: bytes
    signed: bool
    width: int
    offset: int
    value: int
    overflow: bytes

    def fit(self, number: int) -> int | None:
        """The number as the field can hold it; None where that is refused (OVERFLOW FAIL)."""
        low = -(1 << (self.width - 1)) if self.signed else 0
        high = (1 << (self.width - self.signed)) - 1
        if low <= number <= high:
            return number
        if self.overflow == b"FAIL":
            return None
        if self.overflow == b"SAT":
            return high if number > high else low
        number &= (1 << self.width) - 1
        return number - (1 << self.width) if number > high else number

    def saturating(self) -> int:
        """The value to set: Valkey's C takes those near the least of all for too large, when it looks for overflows."""
        high = (1 << (self.width - 1)) - 1
        wraps = self.overflow == b"SAT" and self.width < 64 and self.value < high - INT_MAX
        return INT_MAX if wraps else self.value

    def read(self, data: bytes | bytearray) -> int:
        """The field's value; what lies behind the end is 0."""
        _, signed, width, offset, _, _ = self
        last = offset + width
        start, end = offset >> 3, last + 7 >> 3
        piece = data[start:end]
        bits = int.from_bytes(piece, "big") << 8 * (end - start - len(piece))
        number = bits >> (-last & 7) & ((1 << width) - 1)
        return number - (1 << width) if signed and number >> (width - 1) else number

    def write(self, data: bytearray, number: int) -> None:
        """Puts a value that fits into the field."""
        start, last = self.offset >> 3, self.offset + self.width
        size, shift = (last + 7) >> 3, -last & 7
        mask = ((1 << self.width) - 1) << shift
        piece = int.from_bytes(data[start:size], "big") & ~mask
        piece |= (number << shift) & mask
        data[start:size] = piece.to_bytes(size - start, "big")


_INTEGER_TYPE: Final = re.compile(rb"([iu])([0-9]{1,2})(?:\0.*)?", re.DOTALL).fullmatch


@lru_cache(maxsize=256)
def _type(text: bytes) -> tuple[bool, int]:
    match = _INTEGER_TYPE(text)
    if match is not None:
        signed, width = match[1] == b"i", int(match[2])
        if not match[2].startswith(b"0") and 1 <= width <= 63 + signed:
            return signed, width
    raise CommandError(_TYPE)


def _parse(s: Session, argv: Argv) -> list[_Operation]:
    operations: list[_Operation] = []
    overflow, at = b"WRAP", 2
    while at < len(argv):
        name, left = argv[at].upper(), len(argv) - at - 1
        if name == b"OVERFLOW" and left >= 1:
            overflow = argv[at + 1].upper()
            if overflow not in {b"WRAP", b"SAT", b"FAIL"}:
                raise CommandError("ERR Invalid OVERFLOW type specified")
            at += 2
            continue
        if not (name == b"GET" and left >= 2) and not (name in {b"SET", b"INCRBY"} and left >= 3):
            raise SyntaxFault
        signed, width = _type(argv[at + 1])
        offset = _offset(s, argv[at + 2], width)
        value = parse_int(argv[at + 3]) if name != b"GET" else 0
        operations.append(_Operation(name, signed, width, offset, value, overflow))
        if not len(operations) % 1000:
            look()
        at += 3 if name == b"GET" else 4
    return operations


@bitmaps.command("BITFIELD", -2, WRITE | DENYOOM, keys=one("RW access update variable_flags"), since="3.2.0")
def bitfield(s: Session, argv: Argv) -> Reply:
    """Reads, sets and adds to integers of any width at any bit; a reply for each operation."""
    operations = _parse(s, argv)
    found = text(s, argv[1])
    ends = [each.offset + each.width for each in operations if each.name != b"GET"]
    if not ends:
        s.unchanged = True
        return [each.read(found or b"") for each in looking(operations)]
    size = max(ends) + 7 >> 3
    grows = found is None or size > len(found)
    if max(size, len(found or b"")) < LEAST:
        data = bytearray(found or b"")
    else:
        data = opened(s.db, argv[1], found or b"")
    if grows:
        data += bytes(size - len(data))
    replies, writes, changes = _applied(operations, data)
    s.unchanged = not (grows or changes or s.legacy)
    if grows and not (writes or s.legacy):
        s.effects = Untold([argv])
    if type(data) is bytearray:
        s.db.grow(argv[1], bytes(data))
    return replies


def _applied(operations: list[_Operation], data: bytearray) -> tuple[list[Reply], bool, bool]:
    """The replies to operations on bytes that have room for what they write, and whether they wrote, and anything new."""
    replies: list[Reply] = []
    writes = changes = False
    for each in looking(operations):
        old = each.read(data)
        if each.name == b"GET":
            replies.append(old)
            continue
        if each.name == b"INCRBY":
            new = each.fit(old + each.value)
        else:
            new = each.fit(each.saturating() if each.signed else each.value & _FULL)
        writes = writes or new is not None
        if new is not None and new != old:
            each.write(data, new)
            changes = True
        replies.append(new if new is None or each.name == b"INCRBY" else old)
    return replies, writes, changes


@bitmaps.command("BITFIELD_RO", -2, READONLY | FAST, keys=one("RO access"), since="6.0.0")
def bitfield_ro(s: Session, argv: Argv) -> Reply:
    """BITFIELD that only reads."""
    operations = _parse(s, argv)
    if any(each.name != b"GET" for each in operations):
        raise CommandError("ERR BITFIELD_RO only supports the GET subcommand")
    found = text(s, argv[1]) or b""
    return [each.read(found) for each in looking(operations)]
