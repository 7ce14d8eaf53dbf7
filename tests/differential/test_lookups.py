"""`keyspace_hits` and `keyspace_misses`: what each command counts of a key that there is, that there is not, and of another type."""

from __future__ import annotations

import re
import socket

import pytest

from .conftest import Servers
from .wire import split_line
from .witness import Server, ask

KEYS = (
    b"SET {k}string 12345",
    b"RPUSH {k}list a b c",
    b"HSET {k}hash f 1 g 2",
    b"SADD {k}set a b 3",
    b"ZADD {k}zset 1 a 2 b",
    b"XADD {k}stream 1-1 f v",
    b"PFADD {k}hll a b",
)

COMMANDS = """
GET K; STRLEN K; GETRANGE K 5 1; GETRANGE K x y; LCS K {k}hll; LCS {k}string K; MGET K {k}nope K; EXISTS K K; TYPE K; TTL K; DUMP K
OBJECT ENCODING K; OBJECT FREQ K; TOUCH K K; MEMORY USAGE K; SORT_RO K; SORT_RO K ALPHA; SORT K ALPHA; SORT K STORE {k}d; WATCH K
SET K v; SET K v GET; SET K v GET EX 0; GETSET K v; GETDEL K; GETEX K; GETEX K EX 100; COPY K {k}copy; RENAME K {k}new; INCR K
BITCOUNT K 0 -1; BITCOUNT K x 1; BITCOUNT K 1 1 x; BITCOUNT K 1 1 BIT 1; BITPOS K 1; BITPOS K 1 x; BITPOS K 1 1 1 x; BITPOS K 1 1 x BIT; BITPOS K 2; BITPOS K x; GETBIT K 1; GETBIT K x; BITFIELD_RO K GET u4 0; BITFIELD K GET u4 0; BITFIELD K SET u4 0 1
BITOP NOT {k}d K; BITOP AND {k}d K {k}string
HGET K f; HGET K zz; HMGET K f zz; HGETALL K; HRANDFIELD K 0; HSCAN K 0; HSCAN K x; HSCAN K 0 COUNT 0; HINCRBY K f 1
LLEN K; LRANGE K 5 1; LINDEX K 10; LINDEX K x; LPOS K zz; LPOS K a COUNT 0; LPOP K
SISMEMBER K zz; SMISMEMBER K a zz; SRANDMEMBER K x; SRANDMEMBER K 0; SSCAN K 0; SINTER K {k}set; SINTER {k}set K; SUNION K {k}set
SDIFF {k}set K; SINTERCARD 2 {k}set K; SINTERCARD x K; SINTERSTORE {k}d K {k}set; SUNIONSTORE {k}d K {k}d; SDIFFSTORE {k}d K {k}set
ZSCORE K zz; ZMSCORE K a zz; ZRANK K zz; ZRANGE K 5 1; ZRANGE K x 1; ZRANGEBYSCORE K 10 0; ZRANGEBYSCORE K x 0; ZCOUNT K 10 0; ZRANDMEMBER K 0
ZUNION 2 K {k}zset; ZINTER 2 {k}zset K; ZDIFF 1 K FOO; ZINTERCARD 2 K {k}zset; ZUNIONSTORE {k}d 2 K {k}zset; ZRANGESTORE {k}d K 0 -1
XLEN K; XRANGE K - +; XRANGE K x y; XRANGE K - + COUNT 0; XREAD STREAMS K 0; XREAD STREAMS K x; XREAD STREAMS K {k}zz 0 0
XINFO STREAM K; XINFO CONSUMERS K g; XPENDING K g; XPENDING K g x; XREADGROUP GROUP g c STREAMS K >
XACK K g 1-1; XCLAIM K g c 0 1-1; XAUTOCLAIM K g c 0 0; XAUTOCLAIM K g c x 0
GEOPOS K a zz; GEODIST K a b; GEODIST K a b foo; GEOHASH K a zz; GEOSEARCH K FROMLONLAT 1 1 BYRADIUS 1 km; GEORADIUS K 1 1 1 km
GEOSEARCHSTORE {k}d K FROMLONLAT 1 1 BYRADIUS 1 km; PFCOUNT K; PFCOUNT K {k}hll; PFMERGE {k}d K; PFADD K z
"""


def counted(server: Server, lines: list[str]) -> dict[tuple[str, str], tuple[int, int]]:
    """Hits and misses by command and key."""
    found = {}
    with socket.create_connection((server.host, server.port), timeout=60) as connection:

        def figures() -> list[int]:
            text = ask(connection, b"INFO", b"stats").decode()
            return [int(number) for number in re.findall(r"keyspace_(?:hits|misses):(\d+)", text)]

        for line in lines:
            for key in ("string", "list", "hash", "set", "zset", "stream", "hll", "missing"):
                ask(connection, b"FLUSHALL")
                for setup in KEYS:
                    ask(connection, *setup.split())
                before = figures()
                ask(connection, *split_line(re.sub(r"\bK\b", "{k}" + key, line)))
                hits, misses = (after - was for after, was in zip(figures(), before, strict=True))
                found[line, key] = hits, misses
    return found


@pytest.mark.parametrize("kind", ["valkey", "redis", "redis6"])
def test_hits_and_misses(servers: Servers, kind: str) -> None:
    lines = [line.strip() for line in COMMANDS.strip().replace("\n", ";").split(";")]
    if kind == "valkey":  # which reads GETEX's and SET's options before the key since 8
        lines = [line for line in lines if not line.startswith("GETEX K EX")]
    assert counted(servers.engine(kind), lines) == counted(servers.witness(kind), lines)
