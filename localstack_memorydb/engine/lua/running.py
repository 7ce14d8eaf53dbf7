"""A script's run in a session: what redis.call does, and what becomes of the script's answer."""

from __future__ import annotations

from math import copysign, isnan
from typing import TYPE_CHECKING, Any, Final

from localstack_memorydb.engine.bugs import log_bug
from localstack_memorydb.engine.errors import CommandError, NoReplicas, OutOfMemory, ReadOnlyReplica
from localstack_memorydb.engine.good_replicas import lacks_replicas
from localstack_memorydb.engine.lua.interpreter import (
    FAILED,
    REFUSED,
    STATUS,
    UNSURE,
    Interpreter,
    LuaMemory,
)
from localstack_memorydb.engine.lua.texts import Texts, denied, texts
from localstack_memorydb.engine.metadata_of_6_2 import NOT_FROM_SCRIPTS_OF_6_2
from localstack_memorydb.engine.numbers import format_decimals, format_double, format_double_17
from localstack_memorydb.engine.performing import perform
from localstack_memorydb.engine.registry import (
    DENYOOM,
    GATE_MEMORY,
    GATE_MONITORED,
    GATE_REPLICA,
    GATE_RESTRICTED,
    GATE_TIMED,
    GATE_TRACKING,
    NOSCRIPT,
    WRITE,
    Command,
)
from localstack_memorydb.engine.resp import (
    OK,
    Absent,
    Argv,
    BigNumber,
    Bulks,
    Decimal17,
    Multimap,
    Pairs,
    Push,
    Reply,
    Several,
    Simple,
    Unordered,
    Verbatim,
    Wire,
)
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.users import log_refusal

if TYPE_CHECKING:
    from localstack_memorydb.engine.acl import Permissions
    from localstack_memorydb.engine.lua.scripting import Code
    from localstack_memorydb.engine.session import Session


_LARGE: Final = 1 << 16
_PER_ELEMENT: Final = 128
_CAREFUL: Final = GATE_MEMORY | GATE_REPLICA | GATE_MONITORED | GATE_TIMED | GATE_TRACKING

# What read-only scripts may not do either, since replicas hear of it.
_REPLICATED: Final = frozenset({"pfcount", "publish", "spublish"})


join = b"".join


