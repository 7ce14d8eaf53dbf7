"""The parts of Lua's libraries `bit`, `struct` and `math` that need exact integers and floats of C.

A function takes Lua's arguments and answers (True, result...), or (False, number of the bad argument or 0, message).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any, Final

from localstack_memorydb.engine.bugs import log_bug

Answer = tuple[Any, ...]


class Other:
    """Stands for an argument that is neither a string nor a number: only its type is told."""

    __slots__ = ("kind",)

    def __init__(self, kind: bytes) -> None:
        self.kind = kind.decode()


ENDED: Final = -1
"""The number of the argument in an answer that says that the script has to end."""


class BadArgument(Exception):
    """An argument of the wrong type or value; number 0 is an error that names no argument."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.message = message


def answering(function: Callable[..., Answer]) -> Callable[..., Answer]:
    """The function as Lua calls it: nothing is ever raised."""

    def answer(*arguments: Any) -> Answer:
        try:
            return (True, *function(*arguments))
        except BadArgument as error:
            return (False, error.number, error.message.encode("utf-8", "surrogateescape"))
        except Exception as error:  # Lua would get the exception itself
            log_bug("in a library of scripts", error)
            return (False, 0, b"internal error")

    return answer


def strtod(text: bytes) -> float:
    """A number that C's strtod reads whole."""
    lowered = text.lower()
    if b"x" in lowered:
        try:
            return float.fromhex(text.decode())
        except OverflowError:
            return -math.inf if text.startswith(b"-") else math.inf
    return float(text)


def _typed(arguments: tuple[Any, ...], number: int, wanted: str) -> Any:
    if number > len(arguments):
        raise BadArgument(number, f"{wanted} expected, got no value")
    value = arguments[number - 1]
    if isinstance(value, Other):
        raise BadArgument(number, f"{wanted} expected, got {value.kind}")
    return value


def number_at(arguments: tuple[Any, ...], number: int) -> float:
    """luaL_checknumber."""
    value = _typed(arguments, number, "number")
    if isinstance(value, bytes):
        try:
            return strtod(value.strip(b" \t\n\v\f\r"))
        except ValueError:
            raise BadArgument(number, "number expected, got string") from None
    return float(value) if not isinstance(value, int) else value


def integer_at(arguments: tuple[Any, ...], number: int) -> int:
    """luaL_checkinteger: what is no integer is cut."""
    return to_int64(number_at(arguments, number))


def string_at(arguments: tuple[Any, ...], number: int) -> bytes:
    """luaL_checklstring."""
    value = _typed(arguments, number, "string")
    return value if isinstance(value, bytes) else lua_number(value)


def lua_number(number: float) -> bytes:
    """A number as Lua prints it, which tells -nan from nan."""
    return b"-nan" if math.isnan(number) and is_negative(number) else b"%.14g" % number


def to_int64(number: float) -> int:
    """A C cast to a 64-bit integer; what does not fit is the smallest one."""
    if isinstance(number, int):
        return number if -(2**63) <= number < 2**63 else -(2**63)
    if not -(2.0**63) <= number < 2.0**63:  # NaN included
        return -(2**63)
    return int(number)


# -- bit ------------------------------------------------------------------------------------------------------------


def _bits(arguments: tuple[Any, ...], number: int) -> int:
    """An argument as BitOp normalises it, unsigned."""
    value = float(number_at(arguments, number)) + 6755399441055744.0
    bits: int = struct.unpack("<I", struct.pack("<d", value)[:4])[0]
    return bits


def _signed(value: int) -> Answer:
    value &= 0xFFFFFFFF
    return (value - (1 << 32) if value & 0x80000000 else value,)


def tobit(*arguments: Any) -> Answer:
    return _signed(_bits(arguments, 1))


def bnot(*arguments: Any) -> Answer:
    return _signed(~_bits(arguments, 1))


def _folded(step: Callable[[int, int], int]) -> Callable[..., Answer]:
    def fold(*arguments: Any) -> Answer:
        value = _bits(arguments, 1)
        for number in range(len(arguments), 1, -1):
            value = step(value, _bits(arguments, number))
        return _signed(value)

    return fold


def _shifted(step: Callable[[int, int], int]) -> Callable[..., Answer]:
    def shift(*arguments: Any) -> Answer:
        value = _bits(arguments, 1)
        return _signed(step(value, _bits(arguments, 2) & 31))

    return shift


def _arithmetic_right(value: int, by: int) -> int:
    return (value - (1 << 32) if value & 0x80000000 else value) >> by


def bswap(*arguments: Any) -> Answer:
    return _signed(int.from_bytes(_bits(arguments, 1).to_bytes(4, "little"), "big"))


def tohex(*arguments: Any) -> Answer:
    value = _bits(arguments, 1)
    digits = 8 if len(arguments) < 2 else int(_signed(_bits(arguments, 2))[0])
    text = b"%08x" % value if digits >= 0 else b"%08X" % value
    digits = min(abs(digits), 8)
    return (text[8 - digits :],)


BIT: Final = {
    "tobit": tobit,
    "bnot": bnot,
    "band": _folded(lambda a, b: a & b),
    "bor": _folded(lambda a, b: a | b),
    "bxor": _folded(lambda a, b: a ^ b),
    "lshift": _shifted(lambda value, by: value << by),
    "rshift": _shifted(lambda value, by: value >> by),
    "arshift": _shifted(_arithmetic_right),
    "rol": _shifted(lambda value, by: value << by | value >> (32 - by)),
    "ror": _shifted(lambda value, by: value >> by | value << (32 - by)),
    "bswap": bswap,
    "tohex": tohex,
}


# -- math -----------------------------------------------------------------------------------------------------------


def random_bounds(*arguments: Any) -> Answer:
    """What math.random is asked for: the greatest number, or the least and the greatest one."""
    if len(arguments) > 2:
        raise BadArgument(0, "wrong number of arguments")
    bounds = tuple(_int32(integer_at(arguments, number)) for number in range(1, len(arguments) + 1))
    if (1, *bounds)[-2] > bounds[-1]:
        raise BadArgument(len(bounds), "interval is empty")
    return bounds


def random_seed(*arguments: Any) -> Answer:
    """The 32 bits that math.randomseed takes of its argument."""
    return (integer_at(arguments, 1) & 0xFFFFFFFF,)


def _int32(number: int) -> int:
    number &= 0xFFFFFFFF
    return number - (1 << 32) if number & 0x80000000 else number


# -- numbers for cmsgpack -----------------------------------------------------------------------------------------------


def pack_double(number: float) -> bytes:
    """A float when nothing is lost by it, else a double, each with its mark."""
    number = float(number)
    single = as_single(number)
    if single == number:
        return b"\xca" + struct.pack(">f", single)
    return b"\xcb" + struct.pack(">d", number)


def as_single(number: float) -> float:
    """The nearest single-precision number; infinite when it is too large."""
    try:
        single: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)
    return single


def pack_integer(number: float) -> bytes:
    """64 bits, big-endian."""
    return (int(number) & (2**64 - 1)).to_bytes(8, "big")


def unpack_number(kind: bytes, data: bytes) -> float:
    """A number of a format that the struct module knows, big-endian, as a Lua number."""
    return float(struct.unpack(">" + kind.decode(), data)[0])


def is_negative(number: float) -> bool:
    """Whether the sign bit is set, which tells -nan from nan."""
    return math.copysign(1, number) < 0
