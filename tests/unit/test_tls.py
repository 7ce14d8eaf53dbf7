"""TLS between socket and connection, with a client whose bytes the test carries."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from typing import Any

import pytest

from localstack_memorydb.engine.certificates import Authority, loadable
from localstack_memorydb.engine.tls import HANDSHAKE_SECONDS, TlsConnection


class Socket(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent, self.closed = b"", False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def taken(self) -> bytes:
        sent, self.sent = self.sent, b""
        return sent


class Echo(asyncio.Protocol):
    """Answers what it hears in upper case; `bye` ends the connection."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.transport: Any = None
        self.lost = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)
        self.transport.write(data.upper())
        if data == b"bye":
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class Peer:
    """A TLS client and a server's connection; `carry` takes bytes to and fro until neither has any."""

    def __init__(self, version: ssl.TLSVersion, *, welcome: bool = True) -> None:
        now = datetime.now(UTC)
        authority = Authority.create(now)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with loadable(b"".join(authority.issue(["127.0.0.1"], now))) as file:
            server.load_cert_chain(file)
        client = ssl.create_default_context(cadata=authority.pem.decode())
        client.minimum_version = client.maximum_version = version
        self.loop = asyncio.new_event_loop()
        self.began = self.loop.time()
        self.loop.time = lambda: self.began  # type: ignore[method-assign]
        self.echo, self.socket = Echo(), Socket()
        self.connection = TlsConnection(self.echo, server, self.loop, lambda: welcome)
        self.connection.connection_made(self.socket)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client.wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")

    def carry(self, step: int = 1 << 30) -> None:
        while self.outgoing.pending or self.socket.sent:
            data = self.outgoing.read()
            for at in range(0, len(data), step):
                self.connection.data_received(data[at : at + step])
            self.incoming.write(self.socket.taken())
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                continue

    def greet(self, step: int = 1 << 30) -> None:
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.do_handshake()
        self.carry(step)

    def heard(self) -> bytes:
        said = b""
        try:
            while True:
                piece = self.tls.read(1 << 16)
                if not piece:
                    return said + b"<closed>"
                said += piece
        except ssl.SSLWantReadError:
            return said


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(params=VERSIONS, ids=["1.2", "1.3"])
def peer(request: pytest.FixtureRequest) -> Any:
    made = Peer(request.param)
    yield made
    made.loop.close()


@pytest.mark.parametrize("step", [1 << 30, 1, 7])
def test_bytes_go_to_and_fro_however_they_are_cut(peer: Peer, step: int) -> None:
    peer.greet(step)
    peer.tls.write(b"hello")
    peer.carry(step)
    assert (peer.heard(), peer.echo.heard) == (b"HELLO", [b"hello"])


def test_records_that_come_together_are_read_together(peer: Peer) -> None:
    peer.greet()
    for word in (b"one ", b"two ", b"three"):
        peer.tls.write(word)
    peer.carry()
    assert peer.echo.heard == [b"one two three"]


def test_more_than_a_record_holds(peer: Peer) -> None:
    peer.greet()
    peer.tls.write(b"x" * 100_000)
    peer.carry()
    assert peer.heard() == b"X" * 100_000


def test_a_farewell_says_that_nothing_follows(peer: Peer) -> None:
    peer.greet()
    peer.tls.write(b"bye")
    peer.carry()
    assert peer.heard() == b"BYE<closed>"
    assert peer.socket.closed
    peer.connection.write(b"too late")
    assert peer.socket.sent == b""


def test_the_clients_farewell_closes_the_connection(peer: Peer) -> None:
    peer.greet()
    with pytest.raises(ssl.SSLWantReadError):
        peer.tls.unwrap()
    peer.connection.data_received(peer.outgoing.read())
    assert peer.socket.closed
    peer.connection.connection_lost(None)
    assert peer.echo.lost


def test_who_does_not_speak_tls_is_closed_and_never_seen(peer: Peer) -> None:
    peer.connection.data_received(b"*1\r\n$4\r\nPING\r\n")
    assert peer.socket.closed
    peer.connection.connection_lost(None)
    assert (peer.echo.transport, peer.echo.lost) == (None, False)


@pytest.mark.parametrize("begins", [b"", b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03"])
def test_who_does_not_shake_hands_to_the_end_is_disconnected(
    peer: Peer, begins: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going on slowly does not help."""
    for later, closed in ((HANDSHAKE_SECONDS - 0.1, False), (HANDSHAKE_SECONDS + 0.1, True)):
        peer.connection.data_received(begins or b"\x16")
        monkeypatch.setattr(peer.loop, "time", lambda later=later: peer.began + later)
        peer.loop.run_until_complete(asyncio.sleep(0))
        assert (peer.socket.closed, peer.echo.transport) == (closed, None)


def test_broken_records_end_the_connection(peer: Peer) -> None:
    peer.greet()
    peer.connection.data_received(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    assert peer.socket.closed
    assert peer.echo.heard == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_was_closed_meanwhile_is_not_there(version: ssl.TLSVersion) -> None:
    peer = Peer(version, welcome=False)
    peer.greet()
    assert peer.socket.closed
    assert peer.echo.transport is None
    peer.loop.close()