class Run:
    """One run of a script or function. `keys` are those that it was told of; `slot` is the one that it may use, if only one."""

    # What is mostly so need not be set for every run.
    slot: int | None = None
    dirty = False
    oom = False
    _protocol = 2
    permissions: Permissions | None = None

    code: Code
    keys: Argv
    arguments: Argv
    read_only: bool
    client_protocol: int
    session: Session
    checks_slots: bool
    is_plain: bool

    @property
    def _interpreter(self) -> Interpreter:
        return self.session.node.shard.scripting.interpreter

    @property
    def _texts(self) -> Texts:
        return texts(self.session.table.level)

    # -- what the script asks for -----------------------------------------------------------------------------------------

    def call(self, words: tuple[Any, ...]) -> Any:
        """redis.call and redis.pcall: a value, or (text, kind)."""
        argv: Argv = list(words)
        s = self.session
        command: Command | None = None
        try:
            try:
                join(argv)
            except TypeError:
                argv = self._spelled(words)
            command = s.table.get(argv[0]) if argv else None
            if command is None or command.subcommands or not command.least <= len(argv) <= command.most:
                command = self._find(argv)
            if (
                self.is_plain
                and command.straight
                and not command.flags & NOSCRIPT
                and not command.amplifies
                and (self.permissions is None or self.permissions.predicate(command)(argv))
            ):
                reply = self._straight(command, argv)
            else:
                self._admit(command, argv)
                reply = perform(s, command, argv)
            kind = type(reply)
            if kind is bytes:
                if len(reply) > _LARGE:
                    self._interpreter.require_room(len(reply))
                return reply
            if kind is int:
                return reply
            return (b"OK", STATUS) if reply is OK else self._converted(reply)
        except _WrongCall as error:
            return (error.text.encode(), REFUSED)
        except _Unsure:
            return (b"", UNSURE)
        except CommandError as error:
            if not s.legacy and s.node.count_error(error) and command is not None:
                s.node.stats.commands[command.name].rejected += 1
            return self._failed(error)
        except LuaMemory:
            return (b"ERR not enough memory", FAILED)
        except Exception as error:
            log_bug(f"in a script's {argv[:1]!r}", error)
            return (b"ERR internal error", FAILED)

    def acl_check_cmd(self, words: tuple[Any, ...]) -> Any:
        """Whether the user may run that; a command line of another arity is judged by the keys that it has."""
        s = self.session
        try:
            argv = self._spelled(words)
            command = s.table.find(argv[0])
            if command is not None and command.subcommands and len(argv) > 1:
                command = command.subcommands.get(argv[1].lower())
        except _WrongCall as error:
            return (b"ERR " + error.text.encode(), REFUSED)
        if command is None:
            return (self._texts.bad_command.encode(), REFUSED)
        return not s.gates & GATE_RESTRICTED or s.permissions.explain(command, argv) is None

    def set_protocol(self, protocol: int) -> None:
        """redis.setresp: replies of commands come in that protocol from now on."""
        self._protocol = self.session.protocol = protocol

    def protocols(self) -> tuple[int, int]:
        """The protocol of the client, and of the script."""
        return self.client_protocol, self._protocol

    def double(self, number: float) -> bytes:
        """A double as the client reads it."""
        return self.session.encoders[float](number)

    def interrupted(self) -> str | None:
        """Why the script has to end now."""
        return self.session.node.shard.scripting.pace.interrupted(self)

    def _straight(self, command: Command, argv: Argv) -> Reply:
        """A command with one key that the user may use, from a script that may do everything: Session.drain's straight path."""
        s = self.session
        key = argv[1]
        number = key_slot(key)
        db = s.slots[number]
        if db is None:
            if s.node.cluster.owner(number) is not s.node.shard:
                raise CommandError(self._texts.other_node)
            db = s.own_slot(number)
        elif db.deadlines:
            s.node.shard.keyspace.purge(db, key, s.now)
        s.db = db
        if not s.no_touch:
            db.used = s.now
        stat = s.node.stats.commands[command.name]
        stat.others += 1
        try:
            if command.write:
                self.dirty = True
                return s.observed(command, argv) if s.node.shard.keyspace.observed else command.run(s, argv)
            reply = command.run(s, argv)
        except CommandError as error:
            s.node.count_error(error)
            stat.failed += 1
            s.node.stats.failed_lookup(s, command, argv, error)
            raise
        if key not in db:
            s.node.stats.looked_up(s, command, argv, 1, [key])
        return reply

    # -- from words to a command ------------------------------------------------------------------------------------------

    def _spelled(self, words: tuple[Any, ...]) -> Argv:
        """The arguments as strings. Raises _WrongCall for what is neither a string nor a number, and _Unsure."""
        if not words:
            raise _WrongCall(self._texts.no_arguments)
        legacy = self.session.legacy_doubles
        double = format_double_17 if legacy else format_double
        argv = []
        for word in words:
            kind = type(word)
            if kind is bytes:
                argv.append(word)
            elif kind is int and not word and legacy:
                raise _Unsure
            elif kind is float and isnan(word):
                argv.append(b"-nan" if copysign(1, word) < 0 else b"nan")
            elif kind is int or kind is float:
                argv.append(b"%d" % word if kind is int and abs(word) < 10**17 else double(float(word)))
            else:
                raise _WrongCall(self._texts.bad_arguments)
        return argv

    def _find(self, argv: Argv) -> Command:
        """The command that a command line names. Raises CommandError."""
        if not argv:
            raise _WrongCall(self._texts.no_arguments)
        command = self.session.table.find(argv[0])
        if command is not None and command.subcommands:
            if len(argv) > 1 and self.session.legacy:
                if (
                    command.name in NOT_FROM_SCRIPTS_OF_6_2
                    and not self.session.node.cluster.switches.scripts_run_all
                ):
                    raise CommandError(self._texts.not_from_script)
                return command.resolve(argv, legacy=True)
            if len(argv) > 1:
                command = command.subcommands.get(argv[1].lower())
            elif command.least > 1:
                raise CommandError(self._texts.arity)
        if command is None:
            raise CommandError(self._texts.unknown)
        if not command.least <= len(argv) <= command.most:
            raise CommandError(self._texts.arity)
        return command

    def _admit(self, command: Command, argv: Argv) -> None:
        """Raises CommandError for what this script may not run, in the order of Valkey's scriptCall."""
        s = self.session
        flags = command.flags
        if flags & NOSCRIPT and not s.node.cluster.switches.scripts_run_all:
            raise CommandError(self._texts.not_from_script)
        if s.gates & GATE_RESTRICTED:
            refusal = s.permissions.check(command, argv)
            if refusal is not None:
                log_refusal(s, refusal, command, argv)
                raise CommandError(denied(refusal, s.user, command.name, s.table.level))
        primary = s.node.is_primary
        if self.read_only and (flags & WRITE or command.name in _REPLICATED):
            raise CommandError(self._texts.read_only_script)
        if flags & WRITE and not primary:
            raise ReadOnlyReplica
        if flags & WRITE and s.gates & GATE_MEMORY and lacks_replicas(s.node.shard):
            raise NoReplicas
        if self.oom and flags & DENYOOM and not self.dirty:
            raise OutOfMemory
        if flags & WRITE:
            self.dirty = True
        if command.keys:
            self._route(command, argv, primary)

    def _route(self, command: Command, argv: Argv, primary: bool) -> None:
        keys = command.find_keys(argv)
        if not keys:
            return
        s = self.session
        number = key_slot(keys[0])
        if s.node.cluster.owner(number) is not s.node.shard or not (primary or s.readonly):
            raise CommandError(self._texts.other_node)
        for key in keys[1:]:
            if key_slot(key) != number:
                raise CommandError(self._texts.other_node)
        if self.checks_slots:
            if self.slot is None:
                self.slot = number
                if s.in_exec > 0:
                    s.exec_slot = number
            elif self.slot != number:
                raise CommandError(self._texts.other_slot)

    def _failed(self, error: CommandError) -> tuple[bytes, int]:
        text = error.text.encode("utf-8", "surrogateescape")
        if self._texts.bad_command:
            return (text, FAILED)
        # 6.2 puts the script's line before errors of its own, and takes those of commands as they are.
        own = b" " not in text or not text.partition(b" ")[0].isupper()
        if isinstance(error, OutOfMemory | NoReplicas | ReadOnlyReplica):
            return (b"-" + text, REFUSED)
        return (text, REFUSED if own else FAILED)

    # -- from replies to Lua -------------------------------------------------------------------------------------------------

    def _converted(self, reply: Reply) -> Any:
        """A reply as Lua gets it. Raises LuaMemory."""
        kind = type(reply)
        if kind is Several:  # attributes and messages on the side are not for scripts
            return self._converted(next((each for each in reply if type(each) is not Wire), None))
        if kind is Simple:
            return (bytes(reply), STATUS)
        if kind is list or kind is Bulks:
            self._interpreter.require_room(
                _PER_ELEMENT * len(reply) + sum(len(item) for item in reply if type(item) is bytes)
            )
        return self._value(reply)

    def _value(self, reply: Reply) -> Any:
        kind = type(reply)
        table = self._interpreter.table
        three = self._protocol == 3
        if kind is bytes or kind is int:
            return reply
        if reply is None:
            return None if three else False
        if kind is Simple:
            return table({b"ok": bytes(reply)})
        if kind in (list, tuple, Bulks, Absent, Push) or (kind is Unordered and not three):
            return table([self._value(each) for each in reply])
        if kind is Unordered:
            return table({b"set": table({self._value(each): True for each in reply})})
        if kind is Pairs:
            pairs = reply if three else [each for pair in reply for each in pair]
            return table([self._value(each) for each in pairs])
        if kind is dict or kind is Multimap:
            return self._map(dict(reply))
        return self._scalar(reply, kind, three)

    def _map(self, reply: dict[Any, Any]) -> Any:
        table = self._interpreter.table
        if self._protocol == 3:
            values = {self._value(key): self._value(value) for key, value in reply.items()}
            return table({b"map": table(values)})
        return table([self._value(each) for pair in reply.items() for each in pair])

    def _scalar(self, reply: Reply, kind: type, three: bool) -> Any:
        table = self._interpreter.table
        if kind is float:
            double = format_double_17 if self.session.legacy_doubles else format_double
            return table({b"double": reply}) if three else double(reply)
        if kind is Decimal17:
            return table({b"double": float(reply)}) if three else format_decimals(reply)
        if kind is bool:
            return reply if three else int(reply)
        if kind is Verbatim:
            text = bytes(reply)
            if three and self.session.legacy:  # 6.2 knows none, and returns the function that was called
                return self._interpreter.function
            return table({b"verbatim_string": table({b"string": text, b"format": b"txt"})}) if three else text
        if kind is BigNumber:
            return table({b"big_number": b"%d" % reply}) if three else b"%d" % reply
        if isinstance(reply, CommandError):
            text = reply.text.encode("utf-8", "surrogateescape")
            return table({b"err": text, b"ignore_error_stats_update": True})
        return None if three else False  # null, in the forms that RESP2 has for it

    # -- running -------------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """What is true for the whole run: whether memory, which is looked at, was short when the client's command came."""
        s = self.session
        self.oom = s.node.shard.budget.short

    def reply(self, value: Any) -> Reply:
        """The reply that its answer is. Raises CommandError."""
        if (kind := type(value)) is int or kind is bytes:
            return value
        return answer(self.session, value, self.code.name)


