"""Whether this process has taken nearly all of the memory that there is for it.

Limits of node types are those of real nodes, and Python's objects take several times as much. A process that takes all of a machine's
memory is ended by the system; clusters that take no more data go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

LOG: Final = logging.getLogger(__name__)

_MOST: Final = 0.85  # of the memory
_LESS: Final = 0.8
_LEAST_LEFT: Final = 0.04
_MORE_LEFT: Final = 0.06
_CONCERNS: Final = 0.2  # with less than that it is others who take the machine's memory


class Crowding:
    """`memory` is what the process may take, `resident` tells what it takes, and `available` what the machine has left, in bytes."""

    def __init__(
        self, memory: int, resident: Callable[[], int | None], available: Callable[[], int | None]
    ) -> None:
        self.memory = memory
        self._resident = resident
        self._available = available
        self._crowded = False

    def look(self) -> bool:
        """Whether there is no room for more."""
        taken = self._resident() or 0
        if self._crowded:
            self._crowded = taken > _LESS * self.memory or self._left(taken) < _MORE_LEFT * self.memory
        elif taken > _MOST * self.memory or self._left(taken) < _LEAST_LEFT * self.memory:
            self._crowded = True
            LOG.warning("this process has taken %d MB of memory: clusters take no more data", taken >> 20)
        return self._crowded

    def _left(self, taken: int) -> int:
        left = self._available() if taken > _CONCERNS * self.memory else None
        return self.memory if left is None else left
