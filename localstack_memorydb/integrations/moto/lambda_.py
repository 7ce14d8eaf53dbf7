"""moto's Lambda functions, run as processes of this machine instead of in Docker containers."""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError

from localstack_memorydb.integrations.emulator import Emulator
from localstack_memorydb.integrations.lambda_runtime import (
    Function,
    Invocation,
    Outcome,
    Pool,
    Runner,
    TooManyRequests,
    UnsupportedRuntime,
    require_runtime,
)
from localstack_memorydb.integrations.lambda_runtime.archive import BadArchive, require_archive
from localstack_memorydb.integrations.moto import destinations, invocations, templates, triggers
from localstack_memorydb.integrations.moto.mappings import Mappings
from localstack_memorydb.integrations.moto.wrapping import wrap

# Of what Lambda waits for an asynchronous invocation that finds no free place: six hours there.
_PATIENCE: Final = 900.0
_AT_ONCE: Final = 32
_RETRIES: Final = 2


class InvalidRuntime(LambdaClientError):
    """A function whose runtime cannot be run here."""

    code = 502

    def __init__(self, message: str) -> None:
        super().__init__("InvalidRuntimeException", message)


class InvalidZipFile(LambdaClientError):
    """A function without a package that can be unpacked: its S3 object was not there when it was made."""

    code = 502

    def __init__(self) -> None:
        super().__init__("InvalidZipFileException", "Lambda could not unzip the deployment package.")


class RateExceeded(LambdaClientError):
    """More invocations at once than the function's reserved concurrency."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class Functions:
    """Runs the functions of every account. `endpoint` is the URL at which they reach this host."""

    def __init__(self, runner: Runner, endpoint: Callable[[], str], retry_delay: float) -> None:
        self._runner = runner
        self._pool = Pool(runner)
        self._endpoint = endpoint
        self._retry_delay = retry_delay
        self._places = threading.Semaphore(_AT_ONCE)
        self._stopped = threading.Event()
        self._mappings = Mappings(self._clients, retry_delay)

    def take_over(self) -> None:
        """Invoke, reset and delete functions here from now on. moto's own methods are replaced for good."""
        functions = self

        def invoke(self: Any, body: Any, request_headers: Any, response_headers: Any) -> str | bytes:
            return functions.invoke(self, body, request_headers, response_headers)

        models.LambdaFunction.invoke = invoke
        wrap(models.LambdaFunction, "_set_function_code", _checked)
        wrap(models.LambdaBackend, "reset", self._then_clear)
        wrap(models.LambdaBackend, "delete_function", self._then_forget)
        invocations.take_over()
        triggers.take_over()
        templates.take_over()
        self._mappings.take_over()

    def invoke(
        self,
        function: Any,
        body: str | bytes | None,
        headers: Mapping[str, str],
        answered: dict[str, str],
    ) -> str | bytes:
        """Answer moto's call for an invocation: the payload, and in `answered` the headers.

        Triggers (queues, streams, topics) call without headers. They wait for a free place; a caller does not.
        """
        try:
            require_runtime(function.run_time if function.package_type == "Zip" else None)
        except UnsupportedRuntime as error:
            raise InvalidRuntime(str(error)) from None
        payload = (body.encode() if isinstance(body, str) else body) or b"{}"
        invocation = Invocation(
            payload,
            invocations.invoked_arn(function),
            trace_id=headers.get("X-Amzn-Trace-Id", ""),
            client_context=_decoded(headers.get("X-Amz-Client-Context", "")),
        )
        answered["x-amz-executed-version"] = str(function.version)
        answered["x-amzn-requestid"] = invocation.request_id
        match headers.get("X-Amz-Invocation-Type", "RequestResponse"):
            case "DryRun":
                return ""
            case "Event":
                work = (function, invocation)
                threading.Thread(target=self._deliver, args=work, name="lambda-event", daemon=True).start()
                return ""
        try:
            outcome = self._run(function, invocation, patience=0 if headers else _PATIENCE)
        except TooManyRequests:
            raise RateExceeded from None
        if outcome.failed:
            answered["x-amz-function-error"] = "Unhandled"
        answered["x-amz-log-result"] = base64.b64encode(outcome.tail).decode()
        return outcome.payload

    def _deliver(self, function: Any, invocation: Invocation) -> None:
        """An asynchronous invocation: repeated while the function fails, then told to its destination."""
        configured: dict[str, Any] = next((row.config for row in function.event_invoke_config), {})
        attempts = 1 + int(configured.get("MaximumRetryAttempts", _RETRIES))
        for attempt in range(1, attempts + 1):
            if self._stopped.wait(self._retry_delay * (attempt - 1)):
                return
            try:
                with self._places:
                    outcome = self._run(function, invocation, _PATIENCE)
            except (
                TooManyRequests,
                LambdaClientError,
                RuntimeError,
            ):  # for ever full, unusable, or the host is being stopped
                return
            if not outcome.failed or attempt == attempts:
                client = self._clients(function.account_id, function.region)
                destinations.tell(configured, invocation, outcome, str(function.version), attempt, client)
                if outcome.failed and (target := invocations.dead_letter_target(function)):
                    destinations.bury(target, invocation, outcome, client)
                return

    def _clients(self, account: str, region: str) -> Callable[[str], Any]:
        return destinations.clients(self._endpoint(), account, region)

    def _run(self, function: Any, invocation: Invocation, patience: float) -> Outcome:
        limit = function.reserved_concurrency
        outcome = self._pool.invoke(
            _key(function),
            self._described(function),
            invocation,
            None if limit is None else int(limit),
            patience,
        )
        _save_logs(function, outcome)
        return outcome

    def _described(self, function: Any) -> Function:
        return Function(
            name=function.function_name,
            version=str(function.version),
            runtime=function.run_time,
            handler=function.handler or "",
            timeout=float(function.timeout),
            memory=int(function.memory_size),
            code=self._unpacked(function),
            layers=tuple(self._unpacked(layer) for layer in _layers(function)),
            variables={**self._surroundings(function), **function.environment_vars},
        )

    def _unpacked(self, package: Any) -> Path:
        """The files of a function or a layer."""
        try:
            return self._runner.unpack(package.code_bytes, re.sub(r"\W", "_", package.code_sha_256))
        except BadArchive:
            raise InvalidZipFile from None

    def _surroundings(self, function: Any) -> dict[str, str]:
        """What Lambda sets beside the user's own variables; the access key names the account, as everywhere here."""
        return {
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_ACCESS_KEY_ID": function.account_id,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SESSION_TOKEN": "test",
            "AWS_ENDPOINT_URL": self._endpoint(),
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        }

    def _then_clear(self, original: Callable[..., Any], backend: Any, *args: Any, **named: Any) -> Any:
        self._mappings.forget(backend)
        self._pool.clear()
        return original(backend, *args, **named)

    def _then_forget(self, original: Callable[..., Any], backend: Any, *args: Any, **named: Any) -> Any:
        function = backend.get_function(*args, **named)
        answer = original(backend, *args, **named)
        name = _key(function)[:3]
        self._pool.forget(lambda key: isinstance(key, tuple) and key[:3] == name)
        return answer

    def close(self) -> None:
        """End every function; what waits to be repeated is given up."""
        self._stopped.set()
        self._mappings.close()
        self._pool.clear()


