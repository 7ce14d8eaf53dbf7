"""Where the results of asynchronous invocations go: queues, topics, functions and event buses.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import boto3

from localstack_memorydb.integrations.lambda_runtime import Invocation, Outcome

_LOG = logging.getLogger(__name__)


def tell(
    configured: Mapping[str, Any],
    invocation: Invocation,
    outcome: Outcome,
    version: str,
    attempts: int,
    client: Callable[[str], Any],
) -> None:
    """Send the record of an invocation to the destination that the function has for its result, if it has one."""
    result = "OnFailure" if outcome.failed else "OnSuccess"
    destination = configured.get("DestinationConfig", {}).get(result, {}).get("Destination")
    if not destination:
        return
    service = destination.split(":")[2]
    if service not in _SENDERS:
        _LOG.warning("The destination %s is of no service that functions report to", destination)
        return
    try:
        _SENDERS[service](client(service), destination, record(invocation, outcome, version, attempts))
    except Exception:
        _LOG.exception("The result of an invocation could not be sent to %s", destination)


def record(invocation: Invocation, outcome: Outcome, version: str, attempts: int) -> dict[str, Any]:
    """What a destination is told."""
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": version}
    if outcome.failed:
        response["functionError"] = "Unhandled"
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": invocation.arn if version != "$LATEST" else f"{invocation.arn}:$LATEST",
            "condition": "RetriesExhausted" if outcome.failed else "Success",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": json.loads(invocation.payload),
        "responseContext": response,
        "responsePayload": json.loads(outcome.payload),
    }


def clients(endpoint: str, account: str, region: str) -> Callable[[str], Any]:
    """Clients of this host, in the function's account and Region."""
    session = boto3.Session(account, "test", region_name=region)
    return lambda service: session.client(service, endpoint_url=endpoint)


def _to_queue(sqs: Any, arn: str, said: dict[str, Any]) -> None:
    url = sqs.get_queue_url(QueueName=arn.rsplit(":", maxsplit=1)[-1])["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(said))


def _to_topic(sns: Any, arn: str, said: dict[str, Any]) -> None:
    sns.publish(TopicArn=arn, Message=json.dumps(said))


def _to_function(functions: Any, arn: str, said: dict[str, Any]) -> None:
    functions.invoke(FunctionName=arn, InvocationType="Event", Payload=json.dumps(said))


def _to_bus(events: Any, arn: str, said: dict[str, Any]) -> None:
    result = "Failure" if "functionError" in said["responseContext"] else "Success"
    entry = {
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {result}",
        "Detail": json.dumps(said),
        "EventBusName": arn,
        "Resources": [said["requestContext"]["functionArn"]],
    }
    events.put_events(Entries=[entry])


_SENDERS: Final[dict[str, Callable[[Any, str, dict[str, Any]], None]]] = {
    "sqs": _to_queue,
    "sns": _to_topic,
    "lambda": _to_function,
    "events": _to_bus,
}
