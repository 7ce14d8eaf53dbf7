"""Sizes of keys beside those that a real server tells."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from localstack_memorydb.engine import rdb, sizes
from localstack_memorydb.engine.memory import usage

from .conftest import Servers
from .witness import BINARIES, Server, ask, witness

SIZES = (1, 10, 100, 1000, 20_000)


@pytest.fixture(scope="module")
def server() -> Iterator[redis.Redis]:
    if BINARIES["redis"][0]() is None:
        pytest.skip("no redis-server to compare with")
    with (
        witness("redis") as found,
        redis.Redis(host=found.host, port=found.port, socket_timeout=60) as client,
    ):
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


def hash_of(count: int) -> str:
    return "HSET {k}x " + " ".join(f"field{n:04} value{n:04}" for n in range(count))


def set_of(count: int, first: int = 0, name: str = "member") -> str:
    return "SADD {k}x " + " ".join(f"{name}{n}" for n in range(first, first + count))


def list_of(count: int, command: str = "RPUSH") -> str:
    return f"{command} {{k}}x " + " ".join(f"element{n}" for n in range(count))


def stream_of(count: int) -> list[str]:
    return [f"XADD {{k}}x {n + 1}-{n % 7 + 1} field value{n}" for n in range(count)]


SAME: dict[str, list[str]] = {
    "a number": ["SET {k}x 12345"],
    "a string with a deadline": ["SET {k}x yyyyy EX 100"],
    "a string that was changed in place": ["SETRANGE {k}x 1 a"],
    "a longer one": ["SETRANGE {k}x 999 a"],
    "bits": ["BITFIELD {k}x SET u8 0 1"],
    **{f"a string of {size}": ["SET {k}x " + "y" * size] for size in (1, 20, 44, 45, 61, 256, 1000, 70000)},
    **{f"a key of {size}": ["SET {k}" + "x" * size + " y"] for size in (1, 27, 28, 60, 300)},
    **{f"a hash of {count}": [hash_of(count)] for count in (1, 50, 512, 513, 1000)},
    "a hash with a long value": ["HSET {k}x field " + "y" * 100],
    "a hash with some long values": ["HSET {k}x " + " ".join(f"field{n} {'y' * 1000}" for n in range(10))],
    # A table grows at 65, and is moved over by one bucket that holds something with each new member: how many those are is chance,
    # but there are more than one or two, and no more than 63.
    **{f"a set of {count}": [set_of(count)] for count in (1, 5, 65, 66, 128, 129)},
    **{f"{count} integers": [set_of(count, name="")] for count in (1, 100, 512)},
    "larger integers": [set_of(100, 70_000, "")],
    "large integers": [set_of(100, 7_000_000_000, "")],
    "integers and a string": ["SADD {k}x 1 2", "SADD {k}x a"],
    "a sorted set": ["ZADD {k}x " + " ".join(f"{n} member{n}" for n in range(100))],
    "a sorted set of fractions": ["ZADD {k}x 0.5 a 1.25 b -3 c"],
    **{f"a list of {count}": [list_of(count)] for count in (1, 8, 512, 1000, 5000)},
    "a list from the other end": [list_of(1000, "LPUSH")],
    "a list of large elements": [f"RPUSH {{k}}x {'x' * 10_000} {'y' * 100} {'z' * 9000}"],
    **{f"a stream of {count}": stream_of(count) for count in (1, 100, 101, 700)},
    "a group": [*stream_of(3), "XGROUP CREATE {k}x g 0"],
    "a group with pending entries": [
        *stream_of(300),
        "XGROUP CREATE {k}x g 0",
        "XREADGROUP GROUP g c COUNT 99 STREAMS {k}x >",
        "XREADGROUP GROUP g other STREAMS {k}x >",
    ],
}


def told(server: Server, lines: list[str]) -> list[int]:
    """MEMORY USAGE of the key that the lines make, judged by some elements and by all."""
    with socket.create_connection((server.host, server.port), timeout=60) as connection:
        ask(connection, b"FLUSHALL")
        for line in lines:
            assert not ask(connection, *map(str.encode, line.split())).startswith(b"-")
        question = ["MEMORY", "USAGE", lines[0].split()[1]]
        answers = [ask(connection, *map(str.encode, [*question, *more])) for more in ([], ["SAMPLES", "0"])]
        return [int(answer[1:-2]) for answer in answers]


@pytest.mark.parametrize("name", SAME)
def test_memory_usage_is_what_a_real_server_says(
    servers: Servers, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, ours = servers.witness("redis"), servers.engine("redis")
    # Debian's server is linked with Debian's allocator, others bring their own: a string tells which it is.
    probe = ["SET {k}x " + "y" * 20]
    if told(real, probe) != told(ours, probe):
        monkeypatch.setattr(sizes, "CLASSES", sizes.size_classes(16))
    assert told(ours, SAME[name]) == told(real, SAME[name])
