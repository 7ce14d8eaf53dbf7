"""Sizes of keys beside those that a real server tells."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.memory import usage

from .conftest import Servers
from .witness import BINARIES, ask, witness

SIZES = (1, 10, 100, 1000, 20_000)


@pytest.fixture(scope="module")
def server() -> Iterator[redis.Redis]:
    if BINARIES["redis"][0]() is None:
        pytest.skip("no redis-server to compare with")
    with witness("redis") as found, redis.Redis(host=found.host, port=found.port) as client:
        yield client


def fill(client: Any, kind: str, size: int) -> None:
    client.delete("key")
    numbers = range(size)
    match kind:
        case "string":
            client.set("key", "x" * size)
        case "hash":
            client.hset("key", mapping={f"field{n}": f"value{n}" for n in numbers})
        case "set":
            client.sadd("key", *(f"member{n}" for n in numbers))
        case "zset":
            client.zadd("key", {f"member{n}": n for n in numbers})
        case "list":
            client.rpush("key", *(f"element{n}" for n in numbers))
        case "stream":
            with client.pipeline(transaction=False) as pipeline:
                for n in numbers:
                    pipeline.xadd("key", {"field": f"value{n}"})
                pipeline.execute()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["string", "hash", "set", "zset", "list", "stream"])
def test_a_key_takes_about_as_many_bytes_as_on_a_real_server(
    server: redis.Redis, kind: str, size: int
) -> None:
    fill(server, kind, size)
    limits = rdb.Limits(set_max_listpack_entries=0)
    value = rdb.restore(server.dump("key"), limits)
    theirs = server.memory_usage("key", samples=0)
    # The allocator's classes depend on how a server was built, and a table that grows is there twice for a while.
    assert usage(b"key", value, 0) == pytest.approx(theirs, rel=0.25, abs=128)


SAME: dict[str, list[str]] = {
    "a number": ["SET {k}x 12345"],
    "a string": ["SET {k}x yyyyy"],
    "a string with a deadline": ["SET {k}x yyyyy EX 100"],
    "a long string": ["SET {k}x " + "y" * 1000],
    "a long string of a counter": ["SETRANGE {k}x 999 a"],
    "bits": ["BITFIELD {k}x SET u8 0 1"],
    "a hash": ["HSET {k}x " + " ".join(f"field{n} value{n}" for n in range(400))],
    "integers": ["SADD {k}x " + " ".join(map(str, range(300)))],
    "a sorted set": ["ZADD {k}x " + " ".join(f"{n} member{n}" for n in range(100))],
    "a sorted set of fractions": ["ZADD {k}x 0.5 a 1.25 b -3 c"],
    "a stream": ["XADD {k}x 1-1 a b", "XADD {k}x 2-1 a b"],
}


@pytest.mark.parametrize("name", SAME)
def test_memory_usage_is_what_a_real_server_says(servers: Servers, name: str) -> None:
    said = []
    for server in (servers.engine("redis"), servers.witness("redis")):
        with socket.create_connection((server.host, server.port), timeout=10) as connection:
            for line in ("DEL {k}x", *SAME[name], "MEMORY USAGE {k}x"):
                reply = ask(connection, *map(str.encode, line.split()))
            said.append(int(reply[1:-2]))
    assert said[0] == pytest.approx(said[1], abs=8)  # allocators of multiples of 16 bytes and of 8
