"""What the members of a multi-Region cluster do not do. The lists are those of the developer guide:
https://docs.aws.amazon.com/memorydb/latest/devguide/multi-Region.SupportedCommands.html
"""

from __future__ import annotations

from random import Random

import pytest

from localstack_memorydb.engine import ReplicationGroup
from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.snapshots import dump_shard, load_files
from localstack_memorydb.engine.spec import ClusterSpec, SnapshotError, UserSpec
from localstack_memorydb.engine.users import compile_users
from tests.unit.cluster_without_sockets import NOW, Client, start

SUPPORTED = """
    SET DECR DECRBY GET GETRANGE SUBSTR GETDEL GETSET INCR INCRBY INCRBYFLOAT MGET MSET MSETNX SETNX STRLEN LCS
    HINCRBY HINCRBYFLOAT HDEL HSET HMSET HGET HEXISTS HLEN HKEYS HVALS HGETALL HMGET HSTRLEN HSETNX HRANDFIELD HSCAN
    SADD SREM SISMEMBER SMISMEMBER SCARD SMEMBERS SRANDMEMBER SSCAN SUNION SINTERCARD SINTER SDIFF SPOP
    ZADD ZINCRBY ZSCORE ZMSCORE ZCARD ZRANK ZREVRANK ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX
    ZREVRANGEBYSCORE ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZUNION ZINTER ZINTERCARD ZDIFF ZLEXCOUNT ZCOUNT
    ZREM ZMPOP ZPOPMIN ZPOPMAX ZSCAN ZRANDMEMBER SCAN DEL UNLINK DUMP RESTORE EXISTS KEYS RANDOMKEY TYPE MULTI EXEC
"""
UNSUPPORTED = """
    APPEND GETEX SETEX PSETEX SETRANGE BITCOUNT BITFIELD BITOP BITPOS GETBIT SETBIT PFADD PFCOUNT PFMERGE LPUSH RPUSH LPOP
    LRANGE LMOVE BLPOP BLMOVE GEOADD GEOSEARCH XADD XREAD XREADGROUP XGROUP SMOVE SDIFFSTORE SINTERSTORE SUNIONSTORE
    ZDIFFSTORE ZINTERSTORE ZUNIONSTORE ZRANGESTORE BZPOPMIN BZPOPMAX BZMPOP COPY FLUSHDB FLUSHALL MOVE RENAME RENAMENX
    SORT SORT_RO SWAPDB OBJECT FUNCTION FCALL FCALL_RO EXPIRE EXPIREAT PEXPIRE PEXPIREAT PERSIST TTL PTTL EXPIRETIME
    PEXPIRETIME JSON.SET JSON.GET
"""


def member(*users: UserSpec) -> Cluster:
    spec = ClusterSpec("test", 1, 0, engine="valkey", engine_version="7.3", multi_region=True)
    cluster = Cluster(spec, Random(7), NOW)
    if users:
        cluster.set_users(compile_users(users, "7.3", "multi-region"))
    return cluster


@pytest.fixture
def client() -> Client:
    return Client(next(member().nodes()))


@pytest.mark.parametrize("name", UNSUPPORTED.split())
def test_a_command_that_cannot_be_replicated_is_unknown(client: Client, name: str) -> None:
    assert client(f"{name} a b c").startswith(f"-ERR unknown command '{name}'".encode())
    assert client(f"COMMAND INFO {name}") in (b"*1\r\n*-1\r\n", b"*1\r\n$-1\r\n")


@pytest.mark.parametrize("name", SUPPORTED.split())
def test_the_others_are_there(client: Client, name: str) -> None:
    assert not client(f"{name} a b c").startswith(b"-ERR unknown command")


@pytest.mark.parametrize("option", ["EX 5", "px 5", "EXAT 5", "PXAT 5", "KEEPTTL"])
def test_set_gives_no_time_to_live(client: Client, option: str) -> None:
    assert client(f"SET k v NX {option}") == b"-ERR syntax error\r\n"
    assert client("SET k v NX GET") == b"$-1\r\n"
    assert client("MULTI") + client(f"SET k w {option}") + client("EXEC") == (
        b"+OK\r\n+QUEUED\r\n*1\r\n-ERR syntax error\r\n"
    )
    assert client(
        f"EVAL \"return redis.pcall('SET', KEYS[1], 'w', '{option.split()[0]}', '5')\" 1 k"
    ).startswith(b"-ERR syntax error")
    assert client("GET k") == b"$1\r\nv\r\n"


def dumped(client: Client, key: str) -> bytes:
    answer = client(f"DUMP {key}")
    return answer[answer.index(b"\r\n") + 2 : -2]


def restore(client: Client, *words: bytes) -> bytes:
    line = [b"RESTORE", *words]
    return client.session.receive(
        b"*%d\r\n" % len(line) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in line), NOW
    )


def test_restore_makes_what_may_be_there(client: Client) -> None:
    other = Client(next(start(version="7.2").nodes()))
    other("SADD s a")
    other("RPUSH l a")
    assert restore(client, b"s", b"0", dumped(other, "s")) == b"+OK\r\n"
    assert restore(client, b"t", b"5000", dumped(other, "s")) == b"-ERR syntax error\r\n"
    assert restore(client, b"s", b"0", dumped(other, "s"), b"REPLACE") == b"+OK\r\n"
    assert (
        restore(client, b"s", b"0", dumped(other, "s"), b"REPLACE", b"FREQ", b"1") == b"-ERR syntax error\r\n"
    )
    assert restore(client, b"l", b"0", dumped(other, "l")) == b"-ERR Bad data format\r\n"
    assert client("DBSIZE") == b":1\r\n"


def test_access_strings_may_name_what_only_other_clusters_have() -> None:
    cluster = member(
        UserSpec("default", "on ~* +@read +@list +set +expire +json.get +function|list", "no-password")
    )
    client = Client(next(cluster.nodes()))
    assert client("SET k v") == b"+OK\r\n"
    assert client("EXPIRE k 5").startswith(b"-ERR unknown command")
    assert client("INCR k").startswith(b"-NOPERM")


def test_a_snapshot_with_other_types_is_refused() -> None:
    source = start(version="7.2")
    other = Client(next(source.nodes()))
    other("HSET h f v")
    good = dump_shard(source.shards[0], NOW).data
    keyspace, _ = load_files(member(), [good], NOW)
    assert len(keyspace) == 1
    other("RPUSH l a")
    with pytest.raises(SnapshotError, match="multi-Region"):
        load_files(member(), [dump_shard(source.shards[0], NOW).data], NOW)


def test_what_increments_floats_is_in_every_region() -> None:
    group = ReplicationGroup()
    members = [member(), member()]
    for each in members:
        group.add(each)
    here, there = (Client(each.shards[0].primary) for each in members)
    assert here("SET n 5") + here("INCRBYFLOAT n 1.5") == b"+OK\r\n$3\r\n6.5\r\n"
    assert there("GET n") == b"$3\r\n6.5\r\n"
