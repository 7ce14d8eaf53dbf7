"""What a host says of a function, what it asks of it, and what comes back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Function:
    """One version of a function, with its code unpacked.

    `variables` is the whole environment that the host gives it, the user's own included.
    """

    name: str
    version: str
    runtime: str
    handler: str
    timeout: float
    memory: int
    code: Path
    layers: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for a function."""

    payload: bytes = field(repr=False)
    arn: str
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_id: str = ""
    client_context: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation came to. `logs` are log events: one may have several lines, none ends with a newline."""

    request_id: str
    payload: bytes = field(repr=False)
    failed: bool
    logs: tuple[str, ...] = field(repr=False)
    log_stream: str = ""

    @property
    def text(self) -> str:
        """The log as one text."""
        return "".join(f"{event}\n" for event in self.logs)

    @property
    def tail(self) -> bytes:
        """The end of the log that Invoke returns when asked for it: at most 4 KB.

        https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
        """
        return self.text.encode()[-4096:]
