"""RDB files and the compact forms of values, made by hand from their descriptions (listpack.c, ziplist.c, intset.c of Valkey)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

Item = int | bytes


def length(size: int) -> bytes:
    return bytes([size]) if size < 64 else b"\x80" + size.to_bytes(4, "big")


def string(text: bytes) -> bytes:
    return length(len(text)) + text


def file(kind: int, value: bytes, key: bytes = b"key") -> bytes:
    """An RDB file with one key and no checksum."""
    return b"REDIS0011\xfe\x00" + bytes([kind]) + string(key) + value + b"\xff" + bytes(8)


def fits(number: int, bits: int) -> bool:
    return -(1 << bits - 1) <= number < 1 << bits - 1


def listpack(items: Sequence[Item], count: int | None = None, roomy: bool = False) -> bytes:
    """`roomy`: as Redis writes the length 16383 behind an element, in a byte more than Valkey 9 does."""
    entries = b"".join(listpack_entry(item, roomy) for item in items)
    count = len(items) if count is None else count
    return (len(entries) + 7).to_bytes(4, "little") + count.to_bytes(2, "little") + entries + b"\xff"


def listpack_entry(item: Item, roomy: bool) -> bytes:
    if isinstance(item, bytes):
        size = len(item)
        if size < 64:
            head = bytes([0x80 | size])
        else:
            head = (
                bytes([0xE0 | size >> 8, size & 0xFF])
                if size < 4096
                else b"\xf0" + size.to_bytes(4, "little")
            )
        entry = head + item
    elif 0 <= item < 128:
        entry = bytes([item])
    elif fits(item, 13):
        entry = bytes([0xC0 | (item & 0x1FFF) >> 8, item & 0xFF])
    else:
        code, width = next(
            (c, w) for c, w in [(0xF1, 2), (0xF2, 3), (0xF3, 4), (0xF4, 8)] if fits(item, 8 * w)
        )
        entry = bytes([code]) + item.to_bytes(width, "little", signed=True)
    groups, size = [len(entry) & 0x7F], len(entry) >> 7
    while size or (roomy and len(entry) == 16383 and len(groups) < 3):
        groups.insert(0, size & 0x7F)
        size >>= 7
    return entry + bytes([groups[0], *(group | 0x80 for group in groups[1:])])


def ziplist(items: Sequence[Item], count: int | None = None, wide: bool = False) -> bytes:
    entries, tail, previous = b"", 10, 0
    for item in items:
        tail = 10 + len(entries)
        entry = (
            bytes([previous]) if previous < 254 and not wide else b"\xfe" + previous.to_bytes(4, "little")
        ) + ziplist_entry(item)
        entries, previous = entries + entry, len(entry)
    count = len(items) if count is None else count
    return struct.pack("<IIH", len(entries) + 11, tail, count) + entries + b"\xff"


def ziplist_entry(item: Item) -> bytes:
    if isinstance(item, bytes):
        size = len(item)
        if size < 64:
            return bytes([size]) + item
        return (
            struct.pack(">H", 0x4000 | size) if size < 16384 else b"\x80" + size.to_bytes(4, "big")
        ) + item
    if 0 <= item <= 12:
        return bytes([0xF1 + item])
    forms = [(0xFE, 1), (0xC0, 2), (0xF0, 3), (0xD0, 4), (0xE0, 8)]
    code, width = next((c, w) for c, w in forms if fits(item, 8 * w))
    return bytes([code]) + item.to_bytes(width, "little", signed=True)


def intset(numbers: Sequence[int], width: int) -> bytes:
    return struct.pack("<II", width, len(numbers)) + b"".join(
        n.to_bytes(width, "little", signed=True) for n in numbers
    )
