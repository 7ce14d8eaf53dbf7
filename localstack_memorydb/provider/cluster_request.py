"""The request of CreateCluster, which more than one file reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localstack_memorydb.provider import catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateClusterRequest:
    """The members of CreateCluster."""

    cluster_name: str
    node_type: str
    acl_name: str
    multi_region_cluster_name: str | None = None
    parameter_group_name: str | None = None
    description: str | None = None
    num_shards: int | None = None
    num_replicas_per_shard: int = 1
    subnet_group_name: str | None = None
    security_group_ids: Sequence[str] = ()
    maintenance_window: str | None = None
    port: int = catalog.DEFAULT_PORT
    sns_topic_arn: str | None = None
    tls_enabled: bool = True
    kms_key_id: str | None = None
    snapshot_arns: Sequence[str] | None = None
    snapshot_name: str | None = None
    snapshot_retention_limit: int = 0
    tags: Sequence[Mapping[str, Any]] = ()
    snapshot_window: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    auto_minor_version_upgrade: bool = True
    data_tiering: bool | None = None
    network_type: str = "ipv4"
    ip_discovery: str | None = None
