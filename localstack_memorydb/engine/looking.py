"""How work that may take long looks up now and then: loops over many things go by way of these.

Where nothing may give way (engine/giving_way.py) they are what the loops would be without.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

from greenlet import getcurrent


class Comparable(Protocol):
    """What can be put in order."""

    def __lt__(self, other: Any, /) -> bool: ...


T = TypeVar("T")
Sortable = TypeVar("Sortable", bound=Comparable)

MANY: Final = 2000
"""So many words of a command, or members of a value, may take long; to look up before costs next to nothing."""


class Work(Protocol):
    """What is done in a greenlet of its own, and may give way."""

    def look(self) -> bool:
        """Gives way when it is time, and says whether it did."""


def _work() -> Work | None:
    """What is being done where this is called, if it may give way: its greenlet says so."""
    work: Work | None = getattr(getcurrent(), "work", None)
    return work


def look() -> bool:
    """Gives way when it is time, if what calls this may, and says whether it did."""
    work = _work()
    return work is not None and work.look()


def parts(items: Collection[T], size: int = 10_000) -> Iterable[Collection[T]]:
    """The items in parts of that size, before each of which others may come."""
    if _work() is None:
        return (items,)
    return _parts(items, size)


def _parts(items: Collection[T], size: int) -> Iterator[Collection[T]]:
    if len(items) <= size:
        look()
        yield items
        return
    rest = iter(items)
    while part := list(islice(rest, size)):
        look()
        yield part


def looking(items: Iterable[T], every: int = 1000) -> Iterable[T]:
    """The items; after some of them others may come."""
    return items if _work() is None else _looking(items, every)


def _looking(items: Iterable[T], every: int) -> Iterator[T]:
    rest = iter(items)
    while part := list(islice(rest, every)):
        yield from part
        look()


class _Stride:
    """How many members are left until the next look."""

    left = 1000


def through(items: Collection[T]) -> Iterable[T]:
    """`looking`, where the items are those of one collection of many that may stand in each other: their members count together."""
    count = len(items)
    if count >= MANY:
        return looking(items)
    _Stride.left -= count + 1
    if _Stride.left < 0:
        _Stride.left = 1000
        look()
    return items


_LONG: Final = 50_000
_SAMPLE: Final = 1024
_APART: Final = 16


def in_order(
    items: Collection[Sortable], key: Callable[[Sortable], Comparable] | None = None
) -> list[Sortable]:
    """The items as `sorted` arranges them. Many are first shared out between a sample of them."""
    if len(items) <= _LONG or _work() is None:
        return sorted(items, key=key)
    measured: Callable[[Sortable], Comparable] = key or _itself
    sample = sorted(map(measured, islice(items, 0, None, len(items) // _SAMPLE)))
    bounds = sample[::_APART]
    shares: list[list[Sortable]] = [[] for _ in range(len(bounds) + 1)]
    for item in looking(items):
        shares[bisect_right(bounds, measured(item))].append(item)
    ordered: list[Sortable] = []
    for share in looking(shares, 1):
        ordered += sorted(share, key=key)
    return ordered


def _itself(item: T) -> T:
    return item
