"""Ranges of sorted sets: by position, by score, by member. https://valkey.io/commands/zrange/"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from localstack_memorydb.engine.commands.sorted_sets import sorted_sets
from localstack_memorydb.engine.errors import CommandError, SyntaxFault
from localstack_memorydb.engine.giving_way import made_at_leisure
from localstack_memorydb.engine.looking import MANY, looking
from localstack_memorydb.engine.numbers import parse_int, read_double
from localstack_memorydb.engine.registry import DENYOOM, FAST, READONLY, WRITE, one, two
from localstack_memorydb.engine.resp import Argv, Bulks, Pairs, Reply
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.values import ZSet

Slice: TypeAlias = tuple[int, int]
"""Positions in ascending order, from and up to but not including."""

Finder: TypeAlias = Callable[[ZSet], Slice]

_BAD_SCORE: Final = "ERR min or max is not a float"
_BAD_LEX: Final = "ERR min or max not valid string range item"


# -- where ranges begin and end ---------------------------------------------------------------------------------------


def _score_bound(text: bytes) -> tuple[float, bool]:
    """A score and whether it is excluded."""
    excluded = text.startswith(b"(")
    score = read_double(text[excluded:])
    if score is None:
        raise CommandError(_BAD_SCORE)
    return score, excluded


def by_score(low: bytes, high: bytes) -> Finder:
    """The members with scores from `low` to `high`; `(` excludes one."""
    (least, low_excluded), (most, high_excluded) = _score_bound(low), _score_bound(high)

    def find(found: ZSet) -> Slice:
        return _score_place(found, least, low_excluded), _score_place(found, most, not high_excluded)

    return find


def _score_place(found: ZSet, score: float, after: bool) -> int:
    """The first position with that score or a higher one; `after` it, the first with a higher one."""
    if after:
        if score == math.inf:
            return len(found)
        score = math.nextafter(score, math.inf)
    place: int = found.order.bisect_left((score,))
    return place


LexBound: TypeAlias = tuple[int, bytes]
"""A place among members: -1 is below all, 1 above all, 0 is at the member that follows."""


def _lex_bound(text: bytes) -> tuple[LexBound, bool]:
    """The place, and whether it is excluded."""
    mark = text[:1]
    if mark in {b"(", b"["}:
        return (0, text[1:]), mark == b"("
    if mark in {b"-", b"+"} and text[1:2] in {b"", b"\0"}:
        return (-1 if mark == b"-" else 1, b""), True
    raise CommandError(_BAD_LEX)


def by_lex(low: bytes, high: bytes, reverse: bool = False, offset: int = 0) -> Finder:
    """The members between two strings; `[` includes one, `(` excludes it, `-` and `+` are below and above all.

    The `offset` is of LIMIT: those that it skips are counted as found, and matter where scores differ.
    """
    (least, low_excluded), (most, high_excluded) = _lex_bound(low), _lex_bound(high)

    def find(found: ZSet) -> Slice:
        score = found.order[0][0]
        if score == found.order[-1][0]:
            start = _lex_place(found, score, least, low_excluded)
            return start, _lex_place(found, score, most, not high_excluded)
        return _lex_walk(found, (least, not low_excluded), (most, not high_excluded), reverse, max(offset, 0))

    return find


def _lex_place(found: ZSet, score: float, bound: LexBound, after: bool) -> int:
    """How many members stand before a bound, where all scores are the same."""
    side, member = bound
    if side:
        return 0 if side < 0 else len(found)
    entry = (score, member)
    place: int = found.order.bisect_right(entry) if after else found.order.bisect_left(entry)
    return place


def _lex_walk(
    found: ZSet, low: tuple[LexBound, bool], high: tuple[LexBound, bool], reverse: bool, skipped: int
) -> Slice:
    """The range where scores differ, which the manual leaves open: what Valkey finds in a listpack.

    It looks for the first member within one bound and takes members until one is beyond the other, unseen those that LIMIT skips.
    """
    if low[0] > high[0] or (low[0] == high[0] and not (low[1] and high[1])):
        return 0, 0
    members = [(0, member) for member in looking(found)]
    above = [member > low[0] or (low[1] and member == low[0]) for member in looking(members)]
    below = [member < high[0] or (high[1] and member == high[0]) for member in looking(members)]
    if not (below[0] and above[-1]):
        return 0, 0
    if reverse:
        stop = len(below) - below[::-1].index(True)
        return next((at + 1 for at in range(stop - 1 - skipped, -1, -1) if not above[at]), 0), stop
    start = above.index(True)
    return start, next((at for at in range(start + skipped, len(below)) if not below[at]), len(below))


def by_rank(first: bytes, last: bytes, reverse: bool = False) -> Finder:
    """The members between two positions, both included; negative ones count from the end."""
    start, stop = parse_int(first), parse_int(last)
    return lambda found: _positions(start, stop, len(found), reverse)


def _positions(start: int, stop: int, size: int, reverse: bool) -> Slice:
    begin = max(start + size, 0) if start < 0 else start
    end = min(stop + size if stop < 0 else stop, size - 1)
    if begin > end:
        return 0, 0
    return (size - 1 - end, size - begin) if reverse else (begin, end + 1)


# -- reading ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Query:
    """What a range command asks for. `kind` is rank, score or lex; None while ZRANGE may still choose."""

    kind: str | None = None
    reverse: bool | None = None
    offset: int = 0
    limit: int = -1
    with_scores: bool = False

    def finder(self, low: bytes, high: bytes) -> Finder:
        """The range that the two bounds mean."""
        if self.kind == "rank":
            return by_rank(low, high, bool(self.reverse))
        if self.reverse:
            low, high = high, low
        if self.kind == "score":
            return by_score(low, high)
        return by_lex(low, high, bool(self.reverse), self.offset)

    def pick(self, found: ZSet | None, find: Finder) -> list[tuple[float, bytes]]:
        """Scores and members in the order asked for, cut by LIMIT."""
        if found is None:
            return []
        start, stop = find(found)
        if start >= stop or self.offset < 0:
            return []
        count = stop - start if self.limit < 0 else self.limit
        if self.reverse:
            start, stop = max(start, stop - self.offset - count), stop - self.offset
        else:
            start, stop = start + self.offset, min(stop, start + self.offset + count)
        if start >= stop:
            return []
        picked: list[tuple[float, bytes]] = found.order[start:stop]
        return picked[::-1] if self.reverse else picked


def _read_options(query: Query, argv: Argv, at: int, stored: bool) -> None:
    """The options from `at` on. Raises what Valkey says about the unknown and about combinations."""
    while at < len(argv):
        word = argv[at].upper()
        if word == b"WITHSCORES" and not stored:
            query.with_scores = True
        elif word == b"LIMIT" and at + 2 < len(argv):
            query.offset, query.limit = parse_int(argv[at + 1]), parse_int(argv[at + 2])
            at += 2
        elif word == b"REV" and query.reverse is None:
            query.reverse = True
        elif word == b"BYLEX" and query.kind is None:
            query.kind = "lex"
        elif word == b"BYSCORE" and query.kind is None:
            query.kind = "score"
        else:
            raise SyntaxFault
        at += 1
    query.kind = query.kind or "rank"
    if query.kind == "rank":
        query.offset = 0  # LIMIT with a count of -1 passes, and means nothing
        if query.limit != -1:
            raise CommandError(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
            )
    if query.with_scores and query.kind == "lex":
        raise CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX")


def _range(s: Session, argv: Argv, kind: str | None, reverse: bool | None) -> Reply:
    query = Query(kind, reverse)
    _read_options(query, argv, 4, stored=False)
    find = query.finder(argv[2], argv[3])
    found = s.value(argv[1], ZSet)
    if found is None or len(found) < MANY or -1 < query.limit < MANY:
        return _shown(query, query.pick(found, find))
    return made_at_leisure(s, argv, lambda: _shown(query, query.pick(found, find)))


def _shown(query: Query, picked: list[tuple[float, bytes]]) -> Reply:
    some = picked if len(picked) < MANY else looking(picked)
    if query.with_scores:
        return Pairs([(member, score) for score, member in some])
    return [member for _, member in some]


def _range_of_positions(s: Session, argv: Argv, reverse: bool) -> Reply:
    """The plain form without options, which is most of what is asked."""
    start, stop = parse_int(argv[2]), parse_int(argv[3])
    found = s.value(argv[1], ZSet)
    if found is None:
        return []
    begin, end = _positions(start, stop, len(found), reverse)
    if end - begin < MANY:
        return _at_positions(found, begin, end, reverse)
    return made_at_leisure(s, argv, lambda: _at_positions(found, begin, end, reverse))


def _at_positions(found: ZSet, begin: int, end: int, reverse: bool) -> Bulks:
    picked = found.order[begin:end]
    members = [member for _, member in (picked if len(picked) < MANY else looking(picked))]
    return Bulks(members[::-1] if reverse else members)


@sorted_sets.command("ZRANGE", -4, READONLY, keys=one("RO access"), since="1.2.0")
def zrange(s: Session, argv: Argv) -> Reply:
    """The members in a range of positions, scores or members."""
    if len(argv) == 4:
        return _range_of_positions(s, argv, reverse=False)
    return _range(s, argv, None, None)


@sorted_sets.command("ZREVRANGE", -4, READONLY, keys=one("RO access"), since="1.2.0")
def zrevrange(s: Session, argv: Argv) -> Reply:
    """The members in a range of positions counted from the highest score."""
    if len(argv) == 4:
        return _range_of_positions(s, argv, reverse=True)
    return _range(s, argv, "rank", reverse=True)


@sorted_sets.command("ZRANGEBYSCORE", -4, READONLY, keys=one("RO access"), since="1.0.5")
def zrangebyscore(s: Session, argv: Argv) -> Reply:
    """The members in a range of scores."""
    return _range(s, argv, "score", reverse=False)


@sorted_sets.command("ZREVRANGEBYSCORE", -4, READONLY, keys=one("RO access"), since="2.2.0")
def zrevrangebyscore(s: Session, argv: Argv) -> Reply:
    """The members in a range of scores, highest first."""
    return _range(s, argv, "score", reverse=True)


@sorted_sets.command("ZRANGEBYLEX", -4, READONLY, keys=one("RO access"), since="2.8.9")
def zrangebylex(s: Session, argv: Argv) -> Reply:
    """The members between two strings."""
    return _range(s, argv, "lex", reverse=False)


@sorted_sets.command("ZREVRANGEBYLEX", -4, READONLY, keys=one("RO access"), since="2.8.9")
def zrevrangebylex(s: Session, argv: Argv) -> Reply:
    """The members between two strings, last first."""
    return _range(s, argv, "lex", reverse=True)


@sorted_sets.command("ZRANGESTORE", -5, WRITE | DENYOOM, keys=two("OW update", "RO access"), since="6.2.0")
def zrangestore(s: Session, argv: Argv) -> Reply:
    """Stores a range; answers its size."""
    query = Query()
    _read_options(query, argv, 5, stored=True)
    find = query.finder(argv[3], argv[4])
    picked = query.pick(s.value(argv[2], ZSet), find)
    return keep(
        s,
        argv[1],
        ZSet.of(((member, score) for score, member in looking(picked)), s.node.cluster.parameters.limits),
    )


def keep(s: Session, key: bytes, result: ZSet) -> int:
    """Stores what a command computed in the place of whatever the key held; nothing is no key."""
    if result:
        s.node.shard.keyspace.replace(key, result, s)
    elif s.db.remove(key):
        s.effect([b"DEL", key])
    else:
        s.unchanged = True
    return len(result)


# -- counting and removing --------------------------------------------------------------------------------------------


def _count(s: Session, key: bytes, find: Finder) -> int:
    found = s.value(key, ZSet)
    if found is None:
        return 0
    start, stop = find(found)
    return max(0, stop - start)


@sorted_sets.command("ZCOUNT", 4, READONLY | FAST, keys=one("RO access"), since="2.0.0")
def zcount(s: Session, argv: Argv) -> Reply:
    """How many members have scores in a range."""
    return _count(s, argv[1], by_score(argv[2], argv[3]))


@sorted_sets.command("ZLEXCOUNT", 4, READONLY | FAST, keys=one("RO access"), since="2.8.9")
def zlexcount(s: Session, argv: Argv) -> Reply:
    """How many members are between two strings."""
    return _count(s, argv[1], by_lex(argv[2], argv[3]))


def _remove(s: Session, key: bytes, find: Finder) -> int:
    found = s.value(key, ZSet)
    start, stop = (0, 0) if found is None else find(found)
    if found is None or start >= stop:
        s.unchanged = True
        return 0
    found.cut(start, stop)
    if not found:
        s.db.remove(key)
    return stop - start


@sorted_sets.command("ZREMRANGEBYRANK", 4, WRITE, keys=one("RW delete"), since="2.0.0")
def zremrangebyrank(s: Session, argv: Argv) -> Reply:
    """Removes a range of positions."""
    return _remove(s, argv[1], by_rank(argv[2], argv[3]))


@sorted_sets.command("ZREMRANGEBYSCORE", 4, WRITE, keys=one("RW delete"), since="1.2.0")
def zremrangebyscore(s: Session, argv: Argv) -> Reply:
    """Removes a range of scores."""
    return _remove(s, argv[1], by_score(argv[2], argv[3]))


@sorted_sets.command("ZREMRANGEBYLEX", 4, WRITE, keys=one("RW delete"), since="2.8.9")
def zremrangebylex(s: Session, argv: Argv) -> Reply:
    """Removes the members between two strings."""
    return _remove(s, argv[1], by_lex(argv[2], argv[3]))
