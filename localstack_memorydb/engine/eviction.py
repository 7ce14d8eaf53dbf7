"""The memory of a shard against its limit: `maxmemory`, the eviction policies, and the refusal when nothing can go.

https://valkey.io/topics/lru-cache/ describes the policies. Memory is counted as engine/memory.py judges it. Counting
each write would slow them all, although hardly anybody comes near the limit of a node. So far from it only the bytes that
arrive are added up, as a bound; near it, and always when the limit is small, every change is counted (`exact`).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine import memory
from localstack_memorydb.engine.candidates import Candidates
from localstack_memorydb.engine.errors import CommandError, NoReplicas, OutOfMemory
from localstack_memorydb.engine.good_replicas import lacks_replicas
from localstack_memorydb.engine.lua.scripting import ALLOW_OOM, NO_WRITES, declared_flags
from localstack_memorydb.engine.registry import DENYOOM, Command
from localstack_memorydb.engine.resp import Argv, Reply
from localstack_memorydb.engine.routing import writes

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Shard
    from localstack_memorydb.engine.keyspace import Slot
    from localstack_memorydb.engine.session import Session

_SMALL_LIMIT: Final = 256 << 20
_NEAR: Final = 0.75  # of the limit: from here on every change is counted
_FAR: Final = 0.6
_GROWTH: Final = 4  # bytes that a byte which arrives may become
_LONGEST: Final = 0.02  # seconds that a client waits while keys are evicted
_POOL: Final = 16  # candidates that are remembered from one eviction to the next (evict.c: EVPOOL_SIZE)

_NEVER_QUEUED: Final = frozenset({"discard", "multi", "quit", "reset", "unwatch", "watch"})


class Budget:
    """What a shard's keys take. `used` is the last count; `exact` says that every change since then is in it.

    A limit of 0 is no limit; while the machine is `crowded` there is a lower one than the `usual`. `stale` says that keys came or went in another way than by commands, and `short` that there was no
    room when the command that runs came. While it is `hopeless`, nothing was written since nothing was found to evict.
    """

    __slots__ = (
        "_candidates",
        "_marked",
        "_pool",
        "crowded",
        "exact",
        "hopeless",
        "limit",
        "shard",
        "short",
        "stale",
        "used",
        "usual",
    )

    def __init__(self, shard: Shard, limit: int) -> None:
        self.shard = shard
        self.limit = self.usual = limit
        self.crowded = False
        self.used = memory.EMPTY
        self.exact = 0 < limit < _SMALL_LIMIT
        self.stale = self.short = self.hopeless = False
        self._marked = 0
        self._pool: list[tuple[int, int, bytes]] = []
        self._candidates: Candidates | None = None

    @property
    def watches(self) -> bool:
        """Whether commands have to be looked at one by one: near the limit, or when the policy asks who used what."""
        return self.exact or self.shard.cluster.parameters.evicts_by_use

    @property
    def _received(self) -> int:
        return sum(node.bytes_received for node in self.shard.nodes)

    def measure(self) -> int:
        """Counts every key; the bytes that they take."""
        total = memory.EMPTY
        for _, slot in self.shard.keyspace.filled():
            total += slot_size(slot)
        self.used, self._marked = total, self._received
        self.stale = self.hopeless = False
        return total

    def tick(self, now: int) -> None:
        """Evicts what there is to evict, and decides whether changes have to be counted; called a few times a second."""
        self.hopeless = False
        if self.limit:
            self.make_room(now)
        if self.limit < _SMALL_LIMIT:
            return
        if not self.exact and self.used + _GROWTH * (self._received - self._marked) > _NEAR * self.limit:
            self.exact = self.measure() > _NEAR * self.limit
        elif self.exact and not self.stale and self.used < _FAR * self.limit:
            self.exact = False
        else:
            return
        self.shard.watch_memory()

    def grew(self, size: int) -> None:
        """A command made that many bytes of few."""
        self.used += size
        if self.limit and self.used > _NEAR * self.limit:
            self.exact = self.measure() > _NEAR * self.limit
            self.shard.watch_memory()

    def set_limit(self, limit: int) -> None:
        """Another limit from now on."""
        self.usual = limit
        self.recount()

    def recount(self) -> None:
        """Keys came or went in another way than by commands."""
        self.crowded = False
        self._obey(self.usual)

    def crowd(self, crowded: bool) -> None:
        """While the machine has no memory for more, the limit is what there is."""
        if crowded is not self.crowded:
            self.crowded = crowded
            self._obey(min(self.usual or self.measure(), self.measure()) if crowded else self.usual)

    def _obey(self, limit: int) -> None:
        self.limit = limit
        self.exact = 0 < limit < _SMALL_LIMIT or self.measure() > _NEAR * limit > 0
        self.stale = True
        self.shard.watch_memory()

    def adopt_policy(self) -> None:
        """Another policy asks for other figures: what was noted for the old one means nothing to it."""
        for _, slot in self.shard.keyspace.filled():
            slot.uses.clear()
        self._pool.clear()
        self._candidates = None
        self.hopeless = False
        self.shard.watch_memory()

    def weigh(self, slot: Slot, keys: Iterable[bytes]) -> int:
        """The bytes that these keys take now."""
        total = 0
        for key in keys:
            value = slot.get(key)
            if value is not None:
                total += memory.usage(key, value)
                if key in slot.deadlines:
                    total += memory.deadline_size(1)
        return total

    # -- eviction -----------------------------------------------------------------------------------------------------

    def make_room(self, now: int) -> bool:
        """Evicts keys until the limit is kept; False when that cannot be. What takes long goes on with the next command or tick."""
        if not self.exact:
            return True
        if self.stale:
            self.measure()
        if self.used <= self.limit:
            return True
        if any(node.paused is not None for node in self.shard.nodes):
            return True  # nothing changes while clients are paused
        if self.hopeless:
            return False
        policy, clock = self.shard.cluster.parameters.maxmemory_policy, self.shard.cluster.clock
        began, found = clock(), True
        while found and self.used > self.limit:
            victim = self._victim(policy, now)
            found = victim is not None
            if victim is not None:
                number, key = victim
                self.shard.evict(number, key)
                if clock() - began > _LONGEST:
                    break
        threshold = self.shard.cluster.parameters.latency_monitor_threshold
        self.shard.primary.stats.spent(b"eviction-cycle", now, clock() - began, threshold)
        self.hopeless = not found
        return found

    def _victim(self, policy: str, now: int) -> tuple[int, bytes] | None:
        kind, _, order = policy.partition("-")
        if not order:
            return None
        if order == "random":
            return self._any(kind == "volatile", now)
        self._fill_pool(kind == "volatile", order, now)
        slots = self.shard.keyspace.slots
        while self._pool:
            _, number, key = self._pool.pop()
            slot = slots[number]
            if slot is not None and (key in slot.deadlines if kind == "volatile" else key in slot):
                return number, key
        return self._any(kind == "volatile", now)

    def _any(self, volatile: bool, now: int) -> tuple[int, bytes] | None:
        return next(iter(self._draw(1, volatile, now)), None)

    def _draw(self, count: int, volatile: bool, now: int) -> list[tuple[int, bytes]]:
        if self._candidates is None or self._candidates.volatile is not volatile:
            self._candidates = Candidates(self.shard.keyspace, volatile=volatile)
        return self._candidates.draw(count, self.shard.cluster.random, now)

    def _fill_pool(self, volatile: bool, order: str, now: int) -> None:
        """Adds a few keys drawn at random to the candidates; the best one to evict stands last."""
        parameters = self.shard.cluster.parameters
        known = {(number, key) for _, number, key in self._pool}
        found = []
        for number, key in self._draw(parameters.maxmemory_samples, volatile, now):
            slot = self.shard.keyspace.slots[number]
            if (number, key) not in known and slot is not None:
                found.append((self._merit(slot, key, order, now), number, key))
        # Of equals, those that have waited longer go first.
        self._pool = sorted(found + self._pool, key=itemgetter(0))[-_POOL:]

    def _merit(self, slot: Slot, key: bytes, order: str, now: int) -> int:
        """The more, the sooner the key may go."""
        if order == "ttl":
            return -slot.deadlines[key]
        if order == "lfu":
            return 255 - frequency(slot, key, self.shard, now)
        return now - slot.uses.get(key, 0)


def slot_size(slot: Slot) -> int:
    """The bytes of a slot's keys."""
    return memory.deadline_size(len(slot.deadlines)) + memory.usage_of_all(slot)


