"""Functions: named Lua code that is part of a shard's data. https://valkey.io/topics/functions-intro/"""

from __future__ import annotations

from typing import Any

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.commands.scripting import (
    READING,
    SCRIPT_FLAGS,
    WRITING,
    make_run,
    split_arguments,
)
from localstack_memorydb.engine.directives import directive
from localstack_memorydb.engine.errors import CommandError, printable, wrong_subcommand_arguments
from localstack_memorydb.engine.glob import compile_glob
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.lua.scripting import Function, Library
from localstack_memorydb.engine.registry import (
    ALLOW_BUSY,
    DENYOOM,
    LOADING,
    NOSCRIPT,
    READONLY,
    STALE,
    WRITE,
    Family,
)
from localstack_memorydb.engine.resp import OK, Argv, Reply, Simple, Unordered
from localstack_memorydb.engine.session import Session

functions = Family("scripting", "@scripting")

_SINCE = "7.0.0"


def _call(s: Session, argv: Argv, read_only: bool) -> Reply:
    function = s.node.shard.scripting.functions.get(argv[1].lower())
    if function is None:
        raise CommandError("ERR Function not found")
    keys, arguments = split_arguments(argv, "ERR Bad number of keys provided")
    run = make_run(s, function, keys, arguments, read_only)
    return s.node.shard.scripting.pace.execute(s, run, "FUNCTION", argv)


@functions.command("FCALL", -3, SCRIPT_FLAGS, keys=WRITING, since=_SINCE)
def fcall(s: Session, argv: Argv) -> Reply:
    """Runs a function."""
    return _call(s, argv, False)


@functions.command("FCALL_RO", -3, SCRIPT_FLAGS | READONLY, keys=READING, since=_SINCE)
def fcall_ro(s: Session, argv: Argv) -> Reply:
    """Runs a function that does not write."""
    return _call(s, argv, True)


functions.container("FUNCTION", since=_SINCE)


@functions.command("FUNCTION|LOAD", -3, DENYOOM | NOSCRIPT | WRITE, since=_SINCE)
def function_load(s: Session, argv: Argv) -> Reply:
    """Adds a library; answers its name."""
    replace = False
    for word in argv[2:-1]:
        if word.lower() != b"replace":
            raise CommandError(f"ERR Unknown option given: {printable(word)}")
        replace = True
    return s.node.shard.scripting.load(argv[-1], replace=replace)


@functions.command("FUNCTION|DELETE", 3, NOSCRIPT | WRITE, since=_SINCE)
def function_delete(s: Session, argv: Argv) -> Reply:
    """Drops a library."""
    s.node.shard.scripting.delete(argv[2])
    return OK


@functions.command("FUNCTION|FLUSH", -2, NOSCRIPT | WRITE, since=_SINCE)
def function_flush(s: Session, argv: Argv) -> Reply:
    """Drops every library."""
    if len(argv) > 3:
        raise wrong_subcommand_arguments("function", argv[1], s.legacy)
    if len(argv) == 3 and argv[2].lower() not in {b"sync", b"async"}:
        raise CommandError("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
    s.node.shard.scripting.flush()
    return OK


@functions.command("FUNCTION|LIST", -2, NOSCRIPT, since=_SINCE)
def function_list(s: Session, argv: Argv) -> Reply:
    """The libraries, those whose name matches a pattern, with their code on demand."""
    pattern: bytes | None = None
    with_code = False
    words = iter(argv[2:])
    for word in words:
        lowered = word.lower()
        if lowered == b"withcode" and not with_code:
            with_code = True
        elif lowered == b"libraryname" and pattern is None:
            pattern = next(words, None)
            if pattern is None:
                raise CommandError("ERR library name argument was not given")
        else:
            raise CommandError(f"ERR Unknown argument {printable(word)}")
    matches = compile_glob(pattern.lower()) if pattern is not None else None
    libraries = s.node.shard.scripting.libraries.values()
    return [
        _described(library, with_code)
        for library in libraries
        if matches is None or matches(library.name.lower())
    ]


def _described(library: Library, with_code: bool) -> dict[bytes, Any]:
    shown: dict[bytes, Any] = {
        b"library_name": library.name,
        b"engine": b"LUA",
        b"functions": [_function(each) for each in library.functions],
    }
    if with_code:
        shown[b"library_code"] = library.source
    return shown


def _function(function: Function) -> dict[bytes, Any]:
    flags = Unordered(Simple(name.encode()) for name in function.flag_names)
    return {b"name": function.name, b"description": function.description, b"flags": flags}


@functions.command("FUNCTION|STATS", 2, ALLOW_BUSY | NOSCRIPT, since=_SINCE)
def function_stats(s: Session, argv: Argv) -> Reply:
    """What runs now, and how many libraries and functions there are."""
    scripting = s.node.shard.scripting
    counts = {b"libraries_count": len(scripting.libraries), b"functions_count": len(scripting.functions)}
    return {b"running_script": scripting.pace.shown(s.now), b"engines": {b"LUA": counts}}


@functions.command("FUNCTION|KILL", 2, ALLOW_BUSY | NOSCRIPT, since=_SINCE)
def function_kill(s: Session, argv: Argv) -> Reply:
    """Ends the function that runs."""
    return s.node.shard.scripting.pace.kill("FUNCTION")


@functions.command("FUNCTION|DUMP", 2, NOSCRIPT, since=_SINCE)
def function_dump(s: Session, argv: Argv) -> Reply:
    """All libraries as a payload for FUNCTION RESTORE."""
    sources = [library.source for library in s.node.shard.scripting.libraries.values()]
    compresses = directive(s.node.cluster, "rdbcompression") == "yes"
    return rdb.dump_functions(sources, version=rdb.version_of(s.table.level), compresses=compresses)


@functions.command("FUNCTION|RESTORE", -3, DENYOOM | NOSCRIPT | WRITE, since=_SINCE)
def function_restore(s: Session, argv: Argv) -> Reply:
    """Adds the libraries of a payload."""
    policy = argv[3].lower() if len(argv) > 3 else b"append"
    if len(argv) > 4:
        raise wrong_subcommand_arguments("function", argv[1], s.legacy)
    if policy not in {b"flush", b"append", b"replace"}:
        raise CommandError("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.")
    try:
        sources = rdb.restore_functions(argv[2], rdb.version_of(s.table.level))
    except rdb.FooterError:
        raise CommandError("ERR DUMP payload version or checksum are wrong") from None
    except rdb.RdbError as error:
        raise CommandError(f"ERR {error}") from None
    s.node.shard.scripting.restore(sources, policy)
    return OK


@functions.command("FUNCTION|HELP", 2, LOADING | STALE, since=_SINCE)
def function_help(s: Session, argv: Argv) -> Reply:
    """The subcommands."""
    return help_lines(s, "function")
