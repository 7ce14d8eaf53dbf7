"""Sorted sets, member by member. https://valkey.io/commands/#sorted-set

Ranges are in sorted_set_ranges.py, unions and their kin in sorted_set_algebra.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import repeat
from typing import Final

from localstack_memorydb.engine.blocked import awaited
from localstack_memorydb.engine.errors import (
    CommandError,
    NotFloat,
    OutOfRange,
    SyntaxFault,
    WrongArity,
    WrongType,
)
from localstack_memorydb.engine.looking import MANY, looking
from localstack_memorydb.engine.numbers import (
    INT_MAX,
    format_double,
    format_double_17,
    parse_float,
    parse_int,
    parse_int_in,
)
from localstack_memorydb.engine.options import parse_numkeys, parse_pop_count, parse_timeout
from localstack_memorydb.engine.registry import (
    BLOCKING,
    DENYOOM,
    FAST,
    NOSCRIPT,
    READONLY,
    WRITE,
    Earlier,
    Family,
    counted,
    one,
    span,
)
from localstack_memorydb.engine.resp import NULL_ARRAY, Absent, Argv, Pairs, Reply
from localstack_memorydb.engine.sampling import draw, draw_one, parse_count
from localstack_memorydb.engine.scan import scan_collection
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.values import ZSet

sorted_sets = Family("sorted-set", "@sortedset")

_NOT_A_NUMBER: Final = "ERR resulting score is not a number (NaN)"
_ZADD_WORDS: Final = frozenset({b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR"})


# -- adding -----------------------------------------------------------------------------------------------------------


@sorted_sets.command("ZADD", -4, WRITE | DENYOOM | FAST, keys=one("RW update"), since="1.2.0")
def zadd(s: Session, argv: Argv) -> Reply:
    """Adds members or changes their scores; how many were added, or the new score with INCR."""
    if len(argv) == 4:
        text = argv[2]
        try:
            score = float(text) if text.isdigit() and len(text) < 16 else parse_float(text)
        except NotFloat:
            return _zadd(s, argv)
        found = s.db.get(argv[1])
        if found is None:
            s.db[argv[1]] = found = ZSet()
        elif type(found) is not ZSet:
            raise WrongType
        old = found.scores.get(argv[3])
        if old != score:
            found.put(argv[3], score, s.node.cluster.parameters.limits)
        else:
            s.unchanged = True
        return 1 if old is None else 0
    return _zadd(s, argv)


def _zadd(s: Session, argv: Argv) -> Reply:
    """ZADD with options, or with several members."""
    words, at = _zadd_words(argv)
    given: Iterable[tuple[bytes, bytes]] = zip(argv[at::2], argv[at + 1 :: 2], strict=True)
    if len(argv) > MANY:
        given = looking(given)
    pairs = [(parse_float(score), member) for score, member in given]
    found = s.value(argv[1], ZSet)
    limits = s.node.cluster.parameters.limits
    s.unchanged = True
    if found is None:
        if b"XX" in words:
            return None if b"INCR" in words else 0
        found = ZSet()
        if len(pairs[0][1]) > limits.zset_max_listpack_value:
            found.encoding = "skiplist"
    if len(pairs) > limits.zset_max_listpack_entries and not s.legacy_doubles:
        # 7.2 makes room for all at once, whether or not members repeat.
        found.encoding = "skiplist"
    added = changed = 0
    result: float | None = None
    scores = found.scores
    for score, member in pairs if len(pairs) < MANY else looking(pairs):
        old = scores.get(member)
        result = _new_score(words, old, score) if words else score
        if result is not None and result != old:
            found.put(member, result, limits)
            changed += 1
            added += old is None
    if changed:
        s.unchanged = False
        if argv[1] not in s.db:
            s.db[argv[1]] = found
    if b"INCR" in words:
        return result
    return changed if b"CH" in words else added


def _zadd_words(argv: Argv) -> tuple[set[bytes], int]:
    """The options, and where scores and members begin."""
    words: set[bytes] = set()
    at = 2
    while at < len(argv) and argv[at].upper() in _ZADD_WORDS:
        words.add(argv[at].upper())
        at += 1
    count = len(argv) - at
    if count == 0 or count % 2:
        raise SyntaxFault
    if b"NX" in words and b"XX" in words:
        raise CommandError("ERR XX and NX options at the same time are not compatible")
    if len(words & {b"NX", b"GT", b"LT"}) > 1:
        raise CommandError("ERR GT, LT, and/or NX options at the same time are not compatible")
    if b"INCR" in words and count > 2:
        raise CommandError("ERR INCR option supports a single increment-element pair")
    return words, at


def _new_score(words: set[bytes], old: float | None, score: float) -> float | None:
    """What the member's score becomes; None where the options forbid the change."""
    if old is None:
        return None if b"XX" in words else score
    if b"NX" in words:
        return None
    if b"INCR" in words:
        score += old
        if math.isnan(score):
            raise CommandError(_NOT_A_NUMBER)
    if (b"GT" in words and score <= old) or (b"LT" in words and score >= old):
        return None
    return score


