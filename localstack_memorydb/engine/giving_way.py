"""Long work gives way: while a transaction or a script takes long, clients of other shards come in between.

All shards share one thread. What may take long runs in a greenlet that looks at the clock now and then; when its slice of time is
over, it switches back to the loop, which lets it go on after the others. The clients of its own shard wait meanwhile, as they would
for a server that is busy, so nobody ever sees what is half done: whoever else needs the data of the shard lets the work come to its
end first (`LongWork.settle`), and timers pass the shard over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from greenlet import getcurrent, greenlet

from localstack_memorydb.engine.blocked import Blocked
from localstack_memorydb.engine.bugs import failed
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.own_events import Later
from localstack_memorydb.engine.registry import GATE_BUSY, MODULE, Command
from localstack_memorydb.engine.requests import PORTION
from localstack_memorydb.engine.resp import BLOCKED, Argv, Reply, Wire
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.values import Value

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Shard
    from localstack_memorydb.engine.session import Session

_SLICE: Final = 0.02
_SLICE_OF_BUSY: Final = 0.05  # where others are answered, and timers let the work go on
_SUSPENDED: Final = object()


@dataclass(slots=True)
class _Suspended:
    """Work that gave way: whose it is, if a client's, what becomes of its result, and what its client has to wait for."""

    session: Session | None
    blocked: Blocked
    then: Callable[[Any], Reply]
    now: int
    deferred: list[bytes] = field(default_factory=list)
    seconds: float = 0.0

    def enter(self, s: Session) -> bool:
        """Its client is about to go on with it; whether it still waits, and has not left, or been told something else."""
        waits = s.blocked is self.blocked
        s.now, s.processing, s.blocked = self.now, True, None
        s.deferred[:] = self.deferred
        return waits

    def leave(self, s: Session, *, waits: bool) -> None:
        """It gave way once more."""
        self.deferred = list(s.deferred)
        s.deferred.clear()
        s.blocked = self.blocked if waits else None


