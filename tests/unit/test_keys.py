"""Keys and strings: what transcripts cannot show. Effects, the clock, older versions, and that the log replays to the same data."""

from __future__ import annotations

from random import Random

import pytest

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.session import Session
from tests.unit.cluster_without_sockets import NOW, Client, start

Effects = list[list[bytes]] | None

SECOND = b"%d" % (NOW + 1000)
DUMPED = rdb.dump(b"v")


@pytest.fixture
def client() -> Client:
    return Client(next(start().nodes()))


def split(line: str) -> list[bytes]:
    return line.encode().split()


def run(session: Session, argv: list[bytes], now: int = NOW) -> bytes:
    parts = [b"*%d\r\n" % len(argv), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in argv)]
    return session.receive(b"".join(parts), now)


def effects(session: Session, argv: list[bytes]) -> Effects:
    """What the log gets: None for nothing."""
    session.effects, session.unchanged = None, False
    reply = run(session, argv)
    if reply.startswith(b"-") or session.unchanged:
        return None
    return [argv] if session.effects is None else session.effects


@pytest.mark.parametrize(
    ("line", "logged"),
    [
        ("SET a v EX 1", [[b"SET", b"a", b"v", b"PXAT", SECOND]]),
        ("SET a v NX GET PX 1000", None),
        ("SET new v NX PX 1000", [[b"SET", b"new", b"v", b"PXAT", SECOND]]),
        ("SET a v EXAT 1", [[b"SET", b"a", b"v", b"PXAT", b"1000"]]),
        ("SET new v EXAT 1", [[b"SET", b"new", b"v", b"PXAT", b"1000"]]),
        ("SET new v XX", None),
        ("SETEX a 1 v", [[b"SET", b"a", b"v", b"PXAT", SECOND]]),
        ("PSETEX a 1000 v", [[b"SET", b"a", b"v", b"PXAT", SECOND]]),
        ("SETNX a 2", None),
        ("MSETNX new 2 a 2", None),
        ("GETEX a", None),
        ("GETEX new PERSIST", None),
        ("GETEX a EX 1", [[b"PEXPIREAT", b"a", SECOND]]),
        ("GETEX a PXAT 1", [[b"DEL", b"a"]]),
        ("GETEX a PERSIST", None),
        ("GETEX t PERSIST", [[b"PERSIST", b"t"]]),
        ("GETDEL new", None),
        ("SETRANGE a 0 x", [split("SETRANGE a 0 x")]),
        ("INCRBYFLOAT a 0.5", [[b"SET", b"a", b"1.5", b"KEEPTTL"]]),
        ("DEL a b", [[b"DEL", b"a", b"b"]]),
        ("DEL a new a", [[b"DEL", b"a"]]),
        ("UNLINK new b", [[b"DEL", b"b"]]),
        ("DEL new", None),
        ("EXPIRE a 1", [[b"PEXPIREAT", b"a", SECOND]]),
        ("EXPIRE a 1 XX", None),
        ("EXPIRE new 1", None),
        ("EXPIRE a -1", [[b"DEL", b"a"]]),
        ("PERSIST a", None),
        ("PERSIST t", [[b"PERSIST", b"t"]]),
        ("RENAME a a", None),
        ("RENAME a b", [split("RENAME a b")]),
        ("RENAMENX a b", None),
        ("COPY a b", None),
        ("COPY new b REPLACE", None),
        ("SORT l", None),
        ("SORT l STORE b", [[b"DEL", b"b"], [b"RPUSH", b"b", b"1", b"2", b"3"]]),
        ("SORT new STORE b", [[b"DEL", b"b"]]),
        ("SORT new STORE new", None),
    ],
)
def test_the_log_gets_what_a_write_did(client: Client, line: str, logged: Effects) -> None:
    # All names get the same hash tag.
    keys = {b"a", b"b", b"t", b"l", b"new"}

    def tag(argv: list[bytes]) -> list[bytes]:
        return [b"{k}" + word if word in keys else word for word in argv]

    for key in keys - {b"new"}:
        run(client.session, [b"SET", b"{k}" + key, b"1"])
    for prepared in ("EXPIRE {k}t 100", "DEL {k}l", "RPUSH {k}l 3 1 2"):
        client(prepared)
    wanted = None if logged is None else [tag(entry) for entry in logged]
    assert effects(client.session, tag(split(line))) == wanted