@sorted_sets.command("ZINCRBY", 4, WRITE | DENYOOM | FAST, keys=one("RW access update"), since="1.2.0")
def zincrby(s: Session, argv: Argv) -> Reply:
    """Adds to a member's score; a missing member had 0."""
    _, key, increment, member = argv
    if (
        increment.upper() in _ZADD_WORDS
    ):  # it is ZADD's parser that reads the line, and then a pair is incomplete
        raise SyntaxFault
    score = parse_float(increment)
    found = s.value(key, ZSet)
    old = None if found is None else found.scores.get(member)
    if old is not None:
        score += old
    if math.isnan(score):
        raise CommandError(_NOT_A_NUMBER)
    if score == old:
        s.unchanged = True
        return score
    if found is None:
        s.db[key] = found = ZSet()
    found.put(member, score, s.node.cluster.parameters.limits)
    return score


# -- looking ----------------------------------------------------------------------------------------------------------


@sorted_sets.command("ZCARD", 2, READONLY | FAST, keys=one("RO"), since="1.2.0")
def zcard(s: Session, argv: Argv) -> Reply:
    """The number of members."""
    found = s.value(argv[1], ZSet)
    return 0 if found is None else len(found)


@sorted_sets.command("ZSCORE", 3, READONLY | FAST, keys=one("RO access"), since="1.2.0")
def zscore(s: Session, argv: Argv) -> Reply:
    """A member's score."""
    found = s.value(argv[1], ZSet)
    return None if found is None else found.scores.get(argv[2])


@sorted_sets.command("ZMSCORE", -3, READONLY | FAST, keys=one("RO access"), since="6.2.0")
def zmscore(s: Session, argv: Argv) -> Reply:
    """The scores of several members."""
    found = s.value(argv[1], ZSet)
    if found is None:
        return Absent(repeat(None, len(argv) - 2))
    return [*map(found.scores.get, argv[2:])]


def _rank(s: Session, argv: Argv, reverse: bool) -> Reply:
    with_score = len(argv) > 3
    if len(argv) > 4:
        raise WrongArity(argv[0].decode("latin-1").lower())
    if with_score and argv[3].upper() != b"WITHSCORE":
        raise SyntaxFault
    found = s.value(argv[1], ZSet)
    if found is None or argv[2] not in found:
        return NULL_ARRAY if with_score else None
    rank = found.rank(argv[2])
    place = len(found) - 1 - rank if reverse else rank
    return [place, found.scores[argv[2]]] if with_score else place


@sorted_sets.command(
    "ZRANK", -3, READONLY | FAST, keys=one("RO access"), since="2.0.0", earlier=Earlier("7.2", arity=3)
)
def zrank(s: Session, argv: Argv) -> Reply:
    """A member's position, 0 for the lowest score."""
    return _rank(s, argv, reverse=False)


@sorted_sets.command(
    "ZREVRANK", -3, READONLY | FAST, keys=one("RO access"), since="2.0.0", earlier=Earlier("7.2", arity=3)
)
def zrevrank(s: Session, argv: Argv) -> Reply:
    """A member's position, 0 for the highest score."""
    return _rank(s, argv, reverse=True)


