"""Our matcher of Lua's patterns against the C functions for which it stands: the same results and errors, whatever the pattern."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lupa.lua51 import LuaRuntime

from localstack_memorydb.engine.lua.bytecode import without_tail_calls

_LOAD = """
local failing, patterns, guarded, without_tail_calls, quick, safe = ...
local errors = loadstring(failing, "=server")()
local chunk = loadstring(patterns, "=library")
local ours = loadstring(without_tail_calls(string.dump(loadstring(guarded, "=library"))))(
  chunk(errors.fail, function() end), errors, function() end, function() end, 1e9, quick, safe)
local own = {find = string.find, match = string.match, gmatch = string.gmatch, gsub = string.gsub, rep = string.rep}

local function outcome(...)
  local made = {}
  for at = 1, select("#", ...) do
    local value = select(at, ...)
    made[at] = type(value) .. " " .. tostring(value)
  end
  return table.concat(made, "; ")
end

local function all(library, name, ...)
  if name ~= "gmatch" then
    return outcome(pcall(library[name], ...))
  end
  local seen = {}
  local problem = outcome(pcall(function(...)
    for a, b, c in library.gmatch(...) do
      seen[#seen + 1] = outcome(a, b, c)
    end
  end, ...))
  return (problem:gsub("[^ ]*:%d+: ", "")) .. "|" .. table.concat(seen, "|")
end

return function(name, ...)
  return all(ours, name, ...), all(own, name, ...)
end
"""


def _compared(quick: float, safe: float) -> Any:
    lua = LuaRuntime(encoding=None, unpack_returned_tuples=True)
    folder = resources.files("localstack_memorydb.engine.lua")
    sources = [(folder / f"{name}.lua").read_bytes() for name in ("failing", "patterns", "guarded")]
    return lua.eval(b"loadstring")(_LOAD.encode(), b"=test")(*sources, without_tail_calls, quick, safe)


@pytest.fixture(scope="module", params=["lua", "either"])
def compared(request: pytest.FixtureRequest) -> Any:
    """A function: what ours and Lua's own function answer. All is done by our matcher, or only what is dear."""
    return _compared(0, 0) if request.param == "lua" else _compared(20, 300)


_ITEMS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "%a",
        "%W",
        "%s",
        "%z",
        "[ab]",
        "[^a]",
        "[a-c%]]",
        "[]]",
        "[^]a]",
        "%%",
        "%.",
        "-",
        "^",
        "$",
        "]",
        "\x80",
        "\0",
    ]
)
_SUFFIXES = st.sampled_from(["", "", "", "*", "+", "-", "?"])
_PIECES = st.one_of(
    st.tuples(_ITEMS, _SUFFIXES).map("".join),
    st.sampled_from(
        [
            "(",
            ")",
            "(",
            ")",
            "()",
            "%b()",
            "%bab",
            "%baa",
            "%b",
            "%f[%a]",
            "%f[^b]",
            "%f",
            "%1",
            "%2",
            "%0",
            "[a",
            "%",
            "[%",
        ]
    ),
)
_PATTERNS = st.tuples(st.sampled_from(["", "", "^"]), st.lists(_PIECES, max_size=8).map("".join)).map("".join)
_SUBJECTS = st.text(st.sampled_from("aabbc() .]-^$%\0\x80"), max_size=14)
_PLACES = st.one_of(st.none(), st.integers(-16, 16), st.sampled_from([2.5, -1.5, 1e300, "3", " 0x2 ", "x"]))


def _bytes(value: Any) -> Any:
    return value.encode("latin-1") if isinstance(value, str) else value


def _same(compared: Any, name: bytes, *arguments: Any) -> None:
    while arguments and arguments[-1] is None:
        arguments = arguments[:-1]
    ours, own = compared(name, *map(_bytes, arguments))
    assert ours == own


_many = settings(max_examples=250, deadline=None)


@_many
@given(subject=_SUBJECTS, pattern=_PATTERNS, place=_PLACES, plain=st.sampled_from([None, None, True]))
def test_find(compared: Any, subject: str, pattern: str, place: Any, plain: bool | None) -> None:
    _same(compared, b"find", subject, pattern, place, plain)


@_many
@given(subject=_SUBJECTS, pattern=_PATTERNS, place=_PLACES)
def test_match(compared: Any, subject: str, pattern: str, place: Any) -> None:
    _same(compared, b"match", subject, pattern, place)


@_many
@given(subject=_SUBJECTS, pattern=_PATTERNS)
def test_gmatch(compared: Any, subject: str, pattern: str) -> None:
    _same(compared, b"gmatch", subject, pattern)


@_many
@given(
    subject=_SUBJECTS,
    pattern=_PATTERNS,
    replacement=st.text(st.sampled_from("x%0129\0"), max_size=5),
    most=st.one_of(st.none(), st.integers(-1, 5), st.sampled_from([2**32 + 1, "2"])),
)
def test_gsub(compared: Any, subject: str, pattern: str, replacement: str, most: Any) -> None:
    _same(compared, b"gsub", subject, pattern, replacement, most)


@settings(max_examples=50, deadline=None)
@given(
    text=st.one_of(st.text(st.sampled_from("ab\0"), max_size=5), st.integers(0, 99)),
    times=st.one_of(st.integers(-2, 2000), st.sampled_from([2.9, "3", 2**32 + 2, "x", None])),
)
def test_rep(compared: Any, text: Any, times: Any) -> None:
    _same(compared, b"rep", text, times)


@pytest.mark.parametrize("name", [b"find", b"match", b"gmatch", b"gsub", b"rep"])
@pytest.mark.parametrize(
    "arguments", [(), ("a",), (None, "a"), ("a", None, 1), (True, "a"), ("a", "b", None, "c"), (12, 1)]
)
def test_arguments(compared: Any, name: bytes, arguments: Any) -> None:
    ours, own = compared(name, *map(_bytes, arguments))
    assert ours == own


@pytest.mark.parametrize(
    "pattern",
    ["(" * 33, "()" * 33, "a?" * 60, "a*" * 40 + "b", "%b()" * 30, "(.-)" * 32, "a" * 3000, "[ab]" * 500],
)
def test_large_patterns(compared: Any, pattern: str) -> None:
    _same(compared, b"find", "a" * 3, pattern)
    _same(compared, b"gsub", "aab(b)" * 3, pattern, "%1")
