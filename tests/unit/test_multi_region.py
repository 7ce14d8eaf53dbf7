"""The data of multi-Region clusters: one Region's writes are in the others, and what such clusters do not have."""

from __future__ import annotations

from random import Random

import pytest
from redis import Redis

from localstack_memorydb.engine import ClusterSpec, Engine, ReplicationGroup
from localstack_memorydb.engine.cluster import Cluster
from tests.unit.cluster_without_sockets import NOW, Client
from tests.world import ACCOUNT, REGION, World

ELSEWHERE = "eu-west-1"


def regional(name: str, shards: int = 1) -> Cluster:
    spec = ClusterSpec(name, shards, 0, engine="valkey", engine_version="7.3", multi_region=True)
    cluster = Cluster(spec, Random(7), NOW)
    for number, node in enumerate(cluster.nodes(), 1):
        node.host, node.port = f"10.0.0.{number}", 6379
    return cluster


@pytest.fixture
def here_and_there() -> tuple[Client, Client]:
    """Clients of two members of one multi-Region cluster."""
    group = ReplicationGroup()
    members = [regional("here"), regional("there")]
    for member in members:
        group.add(member)
    here, there = (Client(member.shards[0].primary) for member in members)
    return here, there


@pytest.mark.parametrize(
    ("lines", "question", "answer"),
    [
        (["SET a 1", "INCR a"], "GET a", b"$1\r\n2\r\n"),
        (["MSET {t}a 1 {t}b 2", "DEL {t}a"], "MGET {t}a {t}b", b"*2\r\n$-1\r\n$1\r\n2\r\n"),
        (["HSET h f v", "HINCRBY h n 5"], "HGETALL h", b"*4\r\n$1\r\nf\r\n$1\r\nv\r\n$1\r\nn\r\n$1\r\n5\r\n"),
        (["SADD s a b c", "SPOP s 3"], "EXISTS s", b":0\r\n"),
        (["ZADD z 1 a 2 b", "ZPOPMIN z"], "ZRANGE z 0 -1", b"*1\r\n$1\r\nb\r\n"),
        (["MULTI", "SET {t}a x", "SET {t}b y", "EXEC"], "GET {t}b", b"$1\r\ny\r\n"),
        (["EVAL \"redis.call('set', KEYS[1], ARGV[1])\" 1 k v"], "GET k", b"$1\r\nv\r\n"),
    ],
)
def test_what_is_written_here_is_there(
    here_and_there: tuple[Client, Client], lines: list[str], question: str, answer: bytes
) -> None:
    here, there = here_and_there
    for line in lines:
        assert not here(line).startswith(b"-")
    assert there(question) == here(question) == answer


def test_both_may_write(here_and_there: tuple[Client, Client]) -> None:
    here, there = here_and_there
    for _ in range(3):
        here("INCR counter")
        there("INCR counter")
    assert here("GET counter") == there("GET counter") == b"$1\r\n6\r\n"


def test_a_transaction_sees_that_another_region_wrote(here_and_there: tuple[Client, Client]) -> None:
    here, there = here_and_there
    here("WATCH a")
    there("SET a 1")
    here("MULTI")
    here("GET a")
    assert here("EXEC") == b"*-1\r\n"


def test_who_has_left_goes_on_alone(here_and_there: tuple[Client, Client]) -> None:
    here, there = here_and_there
    here("SET a 1")
    cluster = here.session.node.cluster
    assert cluster.group is not None
    cluster.group.remove(cluster)
    here("SET a 2")
    there("SET b 3")
    assert (there("GET a"), here("GET b")) == (b"$1\r\n1\r\n", b"$-1\r\n")


def test_members_may_differ_in_shards_while_they_change(here_and_there: tuple[Client, Client]) -> None:
    here, there = here_and_there
    cluster = there.session.node.cluster
    for node in cluster.add_shard(1, NOW).nodes:
        node.host, node.port = "10.0.0.9", 6379
    cluster.spread(2)
    for number in range(100):
        here(f"SET key:{number} {number}")
    assert sum(len(shard.keyspace) for shard in cluster.shards) == 100
    assert all(len(shard.keyspace) for shard in cluster.shards)


@pytest.mark.parametrize(
    "line",
    [
        "LPUSH a b",
        "XADD s * a b",
        "EXPIRE a 1",
        "TTL a",
        "APPEND a b",
        "SETEX a 1 b",
        "FLUSHALL",
        "FUNCTION LIST",
        "OBJECT ENCODING a",
        "GETBIT a 1",
        "PFADD a b",
        "GEOADD a 1 1 b",
        "PFSELFTEST",
        "COPY a b",
        "ZUNIONSTORE a 1 b",
    ],
)
def test_commands_that_they_do_not_have(here_and_there: tuple[Client, Client], line: str) -> None:
    here, _ = here_and_there
    assert here(line).startswith(b"-ERR unknown command '")
    assert here(f"COMMAND INFO {line.split()[0]}") in {b"*1\r\n$-1\r\n", b"*1\r\n*-1\r\n"}


@pytest.mark.parametrize(
    "line", ["SET a b EX 10", "SET a b px 10", "SET a b KEEPTTL", "RESTORE a 5 x", "RESTORE a 0 x ABSTTL"]
)
def test_keys_have_no_deadlines(here_and_there: tuple[Client, Client], line: str) -> None:
    here, _ = here_and_there
    assert here(line) == b"-ERR syntax error\r\n"
    assert here("EXISTS a") == b":0\r\n"


def test_a_new_member_gets_what_there_is(aws: World, engine: Engine) -> None:
    aws(
        "CreateMultiRegionCluster",
        MultiRegionClusterNameSuffix="shop",
        NodeType="db.r7g.xlarge",
        TLSEnabled=False,
    )
    aws.finish_work()
    name = aws("DescribeMultiRegionClusters")["MultiRegionClusters"][0]["MultiRegionClusterName"]
    member = {
        "ClusterName": "orders",
        "MultiRegionClusterName": name,
        "NodeType": "db.r7g.xlarge",
        "ACLName": "open-access",
        "TLSEnabled": False,
        "NumReplicasPerShard": 0,
    }

    def redis(region: str) -> Redis:
        aws.finish_work()
        (cluster,) = aws.at(ACCOUNT, region, "DescribeClusters")["Clusters"]
        return Redis(cluster["ClusterEndpoint"]["Address"], cluster["ClusterEndpoint"]["Port"])

    aws("CreateCluster", **member)
    with redis(REGION) as first:
        first.set("before", "1")
        aws.at(ACCOUNT, ELSEWHERE, "CreateCluster", **member)
        with redis(ELSEWHERE) as second:
            assert second.get("before") == b"1"
            second.set("after", "2")
            assert first.get("after") == b"2"
            aws("DeleteCluster", ClusterName="orders", MultiRegionClusterName=name)
            aws.finish_work()
            second.set("alone", "3")
            assert second.get("before") == b"1"
