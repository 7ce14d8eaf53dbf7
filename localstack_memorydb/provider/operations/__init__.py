"""The operations, a file for each kind of resource. Importing this package declares them all."""

from __future__ import annotations

from localstack_memorydb.provider.operations import (
    access,
    cluster_creation,
    cluster_updates,
    clusters,
    events,
    offerings,
    parameter_groups,
    snapshots,
    subnet_groups,
    tagging,
)

__all__ = [
    "access",
    "cluster_creation",
    "cluster_updates",
    "clusters",
    "events",
    "offerings",
    "parameter_groups",
    "snapshots",
    "subnet_groups",
    "tagging",
]
