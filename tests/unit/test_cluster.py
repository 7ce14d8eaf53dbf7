"""What a change of topology or role does to the data and to connected clients."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.errors import CrossSlot
from localstack_memorydb.engine.routing import one_slot
from localstack_memorydb.engine.slots import SLOTS, even_ranges, key_slot, plan_reshard, to_ranges
from tests.unit.cluster_without_sockets import NOW, Client, start


@pytest.mark.parametrize(
    ("key", "slot"),
    [
        (b"foo", 12182),
        (b"bar", 5061),
        (b"{}x", 10595),
        (b"{a}b", 15495),
        (b"x{a}y", 15495),
        (b"{a}{b}", 15495),
        (b"a{}", 6082),
    ],
)
def test_slots_of_keys(key: bytes, slot: int) -> None:
    assert key_slot(key) == slot


PARTS = st.lists(st.sampled_from([b"{", b"}", b"a", b"b", b"{a}", b"{}", b"}{"]), max_size=4).map(b"".join)


@given(keys=st.lists(PARTS, min_size=1, max_size=3))
def test_keys_are_of_one_slot_when_each_of_them_is_in_it(keys: list[bytes]) -> None:
    slots = {key_slot(key) for key in keys}
    if len(slots) == 1:
        assert {one_slot(keys)} == slots
    else:
        with pytest.raises(CrossSlot):
            one_slot(keys)


def test_new_clusters_split_the_slots_as_aws_does() -> None:
    assert even_ranges(2) == [(0, 8191), (8192, 16383)]
    assert even_ranges(3) == [(0, 5461), (5462, 10922), (10923, 16383)]


@pytest.mark.parametrize("target", [1, 2, 4, 5, 7])
def test_a_reshard_evens_out_and_moves_as_little_as_it_can(target: int) -> None:
    owned = [list(range(first, last + 1)) for first, last in even_ranges(3)]
    moves = plan_reshard(owned, target)
    counts = [len(slots) for slots in owned] + [0] * (target - 3)
    for _, source, to in moves:
        counts[source] -= 1
        counts[to] += 1
    assert max(counts[:target]) - min(counts[:target]) <= 1
    assert sum(counts[:target]) == SLOTS
    before = [len(slots) for slots in owned] + [0] * (target - 3)
    assert len(moves) == sum(max(0, had - has) for had, has in zip(before, counts, strict=True))


def test_ranges() -> None:
    assert to_ranges([1, 2, 3, 7, 9, 10]) == ((1, 3), (7, 7), (9, 10))


def add_shard(cluster: Cluster) -> None:
    for node in cluster.add_shard(1, NOW).nodes:
        node.host, node.port = "10.0.0.99", 6379
    cluster.spread(len(cluster.shards))


def test_keys_follow_their_slots() -> None:
    cluster = start()
    client = Client(next(cluster.nodes()))
    for number in range(500):
        client(f"SET key:{number} {number}")
    add_shard(cluster)
    held = [len(shard.keyspace) for shard in cluster.shards]
    assert sum(held) == 500
    assert min(held) > 100
    found = {client(f"GET key:{number}")[:6] for number in range(500)}
    assert b"-MOVED" in found
    assert b"$-1\r\n" not in found
    cluster.spread(1)
    assert len(cluster.remove_empty(1)) == 1
    assert {client(f"GET key:{number}")[:1] for number in range(500)} == {b"$"}


def test_a_client_blocked_on_a_slot_that_moves_is_redirected() -> None:
    cluster = start()
    waiting = Client(next(cluster.nodes()))
    assert waiting("BLPOP foo 0") == b""
    add_shard(cluster)
    assert waiting.heard() == b"-MOVED 12182 10.0.0.99:6379\r\n"
    assert waiting("PING") == b"+PONG\r\n"


def test_subscribers_of_a_moved_shard_channel_are_told() -> None:
    cluster = start()
    subscriber = Client(next(cluster.nodes()))
    subscriber("SSUBSCRIBE foo")
    add_shard(cluster)
    assert subscriber.heard() == b"*3\r\n$12\r\nsunsubscribe\r\n$3\r\nfoo\r\n:0\r\n"


def test_failover_swaps_roles_and_loses_nothing() -> None:
    cluster = start(replicas=1)
    primary, replica = (Client(node) for node in cluster.shards[0].nodes)
    blocked = Client(cluster.shards[0].nodes[0])
    primary("SET k v")
    blocked("BLPOP list 0")
    cluster.failover(cluster.shards[0])
    assert blocked.heard() == (
        b"-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n"
    )
    assert primary("SET k w") == b"-MOVED 7629 10.0.0.2:6379\r\n"
    assert replica("GET k") == b"$1\r\nv\r\n"
    assert replica("SET k w") == b"+OK\r\n"


def test_messages_cross_the_cluster() -> None:
    cluster = start(shards=2, replicas=1)
    publisher, *subscribers = (Client(node) for node in cluster.nodes())
    for subscriber in subscribers:
        subscriber("SUBSCRIBE news")
    assert publisher("PUBLISH news hello") == b":0\r\n"
    assert {subscriber.heard() for subscriber in subscribers} == {
        b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n"
    }


def test_a_disconnected_client_leaves_nothing_behind() -> None:
    cluster = start()
    node = next(cluster.nodes())
    client = Client(node)
    client("WATCH k")
    client("SUBSCRIBE c")
    other = Client(node)
    other("BLPOP l 0")
    client.session.disconnect()
    other.session.disconnect()
    keyspace = cluster.shards[0].keyspace
    assert (node.sessions, node.channels, keyspace.watchers, keyspace.waiters) == ({}, {}, {}, {})
    assert not keyspace.observed


def test_a_slot_that_no_shard_owns_is_down() -> None:
    cluster = start()
    cluster._owners[12182] = None
    client = Client(next(cluster.nodes()))
    assert client("GET foo") == b"-CLUSTERDOWN Hash slot not served\r\n"


def test_new_nodes_at_the_old_addresses_have_the_old_data() -> None:
    cluster = start(version="7.0")
    node = next(cluster.nodes())
    client, run_id = Client(node), node.run_id
    client("SET k v")
    hung_up: list[bool] = []
    client.session.hang_up = lambda: hung_up.append(True)
    spec = replace(cluster.spec, engine_version="7.2", maxmemory=1000)
    cluster.renew(spec, cluster.users, NOW)
    assert (hung_up, node.sessions) == ([True], {})
    again = Client(node)
    assert again("GET k") == b"$1\r\nv\r\n"
    assert again("CLIENT SETINFO LIB-NAME x") == b"+OK\r\n"
    assert b"maxmemory:1000\r\n" in again("INFO memory")
    assert node.run_id != run_id
