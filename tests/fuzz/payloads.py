"""Damaged payloads with a good checksum: we refuse what a real server refuses that looks closely; what both take is the same.

We may refuse more. A real server reads on into its own footer where a value is cut off, and takes some bytes for lengths
that are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from localstack_memorydb.engine.rdb.format import NEWEST_REDIS, crc64
from tests.differential.player import CLOSED, NO_REPLY, Connection
from tests.differential.wire import decode
from tests.differential.witness import Server

from . import comparing, values
from .sequences import beginning

FOOTER: Final = 10
BAD: Final = b"-ERR Bad data format\r\n"
KEY: Final = b"{k}restored"
READS: Final[dict[bytes, list[tuple[bytes, ...]]]] = {
    b"string": [(b"GET",)],
    b"list": [(b"LRANGE", b"0", b"-1")],
    b"set": [(b"SMEMBERS",)],
    b"hash": [(b"HGETALL",)],
    b"zset": [(b"ZRANGE", b"0", b"-1", b"WITHSCORES")],
    b"stream": [(b"XRANGE", b"-", b"+")],
}


def signed(body: bytes, version: bytes) -> bytes:
    """The payload with the checksum that belongs to it."""
    return body + version + crc64(body + version).to_bytes(8, "little")


def _understood(payload: bytes) -> bytes:
    """The payload as one of a version that both servers know: Valkey 9's own, 80, has nothing new for these values."""
    body, version = payload[:-FOOTER], int.from_bytes(payload[-FOOTER:-8], "little")
    return signed(body, min(version, NEWEST_REDIS).to_bytes(2, "little"))


def damaged(rng: Random, payload: bytes) -> bytes:
    """A payload that was changed by somebody who knows how to make its checksum."""
    body = bytearray(payload[:-FOOTER])
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        place = rng.randrange(min(len(body), 300)) if rng.random() < 0.7 else rng.randrange(len(body))
        how = rng.random()
        if how < 0.5:
            body[place] = rng.choice(
                [body[place] ^ 1 << rng.randrange(8), rng.randrange(256), 0, 255, 127, 128]
            )
        elif how < 0.7:
            del body[place : place + rng.randrange(1, 4)]
        elif how < 0.9:
            body[place:place] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 4)))
        else:
            body[place:place] = body[place : place + rng.randrange(1, 30)]
        body = body or bytearray(b"\0")
    return signed(bytes(body), payload[-FOOTER:-8])


@dataclass(frozen=True, slots=True)
class Difference:
    """A payload, and what the two servers make of it."""

    payload: bytes
    expected: bytes
    actual: bytes


class Restorer:
    """A real server and ours, which restore the same."""

    def __init__(self, real: Server, ours: Server) -> None:
        self.servers = real, ours
        self.sides = [Connection(server) for server in self.servers]

    def close(self) -> None:
        for side in self.sides:
            side.close()

    def made(self) -> list[bytes]:
        """Payloads of values of all types, as our engine makes them and as the real one does."""
        found = []
        for turn in range(8):
            for line in beginning(Random(turn)):
                self.ask(*line)
            for key in values.ANY_KEY:
                dumps = (decode(dump).value for dump in self.ask(b"DUMP", key))
                found += [_understood(dump) for dump in dumps if isinstance(dump, bytes)]
            self.ask(b"FLUSHALL")
        return found

    def ask(self, *line: bytes) -> tuple[bytes, bytes]:
        one, two = (side.ask(*line) for side in self.sides)
        return one, two

    def restore(self, payload: bytes) -> Difference | None:
        """Where the two differ: in the answer, or in what there is then."""
        line = (b"RESTORE", KEY, b"0", payload)
        self.ask(b"DEL", KEY)
        real, ours = self.ask(*line)
        for at, reply in enumerate((real, ours)):
            if reply.startswith((CLOSED, NO_REPLY)):
                self.sides[at].close()
                self.sides[at] = Connection(self.servers[at])
        if real.startswith(NO_REPLY) and ours == BAD:
            return None  # a real server makes room for as many elements as it is told
        if ours == BAD and real == b"+OK\r\n":
            return None
        if real != ours:
            return Difference(payload, real, ours)
        kinds = self.ask(b"TYPE", KEY)
        if kinds[0] != kinds[1]:
            return Difference(payload, *kinds)
        for words in READS.get(kinds[0][1:-2], []):
            real, ours = self.ask(words[0], KEY, *words[1:])
            # A real server leaves the members of a small sorted set in the order in which they came.
            as_word = b"HGETALL" if words[0] == b"ZRANGE" else words[0]
            if not comparing.same((as_word, KEY), real, ours):
                return Difference(payload, real, ours)
        return None
