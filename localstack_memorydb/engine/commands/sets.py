"""Sets. https://valkey.io/commands/#set

An intset is listed in ascending order, a listpack in the order in which members were added; what a command combines is
listed and stored as if its members had been added one after the other, as Valkey does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice, repeat
from typing import Final

from localstack_memorydb.engine.errors import CommandError, SyntaxFault
from localstack_memorydb.engine.giving_way import made_at_leisure
from localstack_memorydb.engine.looking import MANY, look, looking
from localstack_memorydb.engine.numbers import INT_MAX, is_integer, parse_int_in
from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.registry import (
    DENYOOM,
    FAST,
    MOVABLE_KEYS,
    READONLY,
    WRITE,
    Family,
    counted,
    one,
    span,
    stored,
    two,
)
from localstack_memorydb.engine.resp import Absent, Argv, Reply, Unordered
from localstack_memorydb.engine.sampling import draw, draw_one, parse_count
from localstack_memorydb.engine.scan import scan_collection
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.values import Set

sets = Family("set", "@set")


def _limits(s: Session) -> Limits:
    """Up to where sets stay compact; before 7.2 there was no listpack of them."""
    return s.node.cluster.parameters.limits


# -- one set ----------------------------------------------------------------------------------------------------------


def _open(s: Session, key: bytes, members: Sequence[bytes]) -> Set:
    """The set to add `members` to, made if there is none. Raises WrongType."""
    found = s.value(key, Set)
    limits = _limits(s)
    if found is None:
        found = s.db[key] = Set()
        if not is_integer(members[0]) or len(members) > limits.set_max_intset_entries:
            found.encoding = "listpack" if len(members) <= limits.set_max_listpack_entries else "hashtable"
    elif limits.set_max_listpack_entries and (
        (found.encoding == "listpack" and len(members) > limits.set_max_listpack_entries)
        or (found.encoding == "intset" and len(members) > limits.set_max_intset_entries)
    ):
        found.encoding = "hashtable"
    return found


@sets.command("SADD", -3, WRITE | DENYOOM | FAST, keys=one("RW insert"))
def sadd(s: Session, argv: Argv) -> Reply:
    """Adds members; answers how many are new."""
    found = s.db.get(argv[1])
    if len(argv) > 3 or type(found) is not Set:
        return _add_many(s, argv[1], argv[2:])
    member = argv[2]
    if member in found:
        s.unchanged = True
        return 0
    if found.encoding == "hashtable" and found.pool is None:
        found[member] = None
    else:
        found.add(member, _limits(s))
    return 1


def _add_many(s: Session, key: bytes, members: Sequence[bytes]) -> int:
    found = _open(s, key, members)
    before = len(found)
    if found.encoding == "hashtable" and found.pool is None:
        found.update(dict.fromkeys(members))
    else:
        limits = _limits(s)
        for member in members if len(members) < MANY else looking(members):
            if member not in found:
                found.add(member, limits)
    added = len(found) - before
    if not added:
        s.unchanged = True
    return added


@sets.command("SREM", -3, WRITE | FAST, keys=one("RW delete"))
def srem(s: Session, argv: Argv) -> Reply:
    """Removes members; the key goes with the last one."""
    found = s.value(argv[1], Set)
    removed = 0
    if found is not None:
        for member in argv[2:] if len(argv) < MANY else looking(argv[2:]):
            removed += found.discard(member)
        if not found:
            s.db.remove(argv[1])
    if not removed:
        s.unchanged = True
    return removed


@sets.command("SMOVE", 4, WRITE | FAST, keys=two("RW access delete", "RW insert"))
def smove(s: Session, argv: Argv) -> Reply:
    """Moves a member from one set to another."""
    _, key, target, member = argv
    s.unchanged = True
    source = s.value(key, Set)
    if source is None:
        return 0
    destination = s.value(target, Set)
    if source is destination or member not in source:
        return int(member in source)
    s.unchanged = False
    source.discard(member)
    if not source:
        s.db.remove(key)
    if destination is not None and member in destination:
        s.effect([b"SREM", key, member])
    else:
        _open(s, target, (member,)).add(member, _limits(s))
    return 1


@sets.command("SISMEMBER", 3, READONLY | FAST, keys=one("RO"))
def sismember(s: Session, argv: Argv) -> Reply:
    """Whether it is a member."""
    found = s.value(argv[1], Set)
    return int(found is not None and argv[2] in found)


@sets.command("SMISMEMBER", -3, READONLY | FAST, keys=one("RO access"), since="6.2.0")
def smismember(s: Session, argv: Argv) -> Reply:
    """Whether each of these is a member."""
    found = s.value(argv[1], Set)
    if found is None:
        return Absent(repeat(0, len(argv) - 2))
    members = argv[2:] if len(argv) < MANY else looking(argv[2:])
    return [int(member in found) for member in members]


@sets.command("SCARD", 2, READONLY | FAST, keys=one("RO"))
def scard(s: Session, argv: Argv) -> Reply:
    """How many members there are."""
    return len(s.value(argv[1], Set) or ())


@sets.command("SMEMBERS", 2, READONLY, keys=one("RO access"))
def smembers(s: Session, argv: Argv) -> Reply:
    """All members."""
    found = s.value(argv[1], Set)
    if found is None:
        return Unordered()
    if len(found) < MANY:
        return Unordered(found.members())
    return made_at_leisure(s, argv, lambda: Unordered(found.members()))


@sets.command("SSCAN", -3, READONLY, keys=one("RO access"), since="2.8.0")
def sscan(s: Session, argv: Argv) -> Reply:
    """The next part of the members."""
    cursor, _, members = scan_collection(s, argv, Set)
    return [cursor, members]


# -- random members ---------------------------------------------------------------------------------------------------


@sets.command("SRANDMEMBER", -2, READONLY, keys=one("RO access"))
def srandmember(s: Session, argv: Argv) -> Reply:
    """A random member, or `count` of them: different ones, or with repetitions if it is negative."""
    random = s.node.cluster.random
    if len(argv) == 2:
        found = s.value(argv[1], Set)
        return None if found is None else draw_one(found, random)
    if len(argv) > 3:
        raise SyntaxFault
    count = parse_count(argv[2])
    found = s.value(argv[1], Set)
    return [] if found is None else draw(found, count, random)


@sets.command("SPOP", -2, WRITE | FAST, keys=one("RW access delete"))
def spop(s: Session, argv: Argv) -> Reply:
    """Removes and returns a random member, or `count` of them. The log says which."""
    key = argv[1]
    if len(argv) > 2:
        return _pop_many(s, argv)
    found = s.value(key, Set)
    if found is None:
        s.unchanged = True
        return None
    member = draw_one(found, s.node.cluster.random)
    found.discard(member)
    if not found:
        s.db.remove(key)
    s.effect([b"SREM", key, member])
    return member


def _pop_many(s: Session, argv: Argv) -> Reply:
    if len(argv) > 3:
        raise SyntaxFault
    count = parse_int_in(argv[2], 0, INT_MAX, "ERR value is out of range, must be positive")
    key = argv[1]
    found = s.value(key, Set)
    if found is None or count == 0:
        s.unchanged = True
        return Unordered()
    limits = _limits(s)
    if count >= len(found):
        s.db.remove(key)
        s.effect([b"DEL", key])
        return Unordered(_assemble(found.members(), limits).members())
    chosen = draw(found, count, s.node.cluster.random)
    for member in looking(chosen):
        found.discard(member)
    if len(found) * 5 <= count and found.encoding == "hashtable":
        # Valkey then makes a new set of the few that remain, and that may be compact again.
        found.encoding = _encoding_of_rest(found, limits)
    s.effect([b"SREM", key, *chosen])
    return Unordered(chosen)


def _encoding_of_rest(found: Set, limits: Limits) -> str:
    if not limits.set_max_listpack_entries:
        return _assemble(found, limits).encoding
    rest = Set()
    rest.encoding = "listpack"
    for member in islice(found, limits.set_max_listpack_entries + 1):
        rest.add(member, limits)
    return rest.encoding


# -- several sets -----------------------------------------------------------------------------------------------------


def _sources(s: Session, keys: Iterable[bytes]) -> list[Set | None]:
    """The sets; None where there is no key. Raises WrongType, whatever the others are."""
    return [s.value(key, Set) for key in looking(keys)]


def _assemble(members: Iterable[bytes], limits: Limits) -> Set:
    """A set to which the members were added one after the other."""
    result = Set()
    rest = iter(members)
    for member in rest:
        if member not in result:
            result.add(member, limits)
            if result.encoding == "hashtable":
                result.update(dict.fromkeys(rest))
    return result


def _keep(s: Session, key: bytes, result: Set) -> int:
    """Stores what a command computed in the place of whatever the key held; nothing is no key."""
    if result:
        s.db.put(key, result)
    elif s.db.remove(key):
        s.effect([b"DEL", key])
    else:
        s.unchanged = True
    return len(result)


def _union(s: Session, keys: Argv) -> Set:
    found = {id(each): each for each in _sources(s, keys) if each is not None}
    return _assemble(chain.from_iterable(map(Set.members, looking(found.values(), 1))), _limits(s))


@sets.command("SUNION", -2, READONLY, keys=span("RO access"))
def sunion(s: Session, argv: Argv) -> Reply:
    """The members of any of the sets."""
    return Unordered(_union(s, argv[1:]).members())


@sets.command("SUNIONSTORE", -3, WRITE | DENYOOM, keys=stored(span("RO access", at=2)))
def sunionstore(s: Session, argv: Argv) -> Reply:
    """Stores the union; answers its size."""
    return _keep(s, argv[1], _union(s, argv[2:]))


def _difference(s: Session, keys: Argv) -> Set:
    first, *subtracted = _sources(s, keys)
    others = [each for each in subtracted if each is not None]
    if first is None or any(each is first for each in others):
        return Set()
    members = left = first.members()
    for each in others:
        left = [member for member in left if member not in each]
        look()
    limits = _limits(s)
    if len(first) * (len(others) + 1) // 2 <= len(first) + sum(map(len, others)):
        return _assemble(left, limits)
    # With many small sets Valkey adds all of the first one and removes the rest: the encoding may stay the larger one.
    result = _assemble(members, limits)
    for member in {*members}.difference(left):
        del result[member]
    return result


@sets.command("SDIFF", -2, READONLY, keys=span("RO access"))
def sdiff(s: Session, argv: Argv) -> Reply:
    """The members of the first set that no other one has."""
    return Unordered(_difference(s, argv[1:]).members())


@sets.command("SDIFFSTORE", -3, WRITE | DENYOOM, keys=stored(span("RO access", at=2)))
def sdiffstore(s: Session, argv: Argv) -> Reply:
    """Stores the difference; answers its size."""
    return _keep(s, argv[1], _difference(s, argv[2:]))


def _smallest_first(s: Session, keys: Argv) -> list[Set]:
    """The sets in ascending size, none when one is missing: nothing is in all of them then."""
    found: list[Set] = []
    missing = False
    for key in looking(keys):
        each = s.value(key, Set)
        if each is not None:
            found.append(each)
        else:
            missing = True
    return [] if missing else sorted(found, key=len)


_FEW: Final = 16  # filters in filters, which C calls one in the other, and there is no end to how many sets there may be


def _common(found: Sequence[Set]) -> Iterable[bytes]:
    """The members that all sets have, in the order of the first one."""
    if not found:
        return ()
    first, *others = {id(each): each for each in found}.values()
    members: Iterable[bytes] = first.members()
    for count, each in enumerate(others, 1):
        members = filter(each.__contains__, members)
        if not count % _FEW:
            members = list(members)
            look()
    return members


@sets.command("SINTER", -2, READONLY, keys=span("RO access"))
def sinter(s: Session, argv: Argv) -> Reply:
    """The members that all sets have."""
    return Unordered(_common(_smallest_first(s, argv[1:])))


@sets.command("SINTERSTORE", -3, WRITE | DENYOOM, keys=stored(span("RO access", at=2), "RW update"))
def sinterstore(s: Session, argv: Argv) -> Reply:
    """Stores the intersection; answers its size."""
    found = _smallest_first(s, argv[2:])
    members = list(_common(found))
    limits = _limits(s)
    if not limits.set_max_listpack_entries or all(map(is_integer, members)):
        return _keep(s, argv[1], _assemble(members, limits))
    result = Set()
    result.encoding = "listpack"
    for member in members:
        result.add(member, limits)
    return _keep(s, argv[1], result)


@sets.command("SINTERCARD", -3, READONLY | MOVABLE_KEYS, keys=counted("RO access"), since="7.0.0")
def sintercard(s: Session, argv: Argv) -> Reply:
    """How many members all sets have, `limit` if there are more."""
    count = parse_int_in(argv[1], 1, INT_MAX, "ERR numkeys should be greater than 0")
    if count > len(argv) - 2:
        raise CommandError("ERR Number of keys can't be greater than number of args")
    limit = _limit(argv, 2 + count)
    common = _common(_smallest_first(s, argv[2 : 2 + count]))
    return sum(1 for _ in (islice(common, limit) if limit else common))


def _limit(argv: Argv, at: int) -> int:
    """`[LIMIT limit]`, 0 for none; the last one counts."""
    limit = 0
    while at < len(argv):
        if argv[at].upper() != b"LIMIT" or at + 1 == len(argv):
            raise SyntaxFault
        limit = parse_int_in(argv[at + 1], 0, INT_MAX, "ERR LIMIT can't be negative")
        at += 2
    return limit
