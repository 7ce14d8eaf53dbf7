"""The lines that Lambda itself writes to a function's log.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html has START, END and REPORT;
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html what the platform tells about phases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an invocation has no answer of its own: the error that the caller gets, and the status in REPORT."""

    kind: str
    message: str
    status: str = "error"

    def payload(self, request_id: str) -> dict[str, str]:
        return {"errorType": self.kind, "errorMessage": f"RequestId: {request_id} Error: {self.message}"}

    def lines(self, request_id: str) -> list[str]:
        if self.status == "timeout":
            moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            return [f"{moment} {request_id} {self.message}"]
        return [f"RequestId: {request_id} Error: {self.message}\n{self.kind}"]


def timed_out(seconds: float) -> Problem:
    """The function took longer than its Timeout."""
    return Problem("Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds", "timeout")


def exited(code: int) -> Problem:
    """The process ended by itself; `code` is negative for a signal, as subprocess has it."""
    if code == 0:
        return Problem("Runtime.ExitError", "Runtime exited without providing a reason")
    if code > 0:
        return Problem("Runtime.ExitError", f"Runtime exited with error: exit status {code}")
    names = {-9: "killed", -11: "segmentation fault", -6: "aborted", -15: "terminated"}
    return Problem("Runtime.ExitError", f"Runtime exited with error: signal: {names.get(code, str(-code))}")


def init_start(runtime: str, interpreter: str) -> str:
    """The first line of an environment. Unlike Lambda it names the interpreter, which need not be the runtime's."""
    return f"INIT_START Runtime Version: {runtime}\tInterpreter: {interpreter}"


def init_report(seconds: float, kind: str) -> str:
    """The line of an initialisation that failed."""
    return (
        f"INIT_REPORT Init Duration: {seconds * 1000:.2f} ms\tPhase: init\tStatus: error\tError Type: {kind}"
    )


def start(request_id: str, version: str) -> str:
    """The first line of an invocation."""
    return f"START RequestId: {request_id} Version: {version}"


def end(
    request_id: str,
    seconds: float,
    memory: int,
    used: int | None,
    init: float | None = None,
    status: str = "",
    kind: str = "",
) -> list[str]:
    """The last two lines of an invocation; durations in seconds, memory in MB."""
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {seconds * 1000:.2f} ms",
        f"Billed Duration: {math.ceil(seconds * 1000)} ms",
        f"Memory Size: {memory} MB",
    ]
    if used is not None:
        fields.append(f"Max Memory Used: {used} MB")
    if init is not None:
        fields.append(f"Init Duration: {init * 1000:.2f} ms")
    if status:
        fields.append(f"Status: {status}")
    if kind and status == "error":
        fields.append(f"Error Type: {kind}")
    return [f"END RequestId: {request_id}", "\t".join(fields)]
