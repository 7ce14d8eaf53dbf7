"""Cursors: what is there all the time is returned, whatever else comes and goes between two calls."""

from __future__ import annotations

from random import Random

import pytest

from localstack_memorydb.engine.scan import parse_cursor, scan_members
from localstack_memorydb.engine.values import Hash, Set, ZSet
from tests.unit.cluster_without_sockets import NOW, Client, start


def large(kind: str, members: list[bytes]) -> Hash | Set | ZSet:
    value: Hash | Set | ZSet
    if kind == "hash":
        value = Hash(dict.fromkeys(members, b"v"))
    elif kind == "set":
        value = Set(members)
    else:
        value = ZSet({member: float(place) for place, member in enumerate(members)})
    value.encoding = "skiplist" if kind == "zset" else "hashtable"
    return value


def change(value: Hash | Set | ZSet, random: Random) -> None:
    """Adds a few members and removes a few that are not steady."""
    for _ in range(20):
        member = b"passing%d" % random.randrange(200)
        if isinstance(value, ZSet):
            if not value.remove(member):
                value.set(member, random.random())
        elif value.pop(member, b"gone") == b"gone":
            value[member] = b"v"  # type: ignore[assignment]


@pytest.mark.parametrize("kind", ["hash", "set", "zset"])
@pytest.mark.parametrize("count", [1, 7, 1000])
def test_a_walk_meets_every_steady_member(kind: str, count: int) -> None:
    random = Random(count)
    steady = [b"steady%d" % number for number in range(500)]
    value = large(kind, steady + [b"passing%d" % number for number in range(0, 200, 2)])
    seen: list[bytes] = []
    cursor, calls = 0, 0
    while cursor or not calls:
        cursor, part = scan_members(value, cursor, count)
        seen += part
        calls += 1
        change(value, random)
    assert set(steady) <= set(seen)
    assert len(seen) == len(set(seen))
    assert calls >= 500 // count
    assert value.walk is None


def test_walks_do_not_disturb_each_other() -> None:
    """Several clients walk at their own pace; one begins while others are under way, one forgets to finish."""
    members = [b"m%d" % number for number in range(300)]
    value = large("set", members)
    random = Random(3)
    walks: dict[int, tuple[int, set[bytes]]] = {number: (0, set()) for number in range(4)}
    while walks:
        number = random.choice(list(walks))
        cursor, seen = walks[number]
        cursor, part = scan_members(value, cursor, 10)
        seen.update(part)
        walks[number] = cursor, seen
        if cursor == 0:
            assert seen == set(members)
            del walks[number]


def test_a_walk_may_begin_anywhere() -> None:
    value = large("set", [b"m%d" % number for number in range(300)])
    assert scan_members(value, 2**32 - 1, 10) == (0, [])
    assert scan_members(value, 2**63, 10) == (0, [])
    following, part = scan_members(value, 2**31, 10)
    assert following > 2**31
    assert len(part) == 10


def test_compact_values_come_whole() -> None:
    value = Hash({b"f%d" % number: b"v" for number in range(100)})
    assert scan_members(value, 0, 1) == (0, list(value))


def test_a_client_walks_the_keys_of_its_node() -> None:
    client = Client(next(start().nodes()))
    random = Random(5)
    for number in range(300):
        client(f"SET steady{number} v")
        client(f"SET {{tag}}passing{number} v")
    seen: list[bytes] = []
    cursor = b""
    while cursor != b"0":
        _, _, cursor, _, *rest = client(b"SCAN %b COUNT 10" % (cursor or b"0")).split(b"\r\n")
        seen += rest[1:-1:2]
        client(f"DEL {{tag}}passing{random.randrange(300)}")
        client(f"SET other{random.randrange(300)} v")
    assert {b"steady%d" % number for number in range(300)} <= set(seen)
    assert len(seen) == len(set(seen))


def test_a_slot_is_returned_whole() -> None:
    """So that a cursor needs to be no more than the number of a slot."""
    client = Client(next(start().nodes()))
    for number in range(50):
        client(f"SET {{tag}}{number} v")
    assert client("SCAN 0 COUNT 1").startswith(b"*2\r\n$1\r\n0\r\n*50\r\n")


def test_expired_keys_are_not_returned_though_nobody_touched_them() -> None:
    client = Client(next(start().nodes()))
    client("SET a v PX 10")
    client("SET b v")
    for command in ("SCAN 0", "KEYS *", "RANDOMKEY"):
        assert b"$1\r\na\r\n" not in client(command, NOW + 10)
        assert b"$1\r\nb\r\n" in client(command, NOW + 10)


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        (b"0", 0),
        (b"", 0),
        (b"18446744073709551615", 2**64 - 1),
        (b"-1", 2**64 - 1),
        (b"+7", 7),
        (b"007", 7),
        (b"7\x00junk", 7),
    ],
)
def test_cursors_are_read_as_strtoul_reads_them(text: bytes, cursor: int) -> None:
    assert parse_cursor(text) == cursor
