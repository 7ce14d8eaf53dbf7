"""Keys of a shard drawn at random, which eviction chooses from.

Python's dictionaries cannot be drawn from. So it is noted which slots hold how many keys, and of slots with many keys which these
are; both notes are made anew after a while, or when they miss too often.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate, islice
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from localstack_memorydb.engine.keyspace import Keyspace, Slot

_FEW: Final = 64  # keys that are counted through
_FRESH_FOR: Final = 1000  # draws, or milliseconds
_TRIES: Final = 8


class Candidates:
    """All keys of the keyspace, or those that expire (`volatile`), each about as likely as the others."""

    def __init__(self, keyspace: Keyspace, *, volatile: bool) -> None:
        self._keyspace = keyspace
        self.volatile = volatile
        self._slots: list[int] = []
        self._ends: list[int] = []  # how many keys there are up to each slot and in it
        self._keys: dict[int, list[bytes]] = {}
        self._left = self._made = 0

    def draw(self, count: int, random: Random, now: int) -> list[tuple[int, bytes]]:
        """Up to `count` different keys with the numbers of their slots; none only where there are none."""
        if abs(now - self._made) > _FRESH_FOR:
            self._look(now)
        found: dict[tuple[int, bytes], None] = {}
        for _ in range(2 * count):
            if self._left <= 0:
                self._look(now)
            drawn = self._one(random, now)
            if drawn is not None:
                found[drawn] = None
            if len(found) == count or drawn is None:
                break
        return list(found)

    def _look(self, now: int) -> None:
        """Notes how many keys there are, and where."""
        slots = self._keyspace.slots
        filled = ((number, slot) for number in self._keyspace.used if (slot := slots[number]))
        if self.volatile:
            held = [(number, len(slot.deadlines)) for number, slot in filled if slot.deadlines]
        else:
            held = [(number, len(slot)) for number, slot in filled]
        self._slots = [number for number, _ in held]
        self._ends = list(accumulate([keys for _, keys in held]))
        self._keys.clear()
        total = self._ends[-1] if self._ends else 0
        self._left, self._made = max(min(_FRESH_FOR, total), total // 8), now

    def _of(self, slot: Slot | None) -> Mapping[bytes, object]:
        return {} if slot is None else slot.deadlines if self.volatile else slot

    def _one(self, random: Random, now: int) -> tuple[int, bytes] | None:
        for attempt in range(2 * _TRIES):
            if attempt == _TRIES:  # much has gone since the last look
                self._look(now)
            if not self._ends:
                self._left = 0
                return None
            self._left -= 1
            number = self._slots[bisect_right(self._ends, random.randrange(self._ends[-1]))]
            keys = self._of(self._keyspace.slots[number])
            if keys:
                return number, self._any(number, keys, random)
        return None

    def _any(self, number: int, keys: Mapping[bytes, object], random: Random) -> bytes:
        """One of the keys of a slot."""
        if len(keys) <= _FEW:
            return next(islice(keys, random.randrange(len(keys)), None))
        noted = self._keys.get(number)
        if noted is not None:
            for _ in range(_TRIES):
                key = noted[random.randrange(len(noted))]
                if key in keys:
                    return key
        self._keys[number] = noted = list(keys)
        return noted[random.randrange(len(noted))]
