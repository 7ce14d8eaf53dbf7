"""A short run of the comparison that `make fuzz` makes, with random numbers that are the same each time."""

from __future__ import annotations

from random import Random

import pytest

from tests.differential.conftest import Servers, servers

from .duel import Duel, transcript
from .grammar import Grammar
from .sequences import draw

__all__ = ["servers"]  # a fixture
COMMANDS = 6_000


@pytest.mark.parametrize("kind", ["valkey", "redis"])
def test_no_sequence_differs(kind: str, servers: Servers) -> None:
    newer = kind == "valkey"
    grammar = Grammar("7.2" if newer else "7.0", newer=newer)
    duel = Duel(servers.witness(kind), servers.engine(kind), newer=newer)
    rng = Random(20240321)
    try:
        payloads = duel.payloads([draw(rng, grammar, 60, list(grammar.families)) for _ in range(5)])
        while duel.commands < COMMANDS:
            sequence = draw(rng, grammar, 60, list(grammar.families), payloads)
            difference = duel.play(sequence)
            assert difference is None, transcript(sequence, difference, "a sequence that differs")
    finally:
        duel.close()
