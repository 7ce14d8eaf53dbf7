"""UpdateCluster: https://docs.aws.amazon.com/memorydb/latest/APIReference/API_UpdateCluster.html

Every setting has a function that looks at the request and gives the change to make, or None when there is
nothing to change, or raises a fault. Changes are made when all settings have been looked at, so a request is
carried out whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.catalog import EngineVersion
from localstack_memorydb.provider.cluster_rules import (
    require_acl_for,
    require_discovery,
    require_family,
    require_node_quotas,
    require_offered,
    require_policy,
    require_replicas,
    require_retention,
    require_searchable,
    require_shards,
    require_topic,
)
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.encryption import require_usable_key
from localstack_memorydb.provider.faults import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    NoOperationFault,
)
from localstack_memorydb.provider.membership import users_of
from localstack_memorydb.provider.multi_region import require_not_shared
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.operations.parameter_groups import (
    apply_parameters,
    fixed_values,
    tell_of_group,
)
from localstack_memorydb.provider.operations.subnet_groups import require_security_groups
from localstack_memorydb.provider.renewal import Renewal, begin_renewal
from localstack_memorydb.provider.requirements import (
    require_active_acl,
    require_available,
    require_cluster,
    require_parameter_group,
)
from localstack_memorydb.provider.resources import (
    ACLsUpdate,
    Cluster,
    ParameterGroup,
    PendingUpdates,
    SecurityGroup,
)
from localstack_memorydb.provider.scaling import begin_replicas, begin_resharding
from localstack_memorydb.provider.topology import answer
from localstack_memorydb.provider.windows import (
    require_apart,
    require_maintenance_window,
    require_snapshot_window,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateClusterRequest:
    """The members of UpdateCluster."""

    cluster_name: str
    description: str | None = None
    security_group_ids: Sequence[str] = ()
    maintenance_window: str | None = None
    sns_topic_arn: str | None = None
    sns_topic_status: str | None = None
    parameter_group_name: str | None = None
    snapshot_window: str | None = None
    snapshot_retention_limit: int | None = None
    node_type: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    replica_configuration: Mapping[str, Any] | None = None
    shard_configuration: Mapping[str, Any] | None = None
    acl_name: str | None = None
    ip_discovery: str | None = None


Change: TypeAlias = Callable[[], object]


@operation
def update_cluster(context: Context, request: UpdateClusterRequest) -> Cluster:
    """Change a cluster at once; there is no waiting for the maintenance window."""
    cluster = require_cluster(context, request.cluster_name)
    require_available(cluster)
    require_usable_key(context, cluster)
    _require_combination(request)
    require_not_shared(
        cluster,
        request.node_type,
        request.engine,
        request.engine_version,
        request.shard_configuration,
        request.parameter_group_name,
    )
    changes = [change for plan in PLANS if (change := plan(context, cluster, request))]
    if not changes:
        raise NoOperationFault(f"The request changes nothing of cluster {cluster.name}.")
    for change in changes:
        change()
    return answer(context, cluster)


def _require_combination(request: UpdateClusterRequest) -> None:
    """Resharding goes alone, as the clients of AWS that know the service have it."""
    others = (request.node_type, request.engine, request.engine_version, request.replica_configuration)
    if request.shard_configuration is not None and any(other is not None for other in others):
        raise InvalidParameterCombinationException(
            "ShardConfiguration cannot be used together with NodeType, Engine, EngineVersion or "
            "ReplicaConfiguration."
        )


def _description(_: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    return _set(cluster, "description", request.description)


def _windows(_: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    maintenance, snapshot = cluster.maintenance_window, cluster.snapshot_window
    if request.maintenance_window is not None:
        maintenance = require_maintenance_window(request.maintenance_window)
    if request.snapshot_window is not None:
        snapshot = require_snapshot_window(request.snapshot_window)
    if (maintenance, snapshot) == (cluster.maintenance_window, cluster.snapshot_window):
        return None
    require_apart(maintenance, snapshot)

    def change() -> None:
        cluster.maintenance_window, cluster.snapshot_window = maintenance, snapshot

    return change


def _retention(_: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    if request.snapshot_retention_limit is None:
        return None
    days = require_retention(request.snapshot_retention_limit)
    return _set(cluster, "snapshot_retention_limit", days)


def _topic(context: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    """A new topic is active unless the request says otherwise; an empty ARN takes the topic away."""
    arn, status = cluster.sns_topic_arn, cluster.sns_topic_status
    if request.sns_topic_arn is not None:
        arn = require_topic(context, request.sns_topic_arn)
        status = "ACTIVE" if arn else "INACTIVE"
    if request.sns_topic_status is not None:
        status = _require_topic_status(request.sns_topic_status, arn)
    if (arn, status or "INACTIVE") == (cluster.sns_topic_arn, cluster.sns_topic_status or "INACTIVE"):
        return None

    def change() -> None:
        cluster.sns_topic_arn, cluster.sns_topic_status = arn, status

    return change


def _require_topic_status(status: str, arn: str | None) -> str:
    status = status.upper()
    if status not in {"ACTIVE", "INACTIVE"}:
        raise InvalidParameterValueException("The parameter SnsTopicStatus must be ACTIVE or INACTIVE.")
    if status == "ACTIVE" and not arn:
        raise InvalidParameterCombinationException("SnsTopicStatus cannot be ACTIVE without a topic.")
    return status


def _security_groups(context: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    """An empty list changes nothing: a cluster that has security groups keeps at least one."""
    present = {group.security_group_id for group in cluster.security_groups or ()}
    if not request.security_group_ids or present == set(request.security_group_ids):
        return None
    subnet_group = context.store.subnet_groups[cluster.subnet_group_name]
    wanted = require_security_groups(context, request.security_group_ids, subnet_group)

    def change() -> None:
        groups = [
            SecurityGroup(security_group_id=each, status="active", since=context.now) for each in wanted
        ]
        cluster.security_groups = groups
        for group in groups:
            context.transitions.begin(group, "modifying", context.now)

    return change


def _parameter_group(context: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    if request.parameter_group_name is None:
        return None
    group = require_parameter_group(context, request.parameter_group_name)
    version = _wanted_version(cluster, request)
    require_family(group, version)
    if (
        group.name == cluster.parameter_group_name
        or version.parameter_group_family != _version(cluster).parameter_group_family
    ):
        return None  # with another engine the group changes as the nodes do
    _require_same_fixed_values(context.store.parameter_groups[cluster.parameter_group_name], group)
    require_policy(group, cluster.has_data_tiering)

    def change() -> None:
        cluster.parameter_group.name = group.name
        tell_of_group(context.store, cluster, context.now)
        apply_parameters(context, cluster, group)

    return change


def _require_same_fixed_values(old: ParameterGroup, new: ParameterGroup) -> None:
    """Some values are chosen when a cluster is created, and for good."""
    before, after = fixed_values(old), fixed_values(new)
    differing = sorted(name for name in before if before[name] != after.get(name))
    if differing:
        raise InvalidParameterCombinationException(
            f"Parameter groups {old.name} and {new.name} differ in {differing[0]}, which cannot be changed for an "
            "existing cluster."
        )


def _acl(context: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    if request.acl_name is None:
        return None
    acl = require_active_acl(context, request.acl_name)
    require_acl_for(acl, _wanted_version(cluster, request), tls_enabled=cluster.tls_enabled)
    if acl.name == cluster.acl_name:
        return None

    def arrived(_: object, at: datetime) -> None:
        cluster.acl_name, cluster.pending_updates = acl.name, None
        context.store.record("cluster", cluster.name, f"Updated to use the ACL {acl.name}", at)

    def change() -> None:
        pending = cluster.pending_updates or PendingUpdates()
        cluster.pending_updates = replace(pending, acls=ACLsUpdate(acl.name))
        context.fleet.set_users(cluster, users_of(context.store, acl))
        context.transitions.begin(cluster, "updating", context.now, arrived=arrived)

    return change


def _ip_discovery(_: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    if request.ip_discovery is not None:
        require_discovery(cluster.network_type, request.ip_discovery)
    return _set(cluster, "ip_discovery", request.ip_discovery)


def _renewal(context: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    """Another node type or engine version, for which the nodes are replaced."""
    node_type = _wanted_node_type(cluster, request)
    version = _wanted_version(cluster, request)
    if node_type == cluster.node_type and version == _version(cluster):
        return None
    replicas = _wanted_replicas(context, cluster, request)
    require_node_quotas(context, cluster.number_of_shards, replicas, cluster)
    group = _wanted_group(context, cluster, request, version)
    require_searchable(group, version, catalog.node_types()[node_type], cluster.number_of_shards)
    renewal = Renewal(node_type, version, replicas, group)
    return lambda: begin_renewal(context, context.store, cluster, renewal)


def _wanted_node_type(cluster: Cluster, request: UpdateClusterRequest) -> str:
    if request.node_type is None or request.node_type == cluster.node_type:
        return cluster.node_type
    up, down = catalog.node_type_updates(catalog.node_types()[cluster.node_type])
    if request.node_type not in {*up, *down}:
        raise InvalidParameterValueException(
            f"Node type {request.node_type} is not one that cluster {cluster.name} can be scaled to."
        )
    return request.node_type


def _wanted_version(cluster: Cluster, request: UpdateClusterRequest) -> EngineVersion:
    """Only upward: https://docs.aws.amazon.com/memorydb/latest/devguide/engine-versions.html"""
    present = _version(cluster)
    engine = (request.engine or cluster.engine).lower()
    default = catalog.default_version(engine)
    if default is None:
        raise InvalidParameterValueException(f"Invalid engine: {engine}.")
    if request.engine_version is not None:
        wanted = require_offered(engine, request.engine_version)
    else:
        wanted = present if engine == cluster.engine else default
    if wanted.number < present.number:
        raise InvalidParameterCombinationException(
            f"Cluster {cluster.name} cannot be changed from {cluster.engine} {cluster.engine_version} to "
            f"{wanted.engine} {wanted.engine_version}: an engine version cannot be downgraded."
        )
    return wanted


