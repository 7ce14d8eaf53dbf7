"""Random and damaged requests, byte by byte: both servers must say the same, and hang up at the same place."""

from __future__ import annotations

import contextlib
import re
import select
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.differential.player import Connection
from tests.differential.wire import request
from tests.differential.witness import Server

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


def _damaged(rng: Random) -> bytes:
    data = bytearray(request(rng.choice(COMMANDS)))
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


PIECES: Final[list[tuple[Callable[[Random], bytes], int]]] = [
    (lambda rng: request(rng.choice(COMMANDS)), 8),
    (_damaged, 8),
    (_array, 5),
    (_header, 3),
    (lambda rng: rng.choice(INLINE) + rng.choice([b"\r\n", b"\n", b"\n", b""]), 6),
    (_noise, 2),
]


def draw(rng: Random) -> list[bytes]:
    """What a client sends, in the pieces in which it arrives: whole, cut anywhere, or byte by byte."""
    makers, weights = zip(*PIECES, strict=True)
    data = b"".join(maker(rng) for maker in rng.choices(makers, weights, k=rng.randrange(1, 5)))
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and whether the server hung up."""

    data: bytes
    closed: bool


class Raw:
    """A server to send bytes to. Only `answer` waits, and only until everything that was sent is worked through."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.control = Connection(server)

    def barrier(self, size: int) -> None:
        """Servers read some kilobytes a turn."""
        for _ in range(2 + size // 4096):
            self.control.ask(b"PING")

    def answer(self, pieces: list[bytes], patience: float = 0.0) -> Answer:
        """On a new connection; `patience` is how long the last bytes may be on their way."""
        client = Connection(self.server)
        try:
            client.ask(b"FLUSHALL")  # the server knows the connection now
            for piece in pieces:
                client.send(piece)
                self.barrier(len(piece))
            data = bytearray()
            while select.select([client.socket], [], [], patience)[0]:
                with contextlib.suppress(ConnectionResetError):
                    piece = client.socket.recv(1 << 20)
                    if piece:
                        data += piece
                        continue
                return Answer(bytes(data), closed=True)
            return Answer(bytes(data), closed=False)
        finally:
            client.close()

    def close(self) -> None:
        self.control.close()


PATIENCE: Final = 0.3
_UNUSUAL_LINE: Final = re.compile(rb"\r[^\n]|[*$]-0\r")
_LIKE_A_REPLY: Final = re.compile(rb"unknown command '[$+:\-,#_(~%>|=!]")

# Valkey 9 looks at the two bytes behind a bulk string, which nobody did before.
_READ_ANEW: Final = (b'"', b"'", b"\0", b"\xff")  # it reads lines in another way, too
LATER: Final = (
    b"Command 'multi' not allowed inside a transaction",
    b"invalid CRLF",
    b"expected CRLF",
    b"Protocol error: expected '\\r\\n'",
)


def same(pieces: list[bytes], real: Answer, ours: Answer, *, newer: bool) -> bool:
    """Whether both servers understood the bytes in the same way."""
    if real == ours:
        return True
    if b"$5\r\nproto\r\n" in real.data:
        return True  # HELLO was understood, and tells about the server
    sent = b"".join(pieces)
    if _UNUSUAL_LINE.search(sent) or (b"*" in sent and _LIKE_A_REPLY.search(real.data)):
        return True  # hiredis reads what is plain here: it wants \r\n, reads -0, and takes replies for requests behind an array
    if ours.data and real.data.startswith(ours.data) and not ours.closed and b"Protocol error" in real.data:
        return True  # what follows a request in the same packet is looked at when more comes
    return newer and (any(mark in sent for mark in _READ_ANEW) or any(text in real.data for text in LATER))


def compare(real: Raw, ours: Raw, pieces: list[bytes], *, newer: bool) -> tuple[Answer, Answer] | None:
    """The two answers where they differ; None where they do not."""
    for patience in (0.0, PATIENCE):
        pair = real.answer(pieces, patience), ours.answer(pieces, patience)
        if same(pieces, *pair, newer=newer):
            return None
    return pair


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
