"""What becomes of a store that comes back from disk: clusters start again, and what was under way comes to an honest end.

Work does not survive a stop, so a transitional state is left as if its work had ended: what needs no work arrives, data
that was not read or written yet is said to have failed.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from localstack_memorydb.engine import AddressError, LogError
from localstack_memorydb.provider.fleet import Fleet
from localstack_memorydb.provider.membership import minimum_engine_version, users_of
from localstack_memorydb.provider.operations.parameter_groups import values_of
from localstack_memorydb.provider.resources import Cluster, Snapshot
from localstack_memorydb.provider.store import GlobalStore, Store
from localstack_memorydb.provider.topology import place
from localstack_memorydb.provider.transitions import GONE, STATES

LOG: Final = logging.getLogger(__name__)
_NOT_RUNNING: Final = frozenset({"create-failed", "restore-failed", "deleting"})


def recover(store: Store, globe: GlobalStore, fleet: Fleet, now: datetime) -> None:
    """Bring the store to rest and start its clusters; what could not be finished is told by events."""
    _finish_final_snapshots(store)
    for snapshot in store.snapshots.values():
        _finish_snapshot(store, snapshot, now)
    for acl in store.acls.values():
        acl.user_names, acl.pending_changes = acl.members, None
        acl.minimum_engine_version = minimum_engine_version(users_of(store, acl))
    for cluster in store.clusters.values():
        _finish_cluster(store, cluster, now)
    for owner in (store, globe):
        for resource in list(owner.stateful()):
            following = STATES.get((resource.kind, resource.status))
            if following == GONE:
                owner.remove(resource)
            elif following is not None:
                resource.status, resource.since = following, now
    for cluster in store.clusters.values():
        if cluster.status not in _NOT_RUNNING:
            _start(store, cluster, fleet, now)


def _finish_final_snapshots(store: Store) -> None:
    """A cluster whose final snapshot was not taken is not deleted: its data would be lost."""
    for snapshot in store.snapshots.values():
        cluster = store.clusters.get(snapshot.cluster_configuration.name)
        if cluster is not None and cluster.status == "deleting" and _is_empty(snapshot):
            cluster.status = "available"


def _is_empty(snapshot: Snapshot) -> bool:
    return snapshot.status == "creating" and not snapshot.files


def _finish_snapshot(store: Store, snapshot: Snapshot, now: datetime) -> None:
    """One without data has failed; of an export nobody knows how far it came."""
    if _is_empty(snapshot):
        snapshot.status, snapshot.since = "failed", now
    elif snapshot.status != "copying":
        return
    cluster = snapshot.cluster_configuration.name
    text = f"Snapshot {snapshot.name} failed for node {cluster}-0001-001"
    store.record("cluster", cluster, text, now, "SnapshotFailed")


def _finish_cluster(store: Store, cluster: Cluster, now: datetime) -> None:
    cluster.acl_name, cluster.pending_updates = cluster.target_acl_name, None
    if cluster.status == "creating" and cluster.restored_from is not None:
        cluster.status, cluster.since = "restore-failed", now
        text = f"Restore from {cluster.restored_from} failed for node {cluster.name}-0001-001. It was interrupted."
        store.record("cluster", cluster.name, text, now, "ClusterRestoreFailed")


def _start(store: Store, cluster: Cluster, fleet: Fleet, now: datetime) -> None:
    before = cluster.cluster_endpoint
    group = store.parameter_groups[cluster.parameter_group_name]
    users = users_of(store, store.acls[cluster.acl_name])
    try:
        fleet.start(cluster, values_of(group), users, returns=True)
    except (AddressError, LogError) as error:
        cluster.status, cluster.since = "restore-failed", now
        store.record("cluster", cluster.name, f"Cluster cannot be started again. {error}", now)
        LOG.error("cluster %s cannot be started again: %s", cluster.name, error)
        return
    topology = fleet.topology(cluster)
    cluster.number_of_shards = len(topology)
    cluster.replicas_per_shard = len(topology[0].nodes) - 1
    place(store, cluster, topology, now)
    if cluster.cluster_endpoint != before:
        LOG.warning(
            "cluster %s has a new endpoint, %s:%d: its former one is taken",
            cluster.name,
            cluster.cluster_endpoint.address,
            cluster.cluster_endpoint.port,
        )
