"""An execution environment: a function's process, started when it is first needed and kept warm.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from localstack_memorydb.integrations.lambda_runtime import report
from localstack_memorydb.integrations.lambda_runtime.function import Function, Invocation, Outcome
from localstack_memorydb.integrations.lambda_runtime.report import Problem
from localstack_memorydb.integrations.lambda_runtime.runtime_api import Event, Happened
from localstack_memorydb.integrations.lambda_runtime.runtimes import interpreter_of
from localstack_memorydb.integrations.lambda_runtime.sandbox import Sandbox

if TYPE_CHECKING:
    from localstack_memorydb.integrations.lambda_runtime.runner import Runner

# Lambda gives an initialisation ten seconds. Here others share the machine, and ten may not be enough.
_INIT_SECONDS: Final = 60.0
_EXIT_SECONDS: Final = 1.0


class _Failed(Exception):
    """An invocation that ends without the function's own answer; `body` is what its runtime said of that."""

    def __init__(self, problem: Problem, body: bytes = b"") -> None:
        super().__init__(problem.message)
        self.problem, self.body = problem, body


class _Record:
    """One invocation: its log, and how long its parts took."""

    def __init__(self, function: Function, invocation: Invocation, log_stream: str) -> None:
        self.function, self.invocation, self.log_stream = function, invocation, log_stream
        self.logs: list[str] = []
        self.init: float | None = None
        self._began: float | None = None

    def begin(self) -> float:
        """The handler's turn; until when it has time."""
        self.logs.append(report.start(self.invocation.request_id, self.function.version))
        self._began = time.monotonic()
        return self._began + self.function.timeout

    def finish(self, event: Event, memory: int | None) -> Outcome:
        """With what the function answered."""
        self._end(memory)
        return self._outcome(event.body, event.what is Happened.ERROR)

    def fail(self, failed: _Failed, memory: int | None) -> Outcome:
        """With the error that Lambda answers in the function's place."""
        request_id, problem = self.invocation.request_id, failed.problem
        if self._began is None:
            self.begin()
        body = failed.body or json.dumps(problem.payload(request_id)).encode()
        if not failed.body:
            self.logs += problem.lines(request_id)
        self._end(memory, problem.status, problem.kind)
        return self._outcome(body, True)

    def _outcome(self, payload: bytes, failed: bool) -> Outcome:
        return Outcome(self.invocation.request_id, payload, failed, tuple(self.logs), self.log_stream)

    def _end(self, memory: int | None, status: str = "", kind: str = "") -> None:
        seconds = time.monotonic() - (self._began or time.monotonic())
        if status == "timeout":
            seconds = self.function.timeout
        identifier = self.invocation.request_id
        self.logs += report.end(identifier, seconds, self.function.memory, memory, self.init, status, kind)


class Environment:
    """Runs one invocation at a time. What a function does wrong is the outcome, never an exception."""

    def __init__(self, function: Function, runner: Runner, directory: Path) -> None:
        self.function = function
        self._runner = runner
        self._directory = directory
        self.log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[{function.version}]{directory.name}"
        self._interpreter = interpreter_of(function.runtime, runner.libraries)
        self._sandbox: Sandbox | None = None
        self._warm = False
        self._authority = b""
        self._started = 0.0
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> Sandbox:
        """Start the process and do not wait for it."""
        if self._closed:
            raise RuntimeError("the environment is closed")
        self._started, self._warm = time.monotonic(), False
        self._authority = self._runner.trust()
        named = {"AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream, **self.function.variables}
        function = replace(self.function, variables=named)
        self._sandbox = self._runner.start(function, self._interpreter, self._directory)
        return self._sandbox

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run the handler with an event, within the function's timeout."""
        with self._lock:
            record = _Record(self.function, invocation, self.log_stream)
            try:
                sandbox = self._ready(record)
                event = self._answer(sandbox, record)
            except _Failed as failed:
                outcome = record.fail(failed, self._sandbox.most_memory if self._sandbox else None)
                self._end()
                return outcome
            record.logs += sandbox.logs()
            return record.finish(event, sandbox.most_memory)

    def close(self) -> None:
        """End the process, whatever it does, and remove its temporary files."""
        self._closed = True
        self._end()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _end(self) -> None:
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            sandbox.close()

    def _ready(self, record: _Record) -> Sandbox:
        """The process, once it asks for an event: the one that is there, or else a new one."""
        if self._sandbox is not None and self._authority != self._runner.trust():
            self._end()  # programs read what they trust when they start
        sandbox = self._sandbox
        if sandbox is not None and self._warm:
            until = time.monotonic() + self.function.timeout
            event = sandbox.wait_for(Happened.READY, Happened.EXITED, until=until)
            if event is not None and event.what is Happened.READY:
                return sandbox
            self._end()  # it ended after its last answer, which nobody has to know
            sandbox = None
        return self._initialised(sandbox or self.start(), record)

    def _initialised(self, sandbox: Sandbox, record: _Record) -> Sandbox:
        record.logs.append(report.init_start(self.function.runtime, self._interpreter.title))
        wanted = (Happened.READY, Happened.INIT_ERROR, Happened.EXITED)
        event = sandbox.wait_for(*wanted, until=self._started + _INIT_SECONDS)
        seconds = time.monotonic() - self._started
        if event is not None and event.what is Happened.READY:
            record.logs += sandbox.logs()
            record.init, self._warm = seconds, True
            return sandbox
        failed = self._failed_init(sandbox, event, record)
        record.logs += [*sandbox.logs(), report.init_report(seconds, failed.problem.kind)]
        raise failed

    @staticmethod
    def _failed_init(sandbox: Sandbox, event: Event | None, record: _Record) -> _Failed:
        if event is None:
            return _Failed(report.timed_out(_INIT_SECONDS))
        if event.what is Happened.EXITED:
            return _Failed(report.exited(event.code))
        sandbox.wait_for(Happened.EXITED, until=time.monotonic() + _EXIT_SECONDS)  # the rest of its log
        said = json.loads(event.body)
        said["requestId"] = said.get("requestId") or record.invocation.request_id
        problem = Problem(said.get("errorType", "Runtime.Unknown"), said.get("errorMessage", ""))
        return _Failed(problem, json.dumps(said).encode())

    def _answer(self, sandbox: Sandbox, record: _Record) -> Event:
        """The function's answer to this invocation; one to an earlier invocation, which timed out, is not."""
        deadline = record.begin()
        sandbox.offer(record.invocation, self.function.timeout)
        while True:
            event = sandbox.wait_for(Happened.RESPONSE, Happened.ERROR, Happened.EXITED, until=deadline)
            if event is None or event.what is Happened.EXITED:
                record.logs += sandbox.logs()
                raise _Failed(report.exited(event.code) if event else report.timed_out(self.function.timeout))
            if event.request_id == record.invocation.request_id:
                return event
