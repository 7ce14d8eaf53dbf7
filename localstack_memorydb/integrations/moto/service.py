"""MemoryDB as a service of moto: HTTP requests in, answers out, emptied when moto is reset."""

from __future__ import annotations

import logging
import os
import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from localstack_memorydb.integrations.emulator import Emulator
from localstack_memorydb.integrations.moto import wire
from localstack_memorydb.integrations.moto.ports import account_of_key

if TYPE_CHECKING:
    from moto.core.base_backend import BackendDict

_LOG = logging.getLogger(__name__)
_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/[^/]+/(?P<region>[^/]+)/")
_DEFAULT_REGION = "us-east-1"


class Service:
    """Answers MemoryDB requests for one emulator; the caller's account and region follow moto's own rules."""

    def __init__(self, emulator: Emulator, states: BackendDict[Any]) -> None:
        self.emulator = emulator
        self._states = states

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> wire.Answer:
        """The answer to one HTTP request. Never raises: what goes wrong has an AWS error code."""
        request_id = str(uuid.uuid4())
        try:
            answer = self._answer(path, headers, body, request_id)
        except wire.WireError as error:
            answer = wire.protocol_of(path).error(error.code, error.message, error.status)
        answer.headers["x-amzn-RequestId"] = request_id
        return answer

    def _answer(self, path: str, headers: Mapping[str, str], body: bytes, request_id: str) -> wire.Answer:
        from localstack_memorydb.provider import Fault

        request = wire.read(path, headers, body)
        account, region = _account(headers), _region(headers)
        self._remember(account)
        try:
            result = self.emulator.invoke(
                request.operation,
                request.params,
                account=account,
                region=region,
                partition=_partition(region),
                request_id=request_id,
                user_agent=headers.get("User-Agent", ""),
            )
            return request.protocol.result(result)
        except Fault as fault:
            return request.protocol.error(fault.code, fault.message, fault.status)
        except Exception:
            _LOG.exception("MemoryDB %s failed", request.operation)
            return request.protocol.error("InternalFailure", f"MemoryDB.{request.operation} failed", 500)

    def _remember(self, account: str) -> None:
        """Touch moto's state of this account: moto resets what has been touched and nothing else."""
        self._states[account][_DEFAULT_REGION]


def _scope(headers: Mapping[str, str]) -> re.Match[str] | None:
    return _SCOPE.search(headers.get("Authorization", ""))


def _region(headers: Mapping[str, str]) -> str:
    scope = _scope(headers)
    return scope["region"] if scope else _DEFAULT_REGION


def _account(headers: Mapping[str, str]) -> str:
    """The account by moto's rule: MOTO_ACCOUNT_ID, the header, the owner of the access key, the default."""
    if chosen := os.environ.get("MOTO_ACCOUNT_ID") or headers.get("x-moto-account-id"):
        return chosen
    scope = _scope(headers)
    return account_of_key(scope["key"] if scope else "")


def _partition(region: str) -> str:
    from moto.utilities.utils import get_partition

    return str(get_partition(region))


def states_of(emulator: Emulator) -> BackendDict[Any]:
    """What moto resets at the start and end of mock_aws and on POST /moto-api/reset."""
    from moto.core.base_backend import BackendDict, BaseBackend

    class MemoryDBState(BaseBackend):
        # moto finds a service's URLs by the module that its state claims to come from.
        __module__ = "moto.memorydb.models"

        def reset(self) -> None:
            emulator.reset()

    return BackendDict(MemoryDBState, "memorydb")
