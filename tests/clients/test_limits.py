"""Limits of connections: too many of them, silent ones, and clients that do not read what they are sent."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from select import select

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from localstack_memorydb.engine import ClusterHandle, ClusterSpec, Engine, EngineSettings, UserSpec
from localstack_memorydb.engine.resp import encode_request
from localstack_memorydb.engine.usage import resident_memory


def fill(client: Redis) -> None:
    """Sets keys as long as they are taken, or until that is too much."""
    for number in range(2000):
        client.set(f"key{number}", b"x" * 1_000_000)


def go_on(connection: socket.socket) -> None:
    """Sends until the other side has enough."""
    while True:
        connection.sendall(b"x" * 50_000)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline


@pytest.fixture(scope="module")
def frugal() -> Iterator[Engine]:
    """An engine that keeps little for its clients."""
    with Engine(EngineSettings(client_memory=20_000_000)) as engine:
        yield engine


def named(connection: socket.socket, name: bytes) -> None:
    connection.sendall(b"CLIENT SETNAME %b\r\n" % name)
    assert connection.recv(100) == b"+OK\r\n"


def present(client: Redis) -> set[str]:
    return {each["name"] for each in client.client_list()} - {""}


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
        first = Redis(*where, socket_timeout=60)
        stack.callback(first.close)
        assert first.ping()
        second = Redis(*where, socket_timeout=60)
        stack.callback(second.close)
        assert second.ping()
        with socket.create_connection(where, 60) as third:
            assert read_all(third) == b"-ERR max number of clients reached\r\n"
        assert first.info("stats")["rejected_connections"] == 1


def test_clients_leave_files_for_others(engine: Engine) -> None:
    _, most = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with limited(engine) as (_, where), ExitStack() as stack:
        first = stack.enter_context(socket.create_connection(where, 60))
        # Nobody may open more than a few files from here on.
        resource.setrlimit(resource.RLIMIT_NOFILE, (first.fileno() + 40, most))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        clients = [stack.enter_context(socket.create_connection(where, 60)) for _ in range(18)]
        assert b"-ERR max number of clients reached\r\n" in [read_all(each) for each in clients[-2:]]
        with socket.socket():
            first.sendall(b"PING\r\n")
            assert first.recv(100) == b"+PONG\r\n"


def read_bytes(connection: socket.socket, size: int) -> bytes:
    """That many bytes."""
    data = bytearray()
    while len(data) < size:
        data += connection.recv(1 << 16)
    return bytes(data)


def test_a_transaction_of_very_many_commands_holds_up_its_own_shard_only(engine: Engine) -> None:
    many = 100_000
    request = b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"
    with limited(engine) as (handle, where), limited(engine) as (_, elsewhere), ExitStack() as stack:
        runs, other, stranger = (
            stack.enter_context(socket.create_connection(address, 60))
            for address in (where, where, elsewhere)
        )
        runs.sendall(b"MULTI\r\n")
        assert read_bytes(runs, 5) == b"+OK\r\n"
        for _ in range(many // 1000):
            runs.sendall(request * 1000)
            read_bytes(runs, 1000 * len(b"+QUEUED\r\n"))
        runs.sendall(b"EXEC\r\n")
        answered = 0
        while not select([runs], [], [], 0)[0]:
            stranger.sendall(b"PING\r\n")
            assert stranger.recv(100) == b"+PONG\r\n"
            if not answered:
                other.sendall(b"GET n\r\n")
            assert handle.topology()
            answered += 1
        assert answered
        assert other.recv(100) == b"$6\r\n%d\r\n" % many
        replies = b"*%d\r\n" % many + b"".join(b":%d\r\n" % number for number in range(1, many + 1))
        assert read_bytes(runs, len(replies)) == replies


def test_a_silent_client_is_closed_and_one_that_waits_is_not(engine: Engine) -> None:
    with limited(engine) as (handle, where), Redis(*where, socket_timeout=60) as other:
        waiting = socket.create_connection(where, 60)
        waiting.sendall(b"BLPOP list 0\r\n")
        eventually(lambda: other.info("clients")["blocked_clients"] == 1)
        with socket.create_connection(where, 60) as silent:
            silent.sendall(b"PING\r\n")
            assert silent.recv(100) == b"+PONG\r\n"
            handle.set_parameters({"timeout": "1"})
            assert read_all(silent) == b""
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
    with limited(engine, **limits) as (_, where), Redis(*where, socket_timeout=60) as publisher:
        deaf = socket.create_connection(where, 60)
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
    with limited(engine, **limits) as (_, where), Redis(*where, socket_timeout=60) as other:
        other.set("large", b"x" * 16_000_000)
        with socket.create_connection(where, 60) as deaf:
            deaf.sendall(b"CLIENT SETNAME deaf\r\nGET large\r\n")
            eventually(lambda: "deaf" not in [client["name"] for client in other.client_list()])
        with Redis(*where, socket_timeout=60) as attentive:
            assert attentive.strlen("large") == 16_000_000


def test_replies_beyond_the_hard_limit_are_not_sent_even_to_a_client_that_reads(engine: Engine) -> None:
    limits = {"client_output_buffer_limit_normal_hard_limit": "100000"}
    with limited(engine, **limits) as (_, where), Redis(*where, socket_timeout=60) as other:
        other.rpush("k", *["x" * 1000] * 150)
        with socket.create_connection(where, 60) as connection:
            connection.sendall(b"MULTI\r\nLRANGE k 0 -1\r\nSET {k}after 1\r\nEXEC\r\n")
            assert read_all(connection) == b""
        assert other.exists("{k}after")


def test_nobody_gets_long_replies_before_it_says_who_it_is(engine: Engine) -> None:
    spec = ClusterSpec("closed", replicas=0, tls=False)
    handle = engine.create_cluster(spec)
    handle.set_users([UserSpec("default", "off", "no-password")])
    with socket.create_connection(handle.endpoint(), timeout=60) as connection, suppress(ConnectionError):
        connection.sendall(b"GET a\r\n" * 10)
        assert connection.recv(100).startswith(b"-NOAUTH")
        connection.sendall(b"GET a\r\n" * 2000)
        assert len(read_all(connection)) < 20_000
    handle.close()


def test_others_are_served_while_a_client_asks_for_more_than_it_reads(engine: Engine) -> None:
    with limited(engine) as (_, where), Redis(*where, socket_timeout=60) as other:
        other.set("large", b"x" * 1_000_000)
        with socket.create_connection(where, 60) as greedy:
            greedy.sendall(b"GET large\r\n" * 10_000)
            assert other.ping()
            unsent = [int(client["omem"]) for client in other.client_list()]
            assert max(unsent) < 5_000_000
        eventually(lambda: len(other.client_list()) == 1)


def test_a_pipeline_is_answered_as_fast_as_its_client_reads(engine: Engine) -> None:
    with limited(engine) as (_, where), Redis(*where, socket_timeout=60) as client:
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
    with (
        limited(engine, client_query_buffer_limit="1000000") as (_, where),
        Redis(*where, socket_timeout=60) as other,
    ):
        with socket.create_connection(where, 60) as endless:
            endless.sendall(start)
            with pytest.raises(ConnectionError):
                go_on(endless)
        assert other.set("b", "x" * 900_000)
        assert other.get("a") is None


def test_another_limit_of_requests_holds_for_who_is_connected(engine: Engine) -> None:
    with limited(engine) as (handle, where), socket.create_connection(where, 60) as endless:
        endless.sendall(b"PING\r\n")
        assert endless.recv(100) == b"+PONG\r\n"
        handle.set_parameters({"client-query-buffer-limit": "1048576"})
        endless.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$400000000\r\n")
        with pytest.raises(ConnectionError):
            go_on(endless)


def test_of_clients_that_keep_much_waiting_the_largest_goes(frugal: Engine) -> None:
    with limited(frugal) as (_, where), Redis(*where, socket_timeout=60) as other, ExitStack() as stack:
        sizes = {b"one": 16_000_000, b"two": 20_000_000, b"three": 18_000_000}
        deaf = {name: stack.enter_context(socket.create_connection(where, 60)) for name in sizes}
        for name, size in sizes.items():
            other.setrange(name, size - 1, b"x")
            named(deaf[name], name)
        for name, connection in deaf.items():
            connection.sendall(b"GET %b\r\n" % name)
        eventually(lambda: present(other) == {"one"})
        assert other.info("stats")["evicted_clients"] == 2
        deaf[b"one"].shutdown(socket.SHUT_WR)
        assert len(read_all(deaf[b"one"])) > 16_000_000


def test_who_asked_to_be_spared_goes_last(frugal: Engine) -> None:
    with limited(frugal) as (_, where), Redis(*where, socket_timeout=60) as other, ExitStack() as stack:
        other.setrange("large", 15_999_999, b"x")
        for name in (b"spared", b"usual"):
            deaf = stack.enter_context(socket.create_connection(where, 60))
            named(deaf, name)
            if name == b"spared":
                deaf.sendall(b"CLIENT NO-EVICT ON\r\n")
                assert deaf.recv(100) == b"+OK\r\n"
            deaf.sendall(b"GET large\r\n")
        eventually(lambda: present(other) == {"spared"})


@pytest.mark.parametrize(
    "start",
    [b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$400000000\r\n", b"*100000\r\n", b"SET a "],
    ids=["value", "arguments", "inline"],
)
def test_requests_without_end_share_what_there_is(frugal: Engine, start: bytes) -> None:
    with limited(frugal) as (_, where), Redis(*where, socket_timeout=60) as other, ExitStack() as stack:
        for _ in range(4):
            endless = stack.enter_context(socket.create_connection(where, 60))
            endless.sendall(start)
            with pytest.raises(ConnectionError):
                go_on(endless)
        assert other.ping()


@pytest.mark.parametrize("parameters", [{}, {"client_query_buffer_limit": "5000000"}], ids=["common", "own"])
def test_a_transaction_without_end_is_cut_off(frugal: Engine, parameters: dict[str, str]) -> None:
    with limited(frugal, **parameters) as (_, where), Redis(*where, socket_timeout=60) as other:
        with socket.create_connection(where, 60) as endless:
            endless.sendall(b"MULTI\r\n")
            with suppress(ConnectionError):
                while endless.recv(100):
                    endless.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$50000\r\n%b\r\n" % bytes(50_000))
        assert other.exists("a") == 0


@pytest.mark.parametrize(
    "words",
    [
        [b"SUBSCRIBE", b"%d"],
        [b"PSUBSCRIBE", b"%d*"],
        [b"SSUBSCRIBE", b"{t}%d"],
        [b"WATCH", b"{t}%d"],
        [b"CLIENT", b"TRACKING", b"ON", b"BCAST", b"PREFIX", b"%d:"],
    ],
    ids=lambda words: words[0].decode(),
)
def test_names_that_are_kept_for_a_client_count(frugal: Engine, words: list[bytes]) -> None:
    with limited(frugal) as (_, where), Redis(*where, socket_timeout=60) as other:
        with socket.create_connection(where, 60) as greedy, suppress(ConnectionError):
            greedy.sendall(b"HELLO 3\r\n")
            for number in range(60):
                greedy.sendall(encode_request([*words[:-1], words[-1] % number + b"x" * 500_000]))
                if not greedy.recv(1 << 20):
                    break
        eventually(lambda: other.info("stats")["evicted_clients"] == 1)
        assert frugal.client_memory.total < 1_000_000


def test_what_is_no_longer_kept_does_not_count(frugal: Engine) -> None:
    with (
        limited(frugal) as (_, where),
        Redis(*where, socket_timeout=60) as other,
        socket.create_connection(where, 60) as client,
    ):
        for number in range(60):
            key = b"%d" % number + b"x" * 500_000
            client.sendall(encode_request([b"WATCH", key]))
            assert client.recv(100) == b"+OK\r\n"
            client.sendall(b"UNWATCH\r\n")
            assert client.recv(100) == b"+OK\r\n"
        assert other.info("stats")["evicted_clients"] == 0


def test_many_small_beginnings_of_requests_count(frugal: Engine) -> None:
    with limited(frugal) as (_, where), Redis(*where, socket_timeout=60) as other, ExitStack() as stack:
        for _ in range(150):
            begun = stack.enter_context(socket.create_connection(where, 60))
            with suppress(ConnectionError):
                begun.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$400000\r\n" + b"x" * 200_000)
        eventually(lambda: other.info("stats")["evicted_clients"] >= 40)
        assert other.info("clients")["connected_clients"] > 50


def test_a_flood_of_data_ends_where_the_memory_does() -> None:
    taken = resident_memory()
    if taken is None:
        pytest.skip("the system does not tell how much memory a process takes")
    with (
        Engine(EngineSettings(memory=int((taken + 50_000_000) / 0.85))) as engine,
        limited(engine) as (_, where),
        Redis(*where, socket_timeout=60) as client,
    ):
        with pytest.raises(OutOfMemoryError):
            fill(client)
        assert client.get("key0")
        assert client.delete("key0")
