"""Writes that need replicas: min-replicas-to-write. https://valkey.io/topics/replication/#allow-writes-only-with-n-attached-replicas"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Shard


def lacks_replicas(shard: Shard) -> bool:
    """Whether the shard has fewer replicas than writes ask for. None of those that it has ever lags."""
    return len(shard.replicas) < shard.cluster.switches.replicas_to_write
