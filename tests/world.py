"""A small AWS for the tests of the provider: the provider over a real engine, a clock that stands still, a bucket, subnets.

`aws("CreateCluster", ClusterName="orders", ...)` calls the API; `refused` gives the error's code and text.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from localstack_memorydb.engine import Engine, EngineSettings
from localstack_memorydb.provider import Call, Fault, Options, Ports, Provider
from localstack_memorydb.provider.persistence import StateDirectory
from localstack_memorydb.provider.ports import (
    Datum,
    EncryptionKey,
    MetricsUnavailable,
    NoSuchBucket,
    NoSuchEncryptionKey,
    NoSuchObject,
    NoSuchSecurityGroup,
    NoSuchSubnet,
    NoSuchTopic,
    ObjectAccessDenied,
    Scope,
    Subnet,
)

ACCOUNT = "123456789012"
REGION = "us-east-1"
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Buckets:
    """S3 in a dictionary. Buckets are made by naming their Region; every account takes one for its own, unless its owner is named."""

    def __init__(self) -> None:
        self.regions: dict[str, str] = {}
        self.policies: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.objects: dict[tuple[str, str], bytes] = {}
        self.locked: set[str] = set()

    def bucket_region(self, scope: Scope, bucket: str) -> str:
        if bucket not in self.regions:
            raise NoSuchBucket(bucket)
        return self.regions[bucket]

    def bucket_policy(self, scope: Scope, bucket: str) -> str | None:
        self.bucket_region(scope, bucket)
        return self.policies.get(bucket)

    def owns_bucket(self, scope: Scope, bucket: str) -> bool:
        self.bucket_region(scope, bucket)
        return bucket not in self.owners or self.owners[bucket] == scope.account

    def has_object(self, scope: Scope, bucket: str, key: str) -> bool:
        return (bucket, key) in self.objects

    def put_object(self, scope: Scope, bucket: str, key: str, body: bytes) -> None:
        if bucket in self.locked:
            raise ObjectAccessDenied(key)
        self.objects[bucket, key] = body

    def get_object(self, scope: Scope, bucket: str, key: str) -> bytes:
        self.bucket_region(scope, bucket)
        if bucket in self.locked:
            raise ObjectAccessDenied(key)
        if (bucket, key) not in self.objects:
            raise NoSuchObject(key)
        return self.objects[bucket, key]


class Subnets:
    """EC2 in a dictionary: a default VPC with two subnets, another VPC with three, one for IPv6 only, and one in a zone
    without MemoryDB. Security groups sg-1, sg-2 and sg-3 are of the default VPC, sg-own is of the other."""

    def __init__(self) -> None:
        self.default = [Subnet(f"subnet-default-{zone}", "vpc-default", REGION + zone) for zone in "ab"]
        own = [Subnet(f"subnet-{zone}", "vpc-own", REGION + zone) for zone in "abc"]
        both = Subnet("subnet-both", "vpc-own", f"{REGION}a", ("ipv4", "dual_stack"))
        six = Subnet("subnet-six", "vpc-own", f"{REGION}a", ("ipv6",))
        far = Subnet("subnet-e", "vpc-own", f"{REGION}e", zone_id="use1-az3")
        self.known = {subnet.identifier: subnet for subnet in (*self.default, *own, both, six, far)}
        self.groups = {f"sg-{number}": "vpc-default" for number in (1, 2, 3)} | {"sg-own": "vpc-own"}

    def subnets(self, scope: Scope, identifiers: Sequence[str]) -> list[Subnet]:
        for identifier in identifiers:
            if identifier not in self.known:
                raise NoSuchSubnet(identifier)
        return [self.known[identifier] for identifier in identifiers]

    def default_subnets(self, scope: Scope) -> list[Subnet]:
        return self.default

    def security_group_vpcs(self, scope: Scope, identifiers: Sequence[str]) -> list[str]:
        for identifier in identifiers:
            if identifier not in self.groups:
                raise NoSuchSecurityGroup(identifier)
        return [self.groups[identifier] for identifier in identifiers]


class Topics:
    """SNS in a list: what each topic was told. Topics are made by naming them."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.published: list[tuple[str, dict[str, str]]] = []

    def create(self, name: str = "ops") -> str:
        arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
        self.known.add(arn)
        return arn

    def publish(self, topic_arn: str, message: str) -> None:
        if topic_arn not in self.known:
            raise NoSuchTopic(topic_arn)
        self.published.append((topic_arn, json.loads(message)))


