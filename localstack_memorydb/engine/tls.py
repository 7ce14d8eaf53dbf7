"""TLS between a client's socket and its connection: bytes are decrypted before they are commands, and replies encrypted.

The event loop has TLS of its own, with which a small request cost 35 µs of processor time when it cost 14 this way. Now OpenSSL is asked
once a record, and TLS adds some 5 µs to what a request costs without, most of them in OpenSSL.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from typing import Any, Final

try:
    import resource
except ImportError:  # pragma: no cover - Windows
    resource = None  # type: ignore[assignment]

LOG: Final = logging.getLogger(__name__)

HANDSHAKE_SECONDS: Final = 10.0
_RECORD: Final = 1 << 14
"""The most bytes that a record carries (RFC 8446, 5.1): to ask for so many leaves none in OpenSSL's own buffer."""
_SPARE_FILES: Final = 128


def is_short_of_files(transport: asyncio.BaseTransport) -> bool:
    """Whether a connection takes one of the last files that the process may open: snapshots and the API need some, too.

    The system gives the lowest number that is free.
    """
    connection = transport.get_extra_info("socket")
    if resource is None or connection is None:
        return False
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most != resource.RLIM_INFINITY and bool(connection.fileno() >= most - min(most // 8, _SPARE_FILES))


class TlsConnection(asyncio.Transport, asyncio.Protocol):
    """A protocol to the socket, and to `inner` the transport that it reads from and writes to.

    `inner` is told of the connection when hands are shaken. Who takes too long for that, or does not speak TLS, is
    disconnected; so is who is no longer `welcome`, because the server was closed meanwhile.
    """

    _raw: asyncio.Transport

    def __init__(
        self,
        inner: asyncio.Protocol,
        context: ssl.SSLContext,
        loop: asyncio.AbstractEventLoop,
        welcome: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._welcome = welcome
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._established = False
        self._closing = False
        self._patience: asyncio.TimerHandle | None = None

    # -- the socket's protocol ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected; it has to say hello."""
        self._raw = transport  # type: ignore[assignment] # uvloop's own class has no common ancestor
        if is_short_of_files(transport):
            self._raw.abort()
            return
        self._patience = self._loop.call_later(HANDSHAKE_SECONDS, self.abort)

    def data_received(self, data: bytes) -> None:
        """Decrypts what has come: mostly one whole record."""
        incoming = self._incoming
        incoming.write(data)
        if not self._established and not self._shake_hands():
            return
        try:
            plain = self._tls.read(_RECORD)
        except ssl.SSLError as error:
            self._not_read(error)
            return
        if incoming.pending and plain:
            plain += self._read_more()
        if plain:
            self._inner.data_received(plain)
        else:
            self._inner.eof_received()
            self.close()

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except (ssl.SSLError, OSError) as error:  # OSError: no certificate could be made
            LOG.debug("no TLS: %s", error)
            self._flush()  # the alert that says so
            self._raw.close()
            return False
        self._flush()
        if self._patience is not None:
            self._patience.cancel()
        if not self._welcome():
            self.close()
            return False
        self._established = True
        self._inner.connection_made(self)
        return True

    def _read_more(self) -> bytes:
        """The records behind the first one, as far as they are whole; the client's farewell closes the connection."""
        pieces = []
        try:
            while self._incoming.pending:
                piece = self._tls.read(_RECORD)
                if not piece:
                    self._loop.call_soon(self.close)  # after the answer to what came before it
                    break
                pieces.append(piece)
        except ssl.SSLError as error:
            self._not_read(error)
        return b"".join(pieces)

    def _not_read(self, error: ssl.SSLError) -> None:
        if not isinstance(error, ssl.SSLWantReadError):
            LOG.debug("broken TLS: %s", error)
        self._flush()  # new keys, for example, or the alert that says what is wrong
        if not isinstance(error, ssl.SSLWantReadError):
            self._raw.abort()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._raw.is_closing():
            self._raw.write(data)

    def eof_received(self) -> None:
        """The client says nothing more."""
        if self._established:
            self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._closing = True
        if self._patience is not None:
            self._patience.cancel()
        if self._established:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read."""
        if self._established:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._established:
            self._inner.resume_writing()

    # -- the transport of the inner protocol --------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Encrypts and sends."""
        if self._closing or not data:
            return
        try:
            sent = self._tls.write(data)
            while sent < len(data):
                sent += self._tls.write(memoryview(data)[sent:])
        except ssl.SSLError as error:
            LOG.debug("broken TLS: %s", error)
            self.abort()
            return
        self._raw.write(self._outgoing.read())

    def close(self) -> None:
        """Says farewell and closes, after everything that was written."""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(ssl.SSLError):  # it wants the client's farewell, too, for which nobody waits
            self._tls.unwrap()
        self._flush()
        self._raw.close()

    def abort(self) -> None:
        """Closes at once."""
        self._closing = True
        self._raw.abort()

    def is_closing(self) -> bool:
        """Whether nothing more is sent."""
        return self._closing or self._raw.is_closing()

    def pause_reading(self) -> None:
        """Leaves what comes in the system's buffers."""
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """Reads again."""
        self._raw.resume_reading()

    def get_write_buffer_size(self) -> int:
        """How many encrypted bytes wait to be sent."""
        return self._raw.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the socket's transport knows."""
        return self._raw.get_extra_info(name, default)
