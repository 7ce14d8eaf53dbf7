"""The emulator inside LocalStack: its settings, its pages, what LocalStack has to be told about the API."""

from __future__ import annotations

import dataclasses
import logging
import os
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localstack_memorydb.integrations.emulator import NO_SUCH_PAGE, PAGES, Emulator
from localstack_memorydb.settings import Settings

if TYPE_CHECKING:
    from localstack_memorydb.integrations.lambda_runtime import Runner

_LOG = logging.getLogger(__name__)


@cache
def settings() -> Settings:
    """The user's settings; with PERSISTENCE=1 the data directory is LocalStack's own unless one is chosen."""
    from localstack import config

    chosen = Settings.from_environ(os.environ)
    if chosen.data_dir is None and config.PERSISTENCE:
        return dataclasses.replace(chosen, data_dir=Path(config.dirs.data) / "memorydb")
    return chosen


@cache
def emulator() -> Emulator:
    """The one emulator of this LocalStack."""
    return Emulator(settings(), _ports)


def _ports() -> Any:
    from localstack_memorydb.integrations.localstack.ports import ports

    return ports()


def restore() -> None:
    """Start the clusters of the last run, if their state was kept. Raises SettingsError."""
    if settings().data_dir is not None:
        emulator().open()


def advise() -> None:
    """Warn of nodes that clients will not reach, though they reach the gateway."""
    from localstack import config

    if advice := next(filter(None, (settings().advice(place.host) for place in config.GATEWAY_LISTEN)), None):
        _LOG.warning(advice)


@cache
def runner() -> Runner:
    """What runs Lambda functions without Docker."""
    from localstack_memorydb.integrations.lambda_runtime import Runner

    return Runner(lambda: emulator().ca_certificate)


def choose_what_works_here() -> None:
    """Lambda without Docker and DynamoDB without Java, where the user chose nothing and LocalStack's own are out.

    LAMBDA_RUNTIME_EXECUTOR and CONTAINER_RUNTIME, LocalStack's own settings, win over everything. Whether Docker
    answers is asked when the first function needs to know.
    """
    from localstack import config

    from localstack_memorydb.integrations.localstack.dynamodb import choose_provider

    choose_provider()
    if settings().lambda_runner != "host" and not _executor_is_chosen():
        config.LAMBDA_RUNTIME_EXECUTOR = "local"


@cache
def functions_run_here() -> bool:
    """Whether the executor that LocalStack was given is to be ours: by the user's choice, or for want of Docker."""
    if _executor_is_chosen() or settings().lambda_runner == "local":
        return True
    from localstack.utils.docker_utils import DOCKER_CLIENT

    with redirect_stdout(StringIO()):  # it prints an error when there is none
        return not DOCKER_CLIENT.has_docker()


def _executor_is_chosen() -> bool:
    return not {"LAMBDA_RUNTIME_EXECUTOR", "CONTAINER_RUNTIME"}.isdisjoint(os.environ)


def close() -> None:
    """Free every port, if there is anything to free."""
    if runner.cache_info().currsize:
        runner().close()
    if emulator.cache_info().currsize:
        emulator().close()


def accept_rpc_v2_cbor() -> None:
    """Let LocalStack parse the protocol that SDKs of today prefer.

    botocore lists smithy-rpc-v2-cbor for MemoryDB since 1.44.5, LocalStack pins an older model without it. The
    loader caches its models, so a change stays. The model's error shapes have no members, which would leave
    CBOR errors without their message.
    """
    from localstack.aws import spec

    model = spec.loader.load_service_model("memorydb", "service-2")
    metadata = model["metadata"]
    protocols = metadata.setdefault("protocols", [metadata["protocol"]])
    if "smithy-rpc-v2-cbor" not in protocols:
        protocols.append("smithy-rpc-v2-cbor")
    for shape in model["shapes"].values():
        if shape.get("exception") and not shape.get("members"):
            shape["members"] = {"message": {"shape": "String"}}


def add_pages() -> None:
    """Serve the CA certificate beside the API, where the stand-alone host has it too, and metrics on request."""
    from localstack.http import Response
    from localstack.services.edge import ROUTER
    from localstack.services.internal import get_internal_apis

    def ca_certificate(request: Any) -> Any:
        return Response(emulator().ca_certificate, mimetype="application/x-pem-file")

    def rotate_ca(request: Any) -> Any:
        return Response(emulator().rotate_ca(), mimetype="application/x-pem-file")

    def metrics(request: Any) -> Any:
        from localstack_memorydb.provider import MetricsUnavailable

        try:
            emulator().publish_metrics()
        except MetricsUnavailable as error:
            return Response(f"{error}\n", status=503, mimetype="text/plain")
        return Response(status=204)

    def nothing(request: Any, **_: Any) -> Any:
        return Response(NO_SUCH_PAGE, status=404, mimetype="text/plain")

    ROUTER.add(PAGES, nothing)
    ROUTER.add(f"{PAGES}<path:page>", nothing)
    ROUTER.add("/_memorydb/metrics", metrics, methods=["POST"])
    ROUTER.add("/_memorydb/ca/rotate", rotate_ca, methods=["POST"])
    ROUTER.add("/_memorydb/ca.pem", ca_certificate, methods=["GET", "HEAD"])
    get_internal_apis().add("/_localstack/memorydb", ca_certificate, methods=["GET", "HEAD"])