# -- what sessions ask ------------------------------------------------------------------------------------------------


def admit(s: Session, command: Command, argv: Argv) -> None:
    """Makes room before a command runs. Raises OutOfMemory or NoReplicas where there is no room or replica that it may need."""
    _require_room(s, command, argv)
    if s.node.is_primary and lacks_replicas(s.node.shard) and _writes(s, command, argv):
        raise NoReplicas


def _writes(s: Session, command: Command, argv: Argv) -> bool:
    if command.name == "exec" and s.queue is not None:
        return any(_writes(s, *each) for each in s.queue)
    return writes(s, command, argv)


def _require_room(s: Session, command: Command, argv: Argv) -> None:
    budget = s.node.shard.budget
    budget.short = s.node.is_primary and not budget.make_room(s.now)
    if not budget.short:
        return
    if command.name == "exec" and s.queue is not None:
        if any(_needs_memory(s, *each) for each in s.queue):
            raise OutOfMemory
        return
    queued = s.queue is not None and not s.in_exec and command.name not in _NEVER_QUEUED
    if queued or _needs_memory(s, command, argv):  # queuing takes memory, too
        raise OutOfMemory


def _needs_memory(s: Session, command: Command, argv: Argv) -> bool:
    """Whether the command line is refused when memory is short; scripts and functions may say for themselves."""
    flags = declared_flags(s, command, argv) if command.group == "scripting" else None
    return bool(command.flags & DENYOOM) if flags is None else not flags & {ALLOW_OOM, NO_WRITES}