def _wanted_group(
    context: Context, cluster: Cluster, request: UpdateClusterRequest, version: EngineVersion
) -> ParameterGroup:
    """The parameter group on the new nodes. Who has a group of their own must name one when the family changes."""
    present = context.store.parameter_groups[cluster.parameter_group_name]
    if request.parameter_group_name is not None:
        group = require_parameter_group(context, request.parameter_group_name)
    elif present.family == version.parameter_group_family:
        group = present
    elif present.is_default:
        suffix = ".search" if present.name.endswith(".search") else ""
        group = require_parameter_group(context, version.default_group + suffix)
    else:
        raise InvalidParameterCombinationException(
            f"Parameter group {present.name} is of family {present.family}; {version.engine} "
            f"{version.engine_version} requires ParameterGroupName to name one of family "
            f"{version.parameter_group_family}."
        )
    require_family(group, version)
    require_policy(group, cluster.has_data_tiering)
    _require_same_fixed_values(present, group)
    return group


def _wanted_replicas(context: Context, cluster: Cluster, request: UpdateClusterRequest) -> int:
    """The member is an integer that cannot be null: SDKs that leave out zeros, as Go's does, mean 0 by its absence."""
    if request.replica_configuration is None:
        return cluster.replicas_per_shard
    return require_replicas(context, request.replica_configuration.get("ReplicaCount", 0))


