"""The MemoryDB API: `Provider.invoke` answers a call. Adapters turn HTTP into calls; the engine runs the clusters."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from localstack_memorydb.engine import Engine
from localstack_memorydb.provider import operations  # noqa: F401 (importing declares them)
from localstack_memorydb.provider.automatic_snapshots import take_due
from localstack_memorydb.provider.catalog import Quotas
from localstack_memorydb.provider.context import Call, Context, Options, ServiceUpdate
from localstack_memorydb.provider.faults import Fault
from localstack_memorydb.provider.fleet import Fleet
from localstack_memorydb.provider.operation import OPERATIONS, invoke
from localstack_memorydb.provider.ports import Ports
from localstack_memorydb.provider.store import GlobalStore, Store, new_global_store, new_store
from localstack_memorydb.provider.transitions import Transitions

__all__ = ["OPERATIONS", "Call", "Fault", "Options", "Ports", "Provider", "Quotas", "ServiceUpdate"]


class Provider:
    """The API over an engine, which belongs to the caller. Every method may be called from any thread.

    One lock is held during a call; work that takes long runs outside it, see `transitions`.
    """

    def __init__(self, engine: Engine, ports: Ports, options: Options | None = None) -> None:
        self._ports = ports
        self._options = options or Options()
        self._lock = threading.RLock()
        self._stores: dict[tuple[str, str], Store] = {}
        self._globals: dict[str, GlobalStore] = {}
        self._fleet = Fleet(engine, ports.tokens)
        self._transitions = Transitions(self._options.transition_delay, self._options.delays)

    def invoke(self, operation: str, call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a call with the members of the operation's output; raises Fault.

        `params` are the members of its input. Timestamps are aware datetimes both ways.
        """
        with self._lock:
            context = self._context(call)
            try:
                return invoke(operation, context, params)
            finally:
                take_due(context)

    def _context(self, call: Call) -> Context:
        key = call.account, call.region
        if key not in self._stores:
            self._stores[key] = new_store(call.account, call.region, call.partition, call.now)
        if call.account not in self._globals:
            self._globals[call.account] = new_global_store(call.account, call.partition)
        regions = {
            region: store for (account, region), store in self._stores.items() if account == call.account
        }
        return Context(
            call=call,
            store=self._stores[key],
            regions=regions,
            globe=self._globals[call.account],
            transitions=self._transitions,
            fleet=self._fleet,
            ports=self._ports,
            options=self._options,
        )

    def wait_for_work(self, timeout: float | None = None) -> bool:
        """Wait until no snapshot, restore or resharding runs; False when one still does after `timeout` seconds."""
        return self._transitions.wait(timeout)

    def reset(self) -> None:
        """Close every cluster and forget every resource."""
        with self._lock:
            self._transitions.forget()
            self._fleet.close()
            self._stores.clear()
            self._globals.clear()

    def close(self) -> None:
        """Wait for what runs and close every cluster. The provider answers no call after that."""
        with self._lock:
            self._transitions.close()
            self._fleet.close()
