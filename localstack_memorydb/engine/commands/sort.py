"""SORT and SORT_RO. https://valkey.io/commands/sort/

A cluster cannot look up the keys that BY and GET patterns name, so those are refused, as up to Valkey 7.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from localstack_memorydb.engine.buffers import Buffer
from localstack_memorydb.engine.commands.keys import keys
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.errors import CommandError, SyntaxFault, WrongType
from localstack_memorydb.engine.looking import in_order, looking
from localstack_memorydb.engine.numbers import is_plain_number, parse_float, parse_int
from localstack_memorydb.engine.rdb.compact import build_list
from localstack_memorydb.engine.registry import DENYOOM, READONLY, WRITE, one, unknown
from localstack_memorydb.engine.resp import Argv, Reply
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.streams import Stream
from localstack_memorydb.engine.values import Hash, Set, ZSet

_CATEGORIES: Final = "@list @set @sortedset @dangerous"
_NOT_A_SCORE: Final = "ERR One or more scores can't be converted into double"


@dataclass(slots=True)
class _Options:
    """`[BY pattern] [LIMIT offset count] [ASC|DESC] [ALPHA] [STORE destination]`."""

    alpha: bool = False
    descending: bool = False
    unsorted: bool = False
    start: int = 0
    count: int = -1
    destination: bytes | None = None


def _keys(argv: Argv) -> list[bytes]:
    """The keys that a real server finds: the last STORE counts that is not another option's argument."""
    stored: list[bytes] = []
    at = 2
    while at < len(argv) - 1:
        word = argv[at].upper()
        if word == b"STORE":
            stored = [argv[at + 1]]
        at += 1 + _ARGUMENTS.get(word, 0)
    return [argv[1], *stored]


_ARGUMENTS: Final = {b"LIMIT": 2, b"GET": 1, b"BY": 1}


@keys.command(
    "SORT",
    -2,
    WRITE | DENYOOM,
    keys=(*one("RO access"), *unknown("RO access"), *unknown("OW update", b"STORE")),
    finder=_keys,
    category="",
    categories=_CATEGORIES,
)
def sort(s: Session, argv: Argv) -> Reply:
    """The elements of a list, set or sorted set in order, or how many of them were stored."""
    options = _parse(argv, stores=True)
    destination = options.destination
    if destination is None:
        s.unchanged = True
        return _sorted(s, argv[1], options)
    elements = _sorted(s, argv[1], options)
    if elements:
        made = build_list(elements, s.node.cluster.parameters.limits)
        s.node.shard.keyspace.replace(destination, made, s)
        s.effect([b"DEL", destination], [b"RPUSH", destination, *elements])
    else:
        s.unchanged = not s.db.remove(destination)
        s.effect([b"DEL", destination])
    return len(elements)


@keys.command(
    "SORT_RO",
    -2,
    READONLY,
    keys=(*one("RO access"), *unknown("RO access")),
    since="7.0.0",
    category="",
    categories=_CATEGORIES,
)
def sort_ro(s: Session, argv: Argv) -> Reply:
    """SORT without STORE."""
    return _sorted(s, argv[1], _parse(argv, stores=False))


def _parse(argv: Argv, stores: bool) -> _Options:
    options = _Options()
    at = 2
    while at < len(argv):
        word = argv[at].upper()
        left = len(argv) - at - 1
        if word in (b"ASC", b"DESC"):
            options.descending = word == b"DESC"
        elif word == b"ALPHA":
            options.alpha = True
        elif word == b"LIMIT" and left >= 2:
            options.start, options.count = parse_int(argv[at + 1]), parse_int(argv[at + 2])
            at += 2
        elif word == b"STORE" and stores and left:
            at += 1
            options.destination = argv[at]
        elif word == b"BY" and left:
            at += 1
            if b"*" in argv[at]:
                raise CommandError("ERR BY option of SORT denied in Cluster mode.")
            options.unsorted = True
        elif word == b"GET" and left:
            raise CommandError("ERR GET option of SORT denied in Cluster mode.")
        else:
            raise SyntaxFault
        at += 1
    return options


def _sorted(s: Session, key: bytes, options: _Options) -> list[bytes]:
    """The elements that the options choose. Equal scores are ordered by their bytes, so the order is always the same."""
    value = s.db.get(key)
    if isinstance(value, bytes | Buffer | Hash | Stream | Document):
        raise WrongType
    if isinstance(value, ZSet):
        value.encoding = "skiplist"  # Valkey converts it to sort it, and leaves it so
    elements = [] if value is None else value.members() if isinstance(value, Set) else list(value)
    settled = options.destination is not None or s.script is not None
    if options.unsorted and not (isinstance(value, Set) and settled):
        if options.descending and not isinstance(value, Set):
            elements.reverse()
    elif options.alpha or options.unsorted:
        # A set that is stored unsorted would be stored in another order elsewhere, and a script do something else.
        elements = _in_order(elements, _text, options.descending)
    else:
        score = float if all(map(is_plain_number, looking(elements))) else _score
        elements = _in_order(_in_order(elements, None, options.descending), score, options.descending)
    start = max(0, options.start)
    return elements[start:] if options.count < 0 else elements[start : start + options.count]


def _in_order(elements: list[bytes], key: Callable[[bytes], Any] | None, descending: bool) -> list[bytes]:
    """The elements in order; equal ones stay in theirs."""
    if not descending:
        return in_order(elements, key)
    return in_order(elements[::-1], key)[::-1]


def _text(element: bytes) -> bytes:
    """What C's strcoll compares: all up to a zero byte."""
    return element.partition(b"\0")[0]


def _score(element: bytes) -> float:
    """The number that C's strtod reads: the text ends at a zero byte, may begin with blanks, and nothing is 0."""
    text = _text(element)
    return parse_float(text.lstrip(b" \t\n\v\f\r"), _NOT_A_SCORE) if text else 0.0
