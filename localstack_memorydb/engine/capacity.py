"""Whether data fits: asked before nodes become smaller or fewer, and before a snapshot is loaded.

https://docs.aws.amazon.com/memorydb/latest/devguide/cluster-resharding-online.html: when the data would not fit the shards
that stay, the operation ends and nothing has changed. A limit of 0 is no limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine import memory
from localstack_memorydb.engine.buffers import Buffer
from localstack_memorydb.engine.eviction import slot_size
from localstack_memorydb.engine.keyspace import Keyspace, Slot
from localstack_memorydb.engine.slots import plan_reshard
from localstack_memorydb.engine.spec import CapacityError

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Cluster, Shard

LARGEST_MOVED: Final = 256 << 20
"""A slot that holds a larger item cannot be moved."""


def require_nodes_of(cluster: Cluster, maxmemory: int) -> None:
    """The data of every shard must fit nodes with that limit. Raises CapacityError."""
    for shard in cluster.shards:
        _require(shard.name, shard.budget.measure(), maxmemory)


def require_shards(cluster: Cluster, target: int) -> None:
    """The data must fit after the slots have been spread over `target` shards. Raises CapacityError."""
    owned = [cluster.slots_of(shard) for shard in cluster.shards]
    moves = plan_reshard(owned, target)
    for number, source, _ in moves:
        slot = cluster.shards[source].keyspace.slots[number]
        if slot:
            _require_movable(number, slot)
    if target >= len(owned):
        return
    sizes = [shard.budget.measure() for shard in cluster.shards]
    for number, source, to in moves:
        slot = cluster.shards[source].keyspace.slots[number]
        sizes[to] += slot_size(slot) if slot else 0
    for shard, size in zip(cluster.shards[:target], sizes, strict=False):
        _require(shard.name, size, cluster.spec.maxmemory)


def _require_movable(number: int, slot: Slot) -> None:
    for value in slot.values():
        size = len(value) if isinstance(value, bytes | Buffer) else memory.value_size(value)
        if size > LARGEST_MOVED:
            raise CapacityError(f"Slot {number} holds an item of {size} bytes, too large to be moved.")


def require_loadable(cluster: Cluster, loaded: Keyspace) -> None:
    """What was read from files must fit the shards that will serve it. Raises CapacityError."""
    sizes: dict[Shard, int] = {}
    for number, slot in loaded.filled():
        shard = cluster.owner(number)
        sizes[shard] = sizes.get(shard, memory.EMPTY) + slot_size(slot)
    for shard, size in sizes.items():
        _require(shard.name, size, cluster.spec.maxmemory)


def _require(shard: str, size: int, limit: int) -> None:
    if 0 < limit < size:
        raise CapacityError(f"Shard {shard} would hold {size} bytes of data; a node has room for {limit}.")
