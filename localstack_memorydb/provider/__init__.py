"""The MemoryDB API: `Provider.invoke` answers a call. Adapters turn HTTP into calls; the engine runs the clusters."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from localstack_memorydb.engine import ClusterHandle, Engine
from localstack_memorydb.provider import (
    notices,
    operations,  # noqa: F401 (importing declares them)
    trail,
)
from localstack_memorydb.provider.automatic_snapshots import take_due
from localstack_memorydb.provider.catalog import Quotas, version_number
from localstack_memorydb.provider.context import Call, Context, Options, ServiceUpdate
from localstack_memorydb.provider.faults import Fault
from localstack_memorydb.provider.fleet import Fleet
from localstack_memorydb.provider.metrics import NAMESPACE, Meter, Traits
from localstack_memorydb.provider.operation import OPERATIONS, invoke
from localstack_memorydb.provider.outbox import Outbox
from localstack_memorydb.provider.ports import MetricsUnavailable, Ports, Scope
from localstack_memorydb.provider.recovery import recover
from localstack_memorydb.provider.store import GlobalStore, StateError, Store, new_global_store, new_store
from localstack_memorydb.provider.trail import without_secrets
from localstack_memorydb.provider.transitions import Transitions

if TYPE_CHECKING:
    from localstack_memorydb.provider.persistence import StateDirectory

__all__ = [
    "OPERATIONS",
    "Call",
    "Fault",
    "MetricsUnavailable",
    "Options",
    "Ports",
    "Provider",
    "Quotas",
    "ServiceUpdate",
    "StateError",
    "without_secrets",
]

LOG: Final = logging.getLogger(__name__)


class Provider:
    """The API over an engine, which belongs to the caller. Every method may be called from any thread.

    One lock is held during a call; work that takes long runs outside it, see `transitions`.
    """

    def __init__(
        self,
        engine: Engine,
        ports: Ports,
        options: Options | None = None,
        directory: StateDirectory | None = None,
    ) -> None:
        self._ports = ports
        self._options = options or Options()
        self._lock = threading.RLock()
        self._stores: dict[tuple[str, str], Store] = {}
        self._globals: dict[tuple[str, str], GlobalStore] = {}
        self._fleet = Fleet(engine, ports.tokens, self._options.node_memory)
        self._transitions = Transitions(self._options.transition_delay, self._options.delays)
        self._directory = directory
        self._outbox = Outbox()
        self._meters: WeakKeyDictionary[ClusterHandle, Meter] = WeakKeyDictionary()
        self._measuring = threading.Lock()

    def invoke(self, operation: str, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a call with the members of the operation's output; raises Fault.

        `params` are the members of its input. Timestamps are aware datetimes both ways.
        """
        with self._lock:
            context = self._context(call)
            moves = self._transitions.moves
            answer, refusal = None, None
            try:
                answer = invoke(operation, context, params)
                return answer
            except Fault as fault:
                refusal = fault
                raise
            finally:
                self._notify()
                self._record(operation, call, params, answer, refusal)
                if trail.changes(operation) or self._transitions.moves != moves:
                    self._save(call.account)

    def tick(self, now: datetime) -> None:
        """Do what is due without a call: move what has come to its end, take and forget automatic snapshots.

        Whoever runs the provider calls it about once a second; `now` is an aware datetime.
        """
        with self._lock:
            for store in list(self._stores.values()):
                context = self._context(Call(store.account, store.region, now, store.partition))
                moves = self._transitions.moves
                context.settle()
                self._notify()
                if take_due(context) or self._transitions.moves != moves:
                    self._save(store.account)

    def publish_metrics(self, now: datetime) -> None:
        """Tell CloudWatch what the nodes of every cluster have done since the last time, as of `now`.

        Whoever runs the provider calls it about once a minute. Raises MetricsUnavailable.
        """
        if self._ports.metrics is None:
            return
        with self._measuring:
            with self._lock:
                running = [
                    (Scope(store.account, store.region, store.partition), cluster, handle)
                    for store in self._stores.values()
                    for cluster in store.clusters.values()
                    if (handle := self._fleet.running(cluster)) is not None
                ]
            if running:
                self._fleet.share_out()
            for scope, cluster, handle in running:
                meter, spec = self._meters.setdefault(handle, Meter()), handle.spec
                traits = Traits(
                    version_number(spec.engine_version), cluster.has_data_tiering, spec.multi_region
                )
                data = meter.read(cluster.name, traits, handle.figures())
                self._ports.metrics.put(scope, NAMESPACE, data, now)
                meter.keep()

    def _notify(self) -> None:
        """Have told what there is to tell; the telling itself is done outside the lock."""
        for store in self._stores.values():
            told = store.take_notices()
            if self._ports.topics is not None:
                for notice in told:
                    self._outbox.post(partial(notices.send, self._ports.topics, notice))

    def _record(
        self,
        operation: str,
        call: Call,
        params: Mapping[str, Any],
        answer: Mapping[str, Any] | None,
        refusal: Fault | None,
    ) -> None:
        """Tell EventBridge of a call that was to change something, and the log, if it wants to know, of every call."""
        bus = self._ports.bus if trail.changes(operation) else None
        logged = LOG.isEnabledFor(logging.DEBUG)
        if bus is None and not logged:
            return
        record = trail.record(operation, call, params, answer, refusal)
        if record is None:
            return
        if logged:
            LOG.debug("%s", json.dumps(record))
        if bus is not None:
            scope = Scope(call.account, call.region, call.partition)
            self._outbox.post(partial(bus.put, scope, trail.SOURCE, trail.DETAIL_TYPE, record))

    def _context(self, call: Call) -> Context:
        key = call.account, call.region
        if key not in self._stores:
            self._stores[key] = new_store(call.account, call.region, call.partition, call.now)
        everywhere = call.account, call.partition
        if everywhere not in self._globals:
            self._globals[everywhere] = new_global_store(*everywhere)
        regions = {
            region: store for (account, region), store in self._stores.items() if account == call.account
        }
        return Context(
            call=call,
            store=self._stores[key],
            regions=regions,
            globe=self._globals[everywhere],
            transitions=self._transitions,
            fleet=self._fleet,
            ports=self._ports,
            options=self._options,
        )

    def load(self, now: datetime) -> None:
        """Take up what the data directory holds: on return the clusters that were running run again.

        Raises StateError, and then nothing has been started. Without a directory there is nothing to do.
        """
        if self._directory is None:
            return
        with self._lock:
            stores, globes = self._directory.load()
            self._globals = {(globe.account, globe.partition): globe for globe in globes}
            for store in stores:
                everywhere = store.account, store.partition
                globe = self._globals.setdefault(everywhere, new_global_store(*everywhere))
                recover(store, globe, self._fleet, now)
                self._stores[store.account, store.region] = store
            for account in self._accounts():
                self._save(account)

    def _accounts(self) -> set[str]:
        return {account for account, _ in self._globals}

    def _save(self, account: str) -> None:
        """Write what has changed of the account's state, if there is a directory for it."""
        if self._directory is None:
            return
        for (owner, _), store in self._stores.items():
            if owner == account:
                self._directory.save(store)
        for globe in self._globals.values():
            if globe.account == account:
                self._directory.save_global(globe)
        self._directory.sweep(self._stores.values())

    def wait_for_work(self, timeout: float | None = None) -> bool:
        """Wait until no snapshot, restore or resharding runs; False when one still does after `timeout` seconds."""
        return self._transitions.wait(timeout)

    def wait_for_outbox(self, timeout: float | None = None) -> bool:
        """Wait until topics and the event bus have been told everything; False when they have not after `timeout` seconds."""
        return self._outbox.wait(timeout)

    def reset(self) -> None:
        """Close every cluster and forget every resource."""
        with self._lock:
            self._transitions.forget()
            self._outbox.clear()
            self._fleet.clear()
            self._stores.clear()
            self._globals.clear()
            if self._directory is not None:
                self._directory.clear()

    def close(self, now: datetime | None = None) -> None:
        """Wait for what runs and close every cluster. The provider answers no call after that.

        With the time, what has come to its end is written down as such, for the next start to find.
        """
        with self._lock:
            self._transitions.wait()
            if now is not None:
                owners: list[Store | GlobalStore] = [*self._stores.values(), *self._globals.values()]
                for owner in owners:
                    self._transitions.settle(owner, now)
                self._notify()
            for account in self._accounts():
                self._save(account)
            self._transitions.close()
            self._fleet.close()
            if self._directory is not None:
                self._directory.close()
                self._directory = None  # what comes after the end is not written
        self._outbox.close()
