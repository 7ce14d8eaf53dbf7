"""What a bare engine has beyond MemoryDB: CONFIG, DEBUG, SAVE and ACL SETUSER, beside a real server that allows DEBUG."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .metadata import Catalog
from .player import play
from .subject import engine
from .test_command_metadata import differences
from .transcript import Scenario, families, load
from .witness import BINARIES, Server, unrestricted_witness

SCENARIOS = [scenario for family in families("unrestricted") for scenario in load(family)]
AS_6_2 = {
    "Numbers",
    "Limits of output buffers",
    "Errors in a transaction",
    "Errors that end a script",
    "Calls that wait",
    "Users that may not",
    "Calls that are refused",
    "A user who deletes himself is told",
    "Sizes of objects and tables",
    "The pattern matcher tries itself",
    "Payloads with a checksum that is wrong",
    "What counts as a command that was processed",
    "What counts in transactions, scripts, and of those who wait",
    "Ziplists of 6.2",
    "SAVE in a transaction",
    "Who may not administer has no CONFIG",
}
"""What Redis 6.2 is asked, too: scenarios without what came later."""
FURTHER = (
    "acl|deluser acl|load acl|save acl|setuser bgrewriteaof bgsave config config|get config|help config|resetstat "
    "config|rewrite config|set debug module|list save"
).split()


@pytest.fixture(scope="module", params=["valkey", "redis", "redis6"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Server]]:
    """The real server and ours."""
    if BINARIES[request.param][0]() is None:
        pytest.skip(f"no {request.param}-server to compare with")
    with unrestricted_witness(request.param) as real, engine(request.param, unrestricted=True) as ours:
        yield real, ours


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_answers_as_the_real_server_does(pair: tuple[Server, Server], scenario: Scenario) -> None:
    real, ours = pair
    if not scenario.plays_on(real.version) or (real.name == "redis6" and scenario.name not in AS_6_2):
        pytest.skip("the scenario is about a newer engine version")
    found = play(scenario, real, ours, newer=real.name == "valkey")
    assert not found, "\n\n".join(str(difference) for difference in found)


CONTAINERS = ("acl", "bgrewriteaof", "bgsave", "config", "debug", "module", "save")


def test_the_further_commands_are_described_as_by_the_real_server(pair: tuple[Server, Server]) -> None:
    if pair[0].name != "redis6":
        pytest.skip("later versions describe subcommands, too")
    shown = []
    for server in pair:
        catalog = Catalog(server, 2)
        shown.append(catalog.ask("COMMAND", "INFO", *CONTAINERS).plain())
        catalog.close()
    assert shown[1] == shown[0]


def test_the_further_commands_are_declared_as_on_the_real_server(pair: tuple[Server, Server]) -> None:
    if pair[0].name == "redis6":
        pytest.skip("6.2 does not describe subcommands")
    real, ours = (Catalog(server, 3) for server in pair)
    expected, actual = real.info(FURTHER), ours.info(FURTHER)
    real.close()
    ours.close()
    assert set(actual) == set(FURTHER)
    assert list(differences(expected, actual)) == []
