"""API calls as CloudTrail records them: https://docs.aws.amazon.com/memorydb/latest/devguide/logging-using-cloudtrail.html

EventBridge gets the calls that change something, in this form:
https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-memorydb.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from localstack_memorydb.provider import model
from localstack_memorydb.provider.access_strings import HIDDEN, without_passwords
from localstack_memorydb.provider.context import Call
from localstack_memorydb.provider.faults import Fault

SOURCE: Final = "aws.memorydb"
DETAIL_TYPE: Final = "AWS API Call via CloudTrail"
_SERVICE: Final = ".amazonaws.com"
_LOOKING: Final = ("Describe", "List")
_SECRET_SHAPES: Final = frozenset({"PasswordListInput"})


def changes(operation: str) -> bool:
    """Whether an operation does more than to look."""
    return not operation.startswith(_LOOKING)


def record(
    operation: str,
    call: Call,
    params: Mapping[str, Any],
    answer: Mapping[str, Any] | None,
    fault: Fault | None,
) -> dict[str, Any] | None:
    """The record of a call that was answered, or refused with a fault; None for an operation that there is not."""
    described = model.operations().get(operation)
    if described is None:
        return None
    told = answer if changes(operation) else None
    made: dict[str, Any] = {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "Root",
            "principalId": call.account,
            "arn": f"arn:{call.partition}:iam::{call.account}:root",
            "accountId": call.account,
        },
        "eventTime": _moment(call.now),
        "eventSource": "memorydb.amazonaws.com",
        "eventName": operation,
        "awsRegion": call.region,
        "sourceIPAddress": call.user_agent if call.user_agent.endswith(_SERVICE) else "127.0.0.1",
        "userAgent": call.user_agent,
        "requestParameters": _shown(described.input, params) or None,
        "responseElements": None if told is None else _shown(described.output, told),
        "requestID": call.request_id or str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": not changes(operation),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.account,
        "eventCategory": "Management",
    }
    if fault is not None:
        made |= {"errorCode": fault.code, "errorMessage": fault.message}
    return made


def without_secrets(operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a call as a log may have them."""
    described = model.operations().get(operation)
    return {} if described is None else _shown(described.input, params, str)


def _member(name: str) -> str:
    """A member's name in a record."""
    return name[:1].lower() + name[1:]


def _shown(shape: model.Shape, value: Any, named: Callable[[str], str] = _member) -> Any:
    """A value as the record has it. What the model does not allow is left out: nobody knows what is in it."""
    if shape.name in _SECRET_SHAPES:
        return [HIDDEN] * (len(value) if isinstance(value, Sequence) and not isinstance(value, str) else 1)
    match shape.kind:
        case "structure":
            members = value.items() if isinstance(value, Mapping) else ()
            return {
                named(name): _shown(shape.members[name].shape, item, named)
                for name, item in members
                if name in shape.members and item is not None
            }
        case "list":
            items = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else ()
            return [_shown(shape.element, item, named) for item in items] if shape.element else []
        case "timestamp" if isinstance(value, datetime):
            return _moment(value)
        case "string" if isinstance(value, str) and (not shape.enum or value in shape.enum):
            return without_passwords(value) if shape.name == "AccessString" else value
        case "integer" | "double" | "boolean" | "timestamp" if isinstance(value, int | float):
            return value
        case _:
            return None


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
