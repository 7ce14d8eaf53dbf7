"""Multi-Region clusters: https://docs.aws.amazon.com/memorydb/latest/devguide/multi-region.html"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Final

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.catalog import version_number
from localstack_memorydb.provider.cluster_rules import require_offered, require_shards
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    InvalidMultiRegionClusterStateFault,
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    MultiRegionClusterAlreadyExistsFault,
    MultiRegionParameterGroupNotFoundFault,
)
from localstack_memorydb.provider.multi_region import (
    members_of,
    require_available_multi_region_cluster,
    require_multi_region,
    require_multi_region_cluster,
)
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.renewal import Renewal, begin_renewal
from localstack_memorydb.provider.requirements import LONGEST_CLUSTER_NAME, require_identifier, require_tags
from localstack_memorydb.provider.resources import (
    Cluster,
    MultiRegionCluster,
    MultiRegionParameterGroup,
    RegionalCluster,
)
from localstack_memorydb.provider.scaling import begin_resharding
from localstack_memorydb.provider.store import Store

ENGINE: Final = "valkey"
FIRST_VERSION: Final = "7.3"
DEFAULT_GROUP: Final = "default.memorydb-valkey7.multiregion"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMultiRegionClusterRequest:
    """The members of CreateMultiRegionCluster."""

    multi_region_cluster_name_suffix: str
    node_type: str
    description: str | None = None
    engine: str = ENGINE
    engine_version: str = FIRST_VERSION
    multi_region_parameter_group_name: str = DEFAULT_GROUP
    num_shards: int = 1
    tls_enabled: bool = True
    tags: Sequence[Mapping[str, Any]] = ()


@operation
def create_multi_region_cluster(
    context: Context, request: CreateMultiRegionClusterRequest
) -> MultiRegionCluster:
    """A multi-Region cluster without members; clusters join it when they are created. Its name begins with the prefix of the Region.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_CreateMultiRegionCluster.html
    """
    suffix = require_identifier(
        "MultiRegionClusterNameSuffix", request.multi_region_cluster_name_suffix, LONGEST_CLUSTER_NAME
    )
    name = f"{require_multi_region(context).multi_region_prefix}-{suffix}"
    if name in context.globe.multi_region_clusters:
        raise MultiRegionClusterAlreadyExistsFault(f"Multi-Region cluster {name} already exists.")
    cluster = MultiRegionCluster(
        name=name,
        arn=context.globe.arn(MultiRegionCluster.kind, name),
        tags=require_tags(context, request.tags),
        status="creating",
        since=context.now,
        description=request.description,
        node_type=_require_node_type(request.node_type),
        engine=_require_engine(request.engine),
        engine_version=_require_version(request.engine_version),
        number_of_shards=_require_shards(context, request.num_shards),
        multi_region_parameter_group_name=require_group(
            context, request.multi_region_parameter_group_name
        ).name,
        tls_enabled=request.tls_enabled,
    )
    context.globe.multi_region_clusters[name] = cluster
    context.transitions.begin(cluster, "creating", context.now)
    return cluster


def _require_node_type(name: str) -> str:
    node_type = catalog.node_types().get(name)
    if node_type is None or not node_type.multi_region:
        raise InvalidParameterValueException(f"Invalid node type for multi-Region clusters: {name}.")
    return name


def _require_engine(engine: str) -> str:
    if engine.lower() != ENGINE:
        raise InvalidParameterValueException(f"Invalid engine for multi-Region clusters: {engine}.")
    return engine.lower()


def _require_version(version: str) -> str:
    if require_offered(ENGINE, version).number < version_number(FIRST_VERSION):
        raise InvalidParameterValueException(
            f"Multi-Region clusters require engine version {FIRST_VERSION} or later."
        )
    return version


def _require_shards(context: Context, wanted: int) -> int:
    """No quota fault is declared here."""
    count = require_shards(wanted, None)
    if count > context.quotas.shards_per_cluster:
        raise InvalidParameterValueException(
            f"The number of shards must be at most {context.quotas.shards_per_cluster}."
        )
    return count


def require_group(context: Context, name: str) -> MultiRegionParameterGroup:
    """The multi-Region parameter group of that name."""
    group = context.globe.multi_region_parameter_groups.get(name.lower())
    if group is None:
        raise MultiRegionParameterGroupNotFoundFault(
            f"Multi-Region parameter group {name.lower()} not found."
        )
    return group


@operation
def describe_multi_region_clusters(
    context: Context, multi_region_cluster_name: str | None = None, show_cluster_details: bool = False
) -> list[MultiRegionCluster]:
    """Multi-Region clusters, the same from every Region; with their members when the request wants details.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeMultiRegionClusters.html
    """
    if multi_region_cluster_name is not None:
        found = [require_multi_region_cluster(context, multi_region_cluster_name)]
    else:
        found = list(context.globe.multi_region_clusters.values())
    return [_detailed(context, each) for each in found] if show_cluster_details else found


def _detailed(context: Context, cluster: MultiRegionCluster) -> MultiRegionCluster:
    members = members_of(context, cluster.name)
    regional = (RegionalCluster(each.name, store.region, each.status, each.arn) for store, each in members)
    return replace(cluster, clusters=tuple(regional))


@operation
def delete_multi_region_cluster(context: Context, multi_region_cluster_name: str) -> MultiRegionCluster:
    """Delete a multi-Region cluster that has no members any more.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DeleteMultiRegionCluster.html
    """
    cluster = require_available_multi_region_cluster(context, multi_region_cluster_name)
    if members := members_of(context, cluster.name):
        store, member = members[0]
        raise InvalidMultiRegionClusterStateFault(
            f"Multi-Region cluster {cluster.name} still has cluster {member.name} in {store.region}."
        )
    context.transitions.begin(cluster, "deleting", context.now)
    return cluster


class MultiRegionUpdates:
    """What ListAllowedMultiRegionClusterUpdates answers."""

    def __init__(self, cluster: MultiRegionCluster) -> None:
        types = catalog.node_types()
        up, down = catalog.node_type_updates(types[cluster.node_type])
        self.scale_up_node_types = [name for name in up if types[name].multi_region]
        self.scale_down_node_types = [name for name in down if types[name].multi_region]


@operation
def list_allowed_multi_region_cluster_updates(
    context: Context, multi_region_cluster_name: str
) -> MultiRegionUpdates:
    """The node types that all members could be changed to.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_ListAllowedMultiRegionClusterUpdates.html
    """
    return MultiRegionUpdates(require_multi_region_cluster(context, multi_region_cluster_name))


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateMultiRegionClusterRequest:
    """The members of UpdateMultiRegionCluster."""

    multi_region_cluster_name: str
    node_type: str | None = None
    description: str | None = None
    engine_version: str | None = None
    shard_configuration: Mapping[str, Any] | None = None
    multi_region_parameter_group_name: str | None = None
    update_strategy: str = "coordinated"


@operation
def update_multi_region_cluster(
    context: Context, request: UpdateMultiRegionClusterRequest
) -> MultiRegionCluster:
    """Change what the members share, in all of them.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_UpdateMultiRegionCluster.html
    """
    cluster = require_available_multi_region_cluster(context, request.multi_region_cluster_name)
    members = members_of(context, cluster.name)
    for store, member in members:
        if member.status != "available":
            raise InvalidMultiRegionClusterStateFault(
                f"Cluster {member.name} in {store.region} is not in available state."
            )
    shards = _new_shards(context, cluster, request)
    changes = {
        "description": request.description,
        "number_of_shards": shards,
        "node_type": _new_node_type(cluster, request.node_type),
        "engine_version": _new_version(cluster, request.engine_version),
        "multi_region_parameter_group_name": _new_group(context, request.multi_region_parameter_group_name),
    }
    wanted = {name: value for name, value in changes.items() if value not in {None, getattr(cluster, name)}}
    if not wanted:
        raise InvalidParameterCombinationException(
            f"The request changes nothing of multi-Region cluster {cluster.name}."
        )
    for name, value in wanted.items():
        setattr(cluster, name, value)
    context.transitions.begin(cluster, "updating", context.now)
    for store, member in members:
        for work in _begin_member(context, store, member, cluster):
            context.transitions.begin(cluster, "updating", context.now, work)
    return cluster


def _begin_member(
    context: Context, store: Store, member: Cluster, cluster: MultiRegionCluster
) -> Iterator[Future[None]]:
    """Make the member what the multi-Region cluster says."""
    if member.number_of_shards != cluster.number_of_shards:
        yield begin_resharding(context, store, member, cluster.number_of_shards)
    version = require_offered(cluster.engine, cluster.engine_version)
    if (member.node_type, member.engine_version) != (cluster.node_type, cluster.engine_version):
        group = store.parameter_groups[member.parameter_group_name]
        renewal = Renewal(cluster.node_type, version, member.replicas_per_shard, group)
        yield begin_renewal(context, store, member, renewal)


def _new_shards(
    context: Context, cluster: MultiRegionCluster, request: UpdateMultiRegionClusterRequest
) -> int | None:
    """The new number of shards. Uncoordinated, Region by Region, members can only be scaled out."""
    count = None
    if request.shard_configuration is not None:
        wanted = request.shard_configuration.get("ShardCount")
        if wanted is None:
            raise InvalidParameterValueException(
                "The parameter ShardConfiguration.ShardCount must be provided."
            )
        if request.node_type is not None or request.engine_version is not None:
            raise InvalidParameterCombinationException(
                "ShardConfiguration cannot be used together with NodeType or EngineVersion."
            )
        count = _require_shards(context, wanted)
    if request.update_strategy == "uncoordinated" and (count or 0) <= cluster.number_of_shards:
        raise InvalidParameterCombinationException(
            "UpdateStrategy uncoordinated can be used for increasing the number of shards only."
        )
    return count


def _new_node_type(cluster: MultiRegionCluster, node_type: str | None) -> str | None:
    if node_type in {None, cluster.node_type}:
        return None
    updates = MultiRegionUpdates(cluster)
    if node_type not in {*updates.scale_up_node_types, *updates.scale_down_node_types}:
        raise InvalidParameterValueException(
            f"Node type {node_type} is not one that multi-Region cluster {cluster.name} can be scaled to."
        )
    return node_type


def _new_version(cluster: MultiRegionCluster, version: str | None) -> str | None:
    """Only upward; there is one version so far."""
    if version is None:
        return None
    if version_number(_require_version(version)) < version_number(cluster.engine_version):
        raise InvalidParameterCombinationException("An engine version cannot be downgraded.")
    return version


def _new_group(context: Context, name: str | None) -> str | None:
    return None if name is None else require_group(context, name).name
