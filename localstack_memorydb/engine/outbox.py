"""What clients are told waits until all that is there to read has been run, and is then sent together.

A real server does the same before it sleeps. Each write that finds a client asleep has to wake it up, which costs the system more
than a small command costs us; a client that has many connections is awake when the second of them is answered. With 16 commands
at once it spares a fifth of the processor's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from localstack_memorydb.engine.log import ShardLog
from localstack_memorydb.engine.storage import Storage

_MOST: Final = 1024
_MANY: Final = 64  # below that it does not pay to look for clients with several


class Recipient(Protocol):
    """A client's connection."""

    @property
    def log(self) -> ShardLog | None:
        """Where the effects of the client's commands are kept."""

    def abort(self) -> None:
        """Closes the connection at once."""


Soon = Callable[[Callable[[], None]], object]
Clock = Callable[[], int]
Letter = tuple[Callable[[bytes], None], bytes, Recipient]


class Outbox:
    """The replies and messages of one turn of the loop, in order. What waits for a connection is sent before that is closed.

    `soon` has a function called when all that is there to read has been run. `letters` is always the same list: who adds the first
    one by himself calls `open` before. While there are any, it is still `now` (unix time in ms) for who comes in the same turn:
    none of them can have heard of what the others did. A command that takes long has the letters sent before.
    """

    def __init__(self, soon: Soon, clock: Clock) -> None:
        self._soon = soon
        self._clock = clock
        self.letters: list[Letter] = []
        self.now = 0

    def open(self) -> None:
        """There will be a letter."""
        self.now = self._clock()  # read anew: the first command of the turn may have taken long
        self._soon(self.flush)

    def add(self, write: Callable[[bytes], None], data: bytes, recipient: Recipient) -> None:
        """Has `write` called with the data, soon."""
        if not self.letters:
            self.open()
        self.letters.append((write, data, recipient))

    def take(self) -> list[Letter]:
        """All letters, of which none remains."""
        letters = self.letters.copy()
        self.letters.clear()
        return letters

    @property
    def is_full(self) -> bool:
        """Whether more should not wait: one command may have many messages sent."""
        return len(self.letters) >= _MOST

    def flush(self) -> None:
        """Sends everything now."""
        letters = self.take()
        for write, data, _ in letters if len(letters) < _MANY else _together(letters):
            write(data)


def _together(letters: Iterable[Letter]) -> list[Letter]:
    """What goes to the same client in one letter: each costs a call of the system."""
    bundles: list[tuple[Callable[[bytes], None], list[bytes], Recipient]] = []
    latest: dict[Recipient, int] = {}
    for write, data, recipient in letters:
        place = latest.get(recipient)
        if place is not None and bundles[place][0] == write:
            bundles[place][1].append(data)
        else:
            latest[recipient] = len(bundles)
            bundles.append((write, [data], recipient))
    return [(write, b"".join(pieces), recipient) for write, pieces, recipient in bundles]


class Committer(Outbox):
    """Answers clients of a cluster that is kept on disk: not before its logs have what they are told.

    With `fsync=always` they wait together for one fsync.
    """

    def __init__(self, soon: Soon, clock: Clock, storage: Storage) -> None:
        super().__init__(soon, clock)
        self._storage = storage

    def flush(self) -> None:
        """Writes the logs, then sends everything whose log could be written; other clients are cut off."""
        letters = self.take()
        if not letters:
            return
        logs = {recipient.log for _, _, recipient in letters}
        failed = {log for log in logs if log is not None and not log.flush()}
        durable = self._storage.fsync != "always" or self._storage.sync()
        for write, data, recipient in letters if len(letters) < _MANY else _together(letters):
            if durable and recipient.log not in failed:
                write(data)
            else:
                recipient.abort()
