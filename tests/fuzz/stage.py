"""A few clients of two servers: what is said to one server is said to the other, and their answers must agree.

All that was said is kept, as a transcript for tests/differential.
"""

from __future__ import annotations

import re
import select
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import unified_diff
from typing import Final

from tests.differential.player import CLOSED, NO_REPLY, Connection
from tests.differential.wire import decode, request, show
from tests.differential.witness import Server

from . import known
from .scripts import command_of
from .stored import Line, difference_in_what_is_stored
from .transcribing import quoted

NAMES: Final = ("a", "b")
# Of CLIENT LIST: what does not depend on the server's memory, clock, sockets or release.
FIELDS: Final = frozenset(b"name flags db sub psub ssub cmd user resp lib-name lib-ver".split())


class Disagreement(AssertionError):
    """Two servers did not answer alike. str() is a transcript that shows it."""


@dataclass
class Client:
    """One client, with a connection to each server. `ids` are what CLIENT ID says there."""

    name: str
    sides: tuple[Connection, Connection]
    ids: tuple[bytes, bytes]
    listening: bool = False
    waits: Line | None = None
    lines: list[str] = field(default_factory=list)


class Stage:
    """A real server and ours. `over` is set where they differ as is known: what follows would differ for the same reason."""

    def __init__(self, real: Server, ours: Server, *, newer: bool) -> None:
        self.servers = real, ours
        self.newer = newer
        self.controls = tuple(Connection(server) for server in self.servers)
        self.clients: dict[str, Client] = {}
        self.lines: list[str] = []
        self.over = False
        self.commands = self._pings = 0

    def close(self) -> None:
        for client in self.clients.values():
            for side in client.sides:
                side.close()
        self.clients.clear()
        for control in self.controls:
            control.close()

    # -- acts -----------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Empty servers and fresh clients."""
        for client in self.clients.values():
            for side in client.sides:
                side.close()
        self._barrier()
        for control in self.controls:
            for line in ((b"FLUSHALL",), (b"SCRIPT", b"FLUSH"), (b"FUNCTION", b"FLUSH")):
                assert control.ask(*line) == b"+OK\r\n"
        self.clients = {name: self._connect(name) for name in NAMES}
        self.lines, self.over = [], False

    def say(self, name: str, *lines: Line, silent: int = 0) -> None:
        """Sends lines in one packet, and compares what comes: replies, messages, and what others get of it.

        `silent` of the lines have no reply.
        """
        client = self.clients[name]
        if self.over or client.waits is not None:
            return
        token = self._token()
        for at, side in enumerate(client.sides):
            side.send(b"".join(request(self._filled(line, at)) for line in (*lines, (b"PING", token))))
        self.commands += len(lines)
        self.lines += [f"{name}> {self._shown(line)}" for line in lines]
        pair = self._until(client, token)
        self._compare(client, lines, pair, expected=len(lines) - silent)
        if pair[0][-1:] == [CLOSED] and not self.over:
            self.clients[name] = self._connect(name)
        self._others(client)

    def listen(self, name: str, line: Line) -> None:
        """Says a line after which messages may come at any time."""
        self.clients[name].listening = True
        if len(line) > 1 and b"id:" in line[-1]:
            self.clients[line[-1][3:].decode()].listening = True
        self.say(name, line)

    def wait(self, name: str, line: Line) -> None:
        """Sends a line that may block the client."""
        client = self.clients[name]
        if self.over or client.waits is not None:
            return
        for at, side in enumerate(client.sides):
            side.send(request(self._filled(line, at)))
        self.commands += 1
        self.lines.append(f"{name}>> {self._shown(line)}")
        client.waits = line
        self._barrier()
        self._look_for(client)
        self._others(client)

    def end(self) -> None:
        """Compares what the servers hold."""
        if self.over:
            return

        def ask(lines: Iterable[Line]) -> list[tuple[bytes, bytes]]:
            payload, lines = b"".join(map(request, lines)), list(lines)
            for control in self.controls:
                control.send(payload)
            return [(self.controls[0].read(), self.controls[1].read()) for _ in lines]

        found = difference_in_what_is_stored(ask, newer=self.newer, version=self.servers[1].version)
        if found is not None:
            self.lines.append(f"a> {self._shown(found.what)}")
            raise self._disagreement([found.expected], [found.actual])

    # -- what comes back --------------------------------------------------------------------------------------------------

    def _until(self, client: Client, token: bytes) -> tuple[list[bytes], list[bytes]]:
        """All that came before the answer to PING, from each server."""
        end = b"$%d\r\n%b\r\n" % (len(token), token)
        found: tuple[list[bytes], list[bytes]] = [], []
        for side, replies in zip(client.sides, found, strict=True):
            while True:
                reply = side.read()
                if reply.endswith(end) and len(reply) < 60:
                    break
                replies.append(reply)
                if reply.startswith((CLOSED, NO_REPLY)):
                    break
        return found

    def _compare(
        self, client: Client, lines: tuple[Line, ...], pair: tuple[list[bytes], list[bytes]], expected: int
    ) -> None:
        real, ours = pair
        if sorted(real) == sorted(ours) and not expected:
            ours = real  # a client may hear of one message by several patterns, which are in no order
        if len(real) > expected:
            self.lines.append(f"{client.name}> @read {len(real) - expected}")
        if len(real) != len(ours):
            raise self._disagreement(real, ours)
        queued: list[Line] | None = None
        at = 0
        for one, two in zip(real, ours, strict=True):
            line = lines[min(at, len(lines) - 1)] if lines else ()
            at += not one.startswith(b">")
            if line[:1] == (b"EXEC",) and any("ltrim" in each.lower() for each in self.lines):
                line = (b"EXEC", b"LTRIM")
            left, right = self._normal(line, one, 0), self._normal(line, two, 1)
            verdict = known.verdict(line, left, right, queued, newer=self.newer)
            if verdict == "other":
                raise self._disagreement(real, ours)
            if verdict == "known":
                self.over = True
                return
            word = line[0].upper() if line else b""
            if one == b"+QUEUED\r\n" and queued is not None:
                queued.append(command_of(line))
            elif word in (b"MULTI", b"EXEC", b"DISCARD"):
                queued = [] if word == b"MULTI" else None

    def _others(self, speaker: Client) -> None:
        """What the other clients get of what one has done."""
        waiting = [each for each in self.clients.values() if each.waits is not None and each is not speaker]
        if waiting and not self.over:
            self._barrier()
            for each in waiting:
                self._look_for(each)
        for client in self.clients.values():
            if client is not speaker and client.listening and client.waits is None and not self.over:
                token = self._token()
                for side in client.sides:
                    side.send(request((b"PING", token)))
                pair = self._until(client, token)
                self._compare(client, (), pair, expected=0)
                if pair[0][-1:] == [CLOSED]:
                    self.clients[client.name] = self._connect(client.name)

    def _look_for(self, client: Client) -> None:
        """Whether a client that waits has been answered; a barrier was before."""
        real: list[bytes] = []
        ours: list[bytes] = []
        while _has_more(client.sides[0]) and real[-1:] != [CLOSED]:
            real.append(client.sides[0].read())
        while (len(ours) < len(real) or _has_more(client.sides[1])) and ours[-1:] != [CLOSED]:
            ours.append(client.sides[1].read())
            if ours[-1].startswith(NO_REPLY):
                break
        line = client.waits or ()
        if any(not each.startswith(b">") for each in real):
            client.waits = None
        self._compare(client, (line,), (real, ours), expected=0)
        if real[-1:] == [CLOSED] and not self.over:
            self.clients[client.name] = self._connect(client.name)

    def _disagreement(self, real: list[bytes], ours: list[bytes]) -> Disagreement:
        shown = [[line for reply in side for line in show(reply).splitlines()] for side in (real, ours)]
        difference = unified_diff(*shown, "real", "ours", n=2, lineterm="")
        text = "\n".join(["## a sequence that differs", *self.lines, *(f"#   {line}" for line in difference)])
        return Disagreement(text)

    # -- details ----------------------------------------------------------------------------------------------------------

    def _connect(self, name: str) -> Client:
        sides = Connection(self.servers[0]), Connection(self.servers[1])
        ids = tuple(side.ask(b"CLIENT", b"ID")[1:-2] for side in sides)
        return Client(name, sides, (ids[0], ids[1]))

    def _barrier(self) -> None:
        """Both servers have taken in what was sent, and sent what they have to say of it."""
        for _ in range(2):
            for control in self.controls:
                control.send(b"*1\r\n$4\r\nPING\r\n")
            for control in self.controls:
                assert control.read() == b"+PONG\r\n"

    def _token(self) -> bytes:
        self._pings += 1
        return b"ping-%06d" % self._pings

    def _filled(self, line: Line, side: int) -> Line:
        """With the clients' ids on that server for `id:a` and `id:b`."""
        return tuple(
            self.clients[word[3:].decode()].ids[side] if word in (b"id:a", b"id:b") else word for word in line
        )

    @staticmethod
    def _shown(line: Line) -> str:
        return " ".join(
            f"${{{word.decode().replace(chr(58), '')}}}" if word in (b"id:a", b"id:b") else quoted(word)
            for word in line
        )

    def _normal(self, line: Line, reply: bytes, side: int) -> bytes:
        """Without ids of clients, and what else of them depends on the server."""
        word = line[0].lower() if line else b""
        if word == b"hello" and reply[:1] in b"*%":
            return b"an introduction"
        if word != b"client":
            return reply
        for name, client in self.clients.items():
            reply = reply.replace(b":%b\r\n" % client.ids[side], b":<%b>\r\n" % name.encode())
        if line[1:2] and line[1].lower() in (b"info", b"list") and reply[:1] in b"$=":
            return _clients(decode(reply).value or b"")  # type: ignore[arg-type]
        return reply


_FIELD: Final = re.compile(rb"(\S+)=(\S*)")


def _clients(text: bytes) -> bytes:
    """Lines of CLIENT LIST, of the fields that can be compared."""
    lines = [
        b" ".join(b"%b=%b" % pair for pair in _FIELD.findall(line) if pair[0] in FIELDS)
        for line in text.splitlines()
    ]
    return b"\n".join(sorted(lines))


def _has_more(side: Connection) -> bool:
    return bool(side.buffer) or bool(select.select([side.socket], [], [], 0)[0])
