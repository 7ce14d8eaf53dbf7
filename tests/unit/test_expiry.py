"""Keys whose time has come go by themselves. The clock is held."""

from __future__ import annotations

import pytest

from localstack_memorydb.engine.cluster import Cluster
from tests.unit.cluster_without_sockets import NOW, Client, start

MANY = 200


def filled(effort: str = "1") -> tuple[Cluster, Client]:
    """A cluster with keys that have all expired at NOW + 10, and whose clock goes on by a millisecond with each look."""
    cluster = start(active_expire_effort=effort)
    client = Client(next(cluster.nodes()))
    for number in range(MANY):
        client(f"SET key{number} 1 PX 10")
    client("SET stays 1")
    seconds = 0.0

    def clock() -> float:
        nonlocal seconds
        seconds += 0.001
        return seconds

    cluster.clock = clock
    return cluster, client


def left(cluster: Cluster) -> int:
    return len(cluster.shards[0].keyspace)


def test_what_expires_goes_though_nobody_asks() -> None:
    cluster, _ = filled()
    cluster.clock = lambda: 0.0
    cluster.tick(NOW + 9)
    assert left(cluster) == MANY + 1
    cluster.tick(NOW + 10)
    assert left(cluster) == 1


def test_much_that_expires_goes_in_the_course_of_some_ticks() -> None:
    cluster, client = filled()
    cluster.tick(NOW + 10)
    assert 1 < left(cluster) < MANY
    assert client("GET key7", NOW + 10) == b"$-1\r\n"
    for _ in range(100):
        cluster.tick(NOW + 10)
    assert left(cluster) == 1
    assert b"expired_keys:200\r\n" in client("INFO stats", NOW + 10)
    assert b"expired_time_cap_reached_count:0\r\n" not in client("INFO stats", NOW + 10)


def test_so_does_much_in_one_slot() -> None:
    cluster, client = filled()
    for number in range(3000):
        client(f"SET {{n}}{number} 1 PX 10")
    sizes = []
    while cluster.shards[0].keyspace.of(b"n"):
        cluster.tick(NOW + 10)
        sizes.append(len(cluster.shards[0].keyspace.of(b"n")))
    assert 0 < sizes[-2] < 3000


def test_a_slot_that_was_emptied_meanwhile() -> None:
    cluster, client = filled()
    keyspace = cluster.shards[0].keyspace
    for number in range(3000):
        client(f"SET {{n}}{number} 1 PX 10")
    while len(keyspace.of(b"n")) == 3000:
        cluster.tick(NOW + 10)
    keyspace.clear()
    expired = keyspace.expired
    client("SET {n}1 2")
    for _ in range(100):
        cluster.tick(NOW + 10)
    assert client("GET {n}1", NOW + 10) == b"$1\r\n2\r\n"
    assert keyspace.expired == expired


@pytest.mark.parametrize("effort", ["5", "10"])
def test_more_effort_takes_more_of_a_tick(effort: str) -> None:
    little, _ = filled()
    much, _ = filled(effort)
    for cluster in (little, much):
        for _ in range(5):
            cluster.tick(NOW + 10)
    assert left(much) < left(little)


def test_what_took_long_is_taken_from_the_next_ticks() -> None:
    cluster, _ = filled()
    seconds = 0.0

    def clock() -> float:
        nonlocal seconds
        seconds += 0.02
        return seconds

    cluster.clock = clock
    cluster.tick(NOW + 10)
    before = left(cluster)
    cluster.tick(NOW + 10)
    assert left(cluster) == before
    for _ in range(20):
        cluster.tick(NOW + 10)
    assert left(cluster) < before


def test_what_expires_because_dbsize_asks_counts_as_expiry() -> None:
    cluster, client = filled()
    cluster.set_parameters({"latency-monitor-threshold": "1"})
    assert client("DBSIZE", NOW + 10) == b":1\r\n"
    assert b"expire-cycle" in client("LATENCY LATEST", NOW + 10)
