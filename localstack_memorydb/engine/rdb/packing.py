"""Making the compact forms: listpack, ziplist, intset and LZF, byte for byte as a real server makes them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from localstack_memorydb.engine.looking import look
from localstack_memorydb.engine.numbers import is_integer

_LISTPACK_INTEGERS: Final = ((0xF1, 2), (0xF2, 3), (0xF3, 4), (0xF4, 8))
_ZIPLIST_INTEGERS: Final = ((0xFE, 1), (0xC0, 2), (0xF0, 3), (0xD0, 4), (0xE0, 8))
_INTSET_FORMATS: Final = ((2, "h"), (4, "i"), (8, "q"))
_COUNT_UNKNOWN: Final = 0xFFFF

_LONGEST_RUN: Final = 32
_FARTHEST: Final = 1 << 13
_LONGEST_MATCH: Final = 264
_UNROLLED: Final = (17, 18, 19)
_LEAST_SAVED: Final = 4
_KEPT: Final = 64 * 1024
_COMPRESSED_AT_ONCE: Final = 16 * 1024


def pack_listpack(items: Sequence[bytes]) -> bytes:
    """A listpack of those elements; integers in canonical form are stored as such, as every reader expects."""
    body = b"".join([_short_element(item) if len(item) < 64 else _long_element(item) for item in items])
    size, count = len(body) + 7, min(len(items), _COUNT_UNKNOWN)
    return b"%b%b%b\xff" % (size.to_bytes(4, "little"), count.to_bytes(2, "little"), body)


@lru_cache(maxsize=4096)
def _short_element(item: bytes) -> bytes:
    size = len(item)
    if size <= 20 and item[-1:].isdigit() and is_integer(item):
        return _listpack_integer(int(item))
    return b"%c%b%c" % (0x80 | size, item, size + 1)


def _long_element(item: bytes) -> bytes:
    size = len(item)
    head = (0xE000 | size).to_bytes(2, "big") if size < 4096 else b"\xf0" + size.to_bytes(4, "little")
    return head + item + _backward_length(len(head) + size)


def _listpack_integer(number: int) -> bytes:
    if 0 <= number <= 127:
        return bytes([number, 1])
    if -4096 <= number <= 4095:
        return (0xC000 | number & 0x1FFF).to_bytes(2, "big") + b"\2"
    head, width = next(each for each in _LISTPACK_INTEGERS if _bits(number) <= 8 * each[1])
    return bytes([head]) + number.to_bytes(width, "little", signed=True) + bytes([width + 1])


def _backward_length(size: int) -> bytes:
    """An element's length behind it, in as many bytes as servers give it (listpack.c: lpEncodeBacklen)."""
    width = 1 if size < 128 else next(n for n in range(2, 6) if n == 5 or size < (1 << 7 * n) - 1)
    top, *rest = (size >> 7 * n & 0x7F for n in reversed(range(width)))
    return bytes([top, *(group | 0x80 for group in rest)])


def pack_ziplist(items: Sequence[bytes]) -> bytes:
    """A ziplist of those elements, the listpack of Redis 6.2 and older."""
    out = bytearray(10)
    tail, previous = len(out), 0
    for item in items:
        tail = len(out)
        out += _ziplist_entry(item, previous)
        previous = len(out) - tail
    out.append(0xFF)
    out[:4] = len(out).to_bytes(4, "little")
    out[4:8] = tail.to_bytes(4, "little")
    out[8:10] = min(len(items), _COUNT_UNKNOWN).to_bytes(2, "little")
    return bytes(out)


def ziplist_entry_size(item: bytes, previous: int) -> int:
    """The bytes that an element takes in a ziplist behind one of `previous` bytes."""
    return len(_ziplist_entry(item, previous))


def _ziplist_entry(item: bytes, previous: int) -> bytes:
    size = len(item)
    if size < 32 and is_integer(item):
        entry = _ziplist_integer(int(item))
    elif size < 0x40:
        entry = bytes([size]) + item
    elif size < 0x4000:
        entry = (0x4000 | size).to_bytes(2, "big") + item
    else:
        entry = b"\x80" + size.to_bytes(4, "big") + item
    return (bytes([previous]) if previous < 254 else b"\xfe" + previous.to_bytes(4, "little")) + entry


