"""Random and damaged requests, byte by byte: both servers must say the same, and hang up at the same place."""

from __future__ import annotations

import re
import select
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.differential.player import Connection
from tests.differential.subject import engine
from tests.differential.wire import request
from tests.differential.witness import Server, running

WORDS: Final = [
    b"PING",
    b"ping",
    b"ECHO",
    b"GET",
    b"SET",
    b"{k}a",
    b"x",
    b"",
    b"\r\n",
    b"\x00\xff",
    b"$1",
    b"*1",
    b"NOSUCH",
]
COMMANDS: Final = [
    [b"PING"],
    [b"PING", b"hello"],
    [b"ECHO", b"a\r\nb"],
    [b"SET", b"{k}a", b"value"],
    [b"GET", b"{k}a"],
    [b"MULTI"],
    [b"EXEC"],
    [b"NOSUCH", b"a'b", b"\x00"],
    [b"HELLO", b"3"],
    [b"QUIT"],
    [b""],
]
USER, PASSWORD = b"somebody", b"the-password-of-somebody"
# What a server takes, and does not take any more, of clients that have not said who they are.
OF_STRANGERS: Final = [
    *COMMANDS,
    [b"AUTH", USER, PASSWORD],
    [b"AUTH", USER, b"wrong"],
    [b"HELLO", b"3", b"AUTH", USER, PASSWORD],
    [b"ECHO", b"x" * 16_384],
    [b"ECHO", b"x" * 16_385],
    [b"MGET", *[b"{k}a"] * 9],
    [b"MGET", *[b"{k}a"] * 10],
    [b"SET", b"{k}a", *[b"y" * 16_384] * 8],
    [b"RESET"],
]
LENGTHS: Final = [
    b"0",
    b"1",
    b"-1",
    b"-0",
    b"00",
    b"01",
    b"+1",
    b" 1",
    b"1 ",
    b"",
    b"x",
    b"1x",
    b"1.0",
    b"2147483647",
    b"2147483648",
    b"536870912",
    b"536870913",
    b"1048577",
    b"9223372036854775807",
    b"9223372036854775808",
    b"99999999999999999999999999",
    b"-9223372036854775808",
    b"11",
    b"16385",
    b"4294967297",
]
INLINE: Final = [
    b"PING",
    b"  PING  ",
    b"ping hello",
    b'ECHO "a b"',
    b"ECHO 'a b'",
    b'ECHO "\\x41\\n\\"\\q\\x4"',
    b"ECHO 'it\\'s'",
    b'ECHO "a"b',
    b'ECHO "a',
    b"ECHO 'a",
    b"ECHO \x00 a",
    b"",
    b"\t",
    b"SET {k}a \xff\xfe",
    b'""',
    b"'' ''",
    b"ECHO a\tb",
    b"ECHO a\x0bb",
    b"GET / HTTP/1.1",
    b"$5",
    b"+OK",
    b"%1",
    b"~1",
    b"~0",
    b">0",
    b">1",
    b"|0",
    b"_",
    b"$-1",
    b"*-1",
    b"\x00",
    b"ECHO a\rb",
]


def _header(rng: Random) -> bytes:
    return (
        rng.choice([b"*", b"$"]) + rng.choice(LENGTHS) + rng.choice([b"\r\n", b"\r\n", b"\n", b"\r", b"\rx"])
    )


def _array(rng: Random) -> bytes:
    words = [rng.choice(WORDS) for _ in range(rng.randrange(1, 5))]
    data = request(words)
    if rng.random() < 0.5:
        place = rng.randrange(len(data))
        data = data[:place] + _header(rng) + data[place:]
    return data


def _damaged(rng: Random, commands: list[list[bytes]]) -> bytes:
    data = bytearray(request(rng.choice(commands)))
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(len(data))
        how = rng.random()
        if how < 0.4:
            data[place] = rng.choice([rng.randrange(256), 13, 10, 0, 36, 42, 45, 48, 57])
        elif how < 0.7:
            del data[place : place + rng.randrange(1, 4)]
        else:
            data[place:place] = bytes([rng.randrange(256)])
        data = data or bytearray(b"*")
    return bytes(data)


def _long(rng: Random) -> bytes:
    """A line about as long as a server reads, or longer and without an end."""
    start = rng.choice([b"ECHO ", b"*", b"*1\r\n$", b"$", b'ECHO "', b"*1"])
    filler = rng.choice([b"1", b"a", b" ", b"0"])
    return start + (filler * 60_000 + b"\r\n" if rng.random() < 0.5 else filler * 70_000)