class EncryptionKeys:
    """KMS in a dictionary: the key 1234 with the alias alias/shop, and one in each state in which a key is of no use."""

    def __init__(self) -> None:
        self.policy = ""
        self.states = {"1234": "Enabled", "5678": "Disabled", "9012": "PendingDeletion", "rsa": "Enabled"}

    def find(self, scope: Scope, key: str) -> EncryptionKey:
        name = key.rpartition(":")[2].removeprefix("key/").replace("alias/shop", "1234")
        if name not in self.states:
            raise NoSuchEncryptionKey(key)
        owner = key.split(":")[4] if key.startswith("arn:") else scope.account
        arn = f"arn:{scope.partition}:kms:{scope.region}:{owner}:key/{name}"
        return EncryptionKey(arn, self.states[name], name != "rsa", self.policy)


class Metrics:
    """CloudWatch in a list. It can be out of order."""

    def __init__(self) -> None:
        self.data: list[Datum] = []
        self.scopes: list[Scope] = []
        self.times: list[datetime] = []
        self.working = True

    def put(self, scope: Scope, namespace: str, data: Sequence[Datum], at: datetime) -> None:
        if not self.working:
            raise MetricsUnavailable("CloudWatch is switched off")
        assert namespace == "AWS/MemoryDB"
        self.data += data
        self.scopes.append(scope)
        self.times.append(at)


