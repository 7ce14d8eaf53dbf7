"""The two servers of a comparison, once per session: a real one and our engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from .subject import engine
from .witness import BINARIES, Server, running, witness

_EVENTS = {"valkey": "AKEnm", "redis": "AKEnm", "redis6": "AKEm"}


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Starts each server when a test first asks for it."""
    with ExitStack() as stack:
        yield Servers(stack)


class Servers:
    """`servers.witness("valkey")` and `servers.engine("valkey")`; skips when the witness is not installed."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.started: dict[tuple[str, str], Server] = {}

    def witness(self, kind: str) -> Server:
        if ("witness", kind) not in self.started:
            if BINARIES[kind][0]() is None:
                pytest.skip(f"no {kind}-server to compare with")
            self.started["witness", kind] = self.stack.enter_context(witness(kind))
        return self.started["witness", kind]

    def engine(self, kind: str) -> Server:
        if ("engine", kind) not in self.started:
            self.started["engine", kind] = self.stack.enter_context(engine(kind))
        return self.started["engine", kind]


@pytest.fixture(scope="module", params=["valkey", "redis", "redis6"])
def noisy(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Server]]:
    """Servers that tell of every event."""
    kind = request.param
    if BINARIES[kind][0]() is None:
        pytest.skip(f"no {kind}-server to compare with")
    with ExitStack() as stack:
        real = stack.enter_context(running(kind, "--notify-keyspace-events", _EVENTS[kind]))
        ours = stack.enter_context(engine(kind, notify_keyspace_events=_EVENTS[kind]))
        yield real, ours
