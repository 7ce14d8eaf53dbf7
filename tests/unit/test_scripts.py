"""Scripts and functions: their sandbox, what they may do for whom, and what becomes of it."""

from __future__ import annotations

from random import Random

import pytest

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.lua.scripting import script_hash
from localstack_memorydb.engine.memory import EMPTY
from localstack_memorydb.engine.resp import encode_request
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.snapshots import dump_shard, load_files, load_libraries
from localstack_memorydb.engine.spec import UserSpec
from localstack_memorydb.engine.users import compile_users

from .cluster_without_sockets import NOW, Client, start

OOM = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
REPLICA = b"-READONLY You can't write against a read only replica.\r\n"
COUNTER = (
    "#!lua name=counters\nredis.register_function('count', function(k) return redis.call('INCR', k[1]) end)"
)


@pytest.fixture
def cluster() -> Cluster:
    return start()


@pytest.fixture
def client(cluster: Cluster) -> Client:
    return Client(cluster.shards[0].nodes[0])


def run(
    client: Client, script: str, *keys: str, arguments: tuple[str, ...] = (), command: str = "EVAL"
) -> bytes:
    """The bytes of the reply to a script."""
    words = [command, script, str(len(keys)), *keys, *arguments]
    return client.session.receive(encode_request([word.encode() for word in words]), NOW)


# -- the sandbox --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", "python io package require module dofile loadfile debug print getfenv setfenv newproxy os".split()
)
def test_what_scripts_do_not_have(client: Client, name: str) -> None:
    expected = (
        b"-ERR user_script:1: Script attempted to access nonexistent global variable '%b'" % name.encode()
    )
    assert run(client, f"return {name}").startswith(expected)
    assert run(client, f"return rawget(_G, '{name}')") == b"$-1\r\n"


def test_nothing_of_python_is_within_reach(client: Client) -> None:
    """Every value that can be reached from the globals is a plain Lua one."""
    walk = """
    local seen, found = {}, {}
    local function visit(value, path)
      if type(value) == 'userdata' and value ~= cjson.null then found[#found + 1] = path end
      if type(value) ~= 'table' or seen[value] then return end
      seen[value] = true
      for key, inner in pairs(value) do visit(key, path) visit(inner, path .. '.' .. tostring(key)) end
      visit(getmetatable(value), path .. '()')
    end
    visit(_G, '_G') visit(getmetatable(''), 'string') visit(getmetatable(cjson.null), 'null')
    return found"""
    assert run(client, walk) == b"*0\r\n"


@pytest.mark.parametrize(
    "call",
    [
        "redis.call({})",
        "redis.call('nosuch')",
        "redis.call('INCR', 'a', 'b')",
        "redis.setresp(7)",
        "redis.acl_check_cmd('nosuch')",
        "cjson.decode('{')",
        "cjson.encode(print)",
        "cmsgpack.unpack('\\193')",
        "struct.pack('>I99', 1)",
        "bit.band({})",
        "math.random(0)",
        "redis.sha1hex()",
        "error(setmetatable({}, {__index = function() error('y') end}))",
    ],
)
def test_errors_are_plain_values_too(client: Client, call: str) -> None:
    script = f"local ok, problem = pcall(function() return {call} end) return {{tostring(ok), type(problem)}}"
    reply = run(client, script)
    assert reply in {b"*2\r\n$5\r\nfalse\r\n$6\r\nstring\r\n", b"*2\r\n$5\r\nfalse\r\n$5\r\ntable\r\n"} or (
        reply.startswith(b"-ERR user_script:1: y")
    )


def test_byte_code_is_not_loaded(client: Client) -> None:
    dumped = "local code = string.dump(function() return 1 end) "
    assert run(client, dumped + "return tostring(loadstring(code))") == b"$3\r\nnil\r\n"
    pieces = "local sent = false return tostring(load(function() if not sent then sent = true return code end end))"
    assert run(client, dumped + pieces) == b"$3\r\nnil\r\n"
    assert run(client, "\x1bLuaQ").startswith(
        b"-ERR Error compiling script (new function): user_script:1: unexpected"
    )