def test_a_restored_key_is_logged_with_the_time_at_which_it_expires(client: Client) -> None:
    assert effects(client.session, [b"RESTORE", b"a", b"1000", DUMPED]) == [
        [b"RESTORE", b"a", SECOND, DUMPED, b"ABSTTL", b"REPLACE"]
    ]
    assert effects(client.session, [b"RESTORE", b"b", b"1", DUMPED, b"ABSTTL"]) is None
    assert effects(client.session, [b"RESTORE", b"a", b"1", DUMPED, b"ABSTTL", b"REPLACE"]) == [
        [b"DEL", b"a"]
    ]


def words(random: Random) -> list[bytes]:
    """A command with sensible arguments, most of the time."""
    keys = [b"{k}%d" % number for number in range(5)]
    key, other = random.choice(keys), random.choice(keys)
    value = random.choice([b"1", b"2.5", b"text", b"", b"99"])
    time = random.choice([b"1", b"100", b"-1"])
    expiry = random.choice(
        [[], [b"EX", b"5"], [b"PX", b"700"], [b"EXAT", b"1"], [b"KEEPTTL"], [b"NX"], [b"XX", b"GET"]]
    )
    return random.choice(
        [
            [b"SET", key, value, *expiry],
            [b"SET", key, value, *expiry],
            [b"GETEX", key, *random.choice([[], [b"EX", b"9"], [b"PERSIST"], [b"PXAT", b"1"]])],
            [b"GETDEL", key],
            [b"GETSET", key, value],
            [b"SETNX", key, value],
            [b"SETEX", key, b"9", value],
            [b"MSET", key, value, other, value],
            [b"MSETNX", key, value, other, value],
            [b"APPEND", key, value],
            [b"SETRANGE", key, b"3", value],
            [b"INCR", key],
            [b"DECRBY", key, b"7"],
            [b"INCRBYFLOAT", key, b"0.1"],
            [b"DEL", key, other],
            [b"UNLINK", key],
            [b"EXPIRE", key, time, *random.choice([[], [b"NX"], [b"XX"], [b"GT"], [b"LT"]])],
            [b"PEXPIRE", key, random.choice([b"600", b"9000", b"0"])],
            [b"PERSIST", key],
            [b"RENAME", key, other],
            [b"RENAMENX", key, other],
            [b"COPY", key, other, *random.choice([[], [b"REPLACE"]])],
            [b"RESTORE", key, random.choice([b"0", b"500"]), DUMPED, b"REPLACE"],
            [b"RPUSH", key, b"3", b"1"],
            [b"SORT", key, b"STORE", other],
        ]
    )


@pytest.mark.parametrize("seed", range(8))
def test_the_log_replays_to_the_same_data(seed: int) -> None:
    """Also when it is replayed later: the log holds effects, not intentions."""
    random = Random(seed)
    primary, follower = start(), start()
    session, replay = next(primary.nodes()).connect("", NOW), next(follower.nodes()).connect("", NOW)
    for _ in range(1500):
        for entry in effects(session, words(random)) or ():
            reply = run(replay, entry, NOW + random.randrange(400))
            assert not reply.startswith(b"-"), (entry, reply)
    assert contents(primary) == contents(follower)


def contents(cluster: Cluster) -> list[tuple[bytes, bytes, int | None]]:
    entries = cluster.shards[0].keyspace.entries(NOW)
    return sorted((key, rdb.dump(value), deadline) for key, value, deadline in entries)


