"""Snapshots: made of a cluster, copied, exported to S3, deleted.

https://docs.aws.amazon.com/memorydb/latest/devguide/snapshots.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from localstack_memorydb.engine import ShardSnapshot
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.encryption import require_encryption_key
from localstack_memorydb.provider.faults import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    InvalidSnapshotStateFault,
    SnapshotAlreadyExistsFault,
    SnapshotQuotaExceededFault,
)
from localstack_memorydb.provider.grants import require_export_granted
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.ports import NoSuchBucket
from localstack_memorydb.provider.requirements import (
    require_available,
    require_cluster,
    require_new_snapshot,
    require_snapshot,
    require_tags,
    within_a_day,
)
from localstack_memorydb.provider.resources import (
    Cluster,
    ClusterConfiguration,
    ShardConfiguration,
    ShardDetail,
    Snapshot,
    Tags,
)
from localstack_memorydb.provider.topology import slot_ranges

MANUAL: Final = "manual"
SOURCES: Final = {"system": "automated", "user": MANUAL}
LONGEST_EXPORT_NAME: Final = 1000
_MEGABYTE: Final = 1 << 20


@operation
def create_snapshot(
    context: Context,
    cluster_name: str,
    snapshot_name: str,
    kms_key_id: str | None = None,
    tags: Sequence[Mapping[str, Any]] = (),
) -> Snapshot:
    """Save a cluster's data; the cluster is snapshotting meanwhile and serves on.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_CreateSnapshot.html
    """
    name = require_new_snapshot(context, "SnapshotName", snapshot_name)
    cluster = require_cluster(context, cluster_name)
    require_available(cluster)
    recent = within_a_day(cluster.manual_snapshots, context.now)
    if len(recent) >= context.quotas.manual_snapshots_per_day:
        raise SnapshotQuotaExceededFault(
            f"{context.quotas.manual_snapshots_per_day} manual snapshots of a cluster can be made in 24 hours."
        )
    own_tags = require_tags(context, tags) or dict(cluster.tags)
    key = require_encryption_key(context, kms_key_id) or cluster.kms_key_id
    cluster.manual_snapshots = [*recent, context.now]
    handle = context.fleet.handle(cluster)
    work = context.transitions.submit(handle.snapshot)
    snapshot = begin_snapshot(context, cluster, name, work, kms_key_id=key, tags=own_tags)
    context.transitions.begin(cluster, "snapshotting", context.now, work)
    return _brief(snapshot)


def begin_snapshot(
    context: Context,
    cluster: Cluster,
    name: str,
    work: Future[tuple[ShardSnapshot, ...]],
    *,
    kms_key_id: str | None,
    tags: Tags,
    source: str = MANUAL,
) -> Snapshot:
    """A new snapshot which holds what `work` brings, once that is done."""
    snapshot = Snapshot(
        name=name,
        arn=context.store.arn(Snapshot.kind, name),
        tags=tags,
        status="creating",
        since=context.now,
        source=source,
        created=context.now,
        kms_key_id=kms_key_id,
        cluster_configuration=_configuration(context, cluster),
        has_data_tiering=cluster.has_data_tiering,
    )
    store, replicas, taken_at = context.store, cluster.replicas_per_shard, context.now

    def arrived(files: tuple[ShardSnapshot, ...], at: datetime) -> None:
        snapshot.files = files
        details = tuple(_detail(file, replicas, taken_at) for file in files)
        snapshot.cluster_configuration = replace(snapshot.cluster_configuration, shards=details)
        for file in files:
            node = f"{cluster.name}-{file.name}-001"
            text = f"Snapshot {name} succeeded for node {node}"
            store.record("cluster", cluster.name, text, at, "SnapshotComplete")

    def failed(_: Exception, at: datetime) -> str:
        message = f"Snapshot {name} failed for node {cluster.name}-0001-001"
        store.record("cluster", cluster.name, message, at, "SnapshotFailed")
        return "failed"

    context.store.snapshots[name] = snapshot
    context.transitions.begin(snapshot, "creating", context.now, work, arrived=arrived, failed=failed)
    return snapshot


def _configuration(context: Context, cluster: Cluster) -> ClusterConfiguration:
    group = context.store.subnet_groups.get(cluster.subnet_group_name)
    shared = context.globe.multi_region_clusters.get(cluster.multi_region_cluster_name or "")
    return ClusterConfiguration(
        name=cluster.name,
        description=cluster.description or "",
        node_type=cluster.node_type,
        engine=cluster.engine,
        engine_version=cluster.engine_version,
        maintenance_window=cluster.maintenance_window,
        topic_arn=cluster.sns_topic_arn,
        port=cluster.cluster_endpoint.port,
        parameter_group_name=cluster.parameter_group_name,
        subnet_group_name=cluster.subnet_group_name,
        vpc_id=group.vpc_id if group else None,
        snapshot_retention_limit=cluster.snapshot_retention_limit,
        snapshot_window=cluster.snapshot_window,
        num_shards=cluster.number_of_shards,
        multi_region_parameter_group_name=shared.multi_region_parameter_group_name if shared else None,
        multi_region_cluster_name=cluster.multi_region_cluster_name,
    )


def _detail(file: ShardSnapshot, replicas: int, taken_at: datetime) -> ShardDetail:
    configuration = ShardConfiguration(slot_ranges(file.slots), replicas)
    return ShardDetail(file.name, configuration, _size(file.data), taken_at)


def _size(data: bytes) -> str:
    """Whole megabytes, rounded up."""
    return f"{max(1, math.ceil(len(data) / _MEGABYTE))} MB"


def _brief(snapshot: Snapshot) -> Snapshot:
    """The snapshot without its shards, which an answer holds only with ShowDetail."""
    return replace(snapshot, cluster_configuration=replace(snapshot.cluster_configuration, shards=None))


@operation(page_size=50)
def describe_snapshots(
    context: Context,
    cluster_name: str | None = None,
    snapshot_name: str | None = None,
    source: str | None = None,
    show_detail: bool = False,
) -> list[Snapshot]:
    """Snapshots by name, cluster or source; with their shards when the request wants details.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeSnapshots.html
    """
    if source is not None and source not in SOURCES:
        raise InvalidParameterValueException(f"The parameter Source must be one of {', '.join(SOURCES)}.")
    if snapshot_name is not None:
        snapshots = [require_snapshot(context, snapshot_name)]
    else:
        snapshots = list(context.store.snapshots.values())
    if cluster_name is not None:
        snapshots = [each for each in snapshots if each.cluster_configuration.name == cluster_name.lower()]
    if source is not None:
        snapshots = [each for each in snapshots if each.source == SOURCES[source]]
    return snapshots if show_detail else [_brief(each) for each in snapshots]


@operation
def delete_snapshot(context: Context, snapshot_name: str) -> Snapshot:
    """Delete a snapshot that no operation works with.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DeleteSnapshot.html
    """
    snapshot = require_snapshot(context, snapshot_name)
    if snapshot.status not in {"available", "failed"}:
        raise _invalid_state(snapshot)
    context.transitions.begin(snapshot, "deleting", context.now)
    return _brief(snapshot)


@operation
def copy_snapshot(
    context: Context,
    source_snapshot_name: str,
    target_snapshot_name: str,
    target_bucket: str | None = None,
    kms_key_id: str | None = None,
    tags: Sequence[Mapping[str, Any]] = (),
) -> Snapshot:
    """Copy a snapshot under another name, or export it to S3 when the request names a bucket.

    The copy is always a manual one. An export answers with the source, which is `copying` until the objects are
    written: there is no other snapshot whose state a caller could wait for.
    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_CopySnapshot.html
    """
    source = require_snapshot(context, source_snapshot_name)
    if source.status != "available":
        raise _invalid_state(source)
    own_tags = require_tags(context, tags) or dict(source.tags)
    if target_bucket is not None:
        if kms_key_id is not None:
            raise InvalidParameterCombinationException("KmsKeyId cannot be used together with TargetBucket.")
        _export(context, source, _require_export_name(target_snapshot_name), target_bucket)
        return _brief(source)
    name = require_new_snapshot(context, "TargetSnapshotName", target_snapshot_name)
    copy = replace(
        source,
        name=name,
        arn=context.store.arn(Snapshot.kind, name),
        source=MANUAL,
        created=context.now,
        kms_key_id=require_encryption_key(context, kms_key_id) or source.kms_key_id,
        tags=own_tags,
    )
    context.store.snapshots[name] = copy
    context.transitions.begin(copy, "creating", context.now)
    return _brief(copy)


def _invalid_state(snapshot: Snapshot) -> InvalidSnapshotStateFault:
    return InvalidSnapshotStateFault(f"Snapshot {snapshot.name} is not in available state.")


def _require_export_name(name: str) -> str:
    """The beginning of the objects' keys, as it is: S3 tells cases apart."""
    if len(name) > LONGEST_EXPORT_NAME:
        raise InvalidParameterValueException(
            f"The parameter TargetSnapshotName must not be longer than {LONGEST_EXPORT_NAME} characters."
        )
    return name


