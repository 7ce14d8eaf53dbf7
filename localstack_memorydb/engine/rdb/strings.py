"""Lengths and strings as they lie in a file. What is cut short raises IndexError, as in loading.py."""

from __future__ import annotations

from typing import Final

from localstack_memorydb.engine.rdb import packed
from localstack_memorydb.engine.rdb.format import RdbError

_INTEGER_WIDTHS: Final = (1, 2, 4)
_LZF: Final = 3


def read_length(data: bytes, at: int) -> tuple[int, int]:
    head = data[at]
    if head < 0x40:
        return head, at + 1
    if head < 0x80:
        return (head & 0x3F) << 8 | data[at + 1], at + 2
    width = {0x80: 4, 0x81: 8}.get(head)
    if width is None:
        raise RdbError(f"corrupt at byte {at}: {head} does not begin a length")
    return int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width


def read_count(data: bytes, at: int, least: int = 1) -> tuple[int, int]:
    """A number of things to come, each of which takes at least `least` bytes."""
    count, after = read_length(data, at)
    if count * least > len(data) - after:
        raise RdbError(f"truncated or corrupt: {count} elements at byte {at} do not fit into the rest")
    return count, after


def read_string(data: bytes, at: int) -> tuple[bytes, int]:
    head = data[at]
    if head < 0x40:
        at += 1
        return data[at : at + head], at + head
    if head < 0x80:
        size = (head & 0x3F) << 8 | data[at + 1]
        at += 2
        return data[at : at + size], at + size
    if head < 0xC0:
        size, at = read_count(data, at)
        return data[at : at + size], at + size
    form = head & 0x3F
    at += 1
    if form < _LZF:
        width = _INTEGER_WIDTHS[form]
        return b"%d" % int.from_bytes(data[at : at + width], "little", signed=True), at + width
    if form > _LZF:
        raise RdbError(f"corrupt at byte {at - 1}: {head} does not begin a string")
    compressed, at = read_count(data, at)
    size, at = read_length(data, at)
    return packed.lzf(data[at : at + compressed], size), at + compressed


def read_strings(data: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    strings: list[bytes] = []
    append = strings.append
    for _ in range(count):
        size = data[at]
        if size < 0x40:
            at += 1
            append(data[at : at + size])
            at += size
        else:
            string, at = read_string(data, at)
            append(string)
    return strings, at
