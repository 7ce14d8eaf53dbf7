"""What holds for all tests: hypothesis draws the same examples every time, and hosts run as long as the tests do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from .hosts.endpoint import Endpoint

# A run of the tests is no search for what nobody knows yet: `make fuzz` is, and `--hypothesis-profile default` makes one of them.
# How long an example takes says more about what else the machine does than about the code.
settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def shared_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Endpoint]]:
    """Gives the endpoint of a host, which is started when it is wanted for the first time.

    It has no parameter on purpose: pytest ends a fixture of the session when the parameter changes, and it does so twice in each file.
    """
    from .hosts.endpoint import Endpoint

    started: list[Endpoint] = []

    @cache
    def find(host: str) -> Endpoint:
        started.append(Endpoint.start(host, tmp_path_factory.mktemp(host)))
        return started[-1]

    yield find
    for running in started:
        running.stop()
