"""Automatic snapshots: one a day, inside the cluster's snapshot window, kept for as many days as the cluster wants.

https://docs.aws.amazon.com/memorydb/latest/devguide/snapshots-automatic.html. `Provider.tick` asks for them: one is taken
at the first tick in the window at which the cluster is available, and expires at the first after its time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.operations.snapshots import begin_snapshot
from localstack_memorydb.provider.resources import Cluster
from localstack_memorydb.provider.windows import current_window

AUTOMATED: Final = "automated"
_DELETABLE: Final = frozenset({"available", "failed"})


def take_due(context: Context) -> bool:
    """Begin every snapshot of the Region that is due, and forget those whose time is over; whether there was any."""
    acted = False
    for cluster in list(context.store.clusters.values()):
        if cluster.snapshot_retention_limit:
            acted |= _expire(context, cluster)
            start = current_window(cluster.snapshot_window, context.now)
            if start is not None and cluster.status == "available" and _is_due(cluster, start):
                _take(context, cluster)
                acted = True
    return acted


def _is_due(cluster: Cluster, window: datetime) -> bool:
    last = cluster.last_automatic_snapshot
    return last is None or last < window


def _take(context: Context, cluster: Cluster) -> None:
    cluster.last_automatic_snapshot = context.now
    work = context.transitions.submit(context.fleet.handle(cluster).snapshot)
    begin_snapshot(
        context,
        cluster,
        f"automatic.{cluster.name}-{context.now:%Y-%m-%d-%H-%M}",
        work,
        kms_key_id=cluster.kms_key_id,
        tags=dict(cluster.tags),
        source=AUTOMATED,
    )
    context.transitions.begin(cluster, "snapshotting", context.now, work)


def _expire(context: Context, cluster: Cluster) -> bool:
    oldest = context.now - timedelta(days=cluster.snapshot_retention_limit)
    over = [
        snapshot
        for snapshot in context.store.snapshots.values()
        if snapshot.cluster_configuration.name == cluster.name
        and snapshot.source == AUTOMATED
        and snapshot.status in _DELETABLE
        and snapshot.created < oldest
    ]
    for snapshot in over:
        context.store.remove(snapshot)
    return bool(over)
