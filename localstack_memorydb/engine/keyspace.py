"""The data of one shard: values and deadlines by slot, and who watches or waits for which key.

Data lives by slot because a cluster's commands never leave one slot: SCAN's cursor is a slot, GETKEYSINSLOT is a look,
and resharding hands a whole slot over without copying a key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.slots import SLOTS, key_slot
from localstack_memorydb.engine.streams import Stream
from localstack_memorydb.engine.tracking import Tracking
from localstack_memorydb.engine.values import Value

if TYPE_CHECKING:
    from localstack_memorydb.engine.eviction import Budget
    from localstack_memorydb.engine.log import ShardLog
    from localstack_memorydb.engine.multi_region import ReplicationGroup
    from localstack_memorydb.engine.notifications import Notifier
    from localstack_memorydb.engine.registry import Command
    from localstack_memorydb.engine.search.index import Indexes
    from localstack_memorydb.engine.session import Session


_MANY: Final = SLOTS // 32  # slots in use, from which on it is quicker to look at all

EMBEDDED_LENGTH: Final = 44
"""Up to that many bytes a string is kept together with its object (OBJ_ENCODING_EMBSTR_SIZE_LIMIT)."""


class Untold(list[list[bytes]]):
    """Effects of a write that are kept in the log, but are no change to those who watch, track or wait for keys."""


_NOWHERE: Final[set[int]] = set()


class Slot(dict[bytes, Value]):
    """The keys of one slot. `deadlines` holds the unix time in ms at which a key expires, for keys that do.

    `used` is when one of them was used last. The slot's number is among `timed` numbers while keys may expire. `uses` says when or how often a key was used, while the eviction policy asks for it (engine/eviction.py).
    """

    __slots__ = ("_forms", "_number", "_timed", "deadlines", "used", "uses")

    def __init__(self) -> None:
        super().__init__()
        self.deadlines: dict[bytes, int] = {}
        self.used = 0
        self.uses: dict[bytes, int] = {}
        self._forms: dict[bytes, tuple[Value, bytes]] = {}
        self._number, self._timed = -1, _NOWHERE

    def lie(self, number: int, timed: set[int]) -> None:
        """The slot has that number, in the keyspace to which the set belongs."""
        self._number, self._timed = number, timed
        if self.deadlines:
            timed.add(number)

    def expire(self, key: bytes, deadline: int) -> None:
        """The key goes at that unix time in ms."""
        deadlines = self.deadlines
        if not deadlines:
            self._timed.add(self._number)
        deadlines[key] = deadline

    def put(self, key: bytes, value: Value) -> None:
        """Sets the key as SET does: an old deadline goes."""
        self[key] = value
        if self.deadlines:
            self.deadlines.pop(key, None)

    def grow(self, key: bytes, value: bytes) -> None:
        """Sets a string that was changed in place, as APPEND and SETRANGE do: its encoding is `raw` from then on."""
        self.keep(key, value, b"raw")

    def keep(self, key: bytes, value: bytes, form: bytes | None) -> None:
        """Sets a string in an encoding that others of its kind do not have; None for that which they have."""
        if len(value) == 1:
            value = memoryview(value).tobytes()  # an object of its own, where Python has one for all
        self[key] = value
        if form is not None and len(value) <= EMBEDDED_LENGTH:  # longer ones are raw anyway
            self._forms[key] = value, form

    def unshare(self, key: bytes) -> None:
        """What may change a string in place makes it `raw` first, whether it is changed or not."""
        value = self[key]
        if isinstance(value, bytes) and len(value) <= EMBEDDED_LENGTH:
            self._forms[key] = value, b"raw"

    def form(self, key: bytes) -> bytes | None:
        """The encoding that the key's string was kept in, if a special one. What other commands set is another object."""
        value, form = self._forms.get(key, (None, None))
        return form if value is not None and value is self.get(key) else None

    def remove(self, key: bytes) -> bool:
        """Deletes the key and its deadline; False when it was not there."""
        if self.pop(key, None) is None:
            return False
        if self._forms:
            self._forms.pop(key, None)
        self.deadlines.pop(key, None)
        if self.uses:
            self.uses.pop(key, None)
        return True


