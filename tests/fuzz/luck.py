"""A source of random numbers that hypothesis draws, so that what follows from them can be shrunk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any

from hypothesis import strategies as st

_below = lru_cache(maxsize=None)(lambda count: st.integers(0, count - 1))
_STEPS = 1000


class Luck(Random):
    """Like Random. What hypothesis thinks simple is the first of a choice, and a number near 1."""

    def __init__(self, data: st.DataObject) -> None:
        super().__init__(0)
        self._data = data

    def below(self, count: int) -> int:
        return int(self._data.draw(_below(count)))

    def random(self) -> float:
        return 1 - (1 + self.below(_STEPS)) / (_STEPS + 1)

    def choice(self, seq: Sequence[Any]) -> Any:
        return seq[self.below(len(seq))]

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        first, end = (0, start) if stop is None else (start, stop)
        return first + self.below(end - first)

    def sample(self, population: Sequence[Any], k: int, **_: Any) -> list[Any]:
        left = list(population)
        return [left.pop(self.below(len(left))) for _ in range(k)]

    def shuffle(self, x: Any) -> None:
        x[:] = self.sample(x, len(x))
