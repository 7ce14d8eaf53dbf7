"""Blocked clients with a clock that the test holds: when they give up, who is served, and what happens afterwards."""

from __future__ import annotations

import pytest

from localstack_memorydb.engine.cluster import Cluster
from tests.unit.cluster_without_sockets import NOW, Client, start


@pytest.fixture
def cluster() -> Cluster:
    return start()


@pytest.fixture
def clients(cluster: Cluster) -> list[Client]:
    node = next(cluster.nodes())
    return [Client(node) for _ in range(4)]


@pytest.mark.parametrize(
    ("command", "reply", "reply3"),
    [
        ("BLPOP {k}l {k}m 1.5", b"*-1\r\n", b"_\r\n"),
        ("BRPOP {k}l 1.5", b"*-1\r\n", b"_\r\n"),
        ("BLMPOP 1.5 2 {k}l {k}m LEFT", b"*-1\r\n", b"_\r\n"),
        ("BLMOVE {k}l {k}m LEFT LEFT 1.5", b"*-1\r\n", b"_\r\n"),
        ("BRPOPLPUSH {k}l {k}m 1.5", b"*-1\r\n", b"_\r\n"),
        ("BZPOPMIN {k}z 1.5", b"*-1\r\n", b"_\r\n"),
        ("BZPOPMAX {k}z {k}y 1.5", b"*-1\r\n", b"_\r\n"),
        ("BZMPOP 1.5 1 {k}z MAX COUNT 3", b"*-1\r\n", b"_\r\n"),
    ],
)
def test_a_client_waits_as_long_as_it_said(
    clients: list[Client], command: str, reply: bytes, reply3: bytes
) -> None:
    for client, protocol, expected in zip(clients, (2, 3), (reply, reply3), strict=False):
        alarms: list[int] = []
        client.session.alarm = alarms.append
        client(f"HELLO {protocol}")
        assert client(command) == b""
        assert alarms == [NOW + 1500]
        client.session.expire_block(NOW + 1499)
        assert client.heard() == b""
        client.session.expire_block(NOW + 1500)
        assert client.heard() == expected
        assert client("PING", NOW + 1501) == b"+PONG\r\n"


@pytest.mark.parametrize(
    ("timeout", "wait"), [("0.0001", 1), ("0.0015", 2), ("0.1", 100), ("2.3", 2300), ("7", 7000)]
)
def test_a_timeout_is_rounded_up_to_a_millisecond(clients: list[Client], timeout: str, wait: int) -> None:
    client = clients[0]
    client(f"BLPOP l {timeout}")
    client.session.expire_block(NOW + wait - 1)
    assert client.heard() == b""
    client.session.expire_block(NOW + wait)
    assert client.heard() == b"*-1\r\n"


def test_zero_is_for_ever(clients: list[Client]) -> None:
    client = clients[0]
    alarms: list[int] = []
    client.session.alarm = alarms.append
    client("BLPOP l 0")
    client.session.expire_block(NOW + 10**12)
    assert (client.heard(), alarms) == (b"", [])


def test_who_gave_up_takes_nothing(clients: list[Client]) -> None:
    first, second, pusher, _ = clients
    first("BLPOP l 1")
    second("BLPOP l 2")
    first.session.expire_block(NOW + 1000)
    pusher("RPUSH l a", NOW + 1001)
    assert first.heard() == b"*-1\r\n"
    assert second.heard() == b"*2\r\n$1\r\nl\r\n$1\r\na\r\n"
    second.session.expire_block(NOW + 2000)
    assert second.heard() == b""


def test_waiters_are_served_in_the_order_in_which_they_came(clients: list[Client]) -> None:
    *waiting, pusher = clients
    for client in waiting:
        client("BLPOP l 0")
    assert pusher("RPUSH l 1 2") == b":2\r\n"
    assert [client.heard()[-4:-2] for client in waiting] == [b"\n1", b"\n2", b""]
    assert pusher("EXISTS l") == b":0\r\n"


def test_a_client_that_waits_again_stands_at_the_end(clients: list[Client]) -> None:
    first, second, pusher, _ = clients
    first("BLPOP l 0")
    second("BLPOP l 0")
    pusher("RPUSH l 1")
    assert first.heard()
    first("BLPOP l 0")
    pusher("RPUSH l 2")
    assert (bool(first.heard()), bool(second.heard())) == (False, True)


def test_an_element_runs_through_a_chain_of_moves(clients: list[Client]) -> None:
    first, second, third, pusher = clients
    third("BRPOP {k}c 0")
    second("BLMOVE {k}b {k}c LEFT RIGHT 0")
    first("BLMOVE {k}a {k}b RIGHT LEFT 0")
    pusher("LPUSH {k}a x")
    assert first.heard() == second.heard() == b"$1\r\nx\r\n"
    assert third.heard() == b"*2\r\n$4\r\n{k}c\r\n$1\r\nx\r\n"
    assert pusher("EXISTS {k}a {k}b {k}c") == b":0\r\n"


