"""Describing, deleting and failing over clusters. Making one is in `cluster_creation`, changing one in `cluster_updates`."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import datetime
from typing import Final

from localstack_memorydb.engine import ClusterHandle, ShardSnapshot
from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.encryption import require_usable_key
from localstack_memorydb.provider.faults import (
    APICallRateForCustomerExceededFault,
    InvalidClusterStateFault,
    ShardNotFoundFault,
    TestFailoverNotAvailableFault,
)
from localstack_memorydb.provider.multi_region import require_named
from localstack_memorydb.provider.notices import NoticeName
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.operations.snapshots import begin_snapshot
from localstack_memorydb.provider.requirements import (
    require_available,
    require_cluster,
    require_new_snapshot,
    within_a_day,
)
from localstack_memorydb.provider.resources import Cluster
from localstack_memorydb.provider.store import Store
from localstack_memorydb.provider.topology import answer

DELETABLE: Final = frozenset({"available", "create-failed", "restore-failed"})


@operation
def describe_clusters(
    context: Context, cluster_name: str | None = None, show_shard_details: bool = False
) -> list[Cluster]:
    """Clusters; with their shards and nodes when the request wants details.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeClusters.html
    """
    if cluster_name is not None:
        clusters = [require_cluster(context, cluster_name)]
    else:
        clusters = list(context.store.clusters.values())
    return [answer(context, cluster, shards=show_shard_details) for cluster in clusters]


@operation
def delete_cluster(
    context: Context,
    cluster_name: str,
    multi_region_cluster_name: str | None = None,
    final_snapshot_name: str | None = None,
) -> Cluster:
    """Stop a cluster, after a last snapshot if the request names one. When that fails the cluster stays.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DeleteCluster.html
    """
    cluster = require_cluster(context, cluster_name)
    if cluster.status not in DELETABLE:
        raise InvalidClusterStateFault(f"Cluster {cluster.name} is not in available state.")
    require_named(cluster, multi_region_cluster_name)
    if final_snapshot_name is None:
        _close(context, cluster)
    else:
        require_available(cluster)
        name = require_new_snapshot(context, "FinalSnapshotName", final_snapshot_name)
        _close_after_snapshot(context, cluster, name)
    return answer(context, cluster)


def _close(context: Context, cluster: Cluster) -> None:
    handle = context.fleet.release(cluster)
    work: Future[None] = context.transitions.submit(lambda: handle.delete() if handle else None)
    store = context.store
    context.transitions.begin(
        cluster, "deleting", context.now, work, arrived=lambda _, at: _forget(store, cluster, at)
    )


def _close_after_snapshot(context: Context, cluster: Cluster, name: str) -> None:
    store, fleet = context.store, context.fleet
    handle = fleet.handle(cluster)
    work = context.transitions.submit(lambda: _snapshot_and_close(handle))

    def arrived(_: tuple[ShardSnapshot, ...], at: datetime) -> None:
        fleet.release(cluster)
        _forget(store, cluster, at)

    begin_snapshot(context, cluster, name, work, kms_key_id=cluster.kms_key_id, tags=dict(cluster.tags))
    context.transitions.begin(
        cluster, "deleting", context.now, work, arrived=arrived, failed=lambda _, __: "available"
    )


def _snapshot_and_close(handle: ClusterHandle) -> tuple[ShardSnapshot, ...]:
    files = handle.snapshot()
    handle.delete()
    return files


def _forget(store: Store, cluster: Cluster, now: datetime) -> None:
    """What goes with a cluster: its automatic snapshots. Manual ones stay."""
    for snapshot in list(store.snapshots.values()):
        if snapshot.source == "automated" and snapshot.cluster_configuration.name == cluster.name:
            store.remove(snapshot)
    store.record("cluster", cluster.name, "Cluster deleted.", now, "DeleteClusterComplete")


@operation
def failover_shard(context: Context, cluster_name: str, shard_name: str) -> Cluster:
    """Make a replica the primary of its shard. The cluster stays available meanwhile, as on AWS.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_FailoverShard.html
    """
    cluster = require_cluster(context, cluster_name)
    require_available(cluster)
    shard = next((each for each in context.fleet.topology(cluster) if each.name == shard_name), None)
    if shard is None:
        raise ShardNotFoundFault(f"Shard {shard_name} not found in cluster {cluster.name}.")
    if len(shard.nodes) == 1:
        raise TestFailoverNotAvailableFault(f"Shard {shard_name} of cluster {cluster.name} has no replica.")
    recent = within_a_day(cluster.failovers, context.now)
    if len(recent) >= context.quotas.failovers_per_day:
        raise APICallRateForCustomerExceededFault(
            f"FailoverShard can be called {context.quotas.failovers_per_day} times in 24 hours."
        )
    require_usable_key(context, cluster)
    cluster.failovers = [*recent, context.now]
    _fail_over(context, cluster, shard_name)
    return answer(context, cluster)


def _fail_over(context: Context, cluster: Cluster, shard_name: str) -> None:
    """https://docs.aws.amazon.com/memorydb/latest/devguide/autofailover.html has the events and their order."""
    before = _primary(context, cluster, shard_name)
    context.record("cluster", cluster.name, f"FailoverShard API called for shard {shard_name}")
    context.fleet.handle(cluster).failover(shard_name)
    after = _primary(context, cluster, shard_name)
    told: tuple[tuple[str, NoticeName], ...] = (
        (f"Failover from primary node {before} to replica node {after} completed", "FailoverComplete"),
        (f"Recovering nodes {before}", "NodeReplaceStarted"),
        (f"Finished recovery for nodes {before}", "NodeReplaceComplete"),
    )
    for text, notice in told:
        context.record("cluster", cluster.name, text, notice)


def _primary(context: Context, cluster: Cluster, shard_name: str) -> str:
    return next(
        node.name
        for shard in context.fleet.topology(cluster)
        if shard.name == shard_name
        for node in shard.nodes
        if node.role == "primary"
    )


class NodeTypeUpdates:
    """What ListAllowedNodeTypeUpdates answers."""

    def __init__(self, cluster: Cluster) -> None:
        updates = catalog.node_type_updates(catalog.node_types()[cluster.node_type])
        self.scale_up_node_types, self.scale_down_node_types = updates


@operation
def list_allowed_node_type_updates(context: Context, cluster_name: str) -> NodeTypeUpdates:
    """The node types that a cluster could be changed to, larger and smaller ones.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_ListAllowedNodeTypeUpdates.html
    """
    return NodeTypeUpdates(require_cluster(context, cluster_name))
