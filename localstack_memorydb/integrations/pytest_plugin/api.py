"""The few calls of the MemoryDB API that the fixtures make themselves.

Not by boto3, which takes longer for a call than the emulator for its answer, and half a second until it is imported: a suite
need not have it.
"""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

_TIMEOUT_SECONDS: Final = 120
_NOT_FOUND: Final = frozenset(
    {"ClusterNotFoundFault", "ACLNotFoundFault", "UserNotFoundFault", "ParameterGroupNotFoundFault"}
)


class Refusal(Exception):
    """The emulator refused a call; `code` is the error's name, such as ClusterNotFoundFault."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"An error occurred ({code}) when calling the {operation} operation: {message}")
        self.code = code

    @property
    def is_absence(self) -> bool:
        """Whether what the call is about is not there."""
        return self.code in _NOT_FOUND


class Api:
    """MemoryDB at an endpoint, over a connection that is kept open."""

    def __init__(self, endpoint_url: str, region: str) -> None:
        self._url = urlsplit(endpoint_url)
        self._region = region
        self._connection: http.client.HTTPConnection | None = None

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """The operation's answer. Raises Refusal, or OSError when nobody answers."""
        kept = self._connection is not None
        try:
            status, answer = self._exchange(operation, params)
        except (http.client.HTTPException, OSError):
            self.close()
            if not kept:
                raise
            status, answer = self._exchange(operation, params)  # it was closed for being idle
        if status != http.client.OK:
            code = str(answer.get("__type", f"HTTP {status}")).rpartition("#")[2]
            raise Refusal(operation, code, answer.get("message") or answer.get("Message") or "")
        return answer

    def _exchange(self, operation: str, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(self._url.hostname or "", self._url.port, timeout=_TIMEOUT_SECONDS)
        now = datetime.now(UTC)
        scope = f"test/{now:%Y%m%d}/{self._region}/memorydb/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonMemoryDB.{operation}",
            "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
            # Emulators read account and Region in it, and look at no signature.
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
        }
        self._connection.request("POST", self._url.path or "/", json.dumps(params).encode(), headers)
        with self._connection.getresponse() as response:
            body = response.read()
        try:
            answer = json.loads(body or b"{}")
        except ValueError:
            answer = {"message": body[:200].decode("utf-8", "replace")}
        return response.status, answer

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
