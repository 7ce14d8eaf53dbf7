"""An endpoint, started as a user starts it: a process of its own, with its own directory for temporary files."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

import boto3
import psutil
from botocore.config import Config
from redis.cluster import RedisCluster

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
LOCALSTACK_PYTHON = ROOT / ".venv-localstack" / "bin" / "python"
REGION = "us-east-1"
_START_SECONDS = 300


def python_of(host: str) -> Path:
    """The interpreter of the environment that a host is installed in."""
    return LOCALSTACK_PYTHON if host == "localstack" else Path(sys.executable)


def start_command(host: str, port: int, *options: str) -> list[str]:
    """What a user types."""
    python = str(python_of(host))
    return [python, "-m", "localstack_memorydb", "start", "--host", host, "--port", str(port), *options]


def environment(temporary: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without its settings, with temporary files in one place."""
    kept = {name: value for name, value in os.environ.items() if not re.match("MEMORYDB_|AWS_|MOTO_", name)}
    return {
        **kept,
        "TMPDIR": str(temporary),
        "PYTHONUNBUFFERED": "1",
        "MEMORYDB_CHECK_ANSWERS": "1",
        **(more or {}),
    }


def _ready(pid: int) -> dict[str, float]:
    """For how many seconds each thread of a process has waited for a processor. Linux tells."""
    found: dict[str, float] = {}
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # the thread has ended
            found[str(file)] = int(file.read_text().split()[1]) / 1e9
    return found


@dataclass
class Endpoint:
    """A running host. Stopped by `stop`, or killed when the block that started it ends."""

    host: str
    port: int
    temporary: Path
    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)

    @classmethod
    def start(
        cls,
        host: str,
        temporary: Path,
        *options: str,
        command: Sequence[str] = (),
        port: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> Self:
        port = port or free_port()
        process = subprocess.Popen(
            list(command) or start_command(host, port, *options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=temporary.parent,
            env=environment(temporary, env),
        )
        endpoint = cls(host, port, temporary, process)
        endpoint._wait_for_ready()
        return endpoint

    def _wait_for_ready(self) -> None:
        ready = threading.Event()

        def read() -> None:
            assert self.process.stdout is not None
            with self.process.stdout as lines:
                for line in lines:
                    self.output.append(line)
                    if line.strip() == "Ready.":
                        ready.set()
            ready.set()

        threading.Thread(target=read, daemon=True).start()
        assert ready.wait(_START_SECONDS), "no `Ready.`:\n" + "".join(self.output)
        assert self.process.poll() is None, "ended:\n" + "".join(self.output)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, account: str = "test", region: str = REGION, **config: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            # The first call of a service imports it; what is given up on would be called a second time.
            config=Config(retries={"max_attempts": 1}, **{"read_timeout": 240, **config}),
        )

    def get(self, path: str) -> bytes:
        with urlopen(self.url + path, timeout=30) as answer:
            return answer.read()  # type: ignore[no-any-return]

    def post(self, path: str) -> None:
        with urlopen(Request(self.url + path, method="POST"), timeout=30) as answer:
            assert answer.status == HTTPStatus.NO_CONTENT

    def redis(self, name: str) -> RedisCluster:
        """A cluster client, as an application makes it from what DescribeClusters says."""
        endpoint = self.client("memorydb").describe_clusters(ClusterName=name)["Clusters"][0][
            "ClusterEndpoint"
        ]
        authority = self.get("/_memorydb/ca.pem").decode()
        return RedisCluster(
            host=endpoint["Address"],
            port=endpoint["Port"],
            ssl=True,
            ssl_ca_data=authority,
            socket_timeout=60,  # its own five seconds are few for a busy machine, and it sends again what it gave up
        )

    def listening(self) -> set[tuple[str, int]]:
        """Every address that the host listens on."""
        sockets = psutil.Process(self.process.pid).net_connections(kind="tcp")
        return {(row.laddr.ip, row.laddr.port) for row in sockets if row.status == psutil.CONN_LISTEN}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float, list[psutil.Process]]:
        """Send a signal; the exit code, how long the exit took, and the children that outlived it.

        It takes longer while others have the processor: how long its threads were ready and had none is left out.
        """
        children = psutil.Process(self.process.pid).children(recursive=True)
        began = time.monotonic()
        before = _ready(self.process.pid)
        last: dict[str, float] = {}
        self.process.send_signal(number)
        while (code := self.process.poll()) is None:
            assert time.monotonic() < began + 100, "it does not end"
            last |= _ready(self.process.pid)
            threading.Event().wait(0.02)
        took = time.monotonic() - began - sum(last[name] - before.get(name, 0.0) for name in last)
        return code, took, [child for child in children if child.is_running()]

    def kill(self) -> None:
        """End the host and what it started, however it is."""
        if self.process.poll() is None:
            children = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            self.process.wait()
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