@pytest.mark.parametrize(
    "change",
    [
        "string.upper = nil",
        "redis.call = nil",
        "_G.redis = nil",
        "getmetatable('').__index = {}",
        "rawset(redis, 'call', nil)",
        "setmetatable(_G, {})",
        "table.insert(math, 1)",
        "getmetatable(_G).__index = nil",
        "cjson.null = 1",
        "KEYS = {}",
    ],
)
def test_what_one_script_changes_no_other_sees(client: Client, change: str) -> None:
    assert b"Attempt to modify a readonly table" in run(client, change)
    assert run(client, "return redis.call('SET', KEYS[1], ('x'):upper())", "k") == b"+OK\r\n"


@pytest.mark.parametrize(
    "hog",
    [
        "return #string.rep('x', 1e9)",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t[#t + 1] = string.rep('x', 1e7) .. #t end",
        "local t = {} for _, size in ipairs({1e7, 1e5, 1e3, 10, 1}) do "
        "pcall(function() while true do t[#t + 1] = string.rep('x', size) .. #t end end) end return redis.call('COMMAND')",
    ],
)
def test_memory_has_an_end(client: Client, hog: str) -> None:
    assert run(client, hog).startswith(b"-ERR not enough memory")
    assert run(client, "return 1") == b":1\r\n"


def test_values_too_large_for_lua(client: Client) -> None:
    assert run(client, "return #ARGV[1]", arguments=("x" * 2**20,)) == b":1048576\r\n"
    client.session.node.shard.keyspace.of(b"k").put(b"k", b"x" * (600 << 20))
    assert run(client, "return #redis.call('GET', KEYS[1])", "k").startswith(b"-ERR not enough memory")
    assert run(client, "return redis.call('STRLEN', KEYS[1])", "k") == b":629145600\r\n"


def test_a_returned_call_names_its_line(client: Client) -> None:
    assert b"on @user_script:3." in run(client, "local x = 1\n\nreturn redis.call('nosuch')")


# -- rights -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "command", "key"),
    [
        (
            "7.2",
            b"ERR ACL failure in script: User alice has no permissions to run the 'set' command script: ",
            b"ERR ACL failure in script: No permissions to access a key script: ",
        ),
        (
            "7.0",
            b"ERR The user executing the script can't run this command or subcommand script: ",
            b"ERR The user executing the script can't access at least one of the keys mentioned in the command "
            b"arguments script: ",
        ),
    ],
)
def test_a_script_may_do_what_its_user_may(version: str, command: bytes, key: bytes) -> None:
    cluster = start(version=version)
    cluster.set_users(
        compile_users(
            [
                UserSpec("default", "off", "no-password"),
                UserSpec("alice", "on ~a* +eval +get +acl|log", "no-password"),
            ],
            version,
        )
    )
    client = Client(cluster.shards[0].nodes[0])
    client("AUTH alice x")
    assert run(client, "return redis.call('GET', 'a')") == b"$-1\r\n"
    assert run(client, "return redis.call('SET', 'a', 1)")[1:].startswith(command)
    assert run(client, "return redis.call('GET', 'b')")[1:].startswith(key)
    assert b"$7\r\ncontext\r\n$3\r\nlua\r\n" in client("ACL LOG")
    allowed = "return {redis.acl_check_cmd('GET', 'a'), redis.acl_check_cmd('GET', 'b'), redis.acl_check_cmd('SET', 'a')}"
    assert run(client, allowed) == b"*3\r\n:1\r\n$-1\r\n$-1\r\n"


def test_keys_of_other_shards() -> None:
    cluster = start(shards=2)
    client = Client(cluster.shards[0].nodes[0])
    ours, theirs = (
        next(k for k in map(str, range(99)) if (key_slot(k.encode()) < 8192) is low) for low in (True, False)
    )
    assert run(client, f"return redis.call('SET', '{ours}', 1)") == b"+OK\r\n"
    assert run(client, f"return redis.call('SET', '{theirs}', 1)").startswith(
        b"-ERR Script attempted to access a non local key in a cluster node script: "
    )
    assert run(client, "return 1", theirs).startswith(b"-MOVED ")
    assert run(client, "return 1", ours, theirs).startswith(b"-CROSSSLOT ")


def test_replicas_run_what_does_not_write() -> None:
    cluster = start(replicas=1)
    primary, replica = (Client(node) for node in cluster.shards[0].nodes)
    primary("SET k v")
    read = "return redis.call('GET', KEYS[1])"
    assert run(replica, read, "k").startswith(b"-MOVED ")
    replica("READONLY")
    assert run(replica, read, "k") == b"$1\r\nv\r\n"
    assert run(replica, read, "k", command="EVAL_RO") == b"$1\r\nv\r\n"
    assert run(replica, "return redis.call('SET', KEYS[1], 1)", "k").startswith(
        b"-READONLY You can't write against a read only replica. script: "
    )
    assert replica("FUNCTION FLUSH") == REPLICA


