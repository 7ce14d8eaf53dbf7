"""What DUMP answers is, byte for byte, what a real server of that RDB version answers, and what RESTORE takes."""

from __future__ import annotations

import socket
from random import Random

import pytest

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.rdb.format import crc64

from .conftest import Servers
from .wire import decode
from .witness import Server, ask

KEY = b"{k}dumped"
EDGES = [
    b"%d" % (sign * (1 << bits) + by)
    for bits in (6, 7, 12, 15, 23, 31, 62)
    for sign in (1, -1)
    for by in (-1, 0)
]
WORDS = [
    *EDGES,
    b"",
    b"-0",
    b"01",
    b"1.5",
    b" 1",
    b"x" * 63,
    b"x" * 64,
    b"x" * 126,
    b"x" * 127,
    b"ab" * 130,
    b"9223372036854775808",
]
NOISE = Random(7).randbytes(20_000)
TEXT = b"".join(b'{"id":%d,"name":"user%d","tags":["a","b"]}' % (n, n * n) for n in range(60))
SCORES = "0 1 -1 0.1 -2.5 inf -inf 1e17 1e20 123456789012345678 4503599627370497 3.5e-7".split()

Lines = list[tuple[bytes, ...]]


def lines(*words: str) -> Lines:
    return [tuple(word.encode() for word in line.split()) for line in words]