def _export(context: Context, snapshot: Snapshot, name: str, bucket: str) -> None:
    """Write an object for each shard to the root of the bucket.

    https://docs.aws.amazon.com/memorydb/latest/devguide/snapshots-exporting.html
    """
    if snapshot.has_data_tiering:
        raise InvalidParameterCombinationException(
            f"Snapshot {snapshot.name} has data tiering; it cannot be exported."
        )
    bodies = {f"{name}-{file.name}.rdb": file.data for file in snapshot.files}
    _require_bucket(context, bucket, list(bodies))
    objects, scope, store = context.ports.objects, context.scope, context.store

    def write() -> None:
        for key, body in bodies.items():
            objects.put_object(scope, bucket, key, body)

    def failed(_: Exception, at: datetime) -> None:
        cluster = snapshot.cluster_configuration.name
        text = f"Snapshot {name} failed for node {cluster}-0001-001"
        store.record("cluster", cluster, text, at, "SnapshotFailed")

    work = context.transitions.submit(write)
    context.transitions.begin(snapshot, "copying", context.now, work, failed=failed)


def _require_bucket(context: Context, bucket: str, keys: Sequence[str]) -> None:
    """The bucket must be there and in this Region, must let MemoryDB in, and must not hold the objects yet."""
    objects, scope = context.ports.objects, context.scope
    try:
        if objects.bucket_region(scope, bucket) != context.call.region:
            raise InvalidParameterValueException(f"The S3 bucket {bucket} is outside of the region.")
        require_export_granted(context, bucket, keys)
    except NoSuchBucket:
        raise InvalidParameterValueException(f"The S3 bucket {bucket} does not exist.") from None
    for key in keys:
        if objects.has_object(scope, bucket, key):
            raise SnapshotAlreadyExistsFault(
                f"The S3 bucket {bucket} already contains an object with key {key}."
            )
