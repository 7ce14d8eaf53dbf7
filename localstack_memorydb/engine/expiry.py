"""Keys whose time has come go by themselves, and not only when somebody asks for them. https://valkey.io/commands/expire/

To look at every deadline several times a second would cost a shard with a million of them all of its time. So a round through
the slots may take some ticks: each has its share of time, and what takes longer is taken from the next ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from localstack_memorydb.engine.keyspace import Keyspace, Slot

_SHARE: Final = 0.004
_MORE: Final = 0.002
_MANY: Final = 500


class Expiry:
    """The rounds through a shard's slots. `seconds` were spent on them; `interrupted` says how often a tick's time was up."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.interrupted = 0
        self._credit = 0.0
        self._round: list[int] = []
        self._due: list[bytes] = []  # keys of the slot, the next one last
        self._slot: Slot | None = None

    def tick(self, keyspace: Keyspace, now: int, clock: Callable[[], float], effort: int) -> float:
        """Goes on with the round, or through all slots if that is quick; the seconds that it took.

        `effort` is that of the parameter, 1 to 10.
        """
        share = _SHARE + _MORE * (effort - 1)  # seconds of a tick's 0.1
        self._credit = min(self._credit + share, share)
        if self._credit <= 0:
            return 0.0
        began = last = clock()
        self._round = self._round or keyspace.timed()
        while self._round and last - began < self._credit:
            slot = keyspace.slots[self._round[-1]]
            if slot is None or not slot.deadlines:
                self._round.pop()
                continue
            if self._purge(keyspace, slot, now):
                self._round.pop()
            last = clock()
        self._credit -= last - began
        self.seconds += last - began
        self.interrupted += bool(self._round)
        return last - began

    def _purge(self, keyspace: Keyspace, slot: Slot, now: int) -> bool:
        """Deletes keys of the slot whose time has come, many at most; whether that are all."""
        if slot is not self._slot:
            self._due, self._slot = keyspace.due(slot, now)[::-1], slot
        for key in self._due[: -_MANY - 1 : -1]:
            keyspace.purge(slot, key, now)
        del self._due[-_MANY:]
        if self._due:
            return False
        self._slot = None
        return True

    def hurry(self, keyspace: Keyspace, now: int, clock: Callable[[], float]) -> float:
        """Looks at all slots, since somebody asks for what is left; the seconds that it took."""
        began = clock()
        keyspace.purge_all(now)
        spent = clock() - began
        self.seconds += spent
        return spent
