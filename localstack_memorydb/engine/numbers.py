"""Numbers as Valkey reads and writes them (util.c: string2ll, d2string, ld2string)."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

from localstack_memorydb.engine.digits import digits_of
from localstack_memorydb.engine.errors import CommandError, NotFloat, NotInteger

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
_SMALL = {b"%d" % number: number for number in range(-128, 1024)}
_INTEGER = re.compile(rb"(?:0|-?[1-9][0-9]{0,18})")
# The numbers that people write: they are neither too large nor too small for a double.
is_plain_number: Final = re.compile(rb"-?[0-9]{1,300}(?:\.[0-9]{1,300})?").fullmatch
"""Digits with or without a point, of which C and Python make the same double."""
_LEADING = re.compile(rb"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))").match
_ATOI = re.compile(rb"[ \t-\r]*([+-]?)0*([0-9]*)").match
_FLOAT = re.compile(
    rb"[+-]?(?:inf(?:inity)?|nan|0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?\d+)?"
    rb"|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)",
    re.IGNORECASE,
)


def is_integer(text: bytes | bytearray) -> bool:
    """Whether the bytes are the one canonical form of a 64-bit integer (`-0`, `+1`, `01`, ` 1` are not)."""
    return _INTEGER.fullmatch(text) is not None and INT_MIN <= int(text) <= INT_MAX


def parse_int(text: bytes) -> int:
    """A 64-bit integer in canonical form. Raises NotInteger."""
    small = _SMALL.get(text)
    if small is not None:
        return small
    if text.isdigit() and len(text) < 19 and text[0] != 0x30:
        return int(text)
    if _INTEGER.fullmatch(text) is None:
        raise NotInteger
    number = int(text)
    if not INT_MIN <= number <= INT_MAX:
        raise NotInteger
    return number


def leading_integer(text: bytes) -> int:
    """What C's atoi makes of it: a long is read and cut to 32 bits; what does not begin with a number is 0."""
    found = _ATOI(text)
    if found is None or not found[2]:
        return 0
    number = int(found[1] + found[2][:20])  # of 20 digits on it is too large whatever follows
    return (min(max(number, INT_MIN), INT_MAX) + 2**31) % 2**32 - 2**31


def leading_number(text: bytes) -> float:
    """What C's atof makes of it; what does not begin with a number is 0."""
    found = _LEADING(text)
    return 0.0 if found is None else float(found[1])


def parse_int_in(text: bytes, low: int, high: int, message: str | None = None) -> int:
    """A canonical integer within [low, high]. Raises `message`, or Valkey's usual texts."""
    try:
        number = parse_int(text)
    except NotInteger:
        if message is None:
            raise
        raise CommandError(message) from None
    if low <= number <= high:
        return number
    if message is not None:
        raise CommandError(message)
    if low == 0 and high == INT_MAX:
        raise CommandError("ERR value is out of range, must be positive")
    raise CommandError(f"ERR value is out of range, value must between {low} and {high}")


def parse_float(text: bytes, message: str | None = None) -> float:
    """A C double as strtod reads it (hexadecimal and infinity included, no spaces, no NaN). Raises NotFloat."""
    if is_plain_number(text) is not None:
        return float(text)
    if _FLOAT.fullmatch(text) is not None:
        lowered = text.lower()
        number = _hexadecimal(text) if b"x" in lowered else float(text)
        overflow = math.isinf(number) and b"inf" not in lowered
        if not math.isnan(number) and not overflow and (number or not _is_nonzero(lowered)):
            return number
    if message is None:
        raise NotFloat
    raise CommandError(message)


def _is_nonzero(text: bytes) -> bool:
    """Whether a number's digits are not all 0, so that 0 is what became of one too small for a double."""
    digits = text.partition(b"p")[0].partition(b"x")[2] if b"x" in text else text.partition(b"e")[0]
    return digits.strip(b"+-0.") != b""


