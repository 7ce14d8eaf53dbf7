"""Whatever a script gives to the functions of its libraries: an answer comes, and none that says that we failed."""

from __future__ import annotations

import random

import pytest

from .cluster_without_sockets import Client, start

_VALUES = (
    """
nil;true;0;-1;1;2147483647;-2147483648;2147483648;4294967296;9007199254740992;1e300;-1e300;1/0;-1/0;0/0;0.5
'';'abc';'%';'a*';'x';'i';'[1]';string.rep('a', 1e4);{};{1,2,3};{a=1};KEYS;_G;string;redis;cjson.null
function(...) return ... end;function() error('e') end;coroutine.create(function() coroutine.yield(1) end)
""".replace("\n", ";")
    .strip(";")
    .split(";")
)
_FUNCTIONS = """
assert collectgarbage error gcinfo getmetatable ipairs load loadstring next pairs pcall rawequal rawget rawset select setmetatable
tonumber tostring type unpack xpcall string.byte string.char string.dump string.find string.format string.gmatch string.gsub
string.len string.lower string.match string.rep string.reverse string.sub string.upper table.concat table.foreach table.foreachi
table.getn table.insert table.maxn table.remove table.sort math.floor math.fmod math.ldexp math.max math.pow math.random
math.randomseed cjson.encode cjson.decode cjson.encode_max_depth cjson.encode_sparse_array cjson.encode_number_precision
cmsgpack.pack cmsgpack.unpack cmsgpack.unpack_one cmsgpack.unpack_limit struct.pack struct.unpack struct.size bit.tobit bit.band
bit.lshift bit.rol bit.bswap bit.tohex coroutine.create coroutine.resume coroutine.status coroutine.wrap redis.sha1hex
redis.error_reply redis.status_reply redis.setresp redis.set_repl redis.log redis.call redis.pcall redis.acl_check_cmd
""".split()


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.2"])
def test_strange_arguments(version: str, caplog: pytest.LogCaptureFixture) -> None:
    client = Client(start(version=version).shards[0].nodes[0])
    luck = random.Random(version)
    for function in _FUNCTIONS:
        for count in (0, 1, 1, 2, 2, 2, 3, 3, 4):
            arguments = ", ".join([function, *luck.choices(_VALUES, k=count)])
            answer = client(f'EVAL "return tostring(pcall({arguments}))" 1 k')
            assert answer in {b"$4\r\ntrue\r\n", b"$5\r\nfalse\r\n"}, arguments
    assert "internal error" not in caplog.text
