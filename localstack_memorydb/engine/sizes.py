"""The size classes of Valkey's allocator (jemalloc): what a request for memory really takes."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

PAGE: Final = 4096
_CLASSES: Final[list[int]] = [
    *range(8, 65, 8),
    *(((4 + quarter) << exponent) for exponent in range(4, 18) for quarter in range(1, 5)),
]


def allocated(size: int) -> int:
    """The bytes that the allocator gives for a request of `size`."""
    if size > _CLASSES[-1]:
        return (size + PAGE - 1) // PAGE * PAGE
    return _CLASSES[bisect_left(_CLASSES, size)]