class Keyspace:
    """All slots of a shard. A slot that is None holds nothing, or belongs to another shard.

    `used` has the numbers of those that may hold something: an idle cluster should not look through all of them.

    `observed` says whether anyone cares which keys a write changes (WATCH, blocked clients, the log on
    disk): while nobody does, writes take the straight path. A `budget` that counts memory is told of keys that go by themselves.
    """

    __slots__ = (
        "_timed",
        "awaited",
        "budget",
        "evicted",
        "expired",
        "group",
        "indexes",
        "log",
        "notifier",
        "observed",
        "ready",
        "replaced",
        "slots",
        "tracking",
        "used",
        "waiters",
        "watchers",
        "withheld",
    )

    def __init__(self) -> None:
        self.slots: list[Slot | None] = [None] * SLOTS
        self.used: set[int] = set()
        self._timed: set[int] = set()
        self.watchers: dict[bytes, set[Session]] = {}
        self.waiters: dict[bytes, dict[Session, type]] = {}
        self.awaited: Counter[type | None] = Counter()
        """How many wait for a value of each kind; `object` is for the end of a stream."""
        self.ready: list[bytes] = []
        self.replaced: dict[bytes, Value] = {}
        self.observed = False
        self.expired = 0
        self.evicted = 0
        self.budget: Budget | None = None
        self.log: ShardLog | None = None
        self.group: ReplicationGroup | None = None
        self.notifier: Notifier | None = None
        self.tracking = Tracking()
        self.indexes: Indexes | None = None
        self.withheld: list[bytes] | None = None
        """While clients are paused: the keys whose time has come. They are gone, and nobody is told before the pause ends."""

    def __len__(self) -> int:
        return sum(map(len, filter(None, self.slots)))

    def data(self) -> list[Slot]:
        """The slots that hold keys, ascending, without their numbers."""
        if len(self.used) > _MANY:
            return list(filter(None, self.slots))
        return [slot for slot in map(self.slots.__getitem__, sorted(self.used)) if slot]

    def slot(self, number: int) -> Slot:
        """The slot's data, made when it is first used."""
        found = self.slots[number]
        if found is None:
            found = Slot()
            self.take(number, found)
        return found

    def take(self, number: int, slot: Slot | None) -> None:
        """The slot's data from now on."""
        self.slots[number] = slot
        self.used.add(number)
        if slot is not None:
            slot.lie(number, self._timed)

    def of(self, key: bytes) -> Slot:
        """The slot in which the key lives."""
        return self.slot(key_slot(key))

    def timed(self) -> list[int]:
        """The numbers of the slots in which keys have a deadline, ascending."""
        slots = self.slots
        found = [number for number in sorted(self._timed) if (slot := slots[number]) and slot.deadlines]
        self._timed.intersection_update(found)
        return found

    @property
    def has_deadlines(self) -> bool:
        """Whether a key may have one."""
        return bool(self._timed)

    def deadlines(self) -> Iterator[int]:
        """The deadlines of all keys that have one."""
        slots = map(self.slots.__getitem__, self.timed())
        return chain.from_iterable(slot.deadlines.values() for slot in slots if slot is not None)

    def filled(self) -> Iterator[tuple[int, Slot]]:
        """The slots that hold keys, ascending."""
        slots = self.slots
        return ((number, slot) for number in sorted(self.used) if (slot := slots[number]))

    def entries(self, now: int) -> Iterator[tuple[bytes, Value, int | None]]:
        """Every live key with its value and deadline."""
        for _, slot in self.filled():
            deadlines = slot.deadlines
            if not deadlines:
                for key, value in slot.items():
                    yield key, value, None
                continue
            for key, value in slot.items():
                deadline = deadlines.get(key)
                if deadline is None or deadline > now:
                    yield key, value, deadline

    def expires(self) -> int:
        """How many keys have a deadline."""
        return sum([len(slot.deadlines) for number in self.timed() if (slot := self.slots[number])])

    def purge(self, slot: Slot, key: bytes, now: int) -> None:
        """Deletes the key if its time has come."""
        deadline = slot.deadlines.get(key)
        if deadline is not None and deadline <= now:
            self.drop(slot, key, "expired")

    def drop(self, slot: Slot, key: bytes, event: str) -> None:
        """Deletes a key that nobody asked to delete: it is `expired`, or `evicted` because memory is short."""
        if self.budget is not None:
            self.budget.used -= self.budget.weigh(slot, (key,))
        slot.remove(key)
        if event == "expired" and self.withheld is not None:
            self.withheld.append(key)
        else:
            self._tell(key, event)

    def withhold(self, *, starts: bool) -> None:
        """A pause begins, and from now on keys expire in silence; or it ends."""
        if starts:
            self.withheld = self.withheld or []
            return
        gone, self.withheld = self.withheld or (), None
        for key in gone:
            self._tell(key, "expired")

    def _tell(self, key: bytes, event: str) -> None:
        if event == "expired":
            self.expired += 1
        if self.observed:
            self.changed(key)
            if self.log is not None:
                self.log.append([b"DEL", key])
            if self.notifier is not None:
                self.notifier.emit("x" if event == "expired" else "e", event, key)

    def purge_slot(self, slot: Slot, now: int) -> None:
        """Deletes every key of the slot whose time has come."""
        if slot.deadlines:
            for key in looking(self.due(slot, now)):
                self.purge(slot, key, now)

    def due(self, slot: Slot, now: int) -> list[bytes]:
        """The keys of the slot whose time has come."""
        return [key for key, deadline in slot.deadlines.items() if deadline <= now]

    def purge_all(self, now: int) -> None:
        """Deletes every key whose time has come: active expiry, and before a count of keys."""
        for number in self.timed():
            slot = self.slots[number]
            if slot is not None:
                self.purge_slot(slot, now)

    def clear(self) -> None:
        """Deletes everything."""
        if self.observed:
            for key, sessions in self.watchers.items():
                if key in self.of(key):
                    for session in sessions:
                        session.touched = True
            for key in self.waiters:
                if key in self.of(key):
                    self.wake(key)
            self.tracking.flushed()
            self.observe()
            if self.indexes is not None:
                self.indexes.flushed()
        for number in self.used:
            self.slots[number] = None
        self.used.clear()
        self._timed.clear()
        if self.budget is not None:
            self.budget.measure()

    def changed(self, key: bytes, author: Session | None = None, by: Command | None = None) -> None:
        """Tells transactions that watch the key and clients that keep it, and remembers it for those that wait for it.

        Indexes of search take note of it too. Whoever waits for a stream is not served by commands that add nothing to it.
        """
        self.tracking.changed(key, author)
        if self.indexes is not None:
            self.indexes.changed(key)
        for session in self.watchers.get(key, ()):
            session.touched = True
        if by is None or not by.adds_nothing or key not in self.of(key):
            self.wake(key)

    def replace(self, key: bytes, value: Value, author: Session) -> None:
        """Sets the key as SET does. Who waits for it is served where it is new, not by what takes the place of another value; but
        since 7.0 a real server looks after all of them where one waits for the end of a stream, in 7.0 of any stream."""
        slot, waiting = self.of(key), self.waiters.get(key)
        if waiting is not None and key in slot:
            if author.legacy:
                ends = False
            elif author.legacy_doubles:
                ends = type(slot[key]) is Stream and self.awaits(Stream)
            else:
                ends = object in waiting.values()
            if not ends:
                self.replaced[key] = value
        slot.put(key, value)

    def wake(self, key: bytes) -> None:
        """Clients that wait for the key look at it again, as soon as the command that runs is done.

        A real server does not take note of a value of which kind nobody waits for one, whatever comes to the key after it.
        """
        waiting = self.waiters.get(key)
        if waiting is None:
            return
        value = self.of(key).get(key)
        if object in waiting.values() or (
            value is not None and value is not self.replaced.get(key) and self.awaits(type(value))
        ):
            self.ready.append(key)

    def awaits(self, kind: type) -> bool:
        """Whether anybody waits for a value of the kind, under whatever key."""
        return bool(self.awaited[kind] or (kind is Stream and self.awaited[object]))

    def watch(self, session: Session, key: bytes) -> None:
        """The session wants to know when the key changes."""
        self.watchers.setdefault(key, set()).add(session)
        session.know(key)
        self.observed = True

    def unwatch(self, session: Session, key: bytes) -> None:
        """The session no longer cares for the key."""
        session.unknow([key])
        watching = self.watchers.get(key)
        if watching is not None:
            watching.discard(session)
            if not watching:
                del self.watchers[key]
                self.observe()

    def wait(self, session: Session, keys: Mapping[bytes, type]) -> None:
        """The session is parked until a key holds a value of the type that it needs; first come, first served."""
        for key, kind in keys.items():
            self.waiters.setdefault(key, {})[session] = kind
            self.awaited[kind] += 1
        self.observed = True

    def stop_waiting(self, session: Session, keys: Iterable[bytes]) -> None:
        """The session is no longer parked."""
        for key in keys:
            waiting = self.waiters.get(key)
            if waiting is not None:
                self.awaited[waiting.pop(session, None)] -= 1
                if not waiting:
                    del self.waiters[key]
                    self.replaced.pop(key, None)
        self.observe()

    def observe(self) -> None:
        """Finds out whether anybody cares for what writes change."""
        self.observed = bool(
            self.watchers
            or self.waiters
            or self.log
            or self.group
            or self.notifier
            or self.tracking.active
            or self.indexes
        )

    def atomic(self) -> AbstractContextManager[None]:
        """What is written meanwhile is one transaction, for whoever repeats it."""
        return nullcontext() if self.log is None else self.log.transaction()
