"""What a shard knows of scripts and functions, and whether one runs too long."""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from localstack_memorydb.engine.errors import CommandError, printable
from localstack_memorydb.engine.lua.interpreter import CompileError, Entry, Interpreter, LuaMemory
from localstack_memorydb.engine.lua.long_runs import Pace
from localstack_memorydb.engine.resp import split_line
from localstack_memorydb.engine.versions import PATCH_VERSIONS, REDIS_COMPATIBLE, is_valkey

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Shard
    from localstack_memorydb.engine.registry import Command
    from localstack_memorydb.engine.resp import Argv
    from localstack_memorydb.engine.session import Session

NO_WRITES: Final = "no-writes"
ALLOW_OOM: Final = "allow-oom"
ALLOW_STALE: Final = "allow-stale"
NO_CLUSTER: Final = "no-cluster"
CROSS_SLOTS: Final = "allow-cross-slot-keys"
FLAGS: Final = frozenset({NO_WRITES, ALLOW_OOM, ALLOW_STALE, NO_CLUSTER, CROSS_SLOTS})

_SHEBANG: Final = b"#!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What runs, and how the interpreter enters it. `name` is how errors call it: a script's hash, a function's name.

    `flags` is None for a script without a first line that declares any: it runs as scripts always did. What is `brief` surely
    ends soon.
    """

    name: bytes
    compiled: Any = field(repr=False)
    enter: Entry = field(repr=False)
    flags: frozenset[str] | None
    brief: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(Code):
    """A compiled script."""

    source: bytes


_MOST_SOURCE: Final = 128 << 20
_PER_SCRIPT: Final = 1500  # bytes that a small one takes, here and in Lua


class Scripts(dict[bytes, Script]):
    """The scripts that a node knows, by hash, and by their text, which spares EVAL the hash.

    Of those that came by EVAL only (`passing`) the oldest are forgotten when all take more than `room`, as since Valkey 8.
    """

    def __init__(self) -> None:
        super().__init__()
        self.room = _MOST_SOURCE
        self.by_source: dict[bytes, Script] = {}
        self.passing: OrderedDict[bytes, None] = OrderedDict()
        self._size = 0

    def make_room(self, source: bytes) -> None:
        """Forgets scripts until one of that text fits. Raises CommandError when it cannot."""
        while self._size + len(source) + _PER_SCRIPT > self.room:
            if not self.passing:
                raise CommandError("ERR Error compiling script (new function): not enough memory")
            forgotten = self.pop(self.passing.popitem(last=False)[0])
            del self.by_source[forgotten.source]
            self._size -= len(forgotten.source) + _PER_SCRIPT

    def add(self, script: Script) -> None:
        """Remembers a script until there is no room."""
        self[script.name] = script
        self.by_source[script.source] = script
        self.passing[script.name] = None
        self._size += len(script.source) + _PER_SCRIPT

    def clear(self) -> None:
        """Forgets every script."""
        super().clear()
        self.by_source.clear()
        self.passing.clear()
        self._size = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Code):
    """A function of a library."""

    flags: frozenset[str]
    description: bytes | None
    flag_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """A library of functions, with the code that made them."""

    name: bytes
    source: bytes
    functions: tuple[Function, ...]


class Scripting:
    """The interpreter of a shard, made when the first script comes, and its libraries of functions.

    The libraries are part of the shard's data; which scripts are known is each node's own affair. `room` is how long all
    libraries may be together.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._interpreter: Interpreter | None = None
        self.pace = Pace(shard)
        self.room = _MOST_SOURCE
        self.libraries: dict[bytes, Library] = {}
        self.functions: dict[bytes, Function] = {}  # by name in lower case

    @property
    def interpreter(self) -> Interpreter:
        """The sandbox in which this shard's scripts run."""
        if self._interpreter is None:
            version = self._shard.cluster.spec.engine_version
            shown = REDIS_COMPATIBLE if is_valkey(version) else PATCH_VERSIONS[version]
            self._interpreter = Interpreter(self._shard.cluster.table.level, shown)
        return self._interpreter

    def forget(self) -> None:
        """No script is known any more, and what scripts set in libraries is as it was at first."""
        if self._interpreter is not None:
            self._interpreter.forget()

    def memory(self) -> int:
        """The bytes that the interpreter holds: none before there was a script."""
        return 0 if self._interpreter is None else self._interpreter.memory()

    def renew(self) -> None:
        """The nodes are new ones: no script is known, the libraries are loaded again."""
        libraries = list(self.libraries.values())
        self.pace.stop()
        self._interpreter = None
        self.libraries, self.functions = {}, {}
        for node in self._shard.nodes:
            node.scripts.clear()
        if self._shard.cluster.table.level >= (7,):
            for library in libraries:
                self.load(library.source)

    # -- scripts -----------------------------------------------------------------------------------------------------------

    def compile(self, source: bytes) -> Script:
        """A script from its text. Raises CommandError."""
        body, flags = source, None
        if source.startswith(_SHEBANG) and self._shard.cluster.table.level >= (7,):
            body, flags = _without_shebang(source)
        try:
            compiled = self.interpreter.compile(body, b"@user_script")
        except CompileError as error:
            raise CommandError(f"ERR Error compiling script (new function): {error}") from None
        except LuaMemory:
            raise CommandError("ERR Error compiling script (new function): not enough memory") from None
        return Script(
            name=script_hash(source),
            source=source,
            compiled=compiled,
            enter=self.interpreter.run,
            flags=flags,
            brief=self.interpreter.is_brief(compiled),
        )

    # -- functions ---------------------------------------------------------------------------------------------------------

    def load(self, source: bytes, *, replace: bool = False) -> bytes:
        """Adds a library; returns its name. Raises CommandError, and then nothing has changed."""
        name, body = _library_header(source)
        previous = self.libraries.get(name)
        if previous is not None and not replace:
            raise CommandError(f"ERR Library '{printable(name)}' already exists")
        if len(source) + sum(len(each.source) for each in self.libraries.values()) > self.room:
            raise CommandError("ERR Error registering functions: ERR not enough memory")
        library = self._made(name, source, body)
        for function in library.functions:
            namesake = self.functions.get(function.name.lower())
            if namesake is not None and (previous is None or namesake not in previous.functions):
                raise CommandError(f"ERR Function {printable(function.name)} already exists")
        if previous is not None:
            self.delete(name)
        self._add(library)
        return name

    def _made(self, name: bytes, source: bytes, body: bytes) -> Library:
        """A library of the functions that its code registers. Raises CommandError."""
        registered = self.interpreter.load_library(_Loading(self._shard.cluster.clock), body)
        if isinstance(registered, tuple):
            what, why = registered
            kind = "compiling function" if what == "compiling" else "registering functions"
            raise CommandError(f"ERR Error {kind}: {why}")
        if not registered:
            raise CommandError("ERR No functions registered")
        functions = tuple(
            Function(
                name=each,
                compiled=callback,
                enter=self.interpreter.call_function,
                flags=frozenset(flags.decode().split()),
                description=about,
                flag_names=tuple(flags.decode().split()),
            )
            for each, callback, flags, about in registered
        )
        return Library(name, source, functions)

    def _add(self, library: Library) -> None:
        self.libraries[library.name] = library
        self.functions.update({function.name.lower(): function for function in library.functions})

    def delete(self, name: bytes) -> None:
        """Drops a library. Raises CommandError."""
        library = self.libraries.pop(name, None)
        if library is None:
            raise CommandError("ERR Library not found")
        for function in library.functions:
            self.functions.pop(function.name.lower(), None)

    def flush(self) -> None:
        """Drops every library."""
        self.libraries, self.functions = {}, {}

    def restore(self, sources: list[bytes], policy: bytes) -> None:
        """Adds libraries from their sources: FLUSH, APPEND or REPLACE. Raises CommandError; then nothing has changed."""
        before = self.libraries, self.functions
        self.libraries, self.functions = (
            ({}, {}) if policy == b"flush" else (dict(before[0]), dict(before[1]))
        )
        try:
            for source in sources:
                name, _ = _library_header(source)
                if policy == b"append" and name in before[0]:
                    raise CommandError(f"ERR Library {printable(name)} already exists")
                self.load(source, replace=policy == b"replace" and name in before[0])
        except CommandError:
            self.libraries, self.functions = before
            raise