def _replicas(context: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    count = _wanted_replicas(context, cluster, request)
    if count == cluster.replicas_per_shard or _renewal(context, cluster, request):
        return None  # new nodes come in the right number
    require_node_quotas(context, cluster.number_of_shards, count, cluster)
    return lambda: begin_replicas(context, context.store, cluster, count)


def _shards(context: Context, cluster: Cluster, request: UpdateClusterRequest) -> Change | None:
    if request.shard_configuration is None:
        return None
    wanted = request.shard_configuration.get("ShardCount")
    if wanted is None:
        raise InvalidParameterValueException("The parameter ShardConfiguration.ShardCount must be provided.")
    count = require_shards(wanted, None)
    if count == cluster.number_of_shards:
        return None
    group = context.store.parameter_groups[cluster.parameter_group_name]
    require_searchable(group, _version(cluster), catalog.node_types()[cluster.node_type], count)
    require_node_quotas(context, count, cluster.replicas_per_shard, cluster)
    return lambda: begin_resharding(context, context.store, cluster, count)


def _set(cluster: Cluster, attribute: str, value: Any) -> Change | None:
    """A change of one attribute, unless the request leaves it out or it has the value already."""
    if value is None or value == getattr(cluster, attribute):
        return None
    return lambda: setattr(cluster, attribute, value)


def _version(cluster: Cluster) -> EngineVersion:
    return require_offered(cluster.engine, cluster.engine_version)


PLANS: Final = (
    _description,
    _windows,
    _retention,
    _topic,
    _security_groups,
    _parameter_group,
    _acl,
    _ip_discovery,
    _renewal,
    _replicas,
    _shards,
)
