"""Values of a parameter group that decide how long values stay compact."""

from __future__ import annotations

import pytest

from localstack_memorydb.engine.parameters import Parameters
from tests.unit.cluster_without_sockets import Client, start


def bulk(text: str) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(text), text.encode())


@pytest.mark.parametrize(
    ("parameters", "commands", "encoding"),
    [
        ({"hash_max_listpack_entries": "2"}, ["HSET k a 1 b 2"], "listpack"),
        ({"hash_max_listpack_entries": "2"}, ["HSET k a 1 b 2 c 3"], "hashtable"),
        ({"hash_max_listpack_entries": "2"}, ["HSET k a 1 b 2", "HSET k c 3"], "hashtable"),
        ({"hash_max_listpack_value": "3"}, ["HSET k a 1234"], "hashtable"),
        ({"zset_max_listpack_entries": "1"}, ["ZADD k 1 a", "ZADD k 1 b"], "skiplist"),
        ({"zset_max_listpack_value": "3"}, ["ZADD k 1 abcd"], "skiplist"),
        ({"zset_max_listpack_value": "3"}, ["ZADD {k} 1 abcd", "ZUNIONSTORE k 1 {k}"], "skiplist"),
        ({"set_max_intset_entries": "1"}, ["SADD k 1", "SADD k 2"], "hashtable"),
        ({"set_max_intset_entries": "2"}, ["SADD k 1", "SADD k 2"], "intset"),
    ],
)
def test_values_are_compact_up_to_the_limits_of_the_group(
    parameters: dict[str, str], commands: list[str], encoding: str
) -> None:
    client = Client(next(start(**parameters).nodes()))
    for command in commands:
        client(command)
    assert client("OBJECT ENCODING k") == bulk(encoding)


def test_a_ziplist_of_6_2_is_limited_by_its_older_name() -> None:
    client = Client(next(start(version="6.2", hash_max_ziplist_entries="1").nodes()))
    client("HSET k a 1 b 2")
    assert client("OBJECT ENCODING k") == bulk("hashtable")


def test_a_stream_has_nodes_of_the_size_of_the_group() -> None:
    client = Client(next(start(stream_node_max_entries="2").nodes()))
    for _ in range(5):
        client("XADD k * a 1")
    assert b"radix-tree-keys\r\n:3\r\n" in client("XINFO STREAM k")


def test_new_values_act_on_what_is_written_from_then_on() -> None:
    cluster = start()
    client = Client(next(cluster.nodes()))
    client("HSET k a 1 b 2")
    cluster.set_parameters({"hash-max-listpack-entries": "1"})
    assert client("OBJECT ENCODING k") == bulk("listpack")
    client("HSET k c 3")
    assert client("OBJECT ENCODING k") == bulk("hashtable")


def test_a_value_that_is_not_given_is_that_of_the_default_group() -> None:
    parameters = Parameters.of({"maxmemory-policy": "allkeys-lfu", "latency-tracking": "yes"}, (7, 2))
    assert (parameters.maxmemory_policy, parameters.counts_use, parameters.latency_tracking) == (
        "allkeys-lfu",
        True,
        True,
    )
    assert (parameters.maxmemory_samples, parameters.timeout) == (3, 0)
