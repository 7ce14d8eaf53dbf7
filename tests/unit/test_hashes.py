"""Hashes: encodings, effects and luck, which transcripts cannot show."""

from __future__ import annotations

from collections import Counter

import pytest

from localstack_memorydb.engine.values import Hash
from tests.unit.cluster_without_sockets import Client, start

LONG = "x" * 65


@pytest.fixture
def client() -> Client:
    return Client(next(start().nodes()))


def kept(client: Client, key: str = "h") -> Hash:
    found = client.session.node.shard.keyspace.of(key.encode())[key.encode()]
    assert isinstance(found, Hash)
    return found


def fields(count: int, prefix: str = "f") -> str:
    return " ".join(f"{prefix}{number} v" for number in range(count))


@pytest.mark.parametrize(
    ("commands", "encoding"),
    [
        ([f"HSET h {fields(512)}"], "listpack"),
        ([f"HSET h {fields(512)}", "HSET h f0 v f1 w"], "listpack"),
        ([f"HSET h {fields(512)}", "HSET h new v"], "hashtable"),
        ([f"HSET h {fields(512)}", "HSETNX h new v"], "hashtable"),
        ([f"HSET h {fields(512)}", "HINCRBY h new 1"], "hashtable"),
        ([f"HSET h {fields(513)}", "HDEL h f0 f1 f2"], "hashtable"),
        (["HSET h" + " f v" * 513], "hashtable"),
        ([f"HMSET h {fields(513)}"], "hashtable"),
        ([f"HSET h f {LONG}", "HSET h f short"], "hashtable"),
        ([f"HSET h {LONG} v"], "hashtable"),
        ([f"HSET h f {LONG[1:]}"], "listpack"),
        ([f"HINCRBYFLOAT h {LONG} 1"], "hashtable"),
        ([f"HSET h f v g {LONG}"], "hashtable"),
    ],
)
def test_a_hash_changes_its_encoding_where_valkey_does(
    client: Client, commands: list[str], encoding: str
) -> None:
    for command in commands:
        client(command)
    assert kept(client).encoding == encoding


@pytest.mark.parametrize(
    ("command", "effects"),
    [
        ("HINCRBYFLOAT h n 0.5", [[b"HSET", b"h", b"n", b"1.5"]]),
        ("HINCRBYFLOAT h new 1e2", [[b"HSET", b"h", b"new", b"100"]]),
        ("HINCRBY h n 1", None),
        ("HSET h n 1", None),
        ("HDEL h n z", None),
    ],
)
def test_the_log_gets_the_sum_of_floats(
    client: Client, command: str, effects: list[list[bytes]] | None
) -> None:
    client("HSET h n 1 m 2")
    session = client.session
    session.effects, session.unchanged = None, False
    client(command)
    assert (session.effects, session.unchanged) == (effects, False)


@pytest.mark.parametrize("command", ["HSETNX h n 2", "HDEL h z", "HDEL none z"])
def test_a_write_that_changes_nothing_says_so(client: Client, command: str) -> None:
    client("HSET h n 1")
    client.session.unchanged = False
    client(command)
    assert client.session.unchanged


@pytest.mark.parametrize(
    "command",
    ["HSET k f", "HINCRBY k f x", "HINCRBY k f 9223372036854775808", "HINCRBYFLOAT k f inf", "HMSET k f v g"],
)
def test_a_refused_write_leaves_no_empty_hash(client: Client, command: str) -> None:
    assert client(command).startswith(b"-ERR")
    assert not client.session.node.shard.keyspace.of(b"k")


def test_more_repetitions_than_memory_are_refused(client: Client) -> None:
    client("HSET h f v")
    assert client("HRANDFIELD h -9223372036854775807") == b"-ERR value is out of range\r\n"


@pytest.mark.parametrize("size", [100, 1000])
def test_every_field_is_as_likely_as_any_other(client: Client, size: int) -> None:
    client(f"HSET h {fields(size, 'old')}")
    client("HRANDFIELD h")
    client(f"HDEL h {fields(size // 2, 'old')}")
    client(f"HSET h {fields(size // 2 - 1, 'new')}")
    client("HSETNX h last v")
    client("HSET h last w")
    seen = Counter(client(f"HRANDFIELD h -{size * 100}").split(b"\r\n")[2::2])
    assert {*seen} == {*kept(client)}
    assert 50 < min(seen.values()) < max(seen.values()) < 160


def test_different_fields_come_with_their_values(client: Client) -> None:
    client("HSET h " + " ".join(f"f{number} {number}" for number in range(600)))
    flat = client("HRANDFIELD h 100 WITHVALUES").split(b"\r\n")[2::2]
    pairs = dict(zip(flat[::2], flat[1::2], strict=True))
    assert len(pairs) == 100
    assert all(field == b"f" + value for field, value in pairs.items())