@sorted_sets.command("ZRANDMEMBER", -2, READONLY, keys=one("RO access"), since="6.2.0")
def zrandmember(s: Session, argv: Argv) -> Reply:
    """Random members, with their scores if asked for."""
    random = s.node.cluster.random
    if len(argv) == 2:
        found = s.value(argv[1], ZSet)
        return None if found is None else draw_one(found, random)
    count = parse_count(argv[2])
    with_scores = len(argv) > 3
    if len(argv) > 4 or (with_scores and argv[3].upper() != b"WITHSCORES"):
        raise SyntaxFault
    if with_scores and abs(count) > INT_MAX // 2:
        raise OutOfRange
    found = s.value(argv[1], ZSet)
    if found is None:
        return []
    # All of them are listed from the highest score down, as Valkey goes through sorted sets here.
    members = found.members()[::-1] if count >= len(found) else draw(found, count, random)
    return Pairs((member, found.scores[member]) for member in looking(members)) if with_scores else members


_WHOLE: Final = float(2**62)


@sorted_sets.command("ZSCAN", -3, READONLY, keys=one("RO access"), since="2.8.0")
def zscan(s: Session, argv: Argv) -> Reply:
    """A part of the members with their scores, and the cursor to go on with."""
    cursor, found, members = scan_collection(s, argv, ZSet)
    # Since 7.2 a listpack keeps scores as text in their shortest form; from a skiplist they are printed with all digits.
    # Whole numbers are kept as such there, and printed with all digits.
    packed = found.encoding == "listpack"
    text = format_double if packed and not s.legacy_doubles else format_double_17
    scores = ((member, found.scores[member]) for member in looking(members))
    whole = packed and not s.legacy
    return [
        cursor,
        [
            part
            for member, score in scores
            for part in (member, b"%d" % score if whole and _is_whole(score) else text(score))
        ],
    ]


def _is_whole(score: float) -> bool:
    return -_WHOLE <= score <= _WHOLE and score.is_integer()


# -- removing ---------------------------------------------------------------------------------------------------------


@sorted_sets.command("ZREM", -3, WRITE | FAST, keys=one("RW delete"), since="1.2.0")
def zrem(s: Session, argv: Argv) -> Reply:
    """Removes members; how many there were."""
    found = s.value(argv[1], ZSet)
    removed = (
        0 if found is None else sum(map(found.remove, argv[2:] if len(argv) < MANY else looking(argv[2:])))
    )
    s.unchanged = removed == 0
    if found is not None and not found:
        s.db.remove(argv[1])
    return removed


def take(s: Session, key: bytes, found: ZSet, highest: bool, count: int) -> list[tuple[bytes, float]]:
    """Removes up to `count` members from one end, and the key when none is left."""
    size = len(found)
    count = min(count, size)
    taken = found.cut(size - count, size)[::-1] if highest else found.cut(0, count)
    if not found:
        s.db.remove(key)
    return [(member, score) for score, member in (taken if count < MANY else looking(taken))]


def _pop(s: Session, argv: Argv, highest: bool) -> Reply:
    if len(argv) > 2:
        return _pop_many(s, argv, highest)
    found = s.db.get(argv[1])
    if found is None:
        s.unchanged = True
        return []
    if type(found) is not ZSet:
        raise WrongType
    score, member = found.order.pop(-1 if highest else 0)
    del found.scores[member]
    if not found.scores:
        s.db.remove(argv[1])
    return [member, score]


def _pop_many(s: Session, argv: Argv, highest: bool) -> Reply:
    if len(argv) > 3:
        raise SyntaxFault
    if s.legacy:
        return _pop_legacy(s, argv, highest)
    count = parse_int_in(argv[2], 0, INT_MAX, "ERR value is out of range, must be positive")
    found = s.value(argv[1], ZSet)
    s.unchanged = found is None or count == 0
    return [] if found is None else Pairs(take(s, argv[1], found, highest, count))


