"""The values a key can hold. A string is plain `bytes`, or a Buffer once a large one was written in place; the other types are what Python lacks or nearly has.

Each collection carries `encoding`, the name that OBJECT ENCODING reports (https://valkey.io/commands/object-encoding/).
It is sticky, as in Valkey: a value that outgrew its compact form keeps the general one even after it shrinks.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sortedcontainers import SortedList

from localstack_memorydb.engine.buffers import Buffer
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.looking import MANY, in_order, looking
from localstack_memorydb.engine.numbers import is_integer
from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.streams import Stream, copy_stream

# Up to this size a collection is copied to choose from it; a larger one keeps a Pool from then on.
_COPIED: Final = 128
_DIGITS: Final = 20  # of the longest integer


# A scan of a large collection: the members in the order of their checksums, and the checksums (engine/scan.py).
# It is there from the first call of an iteration to the last, whatever comes and goes meanwhile.
Walk: TypeAlias = "tuple[array[int], list[bytes]]"


class Pool:
    """The members of a large collection by position, so that a random one is found without walking through it.

    Its collection tells it of every member that comes or goes.
    """

    __slots__ = ("_places", "members")

    def __init__(self, members: Iterable[bytes]) -> None:
        self.members = list(members)
        self._places = {member: place for place, member in enumerate(self.members)}

    def add(self, member: bytes) -> None:
        """The collection has a new member."""
        self._places[member] = len(self.members)
        self.members.append(member)

    def remove(self, member: bytes) -> None:
        """The collection has lost a member; the last one takes its place."""
        place = self._places.pop(member)
        last = self.members.pop()
        if place < len(self.members):
            self.members[place] = last
            self._places[last] = place


class List(deque[bytes]):
    """A list; both ends are O(1)."""

    __slots__ = ("encoding",)

    def __init__(self, items: Iterable[bytes] = ()) -> None:
        super().__init__(items)
        self.encoding = "listpack"


class Hash(dict[bytes, bytes]):
    """A hash; fields keep the order in which they were first set, as a listpack does.

    `pool` is there once HRANDFIELD has chosen from a large hash; who adds or removes a field tells it.
    """

    __slots__ = ("encoding", "pool", "walk")

    def __init__(self, items: Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(items)
        self.encoding = "listpack"
        self.pool: Pool | None = None
        self.walk: Walk | None = None

    def members(self) -> list[bytes]:
        """The fields, in order."""
        return list(self)

    def choices(self) -> Sequence[bytes]:
        """The fields in no particular order, to choose from at random."""
        if self.pool is None:
            if len(self) <= _COPIED:
                return list(self)
            self.pool = Pool(self)
        return self.pool.members


class Set(dict[bytes, None]):
    """A set; members keep the order in which they were added, as a listpack does. An intset is ascending.

    `pool` is there once SPOP or SRANDMEMBER has chosen from a large set; `arranged` says that an intset is in order.
    """

    __slots__ = ("arranged", "encoding", "pool", "walk")

    def __init__(self, members: Iterable[bytes] = ()) -> None:
        super().__init__(dict.fromkeys(members))
        self.encoding = "intset"
        self.arranged = False
        self.pool: Pool | None = None
        self.walk: Walk | None = None

    def add(self, member: bytes, limits: Limits) -> None:
        """Adds what is not a member yet, and changes the encoding where Valkey does (t_set.c: setTypeAddAux)."""
        if self.encoding == "intset":
            if is_integer(member):
                self.arranged = False
                if len(self) >= limits.set_max_intset_entries:
                    self.encoding = "hashtable"
            elif len(self) < limits.set_max_listpack_entries and self._fits(
                member, limits.set_max_listpack_value
            ):
                self._arrange()
                self.encoding = "listpack"
            else:
                self.encoding = "hashtable"
        elif self.encoding == "listpack" and (
            len(self) >= limits.set_max_listpack_entries or len(member) > limits.set_max_listpack_value
        ):
            self.encoding = "hashtable"
        self[member] = None
        if self.pool is not None:
            self.pool.add(member)

    def _fits(self, member: bytes, longest: int) -> bool:
        """Whether an intset's members and one that is no integer are short enough for a listpack."""
        return len(member) <= longest and (longest >= _DIGITS or max(map(len, self), default=0) <= longest)

    def discard(self, member: bytes) -> bool:
        """Removes the member; False when it was not there."""
        if member not in self:
            return False
        del self[member]
        if self.pool is not None:
            self.pool.remove(member)
        return True

    def members(self) -> list[bytes]:
        """The members in the order in which Valkey lists them, where it has one."""
        if self.encoding == "intset":
            self._arrange()
        return list(self)

    def choices(self) -> Sequence[bytes]:
        """The members in no particular order, to choose from at random."""
        if self.pool is None:
            if len(self) <= _COPIED:
                return list(self)
            self.pool = Pool(self)
        return self.pool.members

    def _arrange(self) -> None:
        """Puts integers in ascending order. Done when somebody looks, so that adding them costs nothing."""
        if not self.arranged:
            ascending = sorted(self, key=int)
            self.clear()
            self.update(dict.fromkeys(ascending))
            self.arranged = True