def functions(emulator: Emulator, endpoint: Callable[[], str]) -> Functions:
    """The functions of a host, which trust its clusters."""
    runner = Runner(lambda: emulator.ca_certificate)
    return Functions(runner, endpoint, emulator.settings.lambda_retry_delay)


def _checked(original: Callable[..., Any], function: Any, spec: Mapping[str, Any]) -> None:
    """Refuse a package that cannot be unpacked, as Lambda does, and leave the function as it was."""
    before = dict(vars(function))
    code = dict(function.code)
    original(function, spec)
    if not getattr(function, "code_bytes", b""):  # a container image
        return
    try:
        require_archive(function.code_bytes)
    except BadArchive as error:
        vars(function).clear()
        vars(function).update({**before, "code": code})
        raise InvalidParameterValueException(str(error)) from None


def _key(function: Any) -> tuple[str, str, str, str]:
    return function.account_id, function.region, function.function_name, str(function.version)


def _layers(function: Any) -> list[Any]:
    backend = models.lambda_backends[function.account_id][function.region]
    return [found for row in function.layers if (found := backend.layers_versions_by_arn(row["Arn"]))]


def _decoded(context: str) -> str:
    return base64.b64decode(context).decode() if context else ""


def _save_logs(function: Any, outcome: Outcome) -> None:
    logs = function.logs_backend
    logs.ensure_log_group(function.logs_group_name)
    group = logs.groups[function.logs_group_name]
    if outcome.log_stream not in group.streams:
        with contextlib.suppress(Exception):  # another invocation was first
            logs.create_log_stream(function.logs_group_name, outcome.log_stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": f"{event}\n"} for event in outcome.logs]
    logs.put_log_events(function.logs_group_name, outcome.log_stream, events)
