"""The value of a stream key: entries in nodes as Valkey lays them out, and consumer groups with what is pending.

IDs are single integers, `ms << 64 | seq`, so that they compare as one. Nodes matter to clients: approximate trimming
removes whole ones, and XINFO STREAM counts them. https://valkey.io/topics/streams-intro/
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from operator import attrgetter
from typing import Final

from sortedcontainers import SortedDict

from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.numbers import INT_MIN
from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.sizes import integer_size, listpack_size

ID_MAX: Final = (1 << 128) - 1
SEQUENCE_MAX: Final = (1 << 64) - 1
_ID_BYTES: Final = 16
DELETED, SAME_FIELDS = 1, 2
"""Flags of an entry: it was deleted, its fields are those of its node."""

Fields = tuple[bytes, ...]
"""Field, value, field, value, ... of one entry."""

_master = attrgetter("master")


class StreamNode:
    """Entries that Valkey keeps in one listpack. `master` is the ID of the first, `names` are its fields.

    `bound` is no less than the listpack's bytes, and cheap to know; how many there are is measured when it matters. `gone` are the entries
    that were deleted, which are still in it.
    """

    __slots__ = ("_far", "_measured", "_size", "bound", "entries", "gone", "last", "master", "names")

    def __init__(self, master: int, names: Fields) -> None:
        self.master = self.last = master
        self.names = names
        self.entries: dict[int, Fields] = {}
        self.gone: list[tuple[int, Fields]] = []
        self._measured = 0  # so many of the entries are in the size
        self._size = _FRAME + integer_size(len(names)) + sum(map(listpack_size, names))
        self.bound = self._size
        self._far = (master >> 64) + _CLOSE << 64 if master & SEQUENCE_MAX < _CLOSE else 0

    def add(self, identifier: int, fields: Fields, size: int) -> None:
        """Appends an entry whose fields and values have `size` bytes in all."""
        self.entries[identifier] = fields
        self.last = identifier
        close = identifier < self._far and identifier & SEQUENCE_MAX < _CLOSE
        self.bound += (_CLOSE_BOUND if close else _ENTRY_BOUND) + size
        self.bound += (_SHORT_BOUND if size < _SHORT else _ELEMENT_BOUND) * len(fields)

    def measure(self) -> int:
        """The bytes of the listpack (lpBytes)."""
        entries = self.entries
        if self._measured < len(entries):
            for identifier, fields in islice(entries.items(), self._measured, None):
                self._size += self._entry_size(identifier, fields)
            self._measured = len(entries)
        self.bound = self._size
        return self._size

    def _entry_size(self, identifier: int, fields: Fields) -> int:
        """Flags, the ID's distance from the master's, fields unless they are the master's, values, and how many these are."""
        master = self.master
        if fields[::2] == self.names:
            stored = fields[1::2]
            size = 2 + integer_size(len(stored) + 3)
        else:
            stored = fields
            size = 2 + integer_size(len(fields) + 4) + integer_size(len(fields) // 2)
        ms, sequence = (
            (identifier >> 64) - (master >> 64),
            (identifier & SEQUENCE_MAX) - (master & SEQUENCE_MAX),
        )
        size += 2 if 0 <= ms <= _NEAR else integer_size(ms)
        size += 2 if 0 <= sequence <= _NEAR else integer_size(sequence)
        for item in stored:
            length = len(item)
            plain = 20 < length < _SHORT or (0 < length <= 20 and item[0] > _NINE)
            size += length + 2 if plain else listpack_size(item)
        return size

    def delete(self, identifier: int) -> None:
        """Marks an entry as deleted; the listpack does not get smaller."""
        self.measure()
        self.gone.append((identifier, self.entries.pop(identifier)))
        self._measured -= 1

    def add_deleted(self, identifier: int, fields: Fields, items: Sequence[bytes]) -> None:
        """A listpack was read with an entry of these elements that is marked as deleted."""
        self.measure()
        self._size += sum(map(listpack_size, items))
        self.bound = self._size
        self.gone.append((identifier, fields))

    def copy(self) -> StreamNode:
        """A node of its own with the same entries."""
        twin = StreamNode(self.master, self.names)
        twin.last, twin.gone, twin.entries = self.last, list(self.gone), dict(self.entries)
        twin._size, twin._measured, twin.bound = self._size, self._measured, self.bound
        return twin


_FRAME: Final = 7 + 2 + 2 + 2  # header and end, numbers of entries and of deleted ones, the end of the names
_ENTRY_BOUND: Final = 2 + 10 + 10 + 4 + 4
_CLOSE: Final = 1 << 22  # the parts of IDs that differ by less take no more than 5 bytes
_CLOSE_BOUND: Final = 2 + 5 + 5 + 4 + 4
_NEAR: Final = 127  # what takes two bytes in a listpack
_NINE: Final = 0x39  # no number begins with a greater byte
_SHORT: Final = 64
_SHORT_BOUND: Final = 2  # what a string of less than 64 bytes takes besides itself
_ELEMENT_BOUND: Final = 10


class Pending:
    """A message that was delivered and not acknowledged."""

    __slots__ = ("consumer", "count", "time")

    def __init__(self, consumer: Consumer, time: int, count: int = 1) -> None:
        self.consumer = consumer
        self.time = time
        self.count = count


class Consumer:
    """A consumer of a group; `active` is -1 until it gets a message."""

    __slots__ = ("active", "name", "pending", "seen")

    def __init__(self, name: bytes, now: int, active: int = -1) -> None:
        self.name = name
        self.seen = now
        self.active = active
        self.pending: SortedDict[int, Pending] = SortedDict()


class Consumers(dict[bytes, Consumer]):
    """The consumers of a group by name; `length` is that of all names, which are data as any other."""

    __slots__ = ("length",)

    def __init__(self) -> None:
        super().__init__()
        self.length = 0

    def __setitem__(self, name: bytes, consumer: Consumer) -> None:
        if name not in self:
            self.length += len(name)
        super().__setitem__(name, consumer)

    def take(self, name: bytes) -> Consumer | None:
        """Removes the consumer of that name; None when there is none."""
        found = self.pop(name, None)
        if found is not None:
            self.length -= len(name)
        return found


class Group:
    """A consumer group. `entries_read` is None while nobody can tell."""

    __slots__ = ("consumers", "entries_read", "last", "pending")

    def __init__(self, last: int, entries_read: int | None) -> None:
        self.last = last
        self.entries_read = entries_read
        self.pending: SortedDict[int, Pending] = SortedDict()
        self.consumers = Consumers()

    def consumer(self, name: bytes, now: int) -> Consumer:
        """The consumer of that name, made if need be, which was seen just now."""
        found = self.consumers.get(name)
        if found is None:
            found = self.consumers[name] = Consumer(name, now)
        found.seen = now
        return found

    def give(self, identifier: int, pending: Pending, consumer: Consumer) -> None:
        """The message belongs to that consumer from now on."""
        if pending.consumer is not consumer:
            pending.consumer.pending.pop(identifier, None)
            pending.consumer = consumer
        self.pending[identifier] = consumer.pending[identifier] = pending

    def forget(self, identifier: int) -> bool:
        """The message is no longer pending; False if it was not."""
        found = self.pending.pop(identifier, None)
        if found is None:
            return False
        found.consumer.pending.pop(identifier, None)
        return True


class Stream:
    """A stream; it stays when its last entry goes, so it is true even while it is empty."""

    __slots__ = ("encoding", "entries_added", "groups", "last", "length", "max_deleted", "nodes")

    def __init__(self) -> None:
        self.encoding = "stream"
        self.nodes: list[StreamNode] = []
        self.length = 0
        self.last = 0
        self.max_deleted = 0
        self.entries_added = 0
        self.groups: dict[bytes, Group] = {}

    def __len__(self) -> int:
        return self.length

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Fields]:
        """The fields of each entry, in order."""
        return (fields for node in self.nodes for fields in node.entries.values())

    @property
    def first(self) -> int:
        """The ID of the first entry, 0 without one."""
        return next(chain.from_iterable(node.entries for node in self.nodes), 0)

    @property
    def top(self) -> int:
        """The ID of the last entry, 0 without one."""
        return next(chain.from_iterable(reversed(node.entries) for node in reversed(self.nodes)), 0)

    def append(self, identifier: int, fields: Fields, limits: Limits) -> None:
        """Adds an entry, whose ID must be greater than any before."""
        nodes, size = self.nodes, len(b"".join(fields))
        node = nodes[-1] if nodes else None
        most, largest = limits.stream_node_max_entries, limits.stream_node_max_bytes
        if (
            node is None
            or 0 < most <= len(node.entries) + len(node.gone)
            or (0 < largest <= node.bound + size and largest <= node.measure() + size)
        ):
            node = StreamNode(identifier, fields[::2])
            nodes.append(node)
        node.add(identifier, fields, size)
        self.length += 1
        self.entries_added += 1
        self.last = identifier

    def _place(self, identifier: int) -> int:
        """The number of the node in which the ID would be; -1 before the first."""
        return bisect_right(self.nodes, identifier, key=_master) - 1

    def get(self, identifier: int) -> Fields | None:
        """The fields of an entry."""
        place = self._place(identifier)
        return self.nodes[place].entries.get(identifier) if place >= 0 else None

    def delete(self, identifier: int) -> bool:
        """Removes an entry; False if there is none of that ID."""
        place = self._place(identifier)
        if place < 0 or identifier not in self.nodes[place].entries:
            return False
        self.length -= 1
        node = self.nodes[place]
        node.delete(identifier)
        if not node.entries:
            del self.nodes[place]
        return True

    def between(self, start: int, stop: int) -> Iterator[tuple[int, Fields]]:
        """The entries from `start` to `stop`, both included."""
        for place in range(max(self._place(start), 0), len(self.nodes)):
            for identifier, fields in self.nodes[place].entries.items():
                if identifier > stop:
                    return
                if identifier >= start:
                    yield identifier, fields

    def backwards(self, start: int, stop: int) -> Iterator[tuple[int, Fields]]:
        """The same from `stop` to `start`."""
        for place in range(self._place(stop), -1, -1):
            for identifier, fields in reversed(self.nodes[place].entries.items()):
                if identifier < start:
                    return
                if identifier <= stop:
                    yield identifier, fields

    def trim(self, longest: int | None, oldest: int, approximate: bool, limit: int) -> int:
        """Removes entries from the front: down to `longest`, or those before `oldest`. How many went (streamTrim).

        An approximate trim removes whole nodes, and not more than `limit` entries unless that is 0.
        """
        removed = whole = 0
        for node in self.nodes:
            count = len(node.entries)
            if (longest is not None and self.length <= longest) or (limit and removed + count > limit):
                break
            if self.length - count < longest if longest is not None else node.last >= oldest:
                if not approximate:
                    removed += self._trim_node(node, longest, oldest)
                break
            whole += 1
            self.length -= count
            removed += count
        del self.nodes[:whole]
        return removed

    def _trim_node(self, node: StreamNode, longest: int | None, oldest: int) -> int:
        """Deletes entries of a node that stays, be it without any: one that is deleted already may be too young to go."""
        identifiers = list(node.entries)
        count = self.length - longest if longest is not None else bisect_left(identifiers, oldest)
        for identifier in identifiers[:count]:
            node.delete(identifier)
        self.length -= count
        return count

    # -- how far a group has read -------------------------------------------------------------------------------------

    def has_tombstone(self, start: int) -> bool:
        """Whether an entry from `start` on may have been deleted from the middle (streamRangeHasTombstones)."""
        return bool(self.length and self.max_deleted >= max(start, self.first, 1))

    def entries_until(self, identifier: int) -> int | None:
        """How many entries were ever added up to the ID, where that can be told (streamEstimateDistanceFromFirst...)."""
        if not self.entries_added:
            return 0
        if not self.length and identifier <= self.last:
            return self.entries_added
        if identifier >= self.last:
            return self.entries_added if identifier == self.last else None
        first = self.first
        if not self.max_deleted or self.max_deleted < first:
            if identifier < first:
                return self.entries_added - self.length
            if identifier == first:
                return self.entries_added - self.length + 1
        return None

    def lag(self, group: Group) -> int | None:
        """How many entries the group has still to read, where that can be told."""
        if not self.entries_added:
            return 0
        read = group.entries_read
        if read is None or self.has_tombstone(group.last):
            read = counted(self.entries_until(group.last))
        return None if read is None else signed(self.entries_added - read)

    def advance(self, group: Group, identifier: int) -> None:
        """The group has read on to that entry."""
        if identifier <= group.last:
            return
        if group.entries_read is not None and not self.has_tombstone(identifier):
            group.entries_read = counted(group.entries_read + 1)
        elif self.entries_added:
            group.entries_read = counted(self.entries_until(identifier))
        group.last = identifier


