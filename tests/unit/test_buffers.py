"""Large strings are written in place: nobody who has read one sees it change, and everybody else sees what it is now."""

from __future__ import annotations

import pytest

from localstack_memorydb.engine.buffers import LEAST, Buffer
from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.snapshots import dump_shard, load_files
from tests.unit.cluster_without_sockets import NOW, Client, start

SIZE = 2 * LEAST


@pytest.fixture
def cluster() -> Cluster:
    return start(replicas=1)


@pytest.fixture
def client(cluster: Cluster) -> Client:
    """A client of the primary, where `k` is a string of x that was written in place; `{k}` is as long, and was set."""
    client = Client(next(cluster.nodes()))
    client("SET k " + "x" * (SIZE - 1))
    client("APPEND k x")
    client("SET {k} " + "x" * SIZE)
    return client


def kept(client: Client, key: bytes = b"k") -> object:
    return client.session.node.shard.keyspace.of(key)[key]


def bulk(text: str) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(text), text.encode())


def test_only_a_large_string_becomes_a_buffer(client: Client) -> None:
    client("SET {k}small x")
    client("APPEND {k}small y")
    assert (type(kept(client, b"{k}small")), type(kept(client)), type(kept(client, b"{k}"))) == (
        bytes,
        Buffer,
        bytes,
    )


@pytest.mark.parametrize(
    "command",
    [
        "APPEND k yz",
        "SETRANGE k 5 yz",
        "SETBIT k 9 0",
        "BITFIELD k SET u8 #3 7",
        "SETRANGE k 9000 y",
        "SETBIT k 99999 1",
    ],
)
def test_a_write_in_place_does_what_a_write_of_all_does(client: Client, command: str) -> None:
    before = kept(client)
    reply = client(command)
    assert kept(client) is before
    assert reply == client(command.replace("k", "{k}", 1))
    assert client("GET k") == client("GET {k}")


@pytest.mark.parametrize(
    "command",
    [
        "GET k", "MGET k", "GETRANGE k 5 900", "SUBSTR k -9 -1", "STRLEN k", "GETEX k", "INCR k", "INCRBYFLOAT k 1", "LCS k k LEN",
        "GETBIT k 77", "BITCOUNT k", "BITCOUNT k 3 -5 BIT", "BITPOS k 1", "BITPOS k 0 5 -1", "BITFIELD_RO k GET i16 8", "BITFIELD k GET u63 99",
        "BITOP NOT k k", "BITOP XOR k k k", "TYPE k", "OBJECT ENCODING k", "OBJECT REFCOUNT k", "MEMORY USAGE k", "DUMP k", "PFCOUNT k", "PFADD k a",
        "LPUSH k a", "SORT k", "HGET k f", "XADD k * f v", "ZADD k 1 m", "SADD k m", "SCAN 0 TYPE string", "GETSET k y", "GETDEL k", "SET k v GET", "SETNX k v",
        "EXISTS k", "EXPIRE k 9", "RENAME k {k}", "COPY k {k}2", "GEOADD k 1 1 m",
        "EVAL \"return redis.call('GET', KEYS[1])\" 1 k", "EVAL \"return #redis.call('MGET', KEYS[1])[1]\" 1 k",
    ],
)  # fmt: skip
def test_every_command_takes_it_for_a_string(client: Client, command: str) -> None:
    client("DEL {k}")
    reply = client(command)
    after = client("GET k")
    client("FLUSHALL")
    client("SET k " + "x" * SIZE)
    assert (reply, after) == (client(command), client("GET k"))


def test_what_was_read_stays_as_it_was(client: Client) -> None:
    client("MULTI")
    for line in ("GET k", "GETRANGE k 0 2", "SETRANGE k 0 abc", "GETRANGE k 0 2", "BITCOUNT k 0 0"):
        client(line)
    assert (
        client("EXEC")
        == b"*5\r\n" + bulk("x" * SIZE) + bulk("xxx") + b":%d\r\n" % SIZE + bulk("abc") + b":3\r\n"
    )


def test_a_copy_is_independent(client: Client) -> None:
    client("COPY k {k}copy")
    client("SETRANGE k 0 abc")
    client("SETRANGE {k}copy 0 def")
    assert client("GETRANGE k 0 3") + client("GETRANGE {k}copy 0 3") == bulk("abcx") + bulk("defx")


def test_a_renamed_one_is_written_in_place_further_on(client: Client) -> None:
    before = kept(client)
    client("RENAME k {k}new")
    client("APPEND {k}new y")
    assert kept(client, b"{k}new") is before
    assert client("STRLEN {k}new") == b":%d\r\n" % (SIZE + 1)


def test_a_deadline_stays(client: Client) -> None:
    client("PEXPIRE {k} 1000")
    client("SETRANGE {k} 0 y")
    assert client("PTTL {k}") == b":1000\r\n"
    assert client("EXISTS {k}", NOW + 1001) == b":0\r\n"


def test_a_snapshot_holds_what_there_was_when_it_was_taken(cluster: Cluster, client: Client) -> None:
    earlier = dump_shard(cluster.shards[0], NOW)
    client("SETRANGE k 0 abc")
    later = dump_shard(cluster.shards[0], NOW)
    values = [load_files(cluster, [each.data], NOW)[0].of(b"k")[b"k"] for each in (earlier, later)]
    assert values == [b"x" * SIZE, b"abc" + b"x" * (SIZE - 3)]


def test_a_payload_of_dump_is_restored(client: Client) -> None:
    script = "local old = redis.call('DUMP', KEYS[1]) redis.call('SETRANGE', KEYS[1], 0, 'abc')"
    client(f"EVAL \"{script} return redis.call('RESTORE', KEYS[2], 0, old)\" 2 k {{k}}old")
    assert client("GET {k}old") + client("GETRANGE k 0 3") == bulk("x" * SIZE) + bulk("abcx")


def test_a_replica_reads_it(cluster: Cluster, client: Client) -> None:
    replica = Client(list(cluster.nodes())[1])
    replica("READONLY")
    client("SETRANGE k 0 abc")
    assert replica("GETRANGE k 0 3") + replica("GET k")[:10] == bulk("abcx") + b"$8192\r\nabc"


def test_the_memory_it_takes_is_counted(client: Client) -> None:
    before = client("MEMORY USAGE k")
    client("SETRANGE k 1000000 y")
    assert int(client("MEMORY USAGE k")[1:]) > int(before[1:]) + 900_000


def test_who_watches_it_hears_of_a_write_in_place(cluster: Cluster, client: Client) -> None:
    other = Client(next(cluster.nodes()))
    client("WATCH k")
    other("SETBIT k 1 0")
    client("MULTI")
    client("GET k")
    assert client("EXEC") == b"*-1\r\n"


def test_a_write_that_changes_nothing_is_not_heard_of(cluster: Cluster, client: Client) -> None:
    client("WATCH k")
    for line in ("SETBIT k 1 1", "BITFIELD k SET u8 0 120", 'SETRANGE k 0 ""'):
        client(line)
    client("MULTI")
    client("STRLEN k")
    assert client("EXEC") == b"*1\r\n:%d\r\n" % SIZE
