"""The endpoint that the fixtures talk to: one that is given, or a host of our own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

_STOP_SECONDS = 10
_CA_PATH = "/_memorydb/ca.pem"


@dataclass(frozen=True)
class RunningEmulator:
    """An AWS endpoint with MemoryDB, and what clients need to reach it."""

    endpoint_url: str
    region: str
    ca_certificate: str = field(repr=False)
    ca_file: Path

    @property
    def environment(self) -> dict[str, str]:
        """For programs that a test starts: where AWS is, and with which credentials."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def client(self, service: str, **more: Any) -> Any:
        """boto3's client of any service of this endpoint; `more` is for boto3."""
        try:
            import boto3
        except ImportError:
            pytest.fail("boto3 is not installed: pip install boto3", pytrace=False)
        chosen = {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        return boto3.session.Session().client(service, **chosen | more)


@contextmanager
def running(url: str | None, directory: Path) -> Iterator[RunningEmulator]:
    """The endpoint with this URL, or a host of our own for the length of the block."""
    if url is not None:
        yield _at(url.rstrip("/"), directory)
        return
    with _own_host() as own:
        yield _at(own, directory)


def _at(url: str, directory: Path) -> RunningEmulator:
    try:
        with urlopen(url + _CA_PATH, timeout=60) as answer:  # noqa: S310 - the URL is the user's
            ca = answer.read()
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        pytest.fail(f"no MemoryDB emulator answers at {url}: {reason}", pytrace=False)
    ca_file = directory / "ca.pem"
    ca_file.write_bytes(ca)
    region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or "us-east-1"
    return RunningEmulator(url, region, ca.decode(), ca_file)


@contextmanager
def _own_host() -> Iterator[str]:
    if not _installed("flask") or not _installed("moto.moto_server"):
        pytest.fail(
            "the stand-alone host is not installed: pip install 'localstack-memorydb[standalone]', "
            "or name a running endpoint with --memorydb-endpoint-url",
            pytrace=False,
        )
    # What the host logs goes where this process writes: pytest shows it with the test that fails.
    with subprocess.Popen(
        [sys.executable, "-m", "localstack_memorydb.integrations.pytest_plugin.host"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as host:
        url = next(iter(host.stdout or ()), "").strip()
        if not url:
            pytest.fail("the stand-alone host did not start; its reason is on standard error", pytrace=False)
        try:
            yield url
        finally:
            _end(host)


def _end(host: subprocess.Popen[str]) -> None:
    if host.stdin is not None:
        host.stdin.close()
    try:
        host.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        host.kill()


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False
