"""What clients make a node remember has bounds, also where a real server has none. The clock is held."""

from __future__ import annotations

import pytest

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.memory import EMPTY
from localstack_memorydb.engine.resp import encode_request
from tests.unit.cluster_without_sockets import NOW, Client, start


@pytest.fixture
def cluster() -> Cluster:
    return start()


@pytest.fixture
def client(cluster: Cluster) -> Client:
    return Client(next(cluster.nodes()))


def say(client: Client, *words: bytes) -> bytes:
    return client.session.receive(encode_request(list(words)), NOW)


def test_long_keys_that_a_client_tracks_are_given_up_early(cluster: Cluster, client: Client) -> None:
    tracking = cluster.shards[0].keyspace.tracking
    tracking.room = 20_000
    client("HELLO 3")
    client("CLIENT TRACKING ON")
    replies = [say(client, b"GET", b"%d" % number * 500) for number in range(10, 40)]
    assert [b"invalidate" in reply for reply in replies] == [False] * 20 + [True] * 10
    assert b"10" * 500 in replies[20]
    assert tracking.size == 20_000
    for number in range(10, 40):
        say(client, b"SET", b"%d" % number * 500, b"x")
    assert (tracking.size, tracking.keys) == (0, {})


def test_after_a_flush_nothing_is_tracked(cluster: Cluster, client: Client) -> None:
    client("HELLO 3")
    client("CLIENT TRACKING ON")
    client("GET key")
    assert cluster.shards[0].keyspace.tracking.size == 3
    client("FLUSHALL")
    assert cluster.shards[0].keyspace.tracking.size == 0


def test_long_names_leave_the_access_log_early(cluster: Cluster, client: Client) -> None:
    cluster.shards[0].primary.access_log.room = 50_100
    for number in range(10):
        say(client, b"AUTH", b"%d" % number * 10_000, b"password")
    assert client("ACL LOG 100").count(b"username\r\n") == 6
    client("AUTH short password")
    assert client("ACL LOG 100").count(b"username\r\n") == 7


def test_scripts_may_make_up_errors_but_not_without_end(client: Client) -> None:
    fail = b"return redis.error_reply(ARGV[1])"
    for number in range(10_050):
        say(client, b"EVAL", fail, b"0", b"CODE%d text" % number)
    told = client("INFO errorstats")
    assert told.count(b"errorstat_CODE") == 10_000
    assert b"errorstat_ERRORSTATS_OVERFLOW:count=50\r\n" in told


@pytest.mark.parametrize("shape", [b"*%b?", b"%b*", b"%b[ab]", b"[ab]%b"])
def test_long_patterns_match_as_short_ones_do(client: Client, shape: bytes) -> None:
    for length in (10, 5000):
        text = b"x" * length
        say(client, b"SET", b"{k}", b"")
        for key in (text + b"a", b"b" + text):
            say(client, b"SET", key, b"value")
        found = say(client, b"KEYS", shape % text)
        expected = b"b" + text if shape == b"[ab]%b" else text + b"a"
        assert found == b"*1\r\n$%d\r\n%b\r\n" % (len(expected), expected)
        client("FLUSHALL")


def test_everything_that_a_client_has_is_forgotten_with_it(client: Client) -> None:
    client("HELLO 3")
    for line in (
        "SUBSCRIBE a b a",
        "PSUBSCRIBE a* b*",
        "SSUBSCRIBE {a}1 {a}2",
        "WATCH a b",
        "CLIENT TRACKING ON BCAST PREFIX a PREFIX b",
    ):
        client(line)
    assert client.session.names > 5 * 2 * 100
    for line in (
        "UNSUBSCRIBE a a",
        "UNSUBSCRIBE",
        "PUNSUBSCRIBE",
        "SUNSUBSCRIBE",
        "UNWATCH",
        "CLIENT TRACKING OFF",
    ):
        client(line)
    assert client.session.names == 0
    client("SUBSCRIBE a")
    client("WATCH a")
    client("RESET")
    assert client.session.names == 0


def test_of_many_prefixes_each_hears_of_its_own_keys(cluster: Cluster, client: Client) -> None:
    other = Client(next(cluster.nodes()))
    client("HELLO 3")
    prefixes = " ".join(f"PREFIX {'p' * length}{length}:" for length in range(300))
    assert client(f"CLIENT TRACKING ON BCAST {prefixes}") == b"+OK\r\n"
    for key in ("p", "pp2", "pp2:", "pp2:a", "ppp3:b", "ppp4:c", "x"):
        other(f"SET {key} 1")
    cluster.tick(NOW + 100)
    heard = client.heard()
    assert [key for key in (b"pp2:", b"pp2:a", b"ppp3:b") if b"\r\n%b\r\n" % key in heard] == [
        b"pp2:",
        b"pp2:a",
        b"ppp3:b",
    ]
    assert heard.count(b"$") == 3 + heard.count(b"invalidate")


def test_patterns_are_read_once_and_forgotten_with_their_subscribers(
    cluster: Cluster, client: Client
) -> None:
    node = next(cluster.nodes())
    client("PSUBSCRIBE *a[bc]? *x news:*x?")
    other = Client(node)
    assert [other(f"PUBLISH {name} 1") for name in ("1abc", "1x", "news:xx", "news:x")] == [
        b":1\r\n",
        b":1\r\n",
        b":2\r\n",
        b":1\r\n",
    ]
    client("PUNSUBSCRIBE *x")
    assert [other(f"PUBLISH {name} 1") for name in ("1abc", "1x", "news:xx")] == [
        b":1\r\n",
        b":0\r\n",
        b":1\r\n",
    ]
    client("RESET")
    assert other("PUBLISH 1abc 1") == b":0\r\n"
    assert (node.patterns, node.patterns._matchers) == ({}, {})


def test_names_of_consumers_and_groups_are_data() -> None:
    cluster = start(maxmemory=EMPTY + 100_000)
    client = Client(next(cluster.nodes()))
    client("XGROUP CREATE s g $ MKSTREAM")
    used = cluster.shards[0].budget.used
    answers = [
        say(client, b"XGROUP", b"CREATECONSUMER", b"s", b"g", b"%d" % number * 500)
        for number in range(10, 99)
    ]
    assert answers[0] == b":1\r\n"
    assert answers[-1].startswith(b"-OOM")
    for number in range(10, 99):
        say(client, b"XGROUP", b"DELCONSUMER", b"s", b"g", b"%d" % number * 500)
    assert cluster.shards[0].budget.used == used
    assert say(client, b"XGROUP", b"CREATE", b"s", b"y" * 200_000, b"$") == b"+OK\r\n"
    assert client("SET a b").startswith(b"-OOM")
