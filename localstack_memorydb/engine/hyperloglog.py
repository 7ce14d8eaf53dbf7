"""Counting different elements in 12 KB: the value's bytes as Valkey keeps them, so that DUMP and GET agree.

A value is a header (`HYLL`, the encoding, the cached count) and 16384 registers of six bits, either all of them (dense) or as runs
(sparse). The registers, the hash and the estimate are those of hyperloglog.c; https://valkey.io/commands/pfadd/ has the references.
"""

from __future__ import annotations

import contextlib
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final

from localstack_memorydb.engine.looking import looking, parts
from localstack_memorydb.engine.murmur import murmur_hash, murmur_hashes

REGISTERS: Final = 1 << 14
_MASK: Final = REGISTERS - 1
_HASH_BITS: Final = 50
_REGISTER_MAX: Final = 63
_HEADER: Final = 16
_DENSE_SIZE: Final = _HEADER + REGISTERS * 6 // 8
_DENSE, _SPARSE = 0, 1
_SPARSE_VALUE_MAX: Final = 32
_RUN_MAX: Final = 4
_ZERO_MAX: Final = 64
_SCANNED: Final = 5
_CUT: Final = (
    0  # what stands behind a value whose last run lacks a byte: the zero at the end of a string in C
)
_FEW: Final = 8
"""Up to that many elements are added one by one; for more it pays to take all registers out."""

_set_registers: Final = re.compile(rb"[^\0]").finditer
_shortest_runs: Final = re.compile(rb"(\0{65,})|\0+|([^\0])\2{0,3}", re.DOTALL).finditer
_ALPHA_INFINITE: Final = 0.721347520444481703680


def place_of(element: bytes) -> tuple[int, int]:
    """The register that an element concerns, and the length of the run of zeros that it wants there."""
    return _place(murmur_hash(element))


def _place(hashed: int) -> tuple[int, int]:
    rest = hashed >> 14 | 1 << _HASH_BITS
    return hashed & _MASK, (rest & -rest).bit_length()


def new() -> bytes:
    """An empty value."""
    return b"HYLL" + bytes((_SPARSE,)) + bytes(11) + b"\x7f\xff"


def is_valid(data: bytes) -> bool:
    """Whether the header is one (isHLLObjectOrReply)."""
    if len(data) < _HEADER or data[:4] != b"HYLL" or data[4] not in {_DENSE, _SPARSE}:
        return False
    return data[4] != _DENSE or len(data) == _DENSE_SIZE


def is_dense(data: bytes | bytearray) -> bool:
    return data[4] == _DENSE


class Corrupt(Exception):
    """The runs of a sparse value do not make up all registers."""


