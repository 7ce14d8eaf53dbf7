"""The only file with sockets: addresses for nodes, listeners, certificates, timers."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from math import floor
from typing import cast

from localstack_memorydb.engine import turns
from localstack_memorydb.engine.certificates import Authority, loadable
from localstack_memorydb.engine.client_memory import ClientMemory
from localstack_memorydb.engine.clients import client_type, held
from localstack_memorydb.engine.cluster import Cluster, Node
from localstack_memorydb.engine.crowding import Crowding
from localstack_memorydb.engine.errors import TooManyClients
from localstack_memorydb.engine.log import ShardLog
from localstack_memorydb.engine.outbox import Committer, Outbox
from localstack_memorydb.engine.requests import TooMuchToRead
from localstack_memorydb.engine.resp import MOST_TO_SEND
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.spec import AddressError, EngineSettings
from localstack_memorydb.engine.tls import TlsConnection, is_short_of_files

LOG = logging.getLogger(__name__)

_BACKLOG = 511  # Valkey's tcp-backlog
_TICK_SECONDS = 0.1
_STUCK_SECONDS = 1.0  # how often clients that do not read are looked at
_FAREWELL_SECONDS = 5.0
_TOO_LONG = "its replies are longer than its limit"
_TOO_MUCH = "its request outgrew its buffer"
_WORTH_LIMITING = 1 << 14  # bytes; shorter replies fit into the buffer that every client has
_PACKETS_AT, _PACKETS_END = 136, 144  # of struct tcp_info (linux/tcp.h): tcpi_segs_out, tcpi_segs_in


def clock() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


class Connection(asyncio.Protocol):
    """A client's socket: hands bytes to its session and back."""

    __slots__ = (
        "_above_soft_limit",
        "_alarm",
        "_letters",
        "_loop",
        "_memory",
        "_node",
        "_outbox",
        "_session",
        "_stuck",
        "_transport",
        "_turn",
        "_write",
    )

    _session: Session | None
    _transport: asyncio.Transport

    def __init__(
        self,
        node: Node,
        loop: asyncio.AbstractEventLoop,
        outbox: Outbox,
        memory: ClientMemory,
    ) -> None:
        self._node = node
        self._memory = memory
        self._loop = loop
        self._outbox, self._letters = outbox, outbox.letters
        self._session = None
        self._alarm: asyncio.TimerHandle | None = None
        self._above_soft_limit: int | None = None  # since when, unix time in ms
        self._stuck: asyncio.TimerHandle | None = None  # while the client does not read its replies
        self._turn: asyncio.Handle | None = None  # its next one, while it waits for that

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected (and, with TLS, shaken hands)."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class has no common ancestor
        self._write = self._transport.write
        host, port, *_ = transport.get_extra_info("peername") or ("?", 0)
        parameters = self._node.cluster.parameters
        if len(self._node.sessions) >= parameters.maxclients or is_short_of_files(transport):
            self._node.connections_rejected += 1
            self._transport.write(TooManyClients().wire)
            self._transport.close()
            return
        keep_alive(transport.get_extra_info("socket"), parameters.tcp_keepalive)
        self._session = session = self._node.connect(f"{host}:{port}", clock())
        session.sink = self._push
        session.alarm = self._set_alarm
        session.hang_up = self._hang_up
        session.send_now = self._outbox.flush
        session.again = self._wait_for_turn
        session.unsent = self._transport.get_write_buffer_size
        session.weigh = self._weigh
        self._node.client_limit.connections[session.number] = self
        self._node.packets.opened(self, self._packets)

    def data_received(self, data: bytes) -> None:
        """The client sent something."""
        session = self._session
        if session is None:
            return
        letters = self._letters
        try:
            reply = session.receive(data, self._outbox.now if letters else floor(time.time() * 1000))
        except TooMuchToRead:
            self._drop(_TOO_MUCH)
            return
        if reply and len(reply) <= _WORTH_LIMITING and not session.closing and self._stuck is None:
            # The commonest way of `_answer`, spared two calls.
            if not letters:
                self._outbox.open()
            letters.append((self._write, reply, self))
        else:
            self._answer(session, reply)

    def _answer(self, session: Session, reply: bytes) -> None:
        if not reply:
            self._node.unanswered += 1
            if self._node.cluster.switches.limits_clients:
                session.note_unfinished()
                self._node.client_limit.look()
        elif len(reply) <= _WORTH_LIMITING:
            self._outbox.add(self._write, reply, self)
        elif self._is_too_long(session, reply):
            self._drop(_TOO_LONG)
        else:
            self._outbox.add(self._write, reply, self)
            self._outbox.flush()  # more is made only when the client has taken it
        if session.closing:
            self._hang_up()
        if self._stuck is not None:
            self._limit_output()

    def _hang_up(self) -> None:
        self._outbox.flush()
        self._transport.close()

    def _is_too_long(self, session: Session, reply: bytes) -> bool:
        """Whether that is beyond the limit of the client's type, even if the client would read it at once."""
        waiting = len(reply) + self._transport.get_write_buffer_size()
        if waiting > _WORTH_LIMITING and not (session.is_authenticated or session.legacy):
            return True
        return 0 < self._node.cluster.parameters.output_limit(client_type(session)).hard < waiting

    def _wait_for_turn(self) -> None:
        """The others come first, and a client that does not read its replies has to do that before."""
        self._transport.pause_reading()
        if self._turn is None and not self._waits_for_reader:
            self._turn = self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._turn = None
        session = self._session
        if session is None or self._transport.is_closing() or self._waits_for_reader:
            return
        session.now = clock()
        try:
            self._answer(session, turns.run(session))
        except TooMuchToRead:
            self._drop(_TOO_MUCH)
            return
        self._read_on()

    @property
    def _waits_for_reader(self) -> bool:
        """Whether no request is taken until the client reads its replies: not where those are limited for all clients together."""
        return self._stuck is not None and not self._node.cluster.switches.limits_clients

    def _read_on(self) -> None:
        if self._turn is None and not self._waits_for_reader and not self._transport.is_closing():
            self._transport.resume_reading()

    def _push(self, data: bytes) -> None:
        self._node.pushes += 1
        if (
            len(data) > _WORTH_LIMITING
            and self._session is not None
            and self._is_too_long(self._session, data)
        ):
            self._drop(_TOO_LONG)
            return
        self._outbox.add(self._deliver, data, self)
        if len(data) > _WORTH_LIMITING or self._outbox.is_full:
            self._outbox.flush()

    def _deliver(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)
            self._limit_output()

    def _limit_output(self) -> None:
        """Drops a client that does not read what it is sent, by the limits of its type."""
        if self._session is None:
            return
        self._note()
        waiting = self._transport.get_write_buffer_size()
        limit = self._node.cluster.parameters.output_limit(client_type(self._session))
        if waiting > (limit.hard or MOST_TO_SEND):
            self._drop("it does not read what it is sent")
        elif not limit.soft or waiting <= limit.soft:
            self._above_soft_limit = None
        elif self._above_soft_limit is None:
            self._above_soft_limit = clock()
        elif clock() - self._above_soft_limit > limit.seconds * 1000:
            self._transport.abort()

    # -- what is kept for the client ------------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """The bytes that wait to be sent to the client, or are kept for it in another way."""
        if self._session is None or self._transport.is_closing():
            return 0
        return self._transport.get_write_buffer_size() + held(self._session)

    @property
    def is_protected(self) -> bool:
        """Whether the client asked to be spared."""
        return self._session is not None and self._session.no_evict

    def evict(self) -> None:
        """Disconnects the client because all clients hold too much, and it the most."""
        self._node.clients_evicted += 1
        self._drop("clients hold more than they may together, and it has the most")

    def _drop(self, why: str) -> None:
        LOG.warning("a client of %s was dropped: %s", self._node.name, why)
        self._transport.abort()

    def _weigh(self) -> None:
        if self._session is not None and self._session.kept > self._session.query_limit:
            self._drop(_TOO_MUCH)
        self._note()

    def _note(self) -> None:
        self._memory.note(self)
        if self._node.cluster.switches.limits_clients:
            self._node.client_limit.ask()

    def _set_alarm(self, deadline: int) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_later(max(0, deadline - clock()) / 1000, self._ring)

    def _ring(self) -> None:
        if self._session is not None:
            self._session.expire_block(clock())

    def pause_writing(self) -> None:
        """The client does not read its replies: do not take more requests until it does, unless clients have a limit of their own."""
        if not self._node.cluster.switches.limits_clients:
            self._transport.pause_reading()
        self._note()
        self._stuck = self._loop.call_later(_STUCK_SECONDS, self._watch)

    def _watch(self) -> None:
        self._stuck = self._loop.call_later(_STUCK_SECONDS, self._watch)
        self._limit_output()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        self._above_soft_limit = None
        self._memory.note(self)
        if self._session is not None and self._session.waits_for_turn:
            self._wait_for_turn()
        else:
            self._read_on()

    def eof_received(self) -> None:
        """The client says nothing more: it is answered, and the transport closes."""
        self._outbox.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._outbox.flush()  # a transport that is closed takes nothing
        for timer in (self._alarm, self._stuck, self._turn):
            if timer is not None:
                timer.cancel()
        self._memory.forget(self)
        if self._session is not None:
            self._node.client_limit.connections.pop(self._session.number, None)
            self._session.disconnect()
            self._node.packets.closing(self)

    @property
    def log(self) -> ShardLog | None:
        """Where the effects of the client's commands are kept."""
        return self._node.shard.log

    def abort(self) -> None:
        """Closes the connection at once."""
        self._transport.abort()

    def _packets(self) -> tuple[int, int] | None:
        return packets(self._transport.get_extra_info("socket"))


