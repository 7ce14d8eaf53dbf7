"""JSON commands: what is sent and what is answered, in `transcripts/json*.txt`. No server with the JSON module is at hand to
compare with; the replies are those of its documentation and source.

A line that is not indented is sent; the indented lines after it are the reply. They begin with its RESP type (`+` simple string,
`-` error, `$` bulk string, `:` integer, `*` array of so many, `_` null); `...` stands for any reply. `## title` starts on an empty keyspace.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.differential.wire import Node, decode
from tests.unit.cluster_without_sockets import Client, start

FILES: Final = sorted((Path(__file__).parent / "transcripts").glob("json*.txt"))


def scenarios() -> Iterator[tuple[str, str]]:
    for file in FILES:
        for scenario in file.read_text("utf-8").split("\n## ")[1:]:
            title, _, lines = scenario.partition("\n")
            yield f"{file.stem}: {title}", lines


def shown(reply: Node, level: int = 0) -> list[str]:
    """A reply as transcripts have it."""
    space = "  " * level
    if isinstance(reply.value, tuple):
        count = f" {len(reply.children)}"
        return [
            f"{space}{reply.kind}{count}",
            *(line for each in reply.children for line in shown(each, level + 1)),
        ]
    if reply.value is None:
        return [f"{space}_"]
    text = reply.value.decode().replace("\r", "\\r").replace("\n", "\\n")
    return [f"{space}{reply.kind}{text}"]


def exchanges(lines: str) -> Iterator[tuple[str, list[str]]]:
    """Commands, and the replies that the transcript has."""
    sent, expected = "", list[str]()
    for line in lines.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("    "):
            expected.append(line[4:])
            continue
        if sent:
            yield sent, expected
        sent, expected = line, []
    yield sent, expected


@pytest.mark.parametrize(("title", "lines"), [pytest.param(*each, id=each[0]) for each in scenarios()])
def test_replies(title: str, lines: str) -> None:
    client = Client(next(start().nodes()))
    for number, (sent, expected) in enumerate(exchanges(lines)):
        actual = shown(decode(client(sent)))
        if expected != ["..."]:
            assert actual == expected, f"{title}, command {number + 1}: {sent}"