def read_double(text: bytes) -> float | None:
    """A C double as strtod reads a whole text: leading blanks pass, nothing is 0, what is too large is infinite.

    The text ends at its first NUL. None when it is not a number.
    """
    if is_plain_number(text) is not None:
        return float(text)
    text = text.partition(b"\0")[0]
    if not text:
        return 0.0
    number = text.lstrip(b" \t\n\v\f\r")
    if _FLOAT.fullmatch(number) is None or b"nan" in (lowered := number.lower()):
        return None
    return _hexadecimal(number) if b"x" in lowered else float(number)


def _hexadecimal(text: bytes) -> float:
    """A hexadecimal double; infinite when it is too large."""
    try:
        return float.fromhex(text.decode())
    except OverflowError:
        return math.inf


def format_double(number: float) -> bytes:
    """A double as Valkey 7.2 and newer print it (fpconv_dtoa): in its shortest form, nearly always."""
    return _shortest(number) if number else b"-0" if math.copysign(1, number) < 0 else b"0"


@lru_cache(maxsize=1 << 13)
def _shortest(number: float) -> bytes:
    """A double that is not 0: a cache takes 0 and -0 for the same."""
    if number != number:  # noqa: PLR0124 - NaN, the only value that differs from itself
        return b"nan"
    if number in (math.inf, -math.inf):
        return b"inf" if number > 0 else b"-inf"
    if number == int(number) and abs(number) <= 2**62:  # double2ll's range
        return b"%d" % int(number)
    if 0.001 <= abs(number) < 10_000 and (number * 1024).is_integer():
        return repr(number).encode()  # halves and the like: in the middle of all that is read as the number
    digits, exponent = digits_of(abs(number))
    return (("-" if number < 0 else "") + _place_point(digits, exponent)).encode()


def _place_point(digits: str, exponent: int) -> str:
    """Digits and power of ten as fpconv's emit_digits lays them out."""
    count = len(digits)
    scientific = abs(exponent + count - 1)
    if exponent >= 0 and scientific < count + 7:
        return digits + "0" * exponent
    if exponent < 0 and (exponent > -7 or scientific < 4):
        point = count + exponent
        if point <= 0:
            return "0." + "0" * -point + digits
        return digits[:point] + "." + digits[point:]
    sign = "-" if exponent + count - 1 < 0 else "+"
    fraction = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{fraction}e{sign}{scientific}"


def format_double_17(number: float) -> bytes:
    """A double with 17 significant digits, as Redis 6.2 and 7.0 print it."""
    if math.isinf(number):
        return b"inf" if number > 0 else b"-inf"
    return b"%.17g" % number


def format_decimals(number: float) -> bytes:
    """A finite double with up to 17 decimals, trailing zeros cut."""
    text = (b"%.17f" % number).rstrip(b"0").rstrip(b".")
    return b"0" if text == b"-0" else text


_MANTISSA_BITS = 64  # of the x87 extended double that Valkey computes INCRBYFLOAT with
_LONG_DOUBLE_CHARACTERS = 5 * 1024 - 1
_HALF = 10**4000  # str() refuses numbers of more than 4300 digits, so larger ones are printed in two parts
_LONG_DOUBLE_TINY = Fraction(1, 2**16446)
_LONG_DOUBLE_MAX = (2**_MANTISSA_BITS - 1) << (16383 - 63)


def _nearest(top: int, bottom: int) -> int:
    """The integer nearest to a quotient of positive numbers, ties to even."""
    quotient, rest = divmod(top, bottom)
    return quotient + (2 * rest > bottom or (2 * rest == bottom and quotient & 1))


def _round_extended(number: Fraction) -> Fraction:
    """The nearest value with a 64-bit mantissa, ties to even."""
    top, bottom = abs(number.numerator), number.denominator
    if not top:
        return number
    # Scaled by 2**shift, the number lies between 2**63 and 2**65.
    shift = _MANTISSA_BITS - top.bit_length() + bottom.bit_length()
    if (top << shift if shift > 0 else top) >> _MANTISSA_BITS >= (bottom if shift > 0 else bottom << -shift):
        shift -= 1
    if shift > 0:
        rounded = Fraction(_nearest(top << shift, bottom), 1 << shift)
    else:
        rounded = Fraction(_nearest(top, bottom << -shift) << -shift)
    return rounded if number.numerator > 0 else -rounded


