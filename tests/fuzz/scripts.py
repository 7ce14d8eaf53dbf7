"""Scripts and functions that do what their arguments say."""

from __future__ import annotations

from hashlib import sha1
from random import Random
from typing import Final

from localstack_memorydb.engine import rdb

from . import values
from .grammar import Grammar

Line = tuple[bytes, ...]

# pcall, because the text that a script's own error has is that of another product in Valkey 9.
SCRIPT: Final = b"return redis.pcall(unpack(ARGV))"
SCRIPTS: Final = (SCRIPT, b"redis.setresp(3) " + SCRIPT)
SHAS: Final = tuple(sha1(script).hexdigest().encode() for script in SCRIPTS)
LIBRARY: Final = b"""#!lua name=library
redis.register_function('run', function(keys, args) return redis.pcall(unpack(args)) end)
redis.register_function{function_name='look', flags={'no-writes'},
  callback=function(keys, args) return redis.pcall(unpack(args)) end}"""
DUMPED: Final = rdb.dump_functions([LIBRARY], version=rdb.version_of((7, 0)))
_FUNCTIONS: Final = frozenset({b"run", b"look"})
# What these answer is a table of Lua then, which has no order; or numbers, of which Lua's 0 has no sign here, and
# those of places are printed by another rule.
MAPS: Final = frozenset({b"hgetall", b"xinfo", b"xread", b"xreadgroup", b"lcs", b"command"})
NUMBERS: Final = frozenset(
    {b"zinter", b"zunion", b"zdiff", b"zincrby", b"zadd", b"zscore", b"zmscore", b"zrange"}
)


def command_of(line: Line) -> Line:
    """The command that a line is about: the one in the script or function where it is one of these."""
    word = line[0].upper() if line else b""
    if (
        (word in (b"EVAL", b"EVAL_RO") and line[1] in SCRIPTS)
        or (word in (b"EVALSHA", b"EVALSHA_RO") and line[1] in SHAS)
        or (word in (b"FCALL", b"FCALL_RO") and line[1] in _FUNCTIONS)
    ):
        return line[3 + int(line[2]) :]
    return line


def scripted(rng: Random, grammar: Grammar, line: Line) -> list[Line]:
    """The lines that run a command in a script or in a function.

    The command itself where its keys are of several slots: after such a one Valkey 9.1 refuses whatever scripts do, on all
    connections. And INCRBYFLOAT with 6.2: it makes the memory for a script's arguments smaller than what scripts then use.
    """
    name = line[0].lower()
    damaging = name == b"incrbyfloat" and grammar.engine_version < (7, 0)
    if damaging or not grammar.of_one_slot(line):
        return [line]
    plain = name in MAPS | NUMBERS or name.startswith(b"geo")
    number = 0 if plain else rng.choice([0, 0, 1])
    reads = b"_RO" if rng.random() < 0.15 and grammar.engine_version >= (7, 0) else b""
    rest = (b"0", *line) if rng.random() > 0.2 else (b"1", rng.choice(values.ANY_KEY), *line)
    roll = rng.random()
    if roll > 0.6 or (roll < 0.3 and grammar.engine_version < (7, 0)):
        return [(b"EVAL" + reads, SCRIPTS[number], *rest)]
    if roll > 0.3:
        return [(b"SCRIPT", b"LOAD", SCRIPTS[number]), (b"EVALSHA" + reads, SHAS[number], *rest)]
    load = (b"FUNCTION", b"LOAD", *([b"REPLACE"] if rng.random() > 0.2 else []), LIBRARY)
    return [load, (b"FCALL" + reads, rng.choice([b"run", b"run", b"look", b"none"]), *rest)]
