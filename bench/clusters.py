"""From CreateCluster to the first successful SET over TLS, with boto3 and redis-py's RedisCluster."""

from __future__ import annotations

import statistics
import time
from typing import Any

from redis.cluster import RedisCluster

from bench.host import Host, standalone, wait_available

SHARDS, REPLICAS = 3, 1


def run(rounds: int) -> None:
    """Prints the median of the rounds; the first, which imports things, is not counted."""
    with standalone() as host:
        memorydb = host.client("memorydb")
        seconds = [_once(host, memorydb, f"bench-{number}") for number in range(rounds + 1)][1:]
    print(
        f"CreateCluster ({SHARDS} shards x {REPLICAS} replica) to the first TLS SET: "
        f"median {statistics.median(seconds):.3f} s, worst of {rounds} {max(seconds):.3f} s"
    )


def _once(host: Host, memorydb: Any, name: str) -> float:
    start = time.perf_counter()
    memorydb.create_cluster(
        ClusterName=name,
        NodeType="db.t4g.small",
        ACLName="open-access",
        NumShards=SHARDS,
        NumReplicasPerShard=REPLICAS,
    )
    cluster = wait_available(lambda: memorydb.describe_clusters(ClusterName=name)["Clusters"][0])
    endpoint = cluster["ClusterEndpoint"]
    client = RedisCluster(endpoint["Address"], endpoint["Port"], ssl=True, ssl_ca_certs=host.ca)
    client.set("first", "set")
    elapsed = time.perf_counter() - start
    client.close()
    memorydb.delete_cluster(ClusterName=name)
    return elapsed
