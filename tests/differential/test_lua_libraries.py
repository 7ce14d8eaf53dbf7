"""The libraries that scripts have, with random values, against real servers: the same results and the same errors."""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .conftest import Servers
from .witness import ask

# Lua tables have no order that versions agree on, so what is compared is a text with sorted keys.
SHOW = """
local function show(v)
  if v == cjson.null then return 'null' end
  if type(v) == 'number' then return string.format('%.17g', v) end
  if type(v) == 'string' then return string.format('%q', v) end
  if type(v) ~= 'table' then return tostring(v) end
  local parts = {}
  for key, value in pairs(v) do parts[#parts + 1] = '[' .. show(key) .. ']=' .. show(value) end
  table.sort(parts)
  return '{' .. table.concat(parts, ',') .. '}'
end
local function all(...)
  local parts = {}
  for at = 1, select('#', ...) do parts[at] = show((select(at, ...))) end
  return table.concat(parts, ' ')
end
"""
NUMBERS = "local n = {} for at = 2, #ARGV do n[at - 1] = tonumber(ARGV[at]) or ARGV[at] end "


class Both:
    """A real server and ours, asked the same."""

    def __init__(self, servers: Servers, kind: str) -> None:
        addresses = (servers.witness(kind), servers.engine(kind))
        self.connections = [
            socket.create_connection((each.host, each.port), timeout=60) for each in addresses
        ]

    def ask(self, script: str, *arguments: bytes) -> list[bytes]:
        """What the real server answers, and ours."""
        return [ask(each, b"EVAL", script.encode(), b"0", *arguments) for each in self.connections]

    def agree(self, script: str, *arguments: bytes) -> None:
        """Both answer the same bytes."""
        real, ours = self.ask(script, *arguments)
        assert ours == real, (script, arguments)

    def close(self) -> None:
        for each in self.connections:
            each.close()


@pytest.fixture(scope="module", params=["valkey", "redis"])
def both(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Both]:
    pair = Both(servers, request.param)
    yield pair
    pair.close()


def repeatedly(function: Any) -> Any:
    """Some hundred examples; the servers keep nothing from one to the next."""
    return settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))(function)


texts = st.binary(max_size=12) | st.sampled_from(
    [b"", b"\0", b"\x7f", b'"\\/', b"\r\n\t\b\f", "é€😀".encode()]
)
doubles = (
    st.floats() | st.integers(-(2**70), 2**70).map(float) | st.sampled_from([0.0, -0.0, 0.1, 1e15, 2.0**53])
)
words = st.sampled_from(
    '{ } [ ] , : " \\ true false null nul 1 -1 0 012 0x1F 0x 1.5 1. .5 -.5 1e5 1e+ 1e400 -0 + +1 - inf -inf '
    'Infinity nan NaN -nan "a" "b" "\\u0041" "\\ud83d\\ude00" "\\ud83d" "\\udc00" "\\x" "\\u12" \0 x'.split(
        " "
    )
)