_LOADING_LOOKS: Final = 200
_LOADING_SECONDS: Final = 0.5


class _Loading:
    """Who runs a library's code: nobody's commands."""

    dirty = False

    def __init__(self, clock: Callable[[], float]) -> None:
        self._looks = 0
        self._clock = clock
        self._began = clock()

    def call(self, words: tuple[Any, ...]) -> Any:
        """No command can be called while a library loads."""
        return (b"ERR redis.call can not be called on FUNCTION LOAD command", 2)

    def acl_check_cmd(self, words: tuple[Any, ...]) -> Any:
        """As call."""
        return self.call(words)

    def set_protocol(self, protocol: int) -> None:
        """Changes nothing."""

    def protocols(self) -> tuple[int, int]:
        """Of a reply that nobody gets."""
        return 2, 2

    def double(self, number: float) -> bytes:
        """Of a reply that nobody gets."""
        return b""

    def interrupted(self) -> str | None:
        """A library's code has only its functions to register, so it is given about half a second."""
        self._looks += 1
        is_late = self._looks > _LOADING_LOOKS or self._clock() - self._began > _LOADING_SECONDS
        return "FUNCTION LOAD timeout" if is_late else None


def declared_flags(s: Session, command: Command, argv: Argv) -> frozenset[str] | None:
    """The flags of the script or function that a command line runs; None where it runs none, or one that declares nothing."""
    name = command.name.removesuffix("_ro")
    if name == "fcall":
        function = s.node.shard.scripting.functions.get(argv[1].lower())
        return None if function is None else function.flags
    if name == "evalsha":
        script = s.node.scripts.get(argv[1].lower())
        return None if script is None else script.flags
    if name == "eval" and argv[1].startswith(_SHEBANG) and not s.legacy:
        with contextlib.suppress(CommandError):
            return _without_shebang(argv[1])[1]
    return None


