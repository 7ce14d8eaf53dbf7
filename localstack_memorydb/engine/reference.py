"""The page of commands, written from the command table: `python -m localstack_memorydb.engine.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from localstack_memorydb.engine.documentation import command_docs
from localstack_memorydb.engine.registry import (
    ENGINE_LEVELS,
    MODULE,
    Command,
    CommandTable,
    command_table,
)
from localstack_memorydb.engine.versions import SEARCH_VERSIONS

_TITLES: Final = {
    "string": "Strings",
    "hash": "Hashes",
    "list": "Lists",
    "set": "Sets",
    "sorted-set": "Sorted sets",
    "stream": "Streams",
    "geo": "Geospatial indices",
    "bitmap": "Bitmaps",
    "hyperloglog": "HyperLogLogs",
    "json": "JSON",
    "search": "Search",
    "generic": "Keys",
    "pubsub": "Pub/Sub",
    "transactions": "Transactions",
    "scripting": "Scripts and functions",
    "connection": "Connections",
    "cluster": "Cluster",
    "server": "Server",
}


def page() -> Iterator[str]:
    """The lines of docs/commands.md."""
    tables = {version: command_table(version) for version in ENGINE_LEVELS}
    searching = {version: command_table(version, "search") for version in SEARCH_VERSIONS}
    newest, oldest = command_table(SEARCH_VERSIONS[-1], "search"), next(iter(tables.values()))
    gone = [command for command in oldest.full() if command.name not in _names(newest)]
    widest = [*newest.full(), *gone]
    multi_region = _names(command_table(SEARCH_VERSIONS[-1], "multi-region"))
    yield from _introduction(tables)
    for group in dict.fromkeys([*_TITLES, *(command.group for command in widest)]):
        rows = sorted((command for command in widest if command.group == group), key=lambda row: row.name)
        if rows:
            yield from ["", f"## {_TITLES.get(group, group)}", ""]
            yield "| Command | Since | Engine versions | Multi-Region | |"
            yield "|---|---|---|---|---|"
        for command in rows:
            everywhere = "yes" if command.name in multi_region else ""
            where = _versions(command, tables) or f"{_versions(command, searching)}, with search"
            since = "" if command.flags & MODULE else command.since
            yield f"| `{_spoken(command)}` | {since} | {where} | {everywhere} | {_summary(command)} |"


def _introduction(tables: dict[str, CommandTable]) -> Iterator[str]:
    yield "# Commands"
    yield ""
    yield "<!-- Written by `make docs` from the engine's command table: change it there. -->"
    yield ""
    yield "Every command and subcommand that the nodes of a cluster know. *Since* is the version of the open-source server that"
    yield "brought it, *engine versions* are those of MemoryDB that have it, *multi-Region* says whether clusters in a multi-Region"
    yield "cluster do. Anything else is an unknown command, as on AWS (`CONFIG`, `DEBUG`, `SAVE`, `SHUTDOWN`, `REPLICAOF`, ...)."
    yield "[Differences](differences.md) tells where one of them answers other than a real node."
    yield ""
    yield "| Engine version | Commands | With subcommands |"
    yield "|---|---|---|"
    for version, table in tables.items():
        yield f"| {version} | {len(table.top)} | {len(table.full())} |"


def _names(table: CommandTable) -> set[str]:
    return {command.name for command in table.full()}


def _versions(command: Command, tables: dict[str, CommandTable]) -> str:
    """In words, the versions that have a command. Empty when none of these has it."""
    having = [version for version, table in tables.items() if command.name in _names(table)]
    if not having:
        return ""
    if len(having) == len(ENGINE_LEVELS):
        return "all"
    newest = list(tables)[-len(having) :]
    return f"{having[0]} and newer" if having == newest else ", ".join(having)


def _spoken(command: Command) -> str:
    return command.name.upper().replace("|", " ")


def _summary(command: Command) -> str:
    """The server's own summary; of what MemoryDB adds, the handler's."""
    documented = command_docs().get(command.name)
    text: str = documented["summary"] if documented else (command.run.__doc__ or "").partition("\n")[0]
    return text.replace("|", r"\|")


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write("\n".join(page()) + "\n")


if __name__ == "__main__":
    main()
