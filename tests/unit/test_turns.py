"""Clients take turns: what one sends at once, and what is sent to it, does not keep the others waiting. The clock is held."""

from __future__ import annotations

import tracemalloc
from itertools import count

import pytest

from localstack_memorydb.engine import turns
from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.errors import ReplyTooLarge
from localstack_memorydb.engine.resp import encode_request, sendable
from tests.unit.cluster_without_sockets import NOW, Client, start


class Flood:
    """A client that sends much at once. `told` is what it was told turn by turn, `waits` says whether it asked for another."""

    def __init__(self, cluster: Cluster) -> None:
        self.client = Client(next(cluster.nodes()))
        self.session = self.client.session
        self.session.again = self._wait
        self.waits = False
        self.told: list[bytes] = []

    def _wait(self) -> None:
        self.waits = True

    def send(self, data: bytes) -> None:
        self.told.append(self.session.receive(data, NOW))

    def have_turns(self) -> None:
        while self.waits:
            self.waits = False
            self.told.append(turns.run(self.session))


@pytest.fixture
def cluster() -> Cluster:
    return start()


@pytest.fixture
def flood(cluster: Cluster) -> Flood:
    return Flood(cluster)


def ticking(cluster: Cluster, seconds: float) -> None:
    """Every look at the clock finds that much later."""
    time = 0.0

    def clock() -> float:
        nonlocal time
        time += seconds
        return time

    cluster.clock = clock