def signed(number: int) -> int:
    """The number as an integer of 64 bits, which ends somewhere."""
    return (number - INT_MIN & SEQUENCE_MAX) + INT_MIN


def counted(read: int | None) -> int | None:
    """How many entries a group has read, as a real server counts; -1 means that nobody can tell."""
    read = None if read is None else signed(read)
    return None if read == -1 else read


def tree_nodes(keys: Sequence[int]) -> int:
    """The nodes of a real server's radix tree with those ascending IDs (rax.c): one for each key's end, each place where keys part, and each run of bytes in between."""
    if not keys:
        return 1
    common = [(128 - (one ^ other).bit_length()) // 8 for one, other in pairwise(keys)]
    nodes = len(keys)
    for before, behind in zip([-1, *common], [*common, -1], strict=True):
        nodes += max(before, behind) + 1 < _ID_BYTES
    open_places: list[int] = []  # where keys parted, from the root on, that more keys may have in common
    for depth in [*common, -1]:
        while open_places and open_places[-1] > depth:
            place = open_places.pop()
            above = max(open_places[-1] if open_places else -1, depth)
            nodes += 1 + (place > above + 1)
        if depth >= 0 and (not open_places or open_places[-1] < depth):
            open_places.append(depth)
    return nodes


def format_id(identifier: int) -> bytes:
    """`ms-seq`."""
    return b"%d-%d" % (identifier >> 64, identifier & SEQUENCE_MAX)


def copy_stream(stream: Stream) -> Stream:
    """A stream of its own with the same entries, groups and pending messages."""
    twin = Stream()
    twin.length, twin.last = stream.length, stream.last
    twin.max_deleted, twin.entries_added = stream.max_deleted, stream.entries_added
    for node in looking(stream.nodes, 100):
        twin.nodes.append(node.copy())
    for name, group in stream.groups.items():
        made = twin.groups[name] = Group(group.last, group.entries_read)
        for consumer in group.consumers.values():
            made.consumers[consumer.name] = Consumer(consumer.name, consumer.seen, consumer.active)
        for identifier, pending in looking(group.pending.items()):
            consumer = made.consumers[pending.consumer.name]
            made.give(identifier, Pending(consumer, pending.time, pending.count), consumer)
    return twin
