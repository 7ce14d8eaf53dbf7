"""What COMMAND DOCS says of commands: the texts of the real servers' catalogs."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any


@cache
def _documents(name: str = "commands") -> dict[str, dict[str, dict[str, Any]]]:
    text = resources.files("localstack_memorydb.engine").joinpath(f"data/{name}.json").read_text("utf-8")
    documents: dict[str, dict[str, dict[str, Any]]] = json.loads(text)
    return documents


def command_docs() -> dict[str, dict[str, Any]]:
    """What COMMAND DOCS says of MemoryDB's commands, by full name: summaries, arguments, history, tips."""
    return _documents()["commands"]


def documentation(name: str, level: tuple[int, ...]) -> dict[str, Any]:
    """What COMMAND DOCS says of a command, of those that a bare engine may have, too; nothing else depends on it."""
    newest = command_docs().get(name) or _documents()["unrestricted"].get(name, {})
    older = {} if level >= (7, 2) else _documents("commands_7_0")["commands"].get(name, {})
    return {field: text for field, text in (newest | older).items() if text is not None}