def test_time_passes_for_keys(client: Client) -> None:
    client("SET a v PX 1500")
    assert client("PTTL a", NOW + 1) == b":1499\r\n"
    assert client("TTL a", NOW + 1) == b":1\r\n"
    assert client("TTL a") == b":2\r\n"
    assert client("EXISTS a", NOW + 1499) == b":1\r\n"
    assert client("GET a", NOW + 1500) == b"$-1\r\n"
    assert client("PEXPIRETIME a", NOW + 1500) == b":-2\r\n"


@pytest.mark.parametrize("command", ["RENAME {k}src {k}l", "COPY {k}src {k}l", "SORT {k}src STORE {k}l"])
def test_a_blocked_client_gets_a_list_however_it_comes(command: str) -> None:
    node = next(start().nodes())
    waiting, other = Client(node), Client(node)
    other("RPUSH {k}src 1 2")
    assert waiting("BLPOP {k}l 0") == b""
    other(command)
    assert waiting.heard() == b"*2\r\n$4\r\n{k}l\r\n$1\r\n1\r\n"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("SET a 1 NX GET", b"-ERR syntax error\r\n"),
        ("SET a 1 EX 0", b"-ERR invalid expire time in set\r\n"),
        ("EXPIRE a 9223372036854775807", b"-ERR invalid expire time in expire\r\n"),
        ("EXPIRE a 1 NX", b"-ERR wrong number of arguments for 'expire' command\r\n"),
        ("OBJECT ENCODING {k}hash", b"$7\r\nziplist\r\n"),
        ("OBJECT ENCODING {k}list", b"$9\r\nquicklist\r\n"),
        ("OBJECT ENCODING {k}set", b"$9\r\nhashtable\r\n"),
        ("COPY {k}list {k}x DB 1", b"-ERR Copying to another database is not allowed in cluster mode\r\n"),
        ("COPY {k}list {k}x DB 16", b"-ERR DB index is out of range\r\n"),
        ("EXPIRETIME a", b"-ERR unknown command `EXPIRETIME`, with args beginning with: `a`, \r\n"),
    ],
)
def test_engine_6_2_answers_as_it_did(line: str, reply: bytes) -> None:
    client = Client(next(start(version="6.2").nodes()))
    for prepared in ("HSET {k}hash f v", "RPUSH {k}list x", "SADD {k}set x"):
        client(prepared)
    assert client(line) == reply


def test_the_eviction_policy_decides_what_object_tells() -> None:
    cluster = start(maxmemory=1 << 30)
    client = Client(next(cluster.nodes()))
    client("SET a 1")
    assert client("OBJECT REFCOUNT a") == b":2147483647\r\n"
    cluster.set_parameters({"maxmemory-policy": "allkeys-lfu"})
    assert client("OBJECT FREQ a") == b":5\r\n"
    assert client("OBJECT IDLETIME a").startswith(
        b"-ERR An LFU maxmemory policy is selected, idle time not tracked."
    )
    assert client("OBJECT REFCOUNT a") == b":1\r\n"


def test_every_key_may_be_the_random_one(client: Client) -> None:
    for number in range(5):
        client(f"SET {{tag}}{number} v")
    client("SET elsewhere v")
    assert len({client("RANDOMKEY") for _ in range(200)}) == 6


def test_idle_time_without_an_eviction_policy() -> None:
    client = Client(start().shards[0].primary)
    client("SET key x")
    client("SET other x", NOW + 2000)
    later = NOW + 7000
    for line in ("TTL key", "TYPE key", "EXISTS key", "OBJECT ENCODING key"):  # which only look
        client(line, later)
    assert client("OBJECT IDLETIME key", later) == b":7\r\n"
    assert client("OBJECT IDLETIME other", later) == b":5\r\n"
    client("CLIENT NO-TOUCH on", later)
    client("GET key", later)
    client("EVAL \"return redis.call('get', KEYS[1])\" 1 key", later)
    assert client("OBJECT IDLETIME key", later) == b":7\r\n"
    client("TOUCH key", later)
    assert client("OBJECT IDLETIME key", later) == b":0\r\n"
    client("CLIENT NO-TOUCH off", later)
    client("GET other", later)
    assert client("OBJECT IDLETIME other", later) == b":0\r\n"
