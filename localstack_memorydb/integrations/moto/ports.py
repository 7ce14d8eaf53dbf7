"""The provider's ports, answered by moto's own S3, EC2, IAM, SNS, KMS and CloudWatch in this process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from localstack_memorydb.integrations.iam_tokens import Tokens
from localstack_memorydb.provider.ports import (
    Datum,
    EncryptionKey,
    NoSuchBucket,
    NoSuchEncryptionKey,
    NoSuchObject,
    NoSuchSecurityGroup,
    NoSuchSubnet,
    NoSuchTopic,
    ObjectAccessDenied,
    Ports,
    Scope,
    Secret,
    Subnet,
)


def account_of_key(access_key: str) -> str:
    """The account of an access key by moto's rule: MOTO_ACCOUNT_ID, or who made the key, or the default."""
    from moto.iam.models import get_account_id_from

    return os.environ.get("MOTO_ACCOUNT_ID") or str(get_account_id_from(access_key))


def ports(account: Callable[[str], str] = account_of_key) -> Ports:
    """All ports; `account` is the host's rule for whose an access key is.

    moto's EC2 takes a second to import, so each is imported when first asked.
    """
    return Ports(
        MotoObjects(),
        MotoNetwork(),
        Tokens(MotoKeys(account)),
        MotoTopics(),
        MotoEncryptionKeys(),
        MotoMetrics(),
        MotoEventBus(),
    )


class MotoObjects:
    """S3 as moto keeps it: buckets are global, each belongs to one account."""

    def bucket_region(self, scope: Scope, bucket: str) -> str:
        return str(self._bucket(scope, bucket).region_name)

    def bucket_policy(self, scope: Scope, bucket: str) -> str | None:
        policy = self._bucket(scope, bucket).policy
        return policy.decode() if isinstance(policy, bytes) else policy

    def owns_bucket(self, scope: Scope, bucket: str) -> bool:
        return str(self._bucket(scope, bucket).account_id) == scope.account

    def has_object(self, scope: Scope, bucket: str, key: str) -> bool:
        self._bucket(scope, bucket)
        return self._live_key(scope, bucket, key) is not None

    def put_object(self, scope: Scope, bucket: str, key: str, body: bytes) -> None:
        self._bucket(scope, bucket)
        self._s3(scope).put_object(bucket, key, body)

    def get_object(self, scope: Scope, bucket: str, key: str) -> bytes:
        self._bucket(scope, bucket)
        found = self._live_key(scope, bucket, key)
        if found is None:
            raise NoSuchObject(key)
        return bytes(found.value)

    @staticmethod
    def _s3(scope: Scope) -> Any:
        from moto.s3.models import s3_backends

        return s3_backends[scope.account][scope.partition]

    def _bucket(self, scope: Scope, bucket: str) -> Any:
        from moto.s3.exceptions import AccessDeniedByLock, MissingBucket

        try:
            return self._s3(scope).get_bucket(bucket)
        except MissingBucket:
            raise NoSuchBucket(bucket) from None
        except AccessDeniedByLock:
            raise ObjectAccessDenied(bucket) from None

    def _live_key(self, scope: Scope, bucket: str, key: str) -> Any:
        """The newest version of a key; None for a key that is missing or deleted."""
        from moto.s3.models import FakeDeleteMarker

        found = self._s3(scope).get_object(bucket, key)
        return None if isinstance(found, FakeDeleteMarker) else found


class MotoNetwork:
    """Subnets and security groups as moto's EC2 keeps them; every region of every account has a default VPC."""

    def subnets(self, scope: Scope, identifiers: Sequence[str]) -> list[Subnet]:
        from moto.ec2.exceptions import InvalidSubnetIdError

        found = []
        for identifier in identifiers:
            try:
                found.append(_subnet(self._ec2(scope).get_subnet(identifier)))
            except InvalidSubnetIdError:
                raise NoSuchSubnet(identifier) from None
        return found

    def default_subnets(self, scope: Scope) -> list[Subnet]:
        return [_subnet(subnet) for subnet in self._ec2(scope).get_default_subnets().values()]

    def security_group_vpcs(self, scope: Scope, identifiers: Sequence[str]) -> list[str]:
        found = []
        for identifier in identifiers:
            group = self._ec2(scope).get_security_group_from_id(identifier)
            if group is None:
                raise NoSuchSecurityGroup(identifier)
            found.append(str(group.vpc_id))
        return found

    @staticmethod
    def _ec2(scope: Scope) -> Any:
        from moto.ec2.models import ec2_backends

        return ec2_backends[scope.account][scope.region]


