"""A command on the careful path: it runs, and everybody who wants to know is told: monitors, statistics, the tracking of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine import monitor
from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.giving_way import encoded, holds_much
from localstack_memorydb.engine.looking import MANY
from localstack_memorydb.engine.own_events import hold, serve
from localstack_memorydb.engine.registry import GATE_SILENT, READONLY, SKIP_MONITOR, Command
from localstack_memorydb.engine.resp import BLOCKED, NOTHING, Argv, Reply, Several, Wire

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

_MANY: Final = 8  # commands of a transaction that take much longer than to switch to where they may give way


def perform(s: Session, command: Command, argv: Argv) -> Reply:
    """Runs a command whose way is free. Raises CommandError."""
    if s.deferred and not (s.in_exec or s.gates & GATE_SILENT):
        return _after_what_came_first(s, command, argv)
    clock, node = s.node.cluster.clock, s.node
    wait = s.blocked
    # What the command does for others who wait follows it, also in the slow log; in a script or beside long work it does nothing.
    work = node.shard.work
    held = not (s.in_exec or work.stands_by) and bool(node.shard.keyspace.waiters) and hold(node.shard)
    if node.monitors and command.flags & SKIP_MONITOR:
        monitor.show(s, command, argv, itself=True)
    began, failed = clock(), True
    reply: Reply = None
    try:
        reply = s.call(command, argv)
        failed = False
    except CommandError as error:
        node.count_error(error)
        node.stats.failed_lookup(s, command, argv, error)
        raise
    finally:
        if s.tracking is not None:
            _track(s, command, argv)
        took = clock() - began
        if wait is not None:
            wait.took += took
        elif s.blocked is not None:
            s.blocked.took = took
        if reply is not BLOCKED:
            shown, took = (argv, took) if wait is None else (wait.shown, wait.took)
            node.stats.note(s, command, shown, took, failed=failed)
        if node.monitors and wait is None:
            monitor.show(s, command, argv)
        if held:
            node.shard.serving = False
            if not work.stands_by:  # or else it serves them when it is done
                serve(s)
    return reply


def perform_apart(s: Session, command: Command, argv: Argv) -> Reply:
    """Runs the command of a client that wants no reply or is in a transaction; EXEC as work that gives way if it may take long."""
    queue = s.queue
    run = silently if s.gates & GATE_SILENT else perform
    if queue and command.name == "exec" and (len(queue) > _MANY or any(_is_long(s, *each) for each in queue)):
        return s.node.shard.work.run(s, argv, lambda: encoded(s, run(s, command, argv)))
    return run(s, command, argv)


def _is_long(s: Session, command: Command, argv: Argv) -> bool:
    """Whether a command of a transaction may take much longer than most."""
    return command.slow or len(argv) > MANY or (command.single and holds_much(s, argv[1]))


def silently(s: Session, command: Command, argv: Argv) -> Reply:
    """CLIENT REPLY OFF and SKIP: the command runs, its reply is not sent."""
    skipping = s.skipped()
    s.gates |= GATE_SILENT  # while it runs, also where only this command is skipped
    try:
        reply = perform(s, command, argv)
    except CommandError:
        return NOTHING
    finally:
        if s.reply_mode == "on":
            s.gates &= ~GATE_SILENT
    if reply is BLOCKED and s.blocked is not None:
        s.blocked.silent = True
    turned_on = s.reply_mode == "on" and (not skipping or command.name == "client|reply")
    # Subscriptions are confirmed by messages, which are sent all the same.
    return reply if reply is BLOCKED or turned_on or isinstance(reply, Several) else NOTHING


def _after_what_came_first(s: Session, command: Command, argv: Argv) -> Reply:
    """The client hears of keys that had to make room for the command before it hears the command's reply."""
    first = Wire(b"".join(s.deferred))
    s.deferred.clear()
    try:
        reply = perform(s, command, argv)
    except CommandError as error:
        reply = error
    if reply is BLOCKED or reply is NOTHING:
        s.deferred.insert(0, first)
        return reply
    return Several([first, reply])


def _track(s: Session, command: Command, argv: Argv) -> None:
    """Remembers which keys the client has read, if it wants to hear when they change."""
    tracking, tracker = s.node.shard.keyspace.tracking, s.tracking
    if tracker is None:
        return
    if command.flags & READONLY and command.keys and command.group != "scripting" and tracker.wants():
        # Before 7.2 what a script reads are the keys that it was called with.
        told = s.script.keys if s.script is not None and s.legacy_doubles else command.find_keys(argv)
        tracking.remember(s, told, s.node.cluster.parameters.tracking_table_max_keys)
    if s.queue is None and not s.in_exec and s.script is None and command.parent != "client":
        tracker.caching = False


def refuse_browser(s: Session) -> Reply:
    """A web page may not have commands run: it is hung up on, and not answered what it asked before. Scripts are no pages."""
    if s.script is None:
        s.cut_off()
    return NOTHING


def go_on(s: Session, now: int) -> None:
    """Runs the command with which the client had to wait, as if it came only now."""
    if s.blocked is None or s.number not in s.node.sessions:
        return
    argv, s.blocked, s.now = s.blocked.argv, None, now
    s.processing = True
    command = s.table.find(argv[0])
    try:
        reply = NOTHING if command is None else s.detour(command, argv)
    except CommandError as error:
        data = s.refused(error, argv, None)
    else:
        data = b"" if reply is BLOCKED else s.encoders[type(reply)](reply)
    s.processing = False
    data += b"".join(s.deferred)
    s.deferred.clear()
    if data:
        s.push(data)
