"""What the grammar draws is all that the engine declares, except what is left out with a reason."""

from __future__ import annotations

from random import Random

import pytest

from .coverage import EXCUSED, Coverage
from .grammar import LEFT_OUT, Grammar

LINES = 150


@pytest.mark.parametrize(("engine_version", "newer"), [("6.2", False), ("7.0", False), ("7.2", True)])
def test_every_command_and_option_is_drawn(engine_version: str, newer: bool) -> None:
    grammar, rng = Grammar(engine_version, newer=newer), Random(20240321)
    coverage = Coverage(grammar)
    for family, commands in grammar.families.items():
        for _ in range(LINES * len(commands)):
            coverage.count(tuple(grammar.line(rng, family, waits=False)))
    names, options = coverage.never()
    assert set(names) <= LEFT_OUT
    assert not options


@pytest.mark.parametrize("engine_version", ["6.2", "7.0", "7.1", "7.2", "7.3"])
def test_whatever_is_not_drawn_has_a_reason(engine_version: str) -> None:
    grammar = Grammar(engine_version)
    drawn = {command.name for commands in grammar.families.values() for command, _ in commands}
    assert set(grammar.names()) - drawn <= LEFT_OUT | EXCUSED
