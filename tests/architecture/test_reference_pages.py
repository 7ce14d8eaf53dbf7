"""The generated pages say what the tables say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localstack_memorydb.engine import reference as commands
from localstack_memorydb.engine.metadata_of_6_2 import ONLY_IN_6_2
from localstack_memorydb.engine.registry import command_table
from localstack_memorydb.provider import OPERATIONS
from localstack_memorydb.provider import reference as operations

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("name", "page"),
    [("commands.md", commands.page), ("operations.md", operations.page)],
    ids=["commands", "operations"],
)
def test_a_page_is_current(name: str, page: Callable[[], Iterator[str]]) -> None:
    assert (DOCS / name).read_text() == "\n".join(page()) + "\n", "run `make docs`"


def rows(page: Callable[[], Iterator[str]]) -> dict[str, list[str]]:
    """The cells of each row, by what stands first in it."""
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in page()
        if line.startswith(("| `", "| ["))
    ]
    return {re.sub(r"`|^\[|\]\(.*", "", first): rest for first, *rest in cells}


def test_every_command_has_a_row_and_a_summary() -> None:
    found = rows(commands.page)
    assert len(found) == len(command_table("7.3", "search").full()) + len(ONLY_IN_6_2)
    assert found["STRALGO"][:3] == ["6.0.0", "6.2", ""]
    assert [name for name, cells in found.items() if not cells[-1]] == []
    assert found["GETEX"][:3] == ["6.2.0", "all", ""]
    assert found["GET"][:3] == ["1.0.0", "all", "yes"]
    assert found["FUNCTION LOAD"][:2] == ["7.0.0", "7.0 and newer"]
    assert found["CLUSTER MYSHARDID"][:2] == ["7.2.0", "7.2 and newer"]
    assert found["FT.SEARCH"][1] == "7.1 and newer, with search"
    assert "CONFIG GET" not in found


def test_every_operation_has_a_row_and_a_sentence() -> None:
    found = rows(operations.page)
    assert set(found) == set(OPERATIONS)
    assert len(found) == 45
    assert [name for name, cells in found.items() if not cells[0].endswith(".")] == []
    assert "**ACLName**" in found["CreateACL"][1]
    assert "ACLAlreadyExistsFault" in found["CreateACL"][2]
