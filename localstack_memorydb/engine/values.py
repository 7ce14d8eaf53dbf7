"""The values a key can hold. A string is plain `bytes`; the other types are what Python lacks or nearly has.

Each collection carries `encoding`, the name that OBJECT ENCODING reports (https://valkey.io/commands/object-encoding/).
It is sticky, as in Valkey: a value that outgrew its compact form keeps the general one even after it shrinks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, TypeAlias

from sortedcontainers import SortedList


class List(deque[bytes]):
    """A list; both ends are O(1)."""

    __slots__ = ("encoding",)

    def __init__(self, items: object = ()) -> None:
        super().__init__(items)  # type: ignore[call-overload]
        self.encoding = "listpack"


class Hash(dict[bytes, bytes]):
    """A hash; fields keep the order in which they were first set, as a listpack does."""

    __slots__ = ("encoding",)

    def __init__(self, items: object = ()) -> None:
        super().__init__(items)  # type: ignore[call-overload]
        self.encoding = "listpack"


class Set(dict[bytes, None]):
    """A set; members keep the order in which they were added, as a listpack does.

    `pool` is a shuffled list of members from which SPOP and SRANDMEMBER draw when the set is large.
    """

    __slots__ = ("encoding", "pool")

    def __init__(self, members: object = ()) -> None:
        super().__init__(dict.fromkeys(members))  # type: ignore[call-overload]
        self.encoding = "intset"
        self.pool: list[bytes] = []


class ZSet:
    """A sorted set: member -> score, and the members in (score, member) order, built when first asked for."""

    __slots__ = ("_order", "encoding", "scores")

    def __init__(self, scores: dict[bytes, float] | None = None) -> None:
        self.scores: dict[bytes, float] = {} if scores is None else scores
        self._order: SortedList[tuple[float, bytes]] | None = None
        self.encoding = "listpack"

    def __len__(self) -> int:
        return len(self.scores)

    def __contains__(self, member: bytes) -> bool:
        return member in self.scores

    def __iter__(self) -> Iterator[bytes]:
        """Members in order."""
        return (member for _, member in self.order)

    @property
    def order(self) -> SortedList[tuple[float, bytes]]:
        """(score, member) pairs, ascending; kept up to date once built."""
        if self._order is None:
            self._order = SortedList((score, member) for member, score in self.scores.items())
        return self._order

    def set(self, member: bytes, score: float) -> None:
        """Adds the member or changes its score."""
        if self._order is not None:
            old = self.scores.get(member)
            if old is not None:
                if old == score:
                    return
                self._order.remove((old, member))
            self._order.add((score, member))
        self.scores[member] = score

    def remove(self, member: bytes) -> bool:
        """Removes the member; False when it was not there."""
        score = self.scores.pop(member, None)
        if score is None:
            return False
        if self._order is not None:
            self._order.remove((score, member))
        return True

    def rank(self, member: bytes) -> int:
        """The member's position, 0 is lowest. The member must be there."""
        return self.order.index((self.scores[member], member))


Value: TypeAlias = bytes | List | Hash | Set | ZSet

TYPE_NAMES: Final[dict[type, bytes]] = {
    bytes: b"string",
    List: b"list",
    Hash: b"hash",
    Set: b"set",
    ZSet: b"zset",
}
