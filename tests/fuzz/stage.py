"""A few clients of two servers: what is said to one server is said to the other, and their answers must agree.

All that was said is kept, as a transcript for tests/differential.
"""

from __future__ import annotations

import re
import select
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from difflib import unified_diff
from typing import Final

from tests.differential.player import CLOSED, NO_REPLY, Connection
from tests.differential.player import play as replay
from tests.differential.transcript import parse
from tests.differential.wire import decode, encode, request, show
from tests.differential.witness import Server, witness

from . import known
from .scripts import command_of
from .stored import Line, difference_in_what_is_stored
from .transcribing import quoted

ID_WORDS: Final = frozenset({b"id:a", b"id:b", b"id:d"})
PONG: Final = b"+PONG\r\n"
SILENT_SECONDS: Final = 60.0  # ours has answered by then, on a machine with much to do
NAMES: Final = ("a", "b", "c", "d")  # c only releases the others, and listens
# Of a packet of more than that a real server reads a part at a time, how much depends on its buffer's past, and it tells those
# who track keys by their prefixes after each part; ours tells them once. So where anybody does, packets are shorter.
PIECE: Final = 8_000
# Of CLIENT LIST: what does not depend on the server's memory, clock, sockets or release.
FIELDS: Final = frozenset(b"name flags db sub psub ssub cmd user resp lib-name lib-ver".split())


class Disagreement(AssertionError):
    """Two servers did not answer alike. str() is a transcript that shows it; those with the same `signature` have most likely
    the same cause."""

    def __init__(self, text: str, signature: tuple[bytes, ...]) -> None:
        super().__init__(text)
        self.signature = signature

    def judged(self, other: Server, ours: Server) -> str:
        """What another real server says to the transcript."""
        (scenario,) = parse("fuzz", str(self))
        found = replay(scenario, other, ours, newer=False)
        return "".join(f"#   {line}\n" for each in found[:3] for line in str(each).splitlines())


@dataclass
class Client:
    """One client, with a connection to each server. `ids` are what CLIENT ID says there."""

    name: str
    sides: tuple[Connection, Connection]
    ids: tuple[bytes, bytes]
    listening: bool = False
    waits: Line | None = None
    lines: list[str] = field(default_factory=list)


