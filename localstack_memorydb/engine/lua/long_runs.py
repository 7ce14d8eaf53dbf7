"""Scripts that run too long: clients of their shard no longer wait, but are told so and may end them.

A script is work that gives way (engine/giving_way.py), unless it surely ends soon, which spares it two switches. Lua calls back every
so many instructions, and that call switches back to the loop when it is time.
https://valkey.io/commands/script-kill/
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from localstack_memorydb.engine.errors import Busy, NotBusy, Unkillable
from localstack_memorydb.engine.own_events import serve
from localstack_memorydb.engine.registry import GATE_RESTRICTED
from localstack_memorydb.engine.resp import BLOCKED, OK, Argv, Reply, Simple

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Node, Shard
    from localstack_memorydb.engine.lua.running import Run
    from localstack_memorydb.engine.session import Session


@dataclass(slots=True)
class LongRun:
    """A script that others wait for."""

    run: Run
    kind: str  # SCRIPT or FUNCTION
    name: bytes
    argv: Argv
    since: int


class Pace:
    """Runs the scripts of a shard and knows whether one of them takes too long."""

    def __init__(self, shard: Shard) -> None:
        self._shard, self._work = shard, shard.work
        self._runs: tuple[Run, Session, str, Argv]
        self._started: float | None = None
        self._killed: str | None = None
        self._last_words: str | None = None
        self.long_run: LongRun | None = None

    def execute(self, s: Session, run: Run, kind: str, argv: Argv) -> Reply:
        """Runs a script, and returns its reply; BLOCKED if that comes later. Raises CommandError."""
        log, was_in_exec = self._shard.log, s.in_exec
        if s.gates & GATE_RESTRICTED and not was_in_exec:
            s.last_command = argv[0].decode("latin-1").lower()  # which ACL LOG shows
        # Commands of the session are the script's from now on: they do not block, and answer in RESP2.
        if not was_in_exec:
            s.in_exec = -1
        if log is not None:
            log.enter()
        s.script = run
        s.protocol = 2
        self._started, self._killed = None, self._last_words
        try:
            if run.code.brief:
                answer = run.code.enter(run)
            else:
                self._runs = run, s, kind, argv
                answer = self._work.run(s, argv, partial(run.code.enter, run), self._end)
        except BaseException:
            self._leave(s, run, was_in_exec)
            raise
        if answer is BLOCKED:
            return BLOCKED
        self.long_run = None
        self._leave(s, run, was_in_exec)
        return run.reply(answer)

    def _leave(self, s: Session, run: Run, was_in_exec: int) -> None:
        """The session is the client's again."""
        s.in_exec = was_in_exec
        s.script = None
        s.protocol = run.client_protocol
        shard = self._shard
        if shard.log is not None:
            shard.log.leave()
        if shard.keyspace.ready and not was_in_exec:
            serve(s)

    def _end(self, answer: Any) -> Reply:
        """The reply of a script that gave way to others; it was no part of anything else."""
        run, s, _, argv = self._runs
        self.long_run = None
        self._leave(s, run, 0)
        failed = True
        try:
            reply = run.reply(answer)
            failed = False
        finally:
            command = s.table[argv[0].lower()]
            s.node.stats.note(s, command, argv, self._work.seconds, failed=failed)
        return reply

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
        if run.code.brief:
            return None
        if self._killed is None:
            if self.long_run is None and now - self._started >= self._threshold:
                _, s, kind, argv = self._runs
                self.long_run = LongRun(run, kind, argv[1], argv, s.now)
            self._work.give_way(now)
        return self._killed

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

    def leave(self, node: Node) -> None:
        """Ends a script that takes too long on a node that goes, or is no longer what it was: nobody else could, once it has written."""
        if self.long_run is not None and self._runs[1].node is node:
            self.stop()

    def stop(self) -> None:
        """Ends the script that runs, whatever it did, and those that follow in its transaction: their node goes away."""
        self._killed = self._last_words = self._reason("SCRIPT")
        self._work.finish()
        self._last_words = None