def _pop_legacy(s: Session, argv: Argv, highest: bool) -> Reply:
    """6.2 looks at the count before the key, and takes nothing for a negative one."""
    count = parse_int(argv[2])
    found = s.value(argv[1], ZSet) if count > 0 else None
    if found is None:
        s.unchanged = True
        return []
    return Pairs(take(s, argv[1], found, highest, count))


@sorted_sets.command("ZPOPMIN", -2, WRITE | FAST, keys=one("RW access delete"), since="5.0.0")
def zpopmin(s: Session, argv: Argv) -> Reply:
    """Removes the members with the lowest scores."""
    return _pop(s, argv, highest=False)


@sorted_sets.command("ZPOPMAX", -2, WRITE | FAST, keys=one("RW access delete"), since="5.0.0")
def zpopmax(s: Session, argv: Argv) -> Reply:
    """Removes the members with the highest scores."""
    return _pop(s, argv, highest=True)


def _pop_first(
    s: Session, keys: list[bytes], highest: bool, count: int
) -> tuple[bytes, list[tuple[bytes, float]]] | None:
    """Members of the first key that is a sorted set, or None without one."""
    for key in looking(keys):
        found = s.value(key, ZSet)
        if found is not None:
            taken = take(s, key, found, highest, count)
            s.effect([b"ZPOPMAX" if highest else b"ZPOPMIN", key, b"%d" % len(taken)])
            return key, taken
    s.unchanged = True
    return None


def _is_max(word: bytes) -> bool:
    end = word.upper()
    if end not in {b"MIN", b"MAX"}:
        raise SyntaxFault
    return end == b"MAX"


def _nested(popped: tuple[bytes, list[tuple[bytes, float]]]) -> Reply:
    key, taken = popped
    return [key, [list(pair) for pair in looking(taken)]]


@sorted_sets.command("ZMPOP", -4, WRITE, keys=counted("RW access delete"), since="7.0.0")
def zmpop(s: Session, argv: Argv) -> Reply:
    """Removes members from the first of several sorted sets that exists."""
    keys, at = parse_numkeys(argv, 1)
    highest = _is_max(argv[at])
    popped = _pop_first(s, keys, highest, parse_pop_count(argv, at + 1))
    return NULL_ARRAY if popped is None else _nested(popped)


@sorted_sets.command("BZMPOP", -5, WRITE | BLOCKING, keys=counted("RW access delete", at=2), since="7.0.0")
def bzmpop(s: Session, argv: Argv) -> Reply:
    """ZMPOP that waits for one of the sorted sets."""
    keys, at = parse_numkeys(argv, 2)
    highest = _is_max(argv[at])
    count = parse_pop_count(argv, at + 1)
    timeout = parse_timeout(s, argv[1])
    popped = _pop_first(s, awaited(s.blocked, keys), highest, count)
    return s.block(argv, keys, ZSet, timeout, NULL_ARRAY) if popped is None else _nested(popped)


def _blocking_pop(s: Session, argv: Argv, highest: bool) -> Reply:
    timeout = parse_timeout(s, argv[-1])
    keys = argv[1:-1]
    popped = _pop_first(s, awaited(s.blocked, keys), highest, 1)
    if popped is None:
        return s.block(argv, keys, ZSet, timeout, NULL_ARRAY)
    key, ((member, score),) = popped
    return [key, member, score]


@sorted_sets.command(
    "BZPOPMIN",
    -3,
    WRITE | BLOCKING | FAST,
    keys=span("RW access delete", last=-2),
    since="5.0.0",
    earlier=Earlier("7.2", adds=NOSCRIPT),
)
def bzpopmin(s: Session, argv: Argv) -> Reply:
    """Removes the lowest member of the first sorted set that has one; waits for it."""
    return _blocking_pop(s, argv, highest=False)


@sorted_sets.command(
    "BZPOPMAX",
    -3,
    WRITE | BLOCKING | FAST,
    keys=span("RW access delete", last=-2),
    since="5.0.0",
    earlier=Earlier("7.2", adds=NOSCRIPT),
)
def bzpopmax(s: Session, argv: Argv) -> Reply:
    """Removes the highest member of the first sorted set that has one; waits for it."""
    return _blocking_pop(s, argv, highest=True)
