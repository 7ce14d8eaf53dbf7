"""What the HELP subcommands print: a few lines for each subcommand that the engine has."""

from __future__ import annotations

import json
from collections.abc import Container
from functools import cache
from importlib import resources
from typing import Any

from localstack_memorydb.engine.registry import version_numbers
from localstack_memorydb.engine.resp import Simple
from localstack_memorydb.engine.session import Session


@cache
def _texts() -> dict[str, Any]:
    text = resources.files("localstack_memorydb.engine").joinpath("data/help.json").read_text("utf-8")
    texts: dict[str, Any] = json.loads(text)
    return texts


@cache
def _of_version(container: str, level: tuple[int, ...]) -> dict[str, list[str]]:
    """The lines of a container's subcommands as an engine version prints them."""
    texts = dict(_texts()[container])
    for version, changes in _texts()["_before"].items():
        if level < version_numbers(version):
            older = dict(changes.get(container, {}))
            first = older.pop("_first", [])
            texts = {
                name: texts[name] for name in [*first, *(each for each in texts if each not in first)]
            } | older
    return texts


def help_lines(s: Session, container: str, subcommands: Container[bytes] | None = None) -> list[Simple]:
    """The reply to `container HELP`, for the `subcommands` of one that the table does not tell apart."""
    known = s.table[container.encode()].subcommands if subcommands is None else subcommands
    lines = [f"{container.upper()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    for name, text in _of_version(container, s.table.level).items():
        if name.encode() in known or name == "no":
            lines += text
    lines += ["HELP", "    Prints this help." if s.table.level < (7, 2) else "    Print this help."]
    return [Simple(line.encode()) for line in lines]
