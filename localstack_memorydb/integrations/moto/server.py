"""The stand-alone host: moto's server with MemoryDB in it, and the pages that LocalStack users expect."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import boto3
from moto import backend_index
from moto.core.request import Request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from localstack_memorydb import __version__
from localstack_memorydb.integrations.emulator import NO_SUCH_PAGE, PAGES, Emulator
from localstack_memorydb.integrations.moto import cloudformation, wire
from localstack_memorydb.integrations.moto.http import HttpServer, listen
from localstack_memorydb.integrations.moto.origins import is_trusted
from localstack_memorydb.integrations.moto.ports import ports
from localstack_memorydb.integrations.moto.service import Service, states_of
from localstack_memorydb.settings import Settings

if TYPE_CHECKING:
    from localstack_memorydb.integrations.moto.lambda_ import Functions

# LocalStack's rule, so that both hosts put the same things in the same account.
DEFAULT_ACCOUNT = "000000000000"
METRICS_PAGE = "/_memorydb/metrics"
ROTATION_PAGE = "/_memorydb/ca/rotate"
_FOREIGN_PAGE = "Web pages of this origin may not call here; MEMORYDB_ALLOWED_ORIGINS can allow them."
_ACCESS_KEY = re.compile(r"Credential=(?P<key>[^/,\s]+)/")
_ACCOUNT = re.compile(r"\d{12}")

StartResponse = Callable[..., Any]

# What moto's table of services has for its own use, and what LocalStack's health calls otherwise.
_NO_SERVICES: Final = frozenset({"instance_metadata", "moto_api", "moto_api._internal"})
_NAMES_OF_LOCALSTACK: Final = {"awslambda": "lambda", "resourcegroups": "resource-groups"}


class StandaloneApp:
    """The WSGI application: MemoryDB and our pages here, everything else is moto's.

    `imported` is waited for before the first request of a service: modules that two threads import at a time,
    each of which imports the other, can be seen half made.
    """

    def __init__(self, emulator: Emulator, imported: threading.Event) -> None:
        self._imported = imported
        self._emulator = emulator
        self._service = Service(emulator, states_of(emulator))
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._pages: dict[str, Callable[[], tuple[str, bytes]]] = {
            "/_localstack/health": self._health,
            "/_localstack/memorydb": self._ca_certificate,
            "/_memorydb/ca.pem": self._ca_certificate,
        }

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not is_trusted(origin, self._emulator.settings.allowed_origins):
            return _say(start_response, HTTPStatus.FORBIDDEN, f"{_FOREIGN_PAGE}\n")
        if (page := self._pages.get(path)) and environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            kind, body = page()
            start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
            return [body]
        self._imported.wait()
        if path == ROTATION_PAGE and environ["REQUEST_METHOD"] == "POST":
            body = self._emulator.rotate_ca()
            headers = [("Content-Type", "application/x-pem-file"), ("Content-Length", str(len(body)))]
            start_response("200 OK", headers)
            return [body]
        if path == METRICS_PAGE and environ["REQUEST_METHOD"] == "POST":
            self._emulator.publish_metrics()
            start_response("204 No Content", [])
            return []
        if f"{path}/".startswith(PAGES):
            return _say(start_response, HTTPStatus.NOT_FOUND, NO_SUCH_PAGE)
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", account_of(environ))
        request = Request(environ)
        if wire.is_memorydb(path, request.headers):
            return self._memorydb(path, request, start_response)
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer

    def _memorydb(self, path: str, request: Request, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._service.answer(path, request.headers, request.get_data())
        status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
        start_response(status, [*answer.headers.items(), ("Content-Length", str(len(answer.body)))])
        return [answer.body]

    def _health(self) -> tuple[str, bytes]:
        """LocalStack's form: each service is running, or available until its first request."""
        found = {name for name, _ in backend_index.backend_url_patterns} - _NO_SERVICES
        services = {_NAMES_OF_LOCALSTACK.get(name, name): "available" for name in found}
        for name in found.intersection(self._moto.app_instances):
            services[_NAMES_OF_LOCALSTACK.get(name, name)] = "running"
        services["memorydb"] = "running" if self._emulator.opened else "available"
        health = {"services": dict(sorted(services.items())), "edition": "standalone", "version": __version__}
        return "application/json", json.dumps(health).encode()

    def _ca_certificate(self) -> tuple[str, bytes]:
        self._imported.wait()
        return "application/x-pem-file", self._emulator.ca_certificate


