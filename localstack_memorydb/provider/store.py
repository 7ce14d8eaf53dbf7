"""The state of one account in one Region, and of all of them."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.notices import Notice, NoticeName
from localstack_memorydb.provider.resources import (
    ACL,
    Authentication,
    Cluster,
    Event,
    MultiRegionCluster,
    MultiRegionParameterGroup,
    ParameterGroup,
    ReservedNode,
    Snapshot,
    Stateful,
    SubnetGroup,
    User,
)

OPEN_ACCESS: Final = "open-access"
DEFAULT_USER: Final = "default"
EVENTS_KEPT: Final = timedelta(days=14)


class StateError(Exception):
    """The data directory cannot be used; the text says why, and what to do about it."""


@dataclass
class Store:
    """Everything that one account has in one Region: plain data, by lower-case names.

    It owns the resources; what moves them is `transitions`, what runs them is `fleet`.
    """

    account: str
    region: str
    partition: str
    clusters: dict[str, Cluster] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    acls: dict[str, ACL] = field(default_factory=dict)
    parameter_groups: dict[str, ParameterGroup] = field(default_factory=dict)
    subnet_groups: dict[str, SubnetGroup] = field(default_factory=dict)
    reserved_nodes: dict[str, ReservedNode] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    last_event: int = 0
    notices: list[Notice] = field(default_factory=list, init=False)
    """What topics are still to be told, for `Provider` to send. Not kept on disk."""

    def arn(self, kind: str, name: str) -> str:
        """The Amazon Resource Name of a resource of this account and Region."""
        return f"arn:{self.partition}:memorydb:{self.region}:{self.account}:{kind}/{name}"

    def stateful(self) -> Iterator[Stateful]:
        """Everything that has a status; snapshots come first, so that a final one is told before its cluster is gone."""
        yield from self.snapshots.values()
        for cluster in self.clusters.values():
            yield cluster
            yield cluster.parameter_group
            yield from cluster.security_groups or ()
        yield from self.acls.values()
        yield from self.users.values()
        yield from self.reserved_nodes.values()

    def remove(self, resource: Stateful) -> None:
        """Forget a resource whose deletion is complete."""
        collections: dict[type[Stateful], MutableMapping[str, Any]] = {
            Cluster: self.clusters,
            Snapshot: self.snapshots,
            ACL: self.acls,
            User: self.users,
        }
        for name, found in list(collections[type(resource)].items()):
            if found is resource:
                del collections[type(resource)][name]

    def record(
        self, source_type: str, source_name: str, message: str, now: datetime, *notices: NoticeName
    ) -> None:
        """Add an event; those older than fourteen days are forgotten, as DescribeEvents reaches no further.

        Of a cluster's event that MemoryDB publishes, `notices` are the names under which the cluster's topic gets it.
        """
        self.last_event += 1
        if self.events and self.events[0].date <= now - EVENTS_KEPT:
            self.events = [event for event in self.events if event.date > now - EVENTS_KEPT]
        self.events.append(Event(source_name, source_type, message, now, self.last_event))
        cluster = self.clusters.get(source_name) if notices else None
        if cluster is not None and cluster.sns_topic_arn and cluster.sns_topic_status == "ACTIVE":
            self.notices += [Notice(cluster.sns_topic_arn, name, cluster.name) for name in notices]

    def take_notices(self) -> list[Notice]:
        """What topics are to be told, once."""
        taken, self.notices = self.notices, []
        return taken


@dataclass
class GlobalStore:
    """What an account has in no Region, but everywhere in its partition."""

    account: str
    partition: str
    multi_region_clusters: dict[str, MultiRegionCluster] = field(default_factory=dict)
    multi_region_parameter_groups: dict[str, MultiRegionParameterGroup] = field(default_factory=dict)

    def arn(self, kind: str, name: str) -> str:
        """The Amazon Resource Name, which names no Region."""
        return f"arn:{self.partition}:memorydb::{self.account}:{kind}/{name}"

    def stateful(self) -> Iterator[Stateful]:
        """Everything that has a status."""
        return iter(self.multi_region_clusters.values())

    def remove(self, resource: Stateful) -> None:
        """Forget a resource whose deletion is complete."""
        for name, found in list(self.multi_region_clusters.items()):
            if found is resource:
                del self.multi_region_clusters[name]


def new_global_store(account: str, partition: str) -> GlobalStore:
    """A store with the multi-Region parameter groups that every account has."""
    store = GlobalStore(account, partition)
    for group in catalog.default_multi_region_groups():
        store.multi_region_parameter_groups[group.name] = MultiRegionParameterGroup(
            name=group.name,
            arn=store.arn(MultiRegionParameterGroup.kind, group.name),
            family=group.family,
            description=group.description,
        )
    return store


def new_store(account: str, region: str, partition: str, now: datetime) -> Store:
    """A store with what every account has: the default user, the open-access ACL, the default parameter groups."""
    store = Store(account, region, partition)
    store.users[DEFAULT_USER] = User(
        name=DEFAULT_USER,
        arn=store.arn(User.kind, DEFAULT_USER),
        status="active",
        since=now,
        access_string="on ~* &* +@all",
        minimum_engine_version="6.0",
        authentication=Authentication("no-password", None),
    )
    store.acls[OPEN_ACCESS] = ACL(
        name=OPEN_ACCESS,
        arn=store.arn(ACL.kind, OPEN_ACCESS),
        status="active",
        since=now,
        user_names=[DEFAULT_USER],
        minimum_engine_version="6.2",
    )
    for group in catalog.default_groups():
        store.parameter_groups[group.name] = ParameterGroup(
            name=group.name,
            arn=store.arn(ParameterGroup.kind, group.name),
            family=group.family,
            description=group.description,
            values=dict(group.values),
        )
    return store
