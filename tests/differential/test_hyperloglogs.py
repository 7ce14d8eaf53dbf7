"""Values of HyperLogLogs beside those of a real server, byte for byte, from the first element to thousands."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
import redis

from localstack_memorydb.engine.resp import encode_request
from tests.unit.cluster_without_sockets import NOW, Client, start

from .witness import BINARIES, witness


@pytest.fixture(scope="module", params=["redis", "valkey"])
def server(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    if BINARIES[request.param][0]() is None:
        pytest.skip(f"no {request.param}-server to compare with")
    with (
        witness(request.param) as found,
        redis.Redis(host=found.host, port=found.port, socket_timeout=60) as client,
    ):
        yield client


def bulk(data: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize("seed", range(4))
def test_values_grow_as_on_a_real_server(server: redis.Redis, seed: int) -> None:
    luck, ours = Random(seed), Client(next(start().nodes()))
    key = b"hll%d" % seed
    server.delete(key)

    def say(*words: bytes) -> bytes:
        return ours.session.receive(encode_request(list(words)), NOW)

    for _ in range(60):
        elements = [luck.randbytes(luck.randrange(20)) for _ in range(luck.choice((1, 3, 40, 120)))]
        assert say(b"PFADD", key, *elements) == b":%d\r\n" % server.pfadd(key, *elements)
        if luck.random() < 0.3:
            assert say(b"PFCOUNT", key) == b":%d\r\n" % server.pfcount(key)
        assert say(b"GET", key) == bulk(server.get(key))
