"""A client's wait."""

from __future__ import annotations

from localstack_memorydb.engine.resp import Argv


class Blocked:
    """What a blocked client waits for, since when, and until when."""

    __slots__ = ("argv", "deadline", "keys", "silent", "since")

    def __init__(self, argv: Argv, keys: dict[bytes, type], since: int) -> None:
        self.argv = argv
        self.keys = keys
        self.since = since
        self.deadline: int | None = None
        self.silent = False  # nobody wants to read the reply
