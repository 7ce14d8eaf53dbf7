"""Limits of connections: too many of them, silent ones, and clients that do not read what they are sent."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from redis import Redis

from localstack_memorydb.engine import ClusterHandle, ClusterSpec, Engine


def go_on(connection: socket.socket) -> None:
    """Sends until the other side has enough."""
    while True:
        connection.sendall(b"x" * 50_000)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline


@contextmanager
def limited(engine: Engine, **parameters: str) -> Iterator[tuple[ClusterHandle, tuple[str, int]]]:
    given = {name.replace("_", "-"): value for name, value in parameters.items()}
    handle = engine.create_cluster(ClusterSpec("limited", replicas=0, tls=False, parameters=given))
    yield handle, handle.endpoint()
    handle.close()


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    data = b""
    while piece := connection.recv(1 << 16):
        data += piece
    return data


def test_a_client_too_many_is_told_so(engine: Engine) -> None:
    with limited(engine, maxclients="2") as (_, where), ExitStack() as stack:
        first = Redis(*where)
        stack.callback(first.close)
        assert first.ping()
        second = Redis(*where)
        stack.callback(second.close)
        assert second.ping()
        with socket.create_connection(where, 5) as third:
            assert read_all(third) == b"-ERR max number of clients reached\r\n"
        assert first.info("stats")["rejected_connections"] == 1


def test_clients_leave_files_for_others(engine: Engine) -> None:
    _, most = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with limited(engine) as (_, where), ExitStack() as stack:
        first = stack.enter_context(socket.create_connection(where, 5))
        # Nobody may open more than a few files from here on.
        resource.setrlimit(resource.RLIMIT_NOFILE, (first.fileno() + 40, most))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        clients = [stack.enter_context(socket.create_connection(where, 5)) for _ in range(18)]
        assert b"-ERR max number of clients reached\r\n" in [read_all(each) for each in clients[-2:]]
        with socket.socket():
            first.sendall(b"PING\r\n")
            assert first.recv(100) == b"+PONG\r\n"


def test_a_silent_client_is_closed_and_one_that_waits_is_not(engine: Engine) -> None:
    with limited(engine, timeout="1") as (_, where):
        waiting = socket.create_connection(where, 10)
        waiting.sendall(b"BLPOP list 0\r\n")
        with socket.create_connection(where, 10) as silent:
            silent.sendall(b"PING\r\n")
            assert read_all(silent) == b"+PONG\r\n"
        with Redis(*where) as other:
            other.rpush("list", "value")
        assert waiting.recv(100).startswith(b"*2\r\n")
        waiting.close()


@pytest.mark.parametrize(
    "limits",
    [
        {"client_output_buffer_limit_pubsub_hard_limit": "1000000"},
        {
            "client_output_buffer_limit_pubsub_hard_limit": "0",
            "client_output_buffer_limit_pubsub_soft_limit": "1000000",
            "client_output_buffer_limit_pubsub_soft_seconds": "0",
        },
    ],
    ids=["hard", "soft"],
)
def test_a_subscriber_that_does_not_read_is_dropped(engine: Engine, limits: dict[str, str]) -> None:
    with limited(engine, **limits) as (_, where), Redis(*where) as publisher:
        deaf = socket.create_connection(where, 10)
        deaf.sendall(b"SUBSCRIBE news\r\n")
        assert deaf.recv(100)
        for _ in range(500):
            if publisher.publish("news", b"x" * 100_000) == 0:
                break
        assert publisher.pubsub_numsub("news") == [(b"news", 0)]
        deaf.close()


@pytest.mark.parametrize(
    "limits",
    [
        {"client_output_buffer_limit_normal_hard_limit": "1000000"},
        {
            "client_output_buffer_limit_normal_soft_limit": "100000",
            "client_output_buffer_limit_normal_soft_seconds": "1",
        },
    ],
    ids=["hard", "soft"],
)
def test_a_client_that_does_not_read_its_replies_is_dropped(engine: Engine, limits: dict[str, str]) -> None:
    with limited(engine, **limits) as (_, where), Redis(*where) as other:
        other.set("large", b"x" * 16_000_000)
        with socket.create_connection(where, 10) as deaf:
            deaf.sendall(b"CLIENT SETNAME deaf\r\nGET large\r\n")
            eventually(lambda: "deaf" not in [client["name"] for client in other.client_list()])
        with Redis(*where) as attentive:
            assert attentive.strlen("large") == 16_000_000


def test_others_are_served_while_a_client_asks_for_more_than_it_reads(engine: Engine) -> None:
    with limited(engine) as (_, where), Redis(*where, socket_timeout=20) as other:
        other.set("large", b"x" * 1_000_000)
        with socket.create_connection(where, 10) as greedy:
            greedy.sendall(b"GET large\r\n" * 10_000)
            assert other.ping()
            unsent = [int(client["omem"]) for client in other.client_list()]
            assert max(unsent) < 5_000_000
        eventually(lambda: len(other.client_list()) == 1)


def test_a_pipeline_is_answered_as_fast_as_its_client_reads(engine: Engine) -> None:
    with limited(engine) as (_, where), Redis(*where) as client:
        client.set("large", b"x" * 500_000)
        with client.pipeline(transaction=False) as pipeline:
            for _ in range(100):
                pipeline.get("large").incr("count")
            replies = pipeline.execute()
        assert [len(value) for value in replies[::2]] == [500_000] * 100
        assert replies[1::2] == list(range(1, 101))


@pytest.mark.parametrize(
    "start", [b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$400000000\r\n", b"SET a "], ids=["array", "inline"]
)
def test_a_request_without_end_is_cut_off(engine: Engine, start: bytes) -> None:
    with limited(engine, client_query_buffer_limit="1000000") as (_, where), Redis(*where) as other:
        with socket.create_connection(where, 10) as endless:
            endless.sendall(start)
            with pytest.raises(ConnectionError):
                go_on(endless)
        assert other.set("b", "x" * 900_000)
        assert other.get("a") is None
