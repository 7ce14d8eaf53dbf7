"""The nearest of several, in the order in which Valkey puts those that are equally far.

All of them are sorted by a stable sort. But for the first few of many Valkey uses a quicksort that spares the rest (pqsort.c, after
Bentley and McIlroy, "Engineering a Sort Function", 1993), and that is not stable.
"""

from __future__ import annotations

from typing import Any

_INSERTED = 7
_NINTHER = 40


def in_order(hits: list[Any], count: int, *, descending: bool) -> None:
    """Sorts by distance so that the first `count` are right (0: all of them)."""
    partly = 0 < count < len(hits)
    if partly and len({hit[0] for hit in hits}) < len(hits):
        _Partial(hits, count - 1, -1 if descending else 1).sort(0, len(hits))
    else:
        hits.sort(key=lambda hit: hit[0], reverse=descending)


class _Partial:
    """Sorts the part of a list up to position `last`; `sign` is -1 for the farthest first."""

    def __init__(self, hits: list[Any], last: int, sign: int) -> None:
        self.hits, self.last, self.sign = hits, last, sign

    def sort(self, start: int, size: int) -> None:
        """Sorts the `size` elements from `start` on, as far as they matter."""
        while size >= _INSERTED:
            below, above = self._partition(start, size)
            if below > 1 and start <= self.last:
                self.sort(start, below)
            start, size = start + size - above, above
            if size <= 1 or start > self.last:
                return
        self._insert(start, size)

    def _compare(self, left: int, right: int) -> int:
        """Negative, 0 or positive as the first of two positions belongs before, beside or behind the other."""
        one, other = self.hits[left][0], self.hits[right][0]
        return self.sign if one > other else -self.sign if one < other else 0

    def _swap(self, left: int, right: int, count: int = 1) -> None:
        hits = self.hits
        for offset in range(count):
            hits[left + offset], hits[right + offset] = hits[right + offset], hits[left + offset]

    def _insert(self, start: int, size: int) -> None:
        for place in range(start + 1, start + size):
            at = place
            while at > start and self._compare(at - 1, at) > 0:
                self._swap(at, at - 1)
                at -= 1

    def _median(self, a: int, b: int, c: int) -> int:
        if self._compare(a, b) < 0:
            return b if self._compare(b, c) < 0 else c if self._compare(a, c) < 0 else a
        return b if self._compare(b, c) > 0 else a if self._compare(a, c) < 0 else c

    def _pivot(self, start: int, size: int) -> int:
        """The middle one, the median of three, or that of nine in three groups."""
        low, middle, high = start, start + size // 2, start + size - 1
        if size == _INSERTED:
            return middle
        if size > _NINTHER:
            step = size // 8
            low = self._median(low, low + step, low + 2 * step)
            middle = self._median(middle - step, middle, middle + step)
            high = self._median(high - 2 * step, high - step, high)
        return self._median(low, middle, high)

    def _partition(self, start: int, size: int) -> tuple[int, int]:
        """Puts smaller ones first, equal ones in the middle, larger ones last; how many are smaller, and larger."""
        self._swap(start, self._pivot(start, size))
        equal_left = left = start + 1
        equal_right = right = start + size - 1
        while True:
            while left <= right and (side := self._compare(left, start)) <= 0:
                if side == 0:
                    self._swap(equal_left, left)
                    equal_left += 1
                left += 1
            while left <= right and (side := self._compare(right, start)) >= 0:
                if side == 0:
                    self._swap(right, equal_right)
                    equal_right -= 1
                right -= 1
            if left > right:
                break
            self._swap(left, right)
            left, right = left + 1, right - 1
        end, below, above = start + size, left - equal_left, equal_right - right
        moved = min(equal_left - start, below)
        self._swap(start, left - moved, moved)
        moved = min(above, end - equal_right - 1)
        self._swap(left, end - moved, moved)
        return below, above