def script_hash(source: bytes) -> bytes:
    """The name by which EVALSHA calls a script."""
    return hashlib.sha1(source, usedforsecurity=False).hexdigest().encode()


def _without_shebang(source: bytes) -> tuple[bytes, frozenset[str]]:
    """The code behind a first line that declares flags, and those. Raises CommandError."""
    end = source.find(b"\n")
    if end < 0:
        raise CommandError("ERR Invalid script shebang")
    words = split_line(source[:end]) or [b""]
    if words[0] != b"#!lua":
        raise CommandError(f"ERR Unexpected engine in script shebang: {printable(words[0])}")
    flags: set[str] = set()
    for word in words[1:]:
        if not word.startswith(b"flags="):
            raise CommandError(f"ERR Unknown lua shebang option: {printable(word)}")
        value = word.removeprefix(b"flags=")
        for flag in value.split(b",") if value else ():
            if printable(flag) not in FLAGS:
                raise CommandError(f"ERR Unexpected flag in script shebang: {printable(flag)}")
            flags.add(flag.decode())
    return source[end:], frozenset(flags)


def _library_header(source: bytes) -> tuple[bytes, bytes]:
    """A library's name and the code behind its first line. Raises CommandError."""
    if not source.startswith(_SHEBANG):
        raise CommandError("ERR Missing library metadata")
    end = source.find(b"\n")
    if end < 0:
        raise CommandError("ERR Invalid library metadata")
    words = split_line(source[:end])
    if words is None:
        raise CommandError("ERR Invalid library metadata")
    name: bytes | None = None
    for word in words[1:]:
        if not word.lower().startswith(b"name="):
            raise CommandError(f"ERR Invalid metadata value given: {printable(word)}")
        if name is not None:
            raise CommandError("ERR Invalid metadata value, name argument was given multiple times")
        name = word[len(b"name=") :]
    if name is None:
        raise CommandError("ERR Library name was not given")
    if not name.replace(b"_", b"").isalnum() and name.strip(b"_"):
        raise _bad_name()
    if not name or not name.isascii():
        raise _bad_name()
    engine = words[0].removeprefix(_SHEBANG)
    if engine.lower() != b"lua":
        raise CommandError(f"ERR Engine '{printable(engine)}' not found")
    return name, source[end:]


def _bad_name() -> CommandError:
    return CommandError(
        "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"
    )
