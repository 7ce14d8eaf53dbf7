"""Scripts that run too long: they give way to other clients, which are told so and may end them.

A script runs in a greenlet of its own, unless it surely ends soon, which spares it two switches. Lua calls back every so many
instructions; once the script has run for longer than the threshold, that call switches back to the loop, and the shard's timer lets
the script go on for a while, again and again.
https://valkey.io/commands/script-kill/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from greenlet import getcurrent, greenlet

from localstack_memorydb.engine.errors import Busy, CommandError, NotBusy, Unkillable
from localstack_memorydb.engine.registry import GATE_RESTRICTED
from localstack_memorydb.engine.resp import BLOCKED, OK, Argv, Reply, Simple

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Shard
    from localstack_memorydb.engine.lua.running import Run
    from localstack_memorydb.engine.session import Session

_SLICE: Final = 0.05
_SUSPENDED: Final = object()


@dataclass(slots=True)
class LongRun:
    """A script that others wait for."""

    session: Session
    run: Run
    kind: str  # SCRIPT or FUNCTION
    name: bytes
    argv: Argv
    since: int


class Pace:
    """Runs the scripts of a shard and knows whether one of them takes too long."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._worker: greenlet | None = None
        self._started: float | None = None
        self._slice_began = 0.0
        self._killed: str | None = None
        self.long_run: LongRun | None = None

    def execute(self, s: Session, run: Run, kind: str, argv: Argv) -> Reply:
        """Runs a script, and returns its reply; BLOCKED if that comes later. Raises CommandError.

        In a transaction a script cannot give way, since the transaction would have to: there it ends at the threshold.
        """
        was_in_exec = s.in_exec
        if s.gates & GATE_RESTRICTED and not was_in_exec:
            s.last_command = argv[0].decode("latin-1").lower()  # which ACL LOG shows
        run.enter(may_wait=not was_in_exec)
        self._started = self._killed = None
        if run.brief:
            try:
                answer = run.work()
            finally:
                run.leave(was_in_exec)
            return run.reply(answer)
        answer = _SUSPENDED
        try:
            worker = self._worker
            answer = self._switch(run) if worker is None or worker.dead else worker.switch(run)
        finally:
            if answer is not _SUSPENDED:
                run.leave(was_in_exec)
        if answer is not _SUSPENDED:
            return run.reply(answer)
        self.long_run = LongRun(s, run, kind, argv[1], argv, s.now)
        s.park(argv)
        self._shard.announce_busy()
        return BLOCKED

    def _switch(self, run: Run | None) -> Any:
        """Starts a script, or goes on with the one that gave way; returns its answer, or that it gives way again."""
        worker = self._worker
        if worker is None or worker.dead:
            worker = self._worker = greenlet(_work_on, getcurrent())
        return worker.switch(run)

    def _reason(self, kind: str) -> str:
        """What the client of a script is told that was ended; before 7.2 functions were scripts, too."""
        if self._shard.cluster.table.level < (7, 2):
            return "Script killed by user with SCRIPT KILL..."
        return f"Script killed by user with {kind} KILL."

    @property
    def _threshold(self) -> float:
        """Seconds after which other clients are served again."""
        return self._shard.cluster.parameters.busy_reply_threshold / 1000

    def interrupted(self, run: Run) -> str | None:
        """Called by the running script now and then: why it has to end, if it has to. Gives way when its time is up."""
        now = self._shard.cluster.clock()
        if self._started is None:
            self._started = now
        if run.brief:
            return None
        if self._killed is None and now - self._started >= self._threshold:
            if not run.may_wait:
                return self._reason("SCRIPT")
            if self.long_run is None or now - self._slice_began >= _SLICE:
                parent = getcurrent().parent
                assert parent is not None  # noqa: S101 - scripts never run in the loop's own greenlet
                parent.switch(_SUSPENDED)
                self._slice_began = self._shard.cluster.clock()
        return self._killed

    def go_on(self, now: int) -> None:
        """Lets the script that gave way run a little further; answers its client when it is done."""
        long_run = self.long_run
        if long_run is None:
            return
        answer = self._switch(None)
        if answer is _SUSPENDED:
            return
        self.long_run = None
        self._shard.announce_busy()
        s = long_run.session
        s.now = now
        long_run.run.leave(False)
        reply: Reply
        try:
            reply = long_run.run.reply(answer)
        except CommandError as error:
            reply = error
        stat = s.node.stats.commands[long_run.argv[0].lower().decode()]
        stat.add_call(failed=isinstance(reply, CommandError))
        s.unblock(reply)

    # -- what other clients see ----------------------------------------------------------------------------------------------

    def busy(self) -> Busy:
        """What a client is told that wants something else than ending the script."""
        return Busy(self.long_run.kind if self.long_run is not None else "SCRIPT")

    def kill(self, kind: str) -> Simple:
        """SCRIPT KILL and FUNCTION KILL. Raises CommandError."""
        long_run = self.long_run
        if long_run is None:
            raise NotBusy
        if long_run.kind != kind:
            raise self.busy()
        if long_run.run.dirty:
            raise Unkillable
        self._killed = self._reason(kind)
        return OK

    def shown(self, now: int) -> dict[bytes, Any] | None:
        """The running function, as FUNCTION STATS tells of it."""
        long_run = self.long_run
        if long_run is None or long_run.kind != "FUNCTION":
            return None
        return {
            b"name": long_run.name,
            b"command": list(long_run.argv),
            b"duration_ms": now - long_run.since,
        }

    def stop(self) -> None:
        """Ends the script that runs, whatever it did: its node goes away."""
        self._killed = self._reason("SCRIPT")
        while self.long_run is not None:
            self.go_on(self.long_run.since)


def _work_on(run: Run) -> None:
    """The greenlet of scripts: takes one after the other."""
    loop = getcurrent().parent
    assert loop is not None  # noqa: S101 - it is made by the loop's greenlet
    while True:
        run = loop.switch(run.work())
