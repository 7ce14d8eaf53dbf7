"""Formats of Lua's `struct` that Python's has too: numbers only, of usual widths, in one byte order, not aligned.

Nearly all are such. What a call has that is not so simple is left to engine/lua/structs.py, which knows all of it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from localstack_memorydb.engine.lua.libraries import as_single

_PLAIN: Final = re.compile(rb"([<>]?)((?:[bBhHlLTfd]|[iI][1248]?)+)").fullmatch
_options: Final = re.compile(rb"([a-zA-Z])([0-9]?)").findall
_WIDTHS: Final = {b"b": 1, b"h": 2, b"l": 8, b"t": 8, b"i": 4}
_LETTERS: Final = {1: "b", 2: "h", 4: "i", 8: "q"}


class Layout(NamedTuple):
    """A format: how it is packed, with unsigned integers, and unpacked; and for each number the bits of an integer, or f or d."""

    packing: struct.Struct
    unpacking: struct.Struct
    fields: tuple[int | str, ...]
    has_doubles: bool


@lru_cache(maxsize=256)
def layout(text: bytes) -> Layout | None:
    """What a format asks for; None for one that is not plain."""
    match = _PLAIN(text)
    if match is None or len(text) > 256:
        return None
    unsigned = signed = (match[1] or b"<").decode()
    fields: list[int | str] = []
    for option, digits in _options(match[2]):
        if option in b"fd":
            letter = option.decode()
            unsigned, signed = unsigned + letter, signed + letter
            fields.append(letter)
            continue
        width = int(digits) if digits else _WIDTHS[option.lower()]
        letter = _LETTERS[width]
        unsigned += letter.upper()
        signed += letter.upper() if option.isupper() else letter
        fields.append((1 << 8 * width) - 1)
    has_doubles = any(type(field) is str for field in fields)
    return Layout(struct.Struct(unsigned), struct.Struct(signed), tuple(fields), has_doubles)


_NUMBERS: Final = frozenset({int, float})


def pack_quickly(*arguments: Any) -> bytes | None:
    """struct.pack of numbers that fit as they are; None for whatever is not that simple. Never raises."""
    text, *values = arguments or (None,)
    found = layout(text) if type(text) is bytes else None
    if found is None or not _NUMBERS.issuperset(map(type, values)) or (found.has_doubles and 0 in values):
        return None  # a zero comes without its sign
    try:
        return found.unpacking.pack(*values)  # which takes negative numbers, too
    except (struct.error, OverflowError):
        return None


def unpack_quickly(text: Any, data: Any) -> tuple[Any, ...] | None:
    """struct.unpack of two strings, or None."""
    found = layout(text) if type(text) is bytes and type(data) is bytes else None
    return None if found is None else unpack(found, data, 0)


def pack(found: Layout, values: Sequence[Any]) -> bytes | None:
    """The numbers as bytes; None where they are not as many, or not all numbers."""
    if len(values) < len(found.fields):
        return None
    words: list[float] = []
    for field, value in zip(found.fields, values, strict=False):
        if type(value) is not int and type(value) is not float:
            return None
        if field == "d":
            words.append(value)
        elif field == "f":
            words.append(as_single(value))
        elif type(field) is int and type(value) is int and -(1 << 63) <= value < 1 << 64:
            words.append(value & field)
        else:
            return None
    return found.packing.pack(*words)


def unpack(found: Layout, data: bytes, position: int) -> tuple[Any, ...] | None:
    """The numbers, and where they end, counted from one; None where there is not enough."""
    end = position + found.unpacking.size
    if end > len(data):
        return None
    return (*found.unpacking.unpack_from(data, position), end + 1)
