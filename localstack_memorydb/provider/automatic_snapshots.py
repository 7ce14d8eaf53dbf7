"""Automatic snapshots: one a day, inside the cluster's snapshot window, kept for as many days as the cluster wants.

https://docs.aws.amazon.com/memorydb/latest/devguide/snapshots-automatic.html. There is no timer: they are taken after
the first call that comes in the window, of any kind, and expire with the first call after their time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.operations.snapshots import begin_snapshot
from localstack_memorydb.provider.resources import Cluster
from localstack_memorydb.provider.windows import current_window

AUTOMATED: Final = "automated"


def take_due(context: Context) -> None:
    """Begin every snapshot of the Region that is due, and forget those whose time is over."""
    for cluster in list(context.store.clusters.values()):
        if cluster.snapshot_retention_limit:
            _expire(context, cluster)
            start = current_window(cluster.snapshot_window, context.now)
            if start is not None and cluster.status == "available" and _is_due(cluster, start):
                _take(context, cluster)


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


def _expire(context: Context, cluster: Cluster) -> None:
    oldest = context.now - timedelta(days=cluster.snapshot_retention_limit)
    for snapshot in list(context.store.snapshots.values()):
        is_own = snapshot.cluster_configuration.name == cluster.name
        if (
            is_own
            and snapshot.source == AUTOMATED
            and snapshot.status == "available"
            and snapshot.created < oldest
        ):
            context.store.remove(snapshot)
