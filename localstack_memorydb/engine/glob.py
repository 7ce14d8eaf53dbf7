"""Glob patterns of keys, members and channels, byte for byte as Valkey's stringmatchlen reads them.

https://valkey.io/commands/keys/ : `*`, `?`, `[ae]`, `[^e]`, `[a-b]`, and `\\` to take the next byte literally.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from operator import methodcaller
from typing import Final, TypeAlias

Matcher: TypeAlias = Callable[[bytes], object]
"""Whether a text matches: what it returns is true or not."""

_SPECIAL: Final = re.compile(rb"[*?\[\\]").search
_REMEMBERED: Final = 1024
"""Longer patterns are not compiled: a few clients could fill the memory with them, and compiling takes its time."""
_ANY: Final = frozenset(range(256))


def compile_glob(pattern: bytes) -> Matcher:
    """Whether a text matches the whole pattern.

    As in Valkey, `*` alone does not match an empty text; KEYS and the SCAN commands take it as no pattern at all.
    Ranges compare unsigned bytes, as on the ARM processors that MemoryDB's nodes have.
    """
    return _compiled(pattern) if len(pattern) <= _REMEMBERED else _compiled.__wrapped__(pattern)


@lru_cache(maxsize=1024)
def _compiled(pattern: bytes) -> Matcher:
    if pattern.strip(b"*") == b"" and pattern:
        return bool
    special = _SPECIAL(pattern)
    if special is None:
        return pattern.__eq__
    if special.start() == len(pattern) - 1 and pattern.endswith(b"*"):
        return methodcaller("startswith", pattern[:-1])
    if len(pattern) > _REMEMBERED:
        return _Long(pattern)
    head = pattern[: special.start()]
    return _expression(pattern) if not head else _Headed(head, pattern)


class _Headed:
    """A pattern that begins with plain text. Most texts begin otherwise, so many subscribers' patterns are never compiled."""

    __slots__ = ("_expression", "_head", "_pattern")

    def __init__(self, head: bytes, pattern: bytes) -> None:
        self._head = head
        self._pattern = pattern
        self._expression: Matcher | None = None

    def __call__(self, text: bytes) -> object:
        if not text.startswith(self._head):
            return False
        if self._expression is None:
            self._expression = _expression(self._pattern)
        return self._expression(text)


_Part: TypeAlias = bytes | int | frozenset[int] | None
"""A literal text, so many bytes of any kind, one of these bytes, or a star."""

_PARTS: Final = re.compile(rb"\*+|\?+|\\.|\[\^?(?:\\.|[^\]]-.|[^\]])*+\]?|[^*?\[\\]+|\\", re.DOTALL).finditer


class _Long:
    """A long pattern. It is read only as far as a text agrees with it: a client may send hundreds of megabytes of it."""

    __slots__ = ("_parts", "_rest")

    def __init__(self, pattern: bytes) -> None:
        self._parts: list[_Part] = []
        self._rest: Iterator[re.Match[bytes]] = _PARTS(pattern)

    def __call__(self, text: bytes) -> bool:
        at = place = back = 0
        star: int | None = None
        while True:
            if self._ends(place):
                if at == len(text) or star == place:
                    return True
            elif (part := self._parts[place]) is None:
                place += 1
                star, back = place, at
                continue
            else:
                if len(text) - at < _needed(part):
                    return False  # nor with what the star took
                if _agrees(part, text, at):
                    place, at = place + 1, at + _needed(part)
                    continue
            if star is None:
                return False
            back += 1
            first = self._parts[star]
            if type(first) is bytes and (back := text.find(first, back)) < 0:
                return False
            at, place = back, star

    def _ends(self, place: int) -> bool:
        while len(self._parts) <= place:
            found = next(self._rest, None)
            if found is None:
                return True
            self._parts.append(_part(found.group()))
        return False


def _part(token: bytes) -> _Part:
    match token[:1]:
        case b"*":
            return None
        case b"?":
            return len(token)
        case b"[":
            return _members(token, 1)[0]
        case b"\\" if len(token) > 1:
            return token[1:]
    return token


def _needed(part: bytes | int | frozenset[int]) -> int:
    if type(part) is int:
        return part
    return len(part) if type(part) is bytes else 1


def _agrees(part: bytes | int | frozenset[int], text: bytes, at: int) -> bool:
    if isinstance(part, bytes):
        return text.startswith(part, at)
    return isinstance(part, int) or text[at] in part


def _expression(pattern: bytes) -> Matcher:
    return re.compile(_translate(pattern), re.DOTALL).fullmatch


def compile_globs(patterns: list[bytes]) -> Matcher:
    """Whether a text matches one of the patterns."""
    if any(pattern.strip(b"*") == b"" or len(pattern) > _REMEMBERED for pattern in patterns):
        matchers = [compile_glob(pattern) for pattern in patterns]
        return lambda text: any(matches(text) for matches in matchers)
    return re.compile(b"|".join(map(_translate, patterns)), re.DOTALL).fullmatch


def _translate(pattern: bytes) -> bytes:
    """The regular expression. Between two stars the leftmost match is as good as any, so nothing is tried twice."""
    head, *segments = _segments(pattern)
    if not segments:
        return head
    *middle, tail = segments
    return head + b"".join([b"(?>.*?%b)" % segment for segment in middle]) + b".*" + tail


def _segments(pattern: bytes) -> list[bytes]:
    """What stands between the stars, as regular expressions."""
    segments = [b""]
    at = 0
    while at < len(pattern):
        mark = pattern[at : at + 1]
        at += 1
        if mark == b"*":
            if segments[-1] or len(segments) == 1:
                segments.append(b"")
            continue
        if mark == b"?":
            segments[-1] += b"."
        elif mark == b"[":
            members, at = _members(pattern, at)
            segments[-1] += _one_of(members)
        else:
            if mark == b"\\" and at < len(pattern):
                mark = pattern[at : at + 1]
                at += 1
            segments[-1] += re.escape(mark)
    return segments


_BRACKET: Final = re.compile(rb"(\^?)((?:\\.|[^\]]-.|[^\]])*+)\]?", re.DOTALL).match
_MEMBERS: Final = re.compile(rb"\\.|[^\]]-.|[^\]]", re.DOTALL).finditer


def _members(pattern: bytes, at: int) -> tuple[frozenset[int], int]:
    """The bytes that a bracket takes, and where it ends. An unclosed one ends with the pattern; `]` first closes it."""
    found = _BRACKET(pattern, at)
    assert found is not None  # noqa: S101 - it takes anything, and nothing
    negated, inside = found.groups()
    plain = b"\\" not in inside and b"-" not in inside
    members: set[int] = set(inside) if plain else set()
    for member in () if plain else {each.group() for each in _MEMBERS(inside)}:
        if len(member) == 3:
            low, high = sorted((member[0], member[2]))
            members.update(range(low, high + 1))
        else:
            members.add(member[-1])
    return (_ANY - members if negated else frozenset(members)), found.end()


def _one_of(members: frozenset[int]) -> bytes:
    if not members:
        return b"(?!)"
    return b"[%b]" % b"".join([b"\\x%02x" % member for member in sorted(members)])
