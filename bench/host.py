"""The stand-alone host in a process of its own, as a user starts it, and clients for it."""

from __future__ import annotations

import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from bench import servers


@dataclass(frozen=True)
class Host:
    """A running host: clients by service name, and the file with the authority that its clusters' TLS needs."""

    url: str
    ca: str
    process: int = 0

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@contextmanager
def standalone() -> Iterator[Host]:
    """A host that lives as long as the block."""
    port = servers.free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "localstack_memorydb",
        "start",
        "--host",
        "standalone",
        "--port",
        str(port),
    ]

    def ready() -> bool:
        with urllib.request.urlopen(f"{url}/_localstack/health", timeout=5) as answer:
            return bool(answer.status == 200)

    with tempfile.TemporaryDirectory() as directory, servers.running(command, ready) as process:
        ca = Path(directory, "ca.pem")
        with urllib.request.urlopen(f"{url}/_memorydb/ca.pem", timeout=5) as answer:
            ca.write_bytes(answer.read())
        yield Host(url, str(ca), process.pid)


def wait_available(describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Describes a resource until its Status is `available`."""
    while True:
        found = describe()
        if found["Status"] == "available":
            return found
        if found["Status"].endswith("failed"):
            raise RuntimeError(found["Status"])
