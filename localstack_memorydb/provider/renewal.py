"""New nodes for a running cluster: another node type, another engine version.

https://docs.aws.amazon.com/memorydb/latest/devguide/cluster-scaling.vertical.html: the data stays, and so do the
endpoints; clients are disconnected once and connect again.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from localstack_memorydb.provider.catalog import EngineVersion
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.membership import users_of
from localstack_memorydb.provider.notices import NoticeName
from localstack_memorydb.provider.operations.parameter_groups import tell_of_group, values_of
from localstack_memorydb.provider.resources import Cluster, ParameterGroup, ParameterGroupUse
from localstack_memorydb.provider.store import Store
from localstack_memorydb.provider.topology import place

_SCALING: Final = "node type to "


@dataclass(frozen=True, slots=True)
class Renewal:
    """What the new nodes shall be like."""

    node_type: str
    version: EngineVersion
    replicas: int
    group: ParameterGroup

    def changed(self, cluster: Cluster, now: datetime) -> Cluster:
        """A copy of the cluster as it will be."""
        group = ParameterGroupUse(name=self.group.name, status="in-sync", since=now)
        return replace(
            cluster,
            node_type=self.node_type,
            engine=self.version.engine,
            engine_version=self.version.engine_version,
            engine_patch_version=self.version.engine_patch_version,
            replicas_per_shard=self.replicas,
            parameter_group=group,
        )

    def texts(self, cluster: Cluster) -> list[str]:
        """What changes, as events say it."""
        version = f"{self.version.engine} {self.version.engine_version}"
        texts = []
        if self.node_type != cluster.node_type:
            texts.append(f"{_SCALING}{self.node_type}")
        if version != f"{cluster.engine} {cluster.engine_version}":
            texts.append(f"engine version to {version}")
        return texts


def _scaling(text: str, notice: NoticeName) -> list[NoticeName]:
    """Topics are told of another node type; of another engine version the guide knows no notice."""
    return [notice] if text.startswith(_SCALING) else []


def begin_renewal(context: Context, store: Store, cluster: Cluster, renewal: Renewal) -> Future[None]:
    """Replace the nodes. When that fails the cluster is as before, and an event tells why."""
    fleet, texts = context.fleet, renewal.texts(cluster)
    users = users_of(store, store.acls[cluster.target_acl_name])
    work = fleet.replacement(renewal.changed(cluster, context.now), values_of(renewal.group), users)

    def arrived(_: None, at: datetime) -> None:
        after = renewal.changed(cluster, at)
        for name in ("node_type", "engine", "engine_version", "engine_patch_version", "replicas_per_shard"):
            setattr(cluster, name, getattr(after, name))
        if cluster.parameter_group.name != renewal.group.name:
            cluster.parameter_group.name = renewal.group.name
            tell_of_group(store, cluster, at)
        fleet.settle(cluster)
        _catch_up(store, cluster)
        place(store, cluster, fleet.topology(cluster), at)
        for text in texts:
            said = f"Succeeded applying modification to {text}."
            store.record("cluster", cluster.name, said, at, *_scaling(text, "ClusterScalingComplete"))

    def failed(error: Exception, at: datetime) -> None:
        fleet.settle(cluster)
        _catch_up(store, cluster)
        for text in texts:
            said = f"Failed applying modification to {text}. {error}"
            store.record("cluster", cluster.name, said, at, *_scaling(text, "ClusterScalingFailed"))

    def _catch_up(store: Store, cluster: Cluster) -> None:
        """What changed of users and parameters while the nodes were being replaced."""
        fleet.set_users(cluster, users_of(store, store.acls[cluster.target_acl_name]))
        fleet.set_parameters(cluster, values_of(store.parameter_groups[cluster.parameter_group_name]))

    future = context.transitions.submit(work)
    context.transitions.begin(cluster, "updating", context.now, future, arrived=arrived, failed=failed)
    return future
