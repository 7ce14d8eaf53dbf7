"""Where the results of asynchronous invocations go: queues, topics, functions and event buses.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import logging
import uuid
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
    if destination := configured.get("DestinationConfig", {}).get(result, {}).get("Destination"):
        send(destination, record(invocation, outcome, version, attempts), client)


def send(destination: str, said: dict[str, Any], client: Callable[[str], Any]) -> None:
    """Send what there is to say to the service that the destination's ARN names."""
    service = destination.split(":")[2]
    if service not in _SENDERS:
        _LOG.warning("The destination %s is of no service that functions report to", destination)
        return
    try:
        _SENDERS[service](client(service), destination, said)
    except Exception:
        _LOG.exception("The result of an invocation could not be sent to %s", destination)


def bury(target: str, invocation: Invocation, outcome: Outcome, client: Callable[[str], Any]) -> None:
    """Send an event that was given up to the function's dead letter queue (or topic), as it was.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html names the attributes.
    """
    reason = json.loads(outcome.payload).get("errorMessage", "")
    told = {
        "RequestID": invocation.request_id,
        "ErrorCode": "200",
        "ErrorMessage": reason[:1024] or "Unhandled",
    }
    attributes = {
        name: {"DataType": "Number" if name == "ErrorCode" else "String", "StringValue": text}
        for name, text in told.items()
    }
    body = invocation.payload.decode()
    try:
        match service := target.split(":")[2]:
            case "sqs":
                url = _url(client(service), target)
                client(service).send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
            case _:
                client(service).publish(TopicArn=target, Message=body, MessageAttributes=attributes)
    except Exception:
        _LOG.exception("An event that was given up could not be sent to %s", target)


def record(invocation: Invocation, outcome: Outcome, version: str, attempts: int) -> dict[str, Any]:
    """What a destination is told."""
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": version}
    if outcome.failed:
        response["functionError"] = "Unhandled"
    arn = invocation.arn if version != "$LATEST" else f"{invocation.arn}:$LATEST"
    condition = "RetriesExhausted" if outcome.failed else "Success"
    return {
        **envelope(arn, condition, attempts, response, invocation.request_id),
        "requestPayload": json.loads(invocation.payload),
        "responsePayload": json.loads(outcome.payload),
    }


def envelope(
    arn: str, condition: str, attempts: int, response: Mapping[str, Any], request_id: str = ""
) -> dict[str, Any]:
    """What the record of an invocation and that of a batch have in common."""
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request_id or str(uuid.uuid4()),
            "functionArn": arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "responseContext": dict(response),
    }


def clients(endpoint: str, account: str, region: str) -> Callable[[str], Any]:
    """Clients of this host, in the function's account and Region."""
    session = boto3.Session(account, "test", region_name=region)
    return lambda service: session.client(service, endpoint_url=endpoint)


def _to_queue(sqs: Any, arn: str, said: dict[str, Any]) -> None:
    sqs.send_message(QueueUrl=_url(sqs, arn), MessageBody=json.dumps(said))


def _url(sqs: Any, arn: str) -> str:
    return str(sqs.get_queue_url(QueueName=arn.rsplit(":", maxsplit=1)[-1])["QueueUrl"])


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