def _ziplist_integer(number: int) -> bytes:
    if 0 <= number <= 12:
        return bytes([0xF1 + number])
    head, width = next(each for each in _ZIPLIST_INTEGERS if _bits(number) <= 8 * each[1])
    return bytes([head]) + number.to_bytes(width, "little", signed=True)


def pack_intset(members: Sequence[bytes]) -> bytes:
    """An intset of those members, which are integers in ascending order."""
    numbers = [*map(int, members)]
    bits = max(map(_bits, numbers))
    width, letter = next(each for each in _INTSET_FORMATS if bits <= 8 * each[0])
    return struct.pack(f"<II{len(numbers)}{letter}", width, len(numbers), *numbers)


def _bits(number: int) -> int:
    return (number if number >= 0 else ~number).bit_length() + 1


def compress(data: bytes) -> bytes | None:
    """The data in LZF, or None where that does not spare at least four bytes."""
    return _known(data) if len(data) <= _KEPT else _compressed(data)


def _compressed(data: bytes) -> bytes | None:
    """The same; others may come meanwhile.

    The search for matches is LibLZF's as servers are built with it (a table of 65,536 places, `VERY_FAST`), since the bytes depend on it.
    """
    room = len(data) - _LEAST_SAVED
    last = len(data) - 2
    out = bytearray()
    table: dict[int, int] = {}  # in each place where three bytes were seen last, and the bytes
    get = table.get
    number = int.from_bytes(data[:2], "big")
    at = start = 0  # `start` is where the run of literals begins
    rest = _COMPRESSED_AT_ONCE
    while at < last:
        if at > rest:
            look()
            rest = at + _COMPRESSED_AT_ONCE
        number = (number << 8 | data[at + 2]) & 0xFFFFFF
        slot = (number >> 8) - number * 5 & 0xFFFF
        entry = get(slot, 0)
        table[slot] = at << 24 | number
        place = entry >> 24
        if entry & 0xFFFFFF != number or not place or at - place > _FARTHEST:
            at += 1
            continue
        if start < at:
            _append_literals(out, data, start, at)
        if len(out) + 4 >= room:
            return None
        length = _match(data, place, at)
        distance, code = at - place - 1, length - 2
        if code < 7:
            out.append(distance >> 8 | code << 5)
        else:
            out += bytes([distance >> 8 | 7 << 5, code - 7])
        out.append(distance & 0xFF)
        start = at = at + length
        if at >= last:
            break
        for behind in (at - 2, at - 1):
            number = int.from_bytes(data[behind : behind + 3], "big")
            table[(number >> 8) - number * 5 & 0xFFFF] = behind << 24 | number
    runs, rest = divmod(at - start, _LONGEST_RUN)
    if (
        len(out) + runs * (_LONGEST_RUN + 1) + 1 + rest + 3 > room
    ):  # the last two bytes are allowed for beforehand
        return None
    _append_literals(out, data, start, len(data))
    return bytes(out)


_known = lru_cache(maxsize=64)(_compressed)


def _append_literals(out: bytearray, data: bytes, start: int, stop: int) -> None:
    if 0 < stop - start <= _LONGEST_RUN:
        out.append(stop - start - 1)
        out += data[start:stop]
        return
    for at in range(start, stop, _LONGEST_RUN):
        run = data[at : min(at + _LONGEST_RUN, stop)]
        out.append(len(run) - 1)
        out += run


def _match(data: bytes, place: int, at: int) -> int:
    """How many bytes from `at` on are taken for those from `place` on; the last two of the data are no longer looked at.

    Where there are more than 16, the first 19 are compared whatever the limit says.
    """
    most = max(3, min(len(data) - at - 2, _LONGEST_MATCH))
    if most in _UNROLLED:
        most = _UNROLLED[-1]
    one, other = data[place : place + most], data[at : at + most]
    if one == other:
        return most
    difference = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return most - (difference.bit_length() + 7 >> 3)