@pytest.mark.parametrize("command", [[b"GET", b"n"], [b"SET", b"n", b"x" * 3000]])
def test_behind_many_requests_something_else_is_still_understood(flood: Flood, command: list[bytes]) -> None:
    pipeline = encode_request(command) * (200_000 // len(encode_request(command)))
    flood.send(pipeline + b"PING\r\n" + encode_request([b"ECHO", b"hello"]) + b"*1\r\n*1\r\n$4\r\nPING\r\n")
    flood.have_turns()
    assert b"".join(flood.told).endswith(
        b"+PONG\r\n$5\r\nhello\r\n-ERR Protocol error: expected '$', got '*'\r\n"
    )


def test_behind_something_very_large_what_is_no_request_ends_the_connection(flood: Flood) -> None:
    flood.send(encode_request([b"SET", b"n", b"x" * 2_000_000]) + b"PING\r\n")
    flood.have_turns()
    assert b"".join(flood.told) == b"+OK\r\n-ERR Protocol error: expected '*'\r\n"
    assert flood.session.closing


@pytest.mark.parametrize(
    ("size", "cut"), [(1, 0), (1, 1), (1, 4), (100_000, 1), (100_000, 9), (2_000_000, 0), (2_000_000, 9)]
)
def test_what_an_array_announces_takes_no_memory_wherever_it_is_cut(
    flood: Flood, size: int, cut: int
) -> None:
    header = b"*1000000000\r\n"
    tracemalloc.start()
    try:
        for piece in (encode_request([b"ECHO", b"x" * size]) + header[:cut], header[cut:], b"$x\r\n"):
            flood.send(piece)
            flood.have_turns()
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
    assert b"".join(flood.told).endswith(b"x\r\n-ERR Protocol error: invalid bulk length\r\n")


def test_quick_commands_run_at_once(flood: Flood) -> None:
    flood.send(encode_request([b"INCR", b"n"]) * 20_000)
    assert not flood.waits
    assert flood.told == [b"".join(b":%d\r\n" % number for number in range(1, 20_001))]


def test_slow_commands_run_in_turns(cluster: Cluster, flood: Flood) -> None:
    ticking(cluster, 0.015)
    flood.send(encode_request([b"INCR", b"n"]) * 1000)
    assert flood.waits
    assert len(flood.told[0]) < 500
    flood.have_turns()
    assert len(flood.told) > 20
    assert b"".join(flood.told) == b"".join(b":%d\r\n" % number for number in range(1, 1001))


@pytest.mark.parametrize("inline", [False, True])
def test_a_command_that_takes_long_ends_the_turn_within_a_packet(
    cluster: Cluster, flood: Flood, inline: bool
) -> None:
    ticking(cluster, 0.03)
    flood.send((b"BITCOUNT k\r\n" if inline else encode_request([b"BITCOUNT", b"k"])) * 10)
    flood.have_turns()
    assert b"".join(flood.told) == b":0\r\n" * 10
    assert max(len(replies) for replies in flood.told) <= len(b":0\r\n" * 2)


@pytest.mark.parametrize("command", [b"GET k", b"MGET k", b"get k", b"GETRANGE k 0 -1", b"EVAL"])
def test_large_replies_are_made_when_there_is_room_for_them(flood: Flood, command: bytes) -> None:
    value = b"x" * 300_000
    flood.send(encode_request([b"SET", b"k", value]))
    if command.startswith(b"EVAL"):
        command = b"EVAL \"return redis.call('GET', KEYS[1])\" 1 k"
    flood.told.clear()
    flood.send((command + b"\r\n") * 20)
    assert len(flood.told[0]) < 1_500_000
    flood.have_turns()
    assert b"".join(flood.told).count(value) == 20


def test_what_comes_later_is_answered_later(cluster: Cluster, flood: Flood) -> None:
    ticking(cluster, 0.03)
    flood.send(encode_request([b"INCR", b"n"]) * 100)
    flood.send(encode_request([b"GET", b"n"]))
    assert flood.told[-1] == b""
    flood.have_turns()
    assert flood.told[-1].endswith(b"$3\r\n100\r\n")


def test_who_was_blocked_takes_turns_too(cluster: Cluster, flood: Flood) -> None:
    flood.send(encode_request([b"BLPOP", b"list", b"0"]) + encode_request([b"INCR", b"n"]) * 1000)
    ticking(cluster, 0.03)
    Client(next(cluster.nodes()))("RPUSH list value")
    assert flood.waits
    flood.told.insert(0, flood.client.heard())
    assert flood.told[0].startswith(b"*2\r\n$4\r\nlist\r\n$5\r\nvalue\r\n:1\r\n")
    flood.have_turns()
    assert flood.told[-1].endswith(b":1000\r\n")


def test_nothing_runs_after_quit(cluster: Cluster, flood: Flood) -> None:
    ticking(cluster, 0.03)
    flood.send(b"QUIT\r\n" + b"INCR n\r\n" * 1000)
    assert flood.told == [b"+OK\r\n"]
    assert not flood.waits


def test_a_transaction_with_more_replies_than_can_be_sent_runs_to_its_end(flood: Flood) -> None:
    flood.send(encode_request([b"SETRANGE", b"{k}", b"20000000", b"x"]))
    for line in ["MULTI", *["GET {k}", "INCR {k}n"] * 100]:
        flood.client(line)
    assert flood.client("EXEC") == b"-ERR the reply would have more than 1 GB\r\n"
    assert flood.client("GET {k}n") == b"$3\r\n100\r\n"
    for line in ["MULTI", "GET {k}n"]:
        flood.client(line)
    assert flood.client("EXEC") == b"*1\r\n$3\r\n100\r\n"


def test_a_request_in_parts_is_whole_again(flood: Flood) -> None:
    value = bytes(range(256)) * 2000
    data = encode_request([b"SET", b"k", value]) + encode_request([b"STRLEN", b"k"])
    for at in range(0, len(data), 7001):
        flood.send(data[at : at + 7001])
    assert b"".join(flood.told) == b"+OK\r\n:512000\r\n"


@pytest.mark.parametrize("size", [4099, 65_536, 65_537, 262_144])
@pytest.mark.parametrize("like", [b"\r\n*9999999\r\n", b"\n>1\r\n~2\r\n", b"\r\n$-1\r\n", b"QUIT\r\n"])
def test_what_looks_like_a_request_within_an_argument_is_none(flood: Flood, like: bytes, size: int) -> None:
    value = like * (400_000 // len(like))
    data = encode_request([b"MSET", b"{k}1", value, b"{k}2", value]) + b"STRLEN {k}1\r\n" + b"*1\r\n:1\r\n"
    for at in range(0, len(data), size):
        flood.send(data[at : at + size])
    flood.have_turns()
    told = b"".join(flood.told)
    assert told == b"+OK\r\n:%d\r\n-ERR Protocol error: expected '$', got ':'\r\n" % len(value)
    assert flood.session.closing


def test_reading_a_large_request_takes_no_turns(cluster: Cluster, flood: Flood) -> None:
    ticking(cluster, 0.03)
    flood.send(encode_request([b"SADD", b"k", *(b"%d" % number for number in range(20_000))]))
    assert flood.told == [b":20000\r\n"]


def test_an_inline_command_may_follow_a_request_in_parts(flood: Flood) -> None:
    data = encode_request([b"SET", b"k", b"x" * 100_000])
    flood.send(data[:99_000])
    flood.send(data[99_000:])
    flood.send(b"STRLEN k\r\n")
    assert flood.told == [b"", b"+OK\r\n", b":100000\r\n"]


@pytest.mark.parametrize(
    "lines", [["MGET" + " k" * 20], ["MULTI", *["GET k"] * 20, "EXEC"]], ids=["array", "transaction"]
)
def test_a_reply_larger_than_memory_allows_is_refused(flood: Flood, lines: list[str]) -> None:
    flood.send(encode_request([b"SETRANGE", b"k", b"60000000", b"x"]))
    *_, last = [flood.client(line) for line in lines]
    assert last == b"-ERR the reply would have more than 1 GB\r\n"
    assert flood.client("STRLEN k") == b":60000001\r\n"


@pytest.mark.parametrize(
    "data",
    [
        encode_request([b"SET", b"k", b"x" * 1_000_000])[:-2],
        b"*1000000\r\n" + b"$2\r\nxy\r\n" * 100_000,
        b"*9999999\r\n" + b"$2\r\nxy\r\n" * 100_000,
        b"SET k " + b"x" * 60_000,
        b"MULTI\r\n" + encode_request([b"SET", b"k", b"x" * 100]) * 10_000,
    ],
    ids=["value", "arguments", "many arguments", "inline", "transaction"],
)
def test_what_a_client_leaves_unfinished_goes_with_it(flood: Flood, data: bytes) -> None:
    flood.send(data)
    assert flood.session.pending > len(data) // 2
    flood.session.disconnect()
    assert (flood.session.pending, flood.session.queue) == (0, None)


def test_many_small_arguments_count_for_what_they_take(flood: Flood) -> None:
    weighed: list[int] = []
    flood.session.weigh = lambda: weighed.append(flood.session.pending)
    flood.send(b"*9999999\r\n")
    for _ in range(10):
        flood.send(b"$2\r\nxy\r\n" * 1000)
    assert weighed[-1] > 400_000


@pytest.mark.parametrize(
    ("subscription", "publication"),
    [
        ("SUBSCRIBE news", "PUBLISH news large"),
        ("PSUBSCRIBE n*", "PUBLISH news large"),
        ("SSUBSCRIBE news", "SPUBLISH news large"),
        ("MONITOR", "SET k large"),
    ],
)
def test_what_many_are_told_is_kept_once(cluster: Cluster, subscription: str, publication: str) -> None:
    heard: list[bytes] = []
    listeners = [Client(next(cluster.nodes())) for _ in range(3)]
    for listener in listeners:
        listener(subscription)
        listener.session.sink = heard.append
    Client(next(cluster.nodes()))(publication)
    assert len(heard) == 3
    assert heard[0] is heard[1] is heard[2]


@pytest.mark.parametrize("part", [b"x" * 1_000_000, "x" * 1_000_000])
def test_parts_of_a_reply_are_not_made_beyond_what_can_be_sent(part: bytes | str) -> None:
    made = count()
    with pytest.raises(ReplyTooLarge):
        sendable(part for _ in made)
    assert next(made) < 1100
    assert sendable([b"a", None, b"b"]) == [b"a", None, b"b"]


@pytest.mark.parametrize("words", [[b"COMMAND", b"INFO", b"get"], [b"COMMAND", b"INFO", b"nothing"]])
def test_what_is_named_many_times_is_described_once(flood: Flood, words: list[bytes]) -> None:
    once = flood.client.session.receive(encode_request(words), NOW)
    many = flood.client.session.receive(encode_request([*words, *words[2:] * 9_999]), NOW)
    assert many == b"*10000\r\n" + once.removeprefix(b"*1\r\n") * 10_000


def test_a_connection_that_is_named_many_times_is_described_once(flood: Flood, cluster: Cluster) -> None:
    other = Client(next(cluster.nodes()))
    number = b"%d" % other.session.number
    once = flood.client(b"CLIENT LIST ID " + number)
    many = flood.client.session.receive(encode_request([b"CLIENT", b"LIST", b"ID", *[number] * 20_000]), NOW)
    _, line, _ = once.split(b"\r\n")
    assert many == b"$%d\r\n%b\r\n" % (20_000 * len(line), line * 20_000)


def test_a_document_is_not_laid_out_beyond_what_can_be_sent(flood: Flood) -> None:
    flood.client("JSON.SET k . " + "[" * 60 + "1" + "]" * 60)
    flood.told.clear()
    flood.send(encode_request([b"JSON.GET", b"k", b"INDENT", b" " * 20_000_000]))
    assert flood.told == [b"-ERR the reply would have more than 1 GB\r\n"]
    assert flood.client("JSON.GET k $[0][0]").startswith(b"$")
