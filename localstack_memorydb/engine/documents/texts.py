"""JSON text, read and written.

The standard library reads it, with hooks for numbers: one that is no 64-bit integer keeps its text. What it is more lenient
about than valkey-json is refused here. It does not write it: its encoder has no way to write a number's own text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import isinf
from typing import Final, NoReturn, Self, TypeAlias, TypeGuard

from localstack_memorydb.engine.documents.errors import Malformed, TooDeep
from localstack_memorydb.engine.errors import ReplyTooLarge
from localstack_memorydb.engine.looking import looking, through
from localstack_memorydb.engine.resp import MOST_TO_SEND, sendable

Json: TypeAlias = "dict[str, Json] | list[Json] | str | bool | int | Real | None"
"""A value. Strings are text whose bytes were not UTF-8 where it has lone surrogates."""

MAX_DEPTH: Final = 128
INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_ESCAPES: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL).finditer
_BRACKETS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL).finditer
_EXPONENT: Final = re.compile(r"(?:\.(\d+))?[eE]\+?(\d+)$").search
_SPECIAL: Final = re.compile(r'["\\\x00-\x1f]')
_WRITTEN: Final = {chr(code): f"\\u{code:04X}" for code in range(32)} | {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


_WORDS: Final = {None: "null", False: "false", True: "true"}


class Real(float):
    """A number that is not a 64-bit integer, with the text that it was given in."""

    __slots__ = ("text",)

    text: str

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.text = text
        return made

    @classmethod
    def of(cls, number: float) -> Self:
        """The result of arithmetic."""
        return cls(f"{number:.17g}")


# -- reading ----------------------------------------------------------------------------------------------------------


def parse(data: bytes) -> Json:
    """The value of a text. Raises Malformed, TooDeep."""
    text = data.removeprefix(_BYTE_ORDER_MARK).partition(b"\0")[0].decode("utf-8", "surrogateescape")
    excess = _excess(text)
    try:
        decode = _decode if len(text) < _LONG_TEXT else _decode_at_leisure
        found: Json = decode(text if excess is None else text[:excess])
    except json.JSONDecodeError as error:
        if excess is not None and (error.pos >= excess or error.msg.startswith("Unterminated")):
            raise TooDeep from None
        raise Malformed from None
    if "\\u" in text and _has_lone_surrogate(text):
        raise Malformed
    return found


def _excess(text: str) -> int | None:
    """Where the text opens one level too many."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return None
    depth = 0
    for token in looking(_BRACKETS(text)):
        mark = token[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return token.start()
        elif mark in "]}":
            depth -= 1
    return None


def _has_lone_surrogate(text: str) -> bool:
    """Whether half of a pair is escaped without the other. Python would take it."""
    high_ends = -1
    for escape in looking(_ESCAPES(text)):
        if high_ends >= 0 and (escape.start() != high_ends or not escape[1]):
            return True
        code = int(escape[1], 16) if escape[1] else 0
        if 0xDC00 <= code <= 0xDFFF:
            if high_ends < 0:
                return True
            high_ends = -1
        elif high_ends >= 0:
            return True
        elif 0xD800 <= code <= 0xDBFF:
            high_ends = escape.end()
    return high_ends >= 0


def _integer(text: str) -> int | Real:
    if len(text) <= 20:
        number = int(text)
        if INT64_MIN <= number <= INT64_MAX:
            return number
    return _real(text)


def _real(text: str) -> Real:
    exponent = _EXPONENT(text)
    if exponent is not None and len(exponent[2]) > 1:
        digits = exponent[2].lstrip("0")
        if len(digits) > 6 or int(digits or "0") > 308 + len(exponent[1] or ""):
            raise Malformed
    number = Real(text)
    if isinf(number):
        raise Malformed
    return number


def _refuse(word: str) -> NoReturn:
    """NaN and the infinities are no JSON."""
    raise Malformed


def _integer_of_many(text: str) -> int | Real:
    through("")
    return _integer(text)


def _object_of_many(members: dict[str, Json]) -> dict[str, Json]:
    through(members)
    return members


_LONG_TEXT: Final = 1 << 16

_decode: Final = json.JSONDecoder(parse_float=_real, parse_int=_integer, parse_constant=_refuse).decode
# With numbers and objects others may come. It costs a tenth more.
_decode_at_leisure: Final = json.JSONDecoder(
    object_hook=_object_of_many, parse_float=_real, parse_int=_integer_of_many, parse_constant=_refuse
).decode


# -- writing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layout:
    """What JSON.GET puts between the parts of its answer."""

    indent: str = ""
    newline: str = ""
    space: str = ""


COMPACT: Final = Layout()


def quoted(text: str) -> str:
    """A string as JSON has it, with as few escapes as possible."""
    if _SPECIAL.search(text) is None:
        return f'"{text}"'
    return f'"{_SPECIAL.sub(lambda match: _WRITTEN[match[0]], text)}"'


def text_of(value: Json) -> str:
    """A value without any space."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        members = [f"{quoted(name)}:{text_of(item)}" for name, item in through(value.items())]
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, through(value))) + "]"
    if isinstance(value, Real):
        return value.text
    return _WORDS[value] if value is None or isinstance(value, bool) else str(value)


def laid_out(value: Json, layout: Layout, level: int = 0) -> str:
    """A value in a layout; `level` is how deep it stands in something that was begun already."""
    if layout is COMPACT:
        return text_of(value)
    if isinstance(value, dict) and value:
        parts = (
            f"{quoted(name)}:{layout.space}{laid_out(item, layout, level + 1)}"
            for name, item in through(value.items())
        )
        return enclosed("{", parts, "}", layout, level)
    if isinstance(value, list) and value:
        parts = (laid_out(item, layout, level + 1) for item in through(value))
        return enclosed("[", parts, "]", layout, level)
    return text_of(value)


def enclosed(opening: str, parts: Iterable[str], closing: str, layout: Layout, level: int = 0) -> str:
    """Parts between brackets, each on its line. Raises ReplyTooLarge."""
    indented = len(layout.newline) + len(layout.indent) * (level + 1)
    if indented > MOST_TO_SEND:
        raise ReplyTooLarge
    made = sendable(
        parts, indented + 1
    )  # before the line is, which may be long, and what stands within has longer ones
    line = layout.newline + layout.indent * (level + 1)
    inside = f",{line}".join(made)
    return f"{opening}{line}{inside}{layout.newline}{layout.indent * level}{closing}"


def encoded(text: str) -> bytes:
    """Text as clients get it: the bytes that were no UTF-8 come back as they were."""
    return text.encode("utf-8", "surrogateescape")


def write(value: Json) -> bytes:
    """A value as text."""
    return encoded(text_of(value))


def shortest(number: float) -> bytes:
    """A number with as few digits as tell it from others, the way JSON.RESP has it (RapidJSON's dtoa)."""
    exact = Decimal(repr(float(number))).normalize()
    sign, digits, exponent = exact.as_tuple()
    minus = "-" if sign else ""
    if not exact:
        return f"{minus}0.0".encode()
    text = "".join(map(str, digits))
    point = len(text) + int(exponent)  # where the point stands among the digits
    if len(text) <= point <= 21:
        return f"{minus}{text}{'0' * (point - len(text))}.0".encode()
    if 0 < point <= 21:
        return f"{minus}{text[:point]}.{text[point:]}".encode()
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{text}".encode()
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{minus}{text[0]}{fraction}e{point - 1}".encode()


# -- about values -----------------------------------------------------------------------------------------------------


def nesting(value: Json) -> int:
    """How many containers stand one in the other."""
    level: list[Json] = [value]
    depth = 0
    while True:
        containers = [each for each in looking(level) if isinstance(each, dict | list)]
        if not containers:
            return depth
        depth += 1
        level = [item for each in containers for item in through(children(each))]


def children(value: dict[str, Json] | list[Json]) -> list[Json]:
    """What stands in a container."""
    return list(value.values()) if isinstance(value, dict) else value


def duplicate(value: Json) -> Json:
    """The same value, to stand elsewhere."""
    if isinstance(value, dict):
        return {name: duplicate(item) for name, item in through(value.items())}
    return [duplicate(item) for item in through(value)] if isinstance(value, list) else value


def is_number(value: Json) -> TypeGuard[int | Real]:
    """Whether the value is a number; Python would count booleans."""
    return isinstance(value, int | Real) and not isinstance(value, bool)


def equal(one: Json, other: Json) -> bool:
    """Whether two values are the same; an integer may equal a number with a fraction."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            equal(item, other[name]) for name, item in through(one.items())
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, through(one), other))
    if is_number(one) and is_number(other):
        return one == other if type(one) is type(other) else float(one) == float(other)
    return type(one) is type(other) and one == other
