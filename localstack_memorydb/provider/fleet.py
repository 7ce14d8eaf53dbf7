"""The running clusters: which engine handle belongs to which cluster. Kept apart from the resources, which are plain data."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias
from urllib.parse import quote
from weakref import WeakValueDictionary

from localstack_memorydb.engine import (
    ClusterHandle,
    ClusterSpec,
    Engine,
    ReplicationGroup,
    ShardInfo,
    TokenVerifier,
    UserSpec,
)
from localstack_memorydb.provider.catalog import maxmemory
from localstack_memorydb.provider.ports import Scope, Tokens
from localstack_memorydb.provider.resources import Cluster, Endpoint, User

Key: TypeAlias = str
"""A cluster's ARN: unique over accounts and Regions."""


class Fleet:
    """Starts, finds and closes clusters. Its map changes only under the provider's lock.

    Their nodes take as much data as on AWS, or in proportion to the `node_memory` of the smallest node type.
    """

    def __init__(self, engine: Engine, tokens: Tokens | None = None, node_memory: int = 0) -> None:
        self._engine = engine
        self._tokens = tokens
        self._node_memory = node_memory
        self._handles: dict[Key, ClusterHandle] = {}
        self._moving: set[Key] = set()
        self._groups: WeakValueDictionary[str, ReplicationGroup] = WeakValueDictionary()

    def share_out(self) -> None:
        """Have the engine divide its processor time among the nodes, for their figures."""
        self._engine.share_out()

    def start(
        self,
        cluster: Cluster,
        parameters: Mapping[str, str],
        users: Iterable[User],
        *,
        returns: bool = False,
    ) -> ClusterHandle:
        """Start the cluster's nodes and tell the cluster where it is; AddressError when no address is free.

        One that `returns` is as it was before the last stop; LogError when what is kept of it is damaged.
        """
        handle = self._engine.create_cluster(self._spec(cluster, parameters, users), returns=returns)
        self._handles[cluster.arn] = handle
        if cluster.multi_region_cluster_name is not None:
            handle.join(self._group(cluster), copies=not returns)
        cluster.cluster_endpoint = Endpoint(*handle.endpoint())
        return handle

    def _group(self, cluster: Cluster) -> ReplicationGroup:
        """What replicates with the cluster; it is there as long as one of its members runs."""
        account = cluster.arn.split(":")[4]
        return self._groups.setdefault(f"{account}/{cluster.multi_region_cluster_name}", ReplicationGroup())

    def _spec(self, cluster: Cluster, parameters: Mapping[str, str], users: Iterable[User]) -> ClusterSpec:
        return ClusterSpec(
            name=cluster.name,
            shards=cluster.number_of_shards,
            replicas=cluster.replicas_per_shard,
            port=self._port(cluster),
            engine=cluster.engine,
            engine_version=cluster.engine_version,
            tls=cluster.tls_enabled,
            maxmemory=maxmemory(cluster.node_type, self._node_memory),
            parameters=parameters,
            hostnames=_hostnames(cluster),
            users=_specs(users),
            storage=_storage(cluster),
            verify_token=self._verifier(cluster),
            multi_region=cluster.multi_region_cluster_name is not None,
        )

    def _port(self, cluster: Cluster) -> int:
        """The port that was asked for; where nodes share an address, the endpoint has another."""
        handle = self._handles.get(cluster.arn)
        return handle.spec.port if handle else cluster.cluster_endpoint.port

    def replacement(
        self, cluster: Cluster, parameters: Mapping[str, str], users: Iterable[User]
    ) -> Callable[[], None]:
        """The work of replacing the cluster's nodes; they keep their addresses and their data.

        Until `settle` is called, users and parameters of the cluster are left alone.
        """
        handle, spec = self._handles[cluster.arn], self._spec(cluster, parameters, users)
        self._moving.add(cluster.arn)
        return lambda: handle.renew(spec)

    def settle(self, cluster: Cluster) -> None:
        """The cluster's nodes have been replaced, or stay as they were."""
        self._moving.discard(cluster.arn)

    def _verifier(self, cluster: Cluster) -> TokenVerifier | None:
        tokens = self._tokens
        if tokens is None:
            return None
        _, partition, _, region, account, _ = cluster.arn.split(":", 5)
        scope = Scope(account, region, partition)
        return lambda name, user, token, now: tokens.verify(scope, name, user, token, now)

    def handle(self, cluster: Cluster) -> ClusterHandle:
        """The cluster's handle; every cluster that is available has one."""
        return self._handles[cluster.arn]

    def running(self, cluster: Cluster) -> ClusterHandle | None:
        """The cluster's handle, if it runs."""
        return self._handles.get(cluster.arn)

    def set_users(self, cluster: Cluster, users: Iterable[User]) -> None:
        """Let these users connect and no others; clients of others are disconnected."""
        handle = self._handles.get(cluster.arn)
        if handle and cluster.arn not in self._moving:
            handle.set_users(_specs(users))

    def set_parameters(self, cluster: Cluster, values: Mapping[str, str]) -> None:
        """Give a cluster that runs these parameters; one that does not gets them when it starts."""
        handle = self._handles.get(cluster.arn)
        if handle and cluster.arn not in self._moving:
            handle.set_parameters(dict(values))

    def topology(self, cluster: Cluster) -> tuple[ShardInfo, ...]:
        """The cluster's shards and nodes as the engine knows them, none when it does not run."""
        handle = self._handles.get(cluster.arn)
        return handle.topology() if handle else ()

    def release(self, cluster: Cluster) -> ClusterHandle | None:
        """Take the handle out, for its receiver to close; None when the cluster does not run."""
        return self._handles.pop(cluster.arn, None)

    def close(self) -> None:
        """Close every cluster; what is kept of them stays for the next start."""
        self._moving.clear()
        while self._handles:
            self._handles.popitem()[1].close()

    def clear(self) -> None:
        """Delete every cluster."""
        self._moving.clear()
        while self._handles:
            self._handles.popitem()[1].delete()


def _specs(users: Iterable[User]) -> tuple[UserSpec, ...]:
    return tuple(
        UserSpec(user.name, user.access_string, user.authentication.type, user.password_hashes, user.salt)
        for user in users
    )


def _storage(cluster: Cluster) -> str:
    """The name of the cluster's directory, for an engine that keeps clusters."""
    _, _, _, region, account, _ = cluster.arn.split(":", 5)
    parts = (quote(part, safe="").replace("..", "%2E%2E") for part in (account, region, cluster.name))
    return "_".join(part.replace("_", "%5F") for part in parts)


def _hostnames(cluster: Cluster) -> tuple[str, ...]:
    """Names of the kind that the cluster has on AWS, so that its certificate is good for who maps them to this machine.

    https://docs.aws.amazon.com/memorydb/latest/devguide/endpoints.html: between the cluster's name and the
    service stand six characters which AWS gives to the account and Region.
    """
    _, partition, _, region, account, _ = cluster.arn.split(":", 5)
    token = f"{zlib.crc32(f'{account} {region}'.encode()):08x}"[:6]
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    domain = f"{cluster.name}.{token}.memorydb.{region}.{suffix}"
    return f"clustercfg.{domain}", f"*.{domain}"
