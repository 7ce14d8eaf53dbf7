"""One process of a function, with its Runtime API and its output."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from localstack_memorydb.integrations.lambda_runtime.function import Invocation
from localstack_memorydb.integrations.lambda_runtime.output import Output
from localstack_memorydb.integrations.lambda_runtime.reaper import Reaper
from localstack_memorydb.integrations.lambda_runtime.runtime_api import Event, Happened, RuntimeApi


class Sandbox:
    """A process that serves invocations one after the other until it exits or is killed."""

    def __init__(
        self, command: Sequence[str], variables: Mapping[str, str], directory: Path, reaper: Reaper
    ) -> None:
        self._api = RuntimeApi()
        reading, writing = os.pipe()
        try:
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                env={**variables, "AWS_LAMBDA_RUNTIME_API": self._api.address},
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,  # a group of its own: what the function starts ends with it
            )
        except BaseException:
            os.close(reading)
            self._api.close()
            raise
        finally:
            os.close(writing)
        self._reaper = reaper
        reaper.watch(self._process.pid)
        self._output = Output(reading)
        self._closing = threading.Lock()
        self._closed = False
        threading.Thread(target=self._wait, name="lambda-process", daemon=True).start()

    def _wait(self) -> None:
        code = self._process.wait()
        self._api.events.put(Event(Happened.EXITED, code=code))

    def offer(self, invocation: Invocation, seconds: float) -> None:
        """Give the process an event."""
        self._api.offer(invocation, seconds)

    def wait_for(self, *wanted: Happened, until: float) -> Event | None:
        """The next of these that happens, or None at that moment of the monotonic clock."""
        while True:
            try:
                event = self._api.events.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                return None
            if event.what in wanted:
                return event

    def logs(self) -> list[str]:
        """What it wrote since the last call."""
        return self._output.take()

    @property
    def most_memory(self) -> int | None:
        """The most memory (MB) that the process has used; None where the system does not tell."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return None
        peak = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        return -(-int(peak[1]) // 1024) if peak else None

    def close(self) -> None:
        """Kill the process and what it has started; its output can still be read until then."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reaper.forget(self._process.pid)
        self._api.events.put(Event(Happened.EXITED, code=-signal.SIGKILL))
        self._api.close()
        self._output.close()
