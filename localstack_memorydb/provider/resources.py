"""What an account has: plain data, named as in the API reference, that `persistence` writes to disk.

`model.render` reads these attributes by the members of the answer's shapes. What only the engine knows (the
shards) and what follows from other resources (an ACL's clusters) is filled in by the operation, in a copy made
with `dataclasses.replace` for the one answer. Nothing here refers to a running cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, TypeAlias

from localstack_memorydb.engine import ShardSnapshot
from localstack_memorydb.provider.offerings import RecurringCharge

Tags: TypeAlias = dict[str, str | None]


@dataclass(kw_only=True, eq=False)
class Stateful:
    """Something with a status, in which it has been `since`. `transitions` moves it."""

    kind: ClassVar[str]
    status: str
    since: datetime


@dataclass(kw_only=True, eq=False)
class Resource:
    """Something with a name of its own, which is lower case, and with tags. `kind` stands in its ARN."""

    kind: ClassVar[str]
    name: str
    arn: str
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where clients connect; without an address while the cluster is being created."""

    address: str | None
    port: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and since when a node runs."""

    subnet: str
    availability_zone: str
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Node:
    """A node in an answer."""

    name: str
    status: str
    availability_zone: str | None
    create_time: datetime | None
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard in an answer; `slots` is written like 0-8191."""

    name: str
    status: str
    slots: str
    nodes: tuple[Node, ...]

    @property
    def number_of_nodes(self) -> int:
        return len(self.nodes)


@dataclass(frozen=True, slots=True)
class SlotMigration:
    """How far resharding has come."""

    progress_percentage: float


@dataclass(frozen=True, slots=True)
class Resharding:
    """Resharding under way."""

    slot_migration: SlotMigration


@dataclass(frozen=True, slots=True)
class ACLsUpdate:
    """A change of ACL under way."""

    acl_to_apply: str


@dataclass(frozen=True, slots=True)
class PendingServiceUpdate:
    """A service update under way."""

    service_update_name: str
    status: str


@dataclass(frozen=True, slots=True)
class PendingUpdates:
    """What is being applied to a cluster."""

    resharding: Resharding | None = None
    acls: ACLsUpdate | None = None
    service_updates: tuple[PendingServiceUpdate, ...] | None = None


@dataclass(kw_only=True, eq=False)
class ParameterGroupUse(Stateful):
    """The parameter group of a cluster: in-sync, or applying."""

    kind: ClassVar[str] = "parameter group of a cluster"
    name: str


@dataclass(kw_only=True, eq=False)
class SecurityGroup(Stateful):
    """A security group of a cluster: active, or modifying."""

    kind: ClassVar[str] = "security group of a cluster"
    security_group_id: str


@dataclass(kw_only=True, eq=False)
class Cluster(Resource, Stateful):
    """A cluster. Which nodes it has only the engine knows; `placements` holds what the engine does not.

    `restored_from` names the data that is being loaded into it.
    """

    kind: ClassVar[str] = "cluster"
    description: str | None
    number_of_shards: int
    replicas_per_shard: int
    node_type: str
    engine: str
    engine_version: str
    engine_patch_version: str
    parameter_group: ParameterGroupUse
    security_groups: list[SecurityGroup] | None
    subnet_group_name: str
    tls_enabled: bool
    kms_key_id: str | None
    sns_topic_arn: str | None
    sns_topic_status: str | None
    snapshot_retention_limit: int
    maintenance_window: str
    snapshot_window: str
    acl_name: str
    auto_minor_version_upgrade: bool
    has_data_tiering: bool
    network_type: str
    ip_discovery: str
    cluster_endpoint: Endpoint
    multi_region_cluster_name: str | None = None
    pending_updates: PendingUpdates | None = None
    shards: tuple[Shard, ...] | None = None
    placements: dict[str, Placement] = field(default_factory=dict)
    manual_snapshots: list[datetime] = field(default_factory=list)
    last_automatic_snapshot: datetime | None = None
    failovers: list[datetime] = field(default_factory=list)
    service_updates: dict[str, str] = field(default_factory=dict)
    restored_from: str | None = None

    @property
    def availability_mode(self) -> str:
        """As AWS spells it in its answers; the model's enumeration has lower case."""
        return "MultiAZ" if self.replicas_per_shard else "SingleAZ"

    @property
    def number_of_nodes(self) -> int:
        return self.number_of_shards * (self.replicas_per_shard + 1)

    @property
    def parameter_group_name(self) -> str:
        return self.parameter_group.name

    @property
    def parameter_group_status(self) -> str:
        return self.parameter_group.status

    @property
    def data_tiering(self) -> str:
        return _flag(self.has_data_tiering)

    @property
    def target_acl_name(self) -> str:
        """The ACL that the cluster obeys: its own, or the one that is being applied."""
        pending = self.pending_updates.acls if self.pending_updates else None
        return pending.acl_to_apply if pending else self.acl_name


@dataclass(frozen=True, slots=True)
class ShardConfiguration:
    """What a shard was like when its snapshot was taken."""

    slots: str
    replica_count: int


@dataclass(frozen=True, slots=True)
class ShardDetail:
    """A shard in a snapshot; `size` is written like 11 MB."""

    name: str
    configuration: ShardConfiguration
    size: str
    snapshot_creation_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfiguration:
    """What a cluster was like when its snapshot was taken."""

    name: str
    description: str
    node_type: str
    engine: str
    engine_version: str
    maintenance_window: str
    topic_arn: str | None
    port: int
    parameter_group_name: str
    subnet_group_name: str
    vpc_id: str | None
    snapshot_retention_limit: int
    snapshot_window: str
    num_shards: int
    shards: tuple[ShardDetail, ...] | None = None
    multi_region_parameter_group_name: str | None = None
    multi_region_cluster_name: str | None = None


