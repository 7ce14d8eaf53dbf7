"""CLIENT PAUSE: clients of a node that have to wait, and others that may not do everything now. https://valkey.io/commands/client-pause/"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.errors import CommandError, only_for_subscribers
from localstack_memorydb.engine.lua.scripting import NO_WRITES, declared_flags
from localstack_memorydb.engine.registry import (
    GATE_BUSY,
    GATE_MONITORED,
    GATE_SUBSCRIBED,
    READONLY,
    WRITE,
    Command,
)
from localstack_memorydb.engine.resp import Argv

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

# What replicas hear of although it is no write.
_REPLICATED: Final = frozenset({"pfcount", "publish", "spublish"})
_SCRIPTS: Final = frozenset({"eval", "evalsha", "fcall"})


class Pause:
    """Clients of a node have to wait `until` then: with `everything`, or else with what may write."""

    __slots__ = ("everything", "until", "waiting")

    def __init__(self, until: int, everything: bool) -> None:
        self.until = until
        self.everything = everything
        self.waiting: list[Session] = []

    def stops(self, s: Session, command: Command, argv: Argv) -> bool:
        """Whether the client has to wait with this command line. Monitors never do."""
        if s in s.node.monitors:
            return False
        if self.everything or _may_write(s, command, argv):
            return True
        return command.name == "exec" and any(_may_write(s, *each) for each in s.queue or ())


def require_leisure(s: Session, command: Command, argv: Argv) -> None:
    """A busy node, a client that listens, and one that watches a node do not do everything. Raises CommandError.

    Monitors are a kind of replica, so they may not look at keys nor change them.
    """
    gates = command.gates & s.gates
    if gates & GATE_BUSY:
        raise s.node.shard.scripting.pace.busy()
    if gates & GATE_SUBSCRIBED:
        raise only_for_subscribers(command.name, s.legacy)
    monitors = s.gates & GATE_MONITORED and s in s.node.monitors
    if monitors and (command.flags & READONLY or _may_write(s, command, argv)):
        interact = "interract" if s.legacy else "interact"
        raise CommandError(f"ERR Replica can't {interact} with the keyspace")


def _may_write(s: Session, command: Command, argv: Argv) -> bool:
    if command.name not in _SCRIPTS:
        replicated = command.name in _REPLICATED or (s.legacy and command.parent == "script")
        return bool(command.flags & WRITE) or replicated
    flags = declared_flags(s, command, argv)
    return flags is None or NO_WRITES not in flags
