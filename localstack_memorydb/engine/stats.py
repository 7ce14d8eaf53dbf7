"""What a node counts and times while it works: INFO's commandstats and latencystats, the slow log, figures a second.

The straight path counts commands and times packets, which costs little. A packet of one command, or of many alike, says
how long that command takes; the time of mixed ones is judged by it. Where somebody wants to know exactly (latency tracking, or
a slow log below its default of 10 ms), every command takes the careful path and is timed by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.errors import REFUSALS, CommandError
from localstack_memorydb.engine.lookups import keys_looked_up, looked_up_before
from localstack_memorydb.engine.registry import GATE_TIMED, NUMBERS, SKIP_SLOWLOG, Command
from localstack_memorydb.engine.slowlog import SlowLog

if TYPE_CHECKING:
    from localstack_memorydb.engine.blocked import Blocked
    from localstack_memorydb.engine.resp import Argv, Reply
    from localstack_memorydb.engine.session import Session

_SAMPLES: Final = 16  # server.h: STATS_METRIC_SAMPLES
_SECONDS: Final = 60
_EVENTS: Final = 160  # latency.h: LATENCY_TS_LEN
_HIGHEST: Final = 1_000_000_000
LONG_PACKET: Final = 0.01
"""Seconds. A slow log with a threshold from here on is content with the time of packets."""

SUSPECTED: Final = 200
"""After a long packet of several commands, or a slow one of these, so many of the client's commands are timed one by one.

Not for ever: more often than a command, it was the machine that took its time.
"""


class CommandStat:
    """Calls of one command. `timed` of them took `seconds`; `failed` ended in an error, `rejected` never began.

    Those that came `alone`, one in a packet, and were timed are counted in one step; `others` are all that were not.
    """

    __slots__ = ("alone", "failed", "histogram", "others", "others_timed", "rejected", "seconds")

    def __init__(self) -> None:
        self.alone = self.others = self.others_timed = self.failed = self.rejected = 0
        self.seconds = 0.0
        self.histogram: dict[int, int] = {}

    @property
    def calls(self) -> int:
        """How often it has run."""
        return self.alone + self.others

    @property
    def timed(self) -> int:
        """How many of the calls the time was taken of."""
        return self.alone + self.others_timed

    @property
    def microseconds(self) -> int:
        """The time of all calls."""
        return round(self.seconds * 1e6 * self.calls / self.timed) if self.timed else 0

    def record(self, seconds: float) -> None:
        """Puts a call into the histogram: by the largest number of ns that is as good as its own (HdrHistogram, 2 digits)."""
        nanoseconds = min(max(1000, int(seconds * 1e9)), _HIGHEST)
        shift = max(0, nanoseconds.bit_length() - 8)
        bucket = ((nanoseconds >> shift) + 1 << shift) - 1
        self.histogram[bucket] = self.histogram.get(bucket, 0) + 1

    def add(self, other: CommandStat) -> None:
        """Counts the calls of another one, too."""
        self.alone += other.alone
        self.others += other.others
        self.others_timed += other.others_timed
        self.failed += other.failed
        self.rejected += other.rejected
        self.seconds += other.seconds

    def percentile(self, percent: float) -> float:
        """The time in microseconds that so many percent of the calls did not exceed."""
        total = sum(self.histogram.values())
        wanted, seen = max(1, int(percent / 100 * total + 0.5)), 0
        for bucket in sorted(self.histogram):
            seen += self.histogram[bucket]
            if seen >= wanted:
                return bucket / 1000
        return 0.0

    def cumulative(self) -> Iterator[tuple[int, int]]:
        """Powers of two in microseconds and how many calls took no longer, where that number grows."""
        limit, seen, said = 1024, 0, 0
        for bucket in sorted(self.histogram):
            while bucket > limit:
                if seen > said:
                    yield limit // 1000, seen
                    said = seen
                limit *= 2
            seen += self.histogram[bucket]
        if seen > said:
            yield limit // 1000, seen


class CommandStats(dict[str, CommandStat]):
    """By the command's full name, in the order of first use."""

    def __missing__(self, name: str) -> CommandStat:
        self[name] = stat = CommandStat()
        return stat

    def by_parents(self) -> CommandStats:
        """With subcommands as calls of their parents: 6.2 knows of no others, and has no command QUIT."""
        whole = CommandStats()
        for name, stat in self.items():
            if name == "quit":
                continue
            whole[name.partition("|")[0]].add(stat)
        return whole


