"""A cluster as answers show it: its shards and nodes as the engine has them, and where each node is said to run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from localstack_memorydb.engine import NodeInfo, ShardInfo
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.resources import Cluster, Endpoint, GroupSubnet, Node, Placement, Shard
from localstack_memorydb.provider.store import Store

_SHARD_STATUS: Final = {"creating": "creating", "updating": "modifying", "deleting": "deleting"}
_NODE_STATUS: Final = {"creating": "creating", "deleting": "deleting"}
_WITHOUT_ADDRESS: Final = frozenset({"creating", "create-failed", "restore-failed"})


def answer(context: Context, cluster: Cluster, *, shards: bool = False) -> Cluster:
    """A copy of the cluster for an answer.

    The endpoint has no address before there is something to connect to; shards are shown when asked for.
    """
    endpoint = cluster.cluster_endpoint
    if cluster.status in _WITHOUT_ADDRESS:
        endpoint = Endpoint(None, endpoint.port)
    return replace(cluster, cluster_endpoint=endpoint, shards=_shards(context, cluster) if shards else None)


def _shards(context: Context, cluster: Cluster) -> tuple[Shard, ...]:
    topology = context.fleet.topology(cluster)
    place(context.store, cluster, topology, context.now)
    return tuple(_shard(cluster, shard) for shard in topology)


def _shard(cluster: Cluster, shard: ShardInfo) -> Shard:
    return Shard(
        name=shard.name,
        status=_SHARD_STATUS.get(cluster.status, "available"),
        slots=slot_ranges(shard.slots),
        nodes=tuple(_node(cluster, node) for node in sorted(shard.nodes, key=lambda node: node.name)),
    )


def _node(cluster: Cluster, node: NodeInfo) -> Node:
    placement = cluster.placements.get(node.name)
    return Node(
        name=node.name,
        status=_NODE_STATUS.get(cluster.status, "available"),
        availability_zone=placement.availability_zone if placement else None,
        create_time=placement.create_time if placement else None,
        endpoint=Endpoint(node.host, node.port),
    )


def slot_ranges(slots: Iterable[tuple[int, int]]) -> str:
    """0-8191; several ranges, as resharding leaves them, are separated by commas."""
    return ",".join(f"{first}-{last}" for first, last in slots)


def place(store: Store, cluster: Cluster, topology: Sequence[ShardInfo], now: datetime) -> None:
    """Give every new node a subnet of the cluster's group, in turn, so that a shard's nodes are spread over zones."""
    group = store.subnet_groups.get(cluster.subnet_group_name)
    subnets: Sequence[GroupSubnet] = group.subnets if group else ()
    placements: dict[str, Placement] = {}
    for first, shard in enumerate(topology):
        for position, node in enumerate(shard.nodes):
            if node.name in cluster.placements:
                placements[node.name] = cluster.placements[node.name]
            elif subnets:
                subnet = subnets[(first + position) % len(subnets)]
                placements[node.name] = Placement(subnet.identifier, subnet.availability_zone.name, now)
    if topology:
        cluster.placements = placements


def tell_of_nodes(store: Store, cluster: Cluster, old: set[str], at: datetime) -> None:
    """Events of the nodes that came and went since there were the old ones."""
    for name, placement in cluster.placements.items():
        if name not in old:
            text = f"Added node {name} in Availability Zone {placement.availability_zone}"
            store.record("cluster", cluster.name, text, at)
    for name in sorted(old - cluster.placements.keys()):
        store.record("cluster", cluster.name, f"Removed node {name}", at, "RemoveNodeComplete")
