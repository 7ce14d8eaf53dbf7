"""The API over HTTP beside moto's own memorydb, for the calls that it has; what a hundred clusters cost."""

from __future__ import annotations

import statistics
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import psutil

from bench import servers
from bench.host import Host, standalone

CLUSTERS = 100
USER = {
    "AccessString": "on ~* &* +@all",
    "AuthenticationMode": {"Type": "password", "Passwords": ["a-password-long-enough"]},
}
CLUSTER = {"NodeType": "db.t4g.small", "ACLName": "open-access", "NumShards": 1, "NumReplicasPerShard": 0}


def run(rounds: int) -> None:
    """Prints medians, and the cost of a cluster."""
    with standalone() as host:
        ours = _latencies(host, rounds)
        _hundred(host)
    port = servers.free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    with servers.running(
        command, lambda: urllib.request.urlopen(f"{url}/moto-api/", timeout=5).status == 200
    ):
        theirs = _latencies(Host(url, ""), rounds)
    for call, seconds in ours.items():
        other = theirs[call]
        print(
            f"{call}: {seconds * 1000:.1f} ms (moto's own: {other * 1000:.1f} ms, {other / seconds:.1f} times ours)"
        )


def _latencies(host: Host, rounds: int) -> dict[str, float]:
    memorydb = host.client("memorydb")
    memorydb.create_cluster(ClusterName="warm", **CLUSTER)
    calls: dict[str, Callable[[int], Any]] = {
        "DescribeClusters": lambda _: memorydb.describe_clusters(ClusterName="warm"),
        "CreateUser": lambda n: memorydb.create_user(UserName=f"bench-{n}", **USER),
        "CreateCluster": lambda n: memorydb.create_cluster(ClusterName=f"bench-{n}", **CLUSTER),
    }
    medians = {
        name: statistics.median(_timed(call, n) for n in range(rounds)) for name, call in calls.items()
    }
    for cluster in memorydb.describe_clusters()["Clusters"]:
        memorydb.delete_cluster(ClusterName=cluster["Name"])
    return medians


def _timed(call: Callable[[int], Any], number: int) -> float:
    start = time.perf_counter()
    call(number)
    return time.perf_counter() - start


def _hundred(host: Host) -> None:
    """A hundred clusters of one node, created, described and deleted."""
    memorydb = host.client("memorydb")
    process = psutil.Process(host.process)
    before, start = process.memory_info().rss, time.perf_counter()
    for number in range(CLUSTERS):
        memorydb.create_cluster(ClusterName=f"many-{number}", **CLUSTER)
    pages = memorydb.get_paginator("describe_clusters").paginate(ShowShardDetails=True)
    seen = [cluster["Status"] for page in pages for cluster in page["Clusters"]]
    memory = process.memory_info().rss - before
    for number in range(CLUSTERS):
        memorydb.delete_cluster(ClusterName=f"many-{number}")
    each = (time.perf_counter() - start) / CLUSTERS
    if seen != ["available"] * CLUSTERS:
        raise RuntimeError(f"{seen.count('available')} of {CLUSTERS} clusters are available")
    print(
        f"{CLUSTERS} clusters of 1 node created, described and deleted: {each * 1000:.0f} ms "
        f"and {memory / CLUSTERS / 1e6:.2f} MB each"
    )