class LongWork:
    """What a shard does that may take long. `running` says whether some is done right now that may give way.

    While something is `suspended` and others must not see how far it is, it is the `holder` of this shard, and of those in
    other Regions that repeat what it does: their clients wait.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._worker: greenlet | None = None
        self._late: float | None = None
        self._endless = False
        self._asked = False
        self._waiting: dict[Session, None] = {}
        self._alarms: dict[Session, None] = {}
        self._holding: list[LongWork] = []
        self.running = False
        self.suspended: _Suspended | None = None
        self.holder: LongWork | None = None
        self.seconds = 0.0
        """How long the work took that has just come to its end after it gave way."""

    @property
    def stands_by(self) -> bool:
        """Whether some has given way and is not yet done."""
        return self.suspended is not None and not self.running

    # -- doing it --------------------------------------------------------------------------------------------------------

    def run(
        self, s: Session, argv: Argv, work: Callable[[], Any], then: Callable[[Any], Reply] | None = None
    ) -> Any:
        """Does the work of a client and returns the result; BLOCKED if it gave way, and then its reply comes later.

        What `then` makes of the result is only asked for in that case. Work within other work is part of that, and what
        is allowed beside a busy script is done at once.
        """
        if self.running or self.suspended is not None:
            return work()
        clock = self._shard.cluster.clock
        began = clock()
        result = self._begin(work)
        if result is not _SUSPENDED:
            return result
        s.park(argv)
        assert s.blocked is not None  # noqa: S101 - it is parked
        spent = clock() - began
        self.suspended = _Suspended(s, s.blocked, then or _itself, s.now, list(s.deferred), spent)
        s.deferred.clear()
        self._step_aside()
        return BLOCKED

    def undertake(self, work: Callable[[], None]) -> None:
        """Does work that no client asked for, and that raises nothing. It may come to its end later."""
        if self.running or self.suspended is not None:
            work()
        elif self._begin(work) is _SUSPENDED:
            self.suspended = _Suspended(None, Blocked([], {}, 0), _itself, 0)
            self._step_aside()

    def _begin(self, work: Callable[[], Any]) -> Any:
        self.running, self._late = True, None
        worker = self._worker
        try:
            if worker is None:
                worker = self._worker = greenlet(_work_on)
                worker.work = self
            result = worker.switch(work)
        except BaseException:
            self._worker = None  # it ends with an exception
            raise
        finally:
            self.running = False
        return result

    def look(self) -> bool:
        """Called by the work now and then: gives way when it is time, and says whether it did."""
        return self.give_way(self._shard.cluster.clock())

    def give_way(self, now: float) -> bool:
        """Lets the others come if the work's slice of time is over."""
        if self._late is None:
            self._late = now + _SLICE
        elif now >= self._late and self.running and (self.is_busy or not self._endless):
            loop = getcurrent().parent
            assert loop is not None  # noqa: S101 - work is never done in the loop's own greenlet
            loop.switch(_SUSPENDED)
            return True
        return False

    @property
    def is_busy(self) -> bool:
        """Whether others are no longer made to wait, but told that a script takes too long."""
        return self._shard.scripting.pace.long_run is not None

    # -- going on --------------------------------------------------------------------------------------------------------

    def go_on(self, *, endless: bool = False) -> None:
        """Lets the work that gave way go on for a slice, or to its end; answers its client when it is done."""
        suspended, worker = self.suspended, self._worker
        if suspended is None or worker is None or self.running:
            return
        s, clock = suspended.session, self._shard.cluster.clock
        waits = s is not None and suspended.enter(s)
        began = clock()
        self._late = began + (_SLICE_OF_BUSY if self.is_busy else _SLICE)
        self.running, self._endless = True, endless
        before, worker.parent = worker.parent, getcurrent()
        result, data = None, b""
        try:
            result = worker.switch(None)
            suspended.seconds += clock() - began
            self.seconds = suspended.seconds
            if s is not None and result is not _SUSPENDED:
                reply = suspended.then(result)
                data = b"" if reply is BLOCKED else s.encoders[type(reply)](reply)
        except CommandError as error:
            data = b"" if s is None else s.refused(error, suspended.blocked.argv, None)
        except Exception as error:
            data = failed(error, suspended.blocked.argv)
        finally:
            self.running = self._endless = False
            if s is not None:
                s.processing = False
            if worker.dead:
                self._worker = None
            else:
                worker.parent = before
        if result is _SUSPENDED:
            if s is not None:
                suspended.leave(s, waits=waits)
            self._step_aside()
            return
        self.suspended = None
        self._let_in()
        if s is None:
            return
        if waits:
            self._answer(s, suspended, data)
        elif s.number not in s.node.sessions:
            s.disconnect()  # once more, for what the work did in its name

    def _answer(self, s: Session, suspended: _Suspended, data: bytes) -> None:
        data = (b"" if suspended.blocked.silent else data) + b"".join(s.deferred)
        s.deferred.clear()
        if data:
            s.push(data)
        if s.blocked is not None:  # it waits for a key now
            return
        if s.closing:
            s.hang_up()
        else:
            self._shard.cluster.unblocked.appendleft(s)

    def keeps(self, s: Session, data: bytes) -> bool:
        """Keeps a message to the client whose work gave way for after its reply, as a server that is busy would."""
        suspended = self.suspended
        if suspended is None or s.blocked is not suspended.blocked:
            return False
        suspended.deferred.append(Later(data))
        return True

    def settle(self) -> None:
        """Lets what holds the shard come to its end, before somebody looks at its data or changes what it depends on.

        A script that others are told about is not waited for: it may never end.
        """
        holder = self.holder
        while holder is not None and holder is self.holder and not holder.running:
            holder.go_on(endless=True)

    def finish(self) -> None:
        """Lets the work come to its end in any case; whoever calls it sees to that scripts do."""
        while self.suspended is not None and not self.running:
            self.go_on(endless=True)

    # -- those who wait --------------------------------------------------------------------------------------------------

    def _concerned(self) -> list[LongWork]:
        """The shard, and those that repeat what it does."""
        group, own = self._shard.keyspace.group, self._shard.cluster
        others = [member for member in group.members if member is not own] if group is not None else []
        return [self, *(shard.work for member in others for shard in member.shards)]

    def _step_aside(self) -> None:
        """Work has given way: from now on clients of the shard wait, or are told that it is busy."""
        self._announce()
        if self.is_busy:
            self._let_in()
            return
        if self.holder is None:
            self._holding = self._concerned()
            for each in self._holding:
                each.holder = self
                for session in each._sessions():
                    session.portion = 0  # so what it sends meets `turns.run`
        soon = self._shard.cluster.soon
        if soon is not None and not self._asked:
            self._asked = True
            soon(self._have_turn)

    def _announce(self) -> None:
        """Tells clients of all nodes that a script takes too long, or no longer does."""
        gate = self._shard.gates & GATE_BUSY
        for session in self._sessions():
            session.gates = session.gates & ~GATE_BUSY | gate

    def _have_turn(self) -> None:
        self._asked = False
        if self.holder is self:
            self.go_on()
        _resume(self._shard.cluster)

    def _sessions(self) -> Iterator[Session]:
        return (session for node in self._shard.nodes for session in node.sessions.values())

    def _let_in(self) -> None:
        """Nobody has to wait any more; what clients sent runs in the order in which they came."""
        self._announce()
        if self.holder is not self:
            return
        soon = self._shard.cluster.soon
        for each in self._holding:
            each._release()
            if soon is not None:
                soon(partial(_resume, each._shard.cluster))
        self._holding = []

    def _release(self) -> None:
        self.holder = None
        for session in self._sessions():
            session.portion = 0 if session.rest or session.interrupted else PORTION
        waiting, self._waiting = self._waiting, {}
        alarms, self._alarms = self._alarms, {}
        for session in alarms:
            if session.blocked is not None and session.blocked.deadline is not None:
                session.alarm(session.blocked.deadline)
        self._shard.cluster.unblocked.extend(waiting)

    def holds_up(self, s: Session) -> bool:
        """Whether a client has to wait. What it sent runs later."""
        if self.holder is None:
            return False
        self._waiting[s] = None
        return True

    def postpones(self, s: Session) -> bool:
        """Whether the end of a client's wait for a key is not yet: what holds the shard may still give it one."""
        if self.holder is None:
            return False
        self._alarms[s] = None
        return True


