"""Compares all that two servers hold: every key's type, encoding, deadline and contents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tests.differential.wire import decode

from . import comparing, known

Line: TypeAlias = tuple[bytes, ...]
Pairs: TypeAlias = list[tuple[bytes, bytes]]

CONTENT: Final[dict[bytes, list[Line]]] = {
    b"string": [(b"GET",)],
    b"list": [(b"LRANGE", b"0", b"-1")],
    b"set": [(b"SMEMBERS",)],
    b"hash": [(b"HGETALL",)],
    b"zset": [(b"ZRANGE", b"0", b"-1", b"WITHSCORES")],
    b"stream": [(b"XRANGE", b"-", b"+"), (b"XINFO STREAM", b"FULL", b"COUNT", b"0")],
}
# Encodings whose order is settled. A set's listpack may have been filled from a hash table (SINTERSTORE).
ORDERED: Final = {b"set": (b"intset",), b"hash": (b"listpack", b"ziplist")}


@dataclass(frozen=True, slots=True)
class Difference:
    """A line whose replies are not the same."""

    what: Line
    expected: bytes
    actual: bytes


def difference_in_what_is_stored(
    ask: Callable[[Iterable[Line]], Pairs], *, newer: bool, version: tuple[int, ...], used: bool = False
) -> Difference | None:
    """The first line that two servers answer otherwise. `ask` plays lines on both."""
    keys = (b"KEYS", b"*")
    ((real, ours),) = ask([keys])
    if not comparing.same(keys, real, ours):
        return Difference(keys, real, ours)
    names = [each.value for each in decode(real).children if isinstance(each.value, bytes)]
    about = [(b"TYPE",), (b"OBJECT", b"ENCODING"), (b"PEXPIRETIME",)]
    if version < (7, 0):
        about.pop()
    if used:  # when each was used for the last time
        about.append((b"OBJECT", b"IDLETIME"))
    lines = [(*words, name) for name in names for words in about]
    replies = ask(lines)
    for line, (real, ours) in zip(lines, replies, strict=True):
        if not comparing.same(line, real, ours) and not known.is_known(line, real, ours, newer=newer):
            return Difference(line, real, ours)
    contents = []
    for at, name in enumerate(names):
        kind, encoding = (reply for reply, _ in replies[at * len(about) : at * len(about) + 2])
        for words in CONTENT[kind[1:-2]]:
            ordered = encoding.split(b"\r\n")[1] in ORDERED.get(kind[1:-2], ())
            contents.append(((*words[0].split(), name, *words[1:]), ordered))
    answers = ask([line for line, _ in contents])
    for (line, ordered), (real, ours) in zip(contents, answers, strict=True):
        if real == ours or (not ordered and comparing.same(line, real, ours)):
            continue
        if not known.is_known(line, real, ours, newer=newer):
            return Difference(line, real, ours)
    return None