def _say(start_response: StartResponse, status: HTTPStatus, text: str) -> Iterable[bytes]:
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [text.encode()]


@contextmanager
def _one_session() -> Iterator[None]:
    """Let boto3 hand out one session meanwhile: moto's EC2 asks three, and each reads all that EC2 can do, 0.2 s long."""
    make = boto3.Session
    one = make()
    boto3.Session = lambda *given, **named: make(*given, **named) if given or named else one
    try:
        yield
    finally:
        boto3.Session = make


def account_of(environ: Mapping[str, Any]) -> str:
    """The account of a request: a 12-digit access key names it, a key that IAM made belongs to its maker."""
    credential = _ACCESS_KEY.search(environ.get("HTTP_AUTHORIZATION", ""))
    if credential:
        key = credential["key"]
    else:
        query = parse_qs(environ.get("QUERY_STRING", ""))
        presigned = query.get("X-Amz-Credential") or query.get("AWSAccessKeyId") or [""]
        key = presigned[0].partition("/")[0]
    return account_of_key(key)


def account_of_key(key: str) -> str:
    """The account of an access key, or of nobody's."""
    if chosen := os.environ.get("MOTO_ACCOUNT_ID"):
        return chosen
    if _ACCOUNT.fullmatch(key):
        return key
    return _owner(key) or DEFAULT_ACCOUNT


def _owner(key: str) -> str | None:
    """The account whose IAM made an access key, by moto's own search; None for a key that nobody made."""
    from moto.iam.models import iam_backends

    for account, states in list(iam_backends.items()):
        if any(key in state.access_keys for state in states.values()):
            return str(account)
    return None


class StandaloneHost:
    """The running host. `port` 0 takes a free one; `url` says which. OSError when the address is taken."""

    def __init__(self, settings: Settings, port: int) -> None:
        self._listener = listen(settings.bind, port)
        self._emulator = Emulator(settings, lambda: ports(account_of_key))
        self._imported = threading.Event()
        self._functions: Functions | None = None
        self._server = HttpServer(self._listener, StandaloneApp(self._emulator, self._imported))
        port = self._listener.getsockname()[1]
        self.url = f"http://{settings.bind}:{port}"
        self._url_for_functions = self.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104

    def start(self) -> None:
        """Serve. Raises SettingsError when there is a data directory that cannot be used."""
        if self._emulator.settings.data_dir is not None:
            try:
                self._emulator.open()
            except BaseException:
                self._listener.close()
                raise
        self._server.start()
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        """Import, after `Ready.`, what the first CreateCluster needs; the first request waits for the rest of it."""
        try:
            with _one_session():
                import moto.ec2.models
            import moto.iam.models
            import moto.s3.models  # noqa: F401

            self._run_functions()
            cloudformation.register(self._emulator)
            self._emulator.open()
        finally:
            self._imported.set()

    def _run_functions(self) -> None:
        """Let moto's Lambda functions run here, unless they are to run in Docker."""
        from localstack_memorydb.integrations.moto.lambda_ import functions

        settings = self._emulator.settings
        if settings.lambda_runner != "host":
            self._functions = functions(self._emulator, lambda: self._url_for_functions)
            self._functions.take_over()

    def stop(self) -> None:
        self._server.stop()
        self._listener.close()
        if self._functions is not None:
            self._functions.close()
        self._emulator.close()