def _noise(rng: Random) -> bytes:
    return rng.randbytes(rng.randrange(1, 60)) + rng.choice([b"\r\n", b"", b"\n"])


def draw(rng: Random, commands: list[list[bytes]] = COMMANDS) -> list[bytes]:
    """What a client sends, in the pieces in which it arrives: whole, cut anywhere, or byte by byte."""
    pieces: list[tuple[Callable[[], bytes], int]] = [
        (lambda: request(rng.choice(commands)), 8),
        (lambda: _damaged(rng, commands), 8),
        (lambda: _array(rng), 5),
        (lambda: _header(rng), 3),
        (lambda: rng.choice(INLINE) + rng.choice([b"\r\n", b"\n", b"\n", b""]), 6),
        (lambda: _noise(rng), 2),
    ]
    makers, weights = zip(*pieces, strict=True)
    data = b"".join(maker() for maker in rng.choices(makers, weights, k=rng.randrange(1, 5)))
    data = data or b"\r\n"
    if rng.random() < 0.03:
        return [data, _long(rng)]
    how = rng.random()
    if how < 0.6:
        return [data]
    if how < 0.7 and len(data) <= 80:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(rng.randrange(len(data)) for _ in range(rng.randrange(1, 4)))
    return [data[one:two] for one, two in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def everywhere(pieces: list[bytes]) -> Iterator[list[bytes]]:
    """In two pieces, cut at every place, and byte by byte; a long one as it is."""
    data = b"".join(pieces)
    if len(data) > MOST_CUT:
        yield pieces
        return
    yield from ([data[:at], data[at:]] for at in range(1, len(data)))
    yield [data[at : at + 1] for at in range(len(data))]


@dataclass(frozen=True, slots=True)
class Way:
    """How bytes are sent: cut everywhere, over TLS (of ours), as `strangers`. `share` says how seldom."""

    name: str
    share: int
    cut: bool = False
    tls: bool = False
    strangers: bool = False

    @property
    def commands(self) -> list[list[bytes]]:
        return OF_STRANGERS if self.strangers else COMMANDS


WAYS: Final = [
    Way("plain", 1),
    Way("cut everywhere", 40, cut=True),
    Way("over TLS", 8, tls=True),
    Way("without a user", 2, strangers=True),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back after each piece, and after which one the server hung up."""

    parts: tuple[bytes, ...]
    closed: int | None = None

    @property
    def data(self) -> bytes:
        return b"".join(self.parts)


class Raw:
    """A server to send bytes to. Only `answer` waits, and only until everything that was sent is worked through.

    To `strangers` it has one user, USER. With `tls` it is spoken to over that.
    """

    def __init__(self, server: Server, *, strangers: bool = False, tls: bool = False) -> None:
        self.server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if tls else None
        if self._context is not None:
            self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self.control = self._connect()
        if strangers:
            self._become_strange()

    def _connect(self) -> Connection:
        connection = Connection(self.server)
        if self._context is not None:
            connection.socket = self._context.wrap_socket(connection.socket)
        return connection

    def _become_strange(self) -> None:
        rules = "on ~* &* +@all"
        if self.server.set_users is not None:
            self.server.set_users({"default": ("", ""), USER.decode(): (PASSWORD.decode(), rules)})
        else:
            words = [b"ACL", b"SETUSER", USER, b">" + PASSWORD, *rules.encode().split()]
            assert self.control.ask(*words) == b"+OK\r\n"
            assert self.control.ask(b"ACL", b"SETUSER", b"default", b"off") == b"+OK\r\n"
            self.control.close()
            self.control = self._connect()
        assert self.control.ask(b"AUTH", USER, PASSWORD) == b"+OK\r\n"

    def barrier(self, size: int) -> None:
        """Servers read some kilobytes a turn."""
        for _ in range(2 + size // 4096):
            self.control.ask(b"PING")

    def answer(self, pieces: list[bytes], *, like: Answer | None = None, patience: float = 0.0) -> Answer:
        """On a new connection. What was answered `like` this elsewhere may take a moment; `patience` is how long the last bytes
        may be on their way."""
        self.control.ask(b"FLUSHALL")
        client = self._connect()
        try:
            client.ask(b"PING")  # the server knows the connection now
            parts: list[bytes] = []
            for at, piece in enumerate(pieces):
                client.send(piece)
                self.barrier(len(piece))
                wanted = like.parts[at] if like is not None and at < len(like.parts) else b""
                closes = like is not None and like.closed == at
                last = patience if at == len(pieces) - 1 else 0.0
                data, closed = _arrived(
                    client, len(wanted), closes=closes, patient=patience > 0, patience=last
                )
                parts.append(data)
                if closed:
                    return Answer(tuple(parts), at)
            return Answer(tuple(parts))
        finally:
            client.close()

    def close(self) -> None:
        self.control.close()


def _arrived(
    client: Connection, wanted: int, *, closes: bool, patient: bool, patience: float
) -> tuple[bytes, bool]:
    """What came, and whether the connection was closed."""
    data = bytearray()
    while True:
        expected = closes or len(data) < (wanted if patient else min(wanted, 1))
        if not _readable(client.socket, (MUCH_PATIENCE if patient else PATIENCE) if expected else patience):
            return bytes(data), False
        try:
            piece = client.socket.recv(1 << 20)
        except OSError:
            piece = b""
        if not piece:
            return bytes(data), True
        data += piece


def _readable(connection: socket.socket, seconds: float) -> bool:
    decrypted = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
    return decrypted or bool(select.select([connection], [], [], seconds)[0])


@contextmanager
def sides(kind: str, way: Way) -> Iterator[tuple[Raw, Raw]]:
    """A real server and ours."""
    with (
        running(kind) as server,
        engine(kind, tls=way.tls) as subject,
        closing(Raw(server, strangers=way.strangers)) as real,
        closing(Raw(subject, strangers=way.strangers, tls=way.tls)) as ours,
    ):
        yield real, ours


PATIENCE: Final = 0.3
MUCH_PATIENCE: Final = 10.0  # with what must come, when it did not come at once: a machine may be busy
MOST_CUT: Final = 150
_INTRODUCTION: Final = re.compile(
    rb"[*%]\d+\r\n\$6\r\nserver\r\n.*?\$5\r\nproto\r\n:(\d).*?\$7\r\nmodules\r\n(\*0\r\n|\*1\r\n.*?args\r\n\*0\r\n)",
    re.DOTALL,
)

# Valkey 9 looks at the two bytes behind a bulk string, which nobody did before.
_READ_ANEW: Final = (b'"', b"'", b"\0", b"\xff")  # it reads lines in another way, too
LATER: Final = (
    b"Command 'multi' not allowed inside a transaction",
    b"invalid CRLF",
    b"expected CRLF",
    b"Protocol error: expected '\\r\\n'",
    b"NOAUTH",  # which it says before it looks at the command
)


_OURS: Final = (
    b"?" * 140
)  # HELLO tells no less of ours; with what valkey has to tell, ours would be waited for in vain


def _plain(answer: Answer, instead: bytes = rb"<hello \1>") -> Answer:
    """Without what HELLO tells about the server."""
    return Answer(tuple(_INTRODUCTION.sub(instead, part) for part in answer.parts), answer.closed)


def same(pieces: list[bytes], real: Answer, ours: Answer, *, newer: bool) -> bool:
    """Whether both servers understood the bytes in the same way."""
    if real == ours or _plain(real) == _plain(ours):
        return True
    sent = b"".join(pieces)
    return newer and (any(mark in sent for mark in _READ_ANEW) or any(text in real.data for text in LATER))


def compare(real: Raw, ours: Raw, pieces: list[bytes], *, newer: bool) -> tuple[Answer, Answer] | None:
    """The two answers where they differ; None where they do not."""
    for patience in (0.0, PATIENCE):
        wanted = real.answer(pieces, patience=patience)
        pair = wanted, ours.answer(pieces, like=_plain(wanted, _OURS), patience=patience)
        if same(pieces, *pair, newer=newer):
            return None
    return pair


def shortest(real: Raw, ours: Raw, pieces: list[bytes], *, newer: bool) -> str:
    """Fewer bytes that are answered differently, unless they are many, and how."""
    if sum(map(len, pieces)) < 1000:
        pieces = shrink(pieces, lambda fewer: compare(real, ours, fewer, newer=newer) is not None)
    return f"{pieces}\n  {compare(real, ours, pieces, newer=newer)}"


def shrink(pieces: list[bytes], differs: Callable[[list[bytes]], bool]) -> list[bytes]:
    """Fewer bytes that still differ."""
    if differs([b"".join(pieces)]):
        pieces = [b"".join(pieces)]
    for at in range(len(pieces)):
        size = max(len(pieces[at]) // 2, 1)
        while size:
            place = 0
            while place < len(pieces[at]):
                fewer = [*pieces[:at], pieces[at][:place] + pieces[at][place + size :], *pieces[at + 1 :]]
                if differs(fewer):
                    pieces = fewer
                else:
                    place += size
            size //= 2
    return [piece for piece in pieces if piece]
