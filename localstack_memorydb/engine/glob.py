"""Glob patterns of keys, members and channels, byte for byte as Valkey's stringmatchlen reads them.

https://valkey.io/commands/keys/ : `*`, `?`, `[ae]`, `[^e]`, `[a-b]`, and `\\` to take the next byte literally.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from operator import methodcaller
from typing import Final, TypeAlias

Matcher: TypeAlias = Callable[[bytes], object]
"""Whether a text matches: what it returns is true or not."""

_SPECIAL: Final = re.compile(rb"[*?\[\\]").search
_BACKSLASH: Final = 0x5C
_REMEMBERED: Final = 1024
"""Longer patterns are compiled each time, so that a few clients cannot fill the memory with them."""
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


def _expression(pattern: bytes) -> Matcher:
    return re.compile(_translate(pattern), re.DOTALL).fullmatch


def compile_globs(patterns: list[bytes]) -> Matcher:
    """Whether a text matches one of the patterns."""
    if any(pattern.strip(b"*") == b"" for pattern in patterns):
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


def _members(pattern: bytes, at: int) -> tuple[frozenset[int], int]:
    """The bytes that a bracket takes, and where it ends. An unclosed one ends with the pattern; `]` first closes it."""
    negated = pattern[at : at + 1] == b"^"
    at += negated
    members: set[int] = set()
    end = len(pattern)
    while at < end and (pattern[at] != 0x5D):
        if pattern[at] == _BACKSLASH and at + 1 < end:
            members.add(pattern[at + 1])
            at += 2
        elif at + 2 < end and pattern[at + 1] == 0x2D:
            low, high = sorted((pattern[at], pattern[at + 2]))
            members.update(range(low, high + 1))
            at += 3
        else:
            members.add(pattern[at])
            at += 1
    return (_ANY - members if negated else frozenset(members)), min(at + 1, end)


def _one_of(members: frozenset[int]) -> bytes:
    if not members:
        return b"(?!)"
    return b"[%b]" % b"".join([b"\\x%02x" % member for member in sorted(members)])
