"""Multi-Region clusters and their members: https://docs.aws.amazon.com/memorydb/latest/devguide/multi-region.html

Members have the same node type, shards, engine version and TLS setting, one in a Region, and the same data.
"""

from __future__ import annotations

from dataclasses import replace

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.cluster_request import CreateClusterRequest
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    ClusterQuotaForCustomerExceededFault,
    InvalidMultiRegionClusterStateFault,
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    MultiRegionClusterNotFoundFault,
)
from localstack_memorydb.provider.resources import Cluster, MultiRegionCluster
from localstack_memorydb.provider.store import Store

Member = tuple[Store, Cluster]


def members_of(context: Context, name: str) -> list[Member]:
    """The regional clusters of a multi-Region cluster, with the stores that hold them."""
    return [
        (store, cluster)
        for _, store in sorted(context.regions.items())
        for cluster in store.clusters.values()
        if cluster.multi_region_cluster_name == name
    ]


def require_multi_region_cluster(context: Context, name: str) -> MultiRegionCluster:
    """The multi-Region cluster of that name, whatever its state."""
    found = context.globe.multi_region_clusters.get(name.lower())
    if found is None:
        raise MultiRegionClusterNotFoundFault(f"Multi-Region cluster {name.lower()} not found.")
    return found


def require_available_multi_region_cluster(context: Context, name: str) -> MultiRegionCluster:
    """The multi-Region cluster of that name, of which no change may be under way."""
    found = require_multi_region_cluster(context, name)
    if found.status != "available":
        raise InvalidMultiRegionClusterStateFault(
            f"Multi-Region cluster {found.name} is not in available state."
        )
    return found


def require_multi_region(context: Context) -> catalog.Region:
    """The Region of the call, which must be one of those that offer multi-Region clusters."""
    region = catalog.region(context.call.region)
    if not region.multi_region or region.multi_region_prefix is None:
        raise InvalidParameterValueException(
            f"Multi-Region clusters are not available in {context.call.region}."
        )
    return region


def require_membership(
    context: Context, request: CreateClusterRequest
) -> tuple[MultiRegionCluster | None, CreateClusterRequest]:
    """The multi-Region cluster that a new cluster joins, and the request with what all members share."""
    if request.multi_region_cluster_name is None:
        return None, request
    shared = require_available_multi_region_cluster(context, request.multi_region_cluster_name)
    require_multi_region(context)
    _require_same(request, shared)
    members = members_of(context, shared.name)
    if any(store is context.store for store, _ in members):
        raise InvalidParameterCombinationException(
            f"Multi-Region cluster {shared.name} has a cluster in {context.call.region} already."
        )
    if len(members) >= context.quotas.regions_per_multi_region_cluster:
        raise ClusterQuotaForCustomerExceededFault(
            f"A multi-Region cluster can have clusters in at most "
            f"{context.quotas.regions_per_multi_region_cluster} Regions."
        )
    return shared, replace(
        request,
        engine=shared.engine,
        engine_version=shared.engine_version,
        num_shards=shared.number_of_shards,
        parameter_group_name=None,
    )


def _require_same(request: CreateClusterRequest, shared: MultiRegionCluster) -> None:
    """What the request says of the things that members share must be what the multi-Region cluster has."""
    engine = None if request.engine is None else request.engine.lower()
    wanted = {
        "NodeType": (request.node_type, shared.node_type),
        "NumShards": (request.num_shards, shared.number_of_shards),
        "Engine": (engine, shared.engine),
        "EngineVersion": (request.engine_version, shared.engine_version),
        "TLSEnabled": (request.tls_enabled, shared.tls_enabled),
        "ParameterGroupName": (request.parameter_group_name, shared.multi_region_parameter_group_name),
    }
    for member, (given, expected) in wanted.items():
        if given is not None and given != expected:
            raise InvalidParameterCombinationException(
                f"{member} must be that of multi-Region cluster {shared.name}: {expected}."
            )


def require_not_shared(cluster: Cluster, *given: object) -> None:
    """What members share is changed for all of them at once, by UpdateMultiRegionCluster."""
    if cluster.multi_region_cluster_name is not None and any(value is not None for value in given):
        raise InvalidParameterCombinationException(
            f"Cluster {cluster.name} is part of multi-Region cluster {cluster.multi_region_cluster_name}; its node "
            "type, shards, engine and parameter group are changed with UpdateMultiRegionCluster."
        )


def require_named(cluster: Cluster, name: str | None) -> None:
    """Who deletes a member must name its multi-Region cluster, and only then."""
    own = cluster.multi_region_cluster_name
    if own is None and name is not None:
        raise InvalidParameterCombinationException(
            f"Cluster {cluster.name} is not part of a multi-Region cluster."
        )
    if own is not None and (name is None or name.lower() != own):
        raise InvalidParameterCombinationException(
            f"Cluster {cluster.name} is part of multi-Region cluster {own}; MultiRegionClusterName must name it."
        )
