"""The digits of a double by Grisu2 (Florian Loitsch, Printing Floating-Point Numbers Quickly and Accurately with Integers, 2010).

Since 7.2 the server prints doubles so. For all but about one in a thousand these are the shortest digits that mean the
number, the nearest ones if there are several, as Python prints them; for that one they are not, and clients see it.
"""

from __future__ import annotations

from functools import cache, lru_cache
from math import frexp
from typing import Final

_HIDDEN_BIT: Final = 1 << 52
_TWO_53: Final = 2.0**53
_LEAST_EXPONENT: Final = -1074
_WORD: Final = 64
_HALF: Final = 1 << _WORD - 1

# Powers of ten are at hand in steps; the one chosen brings the number's exponent into this window.
_FIRST, _STEP, _COUNT = -348, 8, 87
_LOWEST, _HIGHEST = -60, -32
_TENS: Final[list[int]] = [10**power for power in range(64)]
_LOG_10_OF_2: Final = 0.30102999566398114


@cache
def _power(decimal: int) -> tuple[int, int]:
    """A power of ten as 64 bits and a power of two."""
    if decimal >= 0:
        whole, exponent = 10**decimal, 0
    else:
        exponent = -(_WORD + 2 + (10**-decimal).bit_length())
        whole = (1 << -exponent) // 10**-decimal
    shift = whole.bit_length() - _WORD
    if shift <= 0:
        return whole << -shift, exponent + shift
    fraction = (whole >> shift) + (whole >> shift - 1 & 1)
    if fraction >> _WORD:
        fraction, shift = fraction >> 1, shift + 1
    return fraction, exponent + shift


@cache
def _fitting(exponent: int) -> tuple[int, int, int]:
    """The power of ten, of those at hand, for a number with this power of two: its 64 bits, power of two and of ten."""
    place = int((int(-(exponent + _COUNT) * _LOG_10_OF_2) - _FIRST) / _STEP)
    while True:
        decimal = _FIRST + place * _STEP
        fraction, power = _power(decimal)
        reached = exponent + power + _WORD
        if reached < _LOWEST:
            place += 1
        elif reached > _HIGHEST:
            place -= 1
        else:
            return fraction, power, decimal


@lru_cache(maxsize=10_000)
def digits_of(number: float) -> tuple[str, int]:
    """Digits of a positive number, and the power of ten of the last one: 1.5 -> ("15", -1)."""
    mantissa, power = frexp(number)
    fraction, exponent = int(mantissa * _TWO_53), power - 53
    if exponent < _LEAST_EXPONENT:
        fraction, exponent = fraction >> _LEAST_EXPONENT - exponent, _LEAST_EXPONENT
    # Halfway to the neighbours; below a power of two the neighbour is nearer.
    upper = 2 * fraction + 1
    shift = _WORD - upper.bit_length()
    top = exponent - 1 - shift
    near = 2 if fraction == _HIDDEN_BIT else 1
    lower = ((fraction << near) - 1) << shift + 1 - near
    factor, factor_power, decimal = _fitting(top)
    value = ((fraction << shift + 1) * factor + _HALF) >> _WORD
    lower = (lower * factor + _HALF >> _WORD) + 1
    upper = ((upper << shift) * factor + _HALF >> _WORD) - 1
    return _shortest(value, upper, upper - lower, -(top + factor_power + _WORD), decimal, number)


def _shortest(value: int, upper: int, delta: int, bits: int, decimal: int, number: float) -> tuple[str, int]:
    """As few digits of `upper` as lie within `delta` of it, the last one brought nearer to `value`.

    The last `bits` bits are behind the binary point. The search begins with as many digits as the shortest form has.
    """
    whole = len(str(upper >> bits))
    mantissa = repr(number).partition("e")[0].replace(".", "").strip("0")
    places = len(mantissa) - whole
    if _is_within(upper, delta, bits, places):
        while places > -whole and _is_within(upper, delta, bits, places - 1):
            places -= 1
    else:
        places += 1
        while not _is_within(upper, delta, bits, places):
            places += 1
    distance = upper - value
    if places <= 0:
        unit = _TENS[-places] << bits
        digits, left = divmod(upper, unit)
    else:
        scale, unit = _TENS[places], 1 << bits
        digits, left = upper * scale >> bits, upper * scale & unit - 1
        delta, distance = delta * scale, distance * scale
    # The last digit is lowered while that brings the number nearer and keeps it in its bounds.
    while (
        left < distance
        and delta - left >= unit
        and (left + unit < distance or distance - left > left + unit - distance)
    ):
        digits -= 1
        left += unit
    return str(digits), -decimal - places


def _is_within(upper: int, delta: int, bits: int, places: int) -> bool:
    """Whether what is left of `upper` behind so many decimal places does not matter."""
    if places <= 0:
        return upper % (_TENS[-places] << bits) <= delta
    scale = _TENS[places]
    return upper * scale & (1 << bits) - 1 < delta * scale
