"""How many bytes things take on a real server: requests for memory (jemalloc's size classes), elements of listpacks."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from localstack_memorydb.engine.numbers import is_integer

PAGE: Final = 4096
_SHORT: Final = 64
_DIGITS: Final = 20  # of the longest integer
_NINE: Final = 0x39  # no number begins with a greater byte


def size_classes(quantum: int) -> list[int]:
    """What a jemalloc gives whose small sizes are multiples of `quantum` bytes: servers bring one of 8, Debian has one of 16."""
    small = [8, *range(max(quantum, 16), 65, quantum)]
    return small + [((4 + quarter) << exponent) for exponent in range(4, 42) for quarter in range(1, 5)]


CLASSES: list[int] = size_classes(8)


def allocated(size: int) -> int:
    """The bytes that the allocator gives for a request of `size`."""
    return CLASSES[bisect_left(CLASSES, size)]


def listpack_size(item: bytes) -> int:
    """The bytes that an element takes in a listpack."""
    if (size := len(item)) < _SHORT and (size > _DIGITS or (size and item[0] > _NINE)):
        return size + 2  # no number, which is most of what is asked for
    if len(item) <= 20 and is_integer(item):
        return integer_size(int(item))
    size = len(item) + (1 if len(item) < 64 else 2 if len(item) < 4096 else 5)
    return size + backward_length_size(size)


def integer_size(number: int) -> int:
    """The bytes that a whole number takes in a listpack."""
    if 0 <= number <= 127:
        return 2
    if -4096 <= number <= 4095:
        return 3
    bits = (number if number >= 0 else ~number).bit_length() + 1
    return 4 if bits <= 16 else 5 if bits <= 24 else 6 if bits <= 32 else 10


def backward_length_size(size: int) -> int:
    """How many bytes hold an element's length behind it, seven bits in each."""
    return (size.bit_length() + 6) // 7
