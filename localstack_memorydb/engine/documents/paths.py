"""Paths, read: the enhanced syntax, which begins with `$`, and the restricted one.

The syntax behind a step is looked at only when a search gets there, as in valkey-json: what cannot be read becomes a step that
says so. Of a union or slice, which only arrays have, the rest is not read on anything else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from localstack_memorydb.engine.documents.errors import (
    EMPTY_EXPRESSION,
    INVALID_DOTS,
    INVALID_IDENTIFIER,
    INVALID_PATH,
    NOT_AN_ARRAY,
    PATH_TOO_DEEP,
    PATH_TOO_LONG,
    Fault,
    PathError,
)
from localstack_memorydb.engine.documents.steps import (
    Broken,
    Comparison,
    Condition,
    Descend,
    Dollar,
    Either,
    Every,
    Exists,
    Filtered,
    Index,
    Indexes,
    Literal,
    Name,
    Names,
    Operand,
    Path,
    Reference,
    Slice,
    Step,
    Wildcard,
)
from localstack_memorydb.engine.documents.tokens import Tokens, literal

MAX_LENGTH: Final = 128 * 1024
_REMEMBERED: Final = 1024
MAX_RECURSION: Final = 200

_MIRRORED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_WORDS: Final = {"n": ("null",), "t": ("true", "false"), "f": ("true", "false")}


def compile_path(text: str) -> Path:
    """Reads a path; never fails, since an error is a step."""
    return _read(text) if len(text) <= _REMEMBERED else _read.__wrapped__(text)


@lru_cache(maxsize=1024)
def _read(text: str) -> Path:
    text = text.partition("\0")[0]
    if len(text.encode("utf-8", "surrogateescape")) > MAX_LENGTH:
        return Path((Broken(PATH_TOO_LONG),), enhanced=False, descents=(0,), before=0)
    return _Reader(text).read()


class _BrokenOffArrays(Exception):
    """A step that cannot be read; what is no array fails before that is seen."""

    def __init__(self, fault: Fault, otherwise: Fault) -> None:
        super().__init__(fault.text)
        self.step = Broken(fault, otherwise)


class _Reader:
    """Reads one path."""

    def __init__(self, text: str) -> None:
        self._tokens = Tokens(text)
        self._steps: list[Step] = []
        self._descents: list[int] = []
        self._before = self._seen = 0
        self._conditions = _ConditionReader(self._tokens)

    def read(self) -> Path:
        """The whole path."""
        tokens = self._tokens
        enhanced = tokens.match("$")
        if not enhanced:
            tokens.match(".")
        self._before = self._seen = tokens.descents
        try:
            self._relative()
        except PathError as error:
            self._add(Broken(error.fault))
        except _BrokenOffArrays as broken:
            self._add(broken.step)
        return Path(tuple(self._steps), enhanced, tuple(self._descents), self._before)

    def _add(self, step: Step) -> None:
        self._steps.append(step)
        self._descents.append(self._tokens.descents - self._seen)
        self._seen = self._tokens.descents

    def _relative(self) -> None:
        """Steps up to the end."""
        tokens = self._tokens
        while tokens.mark:
            if tokens.mark == "..":
                tokens.advance()
                if tokens.mark in ("..", "."):
                    raise PathError(INVALID_DOTS)
                self._add(Descend())
                parted = True
            elif tokens.mark == "[":
                parted = self._bracket()
            else:
                tokens.match(".")
                parted = self._bracket() if tokens.mark == "[" else self._key()
            if parted and tokens.match("$"):
                self._add(Dollar())
            elif parted:
                tokens.match(".")

    def _key(self) -> bool:
        """`*`, perhaps with a filter, or a name; whether the search parts here."""
        tokens = self._tokens
        if not tokens.match("*"):
            name = tokens.name()
            self._add(Name(name, last=not tokens.ahead()))
            return False
        if tokens.mark == ".":
            tokens.advance()
        if tokens.mark != "[" or tokens.ahead() != "?":
            self._add(Wildcard())
            return True
        try:
            tokens.advance()
            tokens.advance()
            tokens.need("(", skip=True)
            condition = self._conditions.read()
            tokens.need(")", skip=True)
            tokens.need("]")
        except PathError as error:
            raise _BrokenOffArrays(error.fault, INVALID_PATH) from None
        self._add(Filtered(condition, only_arrays=True))
        return True

    def _bracket(self) -> bool:
        """What stands in brackets; whether the search parts here."""
        tokens = self._tokens
        tokens.need("[", skip=True)
        if tokens.mark == "*":
            self._wildcard()
            parted = True
        elif tokens.mark in ("'", '"'):
            parted = self._names()
        else:
            parted = self._index_expression()
        tokens.skip_spaces()
        return parted

    def _wildcard(self) -> None:
        tokens = self._tokens
        tokens.need("*", skip=True)
        tokens.need("]", skip=True)
        if tokens.mark != "[" or tokens.ahead() != "?":
            self._add(Wildcard())
            return
        tokens.need("[", skip=True)
        tokens.skip_spaces()
        tokens.need("?")
        tokens.need("(")
        condition = self._conditions.read()
        tokens.need(")", skip=True)
        tokens.need("]", skip=True)
        self._add(Filtered(condition))

    def _names(self) -> bool:
        tokens = self._tokens
        names = [tokens.string()]
        while tokens.match(",", skip=True):
            if tokens.mark == " ":
                tokens.skip_spaces()
            names.append(tokens.string())
        tokens.need("]", skip=True)
        if len(names) == 1:
            self._add(Name(names[0], last=not tokens.ahead()))
            return False
        self._add(Names(tuple(names)))
        return True

    def _index_expression(self) -> bool:
        """A filter, a slice, a union of indexes, or one index."""
        tokens = self._tokens
        if not tokens.mark:
            raise PathError(EMPTY_EXPRESSION)
        if tokens.mark == "?":
            tokens.advance()
            tokens.need("(")
            condition = self._conditions.read()
            tokens.need(")")
            tokens.need("]", skip=True)
            self._add(Filtered(condition))
            return True
        if tokens.mark == ",":
            raise PathError(INVALID_PATH)
        if tokens.mark == ":":
            return self._of_arrays(None)
        first = tokens.integer()
        tokens.skip_spaces()
        if tokens.mark in (":", ","):
            return self._of_arrays(first)
        tokens.need("]", skip=True)
        self._add(Index(first))
        return False

    def _of_arrays(self, first: int | None) -> bool:
        """A slice or union."""
        try:
            step = self._slice(first or 0) if self._tokens.mark == ":" else self._union(first or 0)
            self._tokens.need("]", skip=True)
        except PathError as error:
            raise _BrokenOffArrays(error.fault, NOT_AN_ARRAY) from None
        self._add(step)
        return True

    def _slice(self, start: int) -> Slice:
        tokens = self._tokens
        tokens.advance(skip=True)
        tokens.skip_spaces()
        stop: int | None = None
        if tokens.mark == "]":
            return Slice(start, None, 1)
        if tokens.mark != ":":
            stop = tokens.integer()
            tokens.skip_spaces()
            if tokens.mark != ":":
                return Slice(start, stop, 1)
        tokens.advance(skip=True)
        tokens.skip_spaces()
        return Slice(start, stop, 1 if tokens.mark == "]" else tokens.integer())

    def _union(self, first: int) -> Indexes:
        tokens = self._tokens
        indexes = [first]
        comma = False
        while tokens.mark != "]":
            if (tokens.mark == ",") is comma:  # two commas, or none
                raise PathError(INVALID_PATH)
            comma = not comma
            if comma:
                tokens.advance(skip=True)
            else:
                indexes.append(tokens.integer())
            tokens.skip_spaces()
        if comma:
            raise PathError(INVALID_PATH)
        return Indexes(tuple(indexes))


class _ConditionReader:
    """Reads what stands between the parentheses of a filter."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._depth = 0

    def read(self) -> Condition:
        """Terms between `||`."""
        self._depth += 3  # an expression, a term and a factor
        if self._depth > MAX_RECURSION:
            raise PathError(PATH_TOO_DEEP)
        tokens = self._tokens
        tokens.skip_spaces()
        terms = [self._term()]
        while tokens.match("||", skip=True):
            terms.append(self._term())
        tokens.skip_spaces()
        self._depth -= 3
        return terms[0] if len(terms) == 1 else Either(tuple(terms))

    def _term(self) -> Condition:
        """Factors between `&&`."""
        factors = [self._factor()]
        while self._tokens.match("&&", skip=True):
            factors.append(self._factor())
        return factors[0] if len(factors) == 1 else Every(tuple(factors))

    def _factor(self) -> Condition:
        tokens = self._tokens
        tokens.skip_spaces()
        if tokens.mark == "(":
            tokens.advance(skip=True)
            condition = self.read()
            tokens.need(")", skip=True)
            return condition
        if not tokens.match("@"):
            return self._mirrored()
        if tokens.mark not in (".", "["):
            return Comparison(None, self._operator(), self._operand())
        member = self._member()
        tokens.skip_spaces()
        if tokens.mark in _MIRRORED:
            return Comparison(member, self._operator(), self._operand())
        return self._of_elements(member) if tokens.mark == "[" else Exists(member)

    def _of_elements(self, member: str) -> Condition:
        """A comparison with one element of the member, or with any."""
        tokens = self._tokens
        tokens.advance(skip=True)
        if tokens.mark != "?":
            index = tokens.integer()
            tokens.need("]")
            return Comparison(member, self._operator(), self._operand(), at=index)
        tokens.advance(skip=True)
        tokens.need("(")
        if tokens.mark == "@":
            tokens.advance(skip=True)
            operator = self._operator()
            operand = self._operand()
        else:
            operand = self._operand()
            operator = _MIRRORED[self._operator()]
            tokens.need("@")
        tokens.need(")", skip=True)
        tokens.need("]")
        return Comparison(member, operator, operand, inside=True)

    def _mirrored(self) -> Condition:
        """A comparison whose value stands on the left."""
        tokens = self._tokens
        operand = self._operand()
        tokens.skip_spaces()
        operator = _MIRRORED[self._operator()]
        tokens.need("@")
        tokens.skip_spaces()
        if tokens.mark in (")", "&&", "||"):
            return Comparison(None, operator, operand)
        member = self._member()
        if tokens.mark != "[":
            return Comparison(member, operator, operand)
        tokens.advance(skip=True)
        index = tokens.integer()
        tokens.need("]")
        return Comparison(member, operator, operand, at=index)

    def _member(self) -> str:
        tokens = self._tokens
        if tokens.match(".") and tokens.mark != "[":
            return tokens.name()
        tokens.need("[")
        tokens.skip_spaces()
        name = tokens.string()
        tokens.need("]", skip=True)
        return name

    def _operator(self) -> str:
        tokens = self._tokens
        tokens.skip_spaces()
        operator = tokens.mark
        if operator not in _MIRRORED:
            raise PathError(INVALID_PATH)
        tokens.skip_spaces()
        tokens.advance(skip=True)
        return operator

    def _operand(self) -> Operand:
        tokens = self._tokens
        if tokens.mark == "$":
            return Reference(tokens.reference())
        if tokens.mark in ("'", '"'):
            return Literal(tokens.string_value())
        words = _WORDS.get(tokens.mark)
        if words is None:
            return Literal(literal(tokens.number()))
        word = tokens.word()
        if word not in words:
            raise PathError(INVALID_IDENTIFIER)
        return Literal(literal(word))
