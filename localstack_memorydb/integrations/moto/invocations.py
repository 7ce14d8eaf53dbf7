"""What moto's Lambda takes and answers around an invocation, where that is not what Lambda does.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import unquote

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.responses import LambdaResponse

from localstack_memorydb.integrations.moto.wrapping import wrap

_STATUS: Final = {"RequestResponse": 200, "Event": 202, "DryRun": 204}
# Bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LARGEST: Final = {"RequestResponse": 6_291_456, "Event": 1_048_576}
_PARTIAL_ARN: Final = re.compile(r"(?:[a-z0-9-]+:)?(?:\d{12}:)?function:(?P<name>[^:]+(?::[^:]+)?)")

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html names these as reserved.
_RESERVED: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)

# The alias that is being invoked: what it names is what moto finds, but the function is told the alias.
_alias_arn: ContextVar[str | None] = ContextVar("alias_arn", default=None)


class EventTooLarge(LambdaClientError):
    """An event of more bytes than Lambda takes."""

    code = 413

    def __init__(self, largest: int) -> None:
        super().__init__(
            "RequestEntityTooLargeException",
            f"Request must be smaller than {largest} bytes for the InvokeFunction operation",
        )


class UnreadableEvent(LambdaClientError):
    """An event that is not JSON."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "InvalidRequestContentException",
            f"Could not parse request body into json: Could not parse payload into json: {reason}",
        )


def take_over() -> None:
    """Correct the calls of this process, for good."""
    setattr(LambdaResponse, "invoke", _invoke)  # noqa: B010 - mypy knows no other way to replace a method
    setattr(LambdaResponse, "_enrich_response", staticmethod(_with_request_id))  # noqa: B010
    wrap(models.LambdaBackend, "invoke", _by_alias)
    wrap(models.LambdaBackend, "create_function", _created)
    wrap(models.LambdaBackend, "update_function_configuration", _configured)
    wrap(models.LambdaFunction, "get_configuration", _described)


def invoked_arn(function: Any) -> str:
    """The ARN that a function is told: with the alias or the version that it was invoked by, if by one."""
    version = str(function.version)
    unqualified = str(function.function_arn).removesuffix(f":{version}")
    return _alias_arn.get() or (unqualified if version == "$LATEST" else f"{unqualified}:{version}")


def _invoke(response: Any) -> tuple[int, dict[str, str], str | bytes]:
    """Invoke. moto's own looks for the qualifier under a name that no client sends, and cuts answers off too early."""
    kind = response.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    _require_event(response.body, kind)
    name = unquote(response.path.rsplit("/", 2)[-2])
    qualifier = response.querystring.get("Qualifier", [None])[0]
    answered: dict[str, str] = {}
    payload = response.backend.invoke(name, qualifier, response.body, response.headers, answered)
    if response.headers.get("X-Amz-Log-Type") != "Tail":
        answered.pop("x-amz-log-result", None)
    status = _STATUS.get(kind, 200)
    if status != 200:  # moto takes the status from here
        answered["status"] = str(status)
    return status, {**answered, "content-type": "application/json"}, payload


def _require_event(body: str | bytes | None, kind: str) -> None:
    event = body.encode() if isinstance(body, str) else body or b""
    largest = _LARGEST.get(kind, _LARGEST["RequestResponse"])
    if len(event) > largest:
        raise EventTooLarge(largest)
    try:
        json.loads(event or b"{}")
    except ValueError as error:
        raise UnreadableEvent(str(error)) from None


def _with_request_id(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
    """The request of an invocation has the identifier that the function is told; moto makes one up."""
    given = headers.get("x-amzn-requestid")
    headers, body = super(LambdaResponse, LambdaResponse)._enrich_response(headers, body)
    if given:
        headers["x-amzn-requestid"] = given
    return headers, body


def _by_alias(
    original: Callable[..., Any],
    backend: Any,
    function_name: str,
    qualifier: str | None,
    *rest: Any,
    **more: Any,
) -> Any:
    """Invoke the version that an alias names, or one of the two that it divides its invocations between."""
    if match := _PARTIAL_ARN.fullmatch(function_name):
        function_name = match["name"]
    alias = alias_of(backend, function_name, qualifier)
    if alias is None:
        return original(backend, function_name, qualifier, *rest, **more)
    token = _alias_arn.set(alias.arn)
    try:
        return original(backend, alias.arn.rsplit(":", 1)[0], _one_version(alias), *rest, **more)
    finally:
        _alias_arn.reset(token)


def alias_of(backend: Any, name: str, qualifier: str | None = None) -> Any:
    """The alias that a function's name or ARN, or the qualifier, asks for; None where none is asked for."""
    _, name, in_name = backend._lambdas.split_function_arn(name)
    wanted = in_name or qualifier
    if not wanted or wanted.isdigit() or wanted == "$LATEST":
        return None
    return backend.get_alias(wanted, name)


def _one_version(alias: Any) -> str:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html"""
    weights: Mapping[str, float] = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    others = sum(weights.values())
    versions = [str(alias.function_version), *weights]
    return random.choices(versions, [max(1 - others, 0), *weights.values()])[0]  # noqa: S311 - a fair share will do


def _created(original: Callable[..., Any], backend: Any, spec: Mapping[str, Any]) -> Any:
    _require_free_names(spec.get("Environment", {}).get("Variables", {}))
    function = original(backend, spec)
    keep_dead_letters(function, spec)
    return function


def _configured(original: Callable[..., Any], backend: Any, name: str, qualifier: str, body: Any) -> Any:
    _require_free_names((body.get("Environment") or {}).get("Variables", {}))
    keep_dead_letters(backend.get_function(name, qualifier), body)
    return original(backend, name, qualifier, body=body)


def keep_dead_letters(function: Any, spec: Mapping[str, Any]) -> None:
    """Remember where events go that are given up: moto forgets it. Versions are copies, and so have it, too."""
    if "DeadLetterConfig" in spec:
        function.dead_letter_config = dict(spec["DeadLetterConfig"])


def dead_letter_target(function: Any) -> str:
    """The ARN of the queue or topic for events that a function has failed to take; empty if it has none."""
    return str(getattr(function, "dead_letter_config", {}).get("TargetArn") or "")


def _described(original: Callable[..., Any], function: Any, *args: Any, **more: Any) -> Any:
    described = original(function, *args, **more)
    if target := dead_letter_target(function):
        described["DeadLetterConfig"] = {"TargetArn": target}
    return described


def _require_free_names(variables: Iterable[str]) -> None:
    if taken := sorted(_RESERVED.intersection(variables)):
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used "
            f"in this request: {', '.join(taken)}"
        )
