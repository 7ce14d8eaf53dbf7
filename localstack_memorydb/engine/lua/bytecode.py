"""Lua 5.1 byte code: tail calls are taken out of it, and scripts found that cannot run long (Lua's ldump.c and lopcodes.h)."""

from __future__ import annotations

import struct
from typing import Final

_HEADER: Final = 12
_OPCODE_BITS: Final = 0x3F
_CALL: Final = 28
_TAILCALL: Final = 29
_SELF: Final = 11
_FORLOOP: Final = 31
_CLOSURE: Final = 36
_GETGLOBAL: Final = 5
_JMP: Final = 22
_JUMP_SHIFT, _NOWHERE = 14, 131071
_LONG: Final = 1 << 14
_BRIEF_GLOBALS: Final = frozenset(
    b"redis server KEYS ARGV type tonumber tostring select next error assert pcall unpack".split()
)
"""What does not take long, and runs no function but the server's."""
_NIL, _BOOLEAN, _NUMBER, _STRING = 0, 1, 3, 4
_CONSTANT_SIZES: Final = {_NIL: 0, _BOOLEAN: 1, _NUMBER: 8}


def without_tail_calls(code: bytes) -> bytes:
    """The same function, in which a returned call is a call and then a return of its results."""
    patched = bytearray(code)
    _function(patched, _HEADER)
    return bytes(patched)


def is_brief(code: bytes) -> bool:
    """Whether a script surely ends soon: it has neither loops nor functions, and uses nothing that may take long."""
    if len(code) > _LONG:
        return False
    data = bytearray(code)
    at = _string(data, _HEADER) + 4 + 4 + 4
    first, count = at + 4, _integer(data, at)
    names = []
    for place in range(first, first + 4 * count, 4):
        instruction: int = struct.unpack_from("=I", data, place)[0]
        kind, operand = instruction & _OPCODE_BITS, instruction >> _JUMP_SHIFT
        if kind in (_SELF, _FORLOOP, _CLOSURE) or (kind == _JMP and operand < _NOWHERE):
            return False
        if kind == _GETGLOBAL:
            names.append(operand)
    texts = _texts(data, first + 4 * count)
    return all(texts[at] in _BRIEF_GLOBALS for at in names)


def _texts(code: bytearray, at: int) -> list[bytes]:
    """A function's constants; nothing for those that are not text."""
    count = _integer(code, at)
    at += 4
    found = []
    for _ in range(count):
        kind = code[at]
        end = _string(code, at + 1) if kind == _STRING else at + 1 + _CONSTANT_SIZES[kind]
        found.append(bytes(code[at + 1 + struct.calcsize("@N") : end - 1]) if kind == _STRING else b"")
        at = end
    return found


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
