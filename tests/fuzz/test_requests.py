"""A short run over damaged requests and payloads, to nodes and to the API, with random numbers that are the same each time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from random import Random
from typing import Any

import cbor2
import psutil
import pytest

from tests.differential.conftest import Servers, servers
from tests.differential.player import Connection
from tests.differential.witness import BINARIES, running

from . import api, payloads, requests

__all__ = ["servers"]  # a fixture
SEED = 20240321
MEGABYTE = 1 << 20


@pytest.mark.parametrize("kind", ["valkey", "redis"])
def test_damaged_requests_are_read_as_a_real_server_reads_them(kind: str, servers: Servers) -> None:
    with (
        closing(requests.Raw(servers.witness(kind))) as real,
        closing(requests.Raw(servers.engine(kind))) as ours,
    ):
        for turn in range(300 if kind == "redis" else 150):
            pieces = requests.draw(Random(SEED + turn))
            difference = requests.compare(real, ours, pieces, newer=kind == "valkey")
            assert difference is None, pieces


@pytest.mark.parametrize("way", requests.WAYS[1:], ids=lambda way: way.name.replace(" ", "-"))
def test_damaged_requests_are_read_in_every_way_in_which_they_come(way: requests.Way) -> None:
    if BINARIES["redis"][0]() is None:
        pytest.skip("no redis-server to compare with")
    with requests.sides("redis", way) as (real, ours):
        for turn in range(400 // way.share):
            drawn = requests.draw(Random(SEED + turn), way.commands)
            for pieces in requests.everywhere(drawn) if way.cut else [drawn]:
                assert requests.compare(real, ours, pieces, newer=False) is None, pieces


def test_what_is_only_announced_takes_no_memory(servers: Servers) -> None:
    server = servers.engine("valkey")
    before = psutil.Process().memory_info().rss
    clients = [Connection(server) for _ in range(100)]
    try:
        for client in clients:
            client.send(b"*1000000\r\n$536870912\r\nx")
            client.send(b"*1\r\n" * 1000)
        with closing(Connection(server)) as another:
            assert another.ask(b"PING") == b"+PONG\r\n"
        assert psutil.Process().memory_info().rss - before < 60 * MEGABYTE
    finally:
        for client in clients:
            client.close()


def test_damaged_payloads_are_refused_or_mean_what_they_mean_to_a_real_server(servers: Servers) -> None:
    if BINARIES["valkey"][0]() is None:
        pytest.skip("no valkey-server to compare with")
    with (
        running("valkey", "--sanitize-dump-payload", "yes") as real,
        closing(payloads.Restorer(real, servers.engine("valkey"))) as restorer,
    ):
        sound = restorer.made()
        for turn in range(1_500):
            rng = Random(SEED + turn)
            payload = payloads.damaged(rng, rng.choice(sound))
            assert restorer.restore(payload) is None, payload


@pytest.fixture(scope="module")
def caller() -> Iterator[api.Caller]:
    with api.caller() as caller:
        yield caller


def test_no_call_of_the_api_fails_or_changes_anything_when_it_is_refused(caller: api.Caller) -> None:
    for turn in range(400):
        assert caller.call(Random(SEED + turn)) is None
    assert caller.refused > 300


@pytest.mark.parametrize("path", ["", "/", "/operation/", "/operation/../x", "/operation/a%20b"])
def test_a_path_that_names_no_operation_is_refused_by_the_api(caller: api.Caller, path: str) -> None:
    line = f"POST /service/AmazonMemoryDB/{path.lstrip('/')} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    answer = api.exchange(caller.address, f"{line}Content-Length: 0\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ") or answer.startswith(b"HTTP/1.1 404 "), answer
    assert b"UnknownOperationException" in answer


@pytest.mark.parametrize("params", [{1: 2, "a": 3}, {"Nonsense": {1: 2, "a": 3}}])
def test_names_that_are_no_texts_are_no_failure_where_pages_are_listed(
    caller: api.Caller, params: dict[Any, Any]
) -> None:
    data = cbor2.dumps(params)
    lines = (
        "POST /service/AmazonMemoryDB/operation/DescribeReservedNodesOfferings HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/cbor\r\nSmithy-Protocol: rpc-v2-cbor\r\nConnection: close\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    assert b" 200 OK\r\n" in api.exchange(caller.address, lines.encode() + data)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"5",
        b"5\r\n{",
        b"fffffff\r\n{}",
        b"1\r\n{\r\nfffffff\r\n}",
        b"2\r\n{}",
        b"2\r\n{}\r\n",
        b"-1\r\n",
        b"x\r\n",
    ],
)
def test_a_body_that_ends_within_a_chunk_is_refused_by_the_api(caller: api.Caller, body: bytes) -> None:
    """What lies in memory behind the piece that arrived was read once, or the process ended."""
    lines = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonMemoryDB.DescribeClusters\r\n"
        "Content-Type: application/x-amz-json-1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert api.exchange(caller.address, lines.encode() + body).startswith(b"HTTP/1.1 400 ")
    answer = api.exchange(caller.address, lines.encode() + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 "), answer
