"""Lambda's Runtime API: how the process of a function asks for events and answers them.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import re
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from localstack_memorydb.integrations.lambda_runtime.function import Invocation

LARGEST_RESPONSE: Final = 6_291_556  # bytes, as Lambda has it in its error's text
_VERSION: Final = "/2018-06-01/runtime"
_ANSWER: Final = re.compile(rf"{_VERSION}/invocation/(?P<request_id>[^/]+)/(?P<kind>response|error)")


class Happened(Enum):
    """What a process can do that its environment waits for."""

    READY = auto()
    RESPONSE = auto()
    ERROR = auto()
    INIT_ERROR = auto()
    EXITED = auto()


@dataclass(frozen=True, slots=True)
class Event:
    """One of them, with what the process sent, or the code it exited with."""

    what: Happened
    request_id: str = ""
    body: bytes = b""
    code: int = 0


class RuntimeApi:
    """The API of one process, on a loopback port of its own. What happens is put into `events`."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._offered: queue.SimpleQueue[tuple[Invocation, float] | None] = queue.SimpleQueue()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="lambda-runtime-api", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        """A thread for each connection. (serve_forever would wake up again and again, in each idle environment.)"""
        while not self._closed:
            try:
                connection, client = self._server.get_request()
            except OSError:
                return
            self._server.process_request(connection, client)

    @property
    def address(self) -> str:
        """For AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_port}"

    def offer(self, invocation: Invocation, seconds: float) -> None:
        """Give the process an event; it has `seconds` from now."""
        self._offered.put((invocation, time.time() + seconds))

    def next(self) -> tuple[bytes, Mapping[str, str]] | None:
        """Wait for an event: its body and headers, or None when the API is closed."""
        self.events.put(Event(Happened.READY))
        offered = self._offered.get()
        if offered is None:
            return None
        invocation, deadline = offered
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
            "Lambda-Runtime-Client-Context": invocation.client_context,
        }
        return invocation.payload, {name: value for name, value in headers.items() if value}

    def answer(self, request_id: str, kind: str, body: bytes) -> int:
        """Take a response or an error; the HTTP status to answer with."""
        if len(body) > LARGEST_RESPONSE:
            message = (
                f"Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes)."
            )
            error = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
            self.events.put(Event(Happened.ERROR, request_id, json.dumps(error).encode()))
            return 413
        what = Happened.RESPONSE if kind == "response" else Happened.ERROR
        self.events.put(Event(what, request_id, body))
        return 202

    def close(self) -> None:
        """Free the port and let go of a process that waits for an event."""
        self._offered.put(None)
        self._closed = True
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._server.server_port), timeout=1):
            pass  # wakes the thread that accepts
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    api: RuntimeApi


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    server: _Server

    def do_GET(self) -> None:
        if self.path != f"{_VERSION}/invocation/next":
            self._send(404)
            return
        given = self.server.api.next()
        if given is None:
            self.close_connection = True
        else:
            body, headers = given
            self._send(200, body, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == f"{_VERSION}/init/error":
            self.server.api.events.put(Event(Happened.INIT_ERROR, body=body))
            self._send(202, b'{"status":"OK"}\n')
        elif match := _ANSWER.fullmatch(self.path):
            status = self.server.api.answer(match["request_id"], match["kind"], body)
            self._send(status, b'{"status":"OK"}\n' if status == 202 else b"{}")
        else:
            self._send(404)

    def _send(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the process ended between two bytes
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Requests of functions are nobody's news."""
