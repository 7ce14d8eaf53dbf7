"""The environments of many functions: one for each invocation at a time, used again while they are warm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

from localstack_memorydb.integrations.lambda_runtime.environment import Environment
from localstack_memorydb.integrations.lambda_runtime.function import Function, Invocation, Outcome
from localstack_memorydb.integrations.lambda_runtime.runner import Runner

_IDLE_SECONDS: Final = 600.0


class TooManyRequests(Exception):
    """All the concurrency that the function may have is in use."""


@dataclass(slots=True)
class _Shelf:
    """The environments of one function: those in use are counted, the others wait here."""

    function: Function
    idle: list[tuple[Environment, float]] = field(default_factory=list)
    busy: int = 0


class Pool:
    """Invokes functions by a key of the host; an environment serves only the very function it was made for."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lock = threading.Condition()
        self._shelves: dict[Hashable, _Shelf] = {}

    def invoke(
        self,
        key: Hashable,
        function: Function,
        invocation: Invocation,
        limit: int | None = None,
        patience: float = 0,
    ) -> Outcome:
        """Run an invocation; TooManyRequests when `limit` of them run already and none ends within `patience`.

        A function that differs from the last one of its key, in its code or configuration, gets new environments.
        """
        shelf, environment = self._take(key, function, limit, patience)
        try:
            environment = environment or self._runner.environment(function)
            return environment.invoke(invocation)
        finally:
            self._give_back(key, shelf, environment)

    def _take(
        self, key: Hashable, function: Function, limit: int | None, patience: float
    ) -> tuple[_Shelf, Environment | None]:
        with self._lock:
            if limit is not None and not self._lock.wait_for(
                lambda: self._busy(key) < limit, patience if limit else 0
            ):
                raise TooManyRequests
            shelf = self._shelves.get(key)
            stale = []
            if shelf is None or shelf.function != function:
                stale = shelf.idle if shelf else []
                self._shelves[key] = shelf = _Shelf(function, busy=self._busy(key))
            shelf.busy += 1
            environment = shelf.idle.pop()[0] if shelf.idle else None
            stale = [*stale, *self._outdated(time.monotonic() - _IDLE_SECONDS)]
        self._discard(stale)
        return shelf, environment

    def _busy(self, key: Hashable) -> int:
        shelf = self._shelves.get(key)
        return shelf.busy if shelf else 0

    def _give_back(self, key: Hashable, shelf: _Shelf, environment: Environment | None) -> None:
        with self._lock:
            current = self._shelves.get(key)
            if current is not None:
                current.busy -= 1
                self._lock.notify_all()
            if current is shelf and environment is not None:
                shelf.idle.append((environment, time.monotonic()))
                environment = None
        if environment is not None:
            self._runner.discard(environment)

    def _outdated(self, before: float) -> list[tuple[Environment, float]]:
        found = []
        for shelf in self._shelves.values():
            found += [entry for entry in shelf.idle if entry[1] < before]
            shelf.idle = [entry for entry in shelf.idle if entry[1] >= before]
        return found

    def _discard(self, entries: list[tuple[Environment, float]]) -> None:
        for environment, _ in entries:
            self._runner.discard(environment)

    def forget(self, gone: Callable[[Hashable], bool]) -> None:
        """End the environments of functions that are gone."""
        with self._lock:
            shelves = [self._shelves.pop(key) for key in list(self._shelves) if gone(key)]
        for shelf in shelves:
            self._discard(shelf.idle)

    def clear(self) -> None:
        """End all environments, also those in use."""
        with self._lock:
            self._shelves.clear()
        self._runner.close()
