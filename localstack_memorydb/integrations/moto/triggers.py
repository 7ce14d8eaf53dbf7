"""What moto's topics, rules, buckets, Kinesis streams and log groups do with functions, where it is not what AWS does.

moto calls a function in the middle of the request that triggers it. The function's failure must not become the
request's, and an event must name the topic that it comes from.
"""

from __future__ import annotations

import copy
import inspect
import json
import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from moto.awslambda import models
from moto.awslambda.exceptions import LambdaClientError
from moto.events.models import Rule
from moto.events.utils import EventTemplateParser
from moto.s3 import notifications
from moto.sns.models import Subscription

from localstack_memorydb.integrations.moto.wrapping import wrap

_LOG = logging.getLogger(__name__)
_APART: Final = ("send_kinesis_message", "send_log_event")

# The subscription that is published to, and the arguments of that.
_published: ContextVar[tuple[Any, dict[str, Any]]] = ContextVar("published")


def take_over() -> None:
    """Correct the triggers of this process, for good."""
    for trigger in _APART:
        wrap(models.LambdaBackend, trigger, _apart)
    wrap(models.LambdaBackend, "send_sns_message", _notified)
    wrap(models.LambdaBackend, "delete_event_source_mapping", _unhooked)
    wrap(Subscription, "publish", _remembering)
    wrap(Rule, "send_to_targets", _with_functions)
    wrap(notifications, "_invoke_awslambda", _written)


def _apart(original: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Never let a write fail because of a function that it triggers."""
    try:
        return original(*args, **named)
    except LambdaClientError as error:
        _LOG.warning("A function was not called: %s", error)
        return None


def _unhooked(original: Callable[..., Any], backend: Any, uuid: str) -> Any:
    """Let a deleted mapping call nobody: moto leaves it with its stream."""
    deleted = original(backend, uuid)
    streams = models.kinesis_backends[backend.account_id][backend.region_name].streams
    for source in streams.values():
        mappings = source.lambda_event_source_mappings
        for key in [key for key, mapping in mappings.items() if mapping is deleted]:
            del mappings[key]
    return deleted


def _remembering(original: Callable[..., Any], subscription: Any, *args: Any, **named: Any) -> Any:
    """Keep what is published where `_notified` finds it: moto tells a function's message and subject only."""
    arguments = inspect.signature(original).bind(subscription, *args, **named).arguments
    token = _published.set((subscription, arguments))
    try:
        return original(subscription, *args, **named)
    finally:
        _published.reset(token)


def _notified(
    original: Callable[..., Any],
    backend: Any,
    function_name: str,
    message: str,
    subject: str | None = None,
    qualifier: str | None = None,
) -> None:
    """Call a function with a notification, asynchronously, as SNS does.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    """
    subscription, given = _published.get()
    said = subscription.get_post_data(
        message, given["message_id"], subject, message_attributes=given.get("message_attributes")
    )
    notification = {
        name.removesuffix("URL") + "Url" if name.endswith("URL") else name: said[name] for name in said
    }
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": {"Subject": None, "MessageAttributes": {}, **notification},
    }
    _hand_over(backend, function_name, {"Records": [record]}, qualifier)


def _hand_over(backend: Any, function: str, event: Any, qualifier: str | None = None) -> None:
    """Invoke a function asynchronously: the caller goes on, whatever becomes of it."""
    kind = {"X-Amz-Invocation-Type": "Event"}
    _apart(backend.invoke, function, qualifier, json.dumps(event), kind, {})


def _written(original: Callable[..., Any], account: str, event: Any, arn: str, region: str) -> None:
    """Call a function with what has happened to an object."""
    _hand_over(models.lambda_backends[account][region], arn, event)


def _with_functions(
    original: Callable[..., Any], rule: Any, event: Any, transform_input: bool = True
) -> None:
    """Call the functions that are targets of a rule, which moto refuses, and nothing of one that is disabled.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    """
    if rule.state == "DISABLED":
        return
    functions = [target for target in rule.targets if target["Arn"].split(":")[2] == "lambda"]
    others = copy.copy(rule)
    others.targets = [target for target in rule.targets if target not in functions]
    original(others, event, transform_input)
    if rule.event_pattern.matches_event(event):
        for target in functions:
            _, _, _, region, account, *_ = target["Arn"].split(":")
            _hand_over(models.lambda_backends[account][region], target["Arn"], _input(target, event))


def _input(target: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """What a target is given: the event, a part of it, a text made from it, or something else altogether."""
    said = {name: value for name, value in event.items() if name != "ingestion-time"}
    if not isinstance(said["time"], str):
        said["time"] = datetime.fromtimestamp(said["time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if "Input" in target:
        return json.loads(target["Input"])
    if path := target.get("InputPath"):
        from jsonpath_ng.ext.parser import parse

        return next((found.value for found in parse(path).find(said)), None)
    if transformer := target.get("InputTransformer"):
        whole = {**said, "ingestion-time": event["ingestion-time"]}
        paths = transformer.get("InputPathsMap", {})
        return EventTemplateParser.parse(transformer["InputTemplate"], paths, whole)
    return said
