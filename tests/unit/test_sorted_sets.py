"""Sorted sets: what transcripts cannot show. Encodings, effects, older versions, and large ones against a plain list."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.values import ZSet
from tests.unit.cluster_without_sockets import Client, start

LONG = "x" * 65


@pytest.fixture
def client() -> Client:
    return Client(next(start().nodes()))


def kept(client: Client, key: str = "z") -> ZSet:
    found = client.session.node.shard.keyspace.of(key.encode())[key.encode()]
    assert isinstance(found, ZSet)
    return found


def words(reply: bytes) -> list[str]:
    """The elements of an array of short texts."""
    return b" ".join(reply.split(b"\r\n")[2::2]).decode().split()


def members(count: int) -> str:
    return " ".join(f"{number} m{number}" for number in range(count))


@pytest.mark.parametrize(
    ("commands", "encoding"),
    [
        ([f"ZADD z {members(128)}"], "listpack"),
        ([f"ZADD z {members(129)}"], "skiplist"),
        ([f"ZADD z {members(128)}", "ZADD z 5 m5"], "listpack"),
        ([f"ZADD z {members(128)}", "ZINCRBY z 5 new"], "skiplist"),
        (["ZADD z" + " 1 m" * 129], "skiplist"),
        ([f"ZADD z 1 {LONG[1:]}"], "listpack"),
        ([f"ZADD z 1 {LONG}"], "skiplist"),
        ([f"ZADD z {members(129)}", "ZREM z m0", "ZPOPMIN z 100"], "skiplist"),
        ([f"ZADD {{z}}t {members(129)}", "ZRANGESTORE z {z}t 0 127"], "listpack"),
        ([f"ZADD {{z}}t {members(129)}", "ZRANGESTORE z {z}t 0 -1"], "skiplist"),
        ([f"ZADD {{z}}t {members(129)}", "ZADD {z}u 1 m1", "ZINTERSTORE z 2 {z}t {z}u"], "listpack"),
        ([f"ZADD {{z}}t {members(129)}", "ZUNIONSTORE z 1 {z}t"], "skiplist"),
    ],
)
def test_a_sorted_set_changes_its_encoding_where_valkey_does(
    client: Client, commands: list[str], encoding: str
) -> None:
    for command in commands:
        client(command.replace(" z ", " {z} "))
    assert kept(client, "{z}").encoding == encoding


def test_before_7_2_only_members_that_differ_count() -> None:
    older = Client(next(start(version="7.0").nodes()))
    older("ZADD z" + " 1 m" * 129)
    assert kept(older).encoding == "listpack"


@pytest.mark.parametrize(
    ("command", "effects"),
    [
        ("ZMPOP 2 {k}none {k}z MIN COUNT 9", [[b"ZPOPMIN", b"{k}z", b"3"]]),
        ("ZMPOP 2 {k}z {k}y MAX", [[b"ZPOPMAX", b"{k}z", b"1"]]),
        ("BZPOPMIN {k}none {k}z 0", [[b"ZPOPMIN", b"{k}z", b"1"]]),
        ("BZMPOP 0 1 {k}z MAX COUNT 2", [[b"ZPOPMAX", b"{k}z", b"2"]]),
        ("ZRANGESTORE {k}y {k}z 7 9", [[b"DEL", b"{k}y"]]),
        ("ZINTERSTORE {k}y 2 {k}z {k}none", [[b"DEL", b"{k}y"]]),
        ("ZDIFFSTORE {k}text 1 {k}none", [[b"DEL", b"{k}text"]]),
        ("ZUNIONSTORE {k}y 1 {k}z", None),
        ("ZPOPMIN {k}z 2", None),
        ("ZADD {k}z 1 a 5 b", None),
        ("ZINCRBY {k}z 1 a", None),
        ("ZREM {k}z a none", None),
    ],
)
def test_the_log_gets_what_really_happened(
    client: Client, command: str, effects: list[list[bytes]] | None
) -> None:
    for line in ("ZADD {k}z 1 a 2 b 3 c", "ZADD {k}y 1 a", "SET {k}text x"):
        client(line)
    session = client.session
    session.effects, session.unchanged = None, False
    assert not client(command).startswith(b"-")
    assert (session.effects, session.unchanged) == (effects, False)


@pytest.mark.parametrize(
    "command",
    [
        "ZADD {k}z 1 a",
        "ZADD {k}z 1 a 2 b",
        "ZADD {k}z NX 9 a",
        "ZADD {k}z XX 9 none",
        "ZADD {k}none XX 9 none",
        "ZADD {k}z GT CH 0 a",
        "ZADD {k}z INCR 0 a",
        "ZADD {k}z LT INCR 5 a",
        "ZINCRBY {k}z 0 a",
        "ZREM {k}z none",
        "ZREM {k}none a",
        "ZPOPMIN {k}none",
        "ZPOPMAX {k}z 0",
        "ZMPOP 1 {k}none MIN",
        "ZREMRANGEBYRANK {k}z 5 9",
        "ZREMRANGEBYSCORE {k}z 5 9",
        "ZREMRANGEBYLEX {k}none - +",
        "ZRANGESTORE {k}none {k}z 5 9",
        "ZINTERSTORE {k}none 2 {k}z {k}none",
    ],
)
def test_a_write_that_changes_nothing_says_so(client: Client, command: str) -> None:
    client("ZADD {k}z 1 a 2 b")
    client.session.unchanged = False
    assert not client(command).startswith(b"-")
    assert client.session.unchanged
    assert words(client("ZRANGE {k}z 0 -1")) == ["a", "b"]
    assert client("EXISTS {k}none") == b":0\r\n"


def test_6_2_pops_as_it_did() -> None:
    client = Client(next(start(version="6.2").nodes()))
    client("ZADD z 1 a 2 b")
    client("SET text x")
    assert client("ZPOPMIN z -1") == client("ZPOPMIN text 0") == b"*0\r\n"
    assert client("ZPOPMIN z x") == b"-ERR value is not an integer or out of range\r\n"
    client("HELLO 3")
    assert client("ZPOPMIN z 2") == b"*2\r\n*2\r\n$1\r\na\r\n,1\r\n*2\r\n$1\r\nb\r\n,2\r\n"
    assert client("ZUNION 0 z") == b"-ERR at least 1 input key is needed for zunion\r\n"


@pytest.mark.parametrize("size", [100, 1000])
def test_every_member_is_as_likely_as_any_other(client: Client, size: int) -> None:
    client(f"ZADD z {members(size)}")
    seen = Counter(words(client(f"ZRANDMEMBER z -{size * 100}")))
    assert len(seen) == size
    assert 50 < min(seen.values()) < max(seen.values()) < 160
    assert len({*words(client(f"ZRANDMEMBER z {size // 2}"))}) == size // 2


SCORES = st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0, -1.0, float("inf"), float("-inf")])
MEMBERS = st.integers(0, 12).map(b"m%d".__mod__)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "remove", "cut", "order"]), MEMBERS, SCORES), max_size=60
)


@given(changes=CHANGES)
def test_the_order_is_that_of_the_scores_whatever_happens(changes: list[tuple[str, bytes, float]]) -> None:
    found = ZSet()
    expected: dict[bytes, float] = {}
    for change, member, score in changes:
        if change == "put":
            found.put(member, score, Limits())
            expected[member] = score
        elif change == "remove":
            assert found.remove(member) == (expected.pop(member, None) is not None)
        elif change == "cut" and expected:
            ordered = sorted((score, member) for member, score in expected.items())
            assert found.cut(0, 1 + len(ordered) // 3) == ordered[: 1 + len(ordered) // 3]
            expected = {member: score for score, member in ordered[1 + len(ordered) // 3 :]}
        assert found.scores == expected
        if change == "order":
            assert list(found.order) == sorted((score, member) for member, score in expected.items())
    assert list(found.order) == sorted((score, member) for member, score in expected.items())


BOUNDS = st.tuples(st.integers(-2, 12), st.booleans())


@settings(max_examples=60)
@given(low=BOUNDS, high=BOUNDS, offset=st.integers(0, 40), limit=st.integers(-1, 40))
def test_ranges_of_a_large_sorted_set_are_those_of_a_list(
    low: tuple[int, bool], high: tuple[int, bool], offset: int, limit: int
) -> None:
    client = Client(next(start().nodes()))
    scored = [(float(number % 10), f"m{number}") for number in range(300)]
    client("ZADD z " + " ".join(f"{score} {member}" for score, member in scored))
    first, last = (f"{'(' if excluded else ''}{score}" for score, excluded in (low, high))
    within = [
        (score, member)
        for score, member in sorted(scored)
        if (score > low[0] or (score == low[0] and not low[1]))
        and (score < high[0] or (score == high[0] and not high[1]))
    ]
    assert client(f"ZCOUNT z {first} {last}") == b":%d\r\n" % len(within)
    stop = None if limit < 0 else offset + limit
    forward = [member for _, member in within][offset:stop]
    backward = [member for _, member in reversed(within)][offset:stop]
    assert words(client(f"ZRANGEBYSCORE z {first} {last} LIMIT {offset} {limit}")) == forward
    assert words(client(f"ZREVRANGEBYSCORE z {last} {first} LIMIT {offset} {limit}")) == backward
    assert client(f"ZREMRANGEBYSCORE z {first} {last}") == b":%d\r\n" % len(within)
    assert client("ZCARD z") == b":%d\r\n" % (300 - len(within))