class MotoKeys:
    """Access keys of users as moto's IAM keeps them, and of assumed roles as its STS does."""

    def __init__(self, account: Callable[[str], str]) -> None:
        self._account = account

    def secrets(self, scope: Scope, access_key: str) -> list[Secret] | None:
        from moto.core.utils import utcnow
        from moto.iam.models import iam_backends
        from moto.sts.models import sts_backends

        users = iam_backends[scope.account][scope.partition].users.values()
        for key in (key for user in users for key in user.access_keys):
            if key.access_key_id == access_key:
                return [Secret(key.secret_access_key)] if key.status == "Active" else []
        for role in sts_backends[scope.account][scope.partition].assumed_roles:
            if role.access_key_id == access_key:
                return (
                    [Secret(role.secret_access_key, role.session_token)] if utcnow() < role.expiration else []
                )
        return None

    def account(self, access_key: str) -> str:
        return self._account(access_key)


class MotoTopics:
    """SNS as moto keeps it; what is published reaches its subscribers before the call returns."""

    def publish(self, topic_arn: str, message: str) -> None:
        from moto.sns.exceptions import SNSNotFoundError
        from moto.sns.models import sns_backends

        _, _, _, region, account, _ = topic_arn.split(":")
        try:
            sns_backends[account][region].publish(message, topic_arn)
        except SNSNotFoundError:
            raise NoSuchTopic(topic_arn) from None


class MotoEncryptionKeys:
    """KMS as moto keeps it: an account and a Region have keys of their own."""

    def find(self, scope: Scope, key: str) -> EncryptionKey:
        from moto.kms.models import kms_backends

        account, region, path = scope.account, scope.region, key
        if key.startswith("arn:"):
            *_, region, account, path = key.split(":", 5)
        if region != scope.region:
            raise NoSuchEncryptionKey(key)
        backend = kms_backends[account][region]
        name = path.removeprefix("key/")
        identifier = backend.get_key_id_from_alias(name) if name.startswith("alias/") else name
        found = backend.keys.get(identifier)
        if found is None:
            raise NoSuchEncryptionKey(key)
        return EncryptionKey(
            str(found.arn), str(found.key_state), found.key_spec == "SYMMETRIC_DEFAULT", str(found.policy)
        )


class MotoMetrics:
    """CloudWatch as moto keeps it, and somebody who looks at the alarms."""

    def put(self, scope: Scope, namespace: str, data: Sequence[Datum], at: datetime) -> None:
        from localstack_memorydb.integrations.moto import alarms, metrics

        moment = at.replace(tzinfo=None)  # moto's times are naive, in UTC
        backend = metrics.backend_of(scope)
        metrics.put(backend, namespace, data, moment)
        alarms.evaluate(backend, scope.account, namespace, moment, MotoTopics().publish)


class MotoEventBus:
    """EventBridge as moto keeps it."""

    def put(self, scope: Scope, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        if "moto.events.models" not in sys.modules:  # nobody has made a rule
            return
        from moto.events.models import events_backends

        backend = events_backends[scope.account][scope.region]
        if backend.event_buses["default"].rules:
            event = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
            backend.put_events([event])


def _subnet(subnet: Any) -> Subnet:
    kinds = ("ipv4", "dual_stack") if subnet.ipv6_cidr_block_associations else ("ipv4",)
    return Subnet(subnet.id, subnet.vpc_id, subnet.availability_zone, kinds, subnet.availability_zone_id)
