"""Every scenario of every transcript, on our engine and on a real server, compared on wire bytes."""

from __future__ import annotations

import pytest

from .conftest import Servers
from .player import play
from .transcript import Scenario, families, load

SCENARIOS = [scenario for family in families() for scenario in load(family)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
@pytest.mark.parametrize("witness", ["valkey", "redis", "redis6"])
def test_answers_as_the_real_server_does(witness: str, scenario: Scenario, servers: Servers) -> None:
    """Valkey 9.1 stands for MemoryDB 7.2, Redis 7.0 for MemoryDB 7.0 and 7.1, and Redis 6.2.14 for 6.2."""
    if witness == "redis6" and scenario.family == "observing":
        pytest.skip("6.2 has other statistics, and stays paused")
    real = servers.witness(witness)
    if not scenario.plays_on(real.version):
        pytest.skip("the scenario is about a newer engine version")
    differences = play(scenario, real, servers.engine(witness), newer=witness == "valkey")
    assert not differences, "\n\n".join(str(difference) for difference in differences)
