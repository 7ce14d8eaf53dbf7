"""Scripts that run too long: others are told, may end them, and see nothing of them before they are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from localstack_memorydb.engine.cluster import Cluster

from .cluster_without_sockets import NOW, Client, start

FOREVER = 'EVAL "while true do end" 0'
KILLED = b"-ERR Script killed by user with SCRIPT KILL. script: "
MANY = 100_000  # more often no script here gives way
LOOP = 'EVAL "for i = 1, 200000 do end return 1" 0'
BUSY = b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n"


class Clock:
    """Every look at it takes that many seconds."""

    def __init__(self, step: float) -> None:
        self.step = step
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += self.step
        return self.seconds


@pytest.fixture
def clients() -> Iterator[tuple[Client, Client, Callable[[], None]]]:
    """One that runs scripts, one that watches, and the timer of their cluster."""
    cluster = start()
    cluster.clock = Clock(10.0)
    node = cluster.shards[0].nodes[0]
    yield Client(node), Client(node), lambda: cluster.tick(NOW)
    cluster.shards[0].scripting.pace.stop()


def to_its_end(runs: Client, line: str, tick: Callable[[], None]) -> bytes:
    """What the client is told when a script is done. How often it gives way depends on the machine: it looks more often when a
    look came late."""
    said = runs(line)
    for _ in range(MANY):
        if said:
            break
        tick()
        said = runs.heard()
    return said


def test_others_are_told_and_may_end_it(clients: tuple[Client, Client, Callable[[], None]]) -> None:
    runs, other, tick = clients
    assert runs(FOREVER) == b""
    assert other("GET k") == BUSY
    assert other("PING") == BUSY
    assert other("FUNCTION KILL") == BUSY
    assert other("SCRIPT KILL") == b"+OK\r\n"
    tick()
    assert runs.heard().startswith(KILLED)
    assert other("PING") == b"+PONG\r\n"
    assert other("SCRIPT KILL") == b"-NOTBUSY No scripts in execution right now.\r\n"


def test_it_may_end_by_itself(clients: tuple[Client, Client, Callable[[], None]]) -> None:
    runs, other, tick = clients
    script = "local x = 0 for i = 1, 1000000 do x = x + 1 end redis.call('SET', KEYS[1], x) return x"
    assert runs(f'EVAL "{script}" 1 k') == b""
    assert runs("GET k") == b""
    for _ in range(MANY):
        assert other("GET k") == BUSY
        tick()
        if runs.said:
            break
    assert runs.heard() == b":1000000\r\n$7\r\n1000000\r\n"
    assert other("GET k") == b"$7\r\n1000000\r\n"


@pytest.mark.parametrize("watched", [False, True])
def test_who_waits_is_served_when_it_is_done(
    clients: tuple[Client, Client, Callable[[], None]], watched: bool
) -> None:
    """Not by what the script reads meanwhile, nor when it gives way, nor by those who may do something beside it."""
    runs, other, tick = clients
    if watched:
        Client(runs.session.node)("MONITOR")
    waits = Client(runs.session.node)
    waits("BLPOP k 0")
    rest = "for i = 1, 1000000 do end redis.call('LPUSH', KEYS[1], 'second')"
    assert (
        runs(f"EVAL \"redis.call('LPUSH', KEYS[1], 'first') redis.call('COMMAND', 'COUNT') {rest}\" 1 k")
        == b""
    )
    for _ in range(MANY):
        assert b"SPIN" not in other("HELLO 2 SETNAME beside")
        assert not waits.said
        tick()
        if runs.said:
            break
    assert waits.heard() == b"*2\r\n$1\r\nk\r\n$6\r\nsecond\r\n"


def test_what_it_wrote_keeps_it_alive(clients: tuple[Client, Client, Callable[[], None]]) -> None:
    runs, other, tick = clients
    runs("EVAL \"redis.call('SET', KEYS[1], 'half') while true do end\" 1 k")
    tick()
    assert other("SCRIPT KILL").startswith(b"-UNKILLABLE Sorry the script already executed write commands")
    assert other("GET k") == BUSY


def test_a_script_cannot_catch_its_end(clients: tuple[Client, Client, Callable[[], None]]) -> None:
    runs, other, tick = clients
    body = "while true do pcall(function() while true do end end) end"
    runs(f'EVAL "{body}" 0')
    other("SCRIPT KILL")
    tick()
    assert runs.heard().startswith(KILLED)
    assert runs('EVAL "return 1" 0') == b":1\r\n"


@pytest.mark.parametrize(
    "body",
    [
        "return string.rep('a', 30000):find(string.rep('.-', 6) .. 'b')",
        "return string.rep('a', 30000):match('^' .. string.rep('(a*)', 6) .. 'b')",
        "for w in string.rep('a', 30000):gmatch('.-.-.-.-b') do end",
        "return string.rep('a', 30000):gsub('a*a*a*a*b', function() end)",
        "return string.rep('(', 30000):gsub('%b().-.-a', '')",
        "return string.find(string.rep('a', 10000000), string.rep('a', 1000000) .. 'b', 1, true)",
        "local s = string.rep('a', 1000000) while true do local x = s:upper() end",
        "while true do local x = string.rep('a', 10000000) end",
        "local t = {} for i = 1, 20 do t = {t, t, t} end return cjson.encode(t)",
        "local s = string.rep('x', 10000000) while true do local x = struct.pack(s) end",
        "local a, b = string.rep('a', 1000000) .. 1, string.rep('a', 1000000) .. 2 while true do local x = a < b end",
    ],
)
def test_a_single_call_may_be_ended(clients: tuple[Client, Client, Callable[[], None]], body: str) -> None:
    runs, other, tick = clients
    assert runs(f'EVAL "{body}" 0') == b""
    assert other("PING") == BUSY
    assert other("SCRIPT KILL") == b"+OK\r\n"
    tick()
    assert runs.heard().startswith(KILLED)
    assert runs('EVAL "return 1" 0') == b":1\r\n"


def test_nor_in_a_coroutine(clients: tuple[Client, Client, Callable[[], None]]) -> None:
    runs, other, tick = clients
    body = "while true do coroutine.resume(coroutine.create(function() while true do end end)) end"
    runs(f'EVAL "{body}" 0')
    other("SCRIPT KILL")
    tick()
    assert runs.heard().startswith(KILLED)


def test_a_client_that_leaves(clients: tuple[Client, Client, Callable[[], None]]) -> None:
    runs, other, tick = clients
    runs(FOREVER)
    runs.session.disconnect()
    assert other("GET k") == BUSY
    other("SCRIPT KILL")
    tick()
    assert other("GET k") == b"$-1\r\n"


def test_a_function_is_shown_and_ended(clients: tuple[Client, Client, Callable[[], None]]) -> None:
    runs, other, tick = clients
    code = "#!lua name=lib\\nredis.register_function('spin', function() while true do end end)"
    assert runs(f'FUNCTION LOAD "{code}"') == b"$3\r\nlib\r\n"
    runs("FCALL spin 0")
    assert b"$4\r\nname\r\n$4\r\nspin\r\n$7\r\ncommand\r\n*3\r\n" in other("FUNCTION STATS")
    assert b"You can only call FUNCTION KILL" in other("SCRIPT KILL")
    assert other("FUNCTION KILL") == b"+OK\r\n"
    tick()
    assert runs.heard().startswith(b"-ERR Script killed by user with FUNCTION KILL. script: spin, on")


@pytest.mark.parametrize("version", ["6.2", "7.0", "7.2"])
def test_the_next_long_script_is_not_ended_with_it(version: str) -> None:
    cluster = start(version=version)
    cluster.clock = Clock(10.0)
    node = cluster.shards[0].nodes[0]
    runs, other = Client(node), Client(node)
    for _ in range(3):
        assert runs(FOREVER) == b""
        assert other("SCRIPT KILL") == b"+OK\r\n"
        cluster.tick(NOW)
        assert b"Script killed by user with SCRIPT KILL." in runs.heard()
        cluster.clock = Clock(0.0)
        assert runs('EVAL "local x = 0 for i = 1, 500000 do x = x + 1 end return x" 0') == b":500000\r\n"
        cluster.clock = Clock(10.0)


def test_a_script_is_compiled_long_after_another_ran(
    clients: tuple[Client, Client, Callable[[], None]],
) -> None:
    runs, other, tick = clients
    line = "EVAL \"for i = 1, 200000 do end return redis.call('GET', KEYS[1])\" 1 k"
    assert to_its_end(runs, line, tick) == b"$-1\r\n"
    for number in range(2000):
        assert other(f'SCRIPT LOAD "return {number}"').startswith(b"$40")


def test_scripts_are_forgotten_long_after_one_ran(clients: tuple[Client, Client, Callable[[], None]]) -> None:
    runs, other, tick = clients
    assert to_its_end(runs, LOOP, tick) == b":1\r\n"
    for _ in range(5000):
        assert other("SCRIPT FLUSH") == b"+OK\r\n"
    assert to_its_end(runs, LOOP, tick) == b":1\r\n"


UNKILLABLE = "EVAL \"redis.call('SET', KEYS[1], 'half') while true do end\" 1 k"
UNBLOCKED = (
    b"-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n"
)


@pytest.fixture
def replicated() -> Iterator[Cluster]:
    cluster = start(replicas=1)
    cluster.clock = Clock(10.0)
    yield cluster
    cluster.shards[0].scripting.pace.stop()


def test_a_failover_frees_the_shard_of_a_script_that_nobody_may_end(replicated: Cluster) -> None:
    shard = replicated.shards[0]
    runs, other = Client(shard.nodes[0]), Client(shard.nodes[1])
    runs(UNKILLABLE)
    assert other("SCRIPT KILL").startswith(b"-UNKILLABLE")
    replicated.failover(shard)
    assert runs.heard() == UNBLOCKED
    assert other("GET k") == b"$4\r\nhalf\r\n"
    assert runs("PING") == b"+PONG\r\n"


def test_a_script_on_another_node_survives_a_replica_that_goes(replicated: Cluster) -> None:
    shard = replicated.shards[0]
    runs, other = Client(shard.nodes[0]), Client(shard.nodes[0])
    runs(UNKILLABLE)
    replicated.set_replicas(0, NOW)
    assert runs.heard() == b""
    assert other("GET k") == BUSY


def test_a_script_ends_with_the_replica_that_it_runs_on(replicated: Cluster) -> None:
    shard = replicated.shards[0]
    runs, other = Client(shard.nodes[1]), Client(shard.nodes[0])
    runs("READONLY")
    runs('EVAL_RO "while true do end" 1 k')
    assert other("GET k") == BUSY
    replicated.set_replicas(0, NOW)
    assert other("GET k") == b"$-1\r\n"


def test_slots_do_not_leave_while_a_script_uses_them() -> None:
    cluster = start()
    cluster.clock = Clock(10.0)
    node = cluster.shards[0].nodes[0]
    runs, other = Client(node), Client(node)
    runs(UNKILLABLE)
    cluster.add_shard(1, NOW)
    cluster.spread(2)
    assert runs.heard().startswith(KILLED)
    assert other("GET k") == b"$4\r\nhalf\r\n"