def test_replicas_refuse_what_does_not_declare_that_it_does_not_write() -> None:
    """As they refuse any write: they know the primary of the keys, and without keys they can only say no."""
    primary, replica = (Client(node) for node in start(replicas=1).shards[0].nodes)
    primary("SET k v")
    primary.session.receive(encode_request([b"FUNCTION", b"LOAD", COUNTER.encode()]), NOW)
    replica("READONLY")
    assert run(replica, "#!lua\nreturn 1", "k").startswith(b"-MOVED ")
    assert run(replica, "#!lua\nreturn 1") == REPLICA
    assert run(replica, "#!lua\nreturn 1", command="EVAL_RO") == REPLICA
    assert run(replica, "#!lua flags=no-writes\nreturn 1", "k") == b":1\r\n"
    assert run(replica, "count", "k", command="FCALL").startswith(b"-MOVED ")
    assert run(replica, "count", command="FCALL_RO") == REPLICA
    assert replica("MULTI") == b"+OK\r\n"
    assert run(replica, "count", command="FCALL") == REPLICA
    assert replica("EXEC") == b"-EXECABORT Transaction discarded because of previous errors.\r\n"


def test_an_error_of_several_lines_is_counted_as_it_is_sent(client: Client) -> None:
    assert run(client, r"error(redis.error_reply('-ERR\r\n-ERR FAKE'))").startswith(b"-ERR  -ERR FAKE ")
    assert client("INFO errorstats").endswith(b"# Errorstats\r\nerrorstat_ERR:count=1\r\n\r\n")


# -- one transaction ----------------------------------------------------------------------------------------------------


def test_watchers_see_what_a_script_changed(cluster: Cluster, client: Client) -> None:
    other = Client(cluster.shards[0].nodes[0])
    for script, reply in (
        ("return redis.call('GET', KEYS[1])", b"*1\r\n+PONG\r\n"),
        ("return redis.call('SET', KEYS[1], 1)", b"*-1\r\n"),
        ("return redis.call('SPOP', '{k}none')", b"*1\r\n+PONG\r\n"),
    ):
        other("WATCH k")
        run(client, script, "k")
        other("MULTI")
        other("PING")
        assert other("EXEC") == reply


def test_waiting_clients_are_served_after_the_script(cluster: Cluster, client: Client) -> None:
    waiting = Client(cluster.shards[0].nodes[0])
    assert waiting("BLPOP list 0") == b""
    push = "redis.call('RPUSH', KEYS[1], 'a') redis.call('LPUSH', KEYS[1], 'b') return redis.call('LLEN', KEYS[1])"
    assert run(client, push, "list") == b":2\r\n"
    assert waiting.heard() == b"*2\r\n$4\r\nlist\r\n$1\r\nb\r\n"


def test_a_script_does_not_wait(client: Client) -> None:
    assert run(client, "return redis.call('BLPOP', KEYS[1], 0)", "list") == b"$-1\r\n"
    assert client.session.blocked is None


def test_what_came_before_an_error_stays(client: Client) -> None:
    assert run(client, "redis.call('SET', KEYS[1], 1) error('no')", "k").startswith(
        b"-ERR user_script:1: no script: "
    )
    assert client("GET k") == b"$1\r\n1\r\n"


def test_memory_of_the_node_is_short() -> None:
    """Judged once, before the script: what it has begun to write it may finish."""
    client = Client(next(start(maxmemory=EMPTY + 20_000).nodes()))
    while client(f"RPUSH list {'x' * 1000}") != OOM:
        pass
    assert run(client, "return redis.call('RPUSH', KEYS[1], 'x')", "list").startswith(OOM[:-2] + b" script: ")
    assert run(client, "return redis.call('LLEN', KEYS[1])", "list").startswith(b":")
    finish = "redis.call('LPOP', KEYS[1]) return redis.call('RPUSH', KEYS[1], 'x')"
    assert run(client, finish, "list").startswith(b":")
    while client(f"RPUSH list {'x' * 1000}") != OOM:
        pass
    assert run(client, "#!lua\nreturn 1") == OOM
    assert run(client, "#!lua flags=no-writes\nreturn 1") == b":1\r\n"
    allowed = "#!lua flags=allow-oom\nreturn redis.call('RPUSH', KEYS[1], 'x')"
    assert run(client, allowed, "list").startswith(b":")


