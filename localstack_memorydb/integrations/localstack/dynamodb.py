"""DynamoDB offline: moto's implementation, inside LocalStack, where LocalStack's own cannot be started.

LocalStack runs Amazon's DynamoDB Local, a Java program that it downloads when it is first needed.
"""

from __future__ import annotations

import logging
from typing import Any

from localstack import config
from localstack.services.plugins import Service

_LOG = logging.getLogger(__name__)
_SERVICES = ("dynamodb", "dynamodbstreams")


def service(interface: type) -> Any:
    """A service whose every operation is moto's. The dispatcher wraps operations that an interface names."""
    from localstack.services.moto import MotoFallbackDispatcher

    return Service.for_provider(interface(), dispatch_table_factory=MotoFallbackDispatcher)


def choose_provider() -> None:
    """Take moto for DynamoDB and its streams if DynamoDB Local is not installed and the user chose nothing."""
    providers = config.SERVICE_PROVIDER_CONFIG
    if set(providers) & set(_SERVICES) or _dynamodb_local_is_installed():
        return
    for name in _SERVICES:
        providers.set_provider_if_not_exists(name, "moto")
    _LOG.debug("DynamoDB Local is not installed: dynamodb and dynamodbstreams are moto's")


def _dynamodb_local_is_installed() -> bool:
    try:
        from localstack.services.dynamodb.packages import dynamodblocal_package
    except TypeError:  # 4.13.1 on a Python before 3.13, whose sources LocalStack's installers do not fit
        return False
    return bool(dynamodblocal_package.get_installer().is_installed())
