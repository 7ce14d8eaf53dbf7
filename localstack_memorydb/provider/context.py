"""What an operation works with: the call, the state it concerns, and the provider's parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from localstack_memorydb.provider.catalog import Quotas
from localstack_memorydb.provider.fleet import Fleet
from localstack_memorydb.provider.notices import NoticeName
from localstack_memorydb.provider.ports import Ports, Scope
from localstack_memorydb.provider.store import GlobalStore, Store
from localstack_memorydb.provider.transitions import Transitions


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, where, and when; `now` is an aware datetime."""

    account: str
    region: str
    now: datetime
    partition: str = "aws"
    request_id: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class ServiceUpdate:
    """A service update that there shall be, for the clusters of an engine, or of all when that is None."""

    service_update_name: str
    release_date: datetime
    description: str = "Security update"
    engine: str | None = None
    auto_update_start_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen about the provider.

    `transition_delay` is how long, in seconds, every transitional state lasts at least; `delays` overrides it by
    kind and state, as in {"cluster.creating": 25.0}. `strict_bucket_policy` refuses an export to a bucket without
    a policy. `strict_paging` refuses a MaxResults under 20. `check_answers` makes `invoke` raise TypeError for an
    error that the operation does not declare and for an answer that does not fit the model: for tests.
    `service_updates` are those that DescribeServiceUpdates tells of. `node_memory` is how much data the smallest node
    type takes instead of what it does on AWS; others in proportion.
    """

    transition_delay: float = 0.0
    delays: Mapping[str, float] = field(default_factory=dict)
    strict_bucket_policy: bool = False
    strict_paging: bool = False
    check_answers: bool = False
    quotas: Quotas = field(default_factory=Quotas)
    service_updates: tuple[ServiceUpdate, ...] = ()
    node_memory: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """The first argument of every operation.

    `store` is that of the call's Region, `regions` has those of all Regions in which the account has one.
    """

    call: Call
    store: Store
    regions: Mapping[str, Store]
    globe: GlobalStore
    transitions: Transitions
    fleet: Fleet
    ports: Ports
    options: Options

    @property
    def now(self) -> datetime:
        return self.call.now

    @property
    def quotas(self) -> Quotas:
        return self.options.quotas

    @property
    def scope(self) -> Scope:
        """On whose behalf the ports are asked."""
        return Scope(self.call.account, self.call.region, self.call.partition)

    def settle(self) -> None:
        """Move everything of the account that is due."""
        for store in self.regions.values():
            self.transitions.settle(store, self.now)
        self.transitions.settle(self.globe, self.now)

    def record(self, source_type: str, source_name: str, message: str, *notices: NoticeName) -> None:
        """Add an event of this moment, see `Store.record`."""
        self.store.record(source_type, source_name, message, self.now, *notices)
