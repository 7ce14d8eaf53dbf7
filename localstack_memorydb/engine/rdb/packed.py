"""The compact forms inside a file: listpack, ziplist, intset and LZF (Valkey's listpack.c, ziplist.c, intset.c, lzf_d.c).

Every function takes the whole blob, costs time in proportion to it, and raises RdbError for one that is not sound.
"""

from __future__ import annotations

import itertools
import struct
from typing import Final

from localstack_memorydb.engine.rdb.format import RdbError
from localstack_memorydb.engine.sizes import backward_length_size

_SMALL: Final = tuple(b"%d" % number for number in range(128))
_LISTPACK_INTEGERS: Final = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}
_ZIPLIST_INTEGERS: Final = {0xC0: 2, 0xD0: 4, 0xE0: 8, 0xF0: 3, 0xFE: 1}
_INTSET_FORMATS: Final = {2: "h", 4: "i", 8: "q"}
_COUNT_UNKNOWN: Final = 0xFFFF


def listpack(blob: bytes) -> list[bytes]:
    """The elements of a listpack; integers as decimal digits."""
    last = len(blob) - 1
    if last < 6 or blob[last] != 0xFF or int.from_bytes(blob[:4], "little") != last + 1:
        raise RdbError("bad listpack: its header does not match its size")
    items: list[bytes] = []
    append = items.append
    at = 6
    try:
        while at < last:
            head = blob[at]
            if head < 0x80:
                size = 1
                append(_SMALL[head])
            elif head < 0xC0:
                size = 1 + (head & 0x3F)
                append(blob[at + 1 : at + size])
            else:
                item, size = _wide_listpack_item(blob, at, head)
                append(item)
            at += size
            if size >= 128:
                at = _after_backward_length(blob, at, size)
            elif blob[at] == size:
                at += 1
            else:
                raise RdbError("bad listpack: an element's length does not match")
    except IndexError:
        raise RdbError("bad listpack: an element reaches beyond its end") from None
    if at != last or int.from_bytes(blob[4:6], "little") not in {len(items), _COUNT_UNKNOWN}:
        raise RdbError("bad listpack: its count does not match")
    return items


def _wide_listpack_item(blob: bytes, at: int, head: int) -> tuple[bytes, int]:
    """An element with a header of its own, and its size in bytes without the backward length."""
    if head < 0xE0:
        number = (head & 0x1F) << 8 | blob[at + 1]
        return b"%d" % (number - 8192 if number >= 4096 else number), 2
    if head < 0xF0:
        size = 2 + ((head & 0x0F) << 8 | blob[at + 1])
        return blob[at + 2 : at + size], size
    if head == 0xF0:
        size = 5 + int.from_bytes(blob[at + 1 : at + 5], "little")
        return blob[at + 5 : at + size], size
    width = _LISTPACK_INTEGERS.get(head)
    if width is None:
        raise RdbError(f"bad listpack: no element begins with byte {head}")
    return b"%d" % int.from_bytes(blob[at + 1 : at + 1 + width], "little", signed=True), 1 + width


def _after_backward_length(blob: bytes, at: int, size: int) -> int:
    """Where the next element begins, once the length that follows an element of 128 bytes or more is checked.

    Redis, and Valkey until it was mended, spend a byte too many on the largest size of each width (16383 and so on).
    """
    groups = backward_length_size(size)
    if blob[at] == 0:
        groups += 1
    stored = blob[at]
    for byte in blob[at + 1 : at + groups]:
        stored = stored << 7 | byte & 0x7F
    if stored != size:
        raise RdbError("bad listpack: an element's length does not match")
    return at + groups


def ziplist(blob: bytes) -> list[bytes]:
    """The elements of a ziplist, the listpack of Redis 6.2 and older."""
    last = len(blob) - 1
    if last < 10 or blob[last] != 0xFF or int.from_bytes(blob[:4], "little") != last + 1:
        raise RdbError("bad ziplist: its header does not match its size")
    items: list[bytes] = []
    start = at = 10
    size = 0
    try:
        while at < last:
            start = at
            previous = blob[at]
            at += 1
            if previous >= 0xFE:
                previous = int.from_bytes(blob[at : at + 4], "little")
                at += 4
            if previous != size:
                raise RdbError("bad ziplist: the previous element's length does not match")
            item, at = _ziplist_item(blob, at)
            items.append(item)
            size = at - start
    except IndexError:
        raise RdbError("bad ziplist: an element reaches beyond its end") from None
    if at != last or int.from_bytes(blob[8:10], "little") not in {len(items), _COUNT_UNKNOWN}:
        raise RdbError("bad ziplist: its count does not match")
    if int.from_bytes(blob[4:8], "little") != start:
        raise RdbError("bad ziplist: its tail is not its last element")
    return items


def _ziplist_item(blob: bytes, at: int) -> tuple[bytes, int]:
    """The element whose encoding byte is at `at`, and where it ends."""
    head = blob[at]
    at += 1
    if head < 0xC0:
        if head < 0x40:
            size = head
        elif head < 0x80:
            size = (head & 0x3F) << 8 | blob[at]
            at += 1
        else:
            size = int.from_bytes(blob[at : at + 4], "big")
            at += 4
        return blob[at : at + size], at + size
    if 0xF1 <= head <= 0xFD:
        return _SMALL[head - 0xF1], at
    width = _ZIPLIST_INTEGERS.get(head)
    if width is None:
        raise RdbError(f"bad ziplist: no element is encoded as {head}")
    return b"%d" % int.from_bytes(blob[at : at + width], "little", signed=True), at + width


def intset(blob: bytes) -> list[bytes]:
    """The members of an intset, ascending, as decimal digits."""
    width, count = int.from_bytes(blob[:4], "little"), int.from_bytes(blob[4:8], "little")
    letter = _INTSET_FORMATS.get(width)
    if letter is None or len(blob) != 8 + width * count:
        raise RdbError("bad intset: its header does not match its size")
    numbers = struct.unpack(f"<{count}{letter}", blob[8:])
    if any(left >= right for left, right in itertools.pairwise(numbers)):
        raise RdbError("bad intset: its members are not in order")
    return [b"%d" % number for number in numbers]


def lzf(blob: bytes, size: int) -> bytes:
    """The `size` bytes that were compressed to `blob`."""
    out = bytearray()
    at, end = 0, len(blob)
    try:
        while at < end and len(out) <= size:
            control = blob[at]
            at += 1
            if control < 32:
                out += blob[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += blob[at]
                at += 1
            distance = ((control & 31) << 8 | blob[at]) + 1
            at += 1
            _copy_back(out, distance, length + 2)
    except IndexError:
        raise RdbError("bad LZF string: it ends in the middle of a reference") from None
    if at != end or len(out) != size:
        raise RdbError("bad LZF string: it does not expand to the size it states")
    return bytes(out)


def _copy_back(out: bytearray, distance: int, length: int) -> None:
    """Appends `length` bytes that begin `distance` bytes before the end; they may include the ones being appended."""
    start = len(out) - distance
    if start < 0:
        raise RdbError("bad LZF string: a reference reaches before its beginning")
    piece = out[start : start + length]
    if distance < length:
        piece = (piece * (length // distance + 1))[:length]
    out += piece
