"""What a restore does with files of a real server, with broken ones, and with buckets that do not let it in."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.ports import free_port

from .endpoint import Endpoint
from .test_story import answers, available, cluster, until

BUCKET = "restores"


@pytest.fixture(scope="module")
def bucket(endpoint: Endpoint) -> str:
    endpoint.client("s3").create_bucket(Bucket=BUCKET)
    return BUCKET


@pytest.fixture(scope="module", params=["valkey", "redis"])
def dump(
    request: pytest.FixtureRequest, valkey_server: str, tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """A file that a real server saved: compact and general encodings, a deadline, a compressed string."""
    program = valkey_server if request.param == "valkey" else "redis-server"
    directory: Path = tmp_path_factory.mktemp("real")
    port = free_port()
    try:
        server = subprocess.Popen(
            [program, "--port", str(port), "--save", "", "--dir", str(directory)], stdout=subprocess.DEVNULL
        )
    except FileNotFoundError:
        pytest.skip(f"{program} is not installed")
    try:
        until(lambda: answers(port))
        with Redis(port=port) as real:
            real.set("text", "ab" * 5000)
            real.set("lasting", "1", px=3_600_000)
            real.rpush("list", *range(1000))
            real.sadd("numbers", *range(300))
            real.hset("hash", mapping={str(n): "x" * n for n in range(100)})
            real.zadd("scores", {"a": 1.5, "b": float("inf")})
            real.save()
    finally:
        server.kill()
        server.wait()
    return (directory / "dump.rdb").read_bytes()


def restore(endpoint: Endpoint, name: str, *keys: str) -> None:
    endpoint.client("memorydb").create_cluster(
        ClusterName=name,
        NodeType="db.t4g.small",
        ACLName="open-access",
        NumShards=2,
        NumReplicasPerShard=0,
        SnapshotArns=[f"arn:aws:s3:::{BUCKET}/{key}" for key in keys],
    )


def test_a_file_of_a_real_server_is_restored(endpoint: Endpoint, bucket: str, dump: bytes) -> None:
    endpoint.client("s3").put_object(Bucket=bucket, Key="real.rdb", Body=dump)
    restore(endpoint, "from-real", "real.rdb")
    available(endpoint, "from-real")
    with endpoint.redis("from-real") as client:
        assert client.get("text") == b"ab" * 5000
        assert 3_500_000 < client.pttl("lasting") <= 3_600_000
        assert client.lrange("list", 0, -1) == [b"%d" % n for n in range(1000)]
        assert client.scard("numbers") == 300
        assert client.hget("hash", "99") == b"x" * 99
        assert [tuple(row) for row in client.zrange("scores", 0, -1, withscores=True)] == [
            (b"a", 1.5),
            (b"b", float("inf")),
        ]
    endpoint.client("memorydb").delete_cluster(ClusterName="from-real")


def test_a_broken_file_fails_the_restore_and_nothing_else(
    endpoint: Endpoint, bucket: str, dump: bytes
) -> None:
    memorydb, s3 = endpoint.client("memorydb"), endpoint.client("s3")
    broken = {
        "truncated.rdb": dump[: len(dump) // 2],
        "foreign.rdb": b"\x89PNG\r\n\x1a\n",
        "corrupt.rdb": flip(dump),
    }
    restore_sound(endpoint, bucket, dump)
    for key, body in broken.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        restore(endpoint, "broken", key)
        until(lambda: cluster(endpoint, "broken")["Status"] == "restore-failed")
        messages = [
            row["Message"]
            for row in memorydb.describe_events(SourceName="broken", SourceType="cluster")["Events"]
        ]
        assert any("Restore from" in message for message in messages)
        with endpoint.redis("sound") as client:
            assert client.get("text") == b"ab" * 5000
        memorydb.delete_cluster(ClusterName="broken")
        until(lambda: "broken" not in {row["Name"] for row in memorydb.describe_clusters()["Clusters"]})
    memorydb.delete_cluster(ClusterName="sound")


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def restore_sound(endpoint: Endpoint, bucket: str, dump: bytes) -> None:
    endpoint.client("s3").put_object(Bucket=bucket, Key="sound.rdb", Body=dump)
    restore(endpoint, "sound", "sound.rdb")
    available(endpoint, "sound")


def test_a_missing_object_fails_the_restore(endpoint: Endpoint, bucket: str) -> None:
    restore(endpoint, "missing-object", "nothing.rdb")
    until(lambda: cluster(endpoint, "missing-object")["Status"] == "restore-failed")
    endpoint.client("memorydb").delete_cluster(ClusterName="missing-object")


def policy(bucket: str, *actions: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "us-east-1.memorydb-snapshot.amazonaws.com"},
                "Action": list(actions),
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            }
        ],
    }


def test_a_bucket_that_does_not_grant_enough_is_refused(endpoint: Endpoint) -> None:
    memorydb, s3 = endpoint.client("memorydb"), endpoint.client("s3")
    s3.create_bucket(Bucket="half-open")
    memorydb.create_cluster(
        ClusterName="half-open", NodeType="db.t4g.small", ACLName="open-access", NumReplicasPerShard=0
    )
    available(endpoint, "half-open")
    memorydb.create_snapshot(ClusterName="half-open", SnapshotName="half-open")
    until(
        lambda: memorydb.describe_snapshots(SnapshotName="half-open")["Snapshots"][0]["Status"] == "available"
    )
    copy = {"SourceSnapshotName": "half-open", "TargetSnapshotName": "out", "TargetBucket": "half-open"}
    s3.put_bucket_policy(Bucket="half-open", Policy=json.dumps(policy("half-open", "s3:GetObject")))
    with pytest.raises(memorydb.exceptions.InvalidParameterValueException, match="has not been granted"):
        memorydb.copy_snapshot(**copy)
    assert "Contents" not in s3.list_objects_v2(Bucket="half-open")
    s3.put_bucket_policy(Bucket="half-open", Policy=json.dumps(policy("half-open", "s3:*")))
    memorydb.copy_snapshot(**copy)
    until(lambda: s3.list_objects_v2(Bucket="half-open").get("KeyCount") == 1)
    with pytest.raises(memorydb.exceptions.SnapshotAlreadyExistsFault):
        memorydb.copy_snapshot(**copy)
    memorydb.delete_cluster(ClusterName="half-open")


def test_a_taken_port_on_every_address_falls_back_or_fails_plainly(endpoint: Endpoint) -> None:
    """With a server on every address of the port, nodes take ports of the range; the API says which."""
    with socket.socket() as everywhere:
        everywhere.bind(("", 0))
        everywhere.listen()
        port = everywhere.getsockname()[1]
        memorydb = endpoint.client("memorydb")
        memorydb.create_cluster(
            ClusterName="crowded",
            NodeType="db.t4g.small",
            ACLName="open-access",
            NumReplicasPerShard=0,
            Port=port,
        )
        described = available(endpoint, "crowded")
        assert described["ClusterEndpoint"]["Address"] == "127.0.0.1"
        with endpoint.redis("crowded") as client:
            assert client.set("k", "v")
        memorydb.delete_cluster(ClusterName="crowded")
