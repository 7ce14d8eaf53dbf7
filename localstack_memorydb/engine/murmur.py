"""MurmurHash64A as Valkey uses it, little endian: of one string, or of many at once.

https://github.com/aappleby/smhasher
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

_FULL: Final = (1 << 64) - 1
_MULTIPLIER: Final = 0xC6A4A7935BD1E995
_SEED: Final = 0xADC83B19
_LANES: Final = 4096
"""How many strings are hashed at once. Of more the numbers no longer fit a processor's cache."""


def murmur_hash(data: bytes) -> int:
    """The hash of one string."""
    size = len(data)
    value = (_SEED ^ (size * _MULTIPLIER)) & _FULL
    whole = size & ~7
    for at in range(0, whole, 8):
        part = int.from_bytes(data[at : at + 8], "little") * _MULTIPLIER & _FULL
        part = (part ^ part >> 47) * _MULTIPLIER & _FULL
        value = (value ^ part) * _MULTIPLIER & _FULL
    if size & 7:
        value = (value ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _FULL
    value = (value ^ value >> 47) * _MULTIPLIER & _FULL
    return value ^ value >> 47


def murmur_hashes(strings: Sequence[bytes]) -> list[int]:
    """The hash of each. Those of the same length are lanes of one large number."""
    by_length: dict[int, list[int]] = {}
    for at, data in enumerate(strings):
        by_length.setdefault(len(data), []).append(at)
    hashes = [0] * len(strings)
    for size, places in by_length.items():
        for start in range(0, len(places), _LANES):
            part = places[start : start + _LANES]
            found = (
                _in_lanes([strings[at] for at in part], size)
                if len(part) > 1
                else [murmur_hash(strings[part[0]])]
            )
            for at, value in zip(part, found, strict=True):
                hashes[at] = value
    return hashes


def _in_lanes(strings: list[bytes], size: int) -> Sequence[int]:
    """The hashes of strings of that size. A lane has 128 bits: 64, and room for what a product has more."""
    count = len(strings)
    low = int.from_bytes((b"\xff" * 8 + bytes(8)) * count, "little")
    each = int.from_bytes((b"\1" + bytes(15)) * count, "little")
    value = each * ((_SEED ^ (size * _MULTIPLIER)) & _FULL)
    for width, part in _blocks(b"".join(strings), size, count):
        if width == 8:
            part = part * _MULTIPLIER & low
            part = ((part ^ part >> 47) & low) * _MULTIPLIER & low
        value = (value ^ part) * _MULTIPLIER & low
    value = ((value ^ value >> 47) & low) * _MULTIPLIER & low
    value = (value ^ value >> 47) & low
    return struct.unpack(f"<{2 * count}Q", value.to_bytes(16 * count, "little"))[::2]


def _blocks(joined: bytes, size: int, count: int) -> Iterator[tuple[int, int]]:
    """The widths of blocks of up to eight bytes, and that block of all strings, in their lanes."""
    for at in range(0, size, 8):
        width = min(8, size - at)
        lanes = bytearray(16 * count)
        for byte in range(width):
            lanes[byte::16] = joined[at + byte :: size]
        yield width, int.from_bytes(lanes, "little")
