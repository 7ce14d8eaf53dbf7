"""A path, token by token, and what is read in one piece: names, numbers, strings, references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from localstack_memorydb.engine.documents.errors import (
    INDEX_NOT_NUMBER,
    INVALID_NAME,
    INVALID_NUMBER,
    INVALID_PATH,
    MALFORMED_LITERAL,
    DocumentError,
    PathError,
)
from localstack_memorydb.engine.documents.texts import Json, parse

_NAME_ENDS: Final = frozenset(".[]()<>=!'\" |&")
_NUMBER_LETTERS: Final = frozenset("+-0123456789.Ee")
_DIGITS: Final = frozenset("0123456789")
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_PAIRS: Final = frozenset({"..", "&&", "||", "==", "!=", ">=", "<="})
_REFERENCE_ENDS: Final = frozenset("]()<>=!'\" |&")
_ESCAPED: Final = {"\\": "\\", "t": "\t", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "'": "'"}


class Tokens:
    """A path and the token in it that is looked at; `place` is behind it. The end is an empty token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.mark = ""
        self.descents = 0
        self.advance()

    def ahead(self) -> str:
        """The token after the present one."""
        pair = self.text[self.place : self.place + 2]
        return pair if pair in _PAIRS else pair[:1]

    def advance(self, skip: bool = False) -> None:
        """Goes on to the next token, with `skip` over spaces."""
        self.mark = self.ahead()
        self.place += len(self.mark)
        if self.mark == "..":
            self.descents += 1
        elif skip and self.mark == " ":
            self._pass_spaces()
            self.advance()

    def _pass_spaces(self) -> None:
        while self.text[self.place : self.place + 1] == " ":
            self.place += 1

    def skip_spaces(self) -> None:
        """Passes spaces, the present token included if it is one."""
        if self.mark == " ":
            self.advance(skip=True)
        else:
            self._pass_spaces()

    def match(self, token: str, skip: bool = False) -> bool:
        """Passes the token if it is the present one; `skip` allows spaces before it, or else passes those behind."""
        if skip and self.mark == " ":
            self._pass_spaces()
            self.advance()
            skip = False
        if self.mark != token:
            return False
        self.advance(skip)
        return True

    def need(self, token: str, skip: bool = False) -> None:
        """Passes the token, which must be there. Raises PathError."""
        if not self.match(token, skip):
            raise PathError(INVALID_PATH)

    def integer(self) -> int:
        """Passes a whole number. Raises PathError."""
        sign = -1 if self.mark == "-" else 1
        if self.mark in ("+", "-"):
            self.advance()
        if self.mark not in _DIGITS:
            raise PathError(INDEX_NOT_NUMBER)
        return sign * int(self._while(_DIGITS)[:19])

    def name(self) -> str:
        """Passes a name without quotes, which may have all but a few characters in it. Raises PathError."""
        if self.mark[:1] in _NAME_ENDS or not self.mark:
            raise PathError(INVALID_NAME)
        return self._until(_NAME_ENDS)

    def number(self) -> str:
        """Passes what may be a number. Raises PathError."""
        if self.mark not in _NUMBER_LETTERS:
            raise PathError(INVALID_NUMBER)
        return self._while(_NUMBER_LETTERS)

    def word(self) -> str:
        """Passes letters and digits."""
        return self._while(_LETTERS | _DIGITS)

    def _while(self, letters: frozenset[str]) -> str:
        return self._scan(lambda letter: letter in letters)

    def _until(self, letters: frozenset[str]) -> str:
        return self._scan(lambda letter: letter not in letters)

    def _scan(self, belongs: Callable[[str], bool]) -> str:
        begin = self.place
        while self.place < len(self.text) and belongs(self.text[self.place]):
            self.place += 1
        found = self.mark + self.text[begin : self.place]
        self.advance()
        return found

    def string(self) -> str:
        """Passes a string in either kind of quotes. Raises PathError."""
        if self.mark == '"':
            found = literal(self._quoted(closing=True))
            return found if isinstance(found, str) else ""
        if self.mark == "'":
            return _unescaped(self._quoted(closing=False))
        raise PathError(INVALID_PATH)

    def string_value(self) -> Json:
        """Passes a string that something is compared with; in single quotes it has the escapes of JSON, too."""
        if self.mark == '"':
            return literal(self._quoted(closing=True))
        return literal(f'"{_requoted(self._quoted(closing=False))}"')

    def _quoted(self, closing: bool) -> str:
        """What stands up to the next such quote that no backslash stands before; with the quotes if `closing`."""
        quote, begin = self.mark, self.place
        end = begin
        while end < len(self.text) and not (
            self.text[end] == quote and (end == begin or self.text[end - 1] != "\\")
        ):
            end += 1
        self.place = min(end + 1, len(self.text))
        found = quote + self.text[begin : self.place] if closing else self.text[begin:end]
        self.advance()
        return found

    def reference(self) -> str:
        """Passes a path that begins with `$`, as far as it goes. Raises PathError."""
        begin = self.place
        quote = ""
        bracket = False
        while self.place < len(self.text):
            letter = self.text[self.place]
            if quote:
                if letter == "\\" and self.text[self.place + 1 : self.place + 2] == quote:
                    self.place += 1
                elif letter == quote:
                    quote = ""
            elif not bracket:
                if letter in _REFERENCE_ENDS:
                    break
                bracket = letter == "["
            elif letter in "\"'":
                quote = letter
            elif letter == "]":
                bracket = False
            elif letter not in "-+0123456789":
                raise PathError(INVALID_PATH)
            self.place += 1
        found = self.mark + self.text[begin : self.place]
        self.advance()
        return found


def literal(text: str) -> Json:
    """A value that stands in a path. Raises PathError."""
    try:
        return parse(text.encode("utf-8", "surrogateescape"))
    except DocumentError:
        raise PathError(MALFORMED_LITERAL) from None


def _unescaped(text: str) -> str:
    """A name in single quotes, of which only few escapes are known; others stay as they are."""
    if "\\" not in text:
        return text
    out = []
    at = 0
    while at < len(text):
        escaped = _ESCAPED.get(text[at + 1 : at + 2]) if text[at] == "\\" else None
        out.append(text[at] if escaped is None else escaped)
        at += 1 if escaped is None else 2
    return "".join(out)


def _requoted(text: str) -> str:
    """What stood in single quotes, as it stands in double quotes."""
    out = []
    for at, letter in enumerate(text):
        if letter == '"':
            out.append('\\"')
        elif letter != "\\" or text[at + 1 : at + 2] != "'":
            out.append(letter)
    return "".join(out)
