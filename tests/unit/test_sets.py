"""Sets: what a real server of another version cannot show. Encodings, orders, effects, and luck that is fair."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.resp import encode_request
from localstack_memorydb.engine.values import Set
from tests.unit.cluster_without_sockets import NOW, Client, start

LONG = "x" * 65


@pytest.fixture
def client() -> Client:
    return Client(next(start().nodes()))


@pytest.fixture
def older() -> Client:
    return Client(next(start(version="7.0").nodes()))


def kept(client: Client, key: str = "s") -> Set:
    found = client.session.node.shard.keyspace.of(key.encode())[key.encode()]
    assert isinstance(found, Set)
    return found


def words(reply: bytes) -> str:
    """The elements of an array of short texts."""
    return b" ".join(reply.split(b"\r\n")[2::2]).decode()


def numbers(count: int, prefix: str = "") -> str:
    return " ".join(f"{prefix}{number}" for number in range(count))


@pytest.mark.parametrize(
    ("commands", "encoding"),
    [
        ([f"SADD s {numbers(512)}"], "intset"),
        ([f"SADD s {numbers(512)}", "SADD s 511"], "intset"),
        ([f"SADD s {numbers(512)}", "SADD s 512"], "hashtable"),
        ([f"SADD s {numbers(513)}"], "hashtable"),
        (["SADD s 1", "SADD s" + " 1" * 513], "hashtable"),
        ([f"SADD s {numbers(127)}", "SADD s x"], "listpack"),
        ([f"SADD s {numbers(128)}", "SADD s x"], "hashtable"),
        ([f"SADD s {numbers(128, 'm')}"], "listpack"),
        ([f"SADD s {numbers(128, 'm')}", "SADD s m"], "hashtable"),
        (["SADD s" + " m" * 129], "hashtable"),
        (["SADD s m", "SADD s" + " m" * 129], "hashtable"),
        ([f"SADD s {LONG}"], "hashtable"),
        ([f"SADD s {LONG[1:]}"], "listpack"),
        ([f"SADD s {numbers(128, 'm')} {LONG}", f"SREM s {LONG}"], "hashtable"),
        (
            [
                f"SADD {{s}}t {numbers(600)} x",
                "SREM {s}t x",
                f"SADD {{s}}u {numbers(500)}",
                "SINTERSTORE s {s}t {s}u",
            ],
            "intset",
        ),
        (
            [
                f"SADD {{s}}t {numbers(200)} x",
                "SREM {s}t x",
                f"SADD {{s}}u {numbers(300)}",
                "SINTERSTORE s {s}t {s}u",
            ],
            "intset",
        ),
        ([f"SADD {{s}}t {numbers(600)} x", "SREM {s}t x", "SUNIONSTORE s {s}t"], "hashtable"),
        (
            [
                f"SADD {{s}}t {numbers(200, 'm')}",
                f"SADD {{s}}u {numbers(120, 'm')}",
                "SINTERSTORE s {s}t {s}u",
            ],
            "listpack",
        ),
        (
            [f"SADD {{s}}t {numbers(200, 'm')}", f"SADD {{s}}u {numbers(72, 'm')}", "SDIFFSTORE s {s}t {s}u"],
            "listpack",
        ),
        ([f"SADD s {numbers(1000)}", "SPOP s 870"], "hashtable"),
        ([f"SADD s {numbers(1000)}", "SPOP s 872"], "listpack"),
        ([f"SADD s {numbers(100)}", "SPOP s 99"], "intset"),
    ],
)
def test_a_set_changes_its_encoding_where_valkey_does(
    client: Client, commands: list[str], encoding: str
) -> None:
    for command in commands:
        client(command)
    assert kept(client).encoding == encoding


@pytest.mark.parametrize(
    ("commands", "encoding"),
    [
        (["SADD s m"], "hashtable"),
        (["SADD s 1"], "intset"),
        (["SADD s 1 m"], "hashtable"),
        ([f"SADD s {numbers(513)}"], "hashtable"),
        (["SADD {s}t 1 m", "SADD {s}u 1 n", "SINTERSTORE s {s}t {s}u"], "intset"),
        ([f"SADD s {numbers(1000)}", "SPOP s 900"], "intset"),
    ],
)
def test_before_7_2_a_set_is_no_listpack(older: Client, commands: list[str], encoding: str) -> None:
    for command in commands:
        older(command)
    assert kept(older).encoding == encoding


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("SUNION i a", "3 4 5 d c b a"),
        ("SUNION a i", "d c b a 3 4 5"),
        ("SUNION m", "5 9 z a 4"),
        ("SUNION i m j", "3 4 5 9 z a 6 7"),
        ("SUNION shrunk", "1 2 3"),
        ("SDIFF m j", "9 z a"),
        ("SDIFF v w x y", "q 9 8 7"),
        ("SINTER m i", "4 5"),
        ("SINTER i m", "4 5"),
        ("SPOP m 9", "5 9 z a 4"),
        ("SRANDMEMBER m 9", "5 9 z a 4"),
    ],
)
def test_a_small_result_is_listed_as_7_2_collects_it(client: Client, command: str, reply: str) -> None:
    """Valkey 8.1 and newer collect in a hashtable, so the transcripts cannot compare these."""
    for line in (
        "SADD {k}a d c b a",
        "SADD {k}i 5 4 3",
        "SADD {k}j 4 5 6 7",
        "SADD {k}m 9 5 z a 4",
        "SADD {k}v q 9 1 8 2 7 3",
        "SADD {k}w 1",
        "SADD {k}x 2",
        "SADD {k}y 3",
        "SADD {k}shrunk x 3 1 2",
        "SREM {k}shrunk x",
    ):
        client(line)
    name, *keys = command.split()
    line = " ".join(key if key.isdigit() else f"{{k}}{key}" for key in keys)
    assert words(client(f"{name} {line}")) == reply


@pytest.mark.parametrize(
    ("command", "effects"),
    [
        ("SPOP {k}one", [[b"SREM", b"{k}one", b"a"]]),
        ("SPOP {k}one 1", [[b"DEL", b"{k}one"]]),
        ("SPOP {k}two 5", [[b"DEL", b"{k}two"]]),
        ("SMOVE {k}one {k}two a", [[b"SREM", b"{k}one", b"a"]]),
        ("SMOVE {k}two {k}one b", None),
        ("SINTERSTORE {k}two {k}one {k}none", [[b"DEL", b"{k}two"]]),
        ("SDIFFSTORE {k}text {k}none", [[b"DEL", b"{k}text"]]),
        ("SUNIONSTORE {k}two {k}one", None),
        ("SADD {k}one a b", None),
        ("SREM {k}two a z", None),
    ],
)
def test_the_log_gets_what_really_happened(
    client: Client, command: str, effects: list[list[bytes]] | None
) -> None:
    for line in ("SADD {k}one a", "SADD {k}two a b", "SET {k}text x"):
        client(line)
    session = client.session
    session.effects, session.unchanged = None, False
    assert not client(command).startswith(b"-")
    assert (session.effects, session.unchanged) == (effects, False)


def test_a_pop_of_several_names_them_in_the_log(client: Client) -> None:
    client(f"SADD s {numbers(300)}")
    popped = words(client("SPOP s 20")).split()
    assert client.session.effects == [[b"SREM", b"s", *(member.encode() for member in popped)]]
    assert len({*popped}) == 20


@pytest.mark.parametrize(
    "command",
    [
        "SADD {k}s a b",
        "SADD {k}s a",
        "SREM {k}s z",
        "SREM {k}none z",
        "SMOVE {k}s {k}t z",
        "SMOVE {k}none {k}t z",
        "SMOVE {k}s {k}s a",
        "SPOP {k}none",
        "SPOP {k}none 3",
        "SPOP {k}s 0",
        "SUNIONSTORE {k}d {k}none",
        "SINTERSTORE {k}d {k}s {k}none",
        "SDIFFSTORE {k}d {k}s {k}s",
    ],
)
def test_a_write_that_changes_nothing_says_so(client: Client, command: str) -> None:
    client("SADD {k}s a b")
    client.session.unchanged = False
    client(command)
    assert client.session.unchanged


def test_more_repetitions_than_memory_are_refused(client: Client) -> None:
    client("SADD s a")
    assert client("SRANDMEMBER s -9223372036854775807") == b"-ERR value is out of range\r\n"


def test_a_large_set_is_popped_to_the_end_each_member_once(client: Client) -> None:
    client(f"SADD s {numbers(400, 'm')}")
    popped = [words(b"*1\r\n" + client("SPOP s")) for _ in range(200)]
    client(f"SADD s {numbers(100, 'n')}")
    popped += words(client("SPOP s 120")).split()
    popped += [words(b"*1\r\n" + client("SPOP s")) for _ in range(180)]
    assert sorted(popped) == sorted([*numbers(400, "m").split(), *numbers(100, "n").split()])
    assert client("EXISTS s") == b":0\r\n"


@pytest.mark.parametrize("size", [100, 1000])
def test_every_member_is_as_likely_as_any_other(client: Client, size: int) -> None:
    client(f"SADD s {numbers(size, 'old')}")
    client("SRANDMEMBER s")
    client(f"SREM s {numbers(size // 2, 'old')}")
    client(f"SADD s {numbers(size // 2, 'new')}")
    seen = Counter(words(client(f"SRANDMEMBER s -{size * 100}")).split())
    assert len(seen) == size
    assert 50 < min(seen.values()) < max(seen.values()) < 160


CHANGES = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "choose"]), st.integers(0, 30).map(b"%d".__mod__)),
    max_size=60,
)


@given(changes=CHANGES)
def test_what_is_chosen_from_is_what_is_there(changes: list[tuple[str, bytes]]) -> None:
    found = Set()
    for number in range(200):
        found.add(b"m%d" % number, Limits())
    expected = {*found}
    for change, member in changes:
        if change == "add" and member not in found:
            found.add(member, 128)
            expected.add(member)
        elif change == "remove":
            assert found.discard(member) == (member in expected)
            expected.discard(member)
        assert sorted(found.choices()) == sorted(found) == sorted(expected)


@pytest.mark.parametrize("command", ["SINTER", "SINTERCARD 400000"])
def test_there_is_no_end_to_how_many_sets_may_be_intersected(client: Client, command: str) -> None:
    keys = [b"{s}%d" % number for number in range(40)]
    for number, key in enumerate(keys):
        client(b"SADD %b a b x%d" % (key, number))
    reply = client.session.receive(encode_request([*command.encode().split(), *keys * 10_000]), NOW)
    assert reply == (b":2\r\n" if "CARD" in command else b"*2\r\n$1\r\na\r\n$1\r\nb\r\n")
