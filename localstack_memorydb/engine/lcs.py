"""The longest common subsequence of two strings, as LCS finds it.

Valkey fills a table of lengths, one number per pair of positions. A row of that table grows by 0 or 1 from column to
column, so it is kept here as one big integer of bits, and a whole row is computed in a few operations (H. Hyyrö,
"Bit-parallel LCS-length computation revisited", 2004). The way back through the table is Valkey's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Match(NamedTuple):
    """A piece that both strings have: where it begins in each, and its length."""

    first: int
    second: int
    length: int


class Lcs:
    """The table for two strings; `length` is that of their longest common subsequence."""

    def __init__(self, first: bytes, second: bytes) -> None:
        self._first, self._second = first, second
        places = dict.fromkeys(set(first), 0)
        for place, byte in enumerate(second):
            if byte in places:
                places[byte] |= 1 << place
        full = (1 << len(second)) - 1
        # In row i, bit j is clear where the table's entry (i, j + 1) is larger than (i, j).
        self._rows = [full]
        row = full
        for byte in first:
            matching = row & places[byte]
            row = ((row + matching) | (row - matching)) & full
            self._rows.append(row)
        self.length = self._at(len(first), len(second))

    def _at(self, i: int, j: int) -> int:
        """The length for the first `i` bytes of one string and the first `j` of the other."""
        return j - (self._rows[i] & ((1 << j) - 1)).bit_count()

    def matches(self) -> Iterator[Match]:
        """The pieces of the subsequence, from the last to the first (t_string.c: lcsCommand)."""
        first, second = self._first, self._second
        i, j = len(first), len(second)
        length = 0
        while i and j:
            if first[i - 1] == second[j - 1]:
                i, j, length = i - 1, j - 1, length + 1
                continue
            if length:
                yield Match(i, j, length)
                length = 0
            if self._at(i - 1, j) > self._at(i, j - 1):
                i -= 1
            else:
                j -= 1
        if length:
            yield Match(i, j, length)
