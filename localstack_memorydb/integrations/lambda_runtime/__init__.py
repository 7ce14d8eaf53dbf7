"""Lambda functions as processes of this machine, for hosts that would need Docker to run them.

A `Runner` serves one host. Each `Environment` is what Lambda calls an execution environment: it starts a process
when it is first invoked, keeps it warm, and starts another one after a crash or a timeout. Processes end with the
host, however the host ends.
"""

from __future__ import annotations

from localstack_memorydb.integrations.lambda_runtime.environment import Environment
from localstack_memorydb.integrations.lambda_runtime.function import Function, Invocation, Outcome
from localstack_memorydb.integrations.lambda_runtime.pool import Pool, TooManyRequests
from localstack_memorydb.integrations.lambda_runtime.runner import Runner
from localstack_memorydb.integrations.lambda_runtime.runtimes import UnsupportedRuntime, require_runtime

__all__ = [
    "Environment",
    "Function",
    "Invocation",
    "Outcome",
    "Pool",
    "Runner",
    "TooManyRequests",
    "UnsupportedRuntime",
    "require_runtime",
]