def new_run(s: Session, code: Code, keys: Argv, arguments: Argv, read_only: bool, one_slot: bool) -> Run:
    """A run with these rights. Not a constructor: to call one takes Python half as long again."""
    run = Run()
    run.session = s
    run.code = code
    run.keys = keys
    run.arguments = arguments
    run.read_only = read_only
    run.checks_slots = one_slot
    run.client_protocol = s.protocol
    run.is_plain = not (read_only or one_slot or s.gates & _CAREFUL)
    if s.gates & GATE_RESTRICTED:
        run.permissions = s.permissions
    return run


class _WrongCall(CommandError):
    """redis.call with arguments that cannot be a command line."""


class _Unsure(Exception):
    """A zero among the arguments, which may have had a sign: before 7.2 it is not lost."""


def answer(s: Session, value: Any, name: bytes) -> Reply:
    """The reply that a script's answer is. Raises CommandError."""
    if type(value) is not tuple:
        return _plain(value) if type(value) is float else value
    found, kind = value[0], value[1]
    if kind is None:
        return _plain(found) if type(found) is float else found
    if kind == b"wire":
        return Wire(found)
    if kind == b"ok":
        return Simple(found)
    text = (found if found is not None else b"ERR unknown error").decode("utf-8", "surrogateescape")
    text = text.partition("\0")[0]  # what C takes of it
    if kind in (b"error", b"counted"):
        raise _told(text.rstrip("\r\n"), counted=kind == b"counted")
    script = name.decode("utf-8", "surrogateescape")
    if s.legacy:
        raise CommandError(f"ERR Error running script (call to f_{script}): {text}".rstrip("\r\n"))
    source, line, counted = value[2:] if len(value) > 4 else (None, None, False)
    place = f", on {source.decode('utf-8', 'surrogateescape')}:{line.decode()}." if source and line else ""
    raise _told(f"{text} script: {script}{place}", counted=counted)


def _told(text: str, *, counted: bool) -> CommandError:
    """The error of a script; it counts only once, where a command that the script called has failed."""
    error = CommandError(text)
    error.counted = counted
    return error


def _plain(value: float) -> int:
    """Numbers lose what follows the point; those that no integer holds become the smallest one."""
    return int(value) if -(2.0**63) <= value < 2.0**63 else -(2**63)
