"""Lua scripts. https://valkey.io/commands/#scripting"""

from __future__ import annotations

from localstack_memorydb.engine.errors import (
    CommandError,
)
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.lua.running import Run, new_run
from localstack_memorydb.engine.lua.scripting import (
    ALLOW_OOM,
    CROSS_SLOTS,
    NO_CLUSTER,
    NO_WRITES,
    Code,
    Script,
    script_hash,
)
from localstack_memorydb.engine.numbers import parse_int
from localstack_memorydb.engine.registry import (
    ALLOW_BUSY,
    GATE_MEMORY,
    LOADING,
    MAY_REPLICATE,
    MOVABLE_KEYS,
    NO_MANDATORY_KEYS,
    NOSCRIPT,
    READONLY,
    SKIP_MONITOR,
    STALE,
    Earlier,
    Family,
    counted,
)
from localstack_memorydb.engine.resp import OK, Argv, Reply
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.slots import key_slot

scripting = Family("scripting", "@scripting")

SCRIPT_FLAGS = NOSCRIPT | SKIP_MONITOR | STALE | NO_MANDATORY_KEYS | MOVABLE_KEYS
_BEFORE_7 = Earlier("7.0", adds=MAY_REPLICATE, drops=STALE | NO_MANDATORY_KEYS)
WRITING = counted("RW access update", at=2)
READING = counted("RO access", at=2)


def split_arguments(argv: Argv, message: str | None = None) -> tuple[Argv, Argv]:
    """The keys and the other arguments of a call. Raises CommandError."""
    if argv[2] == b"0":
        return [], argv[3:]
    try:
        number = parse_int(argv[2])
    except CommandError:
        if message is None:
            raise
        raise CommandError(message) from None
    if number > len(argv) - 3:
        raise CommandError("ERR Number of keys can't be greater than number of args")
    if number < 0:
        raise CommandError("ERR Number of keys can't be negative")
    return argv[3 : 3 + number], argv[3 + number :]


def make_run(s: Session, code: Code, keys: Argv, arguments: Argv, read_only: bool) -> Run:
    """A run with the rights that flags give, unless they forbid it altogether. Raises CommandError."""
    flags = code.flags
    if flags is None:
        run = new_run(s, code, keys, arguments, read_only, False)
        if s.gates & GATE_MEMORY:
            run.prepare()
        return run
    if NO_CLUSTER in flags:
        raise CommandError("ERR Can not run script on cluster, 'no-cluster' flag is set.")
    writes = NO_WRITES not in flags
    if writes and not s.node.is_primary:
        raise CommandError("READONLY Can not run script with write flag on readonly replica.")
    if writes and read_only:
        raise CommandError("ERR Can not execute a script with write flag using *_ro command.")
    one_slot = CROSS_SLOTS not in flags
    run = new_run(s, code, keys, arguments, read_only or not writes, one_slot)
    if ALLOW_OOM not in flags and s.gates & GATE_MEMORY:
        run.prepare()
    if keys:
        run.slot = key_slot(keys[0])
    elif s.in_exec:
        run.slot = s.exec_slot
    return run


def _known(s: Session, source: bytes) -> Script:
    """The script with that text, compiled if it is new. Raises CommandError."""
    scripts = s.node.scripts
    script = scripts.get(script_hash(source))
    if script is None:
        scripts.make_room(source)
        script = s.node.shard.scripting.compile(source)
        scripts.add(script)
    return script


def _evalsha(s: Session, argv: Argv, read_only: bool) -> Reply:
    unknown = CommandError("NOSCRIPT No matching script. Please use EVAL.")
    if len(argv[1]) != 40:
        raise unknown
    keys, arguments = split_arguments(argv)
    script = s.node.scripts.get(argv[1].lower())
    if script is None:
        raise unknown
    run = make_run(s, script, keys, arguments, read_only)
    return s.node.shard.scripting.pace.execute(s, run, "SCRIPT", argv)


def _eval(s: Session, argv: Argv, read_only: bool = False) -> Reply:
    """Runs a script."""
    keys, arguments = split_arguments(argv)
    script = s.node.scripts.by_source.get(argv[1]) or _known(s, argv[1])
    run = make_run(s, script, keys, arguments, read_only)
    return s.node.shard.scripting.pace.execute(s, run, "SCRIPT", argv)


scripting.command("EVAL", -3, SCRIPT_FLAGS, keys=WRITING, since="2.6.0", earlier=_BEFORE_7)(_eval)


@scripting.command("EVAL_RO", -3, SCRIPT_FLAGS | READONLY, keys=READING, since="7.0.0")
def eval_ro(s: Session, argv: Argv) -> Reply:
    """Runs a script that may not write."""
    return _eval(s, argv, read_only=True)


@scripting.command("EVALSHA", -3, SCRIPT_FLAGS, keys=WRITING, since="2.6.0", earlier=_BEFORE_7)
def evalsha(s: Session, argv: Argv) -> Reply:
    """Runs a script that the node knows, by its hash."""
    return _evalsha(s, argv, False)


@scripting.command("EVALSHA_RO", -3, SCRIPT_FLAGS | READONLY, keys=READING, since="7.0.0")
def evalsha_ro(s: Session, argv: Argv) -> Reply:
    """Runs a script that the node knows and that may not write, by its hash."""
    return _evalsha(s, argv, True)


scripting.container("SCRIPT", since="2.6.0")


@scripting.command("SCRIPT|LOAD", 3, NOSCRIPT | STALE, since="2.6.0")
def script_load(s: Session, argv: Argv) -> Reply:
    """Compiles a script and remembers it; answers its hash."""
    sha = _known(s, argv[2]).name
    s.node.scripts.passing.pop(sha, None)
    return sha


@scripting.command("SCRIPT|EXISTS", -3, NOSCRIPT, since="2.6.0", earlier=Earlier("7.0", arity=-2))
def script_exists(s: Session, argv: Argv) -> Reply:
    """Which of the hashes are of scripts that the node knows."""
    return [int(sha.lower() in s.node.scripts) for sha in argv[2:]]


@scripting.command("SCRIPT|FLUSH", -2, NOSCRIPT, since="2.6.0")
def script_flush(s: Session, argv: Argv) -> Reply:
    """Forgets every script."""
    if len(argv) > 3 or (len(argv) == 3 and argv[2].lower() not in {b"sync", b"async"}):
        raise CommandError("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
    s.node.scripts.clear()
    s.node.shard.scripting.forget()
    return OK


@scripting.command("SCRIPT|KILL", 2, ALLOW_BUSY | NOSCRIPT, since="2.6.0")
def script_kill(s: Session, argv: Argv) -> Reply:
    """Ends the script that runs."""
    return s.node.shard.scripting.pace.kill("SCRIPT")


@scripting.command("SCRIPT|DEBUG", 3, NOSCRIPT, since="3.2.0")
def script_debug(s: Session, argv: Argv) -> Reply:
    """The debugger is not for managed nodes: it can only be turned off."""
    if s.in_exec:
        raise CommandError("ERR SCRIPT DEBUG must be called outside a pipeline")
    mode = argv[2].lower()
    if mode not in {b"yes", b"sync", b"no"}:
        raise CommandError("ERR Use SCRIPT DEBUG YES/SYNC/NO")
    if mode != b"no":
        raise CommandError("ERR the debugger of scripts is not available")
    return OK


@scripting.command("SCRIPT|HELP", 2, LOADING | STALE, since="5.0.0")
def script_help(s: Session, argv: Argv) -> Reply:
    """The subcommands."""
    return help_lines(s, "script")
