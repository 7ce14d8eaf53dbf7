"""The operations, a file for each kind of resource. Importing this package declares them all."""

from __future__ import annotations

from localstack_memorydb.provider.operations import (
    acls,
    cluster_creation,
    cluster_updates,
    clusters,
    events,
    multi_region_clusters,
    multi_region_parameter_groups,
    offerings,
    parameter_groups,
    reserved_nodes,
    service_updates,
    snapshots,
    subnet_groups,
    tagging,
    users,
)

__all__ = [
    "acls",
    "cluster_creation",
    "cluster_updates",
    "clusters",
    "events",
    "multi_region_clusters",
    "multi_region_parameter_groups",
    "offerings",
    "parameter_groups",
    "reserved_nodes",
    "service_updates",
    "snapshots",
    "subnet_groups",
    "tagging",
    "users",
]
