"""Commands to our engine alone, which has a log: none fails by a fault of ours, a refusal changes nothing, and what comes back
from the log is what was there."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, Final

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.resp import encode_request
from tests.differential.wire import end_of_reply
from tests.unit.cluster_without_sockets import NOW, Client
from tests.unit.test_storage import contents, kept, restarted

from . import documents
from .grammar import Grammar
from .scripts import command_of, scripted
from .sequences import beginning
from .transcribing import quoted

Line = tuple[bytes, ...]

SEARCHES: Final[list[Line]] = [
    (b"FT._LIST",),
    (b"FT._ALIASLIST",),
    *((b"FT.SEARCH", name, b"*") for name in documents.INDEXES),
    *((b"FT.SEARCH", name, b"@n:[-inf inf]", b"NOCONTENT") for name in documents.INDEXES),
]
# Their errors may come when something has been done: a script's, and that of the first command in a transaction.
PARTIAL: Final = frozenset(b"eval eval_ro evalsha evalsha_ro fcall fcall_ro exec".split())


class Keeper:
    """A cluster in a directory, one client of it, and all that was said."""

    def __init__(self, directory: Path, engine_version: str) -> None:
        self.cluster: Cluster = kept(directory, version=engine_version, search=True)
        self.said: list[Line] = []
        self._connect()

    def _connect(self) -> None:
        self.client = Client(self.cluster.shards[0].primary)

    def ask(self, line: Line) -> bytes:
        return self.client.session.receive(encode_request(list(line)), NOW)

    def state(self) -> Any:
        return contents(self.cluster), [self.ask(line) for line in SEARCHES[:2]]

    def found(self) -> list[list[bytes]]:
        """What searches find, which is in no order."""
        return [sorted(self.ask(line).split(b"\r\n")) for line in SEARCHES]

    def say(self, line: Line) -> str | None:
        """What is wrong with the answer; None for nothing."""
        self.said.append(line)
        before = self.state()
        reply = self.ask(line)
        if self.client.session.blocked is not None or self.client.session.closing:
            self.client.session.disconnect()
            self._connect()
            return None
        if not reply or end_of_reply(reply) != len(reply) or reply.startswith(b"-ERR internal"):
            return f"{line!r}\n  {reply[:300]!r}"
        alone = command_of(line) == line and line[0].lower() not in PARTIAL
        if reply.startswith(b"-") and alone and self.state() != before:
            return f"refused, and has changed something: {line!r}\n  {reply[:300]!r}"
        return None

    def restart(self) -> str | None:
        """What is not as it was when the cluster comes back."""
        self.client.session.disconnect()
        self._connect()
        before = contents(self.cluster), self.found()
        self.cluster = restarted(self.cluster)
        self._connect()
        after = contents(self.cluster), self.found()
        if before == after:
            return None
        keys = [key for key in {*before[0], *after[0]} if before[0].get(key) != after[0].get(key)]
        found = [(key, before[0].get(key), after[0].get(key)) for key in keys]
        searches = [pair for pair in zip(before[1], after[1], strict=True) if pair[0] != pair[1]]
        lines = "\n".join(" ".join(map(quoted, line)) for line in self.said)
        return f"{lines}\n{found!r}\n{searches!r}"


def play(directory: Path, seed: str, commands: int, *, engine_version: str = "7.2") -> str | None:
    """What is wrong with one of so many commands, or with what comes back; None for nothing."""
    rng = Random(seed)
    keeper = Keeper(directory, engine_version)
    grammar = Grammar(engine_version)
    families = list(grammar.families)
    for line in beginning(rng):
        keeper.ask(line)
    while len(keeper.said) < commands:
        roll = rng.random()
        lines: list[Line] = [documents.draw(rng)]
        if roll < 0.3:
            lines = [tuple(grammar.line(rng, rng.choice(families), waits=False))]
        elif roll < 0.4:
            lines = scripted(rng, grammar, tuple(grammar.line(rng, rng.choice(families), waits=False)))
        elif roll < 0.5:
            block = [tuple(grammar.line(rng, rng.choice(families), waits=True)) for _ in range(3)]
            lines = [(b"MULTI",), documents.document(rng), *block, (b"EXEC",)]
        for line in lines:
            wrong = keeper.say(line)
            if wrong is not None:
                return wrong
    return keeper.restart()
