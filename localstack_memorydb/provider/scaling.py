"""Changing how many shards and replicas a running cluster has, for UpdateCluster and UpdateMultiRegionCluster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime

from localstack_memorydb.engine import AddressError
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.notices import NoticeName
from localstack_memorydb.provider.resources import Cluster, PendingUpdates, Resharding, SlotMigration
from localstack_memorydb.provider.store import Store
from localstack_memorydb.provider.topology import place, tell_of_nodes


def begin_resharding(context: Context, store: Store, cluster: Cluster, count: int) -> Future[None]:
    """Give the cluster that many shards; the answer shows the new number at once, as on AWS."""
    handle, old, before = context.fleet.handle(cluster), cluster.number_of_shards, cluster.number_of_nodes

    def roll_back() -> None:
        cluster.number_of_shards = old

    cluster.number_of_shards = count
    pending = cluster.pending_updates or PendingUpdates()
    cluster.pending_updates = replace(pending, resharding=Resharding(SlotMigration(0.0)))
    return _begin(context, store, cluster, before, lambda: handle.reshard(count), roll_back)


def begin_replicas(context: Context, store: Store, cluster: Cluster, count: int) -> Future[None]:
    """Give every shard that many replicas."""
    handle, old, before = context.fleet.handle(cluster), cluster.replicas_per_shard, cluster.number_of_nodes

    def roll_back() -> None:
        cluster.replicas_per_shard = old

    direction = "Increase" if count > old else "Decrease"
    moment = context.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = f"{direction} replica count started for replication group {cluster.name} on {moment}"
    store.record("cluster", cluster.name, text, context.now)
    cluster.replicas_per_shard = count
    return _begin(context, store, cluster, before, lambda: handle.set_replicas(count), roll_back)


def _begin(
    context: Context,
    store: Store,
    cluster: Cluster,
    before: int,
    work: Callable[[], None],
    roll_back: Callable[[], None],
) -> Future[None]:
    """Change the number of nodes meanwhile. When that fails the cluster is as before, and an event tells why."""
    fleet, after = context.fleet, cluster.number_of_nodes

    def arrived(_: None, at: datetime) -> None:
        cluster.pending_updates = None
        old = cluster.placements
        place(store, cluster, fleet.topology(cluster), at)
        tell_of_nodes(store, cluster, set(old), at)
        text = f"Modified number of nodes from {before} to {after}"
        notices: list[NoticeName] = ["AddNodeComplete"] if after > before else []
        store.record("cluster", cluster.name, text, at, *notices)

    def failed(error: Exception, at: datetime) -> None:
        cluster.pending_updates = None
        roll_back()
        message = f"Failed to modify number of nodes from {before} to {after}. {error}"
        notices: list[NoticeName] = ["AddNodeFailed"] if isinstance(error, AddressError) else []
        store.record("cluster", cluster.name, message, at, *notices)

    future = context.transitions.submit(work)
    context.transitions.begin(cluster, "updating", context.now, future, arrived=arrived, failed=failed)
    return future
