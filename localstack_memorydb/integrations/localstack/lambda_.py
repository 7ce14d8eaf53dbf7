"""Lambda without Docker: LocalStack's runtime executor, whose environments are processes of this machine.

LocalStack keeps what surrounds an invocation: concurrency, queues of events, destinations, logs in CloudWatch.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from localstack.services.lambda_.invocation.executor_endpoint import INVOCATION_PORT
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from localstack_memorydb.integrations.lambda_runtime import (
    Environment,
    Function,
    Invocation,
    require_runtime,
)
from localstack_memorydb.integrations.lambda_runtime.archive import require_archive
from localstack_memorydb.integrations.localstack import host

_ADDRESS = "127.0.0.1"


class LocalRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    """LAMBDA_RUNTIME_EXECUTOR=local. Where nobody has chosen, Docker keeps the work if it answers."""

    name = "local"

    def load(self, *args: Any, **kwargs: Any) -> Any:
        if host.functions_run_here():
            return LocalRuntimeExecutor
        from localstack.services.lambda_.invocation.docker_runtime_executor import DockerRuntimeExecutor

        return DockerRuntimeExecutor


class LocalRuntimeExecutor(RuntimeExecutor):
    """One execution environment of a function version."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:  # noqa: A002 - LocalStack's name
        super().__init__(id, function_version)
        self._environment: Environment | None = None

    def start(self, env_vars: dict[str, Any]) -> None:
        """Start the process. Its initialisation is waited for by the first invocation, whose log then has it."""
        variables = {name: str(value) for name, value in env_vars.items()}
        self._environment = host.runner().environment(_described(self.function_version, variables))
        self._environment.start()

    def stop(self) -> None:
        if self._environment is not None:
            host.runner().discard(self._environment)

    def get_address(self) -> str:
        return _ADDRESS

    def get_endpoint_from_executor(self) -> str:
        return _ADDRESS

    def get_runtime_endpoint(self) -> str:
        """A variable that LocalStack sets for its own program in the container; there is none here."""
        return f"http://{_ADDRESS}:{INVOCATION_PORT}"

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Run one invocation. LocalStack takes each line of a log for an event, so an event is one line."""
        if self._environment is None:
            raise LambdaRuntimeException("the environment has not been started")
        outcome = self._environment.invoke(
            Invocation(
                payload["payload"].encode(),
                payload["invoked-function-arn"],
                payload["invoke-id"],
                payload["trace-id"],
            )
        )
        logs = "".join(event.replace("\n", "\r") + "\n" for event in outcome.logs)
        return InvocationResult(outcome.request_id, outcome.payload, is_error=outcome.failed, logs=logs)

    def get_logs(self) -> str:
        return "Its log is with its invocations."

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack code and layers. What this raises becomes the reason of the function's state Failed."""
        settings = function_version.config
        require_runtime(settings.runtime if settings.package_type == "Zip" else None)
        for package in (settings.code, *(layer.code for layer in settings.layers or ())):
            if not package.is_hot_reloading():
                _require_archive(package)
            package.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """LocalStack removes the unpacked code by itself."""


def _require_archive(package: Any) -> None:
    """Refuse a package whose names lead out of its directory, before LocalStack unpacks it."""
    with tempfile.TemporaryFile() as file:
        package._download_archive_to_file(file)
        file.seek(0)
        require_archive(file.read())


def _described(version: FunctionVersion, variables: dict[str, str]) -> Function:
    settings = version.config
    return Function(
        name=version.id.function_name,
        version=version.id.qualifier,
        runtime=settings.runtime,
        handler=settings.handler,
        timeout=float(settings.timeout),
        memory=int(settings.memory_size),
        code=Path(settings.code.get_unzipped_code_location()),
        layers=tuple(Path(layer.code.get_unzipped_code_location()) for layer in settings.layers or ()),
        variables=variables,
    )
