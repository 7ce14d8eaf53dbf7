"""Command lines of very many words, and large values: what is said, kept, counted and told is the same when they give way."""

from __future__ import annotations

from random import Random

import pytest

from localstack_memorydb.engine import digest, turns
from localstack_memorydb.engine.resp import encode_request
from tests.unit.cluster_without_sockets import NOW, Client, start
from tests.unit.test_long_scripts import Clock

WORDS = [b"%d" % number for number in range(3000)]
KEYS = [b"{n}%b" % word for word in WORDS]
PAIRS = [each for word in WORDS for each in (word, word)]
MSET = [b"MSET", *(each for key in KEYS for each in (key, b"v"))]
STREAM = [
    *([b"XADD", b"n", b"%d-0" % number, b"f", b"v"] for number in range(1, 2500)),
    [b"XGROUP", b"CREATE", b"n", b"g", b"0"],
    [b"XREADGROUP", b"GROUP", b"g", b"c", b"STREAMS", b"n", b">"],
]
ROWS = [
    *([b"HSET", b"{n}%b" % word, b"a", word, b"b", word[-1:]] for word in WORDS),
    b"FT.CREATE i ON HASH SCHEMA a NUMERIC b TAG".split(),
]
LONG_LINES = [
    [MSET],
    [MSET, [b"MSETNX", *MSET[1:]]],
    [MSET, [b"MGET", *KEYS, b"{n}none"]],
    [MSET, [b"EXISTS", *KEYS], [b"TOUCH", *KEYS]],
    [MSET, [b"DEL", b"{n}none", *KEYS]],
    [MSET, [b"unLINK", *KEYS[5:]]],
    [[b"MGET", *WORDS], MSET],
    [[b"GET", *WORDS], MSET],
    [[b"NONE", *WORDS], MSET],
    [[b"SADD", b"n", *WORDS, b"x"], [b"SMISMEMBER", b"n", *WORDS, b"y"], [b"SREM", b"n", *WORDS]],
    [[b"RPUSH", b"n", *WORDS], [b"SADD", b"n", *WORDS], [b"LRANGE", b"n", b"0", b"-1"], MSET],
    [[b"HSET", b"n", *PAIRS], [b"HMGET", b"n", *WORDS], [b"HDEL", b"n", *WORDS[9:]], [b"HSET", *PAIRS]],
    [[b"HSET", b"n", *PAIRS], [b"HGETALL", b"n"], [b"HKEYS", b"n"], [b"HVALS", b"n"], [b"DUMP", b"n"]],
    [[b"HSET", b"n", *PAIRS], [b"HSCAN", b"n", b"0", b"COUNT", b"9999"], [b"COPY", b"n", b"{n}m"]],
    [[b"ZADD", b"n", *PAIRS], [b"ZMSCORE", b"n", *WORDS], [b"ZREM", b"n", *WORDS[9:], b"x"]],
    [[b"ZADD", b"n", *PAIRS], [b"ZADD", b"n", b"GT", b"CH", *reversed(PAIRS)], [b"ZPOPMAX", b"n", b"2999"]],
    [[b"ZADD", b"n", *PAIRS], [b"ZADD", b"n", *PAIRS, b"x", b"y"], [b"ZADD", b"n", *PAIRS, b"x"]],
    [[b"ZADD", b"n", *PAIRS], [b"ZRANGE", b"n", b"0", b"-1", b"WITHSCORES"], [b"ZREVRANGE", b"n", b"0", b"-1"]],
    [[b"ZADD", b"n", *PAIRS], [b"ZRANGEBYSCORE", b"n", b"1", b"inf"], [b"ZREMRANGEBYSCORE", b"n", b"1", b"inf"]],
    [[b"ZADD", b"n", *PAIRS], [b"ZLEXCOUNT", b"n", b"-", b"+"], [b"ZRANGESTORE", b"{n}m", b"n", b"0", b"-1"]],
    [[b"ZADD", b"n", *PAIRS], [b"ZREMRANGEBYRANK", b"n", b"1", b"-2"], [b"ZRANGE", b"n", b"0", b"-1"]],
    [[b"GEOADD", b"n", *(each for word in WORDS for each in (b"1", b"2", word))], [b"GEOPOS", b"n", *WORDS]],
    [[b"PFADD", b"n", *WORDS], [b"PFADD", b"n", *WORDS]],
    [[b"BITFIELD", b"n", *(each for word in WORDS for each in (b"INCRBY", b"u8", word, b"1"))]],
    [[b"SADD", b"n", *WORDS], [b"SPOP", b"n", b"2990"], [b"SMEMBERS", b"n"]],
    [[b"RPUSH", b"n", *WORDS], [b"LPOP", b"n", b"2500"], [b"LMPOP", b"1", b"n", b"RIGHT", b"COUNT", b"400"]],
    [[b"RPUSH", b"n", *WORDS], [b"LTRIM", b"n", b"100", b"200"], MSET],
    [[b"XADD", b"n", b"1-0", *PAIRS], [b"XDEL", b"n", *WORDS], [b"XACK", b"n", b"g", *WORDS]],
    [*STREAM, [b"DUMP", b"n"], [b"COPY", b"n", b"{n}m"], [b"XAUTOCLAIM", b"n", b"g", b"d", b"0", b"0", b"COUNT", b"2400"]],
    [*STREAM, [b"XINFO", b"STREAM", b"n", b"FULL", b"COUNT", b"0"], [b"XPENDING", b"n", b"g", b"-", b"+", b"2500"]],
    [*STREAM, [b"XRANGE", b"n", b"-", b"+"], [b"XREAD", b"STREAMS", b"n", b"0"]],
    [[b"SADD", b"n", *WORDS], [b"SORT", b"n", b"DESC"], [b"SORT_RO", b"n", b"ALPHA", b"LIMIT", b"3", b"9"]],
    [*ROWS, [b"FT.SEARCH", b"i", b"@a:[5 2900]", b"LIMIT", b"0", b"2500"]],
    [*ROWS, b"FT.AGGREGATE i * LOAD 2 a b GROUPBY 1 @b REDUCE SUM 1 @a AS s SORTBY 2 @s DESC".split()],
    [[b"BLPOP", *KEYS, b"0.001"], [b"LPUSH", KEYS[3], b"x"]],
    [[b"LMPOP", b"3000", *KEYS, b"LEFT"], [b"EVAL", b"return #KEYS", b"3000", *KEYS]],
    [[b"XREAD", b"BLOCK", b"9", b"STREAMS", *KEYS, *WORDS], [b"XADD", KEYS[3], b"4-0", b"f", b"v"]],
    [[b"MULTI"], MSET, [b"DEL", *KEYS], [b"EXEC"]],
    [[b"WATCH", *KEYS], [b"MULTI"], [b"SET", KEYS[3], b"x"], [b"EXEC"]],
    [[b"CLIENT", b"REPLY", b"SKIP"], MSET, [b"PING"]],
]  # fmt: skip


