"""One client's connection, sans-io: bytes in, bytes out, time in.

Packets come in by `receive` (engine/receiving.py), which handles those of one request itself. The loop for others is `drain`:
it parses with hiredis, looks the command up and, as long as no gate is shut, routes and runs it in a few steps. Everything
unusual (transactions, replicas, subscribers, subcommands, clients without a user) goes through `detour`, which walks the reasons for a refusal in Valkey's order.
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import hiredis

from localstack_memorydb.engine.blocked import Blocked
from localstack_memorydb.engine.buffers import Buffer, copied
from localstack_memorydb.engine.bugs import failed
from localstack_memorydb.engine.errors import (
    ELSEWHERE,
    REFUSALS,
    CommandError,
    ExecAbort,
    Harmless,
    LogFailed,
    Moved,
    ReadOnlyReplica,
    WrongArity,
    WrongType,
    unknown_command,
)
from localstack_memorydb.engine.eviction import admit, use
from localstack_memorydb.engine.giving_way import may_take_long, run_command, run_long_line
from localstack_memorydb.engine.keyspace import Slot, Untold
from localstack_memorydb.engine.looking import MANY, looking
from localstack_memorydb.engine.notifications import Before
from localstack_memorydb.engine.own_events import answered, attended, serve
from localstack_memorydb.engine.pausing import require_leisure
from localstack_memorydb.engine.performing import perform, perform_apart, refuse_browser
from localstack_memorydb.engine.receiving import KEY_ONLY, join, receive
from localstack_memorydb.engine.registry import (
    GATE_ALWAYS,
    GATE_MEMORY,
    GATE_MULTI,
    GATE_REPLICA,
    GATE_RESTRICTED,
    GATE_SILENT,
    GATE_UNAUTHENTICATED,
    NO_MULTI,
    Command,
    CommandTable,
)
from localstack_memorydb.engine.requests import Requests
from localstack_memorydb.engine.resp import (
    BLOCKED,
    HEADERS,
    NOTHING,
    NULL_ARRAY,
    OK,
    QUEUED,
    SMALL,
    SMALL_INTEGERS,
    Argv,
    Reply,
    encoders,
)
from localstack_memorydb.engine.routing import one_slot, route, writes
from localstack_memorydb.engine.slots import SLOT_MASK, key_slot
from localstack_memorydb.engine.stats import LONG_PACKET, CommandStat
from localstack_memorydb.engine.tracking import Tracker
from localstack_memorydb.engine.turns import LARGE, LONG_TURN
from localstack_memorydb.engine.users import User, authorize, rather, refuse

if TYPE_CHECKING:
    from localstack_memorydb.engine.acl import Permissions, Refusal
    from localstack_memorydb.engine.cluster import Node
    from localstack_memorydb.engine.lua.running import Run


# A browser's request, whose body may hold commands: it is hung up on.
_WEB: Final = frozenset({b"post", b"host:"})

_USER_GATES: Final = GATE_UNAUTHENTICATED | GATE_RESTRICTED

V = TypeVar("V")


class Session(Requests):
    """The state of one connection.

    `sink` takes bytes that no request of this moment asked for: messages, and replies to commands that had been
    blocked. `alarm` asks to call `expire_block` at a unix time in ms, `send_now` to send other clients what waits for them.
    """

    __slots__ = (
        "__weakref__",
        "aborted",
        "alarm",
        "blocked",
        "channels",
        "db",
        "deferred",
        "effects",
        "encoders",
        "exec_slot",
        "find",
        "gates",
        "hang_up",
        "in_exec",
        "last_command",
        "last_seen",
        "library",
        "name",
        "no_evict",
        "no_touch",
        "node",
        "now",
        "number",
        "patterns",
        "peer",
        "permissions",
        "processing",
        "protocol",
        "queue",
        "readonly",
        "reply_mode",
        "script",
        "send_now",
        "shard_channels",
        "sink",
        "slots",
        "started",
        "suspicion",
        "table",
        "touched",
        "tracking",
        "unchanged",
        "unsent",
        "user",
        "watched",
    )

    def __init__(self, node: Node, number: int, peer: str, now: int) -> None:
        self.node = node
        self.number = number
        self.peer = peer
        self.now = self.started = self.last_seen = now
        self.table: CommandTable = node.cluster.table
        self.slots = node.shard.keyspace.slots
        super().__init__(*node.cluster.parameters.request_limits, legacy=self.legacy)
        self.sink: Callable[[bytes], None] = _ignore
        self.alarm: Callable[[int], None] = _ignore
        self.hang_up: Callable[[], None] = lambda: None
        self.send_now: Callable[[], None] = lambda: None
        self.unsent: Callable[[], int] = int
        self.deferred: list[bytes] = []
        self.processing = False
        self.last_command = "NULL"
        self.library = (b"", b"")
        self.blocked: Blocked | None = None
        self.tracking: Tracker | None = None
        self.db = Slot()
        self.unchanged = False
        self.suspicion = 0
        self.effects: list[Argv] | None = None
        self.channels: dict[bytes, None] = {}
        self.patterns: dict[bytes, None] = {}
        self.shard_channels: dict[bytes, None] = {}
        self.queue: list[tuple[Command, Argv]] | None = None
        self.watched: dict[bytes, None] = {}
        self.name = b""
        self.permissions: Permissions
        self.find: Callable[[bytes], Command | None]
        self.reset()

    def reset(self) -> None:
        """The state of a fresh connection (RESET); subscriptions and watches are the caller's to end."""
        self.protocol = 2
        self.readonly = False
        self.reply_mode = "on"
        self.no_evict = self.no_touch = False
        self.in_exec: int = 0  # of how many commands; -1 in a script
        self.exec_slot: int | None = None  # which scripts of the transaction may use, as soon as there is one
        self.script: Run | None = None
        self.queue, self.aborted, self.touched = None, False, False
        self.name = b""
        self.gates: int = GATE_ALWAYS | self.node.gates
        self.become(self.node.cluster.open_user)
        self.encoders = encoders(2, self.legacy_doubles)

    def become(self, user: User | None) -> None:
        """The client acts for the user from now on; for nobody without one, and then it may only authenticate."""
        self.gates &= ~_USER_GATES
        self.find = self.table.get
        if user is None:
            self.user = "default"
            self.gates |= GATE_UNAUTHENTICATED
            self.distrust()
            return
        self.trust()
        self.user, self.permissions = user.name, user.permissions
        if not user.permissions.unrestricted:
            self.gates |= GATE_RESTRICTED
            self.find = user.permissions.commands.__getitem__

    @property
    def is_authenticated(self) -> bool:
        """Whether the client acts for a user."""
        return not self.gates & GATE_UNAUTHENTICATED

    @property
    def legacy(self) -> bool:
        """Whether the engine speaks 6.2, with its older error texts."""
        return self.table.level < (7,)

    @property
    def legacy_doubles(self) -> bool:
        """Whether doubles are printed with 17 digits, as before 7.2."""
        return self.table.level < (7, 2)

    # -- bytes in, bytes out -------------------------------------------------------------------------------------

    receive = receive

    def drain(self) -> bytes:  # noqa: PLR0915 - flat, since a call costs more than a line
        """Runs the complete requests that wait in the reader; returns their replies, in order."""
        gets: Callable[[], Any] = self.next_strict if self.strict is not None else self.reader.gets
        find, slots, deferred = self.find, self.slots, self.deferred
        keyspace = self.node.shard.keyspace
        encode = self.encoders
        command: Command | None = None
        # Of a packet of one command, or of many alike, the time is taken; of others, they are only counted.
        alike: Command | None = None
        stats = self.node.stats
        stat: CommandStat | None = None
        first = 0
        clock = self.node.cluster.clock
        began = clock()
        late = began + LONG_TURN
        argv: Any = None
        out: list[bytes] = []
        add = out.append
        self.processing = True
        while True:
            try:
                following = gets()
                if following is False:
                    break
                argv = following
                command = find(argv[0])
                if command is None:
                    if stat is not None:
                        stat.others += len(out) - first
                    alike, stat, began = None, None, 0.0
                    reply = self.mixed_case(argv)
                elif command.gates & self.gates or not command.least <= len(argv) <= command.brief:
                    if stat is not None:
                        stat.others += len(out) - first
                    alike, stat, began = None, None, 0.0
                    reply = self.detour(command, argv)
                else:
                    if command is not alike:
                        if stat is not None:
                            stat.others += len(out) - first
                            began = 0.0
                        alike, first = command, len(out)
                        stat = stats.commands[command.name]
                    if command.straight:  # as in `receive`: a call would cost a tenth of such a command
                        key = argv[1]
                        number = crc_hqx(key, 0) & SLOT_MASK if b"{"[0] not in key else key_slot(key)
                        db = slots[number]
                        if db is None:
                            db = self.own_slot(number)
                        elif db.deadlines:
                            keyspace.purge(db, key, self.now)
                        self.db = db
                        db.used = self.now
                        run = command.run
                        if command.write:
                            if keyspace.observed:
                                reply = self.observed(command, argv)
                            else:
                                join(argv)
                                reply = run(self, argv)
                        else:
                            if command.most > KEY_ONLY:
                                join(argv)
                            reply = run(self, argv)
                            if not reply and key not in db:
                                stats.misses += 1
                        # The three commonest replies, spared a call.
                        if reply is OK:
                            add(b"+OK\r\n")
                            continue
                        kind = type(reply)
                        if kind is int:
                            add(SMALL_INTEGERS[reply] if 0 <= reply < SMALL else b":%d\r\n" % reply)
                            continue
                        if kind is bytes and len(reply) < SMALL:
                            add(HEADERS[len(reply)] + reply + b"\r\n")
                            continue
                        if reply is BLOCKED:
                            break
                        add(data := encode[kind](reply))
                        if len(data) < LARGE:
                            continue
                        self.interrupted = True
                        break
                    reply = self.call(command, argv)
                # Off the straight path a command may block, change the protocol, speak to its own client, or hang up.
                if reply is BLOCKED:
                    break
                encode, find = self.encoders, self.find
                add(data := encode[type(reply)](reply))
                if deferred:
                    out += deferred
                    deferred.clear()
                if self.closing:
                    break
                if len(data) > LARGE or (command and command.slow and self.has_more and clock() > late):
                    self.interrupted = True
                    break
            except CommandError as error:
                if self.misread(argv):
                    gets = self.explain()
                else:
                    add(self.refused(error, argv, command))
                if self.closing:
                    first += 1  # which is no reply to the command before
                    break
            except hiredis.ProtocolError:
                gets = self.explain()
            except Exception as error:
                if self.misread(argv, error):
                    gets = self.explain(
                        nothing=argv is None or argv == []
                    )  # what hiredis took for an argument failed, or hiredis itself
                elif argv:
                    add(failed(error, argv))
        if (
            keyspace.observed
            and keyspace.tracking.pending
            and (self.blocked is not None or not (self.rest or self.interrupted))
        ):
            keyspace.tracking.broadcast()
        self.processing = False
        if stat is not None and command is not None:
            ran = len(out) - first
            stat.others += ran
            if began:
                elapsed = clock() - began
                stat.others_timed += ran
                stat.seconds += elapsed
                if elapsed > LONG_PACKET:
                    stats.took_long(self, command, argv, ran, elapsed)
        if deferred:
            out += deferred
            deferred.clear()
        if command is not None and not command.subcommands:
            self.last_command = command.name
        if not out and not self.rest and self.waits_in_vain():
            self.explain()
            return self.drain()
        node = self.node
        node.drained += len(out)
        if node.cluster.unblocked:
            node.cluster.resume(self.now)
        data = out[0] if len(out) == 1 else join(out)
        node.bytes_sent += len(data)
        return data

    def refused(self, error: CommandError, argv: Argv, command: Command | None) -> bytes:
        """The error's bytes; a refusal while a transaction is queued spoils it."""
        if (
            command is not None
            and not (self.closing or command.gates & self.gates)
            and command.is_brief(argv)
        ):
            self.node.stats.spoiled(self, command, argv, error)
        if self.gates & GATE_RESTRICTED and isinstance(error, ELSEWHERE):
            error = rather(self, error, argv)
        self.node.count_error(error)
        if self.queue is not None and not isinstance(error, Harmless):
            self.aborted = True
        if self.gates & GATE_SILENT:
            self.skipped()
            return b""
        return answered(self, error) if self.deferred else error.wire

    # -- from a request to its command ------------------------------------------------------------------------------

    def mixed_case(self, argv: Argv) -> Reply:
        """A command spelled neither in upper nor in lower case, or unknown."""
        command = self.table.get(argv[0].lower())
        if command is None:
            if not self.confirms(argv):
                raise hiredis.ProtocolError("not an array of bulk strings")
            if argv[0].lower() in _WEB:
                return refuse_browser(self)
            self.last_command = "NULL"
            raise unknown_command(argv, self.legacy)
        return self.detour(command, argv)

    def detour(self, command: Command, argv: Argv) -> Reply:
        """The careful path: what stands in a command's way is found, or it runs under everybody's eyes."""
        if len(argv) > MANY:
            return run_long_line(self, command, argv)
        return self.careful(command, argv)

    def careful(self, command: Command, argv: Argv) -> Reply:
        """The careful path of a command line of any length. Raises CommandError."""
        try:
            command = self._admit(command.plain, argv)
        except CommandError as error:
            self.node.stats.reject(self, argv)
            if command.name == "exec":  # whatever refuses EXEC ends the transaction
                self.end_transaction()
                raise ExecAbort(error) from None
            raise
        gates = command.gates & self.gates
        if gates & GATE_MULTI and command.flags & NO_MULTI:
            self.aborted = True
            raise CommandError("ERR Command not allowed inside a transaction")
        if (pause := self.node.paused) is not None and pause.stops(self, command, argv):
            self.park(argv)
            pause.waiting.append(self)
            return BLOCKED
        if gates & GATE_MULTI and self.queue is not None:
            size = len(join(argv))
            # What can no longer run is not kept; 6.2 keeps it, and EXEC looks at its slots.
            if not self.aborted and not (self.touched and self.table.level >= (7, 0)):
                self.queue.append((command, argv))
                self.keep(size)
            silent = self.gates & GATE_SILENT
            self.skipped()
            return NOTHING if silent else QUEUED
        self.last_command = command.name
        if self.gates & GATE_SILENT or self.queue is not None:
            return perform_apart(self, command, argv)
        return perform(self, command, argv)

    def _admit(self, command: Command, argv: Argv) -> Command:
        """The command, or the subcommand, that may run. Raises CommandError, in the order of Valkey's processCommand."""
        if command.subcommands:
            if self.legacy and len(argv) > 1:  # 6.2 looks for the subcommand when it runs the command
                authorize(self, command, argv)
            command = command.resolve(argv, self.legacy)
        if not command.least <= len(argv) <= command.most:
            raise WrongArity(command.title)
        gates = command.gates & self.gates
        if gates & _USER_GATES:
            authorize(self, command, argv)
        if gates & GATE_MULTI and command.flags & NO_MULTI:
            raise CommandError("ERR Command not allowed inside a transaction")
        keys = command.find_keys(argv)
        if keys:
            route(self, command, argv, keys)
        elif gates & GATE_REPLICA and writes(self, command, argv):
            raise ReadOnlyReplica
        if self.gates & GATE_MEMORY:
            admit(self, command, argv)
        require_leisure(self, command, argv)
        return command

    def refusal(self, refusal: Refusal, command: Command, argv: Argv) -> CommandError:
        """The error of a command line that the user's permissions do not allow."""
        return refuse(self, refusal, command, argv)

    def skipped(self) -> bool:
        """Whether CLIENT REPLY SKIP was about this command; the next one is answered again."""
        if self.reply_mode != "skip":
            return False
        self.reply_mode = "on"
        self.gates &= ~GATE_SILENT
        return True

    def own_slot(self, number: int) -> Slot:
        """The data of a slot that holds nothing so far, if it is this shard's. Raises Moved."""
        node = self.node
        shard = node.cluster.owner(number)
        if shard is not node.shard:
            raise Moved(number, *shard.primary.address)
        return node.shard.keyspace.slot(number)

    def call(self, command: Command, argv: Argv) -> Reply:
        """Runs a command whose arity and gates are checked: finds its slot, drops expired keys, tells observers."""
        keyspace = self.node.shard.keyspace
        keys: Argv = []
        if command.keys:
            keys = command.find_keys(argv)
            if keys:
                number = one_slot(keys)
                self.db = db = self.slots[number] or self.own_slot(number)
                if command.uses and not self.no_touch:
                    db.used = self.now
                if db.deadlines:
                    for key in looking(keys):
                        keyspace.purge(db, key, self.now)
        if command.endless and may_take_long(self, command, argv, keys):
            return run_command(self, command, argv)
        join(argv)  # which fails where hiredis took something else for an argument
        sought = self.node.stats.sought(self, command, argv) if command.reads else None
        if command.write and keyspace.observed:
            reply = self.observed(command, argv)
        elif self.gates & GATE_MEMORY or command.amplifies:
            reply = use(self, command, argv)
        else:
            reply = command.run(self, argv)
        if sought is not None:
            self.node.stats.looked_up(self, command, argv, *sought)
        return attended(self, reply) if self.deferred else reply

    def observed(self, command: Command, argv: Argv) -> Reply:
        """Runs a write that somebody may watch or wait for."""
        join(argv)
        keyspace = self.node.shard.keyspace
        if keyspace.log is not None and keyspace.log.failure is not None:
            raise LogFailed(keyspace.log.failure)
        self.unchanged = False
        self.effects = None
        notifier = self.node.shard.keyspace.notifier
        before = Before(command, argv, self.db) if notifier is not None else None
        counts = self.gates & GATE_MEMORY or command.amplifies
        reply = use(self, command, argv) if counts else command.run(self, argv)
        changed: Sequence[Argv] = ()
        if not self.unchanged and reply is not BLOCKED:
            changed = self.effects if self.effects is not None else [argv]
            if keyspace.log is not None:
                keyspace.log.append_all(changed)
            if keyspace.group is not None:
                keyspace.group.repeat(self.node.cluster, changed, self.now)
        if notifier is not None and before is not None:
            notifier.tell(self, command, argv, reply, before)
        if not self.unchanged and reply is not BLOCKED:
            for entry in changed if type(changed) is not Untold else ():
                written = self.table.find(entry[0]) if entry is not argv else command
                keys = written.modified_keys(entry) if written is not None else ()
                for key in keys if len(keys) < MANY else looking(keys):
                    keyspace.changed(key, self, written)
            if keyspace.ready and not self.in_exec:
                serve(self)
        return attended(self, reply) if self.deferred else reply

    # -- what handlers use --------------------------------------------------------------------------------------------

    def value(self, key: bytes, kind: type[V]) -> V | None:
        """The key's value, or None when there is no such key. Raises WrongType."""
        found = self.db.get(key)
        if found is None or type(found) is kind:
            return found
        if kind is bytes and type(found) is Buffer:
            return copied(found, kind)
        raise WrongType

    @property
    def is_observed(self) -> bool:
        """Whether anybody will ask for the effect of the command that runs."""
        return self.node.shard.keyspace.observed

    def effect(self, *entries: Argv) -> None:
        """Says what a write really did, in commands whose replay gives the same data (SREM for SPOP, PXAT for EX).

        Without it, the command line itself is the effect. Keys that are not named in an entry did not change.
        """
        self.effects = list(entries)

    def block(self, argv: Argv, keys: Sequence[bytes], kind: type, timeout: float, otherwise: Reply) -> Reply:
        """Parks the client until one of the keys holds a value of that type, or `timeout` seconds pass (0: for ever).

        With the type `object` it is any change of a key, its end included.

        The command then runs again from the start. `otherwise` is the reply where waiting is not allowed (MULTI,
        scripts); at the timeout it is a null array for every command.
        """
        if self.in_exec:
            return otherwise
        if self.blocked is None:
            self.blocked = Blocked(argv, dict.fromkeys(keys, kind), self.now)
            self.node.stats.waits(self, argv)
            self.node.shard.keyspace.wait(self, self.blocked.keys)
            if timeout:
                self.blocked.deadline = self.now + max(1, round(timeout * 1000))
                self.alarm(self.blocked.deadline)
        return BLOCKED

    def park(self, argv: Argv) -> None:
        """The client waits for no key but until `unblock`: its script takes long."""
        self.blocked = Blocked(argv, {}, self.now)

    # -- blocked clients ----------------------------------------------------------------------------------------------

    def retry(self, now: int) -> None:
        """Runs the blocked command again, since a key it waits for has changed."""
        if self.blocked is None:
            return
        self.now = now
        argv = self.blocked.argv
        command = self.table[argv[0].lower()]
        self.processing = True  # what it hears meanwhile follows its reply
        try:
            if not self.legacy_doubles:  # since 7.2 a client that waits is asked for its permissions again
                authorize(self, command, argv)
            reply = perform(self, command, argv)
        except CommandError as error:
            reply = error
            if isinstance(error, REFUSALS):
                self.node.stats.reject(self, argv)
        self.processing = False
        if reply is not BLOCKED:
            self.unblock(reply, served=True)
        if self.deferred:
            told = b"".join(self.deferred)
            self.deferred.clear()
            self.push(told)

    def unblock(self, reply: Reply, *, served: bool = False) -> None:
        """Ends the wait with that reply. What the client sent meanwhile runs when the cluster resumes it."""
        if self.blocked is None:
            return
        if not served:
            self.node.stats.gave_up(self, self.blocked, reply)
        if isinstance(reply, CommandError):
            self.node.count_error(reply)
        self.node.shard.keyspace.stop_waiting(self, self.blocked.keys)
        silent, self.blocked = self.blocked.silent, None
        if not silent:
            self.push(self.encoders[type(reply)](reply))
        self.node.cluster.unblocked.append(self)

    def expire_block(self, now: int) -> None:
        """Ends the wait if its timeout has passed; an alarm that rang too early is set again."""
        if self.blocked is None or self.blocked.deadline is None or self.node.shard.work.postpones(self):
            return
        if self.blocked.deadline > now:
            self.alarm(self.blocked.deadline)
            return
        self.unblock(NULL_ARRAY)
        self.node.cluster.resume(now)

    def disconnect(self) -> None:
        """The connection is gone: nothing of the client remains."""
        self.closing = True
        if self.blocked is not None:
            self.node.shard.keyspace.stop_waiting(self, self.blocked.keys)
            self.blocked = None
        self.end_transaction()
        self.forget()
        self.node.cluster.iam_sessions.pop(self, None)
        self.node.forget(self)

    def cut_off(self) -> None:
        """Closes the connection at once; what the client waits for is no longer its own."""
        self.disconnect()
        self.hang_up()

    def end_transaction(self) -> None:
        """Leaves the state that MULTI and WATCH made."""
        self.queue, self.aborted, self.kept = None, False, 0
        self.gates &= ~GATE_MULTI
        self.unwatch()

    def watch(self, key: bytes) -> None:
        """EXEC will refuse if the key changes from now on."""
        if key not in self.watched:
            self.watched[key] = None
            self.node.shard.keyspace.watch(self, key)

    def unwatch(self) -> None:
        """Forgets the watched keys, and that one of them changed."""
        for key in self.watched:
            self.node.shard.keyspace.unwatch(self, key)
        self.watched.clear()
        self.touched = False

    def send(self, message: Reply) -> None:
        """Sends what the client did not ask for just now; after the current reply if one is being made."""
        self.say(self.encoders[type(message)](message))

    def say(self, data: bytes) -> None:
        """`send`, of bytes."""
        if self.processing:
            self.deferred.append(data)
        elif not self.node.shard.work.keeps(self, data):
            self.push(data)

    def push(self, data: bytes) -> None:
        """Sends bytes that are not part of a packet of replies."""
        self.node.bytes_sent += len(data)
        self.sink(data)


def _ignore(_: Any) -> None:
    """The sink and alarm of a session that no server listens to."""