class Mortal:
    """A real server of a kind, and another one whenever that has died."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._running = ExitStack()

    def start(self) -> Server:
        self._running.close()
        return self._running.enter_context(witness(self.kind))

    def close(self) -> None:
        self._running.close()


class Stage:
    """A real server and ours. `over` is set where they differ as is known: what follows would differ for the same reason;
    and where the real server has died, which `again` starts anew for the next sequence. `settings` are the parameters
    that ours has; a real one is given them.

    `seen` has the signatures of differences that were found before.
    """

    def __init__(
        self,
        real: Server,
        ours: Server,
        *,
        newer: bool,
        again: Callable[[], Server] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.servers = real, ours
        self.newer = newer
        self.again = again
        self.settings = settings or {}
        self.controls = [Connection(server) for server in self.servers]
        self.clients: dict[str, Client] = {}
        self.acts: list[tuple[str, Line | str]] = []
        self.seen: set[tuple[bytes, ...]] = set()
        self.over = self.dead = self.broadcasts = False
        self.begins: Callable[[], None] = lambda: None
        self.says: Callable[[Line], None] = lambda line: None
        self.hears: Callable[[Line, bytes], None] = lambda line, reply: None
        self.commands = self.deaths = self._pings = 0

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
        self._ready()
        lines = [(b"FLUSHALL",), (b"SCRIPT", b"FLUSH")]
        if self.servers[0].version >= (7,):
            lines.append((b"FUNCTION", b"FLUSH"))
        for name, value in self.settings.items():
            answer = self.controls[0].ask(b"CONFIG", b"SET", name.encode(), value.encode())
            assert answer == b"+OK\r\n", (name, answer)
        for control in self.controls:
            for line in lines:
                answer = control.ask(*line)
                assert answer == b"+OK\r\n", (line, answer)
        self.clients = {name: self._connect(name) for name in NAMES}
        self.acts, self.over, self.broadcasts = [], False, False
        self.begins()

    def say(self, name: str, *lines: Line, silent: int = 0) -> None:
        """Sends lines in one packet, and compares what comes: replies, messages, and what others get of it.

        `silent` of the lines have no reply.
        """
        if self.broadcasts:
            parts = _parts(lines)
            if len(parts) > 1 and (
                silent or (b"MULTI",) in lines
            ):  # PING, which ends a part, has no answer there
                return
            for part in parts[:-1]:
                self._say(name, part)
            lines = parts[-1]
        self._say(name, lines, silent)

    def _say(self, name: str, lines: tuple[Line, ...], silent: int = 0) -> None:
        if self.over:
            return
        client = self.clients[name] if name == "c" else self._free(name)
        name = client.name
        token = self._token()
        for at, side in enumerate(client.sides):
            side.send(b"".join(request(self._filled(line, at)) for line in (*lines, (b"PING", token))))
        self._count(*lines)
        self.acts += [(f"{name}>", line) for line in lines]
        pair = self._until(client, token)
        self._compare(client, lines, pair, expected=len(lines) - silent)
        if pair[0][-1:] == [CLOSED] and not self.over:
            self._reconnect(client)
        self._others(client)

    def listen(self, name: str, *lines: Line) -> None:
        """Says lines after which messages may come at any time."""
        self.clients[name].listening = True
        for line in lines:
            self.broadcasts = self.broadcasts or b"BCAST" in line
            if len(line) > 1 and line[1].upper() == b"TRACKING" and b"id:" in line[-1]:
                self.clients[line[-1][3:].decode()].listening = True
        self.say(name, *lines)

    def wait(self, name: str, line: Line) -> None:
        """Sends a line that may block the client."""
        if self.over:
            return
        client = self._free(name)
        name = client.name
        for at, side in enumerate(client.sides):
            side.send(request(self._filled(line, at)))
        self._count(line)
        self.acts.append((f"{name}>>", line))
        client.waits = line
        if not self._barrier():
            return
        self._look_for(client)
        self._others(client)

    def pass_time(self, name: str, keys: Iterable[bytes]) -> None:
        """Some keys expire, and nobody looks at them meanwhile."""
        self.say(name, *((b"PEXPIRE", key, b"1") for key in keys))
        time.sleep(0.005)
        self.acts += [(f"{name}>", f"@until -2 TTL {quoted(key)}") for key in keys]

    def end(self) -> None:
        """Compares what the servers hold."""
        if self.over or not self._barrier():
            return

        def ask(lines: Iterable[Line]) -> list[tuple[bytes, bytes]]:
            payload, lines = b"".join(map(request, lines)), list(lines)
            for control in self.controls:
                control.send(payload)
            return [(self.controls[0].read(), self.controls[1].read()) for _ in lines]

        found = difference_in_what_is_stored(
            ask,
            newer=self.newer,
            version=self.servers[1].version,
            used="lru" in self.settings.get("maxmemory-policy", ""),
        )
        if found is not None and self._barrier():
            self.acts.append(("a>", found.what))
            self._disagree(found.what, [found.expected], [found.actual])

    def dumps(self, lines: Iterable[Line]) -> list[bytes]:
        """What our engine makes of the keys that lines leave, as DUMP does."""
        ours = self.controls[1]
        for line in lines:
            ours.ask(*line)
        found = [
            decode(ours.ask(b"DUMP", key.value)).value
            for key in decode(ours.ask(b"KEYS", b"*")).children
            if isinstance(key.value, bytes)
        ]
        assert ours.ask(b"UNWATCH") == b"+OK\r\n"
        return [dump for dump in found if isinstance(dump, bytes)]

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
        if (
            any(each[-1:] and each[-1].startswith((CLOSED, NO_REPLY)) for each in pair)
            and not self._barrier()
        ):
            return
        if real != ours:
            ours = _in_order(real, ours)
        if len(real) > expected:
            self.acts.append((f"{client.name}>", f"@read {len(real) - expected}"))
        if real != ours and (
            (len(real) != len(ours) and known.is_told_before_it_is_killed(self._said(), real, ours))
            or (self.newer and known.tells_of_trimming(self._said(), real, ours))
            or (self.newer and known.forgets_who_waits(self._said(), real, ours))
            or known.tells_of_expiry(self._said(), real, ours)
            or known.tells_patterns_in_another_order(lines, real, ours)
        ):
            self.over = True
            return
        queued: list[Line] | None = None
        at = 0
        for one, two in zip(real, ours, strict=False):
            line = lines[min(at, len(lines) - 1)] if lines else ()
            at += not one.startswith(b">")
            if line[:1] == (b"EXEC",) and known.trims_what_is_watched(self._said_by(), client.name):
                line = (b"EXEC", b"LTRIM")
            left, right = self._normal(line, one, 0), self._normal(line, two, 1)
            verdict = known.verdict(line, left, right, queued, newer=self.newer)
            if verdict == "other":
                self._disagree(line, *(([one], [two]) if len(real) == len(ours) else (real, ours)))
            if verdict == "known":
                self.over = True
            if self.over:
                return
            word = line[0].upper() if line else b""
            if word == b"EXEC" and queued and one[:1] == b"*":
                for inner, reply in zip(queued, decode(one).children, strict=False):
                    self.hears(inner, encode(reply))
            elif line and one != b"+QUEUED\r\n" and one[:1] != b">":
                self.hears(command_of(line), one)
            if one == b"+QUEUED\r\n" and queued is not None:
                queued.append(command_of(line))
            elif word == b"MULTI" and one == b"+OK\r\n":
                queued = []
            elif word in (b"EXEC", b"DISCARD", b"RESET"):
                queued = None
        if len(real) != len(ours):
            self._disagree(lines[-1] if lines else (b"messages",), real, ours)

    def _others(self, speaker: Client) -> None:
        """What the other clients get of what one has done."""
        waiting = [each for each in self.clients.values() if each.waits is not None and each is not speaker]
        if waiting and not self.over and self._barrier():
            for each in waiting:
                if not self.over:
                    self._look_for(each)
        for client in self.clients.values():
            if client is not speaker and client.listening and client.waits is None and not self.over:
                token = self._token()
                for side in client.sides:
                    side.send(request((b"PING", token)))
                pair = self._until(client, token)
                self._compare(client, (), pair, expected=0)
                if pair[0][-1:] == [CLOSED] and not self.over:
                    self._reconnect(client)

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
            self._reconnect(client)

    def _disagree(self, what: Line, real: list[bytes], ours: list[bytes]) -> None:
        """Raises Disagreement, unless there was such a one before."""
        shown = [[line for reply in side for line in show(reply).splitlines()] for side in (real, ours)]
        difference = unified_diff(*shown, "real", "ours", n=2, lineterm="")
        lines = [f"{who} {act if isinstance(act, str) else self._shown(act)}" for who, act in self.acts]
        lines = [re.sub(r"> HELLO ([23])$", r"> @resp\1", line) for line in lines]
        names = [name for name in NAMES if any(f"${{id{name}}}" in line for line in lines)]
        text = "\n".join(
            [
                "## a sequence that differs",
                *(f"{name}> @let id{name} CLIENT ID" for name in names),
                *lines,
                *(f"#   {line}" for line in difference),
            ]
        )
        errors = [reply[:40] for side in (real[-1:], ours[-1:]) for reply in side if reply[:1] == b"-"]
        kinds = [reply[:1] for side in (real[-1:], ours[-1:]) for reply in side]
        signature = ((what[0].lower() if what else b""), *kinds, *errors)
        self.over = True
        if signature not in self.seen:
            raise Disagreement(text, signature)

    def _count(self, *lines: Line) -> None:
        self.commands += len(lines)
        for line in lines:
            self.says(line)

    def _said(self) -> list[Line]:
        """The lines of this sequence up to now."""
        return [line for _, line in self._said_by()]

    def _said_by(self) -> list[tuple[str, Line]]:
        """The same, and who said each."""
        return [(who.rstrip(">"), act) for who, act in self.acts if not isinstance(act, str)]

    # -- details ----------------------------------------------------------------------------------------------------------

    def _free(self, name: str) -> Client:
        """The client, or another one where it waits; where all wait it is released."""
        for each in (self.clients[name], *self.clients.values()):
            if each.waits is None and each.name != "c":
                return each
        self.say("c", (b"CLIENT", b"UNBLOCK", f"id:{name}".encode()))
        return self.clients[name]

    def _reconnect(self, client: Client) -> None:
        for side in client.sides:
            side.close()
        self.clients[client.name] = self._connect(client.name)

    def _connect(self, name: str) -> Client:
        sides = Connection(self.servers[0]), Connection(self.servers[1])
        ids = tuple(side.ask(b"CLIENT", b"ID")[1:-2] for side in sides)
        return Client(name, sides, (ids[0], ids[1]))

    def _barrier(self) -> bool:
        """Both servers have taken in what was sent, and sent what they have to say of it. Not when the real one is no more:
        then the sequence is over."""
        for _ in range(2):
            for control in self.controls:
                control.send(request((b"PING",)))
            answers = self.controls[0].read(), self.controls[1].read(SILENT_SECONDS)
            if answers[0] != PONG:
                self._died(answers[0])
                return False
            if answers[1] != PONG:
                self._disagree((b"PING",), [PONG], [answers[1]])
                return False
        return True

    def _died(self, answer: bytes) -> None:
        self.over = self.dead = True
        self.deaths += 1
        said = "\n".join(
            f"#   {who} {act if isinstance(act, str) else self._shown(act)}" for who, act in self.acts
        )
        print(
            f"# the real server died ({show(answer)}); this sequence ends here:\n{said[-2000:]}{self._last_words()}",
            file=sys.stderr,
            flush=True,
        )

    def _last_words(self) -> str:
        log = self.servers[0].log
        if log is None or not log.exists():
            return ""
        text = log.read_text("utf-8", "replace")
        found = re.findall(
            r"(?:crashed by signal|ASSERTION FAILED|==>|in \w+\.c).*|^/.*\+0x.*", text, re.MULTILINE
        )
        return "".join(f"\n#   {line}" for line in found[:12])

    def _ready(self) -> None:
        """Both servers answer, the real one started anew where it has died, and nothing from before is on its way."""
        if not self.dead and self._barrier():
            return
        for control in self.controls:
            control.close()
        if self.dead and self.again is not None:
            self.servers = self.again(), self.servers[1]
        self.controls = [Connection(server) for server in self.servers]
        self.dead = False
        assert self._barrier(), "a server does not answer any more"

    def _token(self) -> bytes:
        self._pings += 1
        return b"ping-%06d" % self._pings

    def _filled(self, line: Line, side: int) -> Line:
        """With the clients' ids on that server for ID_WORDS."""
        return tuple(self.clients[word[3:].decode()].ids[side] if word in ID_WORDS else word for word in line)

    @staticmethod
    def _shown(line: Line) -> str:
        return " ".join(
            f"${{{word.decode().replace(chr(58), '')}}}" if word in ID_WORDS else quoted(word)
            for word in line
        )

    def _normal(self, line: Line, reply: bytes, side: int) -> bytes:
        """Without ids of clients, and what else of them depends on the server."""
        word = line[0].lower() if line else b""
        # HELLO's answer: behind confirmations of subscriptions it may be taken for another line's.
        if _INTRODUCTION(reply):
            return b"an introduction"
        if word != b"client":
            return reply
        for name, client in self.clients.items():
            reply = reply.replace(b":%b\r\n" % client.ids[side], b":<%b>\r\n" % name.encode())
        if line[1:2] and line[1].lower() in (b"info", b"list") and reply[:1] in b"$=":
            return _clients(decode(reply).value or b"")  # type: ignore[arg-type]
        return reply


