"""The options that FT.SEARCH and FT.AGGREGATE share, and those of FT.SEARCH."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from localstack_memorydb.engine.errors import CommandError, printable
from localstack_memorydb.engine.resp import Argv
from localstack_memorydb.engine.search.schema import Words

MOST_PARAMETERS: Final = 32
LONGEST_TIMEOUT: Final = 10_000
_MOST: Final = (1 << 31) - 1


@dataclass(slots=True)
class Options:
    """What a query may use: parameters by name, and milliseconds of time (None: as many as the cluster allows)."""

    parameters: dict[str, bytes] = field(default_factory=dict)
    timeout: int | None = None

    def accept(self, words: Words) -> bool:
        """Reads one option if it is one of these. Raises CommandError."""
        if words.accept("PARAMS"):
            count = words.integer("PARAMS count", 0, 1 << 16)
            if count % 2:
                raise CommandError("ERR PARAMS must be pairs of a name and a value")
            if count // 2 > MOST_PARAMETERS:
                raise CommandError(f"ERR The number of parameters cannot exceed {MOST_PARAMETERS}")
            for _ in range(count // 2):
                name = words.next().decode("utf-8", "surrogateescape")
                self.parameters[name] = words.next()
        elif words.accept("TIMEOUT"):
            self.timeout = words.integer("TIMEOUT", 1, LONGEST_TIMEOUT)
        elif words.accept("DIALECT"):
            words.integer("DIALECT", 1, 4)
        else:
            return False
        return True


def read_limit(words: Words) -> tuple[int, int]:
    """An offset and a count. Raises CommandError."""
    return words.integer("LIMIT offset", 0, _MOST), words.integer("LIMIT count", 0, _MOST)


@dataclass(slots=True)
class SearchRequest:
    """The options of FT.SEARCH. `returned` are the fields to return, each with its name in the answer; None: everything."""

    options: Options = field(default_factory=Options)
    returned: list[tuple[bytes, bytes]] | None = None
    limit: tuple[int, int] = (0, 10)
    order: tuple[bytes, bool] | None = None


def parse_search(argv: Argv, at: int) -> SearchRequest:
    """Reads the options of FT.SEARCH from that place on. Raises CommandError."""
    words, request = Words(argv, at), SearchRequest()
    while words:
        if request.options.accept(words):
            continue
        if words.accept("LIMIT"):
            request.limit = read_limit(words)
        elif words.accept("COUNT"):
            request.limit = (0, 0)
        elif words.accept("RETURN"):
            request.returned = _returned(argv, words.take(words.integer("RETURN count", 0, 1 << 16)))
        elif words.accept("SORTBY"):
            name = words.next().removeprefix(b"@")
            request.order = name, words.accept("DESC")
            words.accept("ASC")
        else:
            raise CommandError(f"ERR Unknown argument: {printable(words.next())}")
    return request


def _returned(argv: Argv, tokens: list[bytes]) -> list[tuple[bytes, bytes]]:
    words, chosen = Words([argv[0], *tokens], 1), []
    while words:
        name = words.next().removeprefix(b"@")
        chosen.append((name, words.next() if words.accept("AS") else name))
    return chosen