# -- functions ----------------------------------------------------------------------------------------------------------


def test_libraries_travel_in_snapshots(cluster: Cluster, client: Client) -> None:
    assert run(client, COUNTER.replace("\n", " ")).startswith(b"-ERR")
    client.session.receive(encode_request([b"FUNCTION", b"LOAD", COUNTER.encode()]), NOW)
    client("SET k 41")
    snapshot = dump_shard(cluster.shards[0], NOW)
    restored = start(shards=2)
    keyspace, libraries = load_files(restored, [snapshot.data], NOW)
    load_libraries(restored, libraries)
    assert keyspace.of(b"k")[b"k"] == b"41"
    for shard in restored.shards:
        assert list(shard.scripting.functions) == [b"count"]


def test_a_new_shard_has_the_functions_of_the_others(cluster: Cluster, client: Client) -> None:
    client.session.receive(encode_request([b"FUNCTION", b"LOAD", COUNTER.encode()]), NOW)
    new = Client(cluster.add_shard(1, NOW).nodes[0])
    assert b"counters" in new("FUNCTION LIST")


def test_new_nodes_know_functions_and_no_scripts(cluster: Cluster, client: Client) -> None:
    client.session.receive(encode_request([b"FUNCTION", b"LOAD", COUNTER.encode()]), NOW)
    sha = client('SCRIPT LOAD "return 1"').split(b"\r\n")[1]
    cluster.renew(cluster.spec, cluster.users, NOW)
    again = Client(cluster.shards[0].nodes[0])
    assert again("FCALL count 1 k") == b":1\r\n"
    assert again(b"EVALSHA " + sha + b" 0") == b"-NOSCRIPT No matching script. Please use EVAL.\r\n"


def test_a_broken_payload_changes_nothing(cluster: Cluster, client: Client) -> None:
    client.session.receive(encode_request([b"FUNCTION", b"LOAD", COUNTER.encode()]), NOW)
    reply = client.session.receive(encode_request([b"FUNCTION", b"DUMP"]), NOW)
    payload = reply.partition(b"\r\n")[2][:-2]
    restore = [b"FUNCTION", b"RESTORE", payload]
    assert client.session.receive(encode_request(restore), NOW) == b"-ERR Library counters already exists\r\n"
    broken = [b"FUNCTION", b"RESTORE", payload[:-1] + b"?", b"FLUSH"]
    assert b"checksum are wrong" in client.session.receive(encode_request(broken), NOW)
    assert client("FCALL count 1 k") == b":1\r\n"
    assert client.session.receive(encode_request([*restore, b"REPLACE"]), NOW) == b"+OK\r\n"


# -- 6.2 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "reply"),
    [
        ("return redis.call('nosuch')", "@user_script: 1: Unknown Redis command called from Lua script"),
        (
            "return redis.call('INCR', 'a', 'b')",
            "@user_script: 1: Wrong number of args calling Redis command From Lua script",
        ),
        ("return foo", "user_script:1: Script attempted to access nonexistent global variable 'foo'"),
        ("foo = 1", "user_script:1: Attempt to modify a readonly table"),
        (
            "return redis.call('LPOP', KEYS[1])",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
    ],
)
def test_errors_of_6_2(script: str, reply: str) -> None:
    client = Client(start(version="6.2").shards[0].nodes[0])
    client("SET k v")
    answer = run(client, script, "k").decode()
    assert answer.startswith("-ERR Error running script (call to f_")
    assert answer.endswith(f"): @user_script:1: {reply}\r\n")
    assert run(client, "#!lua\nreturn 1").startswith(b"-ERR Error compiling script")
    assert client("FUNCTION LIST").startswith(b"-ERR unknown command `FUNCTION`")


def _bits(name: str, one: int, other: int) -> int:
    """What the library `bit` makes of two numbers."""
    a, b = one & 0xFFFFFFFF, other & 0xFFFFFFFF
    found = {"band": a & b, "bor": a | b, "bxor": a ^ b, "lshift": a << (b & 31), "rshift": a >> (b & 31)}[
        name
    ]
    found &= 0xFFFFFFFF
    return found - (1 << 32) if found >> 31 else found


