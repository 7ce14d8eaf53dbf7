"""What a cluster may look like: the rules of CreateCluster and UpdateCluster that the model cannot say.

Each function gives the value to use, or raises the fault that AWS answers.
"""

from __future__ import annotations

import re
from typing import Final

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.catalog import EngineVersion, NodeType, version_number
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    NodeQuotaForClusterExceededFault,
    NodeQuotaForCustomerExceededFault,
    NotImplementedFault,
    ShardsPerClusterQuotaExceededFault,
)
from localstack_memorydb.provider.requirements import require_parameter_group
from localstack_memorydb.provider.resources import (
    ACL,
    Cluster,
    ClusterConfiguration,
    ParameterGroup,
    SubnetGroup,
)
from localstack_memorydb.provider.restore import Source
from localstack_memorydb.provider.store import OPEN_ACCESS

LONGEST_RETENTION: Final = 35
_TIERING_POLICIES: Final = ("noeviction", "volatile-lru", "allkeys-lru")
_PORTS: Final = range(1150, 65536)
_TOPIC: Final = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:(?P<account>\d{12}):[A-Za-z0-9_-]{1,256}(\.fifo)?")


def require_version(
    engine: str | None, version: str | None, restored: ClusterConfiguration | None
) -> EngineVersion:
    """The engine version: as asked for, else that of the snapshot, else the engine's default.

    A snapshot of a newer version cannot be restored: older engines do not read its files.
    """
    name = (engine or (restored.engine if restored else catalog.DEFAULT_ENGINE)).lower()
    default = catalog.default_version(name)
    if default is None:
        raise InvalidParameterValueException(f"Invalid engine: {name}.")
    if restored and restored.engine == name and version is None:
        version = restored.engine_version
    found = default if version is None else require_offered(name, version)
    if restored and found.number < version_number(restored.engine_version):
        raise InvalidParameterCombinationException(
            f"A snapshot of {restored.engine} {restored.engine_version} cannot be restored to "
            f"{found.engine} {found.engine_version}."
        )
    return found


def require_offered(engine: str, version: str) -> EngineVersion:
    """The version of that engine. Requests name it in two parts (7.1); patch versions are up to AWS."""
    found = catalog.find_version(engine, version)
    if found is None:
        raise InvalidParameterValueException(f"Invalid engine version for {engine}: {version}.")
    return found


def require_acl_for(acl: ACL, version: EngineVersion, *, tls_enabled: bool) -> None:
    """The ACL must suit the engine, and without TLS only open-access does."""
    if not tls_enabled and acl.name != OPEN_ACCESS:
        raise InvalidParameterCombinationException(
            f"ACL {acl.name} requires TLS to be enabled; without TLS the ACL must be {OPEN_ACCESS}."
        )
    if version_number(acl.minimum_engine_version) > version.number:
        raise InvalidParameterCombinationException(
            f"ACL {acl.name} requires engine version {acl.minimum_engine_version} or later."
        )


def require_node_type(context: Context, name: str) -> NodeType:
    """The node type, which must be offered in the Region."""
    node_type = catalog.node_types().get(name)
    if node_type is None:
        raise InvalidParameterValueException(f"Invalid node type: {name}.")
    if node_type.data_tiering and not catalog.region(context.call.region).data_tiering:
        raise InvalidParameterValueException(f"Node type {name} is not available in {context.call.region}.")
    return node_type


def require_data_tiering(node_type: NodeType, wanted: bool | None, source: Source | None) -> bool:
    """Whether data is tiered: r6gd nodes always do it, no others can, and its snapshots stay with it."""
    if wanted is not None and wanted != node_type.data_tiering:
        raise InvalidParameterCombinationException(
            f"Data tiering must be {'enabled' if node_type.data_tiering else 'disabled'} for node type "
            f"{node_type.name}."
        )
    snapshot = source.snapshot if source else None
    if snapshot is not None and snapshot.has_data_tiering and not node_type.data_tiering:
        raise InvalidParameterCombinationException(
            f"Snapshot {snapshot.name} has data tiering; it can be restored to node types of the r6gd family only."
        )
    return node_type.data_tiering


def require_shards(wanted: int | None, restored: ClusterConfiguration | None) -> int:
    """The number of shards: as asked for, else as many as the snapshot has, else one."""
    count = (restored.num_shards if restored else 1) if wanted is None else wanted
    if count < 1:
        raise InvalidParameterValueException("The number of shards must be at least 1.")
    return count


def require_replicas(context: Context, count: int) -> int:
    """The number of replicas of each shard."""
    most = context.quotas.replicas_per_shard
    if not 0 <= count <= most:
        raise InvalidParameterValueException(
            f"The number of replicas per shard must be between 0 and {most}."
        )
    return count


