"""What a node has counted, as those see it who watch it from outside."""

from __future__ import annotations

from localstack_memorydb.engine import NodeFigures
from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.figures import figures_of
from localstack_memorydb.engine.usage import host_figures
from tests.unit.cluster_without_sockets import NOW, Client, start


def watch(cluster: Cluster, node: int = 0) -> NodeFigures:
    return figures_of(cluster.shards[0], host_figures(), NOW)[node]


def calls(cluster: Cluster) -> dict[str, int]:
    return {each.name: each.calls for each in watch(cluster).commands}


def test_a_node_that_nobody_used_has_counted_nothing() -> None:
    cluster = start(replicas=1)
    seen = watch(cluster)
    assert (seen.name, seen.is_primary, seen.connections, seen.keys, seen.commands) == (
        "test-0001-001",
        True,
        0,
        0,
        (),
    )
    assert not watch(cluster, 1).is_primary


def test_commands_with_their_group_and_kind() -> None:
    cluster = start()
    client = Client(cluster.shards[0].primary)
    for line in (
        "SET a 1",
        "SET b 2",
        "HGET h f",
        "LPUSH l x",
        "EVAL 'return 1' 0",
        "PING",
    ):
        client(line)
    found = {each.name: (each.group, each.reads, each.writes, each.calls) for each in watch(cluster).commands}
    assert found == {
        "set": ("string", False, True, 2),
        "hget": ("hash", True, False, 1),
        "lpush": ("list", False, True, 1),
        "eval": ("scripting", False, False, 1),
        "ping": ("connection", False, False, 1),
    }


def test_lookups_errors_and_refusals() -> None:
    cluster = start()
    client = Client(cluster.shards[0].primary)
    client("SET a 1")
    client("MGET a {a}none")
    client("GET none")
    client("GET a")
    client("LPUSH a x")
    client("AUTH nobody wrong")
    seen = watch(cluster)
    assert (seen.hits, seen.misses, seen.errors, dict(seen.denied)) == (2, 2, 2, {"auth": 1})


def test_connections_and_traffic() -> None:
    cluster = start()
    client = Client(cluster.shards[0].primary)
    Client(cluster.shards[0].primary)
    client("PING")
    seen = watch(cluster)
    assert (seen.connections, seen.connections_received) == (2, 2)
    assert (seen.bytes_received, seen.bytes_sent) == (len("PING\r\n"), len("+PONG\r\n"))


def test_keys_their_time_to_live_and_their_memory() -> None:
    cluster = start(maxmemory=1 << 30)
    client = Client(cluster.shards[0].primary)
    before = watch(cluster)
    for number in range(10):
        client(f"SET key:{number} {'x' * 1000} PX {1000 + number * 200}")
    after = watch(cluster)
    assert (after.keys, after.average_ttl, after.maxmemory) == (10, 1900, 1 << 30)
    assert 10_000 < after.used_memory - before.used_memory < 20_000
    client("GET key:0", NOW + 1000)
    assert watch(cluster).expired == 1
