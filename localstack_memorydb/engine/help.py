"""What CONTAINER HELP answers, in the one layout of all containers (networking.c: addReplyHelp)."""

from __future__ import annotations

from localstack_memorydb.engine.resp import Simple


def help_reply(container: str, entries: str) -> list[Simple]:
    """The lines for people; `entries` are the subcommands with their indented descriptions, HELP itself left out."""
    lines = [
        f"{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        *entries.strip("\n").splitlines(),
        "HELP",
        "    Prints this help.",
    ]
    return [Simple(line.encode()) for line in lines]
