"""Expressions of FT.AGGREGATE's FILTER and APPLY: read once, worked out for each record.

A value is a number, a text, a list or nothing. What needs a number and gets none gives nothing, and nothing is false.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias

from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.numbers import format_double
from localstack_memorydb.engine.search.documents import as_number
from localstack_memorydb.engine.search.functions import FUNCTIONS

Datum: TypeAlias = "float | bytes | list[Any] | None"
Lookup: TypeAlias = Callable[[bytes], Any]
"""The value of a property in the present record."""
Expression: TypeAlias = Callable[[Lookup], Any]

_DEEPEST: Final = 60
_MOST_TOKENS: Final = 500
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |@(?P<property>(?:\\.|[^\s@(){}\[\]!=<>&|+\-*/%^,'"\\])+)
    |(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<mark>\|\||&&|==|!=|<=|>=|[-+*/%^!<>(),]))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_COMPARISONS: Final = ("==", "!=", "<=", ">=", "<", ">")


def parse_expression(data: bytes) -> Expression:
    """Reads an expression. Raises CommandError."""
    return _Parser(data.decode("utf-8", "surrogateescape")).whole()


def is_true(value: Any) -> bool:
    """Whether a value holds: a number but 0, a text or list that is not empty."""
    return bool(value)


class _Parser:
    """Operator precedence, from the loosest: `||`, `&&`, comparisons, `+ -`, `* / %`, `^`, sign and `!`."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        self._depth = 0
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if found is None:
                raise CommandError(f"ERR Invalid expression: syntax error at position {position}")
            kind = str(found.lastgroup)
            self._tokens.append((kind, found[kind]))
            position = found.end()
            if len(self._tokens) > _MOST_TOKENS:
                raise CommandError("ERR Invalid expression: it is too long")

    def whole(self) -> Expression:
        """The whole text."""
        made = self._any()
        if self._at < len(self._tokens):
            self._fail()
        return made

    def _fail(self) -> NoReturn:
        where = f"near {self._tokens[self._at][1]}" if self._at < len(self._tokens) else "at the end"
        raise CommandError(f"ERR Invalid expression: syntax error {where}")

    def _accept(self, *marks: str) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at] in [("mark", mark) for mark in marks]:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return ""

    def _nest(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise CommandError("ERR Invalid expression: it is nested too deeply")

    def _any(self) -> Expression:
        self._nest()
        left = self._all()
        while self._accept("||"):
            left = _either(left, self._all())
        self._depth -= 1
        return left

    def _all(self) -> Expression:
        left = self._comparison()
        while self._accept("&&"):
            left = _both(left, self._comparison())
        return left

    def _comparison(self) -> Expression:
        left = self._sum()
        while mark := self._accept(*_COMPARISONS):
            left = _compared(mark, left, self._sum())
        return left

    def _sum(self) -> Expression:
        left = self._product()
        while mark := self._accept("+", "-"):
            left = _calculated(mark, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._power()
        while mark := self._accept("*", "/", "%"):
            left = _calculated(mark, left, self._power())
        return left

    def _power(self) -> Expression:
        self._nest()
        left = self._unary()
        if self._accept("^"):
            left = _calculated("^", left, self._power())
        self._depth -= 1
        return left

    def _unary(self) -> Expression:
        self._nest()
        if self._accept("!"):
            inner = self._unary()
            made: Expression = lambda look: float(not is_true(inner(look)))  # noqa: E731
        elif mark := self._accept("-", "+"):
            made = _calculated(mark, lambda look: 0.0, self._unary())
        else:
            made = self._atom()
        self._depth -= 1
        return made

    def _atom(self) -> Expression:
        if self._accept("("):
            made = self._any()
            if not self._accept(")"):
                self._fail()
            return made
        if self._at >= len(self._tokens):
            self._fail()
        kind, text = self._tokens[self._at]
        if kind == "mark":
            self._fail()
        self._at += 1
        if kind == "number":
            number = float(text)
            return lambda look: number
        plain = _ESCAPED.sub(r"\1", text[1:-1] if kind == "text" else text)
        data = plain.encode("utf-8", "surrogateescape")
        if kind == "text":
            return lambda look: data
        if kind == "property":
            return lambda look: look(data)
        return self._call(text)

    def _call(self, name: str) -> Expression:
        function = FUNCTIONS.get(name.lower())
        if function is None:
            raise CommandError(f"ERR Unknown function: {name}")
        if not self._accept("("):
            self._fail()
        arguments: list[Expression] = []
        if not self._accept(")"):
            arguments.append(self._any())
            while self._accept(","):
                arguments.append(self._any())
            if not self._accept(")"):
                self._fail()
        run, least, most = function
        if not least <= len(arguments) <= most:
            raise CommandError(f"ERR Wrong number of arguments for function {name}")
        return lambda look: run(*(argument(look) for argument in arguments))


def rank(value: Any) -> tuple[int, Any]:
    """What values are ordered by: numbers, then texts, then lists."""
    if isinstance(value, list):
        return 2, [rank(each) for each in value]
    return int(isinstance(value, bytes)), value


def _either(left: Expression, right: Expression) -> Expression:
    return lambda look: float(is_true(left(look)) or is_true(right(look)))


def _both(left: Expression, right: Expression) -> Expression:
    return lambda look: float(is_true(left(look)) and is_true(right(look)))


def as_text(value: Any) -> bytes:
    """A value as text."""
    if isinstance(value, float):
        return format_double(value)
    return value if isinstance(value, bytes) else b""


def to_number(value: Any) -> float | None:
    """A value as a number; None when it is none."""
    if isinstance(value, bytes):
        return as_number(value)
    return value if isinstance(value, float) else None


def _compared(mark: str, left: Expression, right: Expression) -> Expression:
    def compare(look: Lookup) -> float:
        ours, theirs = left(look), right(look)
        if ours is None or theirs is None:
            return float(mark == "!=" and ours is not theirs) if mark in {"==", "!="} else 0.0
        numbers = to_number(ours), to_number(theirs)
        first: Any = ours
        second: Any = theirs
        if isinstance(ours, float) or isinstance(theirs, float):
            first, second = numbers if None not in numbers else (as_text(ours), as_text(theirs))
        if isinstance(first, list) is not isinstance(second, list):
            return float(mark == "!=")
        return float(_RELATIONS[mark](rank(first), rank(second)))

    return compare


_RELATIONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def _calculated(mark: str, left: Expression, right: Expression) -> Expression:
    def calculate(look: Lookup) -> float | None:
        ours, theirs = to_number(left(look)), to_number(right(look))
        if ours is None or theirs is None:
            return None
        try:
            return float(_OPERATIONS[mark](ours, theirs))
        except (ZeroDivisionError, ValueError, TypeError):
            return math.nan
        except OverflowError:
            return math.inf

    return calculate


_OPERATIONS: Final[dict[str, Callable[[float, float], float]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": math.fmod,
    "^": math.pow,
}
