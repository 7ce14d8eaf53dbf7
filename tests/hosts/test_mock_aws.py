"""moto's mock_aws in this process, with real clusters behind the MemoryDB API."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .endpoint import environment

PROGRAM = """
import boto3, socket
from moto import mock_aws
from redis.cluster import RedisCluster
from localstack_memorydb.integrations.moto import install

emulator = install()
assert install() is emulator
assert not emulator.opened

def client(service):
    return boto3.client(service, region_name="eu-west-1")

with mock_aws():
    memorydb = client("memorydb")
    cluster = memorydb.create_cluster(ClusterName="orders", NodeType="db.t4g.small", ACLName="open-access")["Cluster"]
    print(cluster["ARN"])
    endpoint = memorydb.describe_clusters(ClusterName="orders")["Clusters"][0]["ClusterEndpoint"]
    redis = RedisCluster(
        host=endpoint["Address"], port=endpoint["Port"], ssl=True, ssl_ca_data=emulator.ca_certificate.decode()
    )
    redis.set("greeting", "hello")
    memorydb.create_snapshot(ClusterName="orders", SnapshotName="first")
    client("s3").create_bucket(Bucket="exports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    memorydb.copy_snapshot(SourceSnapshotName="first", TargetSnapshotName="first-copy", TargetBucket="exports")
    print([row["Key"] for row in client("s3").list_objects_v2(Bucket="exports")["Contents"]])
    try:
        memorydb.describe_clusters(ClusterName="missing")
    except memorydb.exceptions.ClusterNotFoundFault as error:
        print(error.response["Error"]["Code"])
    redis.close()

try:
    socket.create_connection((endpoint["Address"], endpoint["Port"]), timeout=2)
except ConnectionRefusedError:
    print("closed")

with mock_aws():
    print(client("memorydb").describe_clusters()["Clusters"])
"""


@pytest.fixture
def answer(tmp_path: Path) -> list[str]:
    """What the program prints, in a process of its own: installing changes moto for good."""
    ended = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", PROGRAM],
        env=environment(tmp_path, {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_mock_aws_has_real_clusters(answer: list[str]) -> None:
    assert answer == [
        "arn:aws:memorydb:eu-west-1:123456789012:cluster/orders",
        "['first-copy-0001.rdb']",
        "ClusterNotFoundFault",
        "closed",
        "[]",
    ]
