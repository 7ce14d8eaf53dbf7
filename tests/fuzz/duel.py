"""Plays sequences on two servers, compares replies and then everything that is stored, and shrinks what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from typing import Final

from tests.differential.player import CLOSED, NO_REPLY, Connection
from tests.differential.wire import decode, encode, request, show
from tests.differential.witness import Server

from . import comparing, known
from .sequences import Sequence, command_of

CONTENT: Final[dict[bytes, list[list[bytes]]]] = {
    b"string": [[b"GET"]],
    b"list": [[b"LRANGE", b"0", b"-1"]],
    b"set": [[b"SMEMBERS"]],
    b"hash": [[b"HGETALL"]],
    b"zset": [[b"ZRANGE", b"0", b"-1", b"WITHSCORES"]],
    b"stream": [[b"XRANGE", b"-", b"+"], [b"XINFO STREAM", b"FULL", b"COUNT", b"0"]],
}
# Encodings whose order is settled. A set's listpack may have been filled from a hash table (SINTERSTORE).
ORDERED: Final = {b"set": (b"intset",), b"hash": (b"listpack", b"ziplist")}


@dataclass(frozen=True, slots=True)
class Difference:
    """A line whose replies are not the same, or a key whose contents are not."""

    what: tuple[bytes, ...]
    expected: bytes
    actual: bytes

    def signature(self) -> tuple[bytes, ...]:
        """Differences with the same one have most likely the same cause."""
        name = self.what[0].lower() if self.what else b""
        return (
            name,
            self.expected[:1],
            self.actual[:1],
            *(each[:40] for each in (self.expected, self.actual) if each[:1] == b"-"),
        )


class Duel:
    """A real server and ours, one connection to each."""

    def __init__(self, real: Server, ours: Server, *, newer: bool = True) -> None:
        self.servers = real, ours
        self.newer = newer
        self.sides = [Connection(server) for server in self.servers]
        self.commands = 0

    def close(self) -> None:
        for side in self.sides:
            side.close()

    def ask(self, lines: list[tuple[bytes, ...]]) -> list[tuple[bytes, bytes]]:
        """The two servers' replies to each line of a pipeline."""
        payload = b"".join(map(request, lines))
        for side in self.sides:
            side.send(payload)
        pairs = []
        for _ in lines:
            pair = self.sides[0].read(), self.sides[1].read()
            pairs.append(pair)
            if any(each.startswith((CLOSED, NO_REPLY)) for each in pair):
                self.close()
                self.sides = [Connection(server) for server in self.servers]
                break
        return pairs

    def payloads(self, sequences: list[Sequence]) -> list[bytes]:
        """What our engine makes of the values that the sequences leave, as DUMP does."""
        found = []
        for sequence in sequences:
            self.play(sequence)
            ours = self.sides[1]
            for key in decode(ours.ask(b"KEYS", b"*")).children:
                if isinstance(key.value, bytes) and isinstance(
                    dump := decode(ours.ask(b"DUMP", key.value)).value, bytes
                ):
                    found.append(dump)
        return found

    def play(self, sequence: Sequence) -> Difference | None:
        """The first difference in a sequence, on empty servers."""
        opening = [(b"RESET",), (b"HELLO", b"%d" % sequence.protocol), (b"FLUSHALL",)]
        replies = self.ask([*opening, *sequence.lines])[len(opening) :]
        self.commands += len(sequence.lines)
        queued: list[tuple[bytes, ...]] = []
        for line, (real, ours) in zip(sequence.lines, replies, strict=False):
            command = command_of(line)
            word = line[0].upper()
            if word in (b"MULTI", b"DISCARD") and real[:1] == b"+":
                queued = []
            if word == b"EXEC":
                agreed = self._same_transaction(queued, real, ours)
                if any(command_of(each)[0].upper() == b"LTRIM" for each in sequence.lines):
                    command = (b"EXEC", b"LTRIM")
                queued = []
            else:
                agreed = comparing.same(command, real, ours)
            if real == b"+QUEUED\r\n":
                queued.append(command)
            if not agreed and not known.is_known(command, real, ours, newer=self.newer):
                return Difference(line, real, ours)
            refused = real[:1] == ours[:1] == b"-" and word not in (b"WATCH", b"EXEC")
            if not agreed and not refused:
                return None  # what follows would differ for the same reason
        return self._stored()

    def _same_transaction(self, queued: list[tuple[bytes, ...]], real: bytes, ours: bytes) -> bool:
        if real == ours:
            return True
        if real[:1] != b"*" or ours[:1] != b"*":
            return False
        left, right = decode(real).children, decode(ours).children
        return len(left) == len(right) == len(queued) and all(
            comparing.same(command, encode(one), encode(two))
            or known.is_known(command, encode(one), encode(two), newer=self.newer)
            for command, one, two in zip(queued, left, right, strict=True)
        )

    def _stored(self) -> Difference | None:
        """Compares all keys: type, encoding, expiry and contents, with their order where it is settled."""
        keys = (b"KEYS", b"*")
        ((real, ours),) = self.ask([keys])
        if not comparing.same(keys, real, ours):
            return Difference(keys, real, ours)
        names = [each.value for each in decode(real).children if isinstance(each.value, bytes)]
        about = [(b"TYPE",), (b"OBJECT", b"ENCODING"), (b"PEXPIRETIME",)]
        if not self.newer and self.servers[1].version < (7, 0):
            about.pop()
        lines = [(*words, name) for name in names for words in about]
        replies = self.ask(lines)
        for line, (real, ours) in zip(lines, replies, strict=True):
            if not comparing.same(line, real, ours) and not known.is_known(
                line, real, ours, newer=self.newer
            ):
                return Difference(line, real, ours)
        step = len(about)
        contents = []
        for at, name in enumerate(names):
            kind, encoding = replies[at * step][0][1:-2], replies[at * step + 1][0].split(b"\r\n")[1]
            for words in CONTENT[kind]:
                contents.append(((*words[0].split(), name, *words[1:]), encoding in ORDERED.get(kind, ())))
        for (line, ordered), (real, ours) in zip(
            contents, self.ask([line for line, _ in contents]), strict=True
        ):
            if real == ours or (not ordered and comparing.same(line, real, ours)):
                continue
            if not known.is_known(line, real, ours, newer=self.newer):
                return Difference(line, real, ours)
        return None


