"""Lua's `struct` library: strings with the layout of C structures (Valkey's lua_struct.c)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from localstack_memorydb.engine.lua import plain_structs
from localstack_memorydb.engine.lua.libraries import (
    Answer,
    BadArgument,
    Other,
    as_single,
    integer_at,
    number_at,
    string_at,
    to_int64,
)

_MAX_INTEGER: Final = 32
_MAX_ALIGN: Final = 8
_SIZES: Final = {
    "b": 1,
    "B": 1,
    "h": 2,
    "H": 2,
    "l": 8,
    "L": 8,
    "T": 8,
    "f": 4,
    "d": 8,
    "x": 1,
}
_INTEGERS: Final = frozenset("bBhHlLTiI")


Look: TypeAlias = Callable[[], None]
"""Called now and then while a long format is read; raises what ends that."""

_LONG: Final = 50_000


class Format:
    """The options of a format string: each with its size, and the padding that goes before it."""

    def __init__(self, text: bytes, look: Look) -> None:
        self._look = look
        self._next_look = _LONG
        self.text = text.partition(b"\0")[0].decode("latin-1")
        self.at = 0
        self.little = True
        self.align = 1

    def _number(self, default: int) -> int:
        start = self.at
        while self.at < len(self.text) and "0" <= self.text[self.at] <= "9":
            self.at += 1
        if start == self.at:
            return default
        number = int(self.text[start : self.at])
        if number > 0x7FFFFFFF:
            raise BadArgument(0, "integral size overflow")
        return number

    def _size(self, option: str) -> int:
        if option == "c":
            return self._number(1)
        if option in "iI":
            size = self._number(4)
            if size > _MAX_INTEGER:
                raise BadArgument(0, f"integral size {size} is larger than limit of {_MAX_INTEGER}")
            return size
        return _SIZES.get(option, 0)

    def options(self) -> Iterator[tuple[str, int]]:
        """The options in order, with their sizes; those that only control are obeyed when `control` is told of them."""
        while self.at < len(self.text):
            if self.at > self._next_look:
                self._next_look += _LONG
                self._look()
            option = self.text[self.at]
            self.at += 1
            yield option, self._size(option)

    def padding(self, position: int, option: str, size: int) -> int:
        """How many bytes align the option."""
        if size == 0 or option == "c":
            return 0
        size = min(size, self.align)
        return (size - (position & (size - 1))) & (size - 1)

    def control(self, option: str) -> None:
        """Byte order and alignment. Raises BadArgument for what is no option."""
        if option == "<":
            self.little = True
        elif option == ">":
            self.little = False
        elif option == "!":
            align = self._number(_MAX_ALIGN)
            if align == 0 or align & (align - 1):
                raise BadArgument(0, f"alignment {align} is not a power of 2")
            self.align = align
        elif option != " ":
            raw = option.encode("latin-1").decode("utf-8", "surrogateescape")
            raise BadArgument(1, f"invalid format option '{raw}'")

    @property
    def order(self) -> str:
        """The mark that the struct module has for the byte order."""
        return "<" if self.little else ">"


def pack(look: Look, *arguments: Any) -> Answer:
    """struct.pack(format, ...)."""
    plain = plain_structs.layout(arguments[0]) if arguments and type(arguments[0]) is bytes else None
    packed = plain_structs.pack(plain, arguments[1:]) if plain is not None else None
    if packed is not None:
        return (packed,)
    layout = Format(string_at(arguments, 1), look)
    arguments = (*arguments, Other(b"nil"))  # a nil stands behind the arguments there
    out = bytearray()
    number = 2
    total = 0
    for option, size in layout.options():
        padding = layout.padding(total, option, size)
        out += bytes(padding)
        total += padding
        if option in _INTEGERS:
            value = _to_uint64(number_at(arguments, number))
            data = value.to_bytes(max(size, 8), "little")[:size]
            out += data if layout.little else data[::-1]
            number += 1
        elif option == "x":
            out.append(0)
        elif option in "fd":
            value_ = number_at(arguments, number)
            out += struct.pack(layout.order + option, as_single(value_) if option == "f" else value_)
            number += 1
        elif option in "cs":
            text = string_at(arguments, number)
            number += 1
            size = size or len(text)
            if len(text) < size:
                raise BadArgument(number, "string too short")
            out += text[:size]
            if option == "s":
                out.append(0)
                size += 1
        else:
            layout.control(option)
        total += size
    return (bytes(out),)


def _to_uint64(number: float) -> int:
    """A C cast to an unsigned 64-bit integer, through a signed one for negative numbers."""
    if 2**63 <= number < 2**64:
        return int(number)
    return 0 if number >= 2**64 else to_int64(number) & _SIZE_MASK


_SIZE_MASK: Final = 2**64 - 1
_TOO_SHORT: Final = "data string too short"


def unpack(look: Look, *arguments: Any) -> Answer:
    """struct.unpack(format, data [, position])."""
    layout = Format(string_at(arguments, 1), look)
    data = string_at(arguments, 2)
    position = 1
    if len(arguments) > 2 and getattr(arguments[2], "kind", "") != "nil":
        position = integer_at(arguments, 3)
    if position == 0:
        raise BadArgument(3, "offset must be 1 or greater")
    position = (position - 1) & _SIZE_MASK  # a negative one is a huge one, as C reads it
    found: list[Any] = []
    for option, size in layout.options():
        position = (position + layout.padding(position, option, size)) & _SIZE_MASK
        if size > len(data) or position > len(data) - size:
            raise BadArgument(2, _TOO_SHORT)
        if option in _INTEGERS:
            found.append(_integer(data[position : position + size], layout.little, option.islower()))
        elif option in "fd":
            found += struct.unpack(layout.order + option, data[position : position + size])
        elif option == "c":
            if size == 0:
                size = _previous_size(found)
                if size > len(data) or position > len(data) - size:
                    raise BadArgument(2, _TOO_SHORT)
            found.append(data[position : position + size])
        elif option == "s":
            end = data.find(b"\0", position)
            if end < 0:
                raise BadArgument(0, "unfinished string in data")
            found.append(data[position:end])
            size = end - position + 1
        elif option != "x":
            layout.control(option)
        position += size
        if len(found) > 7000:
            raise BadArgument(0, "stack overflow (too many results)")
    following = position + 1
    return (*found, following - 2**64 if following >= 2**63 else following)


def _previous_size(found: list[Any]) -> int:
    """The size that stands before `c0`, which is no result then."""
    try:
        size = float(found[-1])
    except (IndexError, ValueError):
        raise BadArgument(0, "format 'c0' needs a previous size") from None
    found.pop()
    if size >= 2.0**64:  # what C makes of what fits into no size_t
        return 0
    return to_int64(size) & _SIZE_MASK if size < 2.0**63 else int(size)


def _integer(data: bytes, little: bool, signed: bool) -> int:
    value = int.from_bytes(data, "little" if little else "big") & (2**64 - 1)
    if not signed:
        return value
    mask = -1 << ((len(data) * 8 - 1) % 64)
    if value & mask & (2**64 - 1):
        value |= mask & (2**64 - 1)
    return value - (1 << 64) if value >> 63 else value


def size(look: Look, *arguments: Any) -> Answer:
    """struct.size(format)."""
    layout = Format(string_at(arguments, 1), look)
    total = 0
    for option, length in layout.options():
        total += layout.padding(total, option, length)
        if option == "s":
            raise BadArgument(1, "option 's' has no fixed size")
        if option == "c" and length == 0:
            raise BadArgument(1, "option 'c0' has no fixed size")
        if not option.isalnum() or not option.isascii():
            layout.control(option)
        total += length
    return (total,)
