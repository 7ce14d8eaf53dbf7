"""What FT.AGGREGATE's REDUCE makes of a group of records."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, TypeAlias

from localstack_memorydb.engine.errors import CommandError, printable
from localstack_memorydb.engine.search.expressions import rank, to_number

Look: TypeAlias = Callable[[Any, bytes], Any]
"""The value of a property of a record."""
Reduce: TypeAlias = Callable[[Sequence[Any], Look], Any]

_LARGEST_SAMPLE: Final = 1000


def make_reducer(name: str, arguments: list[bytes], random: Random) -> Reduce:
    """The reducer of that name with its arguments. Raises CommandError."""
    if name == "COUNT":
        _require(name, not arguments)
        return lambda records, look: float(len(records))
    if name == "FIRST_VALUE":
        return _first_value(arguments)
    counts = {"QUANTILE": 2, "RANDOM_SAMPLE": 2}
    _require(name, len(arguments) == counts.get(name, 1))
    key = arguments[0].removeprefix(b"@")
    if name == "QUANTILE":
        share = to_number(arguments[1])
        _require(name, share is not None and 0 <= share <= 1)
        return lambda records, look: _quantile(_numbers(records, look, key), share or 0.0)
    if name == "RANDOM_SAMPLE":
        size = to_number(arguments[1])
        _require(name, size is not None and 1 <= size <= _LARGEST_SAMPLE)
        return lambda records, look: _sample(_values(records, look, key), int(size or 1), random)
    if name in _OF_VALUES:
        of_values = _OF_VALUES[name]
        return lambda records, look: of_values(_values(records, look, key))
    of_numbers = _OF_NUMBERS.get(name)
    if of_numbers is None:
        raise CommandError(f"ERR Unknown reducer: {printable(name.encode())}")
    return lambda records, look: of_numbers(_numbers(records, look, key))


def _require(name: str, fits: bool) -> None:
    if not fits:
        raise CommandError(f"ERR Wrong arguments for reducer {name}")


def _values(records: Sequence[Any], look: Look, name: bytes) -> list[Any]:
    """What the records have of that name; of lists the elements."""
    found: list[Any] = []
    for record in records:
        value = look(record, name)
        if isinstance(value, list):
            found += value
        elif value is not None:
            found.append(value)
    return found


def _numbers(records: Sequence[Any], look: Look, name: bytes) -> list[float]:
    numbers = map(to_number, _values(records, look, name))
    return [number for number in numbers if number is not None]


def _first_value(arguments: list[bytes]) -> Reduce:
    """`@value`, or `@value BY @order [ASC|DESC]`"""
    words = [word.upper() for word in arguments]
    _require("FIRST_VALUE", len(arguments) in {1, 3, 4})
    name, order = arguments[0].removeprefix(b"@"), b""
    if len(arguments) > 1:
        _require("FIRST_VALUE", words[1] == b"BY" and words[3:] in ([], [b"ASC"], [b"DESC"]))
        order = arguments[2].removeprefix(b"@")

    def reduce(records: Sequence[Any], look: Look) -> Any:
        if not order:
            return look(records[0], name)
        have = [record for record in records if look(record, order) is not None]
        choose = max if words[3:] == [b"DESC"] else min
        return look(choose(have, key=lambda record: rank(look(record, order))), name) if have else None

    return reduce


def _quantile(numbers: list[float], share: float) -> float | None:
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _sample(values: list[Any], size: int, random: Random) -> list[Any]:
    return random.sample(values, min(size, len(values)))


def _sum(numbers: list[float]) -> float:
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):  # it is infinite, or no number
        return sum(numbers)


def _deviation(numbers: list[float]) -> float:
    """Of a sample, as opposed to a whole."""
    if len(numbers) < 2:
        return 0.0
    mean = _sum(numbers) / len(numbers)
    return math.sqrt(_sum([(number - mean) * (number - mean) for number in numbers]) / (len(numbers) - 1))


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


_OF_VALUES: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "TOLIST": _distinct,
    "COUNT_DISTINCTISH": lambda values: float(len(_distinct(values))),
}
_OF_NUMBERS: Final[dict[str, Callable[[list[float]], float]]] = {
    "SUM": _sum,
    "MIN": lambda numbers: min(numbers, default=math.inf),
    "MAX": lambda numbers: max(numbers, default=-math.inf),
    "AVG": lambda numbers: _sum(numbers) / len(numbers) if numbers else 0.0,
    "STDDEV": _deviation,
}
