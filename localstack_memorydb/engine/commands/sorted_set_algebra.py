"""Unions, intersections and differences of sorted sets. https://valkey.io/commands/zunion/

Plain sets may take part: their members count 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from localstack_memorydb.engine.commands.sorted_set_ranges import keep
from localstack_memorydb.engine.commands.sorted_sets import sorted_sets
from localstack_memorydb.engine.errors import CommandError, SyntaxFault, WrongType
from localstack_memorydb.engine.looking import look, looking, parts
from localstack_memorydb.engine.numbers import INT_MAX, parse_float, parse_int, parse_int_in
from localstack_memorydb.engine.registry import DENYOOM, READONLY, WRITE, counted, stored
from localstack_memorydb.engine.resp import Argv, Pairs, Reply
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.values import Set, ZSet

Scores = dict[bytes, float]

_SOURCES: Final = counted("RO access")
_STORED: Final = stored(counted("RO access", at=2))


def _sum(left: float, right: float) -> float:
    """Infinities that cancel each other out are 0."""
    total = left + right
    return 0.0 if math.isnan(total) else total


_AGGREGATES: Final[dict[bytes, Callable[[float, float], float]]] = {b"SUM": _sum, b"MIN": min, b"MAX": max}


@dataclass(slots=True)
class Query:
    """The sources with their weights, how scores are put together, and what is wanted of the result."""

    sources: list[Scores]
    weights: list[float] = field(default_factory=list)
    aggregate: Callable[[float, float], float] = _sum
    with_scores: bool = False
    limit: int = 0

    def weighted(self) -> list[tuple[float, Scores]]:
        """The sources with their weights, smallest first, as Valkey goes through them."""
        pairs = list(zip(self.weights or [1.0] * len(self.sources), self.sources, strict=True))
        return sorted(pairs, key=lambda pair: len(pair[1]))


def _scores(s: Session, key: bytes) -> Scores:
    found = s.db.get(key)
    if found is None:
        return {}
    if isinstance(found, ZSet):
        return found.scores
    if isinstance(found, Set):
        return dict.fromkeys(found.members(), 1.0)
    raise WrongType


def _parse(s: Session, argv: Argv, at: int, operation: str, storing: bool) -> Query:
    """`numkeys key [key ...]` at `at`, and the options of the operation: union, inter, diff or card."""
    count = parse_int(argv[at])
    if count < 1:
        name = argv[0].decode("latin-1").lower()
        shown = name if s.legacy else f"'{name}' command"
        raise CommandError(f"ERR at least 1 input key is needed for {shown}")
    after = at + 1 + count
    if after > len(argv):
        raise SyntaxFault
    keys = argv[at + 1 : after]
    known: dict[bytes, Scores] = {}  # what plain sets count is made only once
    for key in looking(keys):
        if key not in known:
            known[key] = _scores(s, key)
    query = Query([known[key] for key in keys])
    combines = operation in {"union", "inter"}
    while after < len(argv):
        word, left = argv[after].upper(), len(argv) - after
        if combines and word == b"WEIGHTS" and left >= count + 1:
            texts = argv[after + 1 : after + 1 + count]
            query.weights = [parse_float(text, "ERR weight value is not a float") for text in texts]
            after += count + 1
        elif combines and word == b"AGGREGATE" and left >= 2:
            if argv[after + 1].upper() not in _AGGREGATES:
                raise SyntaxFault
            query.aggregate = _AGGREGATES[argv[after + 1].upper()]
            after += 2
        elif word == b"WITHSCORES" and not storing and operation != "card":
            query.with_scores = True
            after += 1
        elif word == b"LIMIT" and operation == "card" and left >= 2:
            query.limit = parse_int_in(argv[after + 1], 0, INT_MAX, "ERR LIMIT can't be negative")
            after += 2
        else:
            raise SyntaxFault
    return query


def _weigh(weight: float, score: float) -> float:
    value = weight * score
    return 0.0 if math.isnan(value) else value


def _union(query: Query) -> Scores:
    result: Scores = {}
    aggregate = query.aggregate
    for weight, scores in query.weighted():
        for part in parts(scores):
            some = part if part is scores else {member: scores[member] for member in part}
            if weight != 1:
                some = {member: _weigh(weight, score) for member, score in some.items()}
            shared = {
                member: aggregate(result[member], some[member]) for member in result.keys() & some.keys()
            }
            result.update(some)
            result.update(shared)
    return result


def _intersection(query: Query) -> Scores:
    (first_weight, first), *others = query.weighted()
    result: Scores = {}
    for part in parts(first, 1 + 10_000 // len(query.sources)):
        for member in part:
            value = _weigh(first_weight, first[member])
            for weight, scores in others:
                if member not in scores:
                    break
                value = query.aggregate(value, weight * scores[member])
            else:
                result[member] = value
    return result


def _difference(query: Query) -> Scores:
    result, *others = query.sources
    for scores in others:
        look()
        result = {member: score for member, score in result.items() if member not in scores}
    return result


_OPERATIONS: Final = {"union": _union, "inter": _intersection, "diff": _difference}


def _answer(s: Session, argv: Argv, operation: str) -> Reply:
    query = _parse(s, argv, 1, operation, storing=False)
    ordered = sorted([(score, member) for member, score in _OPERATIONS[operation](query).items()])
    if query.with_scores:
        return Pairs([(member, score) for score, member in ordered])
    return [member for _, member in ordered]


def _store(s: Session, argv: Argv, operation: str) -> Reply:
    query = _parse(s, argv, 2, operation, storing=True)
    return keep(s, argv[1], ZSet.of(_OPERATIONS[operation](query).items(), s.node.cluster.parameters.limits))


@sorted_sets.command("ZUNION", -3, READONLY, keys=_SOURCES, since="6.2.0")
def zunion(s: Session, argv: Argv) -> Reply:
    """The members of any of the sorted sets."""
    return _answer(s, argv, "union")


@sorted_sets.command("ZINTER", -3, READONLY, keys=_SOURCES, since="6.2.0")
def zinter(s: Session, argv: Argv) -> Reply:
    """The members of all the sorted sets."""
    return _answer(s, argv, "inter")


@sorted_sets.command("ZDIFF", -3, READONLY, keys=_SOURCES, since="6.2.0")
def zdiff(s: Session, argv: Argv) -> Reply:
    """The members of the first sorted set that are in none of the others."""
    return _answer(s, argv, "diff")


@sorted_sets.command("ZUNIONSTORE", -4, WRITE | DENYOOM, keys=_STORED, since="2.0.0")
def zunionstore(s: Session, argv: Argv) -> Reply:
    """Stores the union; answers its size."""
    return _store(s, argv, "union")


@sorted_sets.command("ZINTERSTORE", -4, WRITE | DENYOOM, keys=_STORED, since="2.0.0")
def zinterstore(s: Session, argv: Argv) -> Reply:
    """Stores the intersection; answers its size."""
    return _store(s, argv, "inter")


@sorted_sets.command("ZDIFFSTORE", -4, WRITE | DENYOOM, keys=_STORED, since="6.2.0")
def zdiffstore(s: Session, argv: Argv) -> Reply:
    """Stores the difference; answers its size."""
    return _store(s, argv, "diff")


@sorted_sets.command("ZINTERCARD", -3, READONLY, keys=_SOURCES, since="7.0.0")
def zintercard(s: Session, argv: Argv) -> Reply:
    """How many members all the sorted sets share, counted up to a limit."""
    query = _parse(s, argv, 1, "card", storing=False)
    first, *others = sorted(query.sources, key=len)
    if not query.limit:
        some: AbstractSet[bytes] = first.keys()
        for other in others:
            look()
            some = some & other.keys()
        return len(some)
    shared = 0
    for part in parts(first, 1 + 10_000 // len(query.sources)):
        for member in part:
            if all(member in scores for scores in others):
                shared += 1
                if shared == query.limit:
                    return shared
    return shared