class Bus:
    """EventBridge in a list: what its default bus was told, and where."""

    def __init__(self) -> None:
        self.events: list[tuple[Scope, dict[str, Any]]] = []

    def put(self, scope: Scope, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        assert (source, detail_type) == ("aws.memorydb", "AWS API Call via CloudTrail")
        self.events.append((scope, json.loads(json.dumps(detail))))


class World:
    """The API as one account sees it in one Region. The clock moves by `pass_time` only."""

    def __init__(
        self, engine: Engine, options: Options, directory: Path | None = None, now: datetime = START
    ) -> None:
        self.buckets = Buckets()
        self.network = Subnets()
        self.topics = Topics()
        self.keys = EncryptionKeys()
        self.metrics = Metrics()
        self.bus = Bus()
        self.now = now
        self.provider = Provider(
            engine,
            Ports(
                self.buckets,
                self.network,
                topics=self.topics,
                encryption_keys=self.keys,
                metrics=self.metrics,
                bus=self.bus,
            ),
            replace(options, check_answers=True),
            StateDirectory(directory) if directory else None,
        )
        self.provider.load(now)

    def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.at(ACCOUNT, REGION, operation, **params)

    def at(self, account: str, region: str, operation: str, **params: Any) -> dict[str, Any]:
        """A call by another account, or in another Region."""
        return self.provider.invoke(operation, Call(account, region, self.now), params)

    def refused(self, operation: str, **params: Any) -> tuple[str, str]:
        """Code and text of the error that the call must end in."""
        with pytest.raises(Fault) as refusal:
            self(operation, **params)
        return refusal.value.code, refusal.value.message

    def refusal(self, operation: str, **params: Any) -> str:
        """The code alone."""
        return self.refused(operation, **params)[0]

    def pass_time(self, **amount: float) -> None:
        self.now += timedelta(**amount)

    def tick(self) -> None:
        """What a host's timer does once a second."""
        self.provider.tick(self.now)

    def create_cluster(self, name: str = "orders", **params: Any) -> dict[str, Any]:
        """A cluster with defaults, available on return; the answer of DescribeClusters."""
        request = {"ClusterName": name, "NodeType": "db.t4g.small", "ACLName": "open-access", **params}
        self("CreateCluster", **request)
        return self.settled_cluster(name)

    def create_snapshot(
        self, cluster: str = "orders", name: str = "nightly", **params: Any
    ) -> dict[str, Any]:
        """A snapshot, ready on return; the answer of DescribeSnapshots."""
        self("CreateSnapshot", ClusterName=cluster, SnapshotName=name, **params)
        self.finish_work()
        return self.snapshot(name)

    def settled_cluster(self, name: str = "orders") -> dict[str, Any]:
        """The cluster with its shards, once no work runs."""
        self.finish_work()
        return self.cluster(name)

    def cluster(self, name: str = "orders") -> dict[str, Any]:
        """The cluster with its shards, as it is now."""
        answer = self("DescribeClusters", ClusterName=name, ShowShardDetails=True)
        return dict(answer["Clusters"][0])

    def snapshot(self, name: str = "nightly") -> dict[str, Any]:
        """The snapshot with its shards."""
        return dict(self("DescribeSnapshots", SnapshotName=name, ShowDetail=True)["Snapshots"][0])

    def events(self) -> list[str]:
        """The texts of the last hour's events, newest first."""
        return [event["Message"] for event in self("DescribeEvents")["Events"]]

    def notices(self, topic_arn: str) -> list[tuple[str, str]]:
        """What a topic was told since the last time: names and clusters, oldest first."""
        assert self.provider.wait_for_outbox(60), "telling takes too long"
        told = [pair for arn, said in self.topics.published if arn == topic_arn for pair in said.items()]
        self.topics.published.clear()
        return told

    def recorded(self) -> list[dict[str, Any]]:
        """The calls that EventBridge was told of since the last time."""
        assert self.provider.wait_for_outbox(60), "telling takes too long"
        told = [detail for _, detail in self.bus.events]
        self.bus.events.clear()
        return told

    def measure(self, name: str = "orders") -> dict[str, dict[str, tuple[float, ...]]]:
        """What CloudWatch is told of a cluster now: samples by metric, for each node and, under "", for all together."""
        self.metrics.data.clear()
        self.provider.publish_metrics(self.now)
        found: dict[str, dict[str, tuple[float, ...]]] = {}
        for datum in self.metrics.data:
            dimensions = dict(datum.dimensions)
            node = dimensions.pop("NodeName", "")
            if dimensions == {"ClusterName": name}:
                found.setdefault(node, {})[datum.name] = datum.samples
        return found

    def finish_work(self) -> None:
        assert self.provider.wait_for_work(60), "work takes too long"


def open_world(engine: Engine, **options: Any) -> Iterator[World]:
    world = World(engine, Options(**options))
    yield world
    world.provider.close()


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with Engine(EngineSettings(bind="auto")) as engine:
        yield engine


@pytest.fixture
def aws(engine: Engine) -> Iterator[World]:
    """An account in which everything takes no longer than its work."""
    yield from open_world(engine)


@pytest.fixture
def slow_aws(engine: Engine) -> Iterator[World]:
    """An account in which every transitional state lasts a minute."""
    yield from open_world(engine, transition_delay=60.0)


def say(aws: World, *commands: str, endpoint: dict[str, Any] | None = None) -> list[str]:
    """What the cluster `orders`, or the node at an endpoint, answers over TLS: the first line of each reply."""
    endpoint = endpoint or aws.cluster()["ClusterEndpoint"]
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((endpoint["Address"], endpoint["Port"]), 5) as plain,
        context.wrap_socket(plain) as connection,
    ):
        lines = connection.makefile("rb")
        answers = []
        for command in commands:
            connection.sendall(command.encode() + b"\r\n")
            answers.append(lines.readline().decode().rstrip())
        return answers
