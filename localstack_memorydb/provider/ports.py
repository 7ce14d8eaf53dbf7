"""What the provider needs of the world outside: an object store, a network, topics, keys, metrics. A host implements each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Scope:
    """On whose behalf and where the outside is asked."""

    account: str
    region: str
    partition: str = "aws"


class NoSuchBucket(Exception):
    """There is no bucket of that name."""


class NoSuchObject(Exception):
    """The bucket holds no object of that key."""


class ObjectAccessDenied(Exception):
    """The account may not do this with the bucket or the object."""


class ObjectStore(Protocol):
    """Amazon S3. Called from any thread."""

    def bucket_region(self, scope: Scope, bucket: str) -> str:
        """The Region of the bucket, `us-east-1` spelled out; raises NoSuchBucket."""
        ...

    def bucket_policy(self, scope: Scope, bucket: str) -> str | None:
        """The bucket's policy as JSON text, None when it has none; raises NoSuchBucket."""
        ...

    def owns_bucket(self, scope: Scope, bucket: str) -> bool:
        """Whether the bucket is the account's own; raises NoSuchBucket."""
        ...

    def has_object(self, scope: Scope, bucket: str, key: str) -> bool:
        """Whether the bucket holds an object of that key."""
        ...

    def put_object(self, scope: Scope, bucket: str, key: str, body: bytes) -> None:
        """Write an object; raises NoSuchBucket, ObjectAccessDenied."""
        ...

    def get_object(self, scope: Scope, bucket: str, key: str) -> bytes:
        """The object's bytes; raises NoSuchBucket, NoSuchObject, ObjectAccessDenied."""
        ...


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet; `network_types` are those of the MemoryDB API: ipv4, ipv6, dual_stack.

    `zone_id` tells its Availability Zone the same for every account: use1-az3.
    """

    identifier: str
    vpc_id: str
    availability_zone: str
    network_types: tuple[str, ...] = ("ipv4",)
    zone_id: str = ""


class NoSuchSubnet(Exception):
    """There is no subnet of that identifier, which is the first argument."""


class NoSuchSecurityGroup(Exception):
    """There is no security group of that identifier, which is the first argument."""


class Network(Protocol):
    """Amazon EC2. Called from any thread."""

    def subnets(self, scope: Scope, identifiers: Sequence[str]) -> list[Subnet]:
        """The subnets in the order asked for; raises NoSuchSubnet."""
        ...

    def default_subnets(self, scope: Scope) -> list[Subnet]:
        """The subnets of the default VPC, none when there is no default VPC."""
        ...

    def security_group_vpcs(self, scope: Scope, identifiers: Sequence[str]) -> list[str]:
        """The VPC of each security group, in the order asked for; raises NoSuchSecurityGroup."""
        ...


@dataclass(frozen=True, slots=True)
class Secret:
    """What requests of an access key are signed with; temporary ones come with a session token, None is any or none."""

    access_key: str = field(repr=False)
    session_token: str | None = field(default="", repr=False)


class Keys(Protocol):
    """AWS IAM and STS. Called from any thread."""

    def secrets(self, scope: Scope, access_key: str) -> list[Secret] | None:
        """The secrets of an access key of this account, none when it is inactive or has expired; None for an unknown key."""
        ...

    def account(self, access_key: str) -> str:
        """The account whose requests are signed with an access key."""
        ...


class NoSuchTopic(Exception):
    """There is no topic of that ARN."""


class Topics(Protocol):
    """Amazon SNS. Called from a thread of the provider's, one call at a time."""

    def publish(self, topic_arn: str, message: str) -> None:
        """Send a message to a topic of the ARN's account and Region; raises NoSuchTopic."""
        ...


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key of KMS: `state` as DescribeKey tells it, `symmetric` when it encrypts data with one secret.

    `policy` is its policy as JSON text, which may let other accounts use it.
    """

    arn: str
    state: str = "Enabled"
    symmetric: bool = True
    policy: str = field(default="", repr=False)


class NoSuchEncryptionKey(Exception):
    """There is no key of that name in the Region."""


class EncryptionKeys(Protocol):
    """AWS KMS. Called from any thread."""

    def find(self, scope: Scope, key: str) -> EncryptionKey | None:
        """The key of an identifier, an alias, or an ARN of either; raises NoSuchEncryptionKey.

        None when the host has no KMS to ask.
        """
        ...


@dataclass(frozen=True, slots=True)
class Datum:
    """What a metric was at one moment. Several samples are told as their number, sum, minimum and maximum."""

    name: str
    unit: str
    dimensions: tuple[tuple[str, str], ...]
    samples: tuple[float, ...]


class MetricsUnavailable(Exception):
    """The host has no CloudWatch; the text says why."""


class Metrics(Protocol):
    """Amazon CloudWatch. Called from any thread."""

    def put(self, scope: Scope, namespace: str, data: Sequence[Datum], at: datetime) -> None:
        """Take in what metrics were at that time; raises MetricsUnavailable."""
        ...


class EventBus(Protocol):
    """The account's default event bus of Amazon EventBridge. Called from a thread of the provider's, one call at a time."""

    def put(self, scope: Scope, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Send an event; where there is no rule, there is nothing to do."""
        ...


class Tokens(Protocol):
    """IAM authentication. Called from the engine's thread, so it must be quick."""

    def verify(self, scope: Scope, cluster: str, user: str, token: str, now: int) -> bool:
        """Whether the token lets the user connect to the cluster at `now` (unix time in ms)."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside that the provider uses.

    Without `tokens` nobody authenticates with IAM, without `topics` nobody is notified, without `encryption_keys` any
    key is taken for one, without `metrics` nothing is measured, without `bus` EventBridge hears of no call.
    """

    objects: ObjectStore
    network: Network
    tokens: Tokens | None = None
    topics: Topics | None = None
    encryption_keys: EncryptionKeys | None = None
    metrics: Metrics | None = None
    bus: EventBus | None = None
