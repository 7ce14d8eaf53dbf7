"""The main job, end to end, on both hosts: a cluster from the AWS API, a cluster client, snapshots in S3, a restore."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.cluster import RedisCluster

from tests.ports import free_port

from .endpoint import Endpoint

KEYS = 10_000
EACH = KEYS // 5
PATIENCE = 180.0

Expected = dict[str, Any]


def expected() -> Expected:
    """Key -> value of the five types."""
    strings = {f"string:{n}": b"value %d" % n for n in range(EACH)}
    hashes = {f"hash:{n}": {b"id": b"%d" % n, b"state": b"new"} for n in range(EACH)}
    lists = {f"list:{n}": [b"a", b"b", b"%d" % n] for n in range(EACH)}
    sets = {f"set:{n}": {b"x", b"y", b"%d" % n} for n in range(EACH)}
    sorted_sets = {f"zset:{n}": [(b"low", -1.5), (b"high", float(n))] for n in range(EACH)}
    return {**strings, **hashes, **lists, **sets, **sorted_sets}


def write(client: RedisCluster) -> None:
    for first in range(0, EACH, 500):
        pipeline = client.pipeline()
        for n in range(first, first + 500):
            pipeline.set(f"string:{n}", f"value {n}", px=None if n % 2 else 3_600_000)
            pipeline.hset(f"hash:{n}", mapping={"id": n, "state": "new"})
            pipeline.rpush(f"list:{n}", "a", "b", n)
            pipeline.sadd(f"set:{n}", "x", "y", n)
            pipeline.zadd(f"zset:{n}", {"low": -1.5, "high": n})
        pipeline.execute()


def read(client: Any, keys: list[str]) -> Expected:
    """The values of these keys, from a cluster client or from one plain server."""
    readers: dict[str, Callable[[Any, str], Any]] = {
        "string": lambda pipe, key: pipe.get(key),
        "hash": lambda pipe, key: pipe.hgetall(key),
        "list": lambda pipe, key: pipe.lrange(key, 0, -1),
        "set": lambda pipe, key: pipe.smembers(key),
        "zset": lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True),
    }
    found: Expected = {}
    for first in range(0, len(keys), 1000):
        part = keys[first : first + 1000]
        pipeline = client.pipeline(transaction=False) if isinstance(client, Redis) else client.pipeline()
        for key in part:
            readers[key.partition(":")[0]](pipeline, key)
        found |= dict(zip(part, pipeline.execute(), strict=True))
    return {
        key: [tuple(row) for row in value] if key.startswith("zset") else value
        for key, value in found.items()
    }


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.05)


def cluster(endpoint: Endpoint, name: str) -> dict[str, Any]:
    found = endpoint.client("memorydb").describe_clusters(ClusterName=name, ShowShardDetails=True)
    return found["Clusters"][0]  # type: ignore[no-any-return]


def available(endpoint: Endpoint, name: str) -> dict[str, Any]:
    until(lambda: cluster(endpoint, name)["Status"] == "available")
    return cluster(endpoint, name)


def nodes(described: dict[str, Any]) -> list[tuple[str, int]]:
    return [
        (node["Endpoint"]["Address"], node["Endpoint"]["Port"])
        for shard in described["Shards"]
        for node in shard["Nodes"]
    ]


def count(client: RedisCluster) -> int:
    return sum(client.dbsize(target_nodes=[node]) for node in client.get_primaries())


@pytest.fixture(scope="module")
def orders(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """The first cluster, with its keys in it."""
    memorydb = endpoint.client("memorydb")
    created = memorydb.create_cluster(
        ClusterName="boutique",
        NodeType="db.t4g.small",
        ACLName="open-access",
        NumShards=2,
        NumReplicasPerShard=1,
    )["Cluster"]
    assert created["Status"] in {"creating", "available"}
    described = available(endpoint, "boutique")
    with endpoint.redis("boutique") as client:
        write(client)
    yield described
    memorydb.delete_cluster(ClusterName="boutique")


@pytest.fixture(scope="module")
def snapshot(endpoint: Endpoint, orders: dict[str, Any]) -> str:
    memorydb = endpoint.client("memorydb")
    memorydb.create_snapshot(ClusterName="boutique", SnapshotName="nightly")
    until(
        lambda: memorydb.describe_snapshots(SnapshotName="nightly")["Snapshots"][0]["Status"] == "available"
    )
    return "nightly"


@pytest.fixture(scope="module")
def bucket(endpoint: Endpoint, snapshot: str) -> str:
    """The snapshot, exported."""
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="exports")
    endpoint.client("memorydb").copy_snapshot(
        SourceSnapshotName=snapshot, TargetSnapshotName="exported", TargetBucket="exports"
    )
    until(lambda: s3.list_objects_v2(Bucket="exports").get("KeyCount") == 2)
    return "exports"


@pytest.fixture(scope="module")
def client(endpoint: Endpoint, orders: dict[str, Any]) -> Iterator[RedisCluster]:
    with endpoint.redis("boutique") as opened:
        yield opened


def test_the_cluster_is_what_was_asked_for(orders: dict[str, Any]) -> None:
    assert orders["ClusterEndpoint"]["Port"] == 6379
    assert (orders["NumberOfShards"], orders["TLSEnabled"], orders["ACLName"]) == (2, True, "open-access")
    assert [shard["Slots"] for shard in orders["Shards"]] == ["0-8191", "8192-16383"]
    assert [len(shard["Nodes"]) for shard in orders["Shards"]] == [2, 2]
    assert {port for _, port in nodes(orders)} == {6379}


def test_both_shards_hold_keys(client: RedisCluster) -> None:
    sizes = [client.dbsize(target_nodes=[node]) for node in client.get_primaries()]
    assert sum(sizes) == KEYS
    assert all(size > KEYS / 3 for size in sizes)
    assert read(client, ["zset:7", "hash:7"]) == {key: expected()[key] for key in ("zset:7", "hash:7")}


def test_a_transaction_in_one_slot(client: RedisCluster) -> None:
    owner = client.get_node_from_key("account:{7}")
    assert owner is not None
    with client.get_redis_connection(owner).pipeline(transaction=True) as transaction:
        transaction.incrby("account:{7}", 100)
        transaction.rpush("entries:{7}", "deposit")
        assert transaction.execute() == [100, 1]
    assert client.delete("account:{7}", "entries:{7}") == 2


def test_a_blocking_pop(endpoint: Endpoint, client: RedisCluster) -> None:
    popped: list[Any] = []
    with endpoint.redis("boutique") as other:
        waiter = threading.Thread(target=lambda: popped.append(other.blpop(["jobs"], timeout=PATIENCE)))
        waiter.start()
        client.rpush("jobs", "resize")
        waiter.join(PATIENCE)
    assert [list(answer) for answer in popped] == [[b"jobs", b"resize"]]


@pytest.mark.parametrize("sharded", [False, True], ids=["channel", "shard channel"])
def test_pub_sub(endpoint: Endpoint, client: RedisCluster, sharded: bool) -> None:
    heard: list[Any] = []
    with endpoint.redis("boutique") as other:
        listener = other.pubsub()
        subscribe, listen = (
            (listener.ssubscribe, listener.get_sharded_message)
            if sharded
            else (listener.subscribe, listener.get_message)
        )
        subscribe("prices")
        until(lambda: (listen(timeout=0.1) or {}).get("type", "").endswith("subscribe"))
        (client.spublish if sharded else client.publish)("prices", "42")

        def hear() -> bool:
            message = listen(timeout=0.1)
            heard.extend([message["data"]] if message else [])
            return bool(heard)

        until(hear)
        listener.close()
    assert heard == [b"42"]


def test_a_replica_answers_reads(endpoint: Endpoint, orders: dict[str, Any]) -> None:
    authority = endpoint.get("/_memorydb/ca.pem").decode()
    sizes = {}
    for address, port in nodes(orders):
        with Redis(host=address, port=port, ssl=True, ssl_ca_data=authority) as node:
            if node.execute_command("ROLE")[0] == b"slave":
                assert node.execute_command("READONLY") in {b"OK", True, "OK"}
                sizes[address, port] = node.dbsize()
    assert len(sizes) == 2
    assert sum(sizes.values()) == KEYS


def test_a_real_server_loads_the_export(
    endpoint: Endpoint, bucket: str, tmp_path: Path, valkey_server: str
) -> None:
    s3 = endpoint.client("s3")
    objects = [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert objects == ["exported-0001.rdb", "exported-0002.rdb"]
    wanted, loaded, lasting = expected(), 0, 0
    for name in objects:
        s3.download_file(bucket, name, str(tmp_path / name))
        port = free_port()
        command = [
            valkey_server,
            "--port",
            str(port),
            "--dir",
            str(tmp_path),
            "--dbfilename",
            name,
            "--save",
            "",
        ]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            until(partial(answers, port))
            with Redis(port=port, socket_timeout=60) as witness:
                keys = [key.decode() for key in witness.scan_iter(count=1000)]
                assert read(witness, keys) == {key: wanted[key] for key in keys}
                lasting += sum(witness.pttl(key) > 0 for key in keys if key.startswith("string:"))
                loaded += len(keys)
        finally:
            server.kill()
            server.wait()
    assert (loaded, lasting) == (KEYS, EACH // 2)


def answers(port: int) -> bool:
    try:
        with Redis(port=port) as client:
            return bool(client.ping())
    except Exception:
        return False


def test_another_cluster_comes_from_the_snapshot(endpoint: Endpoint, snapshot: str) -> None:
    memorydb = endpoint.client("memorydb")
    memorydb.create_cluster(
        ClusterName="restored",
        NodeType="db.t4g.small",
        ACLName="open-access",
        NumShards=3,
        NumReplicasPerShard=0,
        SnapshotName=snapshot,
    )
    available(endpoint, "restored")
    with endpoint.redis("restored") as client:
        assert count(client) == KEYS
        assert read(client, list(expected())) == expected()
    reshard_while_a_client_writes(endpoint)
    held = nodes(cluster(endpoint, "restored"))
    memorydb.delete_cluster(ClusterName="restored")
    until(lambda: "restored" not in {row["Name"] for row in memorydb.describe_clusters()["Clusters"]})
    for address in held:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=60)


def reshard_while_a_client_writes(endpoint: Endpoint) -> None:
    """No error that the cluster client does not handle by itself, no key lost."""
    stop = threading.Event()
    written: list[int] = []
    failed: list[Exception] = []

    def keep_writing() -> None:
        try:
            with endpoint.redis("restored") as writer:
                while not stop.is_set():
                    writer.set(f"during:{len(written)}", len(written))
                    written.append(len(written))
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=keep_writing)
    thread.start()
    until(lambda: len(written) > 100 or failed)
    endpoint.client("memorydb").update_cluster(ClusterName="restored", ShardConfiguration={"ShardCount": 4})
    described = available(endpoint, "restored")
    before = len(written)
    until(lambda: len(written) > before + 100 or failed)
    stop.set()
    thread.join(PATIENCE)
    assert failed == []
    assert (described["NumberOfShards"], len(described["Shards"])) == (4, 4)
    with endpoint.redis("restored") as client:
        assert count(client) == KEYS + len(written)
        assert [n for n in written if client.get(f"during:{n}") != b"%d" % n] == []


def test_a_cluster_comes_from_objects_in_s3(endpoint: Endpoint, bucket: str) -> None:
    memorydb = endpoint.client("memorydb")
    memorydb.create_cluster(
        ClusterName="imported",
        NodeType="db.t4g.small",
        ACLName="open-access",
        NumShards=1,
        NumReplicasPerShard=0,
        SnapshotArns=[f"arn:aws:s3:::{bucket}/exported-0001.rdb", f"arn:aws:s3:::{bucket}/exported-0002.rdb"],
    )
    available(endpoint, "imported")
    with endpoint.redis("imported") as client:
        assert count(client) == KEYS
        assert read(client, ["set:1999", "string:0"]) == {
            key: expected()[key] for key in ("set:1999", "string:0")
        }
    memorydb.delete_cluster(ClusterName="imported")


def test_a_missing_bucket_is_refused(endpoint: Endpoint, snapshot: str) -> None:
    memorydb = endpoint.client("memorydb")
    with pytest.raises(memorydb.exceptions.InvalidParameterValueException):
        memorydb.copy_snapshot(
            SourceSnapshotName=snapshot, TargetSnapshotName="nowhere", TargetBucket="there-is-no-such-bucket"
        )
