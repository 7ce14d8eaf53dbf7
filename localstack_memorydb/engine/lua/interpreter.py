"""The Lua interpreter of a shard: one sandbox in which its scripts and functions run, one at a time."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import partial
from importlib import resources
from typing import Any, Final, Protocol, TypeAlias

from lupa.lua51 import LuaError, LuaRuntime

from localstack_memorydb.engine.bugs import log_bug
from localstack_memorydb.engine.lua import plain_structs, structs
from localstack_memorydb.engine.lua.bytecode import is_brief, without_tail_calls
from localstack_memorydb.engine.lua.libraries import (
    BIT,
    ENDED,
    Answer,
    BadArgument,
    Other,
    answering,
    is_negative,
    pack_double,
    pack_integer,
    random_bounds,
    random_seed,
    strtod,
    unpack_number,
)

LOG = logging.getLogger(__name__)

MEMORY_LIMIT: Final = 512 * 1024 * 1024
"""What the scripts of a shard may hold at once; a script that needs more ends with `not enough memory`."""

_SLACK: Final = 32 * 1024 * 1024
_ROOM: Final = MEMORY_LIMIT - _SLACK
_KEPT: Final = 64 * 1024 * 1024
_COMPILED: Final = 1000
"""Scripts that are compiled between two collections. Lua finds byte code that differs little by looking through all of it."""
_INLINE_ARGUMENTS: Final = 100
_LARGE: Final = 1 << 16
_LEVELS: Final = (logging.DEBUG, logging.DEBUG, logging.INFO, logging.WARNING)

# Kinds of answers to redis.call, beside plain values.
STATUS: Final = 1
FAILED: Final = 2  # the command failed, or may not run here
REFUSED: Final = 3  # the call itself is wrong
UNSURE: Final = 4  # the call has a zero, and numbers come without the sign of one


class Caller(Protocol):
    """Who runs the script: what its calls of commands do. It is `dirty` when they have written."""

    dirty: bool

    def call(self, words: tuple[Any, ...]) -> Any:
        """redis.call."""

    def acl_check_cmd(self, words: tuple[Any, ...]) -> Any:
        """redis.acl_check_cmd."""

    def set_protocol(self, protocol: int) -> None:
        """redis.setresp."""

    def protocols(self) -> tuple[int, int]:
        """The protocol of the client's replies, and of the script's."""

    def double(self, number: float) -> bytes:
        """A double as the client reads it."""

    def interrupted(self) -> str | None:
        """Called now and then while the script runs; a text ends it."""


class Compiled(Protocol):
    """Code that can be run."""

    @property
    def compiled(self) -> Any:
        """A function of Lua."""


class Runner(Caller, Protocol):
    """A caller that runs code: a script with its KEYS and ARGV, a function of a library with its two arguments."""

    keys: list[bytes]
    arguments: list[bytes]

    @property
    def code(self) -> Compiled:
        """What it runs."""


Entry: TypeAlias = Callable[[Runner], Any]
"""How code is run for a caller."""


class CompileError(Exception):
    """The source is no Lua."""


class LuaMemory(Exception):
    """There is no room for what Lua should hold."""


class Interpreter:
    """A sandbox for engine versions of a level. `run` and `call_function` answer a value, or (value, kind, source, line)."""

    def __init__(self, level: tuple[int, ...], version: str) -> None:
        self.caller: Caller
        self._is_idle = False
        self._luck = 0
        self._registered: list[tuple[bytes, Any, bytes, bytes | None]] = []
        self._modern = level >= (7,)
        self._used = self._compiled = 0
        self._kept = _KEPT  # what may be in use before it is looked whether all of that is needed
        self._lua = LuaRuntime(
            encoding=None,
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            attribute_filter=_no_attributes,
            overflow_handler=float,
            max_memory=MEMORY_LIMIT,
        )
        self._memory_used: Callable[[], int] = self._lua.get_memory_used
        self._dump = self._lua.eval(b"string.dump")
        self.function = self._lua.eval(b"function() end")
        self._entry = self._load(level, version)
        self._run = self._ways(b"run_without_arguments", b"run", b"run_tables")
        self._call_function = self._ways(b"call_function", b"call_function", b"call_function_with_tables")

    def _load(self, level: tuple[int, ...], version: str) -> Any:
        table = self._lua.table_from
        major, minor, patch = (int(part) for part in version.split("."))
        settings = {
            b"modern": self._modern,
            b"version": version.encode(),
            b"version_number": major << 16 | minor << 8 | patch,
            b"soft_limit_kb": (MEMORY_LIMIT - _SLACK) // 1024,
            b"msgpack_holder": b"Salvatore Sanfilippo" if level < (7, 2) else b"Redis Ltd.",
        }
        load, dump = self._lua.eval(b"loadstring"), self._dump
        parts = {}
        for name in ("failing", "cjson", "cmsgpack", "guarded", "patterns", "server"):
            source = resources.files(__package__).joinpath(f"{name}.lua").read_bytes()
            chunk = load(source, b"=server" if name in ("failing", "server") else b"=library")
            if isinstance(chunk, tuple):
                raise RuntimeError(chunk[1].decode())
            if name != "patterns":  # where they save stack, and nobody looks for a caller
                chunk = load(without_tail_calls(dump(chunk)))
            parts[name.encode()] = chunk
        errors, server = parts[b"failing"](), parts[b"server"]
        return server(table(self._host()), table(settings), errors, table(parts))

    def _host(self) -> dict[bytes, Callable[..., Any]]:
        """What the trusted Lua code may call. Nothing here raises, and nothing takes or gives a Python container."""
        host: dict[str, Callable[..., Any]] = {
            "call": self._call,
            "call_many": self._call_many,
            "acl_check_cmd": lambda *words: self.caller.acl_check_cmd(words),
            "setresp": lambda protocol: self.caller.set_protocol(int(protocol)),
            "protocols": lambda: self.caller.protocols(),
            "double": lambda number: self.caller.double(float(number)),
            "interrupted": self._interrupted,
            "replicate_commands": self._replicate_commands,
            "log": _log,
            "sha1hex": lambda text: hashlib.sha1(text, usedforsecurity=False).hexdigest().encode(),
            "other": Other,
            "random_bounds": answering(random_bounds),
            "random_seed": answering(random_seed),
            "struct_pack": answering(partial(self._struct, structs.pack)),
            "struct_pack_quickly": plain_structs.pack_quickly,
            "struct_unpack": self._struct_unpack,
            "struct_size": answering(partial(self._struct, structs.size)),
            "without_tail_calls": without_tail_calls,
            "registered": self._register,
            "strtod": strtod,
            "pack_double": pack_double,
            "pack_integer": pack_integer,
            "unpack_number": unpack_number,
            "is_negative": is_negative,
        }
        host.update({f"bit_{name}": answering(function) for name, function in BIT.items()})
        return {name.encode(): function for name, function in host.items()}

    def _call(self, *words: Any) -> Any:
        return self.caller.call(words)

    def _call_many(self, count: float, words: Any) -> Any:
        return self.caller.call(tuple(words[at] for at in range(1, int(count) + 1)))

    def _interrupted(self) -> bytes | None:
        if self._is_idle:
            return None
        reason = self.caller.interrupted()
        return None if reason is None else reason.encode()

    def _replicate_commands(self) -> int | bool:
        """Before 7.0 it is too late after a write; otherwise a seed for other random numbers than those of the last script."""
        if self.caller.dirty:
            return False
        self._luck += 1
        return self._luck

    def _look(self) -> None:
        if self.caller.interrupted() is not None:
            raise BadArgument(ENDED, "ended")

    def _struct(self, function: Callable[..., Answer], *arguments: Any) -> Answer:
        made = function(self._look, *arguments)
        size = sum([len(each) for each in made if type(each) is bytes])
        if size > _LARGE:
            try:
                self.require_room(size)
            except LuaMemory:
                raise BadArgument(0, "not enough memory") from None
        return made

    def _struct_unpack(self, *arguments: Any) -> Answer:
        found = plain_structs.unpack_quickly(*arguments) if len(arguments) == 2 else None
        if found is not None:
            return (True, *found)
        return answering(partial(self._struct, structs.unpack))(*arguments)

    def _register(self, name: bytes, callback: Any, flags: bytes, description: bytes | None) -> None:
        self._registered.append((name, callback, flags, description))

    def memory(self) -> int:
        """The bytes that Lua holds."""
        return self._lua.get_memory_used(total=True) or 0

    # -- memory: a failed allocation outside of Lua's own protection would end the process ------------------------------

    def require_room(self, size: int) -> None:
        """Raises LuaMemory unless that many bytes surely fit."""
        lua = self._lua
        if lua.get_memory_used(total=True) + size > MEMORY_LIMIT - _SLACK // 2:
            raise LuaMemory

    def _make_room(self, size: int) -> None:
        if self._lua.get_memory_used(total=True) + size > MEMORY_LIMIT - _SLACK // 2:
            self._lua.gccollect()
            self.require_room(size)

    def table(self, items: object) -> Any:
        """A Lua table of a list or dict whose items are values that Lua has, or tables."""
        return self._lua.table_from(items)

    # -- running ----------------------------------------------------------------------------------------------------------

    def compile(self, body: bytes, name: bytes) -> Any:
        """A script, ready to run. Raises CompileError, LuaMemory."""
        self._make_room(20 * len(body))
        self._compiled += 1
        if self._compiled % _COMPILED == 0:
            self._lua.gccollect()
        made = self._while_idle(b"compile", body, name)
        if isinstance(made, tuple):
            raise CompileError(made[1].decode("utf-8", "surrogateescape"))
        return made

    def forget(self) -> None:
        """What scripts set in libraries is as it was at first."""
        self._while_idle(b"forget")

    def _while_idle(self, name: bytes, *arguments: bytes) -> Any:
        """Runs trusted code while no script does: the clock of the last one is not asked whether it has to end."""
        self._is_idle = True
        try:
            return self._entry[name](*arguments)
        finally:
            self._is_idle = False

    def is_brief(self, script: Any) -> bool:
        """Whether a compiled script surely ends soon."""
        return is_brief(self._dump(script))

    def _ways(self, *names: bytes) -> tuple[Any, Any, Any]:
        plainly, direct, with_tables = (self._entry[name] for name in names)
        return plainly, direct, with_tables

    def run(self, caller: Runner) -> Any:
        """Runs a script."""
        return self._called(*self._run, caller)

    def call_function(self, caller: Runner) -> Any:
        """Runs a function of a library."""
        return self._called(*self._call_function, caller)

    def _called(self, plainly: Any, direct: Any, with_tables: Any, caller: Runner) -> Any:
        """Runs code by one of three ways in Lua: few keys and arguments are handed over as they are."""
        self.caller = caller
        code, keys, arguments = caller.code.compiled, caller.keys, caller.arguments
        count = len(keys) + len(arguments)
        room = 2 * (sum(map(len, keys)) + sum(map(len, arguments))) + 64 * count if count else 0
        try:
            if room + self._used > _ROOM:
                self._make_room(room)
            if not count:
                answer = plainly(code)
            elif count > _INLINE_ARGUMENTS:
                answer = with_tables(code, self.table(list(keys)), self.table(list(arguments)))
            else:
                answer = direct(code, len(keys), *keys, *arguments)
        except (LuaError, LuaMemory, MemoryError) as error:
            answer = _unfinished(error)
        self._used = used = self._memory_used()
        if used > self._kept:
            self._tidy()
        return answer

    def load_library(
        self, caller: Caller, body: bytes
    ) -> tuple[str, str] | list[tuple[bytes, Any, bytes, bytes | None]]:
        """The functions that a library's code registers (name, callback, flags, description), or what failed and why."""
        self.caller = caller
        self._registered = []
        try:
            self._make_room(20 * len(body))
            failed = self._entry[b"load_library"](body)
        except (LuaError, LuaMemory, MemoryError) as error:
            return "registering", _unfinished(error)[0].decode()
        if failed is not None:
            return failed[0].decode(), failed[1].decode("utf-8", "surrogateescape")
        return self._registered

    def _tidy(self) -> None:
        """Collects what is no longer needed when there may be much of it; what is needed is not looked through at every run."""
        if (self._lua.get_memory_used() or 0) > self._kept:
            self._lua.gccollect()
            used = self._lua.get_memory_used() or 0
            self._kept = max(_KEPT, used + min(used, (_ROOM - used) // 2))
        self._used = self._lua.get_memory_used() or 0


def _unfinished(error: Exception) -> tuple[bytes, bytes]:
    """The answer of a script that our own code could not bring to its end."""
    if type(error) is LuaError:
        log_bug("in a script", error)
        return b"ERR internal error", b"raised"
    return b"ERR not enough memory", b"raised"


def _no_attributes(_owner: object, _name: object, _setting: bool) -> str:
    raise AttributeError("not for Lua")


def _log(level: float, text: bytes) -> None:
    rank = _LEVELS[int(level)]
    if LOG.isEnabledFor(rank):
        LOG.log(rank, "script: %s", text[:_LARGE].decode("utf-8", "backslashreplace"))
