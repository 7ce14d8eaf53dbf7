"""The value of a stream key: entries in nodes as Valkey lays them out, and consumer groups with what is pending.

IDs are single integers, `ms << 64 | seq`, so that they compare as one. Nodes matter to clients: approximate trimming
removes whole ones, and XINFO STREAM counts them. https://valkey.io/topics/streams-intro/
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Final

from sortedcontainers import SortedDict

from localstack_memorydb.engine.parameters import Limits

ID_MAX: Final = (1 << 128) - 1
SEQUENCE_MAX: Final = (1 << 64) - 1

Fields = tuple[bytes, ...]
"""Field, value, field, value, ... of one entry."""

_master = attrgetter("master")


class StreamNode:
    """Entries that Valkey keeps in one listpack. `master` is the ID of the first, `names` are its fields."""

    __slots__ = ("deleted", "entries", "last", "master", "names", "size", "size_of_names")

    def __init__(self, master: int, names: Fields) -> None:
        self.master = self.last = master
        self.names = names
        self.entries: dict[int, Fields] = {}
        self.deleted = 0
        # Frame, counts and field names; what entries add is an upper estimate by a few bytes.
        self.size_of_names = sum(map(len, names))
        self.size = 14 + self.size_of_names + 2 * len(names)

    def add(self, identifier: int, fields: Fields, size: int) -> None:
        """Appends an entry whose fields and values have `size` bytes in all."""
        self.entries[identifier] = fields
        self.last = identifier
        if fields[::2] == self.names:  # which are then not stored again
            self.size += 10 + size - self.size_of_names + len(fields)
        else:
            self.size += 10 + size + 2 * len(fields)


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


class Group:
    """A consumer group. `entries_read` is None while nobody can tell."""

    __slots__ = ("consumers", "entries_read", "last", "pending")

    def __init__(self, last: int, entries_read: int | None) -> None:
        self.last = last
        self.entries_read = entries_read
        self.pending: SortedDict[int, Pending] = SortedDict()
        self.consumers: dict[bytes, Consumer] = {}

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
        return next(iter(self.nodes[0].entries)) if self.nodes else 0

    @property
    def top(self) -> int:
        """The ID of the last entry, 0 without one."""
        return next(reversed(self.nodes[-1].entries)) if self.nodes else 0

    def append(self, identifier: int, fields: Fields, limits: Limits) -> None:
        """Adds an entry, whose ID must be greater than any before."""
        node = self.nodes[-1] if self.nodes else None
        size = sum(map(len, fields))
        if (
            node is None
            or 0 < limits.stream_node_max_entries <= len(node.entries) + node.deleted
            or 0 < limits.stream_node_max_bytes <= node.size + size
        ):
            node = StreamNode(identifier, fields[::2])
            self.nodes.append(node)
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
        if place < 0 or self.nodes[place].entries.pop(identifier, None) is None:
            return False
        self.length -= 1
        node = self.nodes[place]
        node.deleted += 1
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
        if self.nodes and not self.nodes[0].entries:
            del self.nodes[0]
        return removed

    def _trim_node(self, node: StreamNode, longest: int | None, oldest: int) -> int:
        identifiers = list(node.entries)
        count = self.length - longest if longest is not None else bisect_left(identifiers, oldest)
        for identifier in identifiers[:count]:
            del node.entries[identifier]
        node.deleted += count
        self.length -= count
        return count

    # -- how far a group has read -------------------------------------------------------------------------------------

    def has_tombstone(self, start: int) -> bool:
        """Whether an entry from `start` on may have been deleted from the middle (streamRangeHasTombstones)."""
        return bool(self.length and self.max_deleted and start <= self.max_deleted)

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
            read = self.entries_until(group.last)
        return None if read is None else self.entries_added - read

    def advance(self, group: Group, identifier: int) -> None:
        """The group has read on to that entry."""
        if identifier <= group.last:
            return
        if group.entries_read is not None and not self.has_tombstone(identifier):
            group.entries_read += 1
        elif self.entries_added:
            group.entries_read = self.entries_until(identifier)
        group.last = identifier


def tree_size(stream: Stream) -> int:
    """How many nodes Valkey's radix tree has for the stream's node IDs (rax.c)."""
    keys = [node.master.to_bytes(16, "big") for node in stream.nodes]
    return _count(keys, 0) if keys else 1


def _count(keys: list[bytes], depth: int) -> int:
    if len(keys) == 1:
        return 1 if depth == 16 else 2
    common = depth
    while keys[0][common] == keys[-1][common]:
        common += 1
    prefix = common > depth
    return (
        1 + prefix + sum(_count(list(part), common + 1) for _, part in groupby(keys, lambda key: key[common]))
    )


def format_id(identifier: int) -> bytes:
    """`ms-seq`."""
    return b"%d-%d" % (identifier >> 64, identifier & SEQUENCE_MAX)


def copy_stream(stream: Stream) -> Stream:
    """A stream of its own with the same entries, groups and pending messages."""
    twin = Stream()
    twin.length, twin.last = stream.length, stream.last
    twin.max_deleted, twin.entries_added = stream.max_deleted, stream.entries_added
    for node in stream.nodes:
        copied = StreamNode(node.master, node.names)
        copied.last, copied.deleted, copied.size = node.last, node.deleted, node.size
        copied.entries = dict(node.entries)
        twin.nodes.append(copied)
    for name, group in stream.groups.items():
        made = twin.groups[name] = Group(group.last, group.entries_read)
        for consumer in group.consumers.values():
            made.consumers[consumer.name] = Consumer(consumer.name, consumer.seen, consumer.active)
        for identifier, pending in group.pending.items():
            consumer = made.consumers[pending.consumer.name]
            made.give(identifier, Pending(consumer, pending.time, pending.count), consumer)
    return twin