def _parts(lines: tuple[Line, ...]) -> list[tuple[Line, ...]]:
    """The lines, so many at a time that they make a short packet."""
    parts: list[list[Line]] = [[]]
    size = 0
    for line in lines:
        length = len(request(line))
        if parts[-1] and size + length > PIECE:
            parts.append([])
            size = 0
        parts[-1].append(line)
        size += length
    return [tuple(part) for part in parts]


_INTRODUCTION: Final = re.compile(rb"[*%]\d+\r\n\$6\r\nserver\r\n").match
_FIELD: Final = re.compile(rb"(\S+)=(\S*)")


def _clients(text: bytes) -> bytes:
    """Lines of CLIENT LIST, of the fields that can be compared."""
    lines = [
        b" ".join(b"%b=%b" % pair for pair in _FIELD.findall(line) if pair[0] in FIELDS)
        for line in text.splitlines()
    ]
    return b"\n".join(sorted(lines))


def _in_order(real: list[bytes], ours: list[bytes]) -> list[bytes]:
    """Our answers; where they have the same messages by patterns as the real ones, in their order, which is none."""
    places = [at for at, reply in enumerate(real) if b"$8\r\npmessage\r\n" in reply[:20]]
    if len(real) != len(ours) or sorted(real[at] for at in places) != sorted(ours[at] for at in places):
        return ours
    return [real[at] if at in places else reply for at, reply in enumerate(ours)]


def _has_more(side: Connection) -> bool:
    return bool(side.buffer) or bool(select.select([side.socket], [], [], 0)[0])
