"""Long transactions and scripts: other shards go on meanwhile, and clients of the same shard see all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from localstack_memorydb.engine import ReplicationGroup, rdb, turns
from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.parameters import Parameters
from localstack_memorydb.engine.resp import encode_request
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.snapshots import dump_shard
from tests.unit.cluster_without_sockets import NOW, Client, start
from tests.unit.test_long_lines import KEYS, MSET, PAIRS
from tests.unit.test_long_scripts import BUSY, FOREVER, KILLED, Clock
from tests.unit.test_multi_region import regional
from tests.unit.test_storage import flush, kept, restarted

MANY = 200
REPLIES = b"*%d\r\n%b" % (MANY, b"".join(b":%d\r\n" % number for number in range(1, MANY + 1)))
LONG_SCRIPT = "local x = 0 for i = 1, 1000000 do x = x + 1 end redis.call('SET', KEYS[1], x) return x"


class World:
    """A cluster of two shards with a replica each, whose clock goes on by 30 ms with every look."""

    def __init__(self, version: str = "7.2") -> None:
        self.cluster = start(shards=2, replicas=1, version=version)
        self.cluster.clock = Clock(0.03)
        self.shard = self.cluster.owner(key_slot(b"n"))
        self.runs = self.client()

    def client(self) -> Client:
        return Client(self.shard.primary)

    def elsewhere(self) -> Client:
        """A client of the other shard."""
        return Client(next(each for each in self.cluster.shards if each is not self.shard).primary)

    def replica(self) -> Client:
        client = Client(self.shard.replicas[0])
        client("READONLY")
        return client

    def begin(self, *first: str, many: int = MANY) -> None:
        """A transaction has begun to run, and some of it is done."""
        for line in ["MULTI", *first, *["INCR n"] * many]:
            self.runs(line)
        assert self.runs("EXEC") == b""
        assert self.shard.keyspace.of(b"n")[b"n"] not in {b"0", b"%d" % many}

    def tick(self) -> None:
        self.cluster.tick(NOW)

    def end(self) -> bytes:
        """Lets it run to its end; what its client hears."""
        ticks = 0
        while not self.runs.said:
            self.tick()
            ticks += 1
            assert ticks < 1000
        return self.runs.heard()


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    for shard in world.cluster.shards:
        shard.scripting.pace.stop()


def test_others_go_on_and_its_own_shard_waits(world: World) -> None:
    other, replica, stranger = world.client(), world.replica(), Client(start().shards[0].primary)
    world.begin()
    assert stranger("SET n 1") == b"+OK\r\n"
    assert world.elsewhere()("PING") == b"+PONG\r\n"
    late = world.client()
    for client in (other, replica, late):
        assert client("GET n") == b""
        assert client("PING") == b""
    world.tick()
    assert other.said == b""
    assert world.end() == REPLIES
    for client in (other, replica, late):
        assert client.heard() == b"$3\r\n200\r\n+PONG\r\n"
        assert client("GET n") == b"$3\r\n200\r\n"


def test_what_clients_sent_runs_in_the_order_in_which_they_came(world: World) -> None:
    clients = [world.client() for _ in range(3)]
    world.begin()
    for client in (clients[2], clients[0], clients[1], clients[2]):
        assert client("RPUSH {n}list x") == b""
    world.end()
    assert [client.heard() for client in clients] == [b":3\r\n", b":4\r\n", b":1\r\n:2\r\n"]


def test_what_its_client_sent_meanwhile_follows(world: World) -> None:
    world.begin()
    assert world.runs("GET n") == b""
    assert world.end() == REPLIES + b"$3\r\n200\r\n"


def test_one_long_transaction_after_another(world: World) -> None:
    other = world.client()
    for line in ["MULTI", *["INCR n"] * MANY]:
        other(line)
    world.begin()
    assert other("EXEC") == b""
    third = world.client()
    assert third("GET n") == b""
    assert world.end() == REPLIES
    assert other.heard() == third.said == b""
    world.runs("PING")
    assert world.end() == b"+PONG\r\n"
    assert other.heard().endswith(b":400\r\n")
    assert third.heard() == b"$3\r\n400\r\n"


def test_in_a_pipeline(world: World) -> None:
    for line in ["MULTI", *["INCR n"] * MANY]:
        world.runs(line)
    assert world.runs("EXEC\r\nGET n\r\nPING") == b""
    assert world.end() == REPLIES + b"$3\r\n200\r\n+PONG\r\n"


def test_a_short_transaction_of_commands_that_take_long(world: World) -> None:
    for line in ["MULTI", *["BITCOUNT n"] * 5]:
        world.runs(line)
    assert world.runs("EXEC") == b""
    assert world.end() == b"*5\r\n" + b":0\r\n" * 5


@pytest.mark.parametrize(
    "look",
    [
        lambda world: dump_shard(world.shard, NOW),
        lambda world: world.cluster.failover(world.shard),
        lambda world: world.cluster.spread(1),
        lambda world: world.cluster.set_replicas(2, NOW),
        lambda world: world.cluster.set_users(world.cluster.users),
        lambda world: world.cluster.set_parameters({}),
        lambda world: world.cluster.renew(world.cluster.spec, world.cluster.users, NOW),
    ],
    ids=["snapshot", "failover", "reshard", "replicas", "users", "parameters", "renewal"],
)
def test_what_concerns_the_shard_comes_when_it_is_done(world: World, look: Callable[[World], object]) -> None:
    world.begin()
    look(world)
    assert world.runs.said == REPLIES
    owner = world.cluster.owner(key_slot(b"n"))
    assert Client(owner.primary)("GET n") == b"$3\r\n200\r\n"


def test_a_snapshot_has_all_of_it(world: World) -> None:
    world.begin("SET {n}first 1", "SETEX {n}short 1 x")
    snapshot = rdb.read(dump_shard(world.shard, NOW).data, Parameters.of({}, (7, 2)).limits)
    assert {key: value for key, value, _ in snapshot}[b"n"] == b"200"


def test_time_stands_still(world: World) -> None:
    world.runs("PSETEX {n}soon 1000 x")
    world.begin()
    world.cluster.tick(NOW + 5000)
    assert b"{n}soon" in world.shard.keyspace.of(b"n")
    assert world.runs.said == b""


def test_a_client_that_leaves(world: World) -> None:
    other = world.client()
    world.begin("SUBSCRIBE news")
    world.runs.session.disconnect()
    assert other("GET n") == b""
    while not other.said:
        world.tick()
    assert other.heard() == b"$3\r\n200\r\n"
    assert world.runs.said == b""
    assert other("PUBLISH news x") == b":0\r\n"


def test_one_that_waits_may_leave(world: World) -> None:
    other, third = world.client(), world.client()
    world.begin()
    other("INCR n")
    third("INCR n")
    other.session.disconnect()
    world.end()
    assert (other.heard(), third.heard()) == (b"", b":201\r\n")


def test_who_waits_for_a_key_gets_it_afterwards_though_its_time_is_over(world: World) -> None:
    blocked, too_late = world.client(), world.client()
    assert blocked("BLPOP {n}list 0.01") == b""
    assert too_late("BLPOP {n}other 0.01") == b""
    world.begin("RPUSH {n}list a", "RPUSH {n}list b")
    alarms: list[int] = []
    too_late.session.alarm = alarms.append
    for client in (blocked, too_late):
        client.session.expire_block(NOW + 100)
    assert blocked.said == too_late.said == b""
    assert not alarms
    world.end()
    assert alarms == [NOW + 10]
    too_late.session.expire_block(NOW + 100)
    assert blocked.heard() == b"*2\r\n$7\r\n{n}list\r\n$1\r\na\r\n"
    assert too_late.heard() == b"*-1\r\n"


def test_who_watches_a_key_is_told(world: World) -> None:
    other = world.client()
    for line in ["WATCH n", "MULTI", "SET n x"]:
        other(line)
    world.begin()
    assert other("EXEC") == b""
    world.end()
    assert other.heard() == b"*-1\r\n"


def test_monitors_see_it_in_order(world: World) -> None:
    monitor = world.client()
    monitor("MONITOR")
    world.begin()
    world.end()
    lines = [line.partition(b"] ")[2] for line in monitor.heard().splitlines()]
    assert lines == [b'"MULTI"', *[b'"INCR" "n"'] * MANY, b'"EXEC"']


def test_what_it_is_told_follows_its_reply(world: World) -> None:
    world.runs("HELLO 3")
    world.runs("CLIENT TRACKING ON")
    world.runs("GET {n}kept")
    world.begin("SET {n}kept x")
    heard = world.end()
    assert heard.startswith(b"*201\r\n+OK\r\n:1\r\n")
    assert heard.endswith(b":200\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$7\r\n{n}kept\r\n")


@pytest.mark.parametrize("version", ["6.2", "7.2"])
def test_messages_of_other_shards_follow_its_reply(version: str) -> None:
    world = World(version)
    world.runs("HELLO 3")
    world.runs("SUBSCRIBE news")
    world.begin("SET {n}kept x")
    assert world.elsewhere()("PUBLISH news hot").startswith(b":")
    heard = world.end()
    assert heard.startswith(b"*201\r\n+OK\r\n:1\r\n")
    assert heard.endswith(b":200\r\n>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$3\r\nhot\r\n")


def test_nobody_wants_the_reply(world: World) -> None:
    other = world.client()
    world.runs("CLIENT REPLY OFF")
    for line in ["MULTI", *["INCR n"] * MANY]:
        world.runs(line)
    world.runs("EXEC")
    other("GET n")
    while not other.said:
        world.tick()
    assert other.heard() == b"$3\r\n200\r\n"
    assert world.runs("CLIENT REPLY ON") + world.runs.heard() == b"+OK\r\n"


def test_a_pause_that_ends_in_between(world: World) -> None:
    other, paused = world.client(), world.client()
    for line in ["MULTI", *["INCR n"] * MANY]:
        world.runs(line)
    other("CLIENT PAUSE 100000 WRITE")
    assert paused("INCR {n}m") == b""
    assert paused("INCR {n}m") == b""
    assert world.runs("EXEC") == b""
    assert other("CLIENT UNPAUSE\r\nGET n") == b"+OK\r\n$-1\r\n"
    assert paused.heard() == b":1\r\n:2\r\n"
    assert other("GET n") == b""
    assert world.end() == REPLIES
    assert other.heard() == b"$3\r\n200\r\n"


def test_a_reply_that_cannot_be_sent(world: World) -> None:
    world.runs("SETRANGE {n}large 60000000 x")
    world.begin(*["GET {n}large"] * 20)
    assert world.end() == b"-ERR the reply would have more than 1 GB\r\n"
    assert world.runs("GET n") == b"$3\r\n200\r\n"


def test_errors_are_among_its_replies(world: World) -> None:
    world.begin("LPUSH {n}list x", "INCR {n}list", "GET {n}none")
    assert world.end().startswith(b"*203\r\n:1\r\n-WRONGTYPE Operation against a key")
    assert b"errorstat_WRONGTYPE:count=1\r\n" in world.runs("INFO errorstats")


def test_other_regions_wait_too() -> None:
    group = ReplicationGroup()
    members = [regional("here"), regional("there", shards=2)]
    for member in members:
        group.add(member)
        member.clock = Clock(0.03)
    here, there = (Client(member.owner(key_slot(b"n")).primary) for member in members)
    for line in ["MULTI", *["INCR n"] * MANY]:
        here(line)
    assert here("EXEC") == b""
    assert there("INCR n") == b""
    while not here.said:
        members[0].tick(NOW)
    members[1].tick(NOW)
    assert there.heard() == b":201\r\n"
    assert here("GET n") == b"$3\r\n201\r\n"


def written(cluster: Cluster) -> bytes:
    """What the log of the first shard has on disk."""
    log = cluster.shards[0].log
    assert log is not None
    return log._path(log.generation, "incr.aof").read_bytes()


def test_the_log_has_all_of_it_or_nothing(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    cluster.clock = Clock(0.03)
    runs = Client(cluster.shards[0].primary)
    runs("SET n 0")
    for line in ["MULTI", *["INCR n"] * MANY]:
        runs(line)
    runs("EXEC")
    flush(cluster)
    assert b"INCR" not in written(cluster)
    cluster.tick(NOW)
    flush(cluster)
    assert b"INCR" not in written(cluster)
    cluster.settle()
    flush(cluster)
    assert written(cluster).count(b"INCR") == MANY
    again = restarted(cluster)
    assert Client(again.shards[0].primary)("GET n") == b"$3\r\n200\r\n"


def test_the_log_has_what_others_were_told_before_it(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    cluster.clock = Clock(0.03)
    other, runs = Client(cluster.shards[0].primary), Client(cluster.shards[0].primary)
    assert other("SET n 0") == b"+OK\r\n"
    for line in ["MULTI", *["INCR n"] * MANY]:
        runs(line)
    runs("EXEC")
    flush(cluster)
    assert written(cluster).endswith(b"SET\r\n$1\r\nn\r\n$1\r\n0\r\n")
    assert Client(restarted(cluster).shards[0].primary)("GET n") == b"$1\r\n0\r\n"


def test_a_log_that_begins_anew_while_a_script_is_busy_can_be_read(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    cluster.clock = Clock(10.0)
    runs = Client(cluster.shards[0].primary)
    assert runs("EVAL \"redis.call('SET', KEYS[1], 1) while true do end\" 1 n") == b""
    assert cluster.storage is not None
    assert cluster.storage.keep_all(NOW)
    cluster.shards[0].scripting.pace.stop()
    assert runs("SET m 2") == b"+OK\r\n"
    again = Client(restarted(cluster).shards[0].primary)
    assert (again("GET n"), again("GET m")) == (b"$1\r\n1\r\n", b"$1\r\n2\r\n")


# -- scripts ---------------------------------------------------------------------------------------------------------------


def test_a_long_script_is_waited_for(world: World) -> None:
    other, elsewhere = world.client(), world.elsewhere()
    assert world.runs(f'EVAL "{LONG_SCRIPT}" 1 n') == b""
    assert other("GET n") == b""
    assert elsewhere("PING") == b"+PONG\r\n"
    assert world.end() == b":1000000\r\n"
    assert other.heard() == b"$7\r\n1000000\r\n"


def test_until_it_takes_too_long(world: World) -> None:
    other = world.client()
    assert world.runs(FOREVER) == b""
    assert other("GET n") == b""
    while not other.said:
        world.tick()
    assert other.heard() == BUSY
    assert other("PING") == BUSY
    assert other("SCRIPT KILL") == b"+OK\r\n"
    assert world.end().startswith(KILLED)
    assert other("PING") == b"+PONG\r\n"


def test_in_a_transaction_it_may_be_ended_and_what_follows_runs(world: World) -> None:
    other = world.client()
    for line in ["MULTI", "SET n 1", FOREVER, *["INCR n"] * MANY, f'EVAL "{LONG_SCRIPT}" 1 {{n}}m']:
        world.runs(line)
    assert world.runs("EXEC") == b""
    assert other("GET n") == b""
    while not other.said:
        world.tick()
    assert other.heard() == BUSY
    assert other("SCRIPT KILL") == b"+OK\r\n"
    world.tick()
    assert other("GET n") == b""
    replies = world.end()
    assert replies.startswith(b"*203\r\n+OK\r\n" + KILLED)
    assert replies.endswith(b":201\r\n:1000000\r\n")
    assert other.heard() == b"$3\r\n201\r\n"


def test_a_long_script_counts_as_one_call_and_is_in_the_slow_log(world: World) -> None:
    world.runs(f'EVAL "{LONG_SCRIPT}" 1 n')
    world.end()
    assert b"cmdstat_eval:calls=1," in world.runs("INFO commandstats")
    assert b"EVAL" in world.runs("SLOWLOG GET")


def test_a_cluster_that_ends_waits_for_no_script(world: World) -> None:
    for line in ["MULTI", "SET n 1", FOREVER, FOREVER, "INCR n"]:
        world.runs(line)
    world.runs("EXEC")
    world.shard.scripting.pace.stop()
    assert world.runs.heard().endswith(b":2\r\n")


# -- single commands -------------------------------------------------------------------------------------------------------


FEW = "".join(f" {{n}}few{number}" for number in range(40))


@pytest.fixture(scope="module")
def filled() -> Cluster:
    """A cluster with large values, in which nothing gives way."""
    cluster = start()
    client = Client(cluster.shards[0].primary)

    def send(*words: bytes) -> None:
        client.session.receive(encode_request(list(words)), NOW)

    members = [b"%d" % number for number in range(15_000)]
    send(b"SADD", b"{n}set", *members)
    send(b"SADD", b"{n}other", *members[5000:], *(b"x%d" % number for number in range(5000)))
    send(b"ZADD", b"{n}z", *(word for member in members for word in (member, member)))
    send(b"HSET", b"{n}hash", *(word for member in members for word in (member, member)))
    send(b"GEOADD", b"{n}geo", *(word for member in members[:3000] for word in (b"1", b"2", member)))
    send(
        b"JSON.SET", b"{n}json", b"$", b"[" + b",".join(b'{"a":%s}' % each for each in members[:3000]) + b"]"
    )
    send(b"PFADD", b"{n}hll", *members)
    send(b"MSET", *(word for member in members for word in (b"{n}" + member, member)))
    for key in FEW.split():
        send(b"SADD", key.encode(), b"1", b"a")
    send(b"SET", b"{n}bits", b"abc" * 1000)
    return cluster


def answer(client: Client, tick: Callable[[], object]) -> bytes:
    """What a client is told in the end, if it has to wait for it."""
    while not client.said:
        tick()
    return client.heard()


@pytest.mark.parametrize(
    "line",
    [
        "SUNION {n}set {n}other",
        "SINTER" + FEW,
        "SDIFF {n}set" + FEW,
        "SUNIONSTORE {n}d {n}set {n}other",
        "ZUNION 3 {n}z {n}set {n}other WEIGHTS 2 1 1 WITHSCORES",
        "ZINTER 3 {n}z {n}set {n}other WITHSCORES",
        "ZINTERCARD 2 {n}z {n}other",
        "ZDIFF 42 {n}other {n}z" + FEW,
        "ZUNIONSTORE {n}d 2 {n}z {n}other",
        "SRANDMEMBER {n}set -50000",
        "HRANDFIELD {n}hash -50000 WITHVALUES",
        "ZRANDMEMBER {n}z -50000 WITHSCORES",
        "KEYS *",
        "PFCOUNT " + " ".join(["{n}hll"] * 20 + [f"{{n}}none{number}" for number in range(20)]),
        "BITOP XOR {n}d" + " {n}bits {n}1" * 50,
        "GEOSEARCH {n}geo FROMLONLAT 1 2 BYRADIUS 100 km WITHDIST WITHCOORD",
        "GEOSEARCHSTORE {n}d {n}geo FROMLONLAT 1 2 BYRADIUS 100 km",
        "JSON.GET {n}json $[*].a",
        "JSON.GET {n}json $..a $[1]",
        'JSON.GET {n}json $[?(@.a>5||@.a<3||@.a==1)]',
        "JSON.MGET" + " {n}json" * 30 + " $[0]",
        "JSON.NUMINCRBY {n}json $..a 0",
    ],
)  # fmt: skip
def test_it_answers_the_same_when_it_gives_way(filled: Cluster, line: str) -> None:
    node = filled.shards[0].primary
    before, runs, other = Client(node), Client(node), Client(node)
    filled.clock, filled.random = Clock(0.0), Random(7)
    if line.startswith(("SUNION ", "ZUNION ", "HRANDFIELD ")):
        before("HELLO 3")
        runs("HELLO 3")
    expected = before(line) or answer(before, lambda: turns.run(before.session))
    filled.clock, filled.random = Clock(0.03), Random(7)
    assert runs(line) == b""
    assert other("PING") == b""
    assert answer(runs, lambda: filled.tick(NOW)) == expected
    assert other.heard() == b"+PONG\r\n"


def test_what_a_command_did_that_gave_way_is_in_the_log(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    client = Client(cluster.shards[0].primary)
    members = [b"%d" % number for number in range(15_000)]
    for key in (b"{n}a", b"{n}b", b"{n}c"):
        client.session.receive(encode_request([b"SADD", key, *members]), NOW)
    cluster.clock = Clock(0.03)
    assert client("SUNIONSTORE {n}d {n}a {n}b {n}c") == b""
    assert answer(client, lambda: cluster.tick(NOW)) == b":15000\r\n"
    assert b"cmdstat_sunionstore:calls=1," in client("INFO commandstats")
    assert Client(restarted(cluster).shards[0].primary)("SCARD {n}d") == b":15000\r\n"


def test_an_error_of_a_command_that_gave_way(filled: Cluster) -> None:
    client = Client(filled.shards[0].primary)
    filled.clock = Clock(0.03)
    assert (
        client("ZUNIONSTORE {n}d 2 {n}z {n}bits")
        == b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
    )
    assert client("PFMERGE {n}merged {n}hll" + " {n}none1 {n}none2" * 20 + " {n}bits") == b""
    told = answer(client, lambda: filled.tick(NOW))
    assert told == b"-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n"
    assert b"cmdstat_pfmerge:calls=1," in (stats := client("INFO commandstats"))
    assert stats.partition(b"cmdstat_pfmerge:")[2].partition(b"\r\n")[0].endswith(b"failed_calls=1")


# -- very many words, and large values ---------------------------------------------------------------------------------------


def test_others_go_on_while_a_long_line_runs(world: World) -> None:
    other = world.client()
    assert world.runs.session.receive(encode_request([b"ZADD", b"n", *PAIRS]), NOW) == b""
    assert world.elsewhere()("PING") == b"+PONG\r\n"
    assert other("ZCARD n") == b""
    assert world.end() == b":3000\r\n"
    assert other.heard() == b":3000\r\n"


def test_a_long_line_is_in_the_log_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    cluster.clock = Clock(0.03)
    client = Client(cluster.shards[0].primary)
    assert client.session.receive(encode_request([b"DEL", *KEYS]), NOW) == b""
    cluster.settle()
    assert client.heard() == b":0\r\n"
    assert client.session.receive(encode_request(MSET), NOW) == b""
    seen: set[int] = set()
    while cluster.shards[0].work.suspended is not None:
        flush(cluster)
        seen.add(written(cluster).count(b"\r\nv\r\n"))
        cluster.tick(NOW)
    assert 0 in seen
    assert seen <= {0, 3000}
    assert client.heard() == b"+OK\r\n"
    flush(cluster)
    assert written(cluster).count(b"MSET") == 1
    assert Client(restarted(cluster).shards[0].primary)("DBSIZE") == b":3000\r\n"


def test_debug_sleep_stops_its_shard_only() -> None:
    cluster = start(shards=2, unrestricted=True)
    cluster.clock = Clock(0.03)
    slept: list[float] = []
    cluster.switches.sleep = slept.append
    sleeper, other, elsewhere = (Client(cluster.shards[number].primary) for number in (0, 0, 1))
    assert sleeper("DEBUG SLEEP 1") == b""
    assert other("PING") == b""
    assert elsewhere("PING") == b"+PONG\r\n"
    assert answer(other, lambda: cluster.tick(NOW)) == b"+PONG\r\n"
    assert sleeper.heard() == b"+OK\r\n"
    assert sum(slept) == pytest.approx(1)


def test_debug_sleep_takes_as_long_as_it_says() -> None:
    cluster = start(unrestricted=True)
    passed = [0.0]
    cluster.clock = lambda: passed[0]
    cluster.switches.sleep = lambda seconds: passed.append(passed.pop() + seconds)
    sleeper = Client(cluster.shards[0].primary)
    sleeper("CONFIG SET slowlog-log-slower-than 49999")
    assert sleeper("DEBUG SLEEP 0.05") == b""
    assert answer(sleeper, lambda: cluster.tick(NOW)) == b"+OK\r\n"
    assert sleeper("SLOWLOG LEN") == b":1\r\n"


def test_a_snapshot_that_nobody_of_the_shard_asked_for(world: World) -> None:
    other, made = world.client(), []
    assert world.runs.session.receive(encode_request(MSET), NOW) == b""
    assert world.end() == b"+OK\r\n"
    world.shard.work.undertake(lambda: made.append(dump_shard(world.shard, NOW)))
    assert not made
    assert other("SET {n}late 1") == b""
    assert world.elsewhere()("PING") == b"+PONG\r\n"
    while not other.said:
        world.tick()
    assert other.heard() == b"+OK\r\n"
    assert made[0].keys == 3000


def test_a_log_is_made_shorter_while_other_shards_go_on(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    storage, shard = cluster.storage, cluster.shards[0]
    assert storage is not None
    assert shard.log is not None
    client, other = Client(shard.primary), Client(shard.primary)
    client.session.receive(encode_request(MSET), NOW)
    flush(cluster)
    storage.rewrite_percentage = storage.rewrite_least = 1
    generation = shard.log.generation
    cluster.clock = Clock(0.03)
    storage.tick(NOW)
    assert other("SET {n}late 1") == b""
    assert shard.log.generation == generation
    assert answer(other, lambda: cluster.tick(NOW)) == b"+OK\r\n"
    assert shard.log.generation == generation + 1
    flush(cluster)
    assert Client(restarted(cluster).shards[0].primary)("DBSIZE") == b":3001\r\n"
