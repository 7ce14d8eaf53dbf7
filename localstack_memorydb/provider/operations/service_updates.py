"""Service updates: https://docs.aws.amazon.com/memorydb/latest/devguide/service-updates.html

AWS decides what there is to be applied; here `Options.service_updates` does, and nothing is what it says at first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from localstack_memorydb.provider.context import Context, ServiceUpdate
from localstack_memorydb.provider.faults import (
    ClusterNotFoundFault,
    Fault,
    InvalidClusterStateFault,
    InvalidParameterValueException,
    ServiceUpdateNotFoundFault,
)
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.requirements import require_available, require_cluster
from localstack_memorydb.provider.resources import Cluster, PendingServiceUpdate, PendingUpdates
from localstack_memorydb.provider.topology import answer

AVAILABLE, IN_PROGRESS, COMPLETE = "available", "in-progress", "complete"
_COMMON: Final = "security-update"


@dataclass(frozen=True, slots=True)
class ServiceUpdateOfCluster:
    """An item of DescribeServiceUpdates: one update and one cluster."""

    update: ServiceUpdate
    cluster: Cluster

    type: str = _COMMON

    @property
    def name(self) -> str:
        """For the order of the list."""
        return f"{self.update.service_update_name} {self.cluster.name}"

    @property
    def cluster_name(self) -> str:
        return self.cluster.name

    @property
    def status(self) -> str:
        return self.cluster.service_updates.get(self.update.service_update_name, AVAILABLE)

    @property
    def nodes_updated(self) -> str:
        """As ElastiCache writes it: 0/2."""
        nodes = self.cluster.number_of_nodes
        return f"{nodes if self.status == COMPLETE else 0}/{nodes}"

    @property
    def engine(self) -> str:
        return self.cluster.engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self.update, name)


@operation
def describe_service_updates(
    context: Context,
    service_update_name: str | None = None,
    cluster_names: Sequence[str] = (),
    status: Sequence[str] = (),
) -> list[ServiceUpdateOfCluster]:
    """What updates each cluster may have or has had; there are none but those of MEMORYDB_SERVICE_UPDATES.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeServiceUpdates.html
    """
    wanted = {name.lower() for name in cluster_names}
    return [
        each
        for each in _all(context)
        if service_update_name in {None, each.update.service_update_name}
        and (not wanted or each.cluster.name in wanted)
        and (not status or each.status in status)
    ]


def _all(context: Context) -> Iterator[ServiceUpdateOfCluster]:
    for update in context.options.service_updates:
        for cluster in context.store.clusters.values():
            if update.engine in {None, cluster.engine} and update.release_date <= context.now:
                yield ServiceUpdateOfCluster(update, cluster)


@dataclass(frozen=True, slots=True)
class UnprocessedCluster:
    """A cluster that is not updated, and why."""

    cluster_name: str
    error_type: str
    error_message: str


@dataclass(frozen=True, slots=True)
class BatchUpdate:
    """What BatchUpdateCluster answers."""

    processed_clusters: list[Cluster]
    unprocessed_clusters: list[UnprocessedCluster]


@operation
def batch_update_cluster(
    context: Context, cluster_names: Sequence[str], service_update: Mapping[str, Any] | None = None
) -> BatchUpdate:
    """Apply a service update to clusters; those that cannot have it are told apart, the others get it.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_BatchUpdateCluster.html
    """
    name = (service_update or {}).get("ServiceUpdateNameToApply")
    if not name:
        raise InvalidParameterValueException(
            "The parameter ServiceUpdate.ServiceUpdateNameToApply must be provided."
        )
    if name not in {update.service_update_name for update in context.options.service_updates}:
        raise ServiceUpdateNotFoundFault(f"Service update {name} not found.")
    result = BatchUpdate([], [])
    for cluster_name in dict.fromkeys(each.lower() for each in cluster_names):
        try:
            result.processed_clusters.append(_apply(context, cluster_name, name))
        except (ClusterNotFoundFault, InvalidClusterStateFault, InvalidParameterValueException) as fault:
            result.unprocessed_clusters.append(_unprocessed(cluster_name, fault))
    return result


def _unprocessed(cluster_name: str, fault: Fault) -> UnprocessedCluster:
    return UnprocessedCluster(cluster_name, fault.code, fault.message)


def _apply(context: Context, cluster_name: str, name: str) -> Cluster:
    cluster = require_cluster(context, cluster_name)
    require_available(cluster)
    statuses = {
        each.update.service_update_name: each.status for each in _all(context) if each.cluster is cluster
    }
    if statuses.get(name) != AVAILABLE:
        raise InvalidParameterValueException(
            f"Service update {name} is not available for cluster {cluster.name}."
        )
    cluster.service_updates = {**cluster.service_updates, name: IN_PROGRESS}
    pending = PendingServiceUpdate(name, IN_PROGRESS)
    cluster.pending_updates = replace(cluster.pending_updates or PendingUpdates(), service_updates=(pending,))

    def arrived(_: object, at: datetime) -> None:
        cluster.service_updates = {**cluster.service_updates, name: COMPLETE}
        cluster.pending_updates = None
        context.store.record("cluster", cluster.name, f"Applied service update {name}", at)

    context.transitions.begin(cluster, "updating", context.now, arrived=arrived)
    return answer(context, cluster)
