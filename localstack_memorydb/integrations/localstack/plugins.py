"""What LocalStack loads by the entry points of pyproject.toml.

This file is imported at every start of LocalStack: it imports only what LocalStack has imported already.
"""

from __future__ import annotations

import sys
from typing import Any

from localstack.runtime import hooks
from localstack.services.plugins import Service, aws_provider


@aws_provider(api="memorydb", name="default")
def memorydb() -> Any:
    """The service, made at the first request to it."""
    from localstack_memorydb.integrations.localstack.provider import LocalStackProvider

    return Service.for_provider(
        LocalStackProvider(), dispatch_table_factory=LocalStackProvider.dispatch_table
    )


@aws_provider(api="dynamodb", name="moto")
def dynamodb() -> Any:
    """DynamoDB without Java."""
    from localstack.aws.api.dynamodb import DynamodbApi

    from localstack_memorydb.integrations.localstack.dynamodb import service

    return service(DynamodbApi)


@aws_provider(api="dynamodbstreams", name="moto")
def dynamodbstreams() -> Any:
    """The streams of that DynamoDB."""
    from localstack.aws.api.dynamodbstreams import DynamodbstreamsApi

    from localstack_memorydb.integrations.localstack.dynamodb import service

    return service(DynamodbstreamsApi)


@hooks.on_infra_start()
def on_infra_start() -> None:
    """Before the gateway is up: refuse settings that cannot be used, start the clusters of the last run, make the model
    known as it is sent today.
    """
    from localstack_memorydb.integrations.localstack import host
    from localstack_memorydb.settings import SettingsError

    try:
        host.settings()
        host.restore()
    except SettingsError as error:
        sys.stderr.write(f"localstack-memorydb: {error}\n")
        sys.exit(1)
    host.accept_rpc_v2_cbor()
    host.choose_what_works_here()
    host.advise()


@hooks.on_infra_ready()
def on_infra_ready() -> None:
    """When the gateway is up: the pages."""
    from localstack_memorydb.integrations.localstack import host

    host.add_pages()


@hooks.on_infra_shutdown()
def on_infra_shutdown() -> None:
    """Before LocalStack stops its services: close the clusters, which frees their ports."""
    from localstack_memorydb.integrations.localstack import host

    host.close()
