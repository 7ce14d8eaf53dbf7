"""The two wire protocols of the MemoryDB API: AWS JSON 1.1 and Smithy RPC v2 CBOR.

https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

TARGET_PREFIX = "AmazonMemoryDB"
NAMESPACE = "com.amazonaws.memorydb"
_CBOR_ROOT = f"/service/{TARGET_PREFIX}/"
_CBOR_PATH = re.compile(rf"/service/{TARGET_PREFIX}/operation/(?P<operation>\w+)/?")


class WireError(Exception):
    """A request that does not come as far as the API; `code` and `status` are what AWS answers."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, slots=True)
class Request:
    """One call: the operation's name, its parameters, and the protocol that the answer has to use."""

    operation: str
    params: dict[str, Any] = field(repr=False)
    protocol: Wire


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out: status, headers, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire(Protocol):
    """One protocol: bytes to parameters, results and errors to bytes."""

    def decode(self, body: bytes) -> Any: ...

    def result(self, value: Mapping[str, Any]) -> Answer: ...

    def error(self, code: str, message: str, status: int) -> Answer: ...


class Json11:
    """AWS JSON 1.1: timestamps are seconds since the epoch, blobs are base64."""

    def decode(self, body: bytes) -> Any:
        return json.loads(body or b"{}")

    def result(self, value: Mapping[str, Any]) -> Answer:
        return self._answer(200, value)

    def error(self, code: str, message: str, status: int) -> Answer:
        return self._answer(status, {"__type": code, "message": message}, {"x-amzn-ErrorType": code})

    @staticmethod
    def _answer(status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        body = json.dumps(value, default=_json_value, separators=(",", ":")).encode()
        return Answer(status, {"Content-Type": "application/x-amz-json-1.1", **(headers or {})}, body)


class RpcV2Cbor:
    """Smithy RPC v2 CBOR: timestamps are tag 1, the error's shape is named in `__type`."""

    def decode(self, body: bytes) -> Any:
        import cbor2

        return cbor2.loads(body) if body else {}

    def result(self, value: Mapping[str, Any]) -> Answer:
        return self._answer(200, value)

    def error(self, code: str, message: str, status: int) -> Answer:
        return self._answer(status, {"__type": f"{NAMESPACE}#{code}", "message": message})

    @staticmethod
    def _answer(status: int, value: Mapping[str, Any]) -> Answer:
        import cbor2

        body = cbor2.dumps(dict(value), datetime_as_timestamp=True, timezone=UTC)
        return Answer(status, {"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}, body)


def read(path: str, headers: Mapping[str, str], body: bytes) -> Request:
    """The call that an HTTP request makes; WireError for one that cannot be read."""
    protocol = protocol_of(path)
    operation = _operation(path, headers)
    try:
        params = protocol.decode(body)
    except Exception as error:  # whatever the decoder makes of bytes that are not of its format
        raise WireError("SerializationException", "The request body could not be read") from error
    if not isinstance(params, dict):
        raise WireError("SerializationException", "The request body is not a structure")
    return Request(operation, _with_timestamps(operation, params), protocol)


def protocol_of(path: str) -> Wire:
    """The protocol of a request, known by its path even when the rest cannot be read."""
    return RpcV2Cbor() if path.startswith(_CBOR_ROOT) else Json11()


def is_memorydb(path: str, headers: Mapping[str, str]) -> bool:
    """Whether a request on a port that serves many services is for MemoryDB."""
    if headers.get("X-Amz-Target", "").startswith(f"{TARGET_PREFIX}.") or path.startswith(_CBOR_ROOT):
        return True
    return "/memorydb/aws4_request" in headers.get("Authorization", "")


def _operation(path: str, headers: Mapping[str, str]) -> str:
    if match := _CBOR_PATH.fullmatch(path):
        return match["operation"]
    prefix, _, operation = headers.get("X-Amz-Target", "").partition(".")
    if prefix != TARGET_PREFIX or not operation:
        raise WireError("UnknownOperationException", "The request names no operation of Amazon MemoryDB")
    return operation


def _json_value(value: Any) -> Any:
    match value:
        case datetime():
            return value.timestamp()
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return list(value)


@cache
def _timestamp_members() -> dict[str, tuple[str, ...]]:
    """Operation -> members of its input that are timestamps (all of them stand at the top level)."""
    from botocore.session import Session

    model = Session().get_service_model("memorydb")
    found = {}
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        members = shape.members.items() if shape else ()
        found[name] = tuple(member for member, kind in members if kind.type_name == "timestamp")
    return found


def _with_timestamps(operation: str, params: dict[str, Any]) -> dict[str, Any]:
    for member in _timestamp_members().get(operation, ()):
        value = params.get(member)
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                params[member] = datetime.fromtimestamp(value, UTC)
            except (ValueError, OverflowError, OSError):
                raise WireError("SerializationException", f"{member} is not a timestamp") from None
    return params
