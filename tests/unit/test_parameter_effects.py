"""Every parameter of the families: what changes for clients of a running cluster when its value does. The clock is held."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.memory import EMPTY
from localstack_memorydb.engine.server import keep_alive
from localstack_memorydb.provider import catalog
from tests.unit.cluster_without_sockets import NOW, Client, start

ROOT = Path(__file__).parents[2]
MEMORY = EMPTY + 200_000

# Shown by other tests: what a silent client's socket asks for, and how much of a tick's time expiry takes.
ELSEWHERE = {
    "active-expire-effort": "tests/unit/test_expiry.py",
    "client-output-buffer-limit-*": "tests/clients/test_limits.py",
    "search-query-timeout-ms": "tests/unit/test_search.py",
}
CHOSEN_FOR_LIFE = {"search-enabled"}


class Probe(NamedTuple):
    """How a client sees a parameter: with the value of the family, and with another one.

    `needed` are parameters that it goes with.
    """

    value: str
    before: object
    after: object
    look: Callable[[Cluster, Client], object]
    needed: tuple[tuple[str, str], ...] = ()


def encoding(*lines: str) -> Callable[[Cluster, Client], object]:
    def look(cluster: Cluster, client: Client) -> object:
        for line in ("DEL k", *lines):
            client(line)
        return client("OBJECT ENCODING k").split()[1].decode()

    return look


def number(reply: bytes) -> int:
    return int(reply[1:])


def refused_logins(cluster: Cluster, client: Client) -> int:
    client("ACL LOG RESET")
    for name in ("one", "two", "three"):
        client(f"AUTH {name} x")
    return number(client("ACL LOG").split()[0])


def length_of_hyperloglog(cluster: Cluster, client: Client) -> int:
    client("DEL k")
    client("PFADD k " + " ".join(map(str, range(20))))
    return number(client("STRLEN k"))


def told_of_latency(cluster: Cluster, client: Client) -> bool:
    before = client("LATENCY HISTOGRAM set")
    client("SET k 1")
    return client("LATENCY HISTOGRAM set") != before


def used(minutes: int) -> Callable[[Cluster, Client], object]:
    def look(cluster: Cluster, client: Client) -> object:
        client("DEL k")
        for _ in range(100):
            client("INCR k")
        return number(client("OBJECT FREQ k", NOW + minutes * 60_000)) > 6

    return look


def oldest_evicted(cluster: Cluster, client: Client) -> bool:
    """Whether keys go in the order in which they were used."""
    client("FLUSHALL")
    for at in range(150):
        client(f"SET key{at} {'x' * 1000}", NOW + at * 1000)
    client(f"SET more {'x' * 50_000}", NOW + 150_000)
    alive = [at for at in range(150) if client(f"EXISTS key{at}") == b":1\r\n"]
    return alive == list(range(alive[0], 150))


def full(cluster: Cluster, client: Client) -> bool:
    client("FLUSHALL")
    return any(client(f"SET key{at} {'x' * 1000}").startswith(b"-OOM") for at in range(250))


def events(cluster: Cluster, client: Client) -> bool:
    listener = Client(client.session.node)
    listener("SUBSCRIBE __keyevent@0__:set")
    client("SET k 1")
    return b"keyevent" in listener.heard()


def slow_commands(cluster: Cluster, client: Client) -> int:
    client("SLOWLOG RESET")
    for _ in range(5):
        client("SET k 1")
    return number(client("SLOWLOG LEN"))  # SLOWLOG RESET is one of them


def nodes_of_stream(entry: str) -> Callable[[Cluster, Client], object]:
    def look(cluster: Cluster, client: Client) -> object:
        client("DEL k")
        for _ in range(10):
            client(f"XADD k * a {entry}")
        found = re.search(rb"radix-tree-keys\r\n:(\d+)", client("XINFO STREAM k"))
        assert found is not None
        return int(found[1])

    return look


def cut_off(cluster: Cluster, client: Client) -> bool:
    idle = Client(client.session.node)
    idle("PING")
    cluster.tick(NOW + 21_000)
    return idle.closed


def invalidated(cluster: Cluster, client: Client) -> bool:
    reader = Client(client.session.node)
    reader("HELLO 3")
    reader("CLIENT TRACKING ON")
    return b"invalidate" in b"".join(reader(f"GET {name}") for name in "abc")


LFU = (("maxmemory-policy", "allkeys-lfu"), ("lfu-log-factor", "1"))
PROBES = {
    "acllog-max-len": Probe("2", 3, 2, refused_logins),
    "hash-max-listpack-entries": Probe("1", "listpack", "hashtable", encoding("HSET k a 1 b 2")),
    "hash-max-listpack-value": Probe("1", "listpack", "hashtable", encoding("HSET k a 12")),
    "hash-max-ziplist-entries": Probe("1", "ziplist", "hashtable", encoding("HSET k a 1 b 2")),
    "hash-max-ziplist-value": Probe("1", "ziplist", "hashtable", encoding("HSET k a 12")),
    "hll-sparse-max-bytes": Probe("1", 77, 12304, length_of_hyperloglog),
    "latency-tracking": Probe("yes", False, True, told_of_latency),
    "lfu-decay-time": Probe("0", False, True, used(minutes=60), LFU),
    "lfu-log-factor": Probe("1000000", True, False, used(minutes=0), LFU[:1]),
    "maxmemory-policy": Probe("allkeys-random", True, False, full),
    "maxmemory-samples": Probe("1000", False, True, oldest_evicted, (("maxmemory-policy", "allkeys-lru"),)),
    "notify-keyspace-events": Probe("KEA", False, True, events),
    "set-max-intset-entries": Probe("1", "intset", "hashtable", encoding("SADD k 1", "SADD k 2")),
    "slowlog-log-slower-than": Probe("0", 0, 6, slow_commands),
    "slowlog-max-len": Probe("3", 6, 3, slow_commands, (("slowlog-log-slower-than", "0"),)),
    "stream-node-max-bytes": Probe("100", 1, 10, nodes_of_stream("x" * 40)),
    "stream-node-max-entries": Probe("5", 1, 2, nodes_of_stream("1")),
    "timeout": Probe("20", False, True, cut_off),
    "tracking-table-max-keys": Probe("1", False, True, invalidated),
    "zset-max-listpack-entries": Probe("1", "listpack", "skiplist", encoding("ZADD k 1 a 2 b")),
    "zset-max-listpack-value": Probe("1", "listpack", "skiplist", encoding("ZADD k 1 ab")),
    "zset-max-ziplist-entries": Probe("1", "ziplist", "skiplist", encoding("ZADD k 1 a 2 b")),
    "zset-max-ziplist-value": Probe("1", "ziplist", "skiplist", encoding("ZADD k 1 ab")),
}
VERSIONS = {"memorydb_redis6": "6.2", "memorydb_redis7": "7.1", "memorydb_valkey7": "7.2"}
CASES = [
    (family, each.name)
    for family, parameters in catalog.families().items()
    for each in parameters
    if each.name in PROBES
]


@pytest.mark.parametrize(("family", "name"), CASES)
def test_a_value_acts_on_the_running_cluster_and_can_be_reset(family: str, name: str) -> None:
    probe = PROBES[name]
    usual = {each.name: each.value for each in catalog.families()[family] if each.value is not None}
    usual |= dict(probe.needed)
    cluster = start(version=VERSIONS[family], maxmemory=MEMORY)
    client = Client(next(cluster.nodes()))
    seen = []
    for values in (usual, usual | {name: probe.value}, usual):
        cluster.set_parameters(values)
        seen.append(probe.look(cluster, client))
    assert seen == [probe.before, probe.after, probe.before]


def ignored() -> list[str]:
    """The parameters that the page about differences calls without effect, some of them as patterns."""
    text = (ROOT / "docs" / "differences.md").read_text()
    paragraph = text.split("**Parameters without effect**")[1].split(". ")[0]
    return re.findall(r"`([a-z-]+\*?)`", paragraph)


def test_every_parameter_acts_or_is_said_not_to() -> None:
    names = {each.name for family in catalog.families().values() for each in family}
    others = [*ignored(), *ELSEWHERE]
    assert names - PROBES.keys() - CHOSEN_FOR_LIFE == {
        name for name in names if any(fnmatch(name, pattern) for pattern in others)
    } | {"tcp-keepalive"}


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="the system has no such options")
def test_silent_connections_are_asked_after_the_seconds_of_the_group() -> None:
    with socket.socket() as connection:
        keep_alive(connection, 0)
        assert not connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        keep_alive(connection, 60)
        asked = [
            connection.getsockopt(socket.IPPROTO_TCP, each)
            for each in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)
        ]
        assert asked == [60, 20]
