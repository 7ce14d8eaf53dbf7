"""Lists. https://valkey.io/commands/#list"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from localstack_memorydb.engine.blocked import awaited
from localstack_memorydb.engine.errors import CommandError, NoSuchKey, SyntaxFault, WrongArity, WrongType
from localstack_memorydb.engine.giving_way import made_at_leisure
from localstack_memorydb.engine.looking import MANY, looking
from localstack_memorydb.engine.numbers import INT_MAX, INT_MIN, parse_int, parse_int_in
from localstack_memorydb.engine.options import parse_numkeys, parse_pop_count, parse_timeout
from localstack_memorydb.engine.rdb.compact import note_full
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
    two,
)
from localstack_memorydb.engine.resp import NULL_ARRAY, OK, Argv, Bulks, Reply
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.values import List, Value

lists = Family("list", "@list")

_FEW: Final = 16
_MOVES = two("RW access delete", "RW insert")


# -- pushing ----------------------------------------------------------------------------------------------------------


@lists.command("LPUSH", -3, WRITE | DENYOOM | FAST, keys=one("RW insert"))
def lpush(s: Session, argv: Argv) -> Reply:
    """Adds elements before the first."""
    found = s.db.get(argv[1])
    if found is None:
        s.db[argv[1]] = found = List()
    elif type(found) is not List:
        raise WrongType
    if len(argv) == 3:
        found.appendleft(argv[2])
    else:
        found.extendleft(argv[2:])
    return len(found)


@lists.command("RPUSH", -3, WRITE | DENYOOM | FAST, keys=one("RW insert"))
def rpush(s: Session, argv: Argv) -> Reply:
    """Adds elements after the last."""
    found = s.db.get(argv[1])
    if found is None:
        s.db[argv[1]] = found = List()
    elif type(found) is not List:
        raise WrongType
    if len(argv) == 3:
        found.append(argv[2])
    else:
        found.extend(argv[2:])
    return len(found)


@lists.command("LPUSHX", -3, WRITE | DENYOOM | FAST, keys=one("RW insert"), since="2.2.0")
def lpushx(s: Session, argv: Argv) -> Reply:
    """Adds elements before the first of a list that exists."""
    found = s.value(argv[1], List)
    if found is None:
        s.unchanged = True
        return 0
    found.extendleft(argv[2:])
    return len(found)


@lists.command("RPUSHX", -3, WRITE | DENYOOM | FAST, keys=one("RW insert"), since="2.2.0")
def rpushx(s: Session, argv: Argv) -> Reply:
    """Adds elements after the last of a list that exists."""
    found = s.value(argv[1], List)
    if found is None:
        s.unchanged = True
        return 0
    found.extend(argv[2:])
    return len(found)


@lists.command("LINSERT", 5, WRITE | DENYOOM, keys=one("RW insert"), since="2.2.0")
def linsert(s: Session, argv: Argv) -> Reply:
    """Adds an element before or after another; -1 when there is no such element."""
    _, key, where, pivot, element = argv
    place = where.upper()
    if place not in {b"BEFORE", b"AFTER"}:
        raise SyntaxFault
    s.unchanged = True
    found = s.value(key, List)
    if found is None:
        return 0
    note_full(found, s.node.cluster.parameters.limits)
    try:
        at = found.index(pivot)
    except ValueError:
        return -1
    found.insert(at + (place == b"AFTER"), element)
    s.unchanged = False
    return len(found)


# -- popping ----------------------------------------------------------------------------------------------------------


def _take(s: Session, key: bytes, found: List, left: bool, count: int) -> list[bytes]:
    """Removes up to `count` elements from one end, and the key when none is left."""
    pop = found.popleft if left else found.pop
    some = range(min(count, len(found)))
    taken = [pop() for _ in (some if count < MANY else looking(some))]
    if not found:
        s.db.remove(key)
    return taken


@lists.command("LPOP", -2, WRITE | FAST, keys=one("RW access delete"))
def lpop(s: Session, argv: Argv) -> Reply:
    """Removes the first element, or the first `count`."""
    if len(argv) > 2:
        return _pop_many(s, argv, left=True)
    found = s.db.get(argv[1])
    if type(found) is not List:
        return _nothing(s, found)
    element = found.popleft()
    if not found:
        s.db.remove(argv[1])
    return element


@lists.command("RPOP", -2, WRITE | FAST, keys=one("RW access delete"))
def rpop(s: Session, argv: Argv) -> Reply:
    """Removes the last element, or the last `count`."""
    if len(argv) > 2:
        return _pop_many(s, argv, left=False)
    found = s.db.get(argv[1])
    if type(found) is not List:
        return _nothing(s, found)
    element = found.pop()
    if not found:
        s.db.remove(argv[1])
    return element


def _nothing(s: Session, found: Value | None) -> None:
    """The reply where there is no list to pop from. Raises WrongType."""
    if found is not None:
        raise WrongType
    s.unchanged = True


def _pop_many(s: Session, argv: Argv, left: bool) -> Reply:
    if len(argv) > 3:
        raise WrongArity(argv[0].decode("latin-1").lower())
    count = parse_int_in(argv[2], 0, INT_MAX, "ERR value is out of range, must be positive")
    found = s.value(argv[1], List)
    if found is None or count == 0:
        s.unchanged = True
        return [] if found is not None else NULL_ARRAY
    return _take(s, argv[1], found, left, count)


def _is_left(word: bytes) -> bool:
    end = word.upper()
    if end not in {b"LEFT", b"RIGHT"}:
        raise SyntaxFault
    return end == b"LEFT"


def _pop_first(s: Session, keys: list[bytes], left: bool, count: int) -> Reply:
    """Elements of the first key that is a list: (key, elements), or None without one."""
    for key in looking(keys):
        found = s.value(key, List)
        if found is not None:
            taken = _take(s, key, found, left, count)
            s.effect([b"LPOP" if left else b"RPOP", key, b"%d" % len(taken)])
            return [key, taken]
    s.unchanged = True
    return None


@lists.command("LMPOP", -4, WRITE, keys=counted("RW access delete"), since="7.0.0")
def lmpop(s: Session, argv: Argv) -> Reply:
    """Removes elements from the first of several lists that exists."""
    keys, at = parse_numkeys(argv, 1)
    left = _is_left(argv[at])
    count = parse_pop_count(argv, at + 1)
    popped = _pop_first(s, keys, left, count)
    return NULL_ARRAY if popped is None else popped


@lists.command("BLMPOP", -5, WRITE | BLOCKING, keys=counted("RW access delete", at=2), since="7.0.0")
def blmpop(s: Session, argv: Argv) -> Reply:
    """LMPOP that waits for one of the lists."""
    keys, at = parse_numkeys(argv, 2)
    left = _is_left(argv[at])
    count = parse_pop_count(argv, at + 1)
    timeout = parse_timeout(s, argv[1])
    popped = _pop_first(s, awaited(s.blocked, keys), left, count)
    return s.block(argv, keys, List, timeout, NULL_ARRAY) if popped is None else popped


def _blocking_pop(s: Session, argv: Argv, left: bool) -> Reply:
    timeout = parse_timeout(s, argv[-1])
    keys = argv[1:-1]
    popped = _pop_first(s, awaited(s.blocked, keys), left, 1)
    if popped is None:
        return s.block(argv, keys, List, timeout, NULL_ARRAY)
    key, (element,) = popped
    s.effect([b"LPOP" if left else b"RPOP", key])
    return [key, element]


@lists.command(
    "BLPOP",
    -3,
    WRITE | BLOCKING,
    keys=span("RW access delete", last=-2),
    since="2.0.0",
    earlier=Earlier("7.2", adds=NOSCRIPT),
)
def blpop(s: Session, argv: Argv) -> Reply:
    """Removes the first element of the first list that has one; waits for it."""
    return _blocking_pop(s, argv, left=True)


@lists.command(
    "BRPOP",
    -3,
    WRITE | BLOCKING,
    keys=span("RW access delete", last=-2),
    since="2.0.0",
    earlier=Earlier("7.2", adds=NOSCRIPT),
)
def brpop(s: Session, argv: Argv) -> Reply:
    """Removes the last element of the first list that has one; waits for it."""
    return _blocking_pop(s, argv, left=False)


# -- moving -----------------------------------------------------------------------------------------------------------


def _move(s: Session, source: bytes, destination: bytes, take_left: bool, put_left: bool) -> bytes | None:
    """Moves one element between the ends of two lists, which may be the same."""
    found = s.value(source, List)
    if found is None:
        s.unchanged = True
        return None
    target = s.value(destination, List)
    element = found.popleft() if take_left else found.pop()
    if target is None:
        target = List()
        s.db.put(destination, target)
    if put_left:
        target.appendleft(element)
    else:
        target.append(element)
    if not found:
        s.db.remove(source)
    return element


def _ends(take_left: bool, put_left: bool) -> list[bytes]:
    return [b"LEFT" if left else b"RIGHT" for left in (take_left, put_left)]


@lists.command("LMOVE", 5, WRITE | DENYOOM, keys=_MOVES, since="6.2.0")
def lmove(s: Session, argv: Argv) -> Reply:
    """Moves an element from an end of one list to an end of another."""
    take_left, put_left = _is_left(argv[3]), _is_left(argv[4])
    return _move(s, argv[1], argv[2], take_left, put_left)


@lists.command("RPOPLPUSH", 3, WRITE | DENYOOM, keys=_MOVES, since="1.2.0")
def rpoplpush(s: Session, argv: Argv) -> Reply:
    """Moves the last element of a list to the front of another."""
    return _move(s, argv[1], argv[2], take_left=False, put_left=True)


def _blocking_move(s: Session, argv: Argv, take_left: bool, put_left: bool) -> Reply:
    timeout = parse_timeout(s, argv[-1])
    source, destination = argv[1], argv[2]
    element = _move(s, source, destination, take_left, put_left)
    if element is None:
        # A list of the wrong type at the destination only matters once there is something to move.
        return s.block(argv, [source], List, timeout, None)
    s.effect([b"LMOVE", source, destination, *_ends(take_left, put_left)])
    return element


@lists.command(
    "BLMOVE", 6, WRITE | DENYOOM | BLOCKING, keys=_MOVES, since="6.2.0", earlier=Earlier("7.2", adds=NOSCRIPT)
)
def blmove(s: Session, argv: Argv) -> Reply:
    """LMOVE that waits for an element."""
    take_left, put_left = _is_left(argv[3]), _is_left(argv[4])
    return _blocking_move(s, argv, take_left, put_left)


@lists.command(
    "BRPOPLPUSH",
    4,
    WRITE | DENYOOM | BLOCKING,
    keys=_MOVES,
    since="2.2.0",
    earlier=Earlier("7.2", adds=NOSCRIPT),
)
def brpoplpush(s: Session, argv: Argv) -> Reply:
    """RPOPLPUSH that waits for an element."""
    return _blocking_move(s, argv, take_left=False, put_left=True)


# -- reading and changing in place ------------------------------------------------------------------------------------


@lists.command("LLEN", 2, READONLY | FAST, keys=one("RO"))
def llen(s: Session, argv: Argv) -> Reply:
    """The number of elements."""
    found = s.value(argv[1], List)
    return 0 if found is None else len(found)


@lists.command("LINDEX", 3, READONLY, keys=one("RO access"))
def lindex(s: Session, argv: Argv) -> Reply:
    """The element at an index; negative ones count from the end."""
    found = s.value(argv[1], List)
    if found is None:
        return None
    at = parse_int(argv[2])
    return found[at] if -len(found) <= at < len(found) else None


@lists.command("LSET", 4, WRITE | DENYOOM, keys=one("RW update"))
def lset(s: Session, argv: Argv) -> Reply:
    """Replaces the element at an index."""
    found = s.value(argv[1], List)
    if found is None:
        raise NoSuchKey
    at = parse_int(argv[2])
    if s.table.level >= (7, 2):  # which keeps the index in a C int from here on
        at = (at + 2**31) % 2**32 - 2**31
    note_full(found, s.node.cluster.parameters.limits)
    if not -len(found) <= at < len(found):
        raise CommandError("ERR index out of range")
    found[at] = argv[3]
    return OK


def _bounds(first: bytes, last: bytes, length: int) -> tuple[int, int]:
    """Inclusive indexes, negative ones counted from the end, as a half-open range within the list."""
    start, stop = parse_int(first), parse_int(last)
    start = max(start + length, 0) if start < 0 else start
    stop = stop + length if stop < 0 else min(stop, length - 1)
    return (start, stop + 1) if start <= stop and start < length else (0, 0)


@lists.command("LRANGE", 4, READONLY, keys=one("RO access"))
def lrange(s: Session, argv: Argv) -> Reply:
    """The elements between two indexes."""
    found = s.db.get(argv[1], _NONE)
    start, stop = _bounds(argv[2], argv[3], len(found))
    if type(found) is not List:
        raise WrongType
    near = min(start, len(found) - stop)
    if stop - start <= _PICKED and near > 32 * (stop - start):  # to go to each of few takes less than a walk
        return [found[at] for at in range(start, stop)]
    if start > len(found) // 2:  # deques are walked from the nearer end
        backwards = islice(reversed(found), len(found) - stop, len(found) - start)
        return Bulks(list(backwards)[::-1])
    if stop - start < MANY:
        return Bulks(found if stop - start == len(found) else islice(found, start, stop))
    return made_at_leisure(s, argv, lambda: Bulks(islice(found, start, stop)))


_PICKED: Final = 128
_NONE = List()  # stands for a key that does not exist; never changed


@lists.command("LTRIM", 4, WRITE, keys=one("RW delete"))
def ltrim(s: Session, argv: Argv) -> Reply:
    """Keeps only the elements between two indexes."""
    key = argv[1]
    found = s.db.get(key, _NONE)
    start, stop = _bounds(argv[2], argv[3], len(found))
    if type(found) is not List:
        raise WrongType
    if not found:
        s.unchanged = True
    elif start == stop:  # nothing is kept
        s.db.remove(key)
        return OK
    for _ in looking(range(len(found) - stop)):
        found.pop()
    for _ in looking(range(start)):
        found.popleft()
    return OK


@lists.command("LREM", 4, WRITE, keys=one("RW delete"))
def lrem(s: Session, argv: Argv) -> Reply:
    """Removes elements that equal one: the first `count`, the last when negative, all when 0."""
    _, key, word, element = argv
    count = parse_int(word) if s.table.level < (7, 2) else parse_int_in(word, -INT_MAX, INT_MAX)
    found = s.value(key, List)
    removed = 0 if found is None else _drop(found, element, count)
    s.unchanged = not removed
    if not found and removed:
        s.db.remove(key)
    return removed


def _drop(found: List, element: bytes, count: int) -> int:
    """Removes the first `count` elements that equal one, the last when negative, or all when 0; how many there were."""
    size = len(found)
    if 0 < abs(count) <= _FEW:
        if count < 0:
            found.reverse()
        with suppress(ValueError):
            for _ in range(abs(count)):
                found.remove(element)
        if count < 0:
            found.reverse()
        return size - len(found)
    matches = found.count(element)
    left = min(matches, abs(count) or matches)
    # The list turns once past its end, so that it takes one pass wherever the elements are.
    take, put = (found.pop, found.appendleft) if count < 0 else (found.popleft, found.append)
    for _ in range(size if matches else 0):
        taken = take()
        if left and taken == element:
            left -= 1
        else:
            put(taken)
    return size - len(found)


@lists.command("LPOS", -3, READONLY, keys=one("RO access"), since="6.0.6")
def lpos(s: Session, argv: Argv) -> Reply:
    """Where an element stands: the index of one match, or an array of `COUNT` of them."""
    rank, count, most = _lpos_options(s, argv)
    found = s.value(argv[1], List)
    if found is None:
        return None if count is None else []
    if count is not None:
        return list(islice(_matches(found, argv[2], rank, most), count or None))
    if rank != 1:
        return next(_matches(found, argv[2], rank, most), None)
    try:  # the usual question needs no copy
        return found.index(argv[2], 0, most or len(found))
    except ValueError:
        return None


def _matches(found: List, element: bytes, rank: int, most: int) -> Iterator[int]:
    """Where the element stands, from the `rank`-th match on; backwards if that is negative.

    At most `most` elements are compared (0: all).
    """
    elements = list(islice(found if rank > 0 else reversed(found), most or None))
    at = -1
    skipped = 1
    while True:
        try:
            at = elements.index(element, at + 1)
        except ValueError:
            return
        if skipped < abs(rank):
            skipped += 1
        else:
            yield at if rank > 0 else len(found) - 1 - at


def _lpos_options(s: Session, argv: Argv) -> tuple[int, int | None, int]:
    rank: int = 1
    count: int | None = None
    most = 0
    for at in range(3, len(argv), 2):
        option = argv[at].upper()
        if option not in {b"RANK", b"COUNT", b"MAXLEN"} or at + 1 == len(argv):
            raise SyntaxFault
        if option == b"RANK":
            rank = parse_int(argv[at + 1])
            if rank == INT_MIN and not s.legacy_doubles:
                raise CommandError(
                    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
                )
            if rank == 0:
                further = ", ..." if s.legacy else " ... or use negative to start from the end of the list"
                raise CommandError(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second" + further
                )
        elif option == b"COUNT":
            count = parse_int_in(argv[at + 1], 0, INT_MAX, "ERR COUNT can't be negative")
        else:
            most = parse_int_in(argv[at + 1], 0, INT_MAX, "ERR MAXLEN can't be negative")
    if rank == INT_MIN:  # its opposite is itself: every match comes after it, and none is the last wanted
        return -1, None if count is None else 0, most
    return rank, count, most
