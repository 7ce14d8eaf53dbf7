"""A client's wait."""

from __future__ import annotations

from localstack_memorydb.engine.resp import Argv


class Blocked:
    """What a blocked client waits for, since when, and until when.

    `argv` is what runs again, `shown` what the client sent; `took` is how many seconds that has run so far.
    """

    __slots__ = (
        "argv",
        "changed",
        "deadline",
        "keys",
        "postponed",
        "shown",
        "silent",
        "since",
        "size",
        "took",
    )

    def __init__(self, argv: Argv, keys: dict[bytes, type], since: int) -> None:
        self.argv = self.shown = argv
        self.took = 0.0
        self.size = sum(map(len, argv))
        self.keys = keys
        self.since = since
        self.deadline: int | None = None
        self.silent = False  # nobody wants to read the reply
        self.postponed = False  # it waits no longer for a pause to end, but for its turn
        self.changed: bytes | None = None  # before 7.2, the key for which the command runs again


def awaited(blocked: Blocked | None, keys: list[bytes]) -> list[bytes]:
    """The keys that a command which may wait takes from: when it runs again, before 7.2 only the one that changed."""
    return keys if blocked is None or blocked.changed is None else [blocked.changed]
