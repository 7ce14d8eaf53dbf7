"""Lua 5.1 byte code, as far as tail calls have to be taken out of it (Lua's ldump.c and lopcodes.h)."""

from __future__ import annotations

import struct
from typing import Final

_HEADER: Final = 12
_OPCODE_BITS: Final = 0x3F
_CALL: Final = 28
_TAILCALL: Final = 29
_NIL, _BOOLEAN, _NUMBER, _STRING = 0, 1, 3, 4
_CONSTANT_SIZES: Final = {_NIL: 0, _BOOLEAN: 1, _NUMBER: 8}


def without_tail_calls(code: bytes) -> bytes:
    """The same function, in which a returned call is a call and then a return of its results."""
    patched = bytearray(code)
    _function(patched, _HEADER)
    return bytes(patched)


def _integer(code: bytearray, at: int) -> int:
    value: int = struct.unpack_from("=i", code, at)[0]
    return value


def _string(code: bytearray, at: int) -> int:
    """The place behind a string."""
    size: int = struct.unpack_from("@N", code, at)[0]
    return at + struct.calcsize("@N") + size


def _function(code: bytearray, at: int) -> int:
    """Patches a function and those inside it; returns the place behind it."""
    at = _string(code, at) + 4 + 4 + 4  # its source, two line numbers, four bytes of sizes
    count = _integer(code, at)
    at += 4
    for place in range(at, at + 4 * count, 4):
        instruction: int = struct.unpack_from("=I", code, place)[0]
        if instruction & _OPCODE_BITS == _TAILCALL:
            struct.pack_into("=I", code, place, instruction & ~_OPCODE_BITS | _CALL)
    at = _constants(code, at + 4 * count)
    count = _integer(code, at)
    at += 4
    for _ in range(count):
        at = _function(code, at)
    at += 4 + 4 * _integer(code, at)  # lines
    count = _integer(code, at)
    at += 4
    for _ in range(count):
        at = _string(code, at) + 8
    count = _integer(code, at)
    at += 4
    for _ in range(count):
        at = _string(code, at)
    return at


def _constants(code: bytearray, at: int) -> int:
    count = _integer(code, at)
    at += 4
    for _ in range(count):
        kind = code[at]
        at = _string(code, at + 1) if kind == _STRING else at + 1 + _CONSTANT_SIZES[kind]
    return at
