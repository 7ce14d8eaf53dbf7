"""The functions of expressions."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.numbers import format_double
from localstack_memorydb.engine.search.documents import as_number

Function: TypeAlias = tuple[Callable[..., Any], int, int]
"""What it does, and how many arguments it takes at least and at most."""

_MANY: Final = 64
_DEFAULT_FORMAT: Final = b"%FT%TZ"
_LATEST: Final = 253402300799  # the last second of the year 9999
_LONGEST: Final = 1 << 20
_LONGEST_PATTERN: Final = 200


def _text(value: Any) -> str | None:
    if isinstance(value, float):
        return format_double(value).decode()
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else None


def _number(value: Any) -> float | None:
    number = as_number(value) if isinstance(value, bytes) else value
    return number if isinstance(number, float) else None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _of_number(run: Callable[[float], float]) -> Function:
    def call(value: Any) -> float | None:
        number = _number(value)
        if number is None:
            return None
        try:
            return float(run(number))
        except OverflowError:
            return math.inf
        except ValueError:
            return -math.inf if number == 0 else math.nan

    return call, 1, 1


def _of_text(run: Callable[[str], Any]) -> Function:
    def call(value: Any) -> Any:
        text = _text(value)
        return None if text is None else run(text)

    return call, 1, 1


def _whole(run: Callable[[float], int]) -> Callable[[float], float]:
    """Rounding, which leaves infinite numbers alone."""
    return lambda number: float(run(number)) if math.isfinite(number) else number


def _starts_with(value: Any, prefix: Any) -> float:
    text, wanted = _text(value), _text(prefix)
    return float(text is not None and wanted is not None and text.startswith(wanted))


def _contains(value: Any, part: Any) -> float:
    """How often the part occurs; nothing occurs once more than there are characters."""
    text, wanted = _text(value), _text(part)
    return float(text.count(wanted)) if text is not None and wanted is not None else 0.0


def _substr(value: Any, offset: Any, count: Any) -> bytes | None:
    """A part of a text: a negative offset counts from the end, a negative count leaves that many characters out."""
    text, start, length = _text(value), _number(offset), _number(count)
    if text is None or start is None or length is None or not math.isfinite(start + length):
        return None
    begin = max(0, int(start) + (len(text) if start < 0 else 0))
    end = begin + int(length) if length >= 0 else len(text) + int(length)
    return _bytes(text[begin : max(begin, end)])


def _concat(*values: Any) -> bytes:
    made = "".join(_text(value) or "" for value in values)
    if len(made) > _LONGEST:  # a few stages could ask for more than there is
        raise CommandError(f"ERR A text of more than {_LONGEST} characters cannot be made")
    return _bytes(made)


def _split(value: Any, separators: Any = b",", stripped: Any = b" ") -> list[bytes] | None:
    text, marks, blanks = _text(value), _text(separators), _text(stripped)
    if text is None or not marks:
        return None
    for mark in marks[1:]:
        text = text.replace(mark, marks[0])
    parts = (part.strip(blanks) if blanks else part for part in text.split(marks[0]))
    return [_bytes(part) for part in parts if part]


def _moment(value: Any) -> datetime | None:
    number = _number(value)
    if number is None or not 0 <= number <= _LATEST:
        return None
    return datetime.fromtimestamp(int(number), UTC)


def _plain(pattern: str) -> str:
    """A pattern without the abbreviations that not every platform knows. Raises ValueError for one out of bounds."""
    if len(pattern) > _LONGEST_PATTERN or not pattern.isprintable():
        raise ValueError(pattern)
    return pattern.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")


def _timefmt(value: Any, form: Any = _DEFAULT_FORMAT) -> bytes | None:
    moment, pattern = _moment(value), _text(form)
    if moment is None or pattern is None:
        return None
    try:
        return _bytes(moment.strftime(_plain(pattern)))
    except ValueError:
        return None


def _parsetime(value: Any, form: Any = _DEFAULT_FORMAT) -> float | None:
    text, pattern = _text(value), _text(form)
    if text is None or pattern is None:
        return None
    try:
        parsed = datetime.strptime(text, _plain(pattern))
        return parsed.replace(tzinfo=parsed.tzinfo or UTC).timestamp()
    except (OverflowError, ValueError):
        return None


def _of_time(run: Callable[[datetime], float]) -> Function:
    def call(value: Any) -> float | None:
        moment = _moment(value)
        return None if moment is None else float(run(moment))

    return call, 1, 1


def _since(**parts: int) -> Function:
    """The time at which the present hour, day, month began: those parts of the time are replaced."""
    return _of_time(lambda moment: moment.replace(**parts).timestamp())  # type: ignore[arg-type] # of ints, none is `tzinfo`


FUNCTIONS: Final[dict[str, Function]] = {
    "exists": (lambda value: float(value is not None), 1, 1),
    "abs": _of_number(abs),
    "ceil": _of_number(_whole(math.ceil)),
    "floor": _of_number(_whole(math.floor)),
    "exp": _of_number(math.exp),
    "log": _of_number(math.log),
    "log2": _of_number(math.log2),
    "sqrt": _of_number(math.sqrt),
    "lower": _of_text(lambda text: _bytes(text.lower())),
    "upper": _of_text(lambda text: _bytes(text.upper())),
    "strlen": _of_text(lambda text: float(len(_bytes(text)))),
    "startswith": (_starts_with, 2, 2),
    "contains": (_contains, 2, 2),
    "substr": (_substr, 3, 3),
    "concat": (_concat, 1, _MANY),
    "split": (_split, 1, 3),
    "timefmt": (_timefmt, 1, 2),
    "parsetime": (_parsetime, 1, 2),
    "minute": _since(second=0),
    "hour": _since(minute=0, second=0),
    "day": _since(hour=0, minute=0, second=0),
    "month": _since(day=1, hour=0, minute=0, second=0),
    "dayofweek": _of_time(lambda moment: moment.isoweekday() % 7),
    "dayofmonth": _of_time(lambda moment: moment.day),
    "dayofyear": _of_time(lambda moment: moment.timetuple().tm_yday - 1),
    "monthofyear": _of_time(lambda moment: moment.month - 1),
    "year": _of_time(lambda moment: moment.year),
}