@pytest.mark.parametrize("name", ["band", "bor", "bxor", "lshift", "rshift"])
def test_bits_of_any_two_whole_numbers(client: Client, name: str) -> None:
    luck = Random(5)
    ends = [-(2**31), -1, 0, 1, 31, 32, 255, 256, 2**31 - 1, 2**31, 2**32 - 1]
    pairs = [(one, other) for one in ends for other in ends]
    pairs += [(luck.randrange(-(2**31), 2**32), luck.randrange(-(2**31), 2**32)) for _ in range(200)]
    listed = ",".join(f"{{{one},{other}}}" for one, other in pairs)
    found = run(
        client,
        f"local t = {{}} for _, p in ipairs({{{listed}}}) do t[#t + 1] = bit.{name}(p[1], p[2]) end return t",
    )
    assert [int(line[1:]) for line in found.splitlines()[1:]] == [_bits(name, *pair) for pair in pairs]


def test_random_numbers_of_6_2_differ_when_effects_are_replicated() -> None:
    client = Client(start(version="6.2").shards[0].nodes[0])
    once = 'EVAL "return math.random(1000000)" 0'
    assert client(once) == client(once)
    each = 'EVAL "redis.replicate_commands() return math.random(1000000)" 0'
    assert client(each) != client(each)
    assert client(once) == client(once)


def test_one_long_string_many_times_is_not_enough_memory(client: Client) -> None:
    client(f"SETRANGE k {10_000_000} x")
    many = "local v, t = redis.call('GET', KEYS[1]), {} for i = 1, 100000 do t[i] = v end return t"
    assert run(client, many, "k").startswith(b"-ERR not enough memory")
    few = "local v = redis.call('GET', KEYS[1]) return {v, v}"
    assert run(client, few, "k").startswith(b"*2\r\n$10000001\r\n")


@pytest.fixture
def little_room(cluster: Cluster) -> int:
    """Scripts and libraries have room for that many bytes."""
    cluster.shards[0].primary.scripts.room = cluster.shards[0].scripting.room = 20_000
    return 20_000


def known(client: Client, scripts: list[str]) -> list[int]:
    hashes = [script_hash(script.encode()) for script in scripts]
    return [int(line) for line in client(b"SCRIPT EXISTS " + b" ".join(hashes)).split(b":")[1:]]


def say(client: Client, *words: str) -> bytes:
    return client.session.receive(encode_request([word.encode() for word in words]), NOW)


def test_of_scripts_that_came_by_eval_the_oldest_are_forgotten(client: Client, little_room: int) -> None:
    scripts = [f"return {number}" for number in range(30)]
    say(client, "SCRIPT", "LOAD", scripts[1])
    for number, script in enumerate(scripts):
        assert run(client, script) == b":%d\r\n" % number
    assert known(client, scripts) == [0, 1] + [0] * 16 + [1] * 12
    assert run(client, scripts[0]) == b":0\r\n"
    assert known(client, [scripts[0], scripts[1], scripts[18]]) == [1, 1, 0]


def test_scripts_that_were_loaded_are_not_forgotten(client: Client, little_room: int) -> None:
    scripts = [f"return {number}" for number in range(20)]
    answers = [say(client, "SCRIPT", "LOAD", script) for script in scripts]
    assert answers[-1] == b"-ERR Error compiling script (new function): not enough memory\r\n"
    assert known(client, scripts) == [1] * 13 + [0] * 7
    client("SCRIPT FLUSH")
    assert run(client, scripts[-1]) == b":19\r\n"


def test_all_libraries_together_have_a_limit(client: Client, little_room: int) -> None:
    function = "#!lua name=l{0}\nredis.register_function('f{0}', function() return 1 end) --" + "x" * 5000
    answers = [say(client, "FUNCTION", "LOAD", function.format(number)) for number in range(4)]
    assert answers == [
        b"$2\r\nl0\r\n",
        b"$2\r\nl1\r\n",
        b"$2\r\nl2\r\n",
        b"-ERR Error registering functions: ERR not enough memory\r\n",
    ]
    assert client("FCALL f2 0") == b":1\r\n"
    client("FUNCTION DELETE l0")
    assert say(client, "FUNCTION", "LOAD", function.format(3)) == b"$2\r\nl3\r\n"
