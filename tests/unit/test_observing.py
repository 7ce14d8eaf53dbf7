"""SLOWLOG, INFO's figures, MONITOR and LATENCY on a clock that the test holds."""

from __future__ import annotations

import re

import pytest

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.registry import GATE_TIMED
from localstack_memorydb.engine.resp import encode_request
from localstack_memorydb.engine.spec import UserSpec
from localstack_memorydb.engine.stats import SUSPECTED
from localstack_memorydb.engine.users import compile_users
from tests.unit.cluster_without_sockets import NOW, Client, start


class Clock:
    """Goes on by `step` seconds each time that it is looked at."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 100.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def running(step: float = 0.0, **parameters: str) -> tuple[Cluster, Client]:
    """A cluster in which everything takes that many seconds, and a client."""
    cluster = start(**parameters)
    cluster.clock = Clock(step)
    return cluster, Client(cluster.shards[0].primary)


def field(client: Client, section: str, name: str) -> str:
    """A field of INFO, or nothing."""
    lines = client(f"INFO {section}").decode().splitlines()
    return next((line.partition(":")[2] for line in lines if line.startswith(f"{name}:")), "")


@pytest.mark.parametrize("line", ["GET a", "MGET a b", "EVAL 'return 1' 0"])
def test_slow_commands_are_logged(line: str) -> None:
    cluster, client = running(0.02)
    client(line)
    cluster.clock = Clock(0)
    assert client("SLOWLOG LEN") == b":1\r\n"
    words = client("SLOWLOG GET").split(b"\r\n")
    assert words[:5] == [b"*1", b"*6", b":0", b":%d" % (NOW // 1000), b":20000"]
    assert line.split()[0].encode() in words


@pytest.mark.parametrize(("version", "who"), [("6.2", b"?:0"), ("7.0", b"?:0"), ("7.2", b"127.0.0.1:50000")])
def test_what_scripts_call_is_logged(version: str, who: bytes) -> None:
    _, client = running(0.001, version=version, slowlog_log_slower_than="0")
    client("SLOWLOG RESET")
    client("EVAL \"redis.call('set', KEYS[1], 1) return redis.call('get', KEYS[1])\" 1 a")
    words = client("SLOWLOG GET").split(b"\r\n")
    assert [word for word in words if word in {b"EVAL", b"set", b"get", b"RESET"}] == [
        b"EVAL",
        b"get",
        b"set",
        b"RESET",
    ]
    assert words[words.index(b"get") + 4] == who


def shown(client: Client, number: int = 1) -> dict[str, str]:
    """What CLIENT LIST shows of the client of that number."""
    line = next(line for line in client("CLIENT LIST").decode().splitlines() if f"id={number} " in line)
    return dict(word.split("=", 1) for word in line.split())


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("OBJECT ENCODING a", "object|encoding"),
        ("OBJECT FOO", "NULL"),
        ("FOO", "NULL"),
        ("GET", "get"),
        ("OBJECT ENCODING", "object|encoding"),
    ],
)
def test_the_last_command_is_shown_though_it_was_refused(line: str, command: str) -> None:
    cluster, client = running()
    client("PING")
    client(line)
    other = Client(cluster.shards[0].primary)
    assert shown(other, client.session.number)["cmd"] == command


def test_a_transaction_is_shown_while_it_runs() -> None:
    _, client = running()
    client("MULTI")
    client("CLIENT LIST")
    client("PING")
    line = client("EXEC").decode()
    assert " flags=x " in line
    assert " multi=2 " in line
    assert shown(client, client.session.number)["multi"] == "-1"


def test_fast_commands_are_not_logged() -> None:
    _, client = running(0.001)
    client("GET a")
    client("MGET a b")
    assert client("SLOWLOG LEN") == b":0\r\n"


def test_the_threshold_is_a_parameter() -> None:
    _, client = running(0.001, slowlog_log_slower_than="500")
    client("GET a")
    assert client("SLOWLOG LEN") == b":1\r\n"
    client.session.node.cluster.set_parameters({"slowlog-log-slower-than": "-1"})
    client("GET a")
    # CONFIG-like changes act on connected clients; SLOWLOG LEN above was logged as well.
    assert client("SLOWLOG LEN") == b":2\r\n"


def test_the_log_keeps_as_many_as_the_parameter_says() -> None:
    _, client = running(0.02, slowlog_max_len="3")
    for number in range(5):
        client(f"GET {number}")
    assert client("SLOWLOG LEN") == b":3\r\n"
    client("SLOWLOG RESET")
    assert client("SLOWLOG GET 1").startswith(b"*1\r\n*6\r\n:6\r\n")  # SLOWLOG RESET itself


def test_long_command_lines_are_shortened_and_passwords_taken_out() -> None:
    _, client = running(0.02)
    client("MSET " + " ".join(f"{{k}}{number} v" for number in range(40)))
    assert b"... (50 more arguments)" in client("SLOWLOG GET 1")
    client("SET a " + "x" * 200)
    assert b"x" * 128 + b"... (72 more bytes)\r\n" in client("SLOWLOG GET 1")
    client("AUTH default secret")
    said = client("SLOWLOG GET 1")
    assert b"(redacted)" in said
    assert b"secret" not in said


def test_a_slow_pipeline_has_its_commands_timed_from_then_on() -> None:
    _, client = running(0.02)
    client(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
    assert client("SLOWLOG LEN") == b":0\r\n"
    client(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
    assert client("SLOWLOG LEN") != b":0\r\n"


def test_a_client_is_not_slow_for_ever() -> None:
    cluster, client = running(0.02)
    client(b"*1\r\n$4\r\nPING\r\n" * 2)
    assert client.session.gates & GATE_TIMED
    cluster.clock = Clock(0.0001)
    client(b"*1\r\n$4\r\nPING\r\n" * SUSPECTED)
    assert not client.session.gates & GATE_TIMED


def test_commandstats() -> None:
    _, client = running(0.001)
    client("SET a x")
    client("GET a")
    client("GET b")
    client("INCR a")
    client("GET")
    client("GETRANGE a 0")
    client("CLIENT GETNAME")
    client("MULTI")
    client("GET a")
    client("EXEC")
    client("EVAL \"redis.call('get', KEYS[1])\" 1 a")
    assert field(client, "commandstats", "cmdstat_set") == (
        "calls=1,usec=1000,usec_per_call=1000.00,rejected_calls=0,failed_calls=0"
    )
    assert field(client, "commandstats", "cmdstat_get").startswith("calls=4,")
    assert field(client, "commandstats", "cmdstat_get").endswith("rejected_calls=1,failed_calls=0")
    assert field(client, "commandstats", "cmdstat_incr").endswith("rejected_calls=0,failed_calls=1")
    assert field(client, "commandstats", "cmdstat_getrange").startswith("calls=0,usec=0,")
    assert field(client, "commandstats", "cmdstat_client|getname").startswith("calls=1,")
    assert field(client, "commandstats", "cmdstat_exec").startswith("calls=1,")
    assert field(client, "commandstats", "cmdstat_eval").startswith("calls=1,")
    assert field(client, "default", "cmdstat_get") == ""
    assert field(client, "all", "cmdstat_get").startswith("calls=4,")


@pytest.mark.parametrize(
    ("version", "waiting", "blpop", "unblock"),
    [
        ("6.2", "calls=1", "calls=4,rejected_calls=0,failed_calls=0", ""),
        (
            "7.0",
            "calls=1",
            "calls=4,rejected_calls=0,failed_calls=2",
            "calls=2,rejected_calls=0,failed_calls=1",
        ),
        ("7.2", "", "calls=4,rejected_calls=1,failed_calls=0", "calls=2,rejected_calls=0,failed_calls=1"),
    ],
)
def test_a_command_that_waits_counts_once(version: str, waiting: str, blpop: str, unblock: str) -> None:
    cluster = start(version=version)
    client, other = Client(cluster.shards[0].primary), Client(cluster.shards[0].primary)

    def calls(name: str) -> str:
        return re.sub("usec.*?,", "", field(client, "commandstats", f"cmdstat_{name}"))

    other("BLPOP k 0")
    assert calls("blpop").partition(",")[0] == waiting
    client(f"CLIENT UNBLOCK {other.session.number} TIMEOUT")
    other("BLPOP k 0")
    client(f"CLIENT UNBLOCK {other.session.number} ERROR")
    other("BLPOP k 0.01")
    other.session.expire_block(NOW + 20)
    other("BLPOP k 0")
    client("RPUSH k x")
    assert calls("blpop") == blpop
    assert calls("client|unblock") == unblock


def test_keys_that_a_user_may_not_read_are_calls_refused() -> None:
    cluster, client = running()
    reader = UserSpec("reader", "on ~mine:* +get +auth", "no-password")
    cluster.set_users(cluster.users | compile_users([reader], "7.2"))
    other = Client(cluster.shards[0].primary)
    other("AUTH reader any")
    other("GET mine:a")
    other("GET yours:a")
    assert field(client, "commandstats", "cmdstat_get").endswith("rejected_calls=1,failed_calls=0")
    assert field(client, "commandstats", "cmdstat_get").startswith("calls=1,")
    assert field(client, "errorstats", "errorstat_NOPERM") == "count=1"


def test_pipelines_are_counted() -> None:
    _, client = running(0.001)
    client(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n" * 3 + b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n" * 2 + b"PING")
    client("GET a")
    assert field(client, "commandstats", "cmdstat_get").startswith("calls=4,")
    assert field(client, "commandstats", "cmdstat_set").startswith("calls=2,")


def test_hits_and_misses() -> None:
    _, client = running()
    client("SET a 1")
    client("SET empty ''")
    for line in (
        "GET a",
        "GET empty",
        "GET b",
        "MGET a {a}b {a}c",
        "EXISTS a {a}b",
        "STRLEN b",
        "LRANGE l 0 -1",
    ):
        client(line)
    assert field(client, "stats", "keyspace_hits") == "4"
    assert field(client, "stats", "keyspace_misses") == "6"


def test_figures_a_second() -> None:
    cluster, client = running()
    cluster.tick(NOW)
    for _ in range(50):
        client("SET a 1")
    for tick in range(1, 17):
        cluster.tick(NOW + tick * 100)
    assert field(client, "stats", "total_net_output_bytes") == str(50 * len("+OK\r\n"))
    assert field(client, "stats", "instantaneous_ops_per_sec") == "31"  # 500 a second in one of 16 samples


def test_latency_tracking_is_off_unless_the_parameter_says_so() -> None:
    _, client = running(0.001)
    client("GET a")
    assert client("LATENCY HISTOGRAM") == b"*0\r\n"
    assert "latency_percentiles" not in client("INFO latencystats").decode()


def test_nobody_is_told_of_keys_once_all_who_tracked_have_left() -> None:
    cluster, client = running()
    keyspace = cluster.shards[0].keyspace
    client("HELLO 3")
    client("CLIENT TRACKING on")
    client("GET a")
    client("CLIENT TRACKING off")
    assert keyspace.observed
    client.session.disconnect()
    assert not keyspace.observed
    assert not keyspace.tracking.keys


def test_the_first_prefix_that_overlaps_is_named_of_however_many() -> None:
    client = Client(next(start().nodes()))
    client("HELLO 3")
    listened = " ".join(f"PREFIX a{number}:" for number in range(5000))
    assert client(f"CLIENT TRACKING on BCAST {listened}") == b"+OK\r\n"
    for last, named in (
        ("a77:x", "a77:x' overlaps with an existing prefix 'a77:"),
        ("b", "b' overlaps with another provided prefix 'b1:"),
    ):
        wanted = " ".join(f"PREFIX b{number}:" for number in range(1, 5000))
        reply = client(f"CLIENT TRACKING on BCAST PREFIX c PREFIX {last} {wanted} PREFIX c PREFIX b2:")
        assert b"Prefix 'c' overlaps with another provided prefix 'c'" in reply
        reply = client(f"CLIENT TRACKING on BCAST PREFIX {last} {wanted} PREFIX b2:")
        assert f"Prefix '{named}'".encode() in reply


def test_latency_tracking() -> None:
    _, client = running(0.001, latency_tracking="yes")
    client("GET a")
    client("SET a 1")
    client("GET a")
    assert client("LATENCY HISTOGRAM get") == (
        b"*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:2\r\n$14\r\nhistogram_usec\r\n*2\r\n:1056\r\n:2\r\n"
    ).replace(b":1056", b":1048")
    assert (
        field(client, "latencystats", "latency_percentiles_usec_get")
        == "p50=1003.519,p99=1003.519,p99.9=1003.519"
    )


def test_monitors_see_scripts_with_what_they_call() -> None:
    _, client = running()
    monitor = Client(client.session.node)
    monitor("MONITOR")
    client("EVAL \"return redis.call('get', KEYS[1])\" 1 a")
    first, second = monitor.heard().decode().splitlines()
    assert first.startswith(f'+{NOW // 1000}.000000 [0 127.0.0.1:50000] "EVAL"')
    assert second == f'+{NOW // 1000}.000000 [0 lua] "get" "a"'


def test_monitors_of_6_2_do_not_see_administration() -> None:
    _, client = running(version="6.2")
    monitor = Client(client.session.node)
    monitor("MONITOR")
    for line in ("CLIENT ID", "ACL WHOAMI", "CLUSTER MYID", "GET a"):
        client(line)
    assert re.fullmatch(rb'\+[0-9.]+ \[0 127.0.0.1:50000\] "GET" "a"\r\n', monitor.heard())


def test_monitors_see_a_command_that_waits_when_it_comes() -> None:
    cluster, client = running()
    monitor, waiter = (Client(cluster.shards[0].primary) for _ in range(2))
    monitor("MONITOR")
    waiter("BLPOP a 0")
    assert monitor.heard().endswith(b'] "BLPOP" "a" "0"\r\n')
    client("RPUSH a x")
    assert monitor.heard().endswith(b'] "RPUSH" "a" "x"\r\n')
    assert waiter.heard() == b"*2\r\n$1\r\na\r\n$1\r\nx\r\n"


@pytest.mark.parametrize(("version", "seen"), [("6.2", False), ("7.0", True)])
def test_monitors_of_6_2_see_nothing_of_commands_that_may_be_an_administrators(
    version: str, seen: bool
) -> None:
    cluster, client = running(version=version)
    monitor = Client(cluster.shards[0].primary)
    monitor("MONITOR")
    client("CLIENT SETNAME me")
    assert (b'"CLIENT" "SETNAME" "me"' in monitor.heard()) is seen


def test_keys_do_not_expire_while_clients_are_paused() -> None:
    cluster, client = running()
    client("SET a x PX 10")
    client("CLIENT PAUSE 50000 WRITE")
    assert client("GET a", NOW + 11) == b"$-1\r\n"
    cluster.tick(NOW + 12)
    assert field(client, "stats", "expired_keys") == "0"
    client("CLIENT UNPAUSE")
    assert field(client, "stats", "expired_keys") == "1"


def test_a_monitor_is_never_paused() -> None:
    node = next(start().nodes())
    monitor, client = Client(node), Client(node)
    monitor("MONITOR")
    client("CLIENT PAUSE 1000 ALL")
    assert client("UNWATCH") == b""
    assert monitor("UNWATCH").startswith(b"+OK\r\n")


def test_a_monitor_that_leaves_lets_commands_take_the_straight_path_again() -> None:
    _, client = running()
    monitor = Client(client.session.node)
    gates = client.session.gates
    monitor("MONITOR")
    assert client.session.gates != gates
    monitor.session.disconnect()
    assert client.session.gates == gates


def test_fields_come_with_their_engine_version() -> None:
    """6.2.6 shows the size of scripts before their number, and no functions."""
    cluster = start(version="6.2")
    names = [
        line.partition(":")[0]
        for line in Client(cluster.shards[0].primary)("INFO memory").decode().splitlines()
    ]
    at = names.index("used_memory_lua")
    assert names[at : at + 6] == [
        "used_memory_lua",
        "used_memory_lua_human",
        "used_memory_scripts",
        "used_memory_scripts_human",
        "number_of_cached_scripts",
        "maxmemory",
    ]
    assert "eventloop_cycles" not in Client(cluster.shards[0].primary)("INFO stats").decode()


def test_changes_since_the_last_save() -> None:
    _, client = running()
    for line in ("SET a 1", "GET a", "INCR a", "LPUSH a x", "DEL a"):
        client(line)
    assert field(client, "persistence", "rdb_changes_since_last_save") == "3"


def test_clients_of_6_2_have_its_fields() -> None:
    said = Client(start(version="6.2").shards[0].primary)("CLIENT INFO").decode()
    assert " multi=-1 qbuf=26 qbuf-free=40928 argv-mem=10 obl=0 oll=0 omem=0 tot-mem=61466 " in said
    assert said.rstrip().endswith("events=r cmd=client user=default redir=-1")


def test_what_a_client_has_not_read_is_its_output() -> None:
    _, client = running()
    other = Client(client.session.node)
    other.session.unsent = lambda: 50_000
    line = client("CLIENT LIST").decode().splitlines()[2]
    assert " obl=16384 oll=3 omem=49272 " in line
    assert " events=rw " in line
    assert field(client, "clients", "client_recent_max_output_buffer") == "49272"


def test_6_2_draws_a_town_unless_asked_for_another_picture() -> None:
    old, new = (Client(start(version=version).shards[0].primary) for version in ("6.2", "7.2"))
    assert b"Plaguemon" in old("LOLWUT 20 10")
    assert b"Georg Nees" in old("LOLWUT VERSION 5")
    assert new("LOLWUT 20 10") == b"$17\r\nRedis ver. 7.2.4\n\r\n"
    assert b"Plaguemon" in new("LOLWUT VERSION 6")


def test_the_replication_offset_grows_by_the_bytes_of_writes() -> None:
    cluster, client = running()
    shard = cluster.shards[0]
    line = "SET a " + "x" * 100
    for _ in range(3):
        client(line)
    assert shard.offset == 3 * len(f"{line}\r\n")
    client("GET a")
    client("PING")
    assert field(client, "replication", "master_repl_offset") == f"{shard.offset}" == str(3 * 108)
    cluster.tick(NOW)
    client("DEL a")
    assert 324 < shard.offset <= 324 + len("DEL a\r\n")
    before = shard.offset
    client.session.node.forget_figures()
    client("SET a 1")
    assert shard.offset >= before


def test_6_2_shows_one_section_at_a_time() -> None:
    old, new = (Client(start(version=version).shards[0].primary) for version in ("6.2", "7.0"))
    assert old("INFO cpu clients") == b"-ERR syntax error\r\n"
    assert b"# Clients\r\n" in new("INFO cpu clients")


def test_the_doctor_of_memory_finds_a_peak_and_many_scripts() -> None:
    _, client = running()
    client("SETRANGE {k}a 16000000 x")
    client("SETRANGE {k}b 6000000 x")
    assert b"I can't find any memory issue" in client("MEMORY DOCTOR")
    client("DEL {k}a")
    assert client("MEMORY DOCTOR").count(b" * ") == 1
    assert b"* Peak memory: In the past this instance used more than 150%" in client("MEMORY DOCTOR")
    for number in range(1001):
        client(f"SCRIPT LOAD 'return {number}'")
    assert b" * Many scripts: There seem to be many cached scripts" in client("MEMORY DOCTOR")
    client("FLUSHALL")
    assert b"this instance is empty or is using very little memory" in client("MEMORY DOCTOR")


def test_calls_by_scripts_do_not_make_a_command_look_faster() -> None:
    cluster, now = start(), 0.0

    def clock() -> float:
        nonlocal now
        now += 0.001
        return now

    cluster.clock = clock
    client = Client(next(cluster.nodes()))
    client("SET k v")
    client("EVAL \"for i = 1, 3 do redis.call('SET', KEYS[1], i) end\" 1 k")
    for _ in range(2):
        client.session.receive(encode_request([b"SET", b"k", b"v"]), NOW)
    stat = client.session.node.stats.commands["set"]
    assert (stat.calls, stat.microseconds) == (6, 6000)


@pytest.mark.parametrize("behind", [b"hello", b"x" * 3000])
def test_a_client_that_waits_has_heard_of_its_own_writes(behind: bytes) -> None:
    client = Client(start().shards[0].primary)
    client("HELLO 3")
    client("CLIENT TRACKING ON BCAST")
    packet = [[b"SET", b"a", b"1"], b"XREAD BLOCK 1 STREAMS x $".split(), [b"ECHO", behind]]
    told = client.session.receive(b"".join(map(encode_request, packet)), NOW) + client.heard()
    assert told == b"+OK\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n"
