"""Starts the bare engine that a suite plays with."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.ports import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def bare_engine(version: str, *, slots: bool, port: int = 0, more: Sequence[str] = ()) -> Iterator[int]:
    """An unrestricted engine with a data directory, `slots`: keys are in different ones; its port."""
    port = port or free_port()
    module = "localstack_memorydb.engine" if slots else "tests.suites.one_slot"
    options = ["--port", str(port), "--engine-version", version, "--unrestricted", *more]
    with (
        TemporaryDirectory(prefix="suite-data-") as data,
        subprocess.Popen(
            [sys.executable, "-m", module, *options, "--data-dir", data],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as engine,
    ):
        assert engine.stdout is not None
        try:
            if not any(line.startswith("Ready.") for line in engine.stdout):
                sys.exit("the engine did not start")
            shown = threading.Thread(target=_show, args=[engine.stdout], daemon=True)
            shown.start()
            _time_calls(port)
            yield port
        finally:
            engine.terminate()
        shown.join()


def _time_calls(port: int) -> None:
    """Sets what suites take for granted: latency tracking is off in MemoryDB. Engine 6.2 has none, and says so."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(b"CONFIG SET latency-tracking yes\r\n")
        connection.recv(100)


def _show(log: Iterable[str]) -> None:
    """What the engine has to say, but for the names of tests that the suite has it log."""
    for line in log:
        if not line.startswith("DEBUG LOG: "):
            print(f"  engine: {line}", end="")