def require_node_quotas(context: Context, shards: int, replicas: int, present: Cluster | None = None) -> None:
    """The cluster, in the place of `present` when that is given, must not exceed the quotas."""
    quotas, nodes = context.quotas, shards * (replicas + 1)
    if shards > quotas.shards_per_cluster:
        raise ShardsPerClusterQuotaExceededFault(
            f"The cluster would have {shards} shards; the quota is {quotas.shards_per_cluster}."
        )
    if nodes > quotas.nodes_per_cluster:
        raise NodeQuotaForClusterExceededFault(
            f"The cluster would have {nodes} nodes; the quota is {quotas.nodes_per_cluster}."
        )
    others = sum(each.number_of_nodes for each in context.store.clusters.values() if each is not present)
    if others + nodes > quotas.nodes_per_region:
        raise NodeQuotaForCustomerExceededFault(
            f"The account would have {others + nodes} nodes in the Region; the quota is {quotas.nodes_per_region}."
        )


def require_parameter_group_for(
    context: Context, name: str | None, version: EngineVersion, node_type: NodeType, shards: int
) -> ParameterGroup:
    """The parameter group: as asked for, else the default one of the engine's family."""
    group = require_parameter_group(context, version.default_group if name is None else name)
    require_family(group, version)
    require_searchable(group, version, node_type, shards)
    return group


def require_searchable(
    group: ParameterGroup, version: EngineVersion, node_type: NodeType, shards: int
) -> None:
    """With search a cluster has one shard, for good, of nodes without data tiering.

    https://docs.aws.amazon.com/memorydb/latest/devguide/vector-search-limits.html
    """
    wanted = group.values.get("search-enabled") == "yes"
    if wanted and (shards != 1 or not node_type.vector_search or version.number < (7, 1)):
        raise InvalidParameterCombinationException(
            f"Parameter group {group.name} enables vector search, which requires one shard, a node type of "
            "the r6g, r7g or t4g family, and engine version 7.1 or later."
        )


def require_family(group: ParameterGroup, version: EngineVersion) -> None:
    """The parameter group must be of the engine's family."""
    if group.family != version.parameter_group_family:
        raise InvalidParameterCombinationException(
            f"Expected a parameter group of family {version.parameter_group_family} but found one of family "
            f"{group.family}"
        )


def require_policy(group: ParameterGroup, has_data_tiering: bool) -> None:
    """With data tiering only some eviction policies work.

    https://docs.aws.amazon.com/memorydb/latest/devguide/data-tiering.html
    """
    policy = group.values.get("maxmemory-policy", "noeviction")
    if has_data_tiering and policy not in _TIERING_POLICIES:
        raise InvalidParameterCombinationException(
            f"Parameter group {group.name} has maxmemory-policy {policy}; with data tiering it must be one of "
            f"{', '.join(_TIERING_POLICIES)}."
        )


def require_network(group: SubnetGroup, network_type: str, ip_discovery: str | None) -> str:
    """What CLUSTER SLOTS shows, ipv4 or ipv6. Nodes here have IPv4 addresses, which suit dual_stack too."""
    if network_type not in group.supported_network_types:
        raise InvalidParameterCombinationException(
            f"Subnet group {group.name} does not support network type {network_type}."
        )
    discovery = ip_discovery or ("ipv6" if network_type == "ipv6" else "ipv4")
    require_discovery(network_type, discovery)
    return discovery


def require_discovery(network_type: str, ip_discovery: str) -> None:
    """IpDiscovery must fit NetworkType."""
    if network_type not in {ip_discovery, "dual_stack"}:
        raise InvalidParameterCombinationException(
            f"IpDiscovery {ip_discovery} cannot be used with NetworkType {network_type}."
        )
    if ip_discovery == "ipv6":
        raise NotImplementedFault("IPv6")


def require_port(port: int) -> int:
    """The port of every node. The range is that of ElastiCache; none is published for MemoryDB."""
    if port not in _PORTS:
        raise InvalidParameterValueException(
            f"The parameter Port must be between {_PORTS.start} and {_PORTS.stop - 1}."
        )
    return port


def require_retention(days: int) -> int:
    """How long automatic snapshots are kept; 0 for no such snapshots."""
    if not 0 <= days <= LONGEST_RETENTION:
        raise InvalidParameterValueException(
            f"The parameter SnapshotRetentionLimit must be between 0 and {LONGEST_RETENTION}."
        )
    return days


def require_topic(context: Context, arn: str | None) -> str | None:
    """The ARN of an SNS topic, which must belong to the account."""
    if not arn:
        return None
    match = _TOPIC.fullmatch(arn)
    if match is None:
        raise InvalidParameterValueException(f"The parameter SnsTopicArn is not the ARN of a topic: {arn}")
    if match["account"] != context.call.account:
        raise InvalidParameterValueException(f"The topic {arn} belongs to another account.")
    return arn
