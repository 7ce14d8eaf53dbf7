"""Which scripts surely end soon: those that run without a greenlet of their own."""

from __future__ import annotations

import pytest
from lupa.lua51 import LuaRuntime

from localstack_memorydb.engine.lua.bytecode import is_brief

BRIEF = [
    "return 1",
    "return redis.call('GET', KEYS[1])",
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end",
    "local n = tonumber(ARGV[1]) or 0 if n > 3 and n < 9 then n = n + 1 end return {n, type(n), KEYS[1] .. 'x'}",
    "local reply = redis.pcall('INCR', KEYS[1]) if reply.err then return reply end return {ok = 'done'}",
]
MAY_TAKE_LONG = [
    "while true do end",
    "repeat local x = 1 until false",
    "for i = 1, 1e9 do end",
    "for k, v in next, KEYS do end",
    "local function f() return f() end return f()",
    "return loadstring(ARGV[1])()",
    "return setmetatable({}, {})",
    "return (ARGV[1]):rep(1e9)",
    "return string.rep(ARGV[1], 1e9)",
    "return cjson.decode(ARGV[1])",
    "return pcall(string.find, ARGV[1], ARGV[2])",
    "return _G.loadstring(ARGV[1])()",
    "return '" + "x" * (1 << 14) + "'",
]


def compiled(source: str) -> bytes:
    lua = LuaRuntime(encoding=None)
    code = lua.eval(b"string.dump")(lua.eval(b"loadstring")(source.encode()))
    assert isinstance(code, bytes)
    return code


@pytest.mark.parametrize("source", BRIEF)
def test_straight_code_that_calls_commands_is_brief(source: str) -> None:
    assert is_brief(compiled(source))


@pytest.mark.parametrize("source", MAY_TAKE_LONG)
def test_loops_functions_and_foreign_code_are_not(source: str) -> None:
    assert not is_brief(compiled(source))
