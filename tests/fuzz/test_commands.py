"""A short run of the comparison that `make fuzz` makes, with random numbers that are the same each time."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.differential.conftest import Servers, servers

from . import machine
from .grammar import Grammar
from .stage import Stage

__all__ = ["servers"]  # a fixture
SEED = 20240321


@pytest.mark.parametrize("kind", ["valkey", "redis"])
def test_no_client_sees_a_difference(kind: str, servers: Servers) -> None:
    newer = kind == "valkey"
    grammar = Grammar("7.2" if newer else "7.0", newer=newer)
    with closing(Stage(servers.witness(kind), servers.engine(kind), newer=newer)) as stage:
        payloads = machine.payloads(stage, grammar, SEED)
        machine.play(stage, grammar, payloads, number=SEED, examples=40)
        assert stage.commands > 1_500
