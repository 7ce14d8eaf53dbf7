"""What values of CONFIG's directives may look like, and Valkey's words for those that do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from localstack_memorydb.engine.numbers import INT_MAX, is_integer

Reader: TypeAlias = Callable[[str], "str | dict[str, str]"]
"""Makes of what a client said the value that is kept, or the values of several parameters. Raises Unacceptable."""

C_INT: Final = 2**31 - 1
_MEMORY: Final = re.compile(r"([0-9]{0,20})(b|k|kb|m|mb|g|gb)?", re.IGNORECASE)
_UNITS: Final = {
    "": 1,
    "b": 1,
    "k": 1000,
    "m": 10**6,
    "g": 10**9,
    "kb": 1 << 10,
    "mb": 1 << 20,
    "gb": 1 << 30,
}


class Unacceptable(ValueError):
    """The directive does not take the value; the text is Valkey's reason."""


def read_memory(text: str) -> int | None:
    """Bytes: a number, and a unit if need be (`1k` is 1000, `1kb` is 1024); no digits are 0. None when it is not one."""
    found = _MEMORY.fullmatch(text)
    if found is None or int(found[1] or 0) >= 2**64:
        return None
    return int(found[1] or 0) * _UNITS[(found[2] or "").lower()]


def _within(number: int, low: int, high: int) -> str:
    if not low <= number <= high:
        raise Unacceptable(f"argument must be between {low} and {high} inclusive")
    return str(number)


def integer(low: int = 0, high: int = INT_MAX) -> Reader:
    """A number within bounds."""

    def read(text: str) -> str:
        if not is_integer(text.encode("utf-8", "surrogateescape")):
            raise Unacceptable("argument couldn't be parsed into an integer")
        return _within(int(text), low, high)

    return read


def memory(low: int = 0, high: int = INT_MAX) -> Reader:
    """Bytes within bounds."""

    def read(text: str) -> str:
        number = read_memory(text)
        if number is None:
            raise Unacceptable("argument must be a memory value")
        return _within(number, low, high)

    return read


def switch(text: str) -> str:
    """Yes or no."""
    if text.lower() not in ("yes", "no"):
        raise Unacceptable("argument must be 'yes' or 'no'")
    return text.lower()


def choice(*known: str) -> Reader:
    """One of these words."""

    def read(text: str) -> str:
        if text.lower() not in known:
            raise Unacceptable(f"argument(s) must be one of the following: {', '.join(known)}")
        return text.lower()

    return read
