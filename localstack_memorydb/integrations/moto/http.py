"""HTTP for the stand-alone host: every answer in one write, connections kept open.

werkzeug's development server sends headers and body in separate writes and closes each connection. Terraform's
AWS provider sends a request again when the connection ends between the two.
"""

from __future__ import annotations

import io
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import IO, Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, DechunkedInput, make_server

from localstack_memorydb.integrations.moto.wire import is_memorydb

_LOG = logging.getLogger(__name__)
_IDLE_SECONDS = 75
_LINGER_SECONDS = 1.0
# Bytes. No call of this API comes near the first; the second is the largest object that S3 takes in one request.
_LARGEST_CALL = 1 << 20
_LARGEST_BODY = 5 << 30
_PIECE = 1 << 20

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _TooLarge(Exception):
    """A request's body is larger than anything that this host takes."""


class _Complete:
    """A request's body that ends too early is an error to whoever reads it.

    DechunkedInput does not notice that a chunk is cut off: its buffer shrinks, and Python copies memory from behind it.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self.readline = source.readline
        self._source = source

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        if len(data) < size:
            raise OSError("the request ended before its body did")
        return data


class OneWriteHandler(MotoRequestHandler):
    """One request in, one write out; the body is read whole first, so the connection can be used again."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    def run_wsgi(self) -> None:
        self.environ = environ = self.make_environ()
        try:
            body = self._request_body(environ)
        except _TooLarge:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        except (OSError, ValueError):
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        self.wfile.write(self._answer(environ))

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer a request whose body was not read, so that the connection cannot go on."""
        self.close_connection = True
        line = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.wfile.write(line.encode())

    def _request_body(self, environ: dict[str, Any]) -> bytes:
        largest = _LARGEST_CALL if is_memorydb(environ["PATH_INFO"], self.headers) else _LARGEST_BODY
        if environ.get("wsgi.input_terminated"):
            return self._chunks(largest)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > largest:
            raise _TooLarge
        body = self.rfile.read(length) if length > 0 else b""
        if len(body) != max(length, 0):
            raise ValueError("the request ended before its body did")
        return body

    def _chunks(self, largest: int) -> bytes:
        """A body whose length is not told in advance."""
        source = DechunkedInput(_Complete(self.rfile))  # type: ignore[arg-type] # it only reads
        body = io.BytesIO()
        while piece := source.read(_PIECE):
            body.write(piece)
            if body.tell() > largest:
                raise _TooLarge
        return body.getvalue()

    def _answer(self, environ: dict[str, Any]) -> bytes:
        status, headers, body = self._run(environ)
        code = int(status.split(None, 1)[0])
        bodiless = code in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED} or code < HTTPStatus.OK
        lines = [f"HTTP/1.1 {status}", f"Server: {self.version_string()}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in headers if name.lower() != "connection"]
        if not bodiless and not any(name.lower() == "content-length" for name, _ in headers):
            lines.append(f"Content-Length: {len(body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        return head if bodiless or self.command == "HEAD" else head + body

    def _run(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        """The application's answer, whole. An application that fails answers 500."""
        written: list[bytes] = []
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = [(status, headers)]
            return written.append

        try:
            chunks = self.server.app(environ, start_response)
            try:
                written.extend(chunks)
            finally:
                if close := getattr(chunks, "close", None):
                    close()
            status, headers = started[0]
        except Exception:
            _LOG.exception("%s %s failed", self.command, environ.get("PATH_INFO"))
            return "500 Internal Server Error", [("Content-Type", "text/plain")], b"Internal Server Error\n"
        return status, headers, b"".join(written)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged: the terminal belongs to the user."""

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base's
        """Nor are connections that end, such as those that were idle for too long."""


class HttpServer:
    """Serves one WSGI application on one listening socket, a thread per connection."""

    def __init__(self, listener: socket.socket, app: Wsgi) -> None:
        host, port = listener.getsockname()[:2]
        self._server: BaseWSGIServer = make_server(
            host, port, app, threaded=True, request_handler=OneWriteHandler, fd=listener.fileno()
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections; threads that wait for a client's next request die with the process."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_LINGER_SECONDS)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; OSError when the address is taken or not ours."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