def packets(connection: socket.socket | None) -> tuple[int, int] | None:
    """How many packets a connection has received and sent; None where the system does not tell (it is Linux that does)."""
    if connection is None or sys.platform != "linux":
        return None
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _PACKETS_END)
    except OSError:
        return None
    if len(told) < _PACKETS_END:
        return None
    sent, received = struct.unpack_from("=II", told, _PACKETS_AT)
    return received, sent


def keep_alive(connection: socket.socket | None, seconds: int) -> None:
    """Has the system ask a silent client whether it is still there (anetKeepAlive)."""
    if connection is None or not seconds:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, seconds // 3))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


class Addresses:
    """Hands out what nodes listen on: an own loopback address each with the cluster's port, or ports of a range."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._taken: set[str] = set()
        self.farewells: dict[
            ClusterServer, list[Node]
        ] = {}  # nodes that give their ports back when others need them
        # Two emulators on one machine start looking in different places, so that they seldom meet.
        self._next = 0x0001_0000 + (os.getpid() * 1009 % 0xF000) * 0x100

    def bind(self, port: int, former: tuple[str, int] = ("", 0)) -> tuple[socket.socket, str, int]:
        """A bound socket, and the host and port to announce: the former ones if they can be had. Raises AddressError."""
        if former[1] and (bound := self._bind_former(*former)) is not None:
            return bound, *former
        if self._settings.bind in {"auto", "loopback"}:
            found = self._bind_loopback(port)
            if found is not None:
                return found
            if self._settings.bind == "loopback":
                raise AddressError(
                    f"no 127.x.y.z address takes port {port}: is another server bound to it on every address? "
                    "Choose another port, or set MEMORYDB_NODE_ADDRESSES=range"
                )
        try:
            return self._bind_range()
        except AddressError:
            if not self.farewells:
                raise
            for server in list(self.farewells):
                server.end_farewell()
            return self._bind_range()

    def _bind_former(self, host: str, port: int) -> socket.socket | None:
        """A socket at an address that a node had before; None when it is taken or no longer meant to be used."""
        shared = host in {self._settings.host, self._settings.announce_host}
        if self._settings.bind == ("loopback" if shared else "range"):
            return None
        try:
            bound = _listen(self._settings.host if shared else host, port)
        except OSError as error:
            LOG.warning("a node cannot have its address %s:%d again (%s)", host, port, error.strerror)
            return None
        if not shared:
            self._taken.add(host)
        return bound

    def release(self, host: str) -> None:
        """The address may be used again."""
        self._taken.discard(host)

    def _candidates(self) -> Iterator[str]:
        for _ in range(256):
            self._next += 1
            if self._next & 0xFF in {0, 255}:
                self._next += 1 + (self._next & 0xFF == 255)
            if self._next >= 0x00FF_FF00:
                self._next = 0x0001_0001
            yield f"127.{self._next >> 16 & 255}.{self._next >> 8 & 255}.{self._next & 255}"

    def _bind_loopback(self, port: int) -> tuple[socket.socket, str, int] | None:
        for host in self._candidates():
            if host in self._taken:
                continue
            try:
                bound = _listen(host, port)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                return None
            self._taken.add(host)
            return bound, host, port
        return None

    def _bind_range(self) -> tuple[socket.socket, str, int]:
        first, last = self._settings.port_range
        host = self._settings.host
        for port in range(first, last + 1):
            try:
                return _listen(host, port), self._settings.announce_host or host, port
            except OSError:
                continue
        raise AddressError(
            f"no free port between {first} and {last} on {host}: delete a cluster, or widen MEMORYDB_PORT_RANGE"
        )


def _listen(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


class ClusterServer:
    """Serves a cluster: one listener a node, one timer. All methods run on the engine's loop."""

    def __init__(
        self,
        cluster: Cluster,
        addresses: Addresses,
        authority: Authority,
        memory: ClientMemory,
        crowding: Crowding,
    ) -> None:
        self._crowding = crowding
        self.cluster = cluster
        self._memory = memory
        self._addresses = addresses
        self._authority = authority
        self._loop = asyncio.get_running_loop()
        cluster.soon = self._loop.call_soon
        self._servers: dict[str, asyncio.Server] = {}
        soon = self._loop.call_soon
        self._outbox = Committer(soon, clock, cluster.storage) if cluster.storage else Outbox(soon, clock)
        self._timer: asyncio.TimerHandle | None = None

    async def open(self, nodes: list[Node]) -> None:
        """Starts listening for the nodes. Raises AddressError, and then none of them listens."""
        self.end_farewell()  # new nodes may have the names of those that go
        sockets: list[tuple[Node, socket.socket]] = []
        try:
            for node in nodes:
                bound, node.host, node.port = self._addresses.bind(
                    self.cluster.spec.port, (node.host, node.port)
                )
                sockets.append((node, bound))
        except AddressError:
            for node, bound in sockets:
                bound.close()
                self._addresses.release(node.host)
            raise
        context = self._tls_context(nodes) if self.cluster.spec.tls else None
        for node, bound in sockets:
            node.client_limit.soon = self._loop.call_soon
            self._servers[node.name] = await self._serve(node, bound, context)
        if self._timer is None:
            self._tick()

    async def _serve(
        self, node: Node, bound: socket.socket, context: ssl.SSLContext | None
    ) -> asyncio.Server:
        def connect() -> asyncio.Protocol:
            connection = Connection(node, self._loop, self._outbox, self._memory)
            if context is None:
                return connection
            return TlsConnection(connection, context, self._loop, lambda: node.name in self._servers)

        return await self._loop.create_server(connect, sock=bound, backlog=_BACKLOG)

    def _tls_context(self, nodes: list[Node]) -> ssl.SSLContext:
        hosts = dict.fromkeys(node.host for node in nodes)
        names = [
            *hosts,
            "127.0.0.1",
            "localhost",
            "*.localhost.localstack.cloud",
            "localhost.localstack.cloud",
        ]
        names += [name for name in self.cluster.spec.hostnames if name not in names]
        return _server_context(self._authority, list(dict.fromkeys(names)))

    def close(self, nodes: list[Node]) -> None:
        """Stops listening for the nodes and drops their clients."""
        for node in nodes:
            server = self._servers.pop(node.name, None)
            if server is not None:
                server.close()
                self._addresses.release(node.host)
            for session in list(node.sessions.values()):
                session.hang_up()
        if not self._servers and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def say_farewell(self, nodes: list[Node]) -> None:
        """Closes nodes whose slots have moved away, after a while in which they tell their clients where to.

        On AWS slots move long before their node goes. A client that finds it gone without having met MOVED may well
        try it again for ever. Subscribers have to go at once, or they would miss messages.
        """
        if not nodes:
            return
        self.end_farewell()
        for node in nodes:
            for session in list(node.sessions.values()):
                if session.channels or session.patterns or session.shard_channels:
                    session.hang_up()
        self._addresses.farewells[self] = nodes
        self._loop.call_later(_FAREWELL_SECONDS, self._end, nodes)

    def _end(self, nodes: list[Node]) -> None:
        if self._addresses.farewells.get(self) is nodes:
            self.end_farewell()

    def end_farewell(self) -> None:
        """Closes the nodes that are about to go now."""
        nodes = self._addresses.farewells.pop(self, None)
        if nodes:
            self.close(nodes)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(_TICK_SECONDS, self._tick)
        self.cluster.crowd(self._crowding.look())
        self.cluster.tick(clock())


def _server_context(authority: Authority, names: list[str]) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 for a server of these names; the certificate is made when the first client says hello.

    Issuing and loading it takes longer than all else that starts a cluster, and many clusters never meet a client.
    """

    @lru_cache(maxsize=1)
    def issued(_authority: int) -> ssl.SSLContext:
        context = _context()
        with loadable(b"".join(authority.issue(names, datetime.now(UTC)))) as file:
            context.load_cert_chain(file)
        return context

    def greet(connection: ssl.SSLObject | ssl.SSLSocket, _name: str, _context: ssl.SSLContext) -> None:
        connection.context = issued(authority.serial)

    waiting = _context()
    waiting.sni_callback = greet  # called whether or not the client names a host
    return waiting


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
