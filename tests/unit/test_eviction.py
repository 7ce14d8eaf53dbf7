"""Memory limits: what is refused, what is evicted, and that others notice nothing. The clock is held."""

from __future__ import annotations

from collections import Counter
from itertools import count
from random import Random
from typing import Any

import pytest

from localstack_memorydb.engine.candidates import Candidates
from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.memory import EMPTY
from localstack_memorydb.engine.resp import encode_request
from tests.unit.cluster_without_sockets import NOW, Client, start

ROOM = EMPTY + 100_000
OOM = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
VALUE = "x" * 1000


def limited(policy: str = "noeviction", **parameters: Any) -> tuple[Cluster, Client]:
    cluster = start(maxmemory=ROOM, maxmemory_policy=policy, **parameters)
    return cluster, Client(next(cluster.nodes()))


def fill(client: Client, count: int = 200, now: int = NOW) -> list[bytes]:
    return [client(f"SET key{number} {VALUE}", now) for number in range(count)]


def info(client: Client, field: str) -> int:
    lines = client("INFO").decode().splitlines()
    return int(next(line.partition(":")[2] for line in lines if line.startswith(f"{field}:")))


def kept(client: Client, names: list[str]) -> list[str]:
    return [name for name in names if client(f"EXISTS {name}") == b":1\r\n"]


def test_without_eviction_writes_are_refused_at_the_limit_and_reads_go_on() -> None:
    _, client = limited()
    answers = fill(client)
    assert answers[0] == b"+OK\r\n"
    assert answers[-1] == OOM
    assert client("GET key0") == b"$1000\r\n%b\r\n" % VALUE.encode()
    assert client("EXPIRE key0 100") == b":1\r\n"
    assert client("DEL key0 ") == b":1\r\n"
    assert info(client, "used_memory") <= ROOM


@pytest.mark.parametrize("line", ["EXPIRE key7 100", "EVAL \"redis.call('expire', KEYS[1], 100)\" 1 key7"])
def test_what_may_go_from_now_on_makes_room_at_once(line: str) -> None:
    _, client = limited("volatile-random")
    assert fill(client)[-2:] == [OOM, OOM]
    client(line)
    assert client(f"SET again {VALUE}") == b"+OK\r\n"
    assert client("EXISTS key7") == b":0\r\n"


def test_what_is_counted_change_by_change_is_what_a_count_of_all_keys_finds() -> None:
    cluster, client = limited("allkeys-random")
    for number in range(3000):
        size = number * number % 2500
        client(f"SET key{number % 97} {'7' * size}")
        client(f"INCR number{number % 50}")
        client(f"RPUSH list{number % 3} {'x' * (size % 100)}")
        client(f"EXPIRE key{number % 89} 1000")
        client(f"DEL key{number % 31} list{number % 300}")
    budget = cluster.shards[0].budget
    used = budget.used
    assert cluster.shards[0].keyspace.evicted
    assert used == budget.measure()


def test_what_was_deleted_makes_room() -> None:
    _, client = limited()
    fill(client)
    for number in range(20):
        client(f"DEL key{number}")
    assert client(f"SET again {VALUE}") == b"+OK\r\n"


def test_flushing_makes_room() -> None:
    _, client = limited()
    fill(client)
    client("FLUSHALL")
    assert info(client, "used_memory") == EMPTY
    assert fill(client, 50)[-1] == b"+OK\r\n"


def test_what_expires_makes_room() -> None:
    cluster, client = limited()
    fill(client)
    for number in range(50):
        client(f"PEXPIRE key{number} 10")
    cluster.tick(NOW + 10)
    assert client(f"SET again {VALUE}", NOW + 10) == b"+OK\r\n"


def test_in_a_transaction_nothing_is_queued_at_the_limit() -> None:
    _, client = limited()
    fill(client)
    client("MULTI")
    assert client("GET key0") == OOM
    assert client("EXEC").startswith(b"-EXECABORT")


def test_a_transaction_that_needs_memory_is_refused_as_a_whole() -> None:
    _, client = limited()
    other = Client(client.session.node)
    client("MULTI")
    client("SET late 1")
    client("GET late")
    fill(other)
    assert client("EXEC") == b"-EXECABORT Transaction discarded because of: " + OOM[1:]
    assert client("EXISTS late") == b":0\r\n"


@pytest.mark.parametrize(
    "policy",
    ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random"],
)
def test_keys_are_evicted_until_the_limit_is_kept(policy: str) -> None:
    _, client = limited(policy)
    for number in range(300):
        assert client(f"SET key{number} {VALUE} EX 1000") == b"+OK\r\n"
    assert info(client, "used_memory") <= ROOM + 2000
    assert info(client, "evicted_keys") > 150