def test_a_transaction_is_over_before_anybody_is_served(clients: list[Client]) -> None:
    waiting, _, _, pusher = clients
    waiting("BLMPOP 0 2 {k}x {k}y LEFT COUNT 10")
    for line in ("MULTI", "RPUSH {k}y 1", "RPUSH {k}x 2", "RPUSH {k}x 3", "LPOP {k}x"):
        pusher(line)
    assert waiting.heard() == b""
    pusher("EXEC")
    assert waiting.heard() == b"*2\r\n$4\r\n{k}x\r\n*1\r\n$1\r\n3\r\n"
    assert pusher("LLEN {k}y") == b":1\r\n"


def test_in_a_transaction_nobody_waits(clients: list[Client]) -> None:
    client, _, _, pusher = clients
    for line in ("MULTI", "BLPOP l 0", "RPUSH l a", "BLPOP l 0", "BZPOPMIN z 0"):
        client(line.replace(" l", " {k}l").replace(" z", " {k}z"))
    assert client("EXEC") == b"*4\r\n*-1\r\n:1\r\n*2\r\n$4\r\n{k}l\r\n$1\r\na\r\n*-1\r\n"
    assert pusher("RPUSH {k}l b") == b":1\r\n"


def test_what_was_sent_meanwhile_runs_afterwards(clients: list[Client]) -> None:
    client, other, _, pusher = clients
    assert client("BLPOP l 0\r\nSET after 1\r\nBLPOP l 5") == b""
    other("BLPOP l 0")
    assert pusher("EXISTS after") == b":0\r\n"
    pusher("RPUSH l a")
    assert client.heard() == b"*2\r\n$1\r\nl\r\n$1\r\na\r\n+OK\r\n"
    pusher("RPUSH l b")
    assert (client.heard(), other.heard()) == (b"", b"*2\r\n$1\r\nl\r\n$1\r\nb\r\n")
    client.session.expire_block(NOW + 5000)
    assert client.heard() == b"*-1\r\n"


def test_a_client_that_left_takes_nothing(clients: list[Client]) -> None:
    client, other, _, pusher = clients
    client("BLMOVE {k}a {k}b LEFT LEFT 0")
    other("BLPOP {k}a 0")
    client.session.disconnect()
    pusher("RPUSH {k}a x")
    assert (client.heard(), other.heard()) == (b"", b"*2\r\n$4\r\n{k}a\r\n$1\r\nx\r\n")
    assert pusher("EXISTS {k}b") == b":0\r\n"


def test_a_move_that_cannot_end_is_refused_and_takes_nothing(clients: list[Client]) -> None:
    client, _, _, pusher = clients
    client("BLMOVE {k}a {k}text LEFT LEFT 0")
    pusher("SET {k}text x")
    pusher("RPUSH {k}a 1")
    assert client.heard() == b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
    assert pusher("LLEN {k}a") == b":1\r\n"


def test_a_key_that_expires_unseen_serves_nobody(clients: list[Client]) -> None:
    client, _, _, pusher = clients
    pusher("SET l text PX 10")
    assert client("BLPOP l 0", NOW + 11) == b""
    pusher("RPUSH l x", NOW + 12)
    assert client.heard() == b"*2\r\n$1\r\nl\r\n$1\r\nx\r\n"


def test_whoever_loses_its_primary_is_let_go() -> None:
    cluster = start(replicas=1)
    primary = next(cluster.nodes())
    client = Client(primary)
    client("BZPOPMAX z 0")
    cluster.failover(primary.shard)
    assert client.heard().startswith(b"-UNBLOCKED force unblock from blocking operation")


def test_whoever_waits_for_a_slot_that_moves_is_sent_after_it() -> None:
    cluster = start(shards=2)
    nodes = list(cluster.nodes())
    client = Client(nodes[1])  # foo is in slot 12182
    client("BLPOP foo 0")
    cluster.move_slot(12182, cluster.shards[0])
    assert client.heard() == b"-MOVED 12182 10.0.0.1:6379\r\n"


@pytest.mark.parametrize(
    ("wait", "write"),
    [("XREAD BLOCK 0 STREAMS {k} $", "XADD {k} * a b"), ("BLPOP {k} 0", "RPUSH {k} " + "x " * 500)],
)
def test_hundreds_of_clients_that_one_write_serves(wait: str, write: str) -> None:
    cluster = start()
    clients = [Client(next(cluster.nodes())) for _ in range(500)]
    for client in clients:
        client(wait)
        assert client("INCR served") == b""
    other = Client(next(cluster.nodes()))
    assert not other(write).startswith(b"-")
    assert other("GET served") == b"$3\r\n500\r\n"
    assert all(b"{k}" in client.heard() for client in clients)