_LOOKED: Final = ("WRONGTYPE", "ERR index out of range", "ERR The specified keys must contain")
"""What begins so is said of a value that the command has looked at."""


def use(s: Session, command: Command, argv: Argv) -> Reply:
    """Runs a command, counts what it changes, and remembers that it used its keys where the policy will ask."""
    budget, slot = s.node.shard.budget, s.db
    keys = command.find_keys(argv) if command.keys else ()
    if command.write:
        budget.hopeless = False
    counts = command.write and (budget.exact or command.amplifies)
    before = budget.weigh(slot, keys) if counts else 0
    notes = command.uses and (not s.no_touch or command.name == "touch")
    try:
        reply = command.run(s, argv)
    except CommandError as error:
        if notes and str(error).startswith(_LOOKED):
            _note_use(s.node.shard, slot, keys, s.now)
        raise
    if counts:
        change = budget.weigh(slot, keys) - before
        if budget.exact:
            budget.used += change
        elif change > 0:
            budget.grew(change)
    if notes:
        _note_use(s.node.shard, slot, keys, s.now)
    return reply


def _note_use(shard: Shard, slot: Slot, keys: Iterable[bytes], now: int) -> None:
    parameters = shard.cluster.parameters
    if not parameters.evicts_by_use:
        return
    counts = parameters.counts_use
    for key in keys:
        if key in slot:
            slot.uses[key] = _used_once_more(slot, key, shard, now) if counts else now


# -- how often a key is used ------------------------------------------------------------------------------------------

_NEW_KEY: Final = 5  # evict.c: LFU_INIT_VAL
_MINUTE: Final = 60_000


def frequency(slot: Slot, key: bytes, shard: Shard, now: int) -> int:
    """The logarithmic counter of the key's uses (0 to 255), after what time has taken from it (LFUDecrAndReturn)."""
    if key not in slot.uses:
        return _NEW_KEY
    minute, counter = divmod(slot.uses[key], 256)
    decay = shard.cluster.parameters.lfu_decay_time
    return max(0, counter - (now // _MINUTE - minute) // decay) if decay else counter


def _used_once_more(slot: Slot, key: bytes, shard: Shard, now: int) -> int:
    """The counter and the minute in which it changed, as one number (LFULogIncr)."""
    new = key not in slot.uses
    counter = frequency(slot, key, shard, now)
    if not new and counter < 255:
        base = max(0, counter - _NEW_KEY)
        if shard.cluster.random.random() < 1 / (base * shard.cluster.parameters.lfu_log_factor + 1):
            counter += 1
    return now // _MINUTE * 256 + counter


def note_restored(shard: Shard, slot: Slot, key: bytes, idle: int, counter: int | None, now: int) -> None:
    """A key is there again, which was used `idle` seconds ago, or as often as `counter` says (objectSetLRUOrLFU)."""
    parameters = shard.cluster.parameters
    if not parameters.counts_use:
        slot.used = now - 1000 * idle
        if parameters.evicts_by_use:
            slot.uses[key] = slot.used
    elif counter is not None:
        slot.uses[key] = now // _MINUTE * 256 + counter


def idle_seconds(slot: Slot, key: bytes, started: int, now: int) -> int:
    """Since when nobody used the key, where the eviction policy asks for it; else since when nobody used its slot.

    Those that nobody used so far are idle since the node `started`.
    """
    return max(0, now - slot.uses.get(key, slot.used or started)) // 1000
