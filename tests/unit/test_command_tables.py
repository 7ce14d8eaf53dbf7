"""Every engine version's command table against what the real servers of that version said (command_tables.txt).

MemoryDB's restricted commands are not in the file: https://docs.aws.amazon.com/memorydb/latest/devguide/restrictedcommands.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localstack_memorydb.engine.registry import CommandTable, command_table
from tests.differential.wire import Node, decode
from tests.unit.cluster_without_sockets import Client, start

# JSON is there in every version, FT only where the parameter group turns search on.
JSON = frozenset(
    "arrappend arrindex arrinsert arrlen arrpop arrtrim clear debug del forget get mget numincrby nummultby objkeys objlen "
    "resp set strappend strlen toggle type".split()
)
SEARCH = frozenset(
    "_aliaslist _list aggregate aliasadd aliasdel aliasupdate config create dropindex explain explaincli info profile search".split()
)
LEVELS = {"6.2": "6.2", "7.0": "7.0", "7.1": "7.0", "7.2": "7.2", "7.3": "7.2"}


def real(version: str) -> dict[str, list[str]]:
    """The rows of a version by name of command."""
    lines = Path(__file__).with_name("command_tables.txt").read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    return {row[1]: row[2:] for row in rows if LEVELS[version] in row[0].split(",")}


def names(table: CommandTable) -> set[str]:
    return {command.name for command in table.full()}


@pytest.mark.parametrize("version", LEVELS)
def test_every_command_of_the_version_is_there_and_no_other(version: str) -> None:
    modules = {f"json.{name}" for name in JSON}
    assert names(command_table(version)) == set(real(version)) | modules


@pytest.mark.parametrize("version", ["7.1", "7.2", "7.3"])
def test_search_adds_its_commands_only(version: str) -> None:
    added = names(command_table(version, "search")) - names(command_table(version))
    assert added == {f"ft.{name}" for name in SEARCH}


@pytest.mark.parametrize("version", ["6.2", "7.0"])
def test_older_versions_have_no_search(version: str) -> None:
    table = command_table(version, "search")
    assert names(table) == names(command_table(version))
    assert "@search" not in table.categories


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.2"])
def test_command_info_is_the_real_servers(version: str) -> None:
    client = Client(next(iter(start(version=version).nodes())))
    for entry in decode(client("COMMAND")).children:
        for each in [entry, *(entry.children[9].children if version != "6.2" else ())]:
            shown = row(each)
            if not shown[0].islower():
                continue
            assert shown[1:] == real(version)[shown[0]], shown[0]


def row(entry: Node) -> list[str]:
    """An entry of COMMAND INFO as the file has it."""
    name, arity, flags, categories, *places = (_plain(entry.children[at]) for at in (0, 1, 2, 6, 3, 4, 5))
    return [name, arity, ",".join(sorted(flags)) or "-", ",".join(sorted(categories)), *places]


def _plain(node: Node) -> Any:
    if node.children or node.kind in "*~":
        return [str(each.plain()) for each in node.children]
    return str(node.plain())


def test_6_2_knows_no_conditions_of_expire() -> None:
    client = Client(next(iter(start(version="6.2").nodes())))
    client("SET a 1")
    assert client("EXPIRE a 100 NX") == b"-ERR wrong number of arguments for 'expire' command\r\n"
    assert client("PEXPIREAT a 1 GT") == b"-ERR wrong number of arguments for 'pexpireat' command\r\n"
    assert client("TTL a") == b":-1\r\n"
    assert client("EXPIRE a 100") == b":1\r\n"