VALUES: dict[str, Lines] = {
    **{f"string {n}": [(b"SET", KEY, word)] for n, word in enumerate(WORDS)},
    **{f"text of {size}": [(b"SET", KEY, TEXT[:size])] for size in (20, 21, 24, 40, 100, 333, 2000)},
    **{f"bytes of {size}": [(b"SET", KEY, NOISE[:size] * 2)] for size in (10, 11, 20, 300, 9000)},
    **{f"runs of {size}": [(b"SET", KEY, b"a" * size)] for size in (*range(21, 30), 264, 265, 300, 5000)},
    "a long text": [(b"SET", KEY, b"".join(b"%d %b" % (n, TEXT[n % 90 :]) for n in range(60)))],
    "long bytes": [(b"SET", KEY, NOISE * 8)],
    "a counter": [(b"INCRBY", KEY, b"70000")],
    "a hash": [
        (b"HSET", KEY, word, WORDS[-n]) for n, word in enumerate(WORDS) if len(word) <= 64 >= len(WORDS[-n])
    ],
    "a hash with a long value": [(b"HSET", KEY, b"field", TEXT[:500])],
    "integers": [(b"SADD", KEY, b"%d" % (n * n)) for n in range(150)],
    "large integers": [(b"SADD", KEY, b"%d" % (n << 40)) for n in range(-5, 30)],
    "a small set": [(b"SADD", KEY, word) for word in (b"a", b"1", b"-5000")],
    "a sorted set": [(b"ZADD", KEY, score.encode(), b"m%d" % n) for n, score in enumerate(SCORES)],
    "a large sorted set": [(b"ZADD", KEY, b"%d.5" % (n % 7), b"%d" % n) for n in range(200)],
    "a list": [(b"RPUSH", KEY, word) for word in WORDS],
    "a long list": [(b"RPUSH", KEY, NOISE[n : n + n % 80]) for n in range(700)],
    "a list of large elements": [
        (b"RPUSH", KEY, NOISE[:size]) for size in (10, 8000, 200, 8192, 8193, 5, 20_000, 1)
    ],
    "a list of more than is compressed at once": [
        (b"RPUSH", KEY, b"%d %b" % (n, TEXT[n : n + 400])) for n in range(300)
    ],
    "a stream": [
        (b"XADD", KEY, b"%d-%d" % (n // 3, n % 3 + 1), b"a", word, b"b", b"1") for n, word in enumerate(WORDS)
    ],
    "a stream of many nodes": [
        (b"XADD", KEY, b"%d-1" % (n + 1), b"f%d" % (n % 2), NOISE[n : n + 30]) for n in range(230)
    ],
    "deleted entries of a stream": lines(
        *[f"XADD {{k}}dumped {n}-{n % 3} a {n * n} {'b' if n % 4 else 'c'} x" for n in range(1, 12)],
        "XDEL {k}dumped 3-0 4-1 7-1",
        "XDEL {k}dumped 2-2 11-2",
        "XADD {k}dumped 12-0 a b c d",
    ),
    "a stream trimmed to a part of a node": [
        *[(b"XADD", KEY, b"%d-1" % (n + 1), b"f", NOISE[n : n + 30]) for n in range(250)],
        (b"XDEL", KEY, b"140-1", b"230-1"),
        (b"XTRIM", KEY, b"MAXLEN", b"120"),
        (b"XADD", KEY, b"MINID", b"=", b"145-1", b"500-1", b"f", b"g"),
    ],
    "a stream without entries": lines(
        "XADD {k}dumped 1-1 a b", "XADD {k}dumped 2-1 a b", "XDEL {k}dumped 1-1 2-1"
    ),
    "a stream that lost all by trimming": lines(
        "XADD {k}dumped 1-1 a b",
        "XADD {k}dumped 2-1 a b",
        "XTRIM {k}dumped MAXLEN 0",
        "XADD {k}dumped 3-1 a b",
    ),
    "a stream trimmed to what was deleted": lines(
        "XADD {k}dumped 1-1 a b", "XADD {k}dumped 2-1 a b", "XDEL {k}dumped 2-1", "XTRIM {k}dumped MINID 2-1"
    ),
    "groups": lines(
        "XADD {k}dumped 1-1 a b",
        "XADD {k}dumped 2-1 a b",
        "XGROUP CREATE {k}dumped z 0",
        "XGROUP CREATE {k}dumped a 2-1",
        "XGROUP CREATE {k}dumped m 1-1 ENTRIESREAD 1",
    ),
}


def dumped(server: Server, values: dict[str, Lines]) -> dict[str, bytes]:
    found = {}
    with socket.create_connection((server.host, server.port), timeout=60) as connection:
        for name, commands in values.items():
            ask(connection, b"DEL", KEY)
            for command in commands:
                assert not ask(connection, *command).startswith(b"-"), command
            payload = decode(ask(connection, b"DUMP", KEY)).value
            assert isinstance(payload, bytes)
            assert ask(connection, b"RESTORE", KEY, b"0", payload, b"REPLACE") == b"+OK\r\n"
            found[name] = payload
            assert decode(ask(connection, b"DUMP", KEY)).value == payload  # also of what was restored
    return found


@pytest.mark.parametrize("kind", ["valkey", "redis", "redis6"])
def test_payloads(servers: Servers, kind: str) -> None:
    later = {"valkey": set(), "redis": {"a small set"}, "redis6": {"a small set", "groups"}}[kind]
    values = {name: commands for name, commands in VALUES.items() if name not in later}
    ours, theirs = dumped(servers.engine(kind), values), dumped(servers.witness(kind), values)
    footer = 10 if kind == "valkey" else 0  # Valkey 9.1 writes a version that 7.2 does not know
    for name, payload in theirs.items():
        assert ours[name][: len(ours[name]) - footer] == payload[: len(payload) - footer], name


@pytest.mark.parametrize(("kind", "newest"), [("valkey", 11), ("redis", 10), ("redis6", 9)])
def test_payloads_of_newer_versions_are_refused(servers: Servers, kind: str, newest: int) -> None:
    for server in (servers.engine(kind), servers.witness(kind)):
        with socket.create_connection((server.host, server.port), timeout=60) as connection:
            taken = rdb.dump(b"value", version=newest)
            assert ask(connection, b"RESTORE", KEY, b"0", taken, b"REPLACE") == b"+OK\r\n"
            refused = rdb.dump(b"value", version=newest + 1)
            reply = ask(connection, b"RESTORE", KEY, b"0", refused, b"REPLACE")
            assert reply == b"-ERR DUMP payload version or checksum are wrong\r\n"


@pytest.mark.parametrize(
    ("kind", "version", "kind_of_value"),
    [("redis", 10, 20), ("redis", 10, 21), ("redis6", 9, 16), ("redis6", 9, 19)],
)
def test_types_of_newer_versions_are_not_known(
    servers: Servers, kind: str, version: int, kind_of_value: int
) -> None:
    newer = {
        16: b"HSET {k}dumped a b",
        19: b"XADD {k}dumped 1-1 a b",
        20: b"SADD {k}dumped a",
        21: b"XADD {k}dumped 1-1 a b",
    }
    payload = dumped(
        servers.engine("redis" if kind_of_value < 20 else "valkey"),
        {"": [tuple(newer[kind_of_value].split())]},
    )[""]
    assert payload[0] == kind_of_value
    body = payload[:-10] + version.to_bytes(2, "little")
    for server in (servers.engine(kind), servers.witness(kind)):
        with socket.create_connection((server.host, server.port), timeout=60) as connection:
            signed = body + crc64(body).to_bytes(8, "little")
            assert ask(connection, b"RESTORE", KEY, b"0", signed, b"REPLACE") == b"-ERR Bad data format\r\n"
