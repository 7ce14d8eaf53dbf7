"""How resources pass through their states: a table, the work that runs meanwhile, and `settle`, which moves what is due.

Every call settles first. A resource leaves a transitional state when its work is done and the configured delay
has passed; with no delay, the first Describe after the work shows the final state. Work runs on a few threads
and touches no resource: it returns a value, and what follows from that value is done by `settle`, in the thread
of a call and under the provider's lock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from localstack_memorydb.provider.resources import Stateful
from localstack_memorydb.provider.store import GlobalStore, Store

T = TypeVar("T")
LOG: Final = logging.getLogger(__name__)
GONE: Final = ""
WORKERS: Final = 4

STATES: Final[Mapping[tuple[str, str], str]] = {
    ("cluster", "creating"): "available",
    ("cluster", "updating"): "available",
    ("cluster", "snapshotting"): "available",
    ("cluster", "deleting"): GONE,
    ("parameter group of a cluster", "applying"): "in-sync",
    ("security group of a cluster", "modifying"): "active",
    ("snapshot", "creating"): "available",
    ("snapshot", "copying"): "available",
    ("snapshot", "restoring"): "available",
    ("snapshot", "deleting"): GONE,
    ("acl", "creating"): "active",
    ("acl", "modifying"): "active",
    ("acl", "deleting"): GONE,
    ("user", "modifying"): "active",
    ("user", "deleting"): GONE,
    ("multiregioncluster", "creating"): "available",
    ("multiregioncluster", "updating"): "available",
    ("multiregioncluster", "deleting"): GONE,
    ("reservednode", "payment-pending"): "active",
}
"""(kind, transitional state): the state after it. Every other state lasts until an operation changes it."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One reason for a transitional state: its work, and what to do at its end.

    `arrived` gets the work's result. `failed` gets what the work raised and names the state to go to; None
    stands for the state that the table has.
    """

    work: Future[Any] | None
    arrived: Callable[[Any, datetime], None] | None
    failed: Callable[[Exception, datetime], str | None] | None

    @property
    def is_running(self) -> bool:
        return self.work is not None and not self.work.done()


@dataclass
class Transitions:
    """Moves resources, and counts its `moves`. `delays` overrides `delay` by kind and state: {"cluster.creating": 25.0}, in seconds."""

    delay: float = 0.0
    delays: Mapping[str, float] = field(default_factory=dict)
    moves: int = field(default=0, init=False)
    _passages: dict[Stateful, list[Passage]] = field(default_factory=dict, init=False)
    _works: set[Future[Any]] = field(default_factory=set, init=False)
    _workers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(WORKERS, "memorydb-work"), init=False
    )

    def run(self, work: Callable[[], T]) -> Future[T]:
        """Do short work at once; what it raises is kept for `begin`."""
        future: Future[T] = Future()
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)
        return future

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do long work on another thread."""
        future = self._workers.submit(work)
        self._works.add(future)
        future.add_done_callback(self._works.discard)
        return future

    def begin(
        self,
        resource: Stateful,
        status: str,
        now: datetime,
        work: Future[T] | None = None,
        *,
        arrived: Callable[[T, datetime], None] | None = None,
        failed: Callable[[Exception, datetime], str | None] | None = None,
    ) -> None:
        """Put the resource into a transitional state. Two reasons at a time are waited for both."""
        if (resource.kind, status) not in STATES:
            raise KeyError(f"{status} is no transitional state of a {resource.kind}")
        self.moves += 1
        resource.status, resource.since = status, now
        self._passages.setdefault(resource, []).append(Passage(work, arrived, failed))

    def settle(self, store: Store | GlobalStore, now: datetime) -> None:
        """Move everything that is due."""
        for resource in list(store.stateful()):
            following = STATES.get((resource.kind, resource.status))
            if following is not None and self._is_due(resource, now):
                self._arrive(store, resource, following, now)

    def _is_due(self, resource: Stateful, now: datetime) -> bool:
        delay = self.delays.get(f"{resource.kind}.{resource.status}", self.delay)
        if now < resource.since + timedelta(seconds=delay):
            return False
        return not any(passage.is_running for passage in self._passages.get(resource, ()))

    def _arrive(self, store: Store | GlobalStore, resource: Stateful, following: str, now: datetime) -> None:
        self.moves += 1
        for passage in self._passages.pop(resource, ()):
            following = _end(passage, now) or following
        if following == GONE:
            store.remove(resource)
        else:
            resource.status, resource.since = following, now

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no work runs; False when some still does after `timeout` seconds."""
        return not wait(list(self._works), timeout).not_done

    def forget(self) -> None:
        """Drop what is under way, once it has run to its end, without telling the resources."""
        self.wait()
        self._passages.clear()

    def close(self) -> None:
        """Wait for all work and end the threads."""
        self._workers.shutdown(wait=True)
        self._passages.clear()


def _end(passage: Passage, now: datetime) -> str | None:
    """Tell how the work ended; the state to go to, when it is not that of the table."""
    error = passage.work.exception() if passage.work else None
    if error is None:
        if passage.arrived:
            passage.arrived(passage.work.result() if passage.work else None, now)
        return None
    if not isinstance(error, Exception):
        raise error
    LOG.warning("work failed: %s: %s", type(error).__name__, error)
    return passage.failed(error, now) if passage.failed else None
