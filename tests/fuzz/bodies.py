"""Scripts of several commands, and libraries of functions: such that work, and such that are refused."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from . import comparing, known
from .grammar import Grammar
from .scripts import MAPS, NUMBERS

Line = tuple[bytes, ...]

# What is in no order, random, of the clock or of the release cannot be a script's reply; they run all the same.
UNTOLD: Final = frozenset(
    {
        *(comparing.UNORDERED | comparing.RANDOM | comparing.SCANS | comparing.IDLE | MAPS | NUMBERS),
        *comparing.TIMES.keys(),
        *(name.partition("|")[0] for name in comparing.ABOUT),
        *"dump sort sort_ro wait waitaof lolwut select bitcount getex debug restore".split(),
    }
)
# What later releases do otherwise: known.py tells of the replies, and here it would change what is kept.
OTHERWISE: Final = frozenset(
    b"getex waitaof select swapdb move bitcount restore ltrim scan sscan hscan zscan".split()
)
HEADERS: Final = (
    "#!lua flags=no-writes|#!lua flags=allow-oom|#!lua flags=allow-stale|#!lua flags=no-cluster|#!lua flags=no-writes,allow-stale|#!lua|#!lua "
    "flags=|#!lua flags=nothing|#!lua flags=no-writes,|#!lua flags=allow-cross-slot-keys|#!lua name=x|#!lua  flags=no-writes|#!js|#!|#!lua "
    "flags=no-writes flags=allow-oom|#!LUA"
).split("|")
# Valkey 9.1 has other engines to look for, dies of these parts, and of functions of one name.
OF_REDIS: Final = ("#!js", "#!", "#!LUA", "redis.log(redis.LOG_DEBUG, 'x')")
# {0} is a command in words of Lua, {1} another one.
TOLD: Final = [
    "return redis.call({0})",
    "return redis.pcall({0})",
    "return {{redis.call({0}), redis.call({1})}}",
    "return {{redis.pcall({0}), redis.pcall({1})}}",
    "redis.call({0}) return redis.call({1})",
    "local r = redis.pcall({0}) if type(r) == 'table' and r.err then return 'failed' end return {{r, redis.pcall({1})}}",
    "local r = redis.call({0}) redis.setresp(3) return {{r, redis.call({1})}}",
    "return {{pcall(redis.call, {0})}}",
    "local ok, e = pcall(redis.call, {0}) return {{ok, type(e), redis.pcall({1})}}",
    "return {{redis.pcall({0})}}",
    "local r = redis.call({0}) return type(r) == 'table' and #r or tostring(r)",
    "return redis.error_reply('E ' .. type(redis.call({0})))",
    "local r = redis.call({0}) return {{type(r), redis.status_reply('S'), redis.call({1})}}",
    "redis.set_repl(redis.REPL_NONE) return redis.call({0})",
    "for i = 1, 3 do redis.pcall({0}) end return redis.pcall({1})",
    "return {{map={{a=1}}, double={{double=1.5}}, {0}}}",
]
UNTELLING: Final = [
    "redis.call({0}) redis.call({1})",
    "redis.pcall({0}) redis.pcall({1}) return 1",
    "return {{type(redis.pcall({0})), type(redis.pcall({1}))}}",
    "redis.setresp(3) redis.pcall({0}) redis.pcall({1}) return redis.status_reply('DONE')",
    "redis.pcall({0}) error('stopped')",
    "redis.pcall({0}) error({{err='E stopped'}})",
]
NAMES: Final = ["lib1", "lib2", "LIB1", "lib_3"]
# No two of them are one name in other letters: of a library that has both, a real server calls either, and dies when it goes.
FUNCTIONS: Final = ["f1", "f2", "F3", "f_4"]
LIBRARY_HEADERS: Final = (
    "#!lua name={0}|#!lua name={0}|#!lua name={0}|#!lua name={0}|#!lua name={0}|#!lua|#!lua name=|#!js name={0}|#!LUA name={0}|#!lua "
    "name={0} name={0}|#!lua name={0} flags=no-writes|#!lua name=a-b|#!lua name={0} engine=lua|#!lua  name={0}|lua name={0}|"
    "#!lua name='{0}'|#!lua NAME={0}|#!lua name"
).split("|")
# {0} and {1} are functions' names, {2} a command.
PARTS: Final = [
    "redis.register_function('{0}', function(keys, args) return redis.call({2}) end)",
    "redis.register_function('{0}', function(keys, args) return {{#keys, #args, keys[1], args[1]}} end)",
    "redis.register_function{{function_name='{0}', callback=function(keys, args) return redis.pcall({2}) end, flags={{'no-writes'}}}}",
    "redis.register_function{{function_name='{0}', callback=function() return redis.call({2}) end, flags={{'allow-oom','allow-stale'}}}}",
    "redis.register_function{{function_name='{0}', callback=function() return redis.call({2}) end, flags={{'no-cluster'}}}}",
    "redis.register_function{{function_name='{0}', callback=function() return 1 end, description='what {0} does'}}",
    "local n = 0 redis.register_function('{0}', function() n = n + 1 redis.pcall({2}) return n end)",
    "local function f() return '{0}' end redis.register_function('{0}', f) redis.register_function('{1}', f)",
]
WRONG_PARTS: Final = [
    "redis.register_function('{0}')",
    "redis.register_function('', function() end)",
    "redis.register_function('a-b', function() end)",
    "redis.register_function(1, function() end)",
    "redis.register_function('{0}', 'x')",
    "redis.register_function('{0}', function() end, 1)",
    "redis.register_function{{function_name='{0}'}}",
    "redis.register_function{{callback=function() end}}",
    "redis.register_function{{function_name='{0}', callback=1}}",
    "redis.register_function{{function_name='{0}', callback=function() end, flags={{'nothing'}}}}",
    "redis.register_function{{function_name='{0}', callback=function() end, flags='no-writes'}}",
    "redis.register_function{{function_name='{0}', callback=function() end, other=1}}",
    "redis.register_function{{function_name='{0}', callback=function() end, description=1}}",
    "redis.register_function('{0}', function() return redis.register_function('{1}', function() end) end)",
    "redis.call({2})",
    "redis.log(redis.LOG_DEBUG, 'x')",
    "redis.setresp(3)",
    "x = 1",
    "local x = y",
    "error('no')",
    "error({{err='no'}})",
    "syntax error",
    "return 1",
]
POLICIES: Final[list[Line]] = [(), (), (b"REPLACE",), (b"REPLACE",), (b"replace",), (b"x",)]


def quoted(words: Sequence[bytes]) -> str:
    """The words as arguments in Lua."""
    return ",".join(
        '"'
        + "".join(
            chr(byte) if 0x30 <= byte < 0x7B and byte not in b'\\"' else f"\\{byte:03d}" for byte in word
        )
        + '"'
        for word in words
    )


class Bodies:
    """Draws scripts and libraries around commands that `line` draws."""

    def __init__(self, rng: Random, grammar: Grammar, lines: Sequence[Line]) -> None:
        self.rng = rng
        self.grammar = grammar
        self.lines = [line for line in lines if self.fits(line)] or [(b"GET", b"{k}s1")]

    def fits(self, line: Line) -> bool:
        """Whether a script may say a line with others: of one slot all of them, and what later releases take as we do."""
        name = line[0].lower()
        if name == b"incrbyfloat" and self.grammar.engine_version < (7, 0):
            return False
        if self.grammar.newer and (
            name in OTHERWISE or known.negative_limit(line) or any(map(_read_otherwise, line))
        ):
            return False
        return self.grammar.of_one_slot(line) and not any(word == b"" or b"{o}" in word for word in line[1:])

    def script(self) -> Line:
        """EVAL of two commands."""
        one, two = self.rng.choice(self.lines), self.rng.choice(self.lines)
        told = not any(each[0].lower().decode("latin-1") in UNTOLD for each in (one, two))
        body = self.rng.choice(TOLD if told else UNTELLING).format(quoted(one), quoted(two))
        if self.grammar.engine_version >= (7, 0) and self.rng.random() < 0.3:
            body = f"{self.rng.choice(self.without(HEADERS))}\n{body}"
        reads = b"_RO" if self.rng.random() < 0.15 and self.grammar.engine_version >= (7, 0) else b""
        return (b"EVAL" + reads, body.encode("latin-1"), b"0")

    def library(self) -> Line:
        """FUNCTION LOAD."""
        told = [line for line in self.lines if line[0].lower().decode("latin-1") not in UNTOLD]
        command = quoted(self.rng.choice(told or [(b"GET", b"{k}s1")]))
        names = (
            self.rng.sample(FUNCTIONS, 4)
            if self.grammar.newer
            else [self.rng.choice(FUNCTIONS) for _ in "1234"]
        )
        lines = [self.rng.choice(LIBRARY_HEADERS).format(self.rng.choice(NAMES))]
        for at in range(self.rng.choice([1, 1, 2])):
            part = self.rng.choice(self.without(PARTS if self.rng.random() > 0.25 else WRONG_PARTS))
            lines.append(part.format(*names[2 * at : 2 * at + 2], command))
        return (b"FUNCTION", b"LOAD", *self.rng.choice(POLICIES), "\n".join(lines).encode("latin-1"))

    def without(self, words: Sequence[str]) -> list[str]:
        """Those that the witness answers as the engine does, and survives."""
        return [word for word in words if not (self.grammar.newer and word in OF_REDIS)]

    def call(self) -> Line:
        """FCALL of a function that there may be, or what is done with libraries."""
        name = self.rng.choice([*FUNCTIONS, "F1"]).encode()
        rest: Line = self.rng.choice(
            [
                (b"0",),
                (b"0", b"a"),
                (b"1", b"{k}s1"),
                (b"1", b"{k}s1", b"a", b"b"),
                (b"2", b"{k}s1"),
                (b"-1",),
                (b"x",),
            ]
        )
        reads = b"_RO" if self.rng.random() < 0.2 else b""
        other: list[Line] = [
            (b"FUNCTION", b"DELETE", self.rng.choice(NAMES).encode()),
            (b"FUNCTION", b"LIST", b"WITHCODE"),
            (b"FUNCTION", b"LIST", b"LIBRARYNAME", self.rng.choice([b"lib*", b"LIB1", b"*_?"])),
            (b"FUNCTION", b"FLUSH"),
        ]
        return self.rng.choice(other) if self.rng.random() < 0.2 else (b"FCALL" + reads, name, *rest)

    def some(self, count: int) -> list[Line]:
        """Scripts, and libraries where there are functions."""
        kinds = [self.script]
        if self.grammar.engine_version >= (7, 0):
            kinds += [self.script, self.library, self.call, self.call]
        return [self.rng.choice(kinds)() for _ in range(count)]


def _read_otherwise(word: bytes) -> bool:
    """Whether later releases take a word for another number than we do, or have a meaning for it."""
    return word == b"+" or b"0x" in word.lower() or word[:1] == b" "