@repeatedly
@given(st.lists(words | st.sampled_from([" ", "\n", ","]), max_size=12).map("".join))
@example('{"a":1,"a":2}')
@example("[1,2,[3,{}],{}]")
@example("[0x.5, 0x5., -0x.8p1, 1.e5]")
@example("[0x.]")
def test_broken_json(both: Both, text: str) -> None:
    both.agree(SHOW + "local ok, v = pcall(cjson.decode, ARGV[1]) return show(ok) .. show(v)", text.encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@repeatedly
@given(json_values, st.booleans())
def test_json(both: Both, value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    both.agree(SHOW + "return show(cjson.decode(ARGV[1]))", text)


@repeatedly
@given(st.lists(doubles, max_size=4), texts, st.integers(1, 14))
def test_json_of_numbers_and_texts(both: Both, numbers: list[float], text: bytes, precision: int) -> None:
    script = (
        NUMBERS + f"cjson.encode_number_precision({precision}) "
        "local ok, made = pcall(cjson.encode, {n, {[n[1] == n[1] and n[1] or 'none'] = ARGV[1]}, {{}}}) "
        "cjson.encode_number_precision(14) return {tostring(ok), made}"
    )
    both.agree(script, text, *(b"%.17g" % each for each in numbers))


@repeatedly
@given(st.lists(st.integers(-3, 40) | st.sampled_from([0.5, 100]), max_size=5, unique=True), st.booleans())
def test_sparse_arrays(both: Both, keys: list[float], convert: bool) -> None:
    fields = ",".join(f"[{key}]=1" for key in keys[:1])
    sparse = ",".join(f"[{int(key)}]=1" for key in keys if key >= 1)
    script = (
        f"cjson.encode_sparse_array({str(convert).lower()}, 2, 10) local a = {{pcall(cjson.encode, {{{fields}}})}} "
        f"local b = {{pcall(cjson.encode, {{{sparse}}})}} cjson.encode_sparse_array(false, 2, 10) "
        "return {tostring(a[1]), a[2], tostring(b[1]), #tostring(b[2])}"
    )
    both.agree(script)


packed = st.binary(max_size=24) | st.lists(
    st.sampled_from(
        [0xC0, 0xC3, 0xCA, 0xCB, 0xCC, 0xCF, 0xD0, 0xD3, 0xD9, 0xDA, 0xDC, 0xDE, 0x82, 0x92, 0xA2, 1]
    ),
    max_size=12,
).map(bytes)


@repeatedly
@given(packed, st.integers(-1, 4), st.integers(-1, 26))
def test_message_pack_of_anything(both: Both, data: bytes, limit: int, offset: int) -> None:
    both.agree(SHOW + "return all(pcall(cmsgpack.unpack, ARGV[1]))", data)
    both.agree(SHOW + f"return all(pcall(cmsgpack.unpack_limit, ARGV[1], {limit}, {offset}))", data)
    both.agree(SHOW + f"return all(pcall(cmsgpack.unpack_one, ARGV[1], {offset}))", data)


@repeatedly
@given(st.lists(doubles, max_size=20), texts)
def test_message_pack_of_values(both: Both, numbers: list[float], text: bytes) -> None:
    script = NUMBERS + "return cmsgpack.pack(n, ARGV[1], {[ARGV[1]] = n}, true, nil, {{}}, unpack(n))"
    both.agree(script, text, *(b"%.17g" % each for each in numbers))
    both.agree("return cmsgpack.pack(string.rep(ARGV[1], 300))", text)


formats = st.lists(
    st.sampled_from(
        [*"<>! bBhHlLTfdxiIs", "!1", "!4", "!16", "c0", "c3", "i3", "I8", "I9", "i16", "I32", "z", "!3"]
    ),
    max_size=6,
).map("".join)


@repeatedly
@given(formats, st.lists(doubles.map(lambda each: b"%.17g" % each) | texts, max_size=6))
def test_packing_structures(both: Both, layout: str, values: list[bytes]) -> None:
    script = SHOW + NUMBERS + "return all(pcall(struct.pack, ARGV[1], unpack(n)))"
    both.agree(script, layout.encode(), *values)


@repeatedly
@given(formats, st.binary(max_size=40), st.integers(-1, 12))
def test_unpacking_structures(both: Both, layout: str, data: bytes, position: int) -> None:
    both.agree(
        SHOW + f"return all(pcall(struct.unpack, ARGV[1], ARGV[2], {position}))", layout.encode(), data
    )
    both.agree(SHOW + "return all(pcall(struct.size, ARGV[1]))", layout.encode())


OPERATIONS = "tobit bnot band bor bxor lshift rshift arshift rol ror bswap tohex".split()


@repeatedly
@given(st.sampled_from(OPERATIONS), st.lists(doubles | st.integers(-(2**33), 2**33), max_size=3))
def test_bits(both: Both, operation: str, numbers: list[float]) -> None:
    finite = [b"%.17g" % each for each in numbers if abs(each) < 2.0**50]
    both.agree(SHOW + NUMBERS + f"return all(pcall(bit.{operation}, unpack(n)))", b"", *finite)


@repeatedly
@given(doubles)
def test_numbers_as_arguments(both: Both, number: float) -> None:
    """The same number, in the same form. Of 17 digits Valkey does not always take those that lie nearest (Grisu2)."""
    if number == number and (number or str(number) == "0.0"):  # lupa hands -0 over as the integer 0
        real, ours = both.ask("return redis.call('ECHO', tonumber(ARGV[1]))", b"%.17g" % number)
        assert float(ours.split(b"\r\n")[1]) == float(real.split(b"\r\n")[1])
        assert re.sub(rb"[0-9]+", b"", ours) == re.sub(rb"[0-9]+", b"", real)


@pytest.mark.parametrize("number", ["2^32+5", "2^53", "1e16", "1e300", "-2^32+3", "2^31", "-1/0", "2^63"])
@pytest.mark.parametrize("setting", ["max_depth({})", "sparse_array(true,{},{})", "number_precision({})"])
def test_settings_of_json_are_ints(both: Both, setting: str, number: str) -> None:
    call = f"cjson.encode_{setting.replace('{}', number)}"
    both.agree(
        SHOW
        + f"local was={{cjson.encode_max_depth(), cjson.encode_number_precision()}} local said=all(pcall(function() return {call} end)) "
        "cjson.encode_max_depth(was[1]) cjson.encode_number_precision(was[2]) return said"
    )


@pytest.mark.parametrize(
    "function",
    ["redis.call", "string.rep", "string.gmatch('a','b')", "coroutine.wrap(function() end)", "all"],
)
def test_what_a_coroutine_may_run(both: Both, function: str) -> None:
    both.agree(SHOW + f"local ok, problem = pcall(coroutine.wrap, {function}) return ok or problem")


@pytest.mark.parametrize("raised", ["'a\\0b'", "{err='x\\0y'}"])
def test_an_error_ends_where_c_takes_it_to_end(both: Both, raised: str) -> None:
    if raised.startswith("{"):  # ends Redis 7.0
        raised = f"(function() local e=redis.pcall('get') e.err={raised[5:-1]} return e end)()"
    real, ours = (reply.partition(b" script: ")[0] for reply in both.ask(f"error({raised})"))
    assert ours == real


lua_values = st.recursive(
    st.sampled_from(
        ["nil", "true", "false", "'x'", "1.9", "-3", "{ok='fine'}", "{err='ERR bad'}", "{double=1.5}"]
    )
    | st.sampled_from(
        ["{big_number='1'}", "{verbatim_string={format='txt',string='v'}}", "print", "cjson.null"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: "{" + ",".join(items) + "}")
        | inner.map(lambda item: "{map={a=" + item + "}}")
        | st.just("{set={a=true}}")
    ),
    max_leaves=8,
)


@repeatedly
@given(lua_values, st.sampled_from([2, 3]), st.sampled_from([2, 3]))
def test_replies(both: Both, value: str, client: int, script: int) -> None:
    value = value.replace("print", "tostring")
    for each in both.connections:
        ask(each, b"HELLO", b"%d" % client)
    both.agree(f"redis.setresp({script}) return {value}")
    for each in both.connections:
        ask(each, b"HELLO", b"2")


@repeatedly
@given(st.integers(-(2**40), 2**40), st.integers(-5, 100), st.integers(1, 2**33))
def test_luck(both: Both, seed: int, least: int, most: int) -> None:
    script = (
        SHOW + f"math.randomseed({seed}) return all(math.random(), pcall(math.random, {most})) .. "
        f"all(pcall(math.random, {least}, 50))"
    )
    both.agree(script)


def test_struct_of_the_standard_library_agrees() -> None:
    """What `l` and `T` are on 64-bit machines, where MemoryDB's nodes run."""
    assert struct.calcsize("l") == struct.calcsize("N") == 8
