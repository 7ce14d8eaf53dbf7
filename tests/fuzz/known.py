"""Differences that stay, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Line = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What differs, and why it stays."""

    reason: str
    applies: Callable[[Line, bytes, bytes], bool]


def _texts(real: bytes, ours: bytes) -> Callable[[Line, bytes, bytes], bool]:
    return lambda line, one, two: re.match(real, one) is not None and re.match(ours, two) is not None


def _commands(
    names: str, inner: Callable[[Line, bytes, bytes], bool]
) -> Callable[[Line, bytes, bytes], bool]:
    wanted = frozenset(name.encode() for name in names.split())
    return lambda line, one, two: bool(line) and line[0].lower() in wanted and inner(line, one, two)


def _negative_limit(line: Line) -> bool:
    words = [word.upper() for word in line]
    return any(
        word == b"LIMIT" and words[at + 1 : at + 2] and words[at + 1][:1] == b"-"
        for at, word in enumerate(words)
    )


def always(line: Line, one: bytes, two: bytes) -> bool:
    return True


ALWAYS: Final = [
    Known(
        "how a string is kept is found from its content (docs/differences.md), and 9.0 keeps longer ones in one piece",
        _commands("object", _texts(rb"\$\d+\r\n(embstr|raw|int)", rb"\$\d+\r\n(embstr|raw|int)")),
    ),
]

# Valkey 9.1 is newer than the engines that MemoryDB has.
NEWER: Final = [
    Known(
        "scripts: the texts name another product since 8.0",
        _texts(
            rb"-ERR (This Valkey|Unknown|Wrong number of args calling|Attempted to access)",
            rb"-ERR (This Redis|Unknown|Wrong number of args calling|Script attempted to access)",
        ),
    ),
    Known(
        "9.0 shares no integers between keys",
        _commands("object", lambda line, one, two: len(line) > 1 and line[1].lower() == b"refcount"),
    ),
    Known("9.0 checks the time before it looks for the key", _commands("getex", _texts(rb"-", rb"[$_]"))),
    Known(
        "8.0: BITCOUNT's end may be left out", _commands("bitcount", lambda line, one, two: len(line) == 3)
    ),
    Known(
        "8.0 says first that the transaction is spoilt, then that its keys are apart",
        _commands("exec", _texts(rb"-EXECABORT", rb"-CROSSSLOT")),
    ),
    Known(
        "8.0 refuses WATCH in MULTI before it looks at the keys",
        _commands("watch", _texts(rb"-ERR Command 'watch'", rb"-CROSSSLOT")),
    ),
    Known(
        "later releases take a negative offset of LIMIT for none",
        lambda line, one, two: _negative_limit(line),
    ),
    Known(
        "7.2 does not serve WAITAOF in scripts",
        _commands("waitaof", _texts(rb"", rb"-ERR This Redis command is not")),
    ),
    Known(
        "8.0 reads cursors more strictly",
        _commands("scan sscan hscan zscan", _texts(rb"-ERR invalid cursor", rb"")),
    ),
    Known(
        "8.0 refuses what may not stand in MULTI, which spoils the transaction",
        _commands("watch", _texts(rb"-ERR Command '.*' not allowed inside", rb"-ERR WATCH inside")),
    ),
]


def is_known(line: Line, real: bytes, ours: bytes, *, newer: bool) -> bool:
    """Whether the difference is one of those that stay."""
    return any(each.applies(line, real, ours) for each in ([*ALWAYS, *NEWER] if newer else ALWAYS))