class Rates:
    """Figures a second, over the last 16 ticks: operations, bytes received, bytes sent, cycles of the loop."""

    def __init__(self) -> None:
        self._before: tuple[int, ...] = ()
        self._at = 0
        self._samples: deque[tuple[float, ...]] = deque(maxlen=_SAMPLES)

    def sample(self, now: int, *totals: int) -> None:
        """Notes what the totals are at `now`."""
        elapsed = now - self._at
        if self._before and elapsed > 0:
            grown = [max(0, total - before) for total, before in zip(totals, self._before, strict=True)]
            self._samples.append(tuple(each * 1000 / elapsed for each in grown))
        self._before, self._at = totals, now

    def per_second(self, place: int) -> float:
        """The average of the samples of one of the totals."""
        return sum(sample[place] for sample in self._samples) / _SAMPLES


class Bursts:
    """How much totals grew in the busiest second of the last minute."""

    def __init__(self) -> None:
        self._before: tuple[int, ...] = ()
        self._at = 0
        self._seconds: deque[tuple[float, ...]] = deque(maxlen=_SECONDS)

    def sample(self, now: int, *totals: int) -> None:
        """Notes what the totals are at `now`; called several times a second."""
        elapsed = now - self._at
        if elapsed < 1000:
            return
        if self._before:
            grown = [max(0, total - before) for total, before in zip(totals, self._before, strict=True)]
            self._seconds.append(tuple(each * 1000 / elapsed for each in grown))
        self._before, self._at = totals, now

    def most(self, place: int) -> float:
        """What one of the totals grew by in its busiest second."""
        return max((second[place] for second in self._seconds), default=0.0)


