"""Reads query expressions.

query := either ["=>" "[KNN" count "@"name "$"vector options "]"]
either := both ("|" both)*        both := term term*
term := "*" | "(" either ")" | "@"name ":" ("[" range "]" | "{" labels "}")
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.search.documents import as_number
from localstack_memorydb.engine.search.query import (
    DEFAULT_EPSILON,
    Between,
    Both,
    Either,
    Everything,
    Nearest,
    Node,
    Tagged,
    WithinRange,
)

_DEEPEST: Final = 100
_NAME: Final = re.compile(r"(?:\\.|[^\s:@$|(){}\[\]=\\])+")
_WORD: Final = re.compile(r"[^\s\[\]{}|;,:]+")
_LABEL: Final = re.compile(r'"(?:\\.|[^"\\])*"|(?:\\.|[^|}\\])+', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def parse_query(data: bytes) -> Node:
    """The tree of a query expression. Raises CommandError."""
    return _Parser(data.decode("utf-8", "surrogateescape")).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def query(self) -> Node:
        """The whole text."""
        node = self._either()
        if self._accept("=>"):
            node = self._nearest(node)
        self._skip()
        if self._at < len(self._text):
            self._fail()
        return node

    # -- words --------------------------------------------------------------------------------------------------------

    def _fail(self) -> NoReturn:
        raise CommandError(f"ERR Invalid query: syntax error at position {self._at}")

    def _skip(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _peek(self, mark: str) -> bool:
        self._skip()
        return self._text.startswith(mark, self._at)

    def _accept(self, mark: str) -> bool:
        found = self._peek(mark)
        self._at += len(mark) * found
        return found

    def _expect(self, mark: str) -> None:
        if not self._accept(mark):
            self._fail()

    def _match(self, pattern: re.Pattern[str]) -> str:
        self._skip()
        found = pattern.match(self._text, self._at)
        if found is None:
            self._fail()
        self._at = found.end()
        return found[0]

    def _keyword(self, *words: str) -> str:
        """One of the words, in upper case; nothing is passed over when there is none of them."""
        self._skip()
        found = _WORD.match(self._text, self._at)
        word = found[0].upper() if found is not None else ""
        if found is None or word not in words:
            return ""
        self._at = found.end()
        return word

    def _name(self) -> bytes:
        self._expect("@")
        return _unescape(self._match(_NAME)).encode("utf-8", "surrogateescape")

    def _parameter(self) -> str:
        self._expect("$")
        return "$" + self._match(_WORD)

    # -- expressions --------------------------------------------------------------------------------------------------

    def _either(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise CommandError("ERR Invalid query: too many parentheses")
        parts = [self._both()]
        while self._accept("|"):
            parts.append(self._both())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Node:
        parts = [self._term()]
        while self._peek("*") or self._peek("(") or self._peek("@"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _term(self) -> Node:
        if self._accept("*"):
            return Everything()
        if self._accept("("):
            node = self._either()
            self._expect(")")
            return node
        name = self._name()
        self._expect(":")
        if self._accept("{"):
            return self._tagged(name)
        self._expect("[")
        return self._within_range(name) if self._keyword("VECTOR_RANGE") else self._between(name)

    def _tagged(self, name: bytes) -> Node:
        labels = [self._label()]
        while self._accept("|"):
            labels.append(self._label())
        self._expect("}")
        return Tagged(name, tuple(labels))

    def _label(self) -> str:
        label = self._match(_LABEL)
        if label.startswith('"'):
            label = label[1:-1]
        if not label.strip():
            self._fail()
        return _unescape(label.strip())

    def _between(self, name: bytes) -> Node:
        low, high = self._end(), self._end()
        self._expect("]")
        return Between(name, low, high)

    def _end(self) -> str:
        mark = "(" if self._accept("(") else ""
        return mark + self._match(_WORD)

    def _within_range(self, name: bytes) -> Node:
        radius, blob = self._match(_WORD), self._parameter()
        self._expect("]")
        score, epsilon = None, DEFAULT_EPSILON
        before = self._at
        if self._accept("=>"):
            if self._peek("["):  # what follows belongs to the whole query
                self._at = before
            else:
                score, epsilon = self._attributes()
        return WithinRange(name, radius, blob, score, epsilon)

    def _attributes(self) -> tuple[bytes | None, float]:
        """`{$yield_distance_as: name, $epsilon: 0.01}`"""
        score, epsilon = None, DEFAULT_EPSILON
        self._expect("{")
        while True:
            attribute = self._parameter().upper()
            self._expect(":")
            value = self._match(_WORD)
            if attribute == "$YIELD_DISTANCE_AS":
                score = value.encode("utf-8", "surrogateescape")
            elif attribute == "$EPSILON":
                number = as_number(value.encode("utf-8", "surrogateescape"))
                if number is None or number <= 0:
                    self._fail()
                epsilon = number
            else:
                self._fail()
            if not (self._accept(",") or self._accept(";")):
                break
            if self._peek("}"):
                break
        self._expect("}")
        return score, epsilon

    def _nearest(self, node: Node) -> Node:
        self._expect("[")
        if not self._keyword("KNN"):
            self._fail()
        count, name, blob = self._match(_WORD), self._name(), self._parameter()
        score, ef_runtime = None, None
        while word := self._keyword("EF_RUNTIME", "AS"):
            value = self._match(_WORD)
            if word == "AS":
                score = value.encode("utf-8", "surrogateescape")
            else:
                ef_runtime = value
        self._expect("]")
        return Nearest(node, count, name, blob, score, ef_runtime)


def _unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