def _resume(cluster: Any) -> None:
    cluster.resume(cluster.microseconds() // 1000)


def _itself(reply: Reply) -> Reply:
    return reply


def _work_on(work: Callable[[], Any]) -> None:
    """The greenlet of a shard: does one piece of work after the other, and hands the results to whoever let it go on."""
    this = getcurrent()
    while True:
        result = work()
        loop = this.parent
        assert loop is not None  # noqa: S101 - it is made by the loop's greenlet
        work = loop.switch(result)


def may_take_long(s: Session, command: Command, argv: Argv, keys: Sequence[bytes]) -> bool:
    """Whether a command is better run as work that may give way. Short ones are spared what that costs."""
    for key in keys if len(keys) < _MANY_ARGUMENTS else ():
        if _is_large(s.db.get(key)) or (command.name == "dump" and _may_be_long(s.db.get(key))):
            break
    else:
        if len(argv) < _MANY_ARGUMENTS and keys and (len(argv) < 3 or not _asks_for_much(s, command, argv)):
            return False
    return not (s.in_exec or s.blocked is not None or s.node.shard.work.running)


def _is_large(value: Value | None) -> bool:
    if type(value) is Document:
        return value.bound > _LARGE_DOCUMENT
    return (
        value is not None and len(value) > _LARGE and (type(value) is not bytes or len(value) > _LONG_STRING)
    )


def _may_be_long(value: Value | None) -> bool:
    """Whether it may take long to compress the value, whose elements may be long."""
    return value is not None and (type(value) is not bytes or len(value) > _LONG_TO_COMPRESS)


def holds_much(s: Session, key: bytes) -> bool:
    """Whether the key's value is so large that commands may take long."""
    slot = s.slots[key_slot(key)]
    return slot is not None and _is_large(slot.get(key))


def _asks_for_much(s: Session, command: Command, argv: Argv) -> bool:
    if command.flags & MODULE:
        return len(argv[2]) > _LONG_PATH or any(len(word) > _LONG_PAYLOAD for word in argv[3:])
    if command.name == "restore":
        return len(argv) > 3 and len(argv[3]) > _LONG_PAYLOAD
    return len(argv[2]) > _LONG_COUNT and argv[2].startswith(b"-")


def run_command(s: Session, command: Command, argv: Argv) -> Reply:
    """Runs a command of which nobody knows how long it takes. Raises CommandError."""
    work = s.node.shard.work
    reply = work.run(s, argv, partial(_tried, s, command, argv), partial(_told, s, command, argv))
    if isinstance(reply, CommandError):
        raise reply
    return reply


def _tried(s: Session, command: Command, argv: Argv) -> Reply:
    try:
        return encoded(s, s.call(command, argv))
    except CommandError as error:
        return error


def _told(s: Session, command: Command, argv: Argv, reply: Reply) -> Reply:
    """The reply of a command that gave way. Raises CommandError."""
    failed = isinstance(reply, CommandError)
    s.node.stats.note(s, command, argv, s.node.shard.work.seconds, failed=failed)
    if failed:
        s.node.stats.failed_lookup(s, command, argv, reply)
        raise reply
    return reply


_MANY_ARGUMENTS: Final = 32
_LARGE: Final = 1000
_LONG_STRING: Final = 1 << 20
_LONG_TO_COMPRESS: Final = 1 << 14
_LONG_COUNT: Final = len("-999")
_LONG_PAYLOAD: Final = 1 << 16
_LONG_PATH: Final = 500
_LARGE_DOCUMENT: Final = 50_000


def encoded(s: Session, reply: Reply) -> Reply:
    """The reply, and as it is sent where that may take long. Raises ReplyTooLarge."""
    if isinstance(reply, list | dict | tuple):
        return Wire(s.encoders[type(reply)](reply))
    return reply


def made_at_leisure(s: Session, argv: Argv, make: Callable[[], Reply]) -> Reply:
    """The reply of a command that only reads, if it has to be made of much; BLOCKED if it comes later. Raises CommandError."""
    work = s.node.shard.work
    if s.in_exec or s.blocked is not None or work.running:
        return make()
    command = s.table[argv[0].lower()]
    return work.run(s, argv, lambda: encoded(s, make()), partial(_told, s, command, argv))


def run_long_line(s: Session, command: Command, argv: Argv) -> Reply:
    """Runs a command line of very many words, from the first look at it on. Raises CommandError."""
    return s.node.shard.work.run(s, argv, partial(_run_carefully, s, command, argv))


def _run_carefully(s: Session, command: Command, argv: Argv) -> Reply:
    return encoded(s, s.careful(command, argv))
