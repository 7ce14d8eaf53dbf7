"""moto's mock_aws in this process, with real clusters behind the MemoryDB API."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
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

BLOCKS = """
import asyncio, boto3, socket, unittest
from moto import mock_aws
from localstack_memorydb.integrations.moto import emulator, mock_memorydb

def create(name="orders"):
    memorydb = boto3.client("memorydb", region_name="eu-west-1")
    memorydb.create_cluster(ClusterName=name, NodeType="db.t4g.small", ACLName="open-access")
    return memorydb.describe_clusters(ClusterName=name)["Clusters"][0]["ClusterEndpoint"]

def answers(endpoint):
    try:
        socket.create_connection((endpoint["Address"], endpoint["Port"]), timeout=2).close()
    except ConnectionRefusedError:
        return False
    return True

with mock_aws():
    print("moto's:", create()["Address"].endswith("amazonaws.com"))
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="kept")
    with mock_memorydb() as here:
        endpoint = create()
        print("inside:", answers(endpoint), here.ca_certificate[:10])
        print([row["Name"] for row in boto3.client("s3", region_name="us-east-1").list_buckets()["Buckets"]])
    print("after:", answers(endpoint), create("second")["Address"].endswith("amazonaws.com"))

with mock_aws(), mock_memorydb():
    print("both:", answers(create()))

@mock_memorydb
def test(number):
    return number, answers(create()), emulator().ca_certificate[:10]

@mock_memorydb()
async def asynchronous_test(number):
    await asyncio.sleep(0)
    return number, answers(create())

@mock_memorydb
class Tests(unittest.TestCase):
    def setUp(self):
        self.endpoint = create()

    def test_one(self):
        assert answers(self.endpoint)

    def test_another(self):
        assert answers(self.endpoint)

print("function:", test(1), test(2))
print("coroutine:", asyncio.run(asynchronous_test(3)))
print("class:", unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(Tests)))
with mock_memorydb():
    pass
with mock_aws():
    print("moto's again:", create()["Address"].endswith("amazonaws.com"))
"""


@pytest.fixture
def printed(tmp_path: Path) -> Callable[[str], list[str]]:
    """What a program prints, in a process of its own: installing changes moto for good."""

    def run(program: str) -> list[str]:
        ended = subprocess.run(
            [sys.executable, "-W", "error::ResourceWarning", "-c", program],
            env=environment(tmp_path, {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}),
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.splitlines()

    return run


def test_mock_memorydb_has_real_clusters_for_a_block_a_function_a_class(
    printed: Callable[[str], list[str]],
) -> None:
    assert printed(BLOCKS) == [
        "moto's: True",
        "inside: True b'-----BEGIN'",
        "['kept']",
        "after: False True",
        "both: True",
        "function: (1, True, b'-----BEGIN') (2, True, b'-----BEGIN')",
        "coroutine: (3, True)",
        "class: <unittest.runner.TextTestResult run=2 errors=0 failures=0>",
        "moto's again: True",
    ]


METHODS = """
import boto3
from localstack_memorydb.integrations.moto import mock_memorydb

def clusters():
    return [row["Name"] for row in boto3.client("memorydb", region_name="eu-west-1").describe_clusters()["Clusters"]]

@mock_memorydb
class TestOrders:
    def setup_method(self):
        boto3.client("memorydb", region_name="eu-west-1").create_cluster(
            ClusterName="orders", NodeType="db.t4g.small", ACLName="open-access"
        )

    def teardown_method(self, method):
        print(method.__name__, "leaves", clusters())

    def test_one(self):
        assert clusters() == ["orders"]

    def test_another(self):
        assert clusters() == ["orders"]
"""


def test_a_class_whose_setup_does_not_ask_for_the_method(tmp_path: Path) -> None:
    (tmp_path / "test_orders.py").write_text(METHODS)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "test_orders.py"],
        env=environment(tmp_path, {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "test_one leaves ['orders']" in ended.stdout
    assert "2 passed" in ended.stdout, ended.stdout


def test_mock_aws_has_real_clusters(printed: Callable[[str], list[str]]) -> None:
    assert printed(PROGRAM) == [
        "arn:aws:memorydb:eu-west-1:123456789012:cluster/orders",
        "['first-copy-0001.rdb']",
        "ClusterNotFoundFault",
        "closed",
        "[]",
    ]