def parse_long_double(text: bytes) -> Fraction | None:
    """A finite extended double as strtold reads it; None when it is not one (or is infinite)."""
    if _FLOAT.fullmatch(text) is None:
        return None
    lowered = text.lower()
    if b"n" in lowered:
        return None
    digits, _, exponent = lowered.partition(b"p" if b"x" in lowered else b"e")
    # Powers of more than five digits belong to no long double.
    if len(text) > _LONG_DOUBLE_CHARACTERS or len(exponent.lstrip(b"+-0")) > 5:
        return None
    if b"x" in lowered:
        number = _exact_hexadecimal(digits, int(exponent or b"0"))
    else:
        number = Fraction(Decimal(text.decode()))  # exact; Fraction itself refuses more than 4300 digits
    rounded = _round_extended(number)
    return rounded if not rounded or _LONG_DOUBLE_TINY < abs(rounded) <= _LONG_DOUBLE_MAX else None


def _exact_hexadecimal(digits: bytes, power: int) -> Fraction:
    """`digits` with a hexadecimal point, times a power of two."""
    sign = -1 if digits.startswith(b"-") else 1
    whole, _, decimals = digits.lstrip(b"+-")[2:].partition(b".")
    return sign * int(whole + decimals, 16) * Fraction(2) ** (power - 4 * len(decimals))


_SIMPLE: Final = re.compile(rb"(-?)([0-9]{1,17})(?:\.([0-9]{1,17}))?").fullmatch


def _simple(text: bytes) -> tuple[int, int] | None:
    """Of plain digits the nearest extended double: an integer, and how many times that is halved. None for others, and for -0."""
    match = _SIMPLE(text)
    if match is None:
        return None
    sign, whole, decimals = match.groups(b"")
    top, bottom = int(whole + decimals), 10 ** len(decimals)
    if not top:
        return None if sign else (0, 0)
    shift = _MANTISSA_BITS - top.bit_length() + bottom.bit_length()
    if (top << shift if shift > 0 else top) >> _MANTISSA_BITS >= (bottom if shift > 0 else bottom << -shift):
        shift -= 1
    if shift < 0:
        return None
    mantissa = _nearest(top << shift, bottom)
    return -mantissa if sign else mantissa, shift


def add_simple(left: bytes, right: bytes) -> bytes | None:
    """The sum of two numbers of plain digits, as extended doubles are added and printed; None where one is not that simple."""
    one, other = _simple(left), _simple(right)
    if one is None or other is None:
        return None
    shift = max(one[1], other[1])
    total = (one[0] << shift - one[1]) + (other[0] << shift - other[1])
    size = abs(total)
    extra = size.bit_length() - _MANTISSA_BITS
    if extra > 0:
        size = _nearest(size, 1 << extra) << extra
    scaled = _nearest(size * 10**17, 1 << shift)
    whole, decimals = divmod(scaled, 10**17)
    text = b"%d.%017d" % (whole, decimals)
    return (b"-" if total < 0 and scaled else b"") + text.rstrip(b"0").rstrip(b".")


def add_long_double(left: Fraction, right: Fraction) -> Fraction | None:
    """The sum, rounded to an extended double; None when that is infinite."""
    total = _round_extended(left + right)
    return total if abs(total) <= _LONG_DOUBLE_MAX else None


def format_long_double(number: Fraction) -> bytes:
    """Seventeen decimals, trailing zeros cut (ld2string in its human form)."""
    scaled = _nearest(abs(number.numerator) * 10**17, number.denominator)
    sign = "-" if scaled and number.numerator < 0 else ""
    whole, decimals = divmod(scaled, 10**17)
    tail = f"{decimals:017d}".rstrip("0")
    digits = str(whole) if whole < _HALF else f"{whole // _HALF}{whole % _HALF:04000d}"
    return f"{sign}{digits}{'.' + tail if tail else ''}".encode()
