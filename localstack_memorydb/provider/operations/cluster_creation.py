"""CreateCluster: https://docs.aws.amazon.com/memorydb/latest/APIReference/API_CreateCluster.html"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime

from localstack_memorydb.engine import AddressError
from localstack_memorydb.provider.cluster_request import CreateClusterRequest
from localstack_memorydb.provider.cluster_rules import (
    require_acl_for,
    require_data_tiering,
    require_network,
    require_node_quotas,
    require_node_type,
    require_parameter_group_for,
    require_policy,
    require_port,
    require_replicas,
    require_retention,
    require_shards,
    require_topic,
    require_version,
)
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.encryption import require_encryption_key
from localstack_memorydb.provider.faults import ClusterAlreadyExistsFault
from localstack_memorydb.provider.membership import users_of
from localstack_memorydb.provider.multi_region import require_membership
from localstack_memorydb.provider.notices import NoticeName
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.operations.parameter_groups import tell_of_group, values_of
from localstack_memorydb.provider.operations.subnet_groups import require_security_groups, subnet_group_for
from localstack_memorydb.provider.requirements import (
    LONGEST_CLUSTER_NAME,
    require_active_acl,
    require_identifier,
    require_tags,
)
from localstack_memorydb.provider.resources import Cluster, Endpoint, ParameterGroupUse, SecurityGroup
from localstack_memorydb.provider.restore import Source, require_source
from localstack_memorydb.provider.store import Store
from localstack_memorydb.provider.topology import answer, place, tell_of_nodes
from localstack_memorydb.provider.windows import (
    default_windows,
    require_apart,
    require_maintenance_window,
    require_snapshot_window,
)


@operation
def create_cluster(context: Context, request: CreateClusterRequest) -> Cluster:
    """Start a cluster, with the data of a snapshot if the request names one."""
    name = require_identifier("ClusterName", request.cluster_name, LONGEST_CLUSTER_NAME)
    if name in context.store.clusters:
        raise ClusterAlreadyExistsFault(f"Cluster {name} already exists.")
    source = require_source(context, request.snapshot_name, request.snapshot_arns)
    cluster = _new_cluster(context, name, request, source)
    if source is not None and not request.tags:
        cluster.tags = source.tags
    context.store.clusters[name] = cluster
    _start(context, cluster, source)
    return answer(context, cluster)


def _new_cluster(
    context: Context, name: str, request: CreateClusterRequest, source: Source | None
) -> Cluster:
    """The cluster that the request describes, or the fault that AWS would answer first."""
    restored = source.configuration if source else None
    shared, request = require_membership(context, request)
    acl = require_active_acl(context, request.acl_name)
    version = require_version(request.engine, request.engine_version, restored)
    require_acl_for(acl, version, tls_enabled=request.tls_enabled)
    node_type = require_node_type(context, request.node_type)
    shards = require_shards(request.num_shards, restored)
    replicas = require_replicas(context, request.num_replicas_per_shard)
    require_node_quotas(context, shards, replicas)
    parameter_group = require_parameter_group_for(
        context, request.parameter_group_name, version, node_type, shards
    )
    data_tiering = require_data_tiering(node_type, request.data_tiering, source)
    require_policy(parameter_group, data_tiering)
    subnet_group = subnet_group_for(context, request.subnet_group_name)
    security_groups = require_security_groups(context, request.security_group_ids, subnet_group)
    arn = context.store.arn(Cluster.kind, name)
    maintenance_window, snapshot_window = _windows(arn, context, request)
    cluster = Cluster(
        name=name,
        arn=arn,
        tags=require_tags(context, request.tags),
        status="creating",
        since=context.now,
        description=request.description,
        number_of_shards=shards,
        replicas_per_shard=replicas,
        node_type=node_type.name,
        engine=version.engine,
        engine_version=version.engine_version,
        engine_patch_version=version.engine_patch_version,
        parameter_group=ParameterGroupUse(name=parameter_group.name, status="in-sync", since=context.now),
        security_groups=_security_groups(security_groups, context.now),
        subnet_group_name=subnet_group.name,
        tls_enabled=request.tls_enabled,
        kms_key_id=require_encryption_key(context, request.kms_key_id),
        sns_topic_arn=require_topic(context, request.sns_topic_arn),
        sns_topic_status="ACTIVE" if request.sns_topic_arn else None,
        snapshot_retention_limit=require_retention(request.snapshot_retention_limit),
        maintenance_window=maintenance_window,
        snapshot_window=snapshot_window,
        acl_name=acl.name,
        auto_minor_version_upgrade=request.auto_minor_version_upgrade,
        has_data_tiering=data_tiering,
        network_type=request.network_type,
        ip_discovery=require_network(subnet_group, request.network_type, request.ip_discovery),
        cluster_endpoint=Endpoint(None, require_port(request.port)),
        multi_region_cluster_name=shared.name if shared else None,
    )
    context.store.subnet_groups[subnet_group.name] = subnet_group
    if shared is not None:
        context.transitions.begin(shared, "updating", context.now)
    return cluster


def _windows(arn: str, context: Context, request: CreateClusterRequest) -> tuple[str, str]:
    maintenance, snapshot = request.maintenance_window, request.snapshot_window
    if maintenance is not None:
        maintenance = require_maintenance_window(maintenance)
    if snapshot is not None:
        snapshot = require_snapshot_window(snapshot)
    if maintenance is not None and snapshot is not None:
        require_apart(maintenance, snapshot)
    return default_windows(arn, context.call.region, maintenance, snapshot)


def _security_groups(identifiers: Sequence[str], now: datetime) -> list[SecurityGroup] | None:
    groups = [SecurityGroup(security_group_id=each, status="active", since=now) for each in identifiers]
    return groups or None


def _start(context: Context, cluster: Cluster, source: Source | None) -> None:
    """Start the nodes at once, which is quick, and load data meanwhile.

    The state moves on when both are done: see `transitions`.
    """
    store, now = context.store, context.now
    group = store.parameter_groups[cluster.parameter_group_name]
    users = users_of(store, store.acls[cluster.acl_name])
    started = context.transitions.run(lambda: context.fleet.start(cluster, values_of(group), users))

    def arrived(_: object, at: datetime) -> None:
        _tell_created(store, cluster, at)

    def failed(error: Exception, at: datetime) -> str:
        _tell_failed(store, cluster, error, at)
        return "create-failed"

    if source is None or started.exception():
        context.transitions.begin(cluster, "creating", now, started, arrived=arrived, failed=failed)
    else:
        _load(context, cluster, source)
    if not started.exception():
        place(store, cluster, started.result().topology(), now)


def _tell_created(store: Store, cluster: Cluster, at: datetime) -> None:
    """The events of a new cluster, in the order in which AWS tells of them."""
    tell_of_nodes(store, cluster, set(), at)
    tell_of_group(store, cluster, at)
    _tell_ready(store, cluster, at)


def _tell_ready(store: Store, cluster: Cluster, at: datetime) -> None:
    """The guide has two notices of this one moment."""
    text = "Cluster created."
    store.record("cluster", cluster.name, text, at, "ClusterProvisioningComplete", "CreateClusterComplete")


def _tell_failed(store: Store, cluster: Cluster, error: Exception, at: datetime) -> None:
    text = "Failed to create cluster due to unsuccessful creation of its node(s)."
    notice: NoticeName = "CreateClusterFailed"
    if isinstance(error, AddressError):
        text = f"Failed to create cluster due to incompatible network state. {error}"
        notice = "ClusterProvisioningFailed"
    store.record("cluster", cluster.name, text, at, notice)


def _load(context: Context, cluster: Cluster, source: Source) -> None:
    """Load the data into the running nodes; a cluster whose data cannot be had is stopped."""
    store, fleet = context.store, context.fleet
    handle = fleet.handle(cluster)
    work: Future[int] = context.transitions.submit(lambda: handle.load(source.files()))

    cluster.restored_from = source.name

    def arrived(_: int, at: datetime) -> None:
        cluster.restored_from = None
        _tell_ready(store, cluster, at)

    def failed(error: Exception, at: datetime) -> str:
        message = f"Restore from {source.name} failed for node {cluster.name}-0001-001. {error}"
        store.record("cluster", cluster.name, message, at, "ClusterRestoreFailed")
        if released := fleet.release(cluster):
            released.delete()
        return "restore-failed"

    context.transitions.begin(cluster, "creating", context.now, work, arrived=arrived, failed=failed)
    if source.snapshot is not None:
        context.transitions.begin(source.snapshot, "restoring", context.now, work)