def shrink(sequence: Sequence, differs: Callable[[Sequence], bool]) -> Sequence:
    """The fewest lines that still differ (delta debugging), then the fewest arguments."""
    lines = list(sequence.lines)
    size = max(len(lines) // 2, 1)
    while True:
        at = 0
        while at < len(lines):
            fewer = lines[:at] + lines[at + size :]
            if differs(sequence.of(fewer)):
                lines = fewer
            else:
                at += size
        if size == 1:
            break
        size = max(size // 2, 1)
    for place, line in enumerate(lines):
        at = len(line) - 1
        while at > 0:
            shorter = line[:at] + line[at + 1 :]
            if differs(sequence.of([*lines[:place], shorter, *lines[place + 1 :]])):
                line = shorter
                lines[place] = line
            at -= 1
    if sequence.protocol == 3 and differs(Sequence(2, tuple(lines))):
        return Sequence(2, tuple(lines))
    return sequence.of(lines)


def quoted(word: bytes) -> str:
    """As a transcript has it."""
    text = word.decode("latin-1")
    if (
        text
        and all(char.isalnum() or char in "{}-+.:*_()[?]^@!~&%<>=/,;|$#" for char in text)
        and text.isascii()
    ):
        return text if text[0] not in "#@" else f'"{text}"'
    escaped = "".join(
        char
        if " " <= char <= "~" and char not in '"\\'
        else f"\\x{ord(char):02x}"
        if char not in '"\\'
        else "\\" + char
        for char in text
    )
    return f'"{escaped}"'


def transcript(sequence: Sequence, difference: Difference, title: str) -> str:
    """The sequence for a file in tests/differential/transcripts, with the two answers as a comment."""
    lines = [f"## {title}"]
    if sequence.protocol == 3:
        lines.append("@resp3")
    lines += [" ".join(quoted(word) for word in line) for line in sequence.lines]
    if difference.what not in sequence.lines:
        lines.append(" ".join(quoted(word) for word in difference.what))
    real, ours = (show(reply).splitlines() for reply in (difference.expected, difference.actual))
    lines += [f"#   {line}" for line in unified_diff(real, ours, "real", "ours", n=2, lineterm="")][:40]
    return "\n".join(lines)
