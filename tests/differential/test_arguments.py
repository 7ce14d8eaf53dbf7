"""Every command and subcommand with arguments that mean nothing, from none to six: refused with the same words.

What is not refused is only compared by type. A subcommand that nobody has is tried for each container.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localstack_memorydb.engine.registry import CommandTable, command_table

from .conftest import Servers
from .player import Connection
from .subject import ENGINE_VERSIONS
from .wire import request
from .witness import Server

WORDS = (b"a", b"1", b"help")

# They wait, stream or end the connection instead of answering; PFSELFTEST takes a second; the pause is for all clients.
SILENT = frozenset("client|pause client|reply monitor pfselftest quit wait waitaof".split())

# What 9.1 reads otherwise than 7.2: databases in a cluster, ends that may be left out, other scripting engines.
NEWER = frozenset("bitcount client|unblock evalsha evalsha_ro lolwut move script|debug select".split())


def spellings(table: CommandTable) -> Iterator[tuple[str, list[bytes]]]:
    """Every command without arguments, by full name."""
    for command in table.top:
        if command.name.startswith("json."):
            continue
        word = command.name.encode()
        yield command.name, [word]
        for leaf in command.subcommands:
            yield f"{command.name}|{leaf.decode()}", [word, leaf]
        if command.subcommands:
            yield f"{command.name}|nosuch", [word, b"nosuch"]


def refusals(server: Server, start: list[bytes], word: bytes) -> list[bytes]:
    """The answers to the command with more and more arguments: errors in full, of others the type."""
    connection = Connection(server)
    try:
        answers = []
        for count in range(7):
            connection.send(request([*start, *[word] * count]))
            answer = connection.read()
            answers.append(answer if answer[:1] == b"-" else answer[:1])
            if start[0] in {b"subscribe", b"psubscribe", b"ssubscribe", b"multi", b"hello", b"reset"}:
                connection.close()
                connection = Connection(server)
        return answers
    finally:
        connection.close()


def waits(name: str, word: bytes) -> bool:
    """Whether the command takes the word for a time to wait."""
    return word == b"1" and (
        name.startswith(("b", "xread")) and name not in {"bitcount", "bitfield", "bitpos"}
    )


@pytest.mark.parametrize("kind", ["valkey", "redis", "redis6"])
@pytest.mark.parametrize("word", WORDS)
def test_arguments_that_mean_nothing_are_refused_alike(kind: str, word: bytes, servers: Servers) -> None:
    real, ours = servers.witness(kind), servers.engine(kind)
    left_out = SILENT | (NEWER if kind == "valkey" else frozenset())
    differences = []
    for name, start in spellings(command_table(ENGINE_VERSIONS[kind])):
        if name in left_out or waits(name, word):
            continue
        for server in (real, ours):
            connection = Connection(server)
            connection.ask(b"FLUSHALL")
            connection.close()
        wanted, got = refusals(real, start, word), refusals(ours, start, word)
        if wanted != got:
            differences.append((name, wanted, got))
    assert not differences