class Played:
    """Command lines in a cluster whose clock goes on by so much with every look: what was said, counted and kept."""

    def __init__(self, lines: list[list[bytes]], step: float, **parameters: str) -> None:
        cluster = start(search_enabled="yes", **parameters)
        cluster.clock, cluster.random = Clock(step), Random(7)
        client, keyspace = Client(cluster.shards[0].primary), cluster.shards[0].keyspace
        self.said: list[bytes] = []
        self.gave_way = 0
        listener = Client(cluster.shards[0].primary)
        listener("PSUBSCRIBE *")
        for line in lines:
            reply = client.session.receive(encode_request(line), NOW)
            work = cluster.shards[0].work
            while work.suspended is not None or client.session.waits_for_turn:
                self.gave_way += work.suspended is not None
                reply += turns.run(client.session) if client.session.waits_for_turn else b""
                cluster.tick(NOW)
            self.said.append(reply + client.heard())
        self.events = listener.heard()
        self.kept = {key: digest.of_value(value, deadline) for key, value, deadline in keyspace.entries(NOW)}
        stats = cluster.shards[0].primary.stats
        self.counted = {
            name: (each.calls, each.failed, each.rejected) for name, each in stats.commands.items()
        }
        self.counted["lookups"] = (stats.lookups, stats.misses, 0)


@pytest.mark.parametrize(
    "lines", LONG_LINES, ids=lambda lines: b" ".join(dict.fromkeys(line[0] for line in lines)).decode()
)
def test_long_lines_do_the_same_when_they_give_way(lines: list[list[bytes]]) -> None:
    at_once, in_parts = Played(lines, 0.0), Played(lines, 0.03)
    assert at_once.gave_way == 0 < in_parts.gave_way
    assert in_parts.said == at_once.said
    assert in_parts.kept == at_once.kept
    assert in_parts.counted == at_once.counted


@pytest.mark.parametrize("lines", [[MSET, [b"DEL", *KEYS[5:]], [b"MGET", *KEYS]], [[b"ZADD", b"n", *PAIRS]]])
def test_events_are_the_same_when_a_line_gives_way(lines: list[list[bytes]]) -> None:
    at_once, in_parts = (Played(lines, step, notify_keyspace_events="KEAmn") for step in (0.0, 0.03))
    assert in_parts.gave_way > 0
    assert in_parts.events == at_once.events != b""


def test_a_transaction_that_gives_way_tells_of_its_clients_own_keys_at_its_end() -> None:
    cluster = start()
    client = Client(cluster.shards[0].primary)
    for line in ("HELLO 3", "CLIENT TRACKING on", "GET {n}1", "MULTI", "SET {n}1 x"):
        client(line)
    for key in KEYS:
        client(f"SET {key.decode()} x")
    client("FLUSHALL")
    cluster.clock = Clock(10.0)
    assert client("EXEC") == b""
    for _ in WORDS:
        cluster.tick(NOW)
    told = b">2\r\n$10\r\ninvalidate\r\n"
    assert client.heard().endswith(b"+OK\r\n" + told + b"*1\r\n$4\r\n{n}1\r\n" + told + b"_\r\n")
