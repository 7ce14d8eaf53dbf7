"""LocalStack's service provider: every operation of the model goes to the emulator."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.spec import load_service
from localstack.services.plugins import ServiceLifecycleHook

from localstack_memorydb.integrations.localstack import host
from localstack_memorydb.provider import Fault, without_secrets


class LocalStackProvider(ServiceLifecycleHook):
    """A table of all operations instead of one method each: the emulator knows them, LocalStack need not."""

    service = "memorydb"

    def dispatch_table(self) -> dict[str, Callable[[RequestContext, dict[str, Any]], dict[str, Any]]]:
        return {
            operation: partial(self.call, operation)
            for operation in load_service(self.service).operation_names
        }

    def on_before_state_reset(self) -> None:
        """Forgets everything when LocalStack does; its community edition has no command for it."""
        host.emulator().reset()

    def call(self, operation: str, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """One call; a fault becomes the error that LocalStack serialises with the fault's own code and status."""
        try:
            return host.emulator().invoke(
                operation,
                request,
                account=context.account_id,
                region=context.region,
                partition=context.partition,
                request_id=context.request_id or "",
                user_agent=context.request.headers.get("User-Agent", ""),
            )
        except Fault as fault:
            sender = fault.status < 500
            raise CommonServiceException(fault.code, fault.message, fault.status, sender) from None
        finally:
            # LocalStack logs the request when it is answered: with LS_LOG=trace as it is.
            context.service_request = without_secrets(operation, request)