@dataclass(kw_only=True, eq=False)
class Snapshot(Resource, Stateful):
    """A snapshot; `files` is the data, an RDB file for each shard."""

    kind: ClassVar[str] = "snapshot"
    source: str
    created: datetime
    kms_key_id: str | None
    cluster_configuration: ClusterConfiguration
    has_data_tiering: bool
    files: tuple[ShardSnapshot, ...] = field(default=(), repr=False)

    @property
    def data_tiering(self) -> str:
        return _flag(self.has_data_tiering)


@dataclass(frozen=True, slots=True)
class AvailabilityZone:
    """An Availability Zone in an answer."""

    name: str


@dataclass(frozen=True, slots=True)
class GroupSubnet:
    """A subnet of a subnet group."""

    identifier: str
    availability_zone: AvailabilityZone
    supported_network_types: tuple[str, ...]


@dataclass(kw_only=True, eq=False)
class SubnetGroup(Resource):
    """A subnet group; all its subnets are of one VPC."""

    kind: ClassVar[str] = "subnetgroup"
    description: str | None
    vpc_id: str
    subnets: tuple[GroupSubnet, ...]

    @property
    def supported_network_types(self) -> tuple[str, ...]:
        """What every one of the subnets supports."""
        return common_network_types(subnet.supported_network_types for subnet in self.subnets)


@dataclass(kw_only=True, eq=False)
class ParameterGroup(Resource):
    """A parameter group; `values` holds what differs from the family's defaults."""

    kind: ClassVar[str] = "parametergroup"
    family: str
    description: str | None
    values: dict[str, str] = field(default_factory=dict)

    @property
    def is_default(self) -> bool:
        """Whether every account has it; no other name can hold a dot."""
        return self.name.startswith("default.")


@dataclass(kw_only=True, eq=False)
class MultiRegionParameterGroup(Resource):
    """A parameter group of multi-Region clusters."""

    kind: ClassVar[str] = "multiregionparametergroup"
    family: str
    description: str | None


@dataclass(frozen=True, slots=True)
class RegionalCluster:
    """A member of a multi-Region cluster, in an answer."""

    cluster_name: str
    region: str
    status: str
    arn: str


@dataclass(kw_only=True, eq=False)
class MultiRegionCluster(Resource, Stateful):
    """A multi-Region cluster; `clusters`, its members, is filled in for an answer."""

    kind: ClassVar[str] = "multiregioncluster"
    description: str | None
    node_type: str
    engine: str
    engine_version: str
    number_of_shards: int
    multi_region_parameter_group_name: str
    tls_enabled: bool
    clusters: tuple[RegionalCluster, ...] | None = None

    @property
    def multi_region_cluster_name(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Authentication:
    """How a user shows who it is."""

    type: str
    password_count: int | None


@dataclass(kw_only=True, eq=False)
class User(Resource, Stateful):
    """A user; `acl_names` is filled in for an answer. Of passwords only salted SHA-256 hashes are kept."""

    kind: ClassVar[str] = "user"
    access_string: str
    minimum_engine_version: str
    authentication: Authentication
    password_hashes: tuple[str, ...] = field(default=(), repr=False)
    salt: str = field(default="", repr=False)
    acl_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ACLPendingChanges:
    """The users that an ACL is about to lose and to get."""

    user_names_to_remove: tuple[str, ...] | None = None
    user_names_to_add: tuple[str, ...] | None = None


@dataclass(kw_only=True, eq=False)
class ACL(Resource, Stateful):
    """An ACL; `clusters` is filled in for an answer."""

    kind: ClassVar[str] = "acl"
    user_names: list[str]
    minimum_engine_version: str
    pending_changes: ACLPendingChanges | None = None
    clusters: tuple[str, ...] = ()

    @property
    def members(self) -> list[str]:
        """The users that the ACL will have when what is pending is done: those that clusters are told of."""
        changes = self.pending_changes or ACLPendingChanges()
        staying = [name for name in self.user_names if name not in (changes.user_names_to_remove or ())]
        return [*staying, *(changes.user_names_to_add or ())]


@dataclass(kw_only=True, eq=False)
class ReservedNode(Resource, Stateful):
    """A reservation; its name is the ReservationId, the duration is in seconds."""

    kind: ClassVar[str] = "reservednode"
    reserved_nodes_offering_id: str
    node_type: str
    start_time: datetime
    duration: int
    fixed_price: float
    node_count: int
    offering_type: str
    recurring_charges: tuple[RecurringCharge, ...]

    @property
    def reservation_id(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        return self.status

    def is_over(self, now: datetime) -> bool:
        """Whether the nodes are reserved no longer."""
        return now >= self.start_time + timedelta(seconds=self.duration)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `number` orders events of the same moment."""

    source_name: str
    source_type: str
    message: str
    date: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag in an answer."""

    key: str
    value: str | None


def common_network_types(each: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """The network types that all of them hold, in the API's order."""
    sets = [set(types) for types in each]
    return tuple(kind for kind in ("ipv4", "ipv6", "dual_stack") if all(kind in types for types in sets))


def _flag(value: bool) -> str:
    """DataTiering is a boolean in requests and a string in answers."""
    return "true" if value else "false"
