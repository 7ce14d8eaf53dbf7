"""How often each command, subcommand and option of an engine's table was said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from .grammar import Grammar
from .scripts import command_of

Line = tuple[bytes, ...]

# Of these no real server can say whether we are right, or not here, and where they are tried instead.
WITHOUT_WITNESS: Final = {
    "no server at hand has JSON; the part of the log draws documents, tests/unit has the rest": "json.arrappend json.arrindex "
    "json.arrinsert json.arrlen json.arrpop json.arrtrim json.clear json.debug json.del json.forget json.get json.mget json.mset "
    "json.numincrby json.nummultby json.objkeys json.objlen json.resp json.set json.strappend json.strlen json.toggle json.type",
    "the connection says what others do from then on: transcripts/observing.txt": "monitor",
    "takes seconds: transcripts/hyperloglogs.txt": "pfselftest",
}
EXCUSED: Final = {name for names in WITHOUT_WITNESS.values() for name in names.split()}
# Options that would end or debug the tool's own connections; an ID of the clock.
NOT_SAID: Final = {
    "client|kill NORMAL",
    "client|kill PUBSUB",
    "script|debug YES",
    "script|debug SYNC",
    "xadd *",
}
# Since 9.0 these mean something else, so that Redis is asked only.
OF_REDIS: Final = {"move", "copy DB", "sort BY", "sort GET", "sort_ro BY", "sort_ro GET"}


def tokens(arguments: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """The words that options begin with."""
    for argument in arguments:
        if argument.get("token"):
            yield argument["token"].encode().upper()
        yield from tokens(argument.get("arguments", ()))


class Coverage:
    """Counts lines; a script or function counts, and the command in it, too."""

    def __init__(self, grammar: Grammar) -> None:
        self.table = grammar.table
        self.left_out = EXCUSED | NOT_SAID | (OF_REDIS if grammar.newer else set())
        self.options = {name: frozenset(tokens(grammar.arguments(name))) for name in grammar.names()}
        self.commands = Counter(dict.fromkeys(self.options, 0))
        self.answers, self.errors = Counter[str](), Counter[str]()
        self.tokens = Counter({(name, token): 0 for name in self.options for token in self.options[name]})

    def count(self, line: Line) -> None:
        self._count(line)
        inner = command_of(line)
        if inner is not line and inner != line:
            self._count(inner)

    def _count(self, line: Line) -> None:
        command = self.table.find(line[0]) if line else None
        if command is None:
            return
        if command.subcommands and len(line) > 1:
            command = command.subcommands.get(line[1].lower(), command)
        if command.name not in self.options:
            return
        self.commands[command.name] += 1
        for word in {word.upper() for word in line[1:]} & self.options[command.name]:
            self.tokens[command.name, word] += 1

    def hear(self, line: Line, reply: bytes) -> None:
        """Counts what a real server answered: a fuzz that is mostly refused tests little."""
        name = line[0].lower().decode("latin-1")
        self.answers[name] += 1
        self.errors[name] += reply[:1] == b"-"

    @property
    def refused(self) -> float:
        """The share of the answers that were errors."""
        return self.errors.total() / max(self.answers.total(), 1)

    def never(self) -> tuple[list[str], list[str]]:
        """The commands that were not said, and the options that were not though their command was."""
        unsaid = (
            (name, token) for (name, token), times in self.tokens.items() if not times and self.commands[name]
        )
        options = {f"{name} {token.decode()}" for name, token in unsaid}
        names = {name for name, times in self.commands.items() if not times}
        return sorted(names - self.left_out), sorted(options - self.left_out)

    def _share(self, name: str) -> str:
        word = name.partition("|")[0]
        return f"{self.errors[word] / self.answers[word]:.0%}" if self.answers[word] else "-"

    def report(self) -> str:
        """A table: the command and how often it came, the least often first, the share of errors and its options behind it."""
        rows = [
            " ".join(
                [
                    f"{times:>6} {name} {self._share(name)}",
                    *(f"{token.decode()}={self.tokens[name, token]}" for token in sorted(self.options[name])),
                ]
            )
            for name, times in sorted(self.commands.items(), key=lambda pair: (pair[1], pair[0]))
        ]
        names, options = self.never()
        return "\n".join(
            [*rows, f"never: {' '.join(names) or '-'}", f"options never: {', '.join(options) or '-'}"]
        )