class ZSet:
    """A sorted set: member -> score, and the members in (score, member) order, built when first asked for."""

    __slots__ = ("_order", "encoding", "scores", "walk")

    def __init__(self, scores: dict[bytes, float] | None = None) -> None:
        self.scores: dict[bytes, float] = {} if scores is None else scores
        self._order: SortedList[tuple[float, bytes]] | None = None
        self.encoding = "listpack"
        self.walk: Walk | None = None

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
            self._order = SortedList(in_order([(score, member) for member, score in self.scores.items()]))
        return self._order

    @classmethod
    def of(cls, pairs: Iterable[tuple[bytes, float]], limits: Limits) -> ZSet:
        """A sorted set of those members and scores, in the encoding that fits them."""
        made = cls(dict(pairs))
        if (
            len(made) > limits.zset_max_listpack_entries
            or max(map(len, made.scores), default=0) > limits.zset_max_listpack_value
        ):
            made.encoding = "skiplist"
        else:
            nought = limits.zset_nought
            made.scores = {member: score + nought for member, score in made.scores.items()}
        return made

    def members(self) -> list[bytes]:
        """The members in order."""
        return list(self)

    def choices(self) -> Sequence[bytes]:
        """The members in no particular order, to choose from at random."""
        return _Members(self) if len(self) > _COPIED else list(self.scores)

    def put(self, member: bytes, score: float, limits: Limits) -> None:
        """Adds the member or changes its score, and changes the encoding where Valkey does."""
        if self.encoding == "listpack":
            if (
                len(member) > limits.zset_max_listpack_value
                or len(self.scores) >= limits.zset_max_listpack_entries
            ) and member not in self.scores:
                self.encoding = "skiplist"
            else:
                score += limits.zset_nought
        self.set(member, score)

    def cut(self, start: int, stop: int) -> list[tuple[float, bytes]]:
        """Removes the members between two positions; what was there, ascending."""
        order = self.order
        if stop - start == 1:
            taken = [order.pop(start)]
        else:
            taken = order[start:stop]
            del order[start:stop]
        for _, member in taken if stop - start < MANY else looking(taken):
            del self.scores[member]
        return taken

    def set(self, member: bytes, score: float) -> None:
        """Adds the member or changes its score."""
        order = self._order
        if order is not None:
            old = self.scores.get(member)
            if old is not None:
                if old == score:
                    return
                order.remove((old, member))
            order.add((score, member))
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
        position: int = self.order.index((self.scores[member], member))
        return position


class _Members(Sequence[bytes]):
    """A large sorted set's members by position, without a copy."""

    def __init__(self, found: ZSet) -> None:
        self._order = found.order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, place: Any) -> Any:
        return self._order[place][1]


Value: TypeAlias = bytes | Buffer | List | Hash | Set | ZSet | Stream | Document

TYPE_NAMES: Final[dict[type, bytes]] = {
    bytes: b"string",
    Buffer: b"string",
    List: b"list",
    Hash: b"hash",
    Set: b"set",
    ZSet: b"zset",
    Stream: b"stream",
    Document: b"ReJSON-RL",
}


def copy_value(value: Value) -> Value:
    """The same value for another key; nothing that happens to one of them changes the other."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, Buffer):
        return bytes(value)
    if isinstance(value, Stream):
        return copy_stream(value)
    if isinstance(value, Document):
        return value.copy()
    twin: List | Hash | Set | ZSet
    if isinstance(value, ZSet):
        twin = ZSet(dict(value.scores))
    elif isinstance(value, Set):
        twin = Set(value)
        twin.arranged = value.arranged
    else:
        twin = Hash(value) if isinstance(value, Hash) else List(value)
    twin.encoding = value.encoding
    return twin