def _runs(data: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """The runs of a sparse value: (value, length)."""
    at, end = _HEADER, len(data)
    while at < end:
        code = data[at]
        if code & 0x80:
            yield (code >> 2 & 0x1F) + 1, (code & 3) + 1
        elif code & 0x40:
            yield 0, ((code & 0x3F) << 8 | (data[at + 1] if at + 1 < end else _CUT)) + 1
            at += 1
        else:
            yield 0, (code & 0x3F) + 1
        at += 1


def described(data: bytes) -> bytes:
    """The runs of a sparse value for people: `z:5` and `Z:100` are zeros in a byte or two, `v:3,2` twice the value 3."""
    words, at = [], _HEADER
    for value, length in _runs(data):
        two = not value and data[at] & 0x40
        words.append(b"v:%d,%d" % (value, length) if value else b"%b:%d" % (b"Z" if two else b"z", length))
        at += 2 if two else 1
    return b" ".join(words)


# Three bytes hold four registers. All first bytes are worked on at once, and so are all second and all third ones: `translate`
# takes from each byte what belongs to a register, and large integers put the parts of registers together.
_LOW_6: Final = bytes(byte & 63 for byte in range(256))
_HIGH_6: Final = bytes(byte >> 2 for byte in range(256))
_HIGH_2: Final = bytes(byte >> 6 for byte in range(256))
_LOW_4: Final = bytes((byte & 15) << 2 for byte in range(256))
_HIGH_4: Final = bytes(byte >> 4 for byte in range(256))
_LOW_2: Final = bytes((byte & 3) << 4 for byte in range(256))
_TO_HIGH_2: Final = bytes((value & 3) << 6 for value in range(256))
_WITHOUT_2: Final = bytes((value & 63) >> 2 for value in range(256))
_TO_HIGH_4: Final = bytes((value & 15) << 4 for value in range(256))
_WITHOUT_4: Final = bytes((value & 63) >> 4 for value in range(256))
_TO_HIGH_6: Final = bytes((value & 63) << 2 for value in range(256))
_TOP_BITS: Final = int.from_bytes(b"\x80" * REGISTERS, "little")


def _either(one: bytes, other: bytes) -> bytes:
    """The bits of both, byte by byte."""
    bits = int.from_bytes(one, "little") | int.from_bytes(other, "little")
    return bits.to_bytes(len(one), "little")


# A value is counted and merged more often than it changes.


@lru_cache(maxsize=64)
def registers(data: bytes, *, exactly: bool = True) -> bytes:
    """All registers, a byte for each; a sparse value may go on behind them where there need not be `exactly` so many. Raises Corrupt."""
    if not is_dense(data):
        return _registers_of_runs(data, exactly)
    first, second, third = (data[_HEADER + at :: 3] for at in range(3))
    unpacked = bytearray(REGISTERS)
    unpacked[0::4] = first.translate(_LOW_6)
    unpacked[1::4] = _either(first.translate(_HIGH_2), second.translate(_LOW_4))
    unpacked[2::4] = _either(second.translate(_HIGH_4), third.translate(_LOW_2))
    unpacked[3::4] = third.translate(_HIGH_6)
    return bytes(unpacked)


def _registers_of_runs(data: bytes, exactly: bool) -> bytes:
    """6.2 stops to merge where something else than zeros follows the last register (hllMerge)."""
    parts, at = [], 0
    for value, length in _runs(data):
        if at == REGISTERS and value and not exactly:
            break
        at += length
        if at > REGISTERS:
            raise Corrupt
        parts.append(bytes((value,)) * length)
    if at != REGISTERS:
        raise Corrupt
    return b"".join(parts)


@lru_cache(maxsize=64)
def highest(one: bytes, other: bytes) -> bytes:
    """The higher one of each two registers."""
    mine, theirs = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    not_lower = ((mine | _TOP_BITS) - theirs) & _TOP_BITS  # a bit for each register of `one`
    chosen = not_lower - (not_lower >> 7)
    return (theirs ^ (mine ^ theirs) & chosen).to_bytes(REGISTERS, "little")


def with_registers(data: bytes, found: bytes) -> bytes:
    """The value, dense, with these registers."""
    one, two, three, four = (found[at::4] for at in range(4))
    packed = bytearray(_DENSE_SIZE - _HEADER)
    packed[0::3] = _either(one, two.translate(_TO_HIGH_2))
    packed[1::3] = _either(two.translate(_WITHOUT_2), three.translate(_TO_HIGH_4))
    packed[2::3] = _either(three.translate(_WITHOUT_4), four.translate(_TO_HIGH_6))
    return data[:4] + bytes((_DENSE,)) + data[5:_HEADER] + bytes(packed)


def dense(data: bytes, *, exactly: bool = True) -> bytes:
    """The value with all its registers. Raises Corrupt."""
    return data if is_dense(data) else with_registers(data, registers(data, exactly=exactly))


class Sketch:
    """A value that changes: sparse until a run or its size is too large for that, then dense."""

    def __init__(self, data: bytes, most_sparse_bytes: int, *, exactly: bool = True) -> None:
        self.data = bytearray(data)
        self._most = most_sparse_bytes
        self._exactly = exactly

    def add(self, elements: Sequence[bytes]) -> bool:
        """Adds elements; whether a register was raised. Raises Corrupt, and then it may have changed."""
        if len(elements) <= _FEW:
            return True in [self.set(*place_of(element)) for element in elements]
        return self.raise_to(
            [_place(hashed) for part in parts(elements) for hashed in murmur_hashes(list(part))]
        )

    def merge(self, found: bytes) -> None:
        """Raises registers to those of another value, as far as that goes."""
        wanted = [(match.start(), found[match.start()]) for match in _set_registers(found)]
        try:
            registers(bytes(self.data))
        except Corrupt:
            for each in wanted:
                with contextlib.suppress(Corrupt):
                    self.set(*each)
        else:
            self.raise_to(wanted)

    def raise_to(self, wanted: Iterable[tuple[int, int]]) -> bool:
        """`set` for many registers and counts, in order. Raises Corrupt, and then it may have changed."""
        try:
            current = bytearray(registers(bytes(self.data)))
        except Corrupt:  # of which a part may be right
            return True in [self.set(*each) for each in wanted]
        raised = []
        for register, count in looking(wanted):
            if current[register] < count:
                current[register] = count
                raised.append((register, count))
        if not raised:
            return False
        if is_dense(self.data) or self._outgrows(current) or not self._raise_runs(raised):
            self.data = bytearray(with_registers(bytes(self.data), bytes(current)))
        self._outdate()
        return True

    def _raise_runs(self, raised: list[tuple[int, int]]) -> bool:
        """Raises registers of a sparse value; False when it has to become dense on the way."""
        runs = _Sparse(self.data)
        if runs.packed() != self.data[_HEADER:]:  # as nobody writes it
            for each in raised:
                self.set(*each)
            return True
        if not all(runs.set(register, count, self._most) for register, count in raised):
            return False
        self.data[_HEADER:] = runs.packed()
        return True

    def _outgrows(self, found: bytearray) -> bool:
        """Whether the value must have become dense on the way to these registers, since runs of them cannot be that short."""
        if len(self.data) > self._most:
            return False
        if max(found) > _SPARSE_VALUE_MAX or (REGISTERS - found.count(0)) // _RUN_MAX > self._most:
            return True
        return (
            _HEADER + sum([1 if match.lastindex != 1 else 2 for match in _shortest_runs(found)]) > self._most
        )

    def set(self, register: int, count: int) -> bool:
        """Raises a register to the count; False if it is there already. Raises Corrupt."""
        if self.data[4] == _SPARSE:
            done = self._set_sparse(register, count)
            if done is not None:
                return done
            self.data = bytearray(dense(bytes(self.data), exactly=self._exactly))
        return self._set_dense(register, count)

    def _set_dense(self, register: int, count: int) -> bool:
        at, shift = _HEADER + register * 6 // 8, register * 6 & 7
        word = self.data[at] | (self.data[at + 1] << 8 if at + 1 < len(self.data) else 0)
        if (word >> shift & 63) >= count:
            return False
        self._outdate()
        word = word & ~(63 << shift) | count << shift
        self.data[at] = word & 0xFF
        if at + 1 < len(self.data):
            self.data[at + 1] = word >> 8 & 0xFF
        return True

    def _find(self, register: int) -> tuple[int, int, int, int, int]:
        """The run with the register: where it begins, its bytes, value, length, first register; and the run before."""
        at, first, data = _HEADER, 0, self.data
        end = len(data)
        self._before = -1
        while at < end:
            code = data[at]
            if code & 0x80:
                size, value, length = 1, (code >> 2 & 0x1F) + 1, (code & 3) + 1
            elif code & 0x40:
                second = data[at + 1] if at + 1 < end else _CUT
                size, value, length = 2, 0, ((code & 0x3F) << 8 | second) + 1
            else:
                size, value, length = 1, 0, (code & 0x3F) + 1
            if register <= first + length - 1:
                return at, size, value, length, first
            self._before = at
            at += size
            first += length
        raise Corrupt

    def _set_sparse(self, register: int, count: int) -> bool | None:
        """As `set`; None when the value has to become dense (hllSparseSet)."""
        if count > _SPARSE_VALUE_MAX:
            return None
        at, size, value, length, first = self._find(register)
        before, kind = self._before, self.data[at]
        if value >= count:
            return False
        if length == 1 and (kind & 0x80 or not kind & 0xC0):
            self.data[at] = _value_code(count, 1)
        else:
            last = first + length - 1
            pieces = bytearray()
            for run_value, run in ((value, register - first), (count, 1), (value, last - register)):
                if run:
                    pieces += _value_code(run_value, run).to_bytes(1, "big") if run_value else _zeros(run)
            if len(pieces) > size and len(self.data) + len(pieces) - size > self._most:
                return None
            end = len(self.data) + len(pieces) - size
            self.data[at : at + size] = pieces
            del self.data[end:]  # where the run was cut
        self._merge(before if before >= 0 else _HEADER)
        self._outdate()
        return True

    def _merge(self, at: int) -> None:
        """Joins neighbouring runs of the same value, as far as Valkey looks."""
        data = self.data
        scanned = _SCANNED
        while at < len(data) and scanned:
            scanned -= 1
            code = data[at]
            if not code & 0x80:
                at += 2 if code & 0x40 else 1
                continue
            if at + 1 < len(data) and data[at + 1] & 0x80:
                following = data[at + 1]
                if code >> 2 == following >> 2:
                    length = (code & 3) + (following & 3) + 2
                    if length <= _RUN_MAX:
                        data[at : at + 2] = bytes((code & ~3 | (length - 1),))
                        continue
            at += 1

    def spoil(self) -> bytes:
        """The value, its cached count marked as out of date."""
        self._outdate()
        return bytes(self.data)

    def _outdate(self) -> None:
        self.data[15] |= 0x80


class _Sparse:
    """The runs of a sparse value, taken apart to set many registers: as `Sketch` does, but a run is found without a walk."""

    def __init__(self, data: bytes | bytearray) -> None:
        self._runs = list(_runs(data))
        self._firsts = [0, *accumulate(length for _, length in self._runs)]
        self._size = len(data)

    def packed(self) -> bytes:
        """The runs as bytes."""
        return b"".join(
            [_ZERO_RUNS[length] if not value else _VALUE_RUNS[value, length] for value, length in self._runs]
        )

    def set(self, register: int, count: int, most: int) -> bool:
        """Raises a register that is lower; False when the value has to become dense."""
        if count > _SPARSE_VALUE_MAX:
            return False
        runs, firsts = self._runs, self._firsts
        at = bisect_right(firsts, register) - 1
        (value, length), first = runs[at], firsts[at]
        if length == 1:
            runs[at] = count, 1
        else:
            before, behind = register - first, first + length - 1 - register
            pieces = [(count, 1)]
            starts = [register, register + 1]
            if before:
                pieces.insert(0, (value, before))
                starts.insert(0, first)
            if behind:
                pieces.append((value, behind))
            else:
                starts.pop()
            grown = sum([_size_of(*each) for each in pieces]) - _size_of(value, length)
            if grown > 0 and self._size + grown > most:
                return False
            self._size += grown
            runs[at : at + 1] = pieces
            firsts[at : at + 1] = starts
        self._merge(max(0, at - 1))
        return True

    def _merge(self, at: int) -> None:
        runs = self._runs
        for _ in range(_SCANNED):
            if at + 1 >= len(runs):
                return
            (value, length), (following, more) = runs[at], runs[at + 1]
            if value and value == following and length + more <= _RUN_MAX:
                runs[at] = value, length + more
                del runs[at + 1], self._firsts[at + 1]
                self._size -= 1
            else:
                at += 1


def _size_of(value: int, length: int) -> int:
    return 2 if not value and length > _ZERO_MAX else 1


def _value_code(value: int, length: int) -> int:
    return 0x80 | (value - 1) << 2 | (length - 1)


def _zeros(length: int) -> bytes:
    if length > _ZERO_MAX:
        return bytes((0x40 | (length - 1) >> 8, (length - 1) & 0xFF))
    return bytes((length - 1,))


_ZERO_RUNS: Final = [b"", *map(_zeros, range(1, REGISTERS + 1))]
_VALUE_RUNS: Final = {
    (value, length): bytes((_value_code(value, length),))
    for value in range(1, _SPARSE_VALUE_MAX + 1)
    for length in range(1, _RUN_MAX + 1)
}


# -- the estimate -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def count(found: bytes) -> int:
    """How many different elements gave these registers (Ertl's estimator, hllCount)."""
    histogram = [0] * 64
    while found:  # what is counted is left out, so there is soon little left
        others = found.translate(None, found[:1])
        histogram[found[0]] = len(found) - len(others)
        found = others
    if not sum(histogram[: _HASH_BITS + 1]) and histogram[_HASH_BITS + 1] in (0, REGISTERS):
        return _INFINITE
    size = float(REGISTERS)
    z = size * _tau((size - histogram[_HASH_BITS + 1]) / size)
    for place in range(_HASH_BITS, 0, -1):
        z += histogram[place]
        z *= 0.5
    z += size * _sigma(histogram[0] / size)
    return _round(_ALPHA_INFINITE * size * size / z)


_INFINITE: Final = -(1 << 63)
"""What C makes of an infinite number: an estimate of registers that nobody counted so."""


def _round(number: float) -> int:
    """llroundl: halves go up."""
    return math.floor(number + 0.5)


def _tau(x: float) -> float:
    if x in {0.0, 1.0}:
        return 0.0
    y, z = 1.0, 1 - x
    while True:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1 - x) ** 2 * y
        if before == z:
            return z / 3


def _sigma(x: float) -> float:
    if x == 1.0:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if before == z:
            return z


def cached(data: bytes) -> int | None:
    """The count that was found last, if it still holds."""
    return None if data[15] & 0x80 else int.from_bytes(data[8:16], "little")


def with_count(data: bytes, number: int) -> bytes:
    """The value with its count noted."""
    return data[:8] + number.to_bytes(8, "little", signed=True) + data[_HEADER:]