@pytest.mark.parametrize("policy", ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"])
def test_keys_that_do_not_expire_stay_and_then_writes_are_refused(policy: str) -> None:
    _, client = limited(policy)
    client(f"SET expires {VALUE} EX 1000")
    assert fill(client)[-1] == OOM
    assert client("EXISTS expires") == b":0\r\n"
    assert client("EXISTS key0") == b":1\r\n"


def test_where_nothing_may_go_writes_are_refused_however_slow_the_machine() -> None:
    cluster, client = limited("volatile-lru")
    ticks = count()
    cluster.clock = lambda: float(next(ticks))
    assert fill(client)[-1] == OOM


def test_the_key_that_expires_first_goes_first() -> None:
    _, client = limited("volatile-ttl", maxmemory_samples="64")
    names = [f"key{number}" for number in range(80)]
    for number, name in enumerate(names):
        client(f"SET {name} {VALUE} EX {1000 + number}")
    client(f"SET more {'x' * 30_000}")
    gone = set(names) - set(kept(client, names))
    assert gone
    assert gone == set(names[: len(gone)])


def test_the_key_that_was_used_longest_ago_goes_first() -> None:
    _, client = limited("allkeys-lru", maxmemory_samples="64")
    names = [f"key{number}" for number in range(80)]
    for number, name in enumerate(names):
        client(f"SET {name} {VALUE}", NOW + number * 1000)
    later = NOW + 100_000
    for name in names[:10]:
        client(f"GET {name}", later)
    client(f"SET more {'x' * 30_000}", later)
    assert kept(client, names[:10]) == names[:10]
    assert not kept(client, names[10:20])


def test_keys_that_are_used_often_stay() -> None:
    _, client = limited("allkeys-lfu", maxmemory_samples="64", lfu_log_factor="1")
    fill(client, 80)
    for _ in range(100):
        for number in range(10):
            client(f"GET key{number}")
    client(f"SET more {'x' * 30_000}")
    assert len(kept(client, [f"key{number}" for number in range(10)])) == 10


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru"])
def test_in_one_slot_any_key_may_go(policy: str) -> None:
    """Keys with one tag, of which the first hundred are used all the time."""
    _, client = limited(policy, lfu_log_factor="1", maxmemory_samples="10")
    first = [f"{{tag}}hot{number}" for number in range(100)]
    for name in first:
        client(f"SET {name} {VALUE[:100]} EX 1000")
    for number in range(1000):
        now = NOW + number
        client(f"SET {{tag}}{number} {VALUE} EX 1000", now)
        for name in first[number % 10 :: 10]:
            client(f"GET {name}", now)
    assert info(client, "evicted_keys") > 800
    if policy == "allkeys-random":
        assert any(client(f"EXISTS {{tag}}{number}") == b":1\r\n" for number in range(500, 950))
    else:
        assert len(kept(client, first)) > 90


def drawn(candidates: Candidates, count: int = 1) -> list[bytes]:
    return [key for _, key in candidates.draw(count, Random(3), NOW)]


def test_all_keys_are_as_likely_to_go_however_slots_are_filled() -> None:
    cluster, client = limited()
    for number in range(300):
        client(f"SET {{many}}{number} 1")
    client("SET one 1")
    candidates, luck = Candidates(cluster.shards[0].keyspace, volatile=False), Random(3)
    found = Counter(candidates.draw(1, luck, NOW)[0] for _ in range(6000))
    assert len(found) == 301
    assert max(found.values()) < 60
    assert len(drawn(candidates, 10)) == 10


def test_keys_that_come_and_go_are_noticed() -> None:
    cluster, client = limited()
    keyspace = cluster.shards[0].keyspace
    every, volatile = Candidates(keyspace, volatile=False), Candidates(keyspace, volatile=True)
    client("SET one 1")
    client("SET two 1 EX 100")
    assert (sorted(drawn(every, 5)), drawn(volatile, 5)) == ([b"one", b"two"], [b"two"])
    client("FLUSHALL")
    assert (drawn(every), drawn(volatile)) == ([], [])
    client("SET new 1")
    assert (drawn(every), drawn(volatile)) == ([b"new"], [])


def test_a_much_lower_limit_is_kept_bit_by_bit() -> None:
    cluster = start(maxmemory=ROOM * 2, maxmemory_policy="allkeys-random")
    client = Client(next(cluster.nodes()))
    fill(client, 1000)
    ticks = count()
    cluster.clock = lambda: next(ticks) / 1000
    cluster.resize(EMPTY + 50_000)
    assert client("SET new 1") == b"+OK\r\n"
    assert info(client, "used_memory") > ROOM
    for _ in range(200):
        cluster.tick(NOW)
    assert info(client, "used_memory") <= EMPTY + 50_000


def test_nothing_is_evicted_while_clients_are_paused() -> None:
    cluster, client = limited("allkeys-random")
    fill(client)
    client("CLIENT PAUSE 1000 WRITE")
    cluster.resize(EMPTY + 10_000)
    cluster.tick(NOW)
    assert info(client, "used_memory") > EMPTY + 10_000
    cluster.tick(NOW + 1000)
    assert info(client, "used_memory") <= EMPTY + 10_000


def test_how_often_keys_are_used_is_counted_without_a_limit_too() -> None:
    client = Client(next(start(maxmemory_policy="allkeys-lfu", lfu_log_factor="1").nodes()))
    for _ in range(200):
        client("SET key 1")
    assert int(client("OBJECT FREQ key")[1:]) > 10


def test_idle_time_is_told_and_looking_is_no_use() -> None:
    _, client = limited("allkeys-lru")
    client("SET key 1")
    later = NOW + 5_000
    for command in ("TTL key", "TYPE key", "EXISTS key", "OBJECT ENCODING key"):
        client(command, later)
    assert client("OBJECT IDLETIME key", later) == b":5\r\n"
    client("CLIENT NO-TOUCH on", later)
    client("GET key", later)
    assert client("OBJECT IDLETIME key", later) == b":5\r\n"
    client("TOUCH key", later)
    assert client("OBJECT IDLETIME key", later) == b":0\r\n"


def test_a_counter_of_uses_decays() -> None:
    _, client = limited("allkeys-lfu", lfu_log_factor="1", lfu_decay_time="1")
    client("SET key 1")
    assert client("OBJECT FREQ key") == b":5\r\n"
    for _ in range(200):
        client("GET key")
    used = int(client("OBJECT FREQ key")[1:])
    assert used > 10
    assert int(client("OBJECT FREQ key", NOW + 4 * 60_000)[1:]) == used - 4


def test_a_policy_acts_as_soon_as_the_group_has_it() -> None:
    cluster, client = limited()
    assert fill(client)[-1] == OOM
    cluster.set_parameters({"maxmemory-policy": "allkeys-random"})
    assert client(f"SET more {VALUE}") == b"+OK\r\n"


def test_a_command_that_makes_much_of_little_is_noticed_at_once() -> None:
    client = Client(next(start(maxmemory=300 << 20).nodes()))
    for name in ("a", "b", "c"):
        assert client(f"SETRANGE {name} 104857599 x") == b":104857600\r\n"
    assert client("SETRANGE d 104857599 x") == OOM


def test_a_large_limit_counts_only_near_it() -> None:
    cluster = start(maxmemory=256 << 20)
    (shard,) = cluster.shards
    client = Client(next(cluster.nodes()))
    fill(client)
    cluster.tick(NOW)
    assert not shard.budget.exact
    for name in (b"a", b"b", b"c", b"d", b"e"):
        client.session.receive(encode_request([b"SET", name, bytes(40 << 20)]), NOW)
    cluster.tick(NOW)
    assert shard.budget.exact
    for name in "abcde":
        client(f"DEL {name}")
    cluster.tick(NOW)
    assert not shard.budget.exact


def test_slots_that_move_take_their_memory_along() -> None:
    cluster, client = limited()
    fill(client)
    cluster.add_shard(1, NOW)
    for node in cluster.nodes():
        node.host, node.port = f"10.0.0.{node.shard.number}", 6379
    cluster.spread(2)
    assert b"+OK\r\n" in {client(f"SET key{number} again") for number in range(10)}


def test_a_client_hears_of_keys_that_made_room_before_it_gets_its_reply() -> None:
    cluster = start(maxmemory_policy="volatile-random")
    client = Client(cluster.shards[0].primary)
    cluster.resize(cluster.shards[0].budget.measure() + 100_000)
    client("HELLO 3")
    client("CLIENT TRACKING on")
    client("SETEX short 1000 x")
    client("GET short")
    client("SETBIT large 1600000 0")
    assert client("GETBIT large 0") == b">2\r\n$10\r\ninvalidate\r\n*1\r\n$5\r\nshort\r\n:0\r\n"
    assert client("SET another x").startswith(b"-OOM ")