class NodeStats:
    """The figures of one node."""

    def __init__(self) -> None:
        self.slowlog = SlowLog()
        self.reset()

    def reset(self) -> None:
        """Begins anew (CONFIG RESETSTAT)."""
        self.commands = CommandStats()
        self.numbered: list[CommandStat | None] = [None] * len(NUMBERS)
        """The same by the command's number, as far as clients have sent it alone."""
        self.rates = Rates()
        self.bursts = Bursts()
        self.other_reads = 0
        """Packets that were not one call that is counted with its command."""
        self.lookups = 0
        """Keys that were looked up, but for those of commands that look one up with every call."""
        self.misses = 0
        self.peak = 0
        """The most memory that anybody was told of."""
        self.events: dict[bytes, deque[tuple[int, int]]] = {}
        self.longest: dict[bytes, int] = {}

    def first(self, command: Command) -> CommandStat:
        """The command is sent alone for the first time."""
        self.numbered[command.number] = stat = self.commands[command.name]
        return stat

    @property
    def reads(self) -> int:
        """How many packets came from clients."""
        return self.other_reads + sum([stat.alone for stat in self.commands.values()])

    def spoiled(self, s: Session, command: Command, argv: Argv, error: CommandError) -> None:
        """A call that was counted ended in an error, or should not have been counted."""
        stat = self.commands[command.name]
        if isinstance(error, REFUSALS):
            stat.rejected += 1
            stat.others -= 1
        else:
            stat.failed += 1
            self.failed_lookup(s, command, argv, error)

    def reject(self, s: Session, argv: Argv) -> None:
        """A command was refused before it began; it is the client's last one all the same."""
        command = s.table.find(argv[0])
        if command is not None and command.subcommands and len(argv) > 1 and not s.legacy:
            command = command.subcommands.get(argv[1].lower())
        s.last_command = "NULL" if command is None else command.name
        if command is not None:
            self.commands[command.name].rejected += 1

    def sought(self, s: Session, command: Command, argv: Argv) -> tuple[int, Sequence[bytes]] | None:
        """How many keys a command is about to look up to read them, and those of them that there are not."""
        if s.blocked is not None and s.legacy_doubles:  # since 7.2 who waited looks again
            return None
        keys = keys_looked_up(command, argv, s.legacy)
        return len(keys), [key for key in keys if key not in s.db]

    def looked_up(
        self, s: Session, command: Command, argv: Argv, count: int, missing: Sequence[bytes]
    ) -> None:
        """A command has looked up so many keys to read them. A write tells of those that are missing with what it did."""
        self.lookups += count - command.reads_one
        if missing:
            self.misses += len(missing)
            notifier = s.node.shard.keyspace.notifier
            if notifier is not None and not command.write:
                notifier.tell_misses(s, command, argv, missing)

    def looked_for(self, found: object) -> None:
        """A write that reads only sometimes has looked its key up."""
        self.lookups += 1
        self.misses += found is None

    def failed_lookup(self, s: Session, command: Command, argv: Argv, error: CommandError) -> None:
        """A command failed, perhaps after it had looked some of its keys up."""
        if command.keys and not isinstance(error, REFUSALS):
            keys = looked_up_before(command, argv, s.db, error, s.table.level)
            missing = [key for key in keys if key not in s.db]
            self.looked_up(s, command, argv, len(keys), missing)
            if missing and command.write and s.node.shard.keyspace.notifier is not None:
                s.node.shard.keyspace.notifier.tell_misses(s, command, argv, missing)

    def took_long(self, s: Session, command: Command, argv: Argv, ran: int, seconds: float) -> None:
        """A packet of so many calls of the command took long; the next ones of many are timed call by call."""
        s.send_now()
        if ran == 1:
            self.note_slow(s, command, argv, seconds * 1e6)
        elif ran:
            s.suspicion = SUSPECTED
            s.gates |= GATE_TIMED

    def note(self, s: Session, command: Command, argv: Argv, seconds: float, *, failed: bool) -> None:
        """A command took that long."""
        stat = self.commands[command.name]
        if s.blocked is None or not s.legacy_doubles:
            stat.others += 1
        stat.others_timed += 1
        stat.seconds += seconds
        if failed and (s.blocked is None or not s.legacy):
            stat.failed += 1
        parameters = s.node.cluster.parameters
        if parameters.latency_tracking:
            stat.record(seconds)
        if s.blocked is None or not (failed and s.legacy):
            self.note_slow(s, command, argv, seconds * 1e6)
        if seconds > LONG_PACKET:
            s.send_now()
        if s.suspicion:
            s.suspicion = SUSPECTED if seconds > LONG_PACKET else s.suspicion - 1
            if not s.suspicion:
                s.gates = s.gates & ~GATE_TIMED | (s.node.gates & GATE_TIMED)

    def waits(self, s: Session, argv: Argv) -> None:
        """A command begins to wait for a key. Before 7.2 that is its call, later it is counted when the wait ends."""
        if s.legacy_doubles:
            self.commands[s.table[argv[0].lower()].name].others += 1

    def gave_up(self, s: Session, wait: Blocked, reply: Reply) -> None:
        """A command has waited for a key in vain, until its time was over or it got an error."""
        if wait.keys and not s.legacy_doubles:
            stat = self.commands[s.table[wait.argv[0].lower()].name]
            stat.others += 1
            stat.rejected += isinstance(reply, CommandError)
            self._note_slow_wait(s, wait, wait.shown)

    def _note_slow_wait(self, s: Session, wait: Blocked, shown: Argv) -> None:
        """The time in which a client waits for nothing does not count."""
        parameters = s.node.cluster.parameters
        microseconds = round(wait.took * 1e6)
        if 0 <= parameters.slowlog_log_slower_than <= microseconds:
            command = s.table[wait.argv[0].lower()]
            self.slowlog.add(s, command, shown, microseconds, parameters.slowlog_max_len)

    def told_to_stop(self, s: Session, wait: Blocked, *, with_error: bool) -> None:
        """CLIENT UNBLOCK ended the wait of a command. The error of another client is its own failure, too.

        7.0 has forgotten the command line when it tells the slow log.
        """
        if s.legacy_doubles and not s.legacy:
            self.commands[s.table[wait.argv[0].lower()].name].failed += 1
            self._note_slow_wait(s, wait, [])
        self.commands["client|unblock"].failed += with_error

    def note_slow(self, s: Session, command: Command, argv: Argv, microseconds: float) -> None:
        """Tells the slow log of a command that took so long that it may be interested."""
        parameters = s.node.cluster.parameters
        threshold = parameters.slowlog_log_slower_than
        if 0 <= threshold <= microseconds and not command.flags & SKIP_SLOWLOG:
            self.slowlog.add(s, command, argv, round(microseconds), parameters.slowlog_max_len)
        event = b"fast-command" if command.is_fast else b"command"
        self.spent(event, s.now, microseconds / 1e6, parameters.latency_monitor_threshold)

    @property
    def calls(self) -> int:
        """How many commands have run."""
        return sum([stat.calls for stat in self.commands.values()])

    def spent(self, event: bytes, now: int, seconds: float, threshold: int) -> None:
        """Something took that long: a latency spike, if there is a threshold in milliseconds and it took no less."""
        if threshold and seconds * 1000 >= threshold:
            self.add_event(event, now, int(seconds * 1000))

    def add_event(self, name: bytes, now: int, milliseconds: int) -> None:
        """A latency spike (LATENCY HISTORY); within one second the longest counts."""
        history = self.events.setdefault(name, deque(maxlen=_EVENTS))
        self.longest[name] = max(milliseconds, self.longest.get(name, 0))
        if history and history[-1][0] == now // 1000:
            milliseconds = max(milliseconds, history.pop()[1])
        history.append((now // 1000, milliseconds))

    def hits(self, readers: Iterable[str]) -> int:
        """How many keys were found by commands that read; `readers` are those that look up one key."""
        calls = sum(self.commands[name].calls for name in readers if name in self.commands)
        return max(0, calls + self.lookups - self.misses)
