"""The provider's ports, answered by LocalStack's own services, mostly through its internal clients."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to
from localstack.services.plugins import SERVICE_PLUGINS

from localstack_memorydb.integrations.iam_tokens import Tokens
from localstack_memorydb.integrations.localstack.metrics import LocalStackMetrics
from localstack_memorydb.provider.ports import (
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


def ports() -> Ports:
    """All ports."""
    return Ports(
        LocalStackObjects(),
        LocalStackNetwork(),
        Tokens(LocalStackKeys()),
        LocalStackTopics(),
        LocalStackEncryptionKeys(),
        LocalStackMetrics(),
        LocalStackEventBus(),
    )


def _clients(scope: Scope) -> Any:
    """Clients of the caller's account; LocalStack takes a 12-digit access key for the account itself."""
    return connect_to(aws_access_key_id=scope.account, region_name=scope.region)


class LocalStackObjects:
    """S3 as LocalStack keeps it."""

    def bucket_region(self, scope: Scope, bucket: str) -> str:
        with _translated(bucket):
            where = _clients(scope).s3.get_bucket_location(Bucket=bucket).get("LocationConstraint")
        return {"": "us-east-1", "EU": "eu-west-1"}.get(where or "", str(where))

    def bucket_policy(self, scope: Scope, bucket: str) -> str | None:
        try:
            with _translated(bucket):
                return str(_clients(scope).s3.get_bucket_policy(Bucket=bucket)["Policy"])
        except ClientError as error:
            if _code(error) == "NoSuchBucketPolicy":
                return None
            raise

    def owns_bucket(self, scope: Scope, bucket: str) -> bool:
        try:
            with _translated(bucket):  # few of its operations look at the expected owner
                _clients(scope).s3.get_bucket_policy(Bucket=bucket, ExpectedBucketOwner=scope.account)
        except ObjectAccessDenied:
            return False
        except ClientError as error:
            if _code(error) != "NoSuchBucketPolicy":
                raise
        return True

    def has_object(self, scope: Scope, bucket: str, key: str) -> bool:
        try:
            with _translated(bucket, key):
                self._s3(scope).head_object(Bucket=bucket, Key=key)
        except NoSuchObject:
            self.bucket_region(scope, bucket)  # a HEAD request cannot say which of the two is missing
            return False
        return True

    def put_object(self, scope: Scope, bucket: str, key: str, body: bytes) -> None:
        with _translated(bucket, key):
            self._s3(scope).put_object(Bucket=bucket, Key=key, Body=body)

    def get_object(self, scope: Scope, bucket: str, key: str) -> bytes:
        with _translated(bucket, key):
            return bytes(self._s3(scope).get_object(Bucket=bucket, Key=key)["Body"].read())

    @staticmethod
    def _s3(scope: Scope) -> Any:
        return _clients(scope).s3.request_metadata(service_principal="memorydb")


class LocalStackNetwork:
    """Subnets and security groups as LocalStack's EC2 keeps them; every region of every account has a default VPC."""

    def subnets(self, scope: Scope, identifiers: Sequence[str]) -> list[Subnet]:
        ec2 = _clients(scope).ec2
        found = []
        for identifier in identifiers:
            try:
                found += ec2.describe_subnets(SubnetIds=[identifier])["Subnets"]
            except ClientError as error:
                if _code(error).startswith("InvalidSubnetID"):
                    raise NoSuchSubnet(identifier) from None
                raise
        return [_subnet(row) for row in found]

    def default_subnets(self, scope: Scope) -> list[Subnet]:
        chosen = [{"Name": "default-for-az", "Values": ["true"]}]
        rows = _clients(scope).ec2.describe_subnets(Filters=chosen)["Subnets"]
        return [_subnet(row) for row in rows]

    def security_group_vpcs(self, scope: Scope, identifiers: Sequence[str]) -> list[str]:
        ec2 = _clients(scope).ec2
        found = []
        for identifier in identifiers:
            try:
                rows = ec2.describe_security_groups(GroupIds=[identifier])["SecurityGroups"]
            except ClientError as error:
                if _code(error).startswith("InvalidGroup"):
                    raise NoSuchSecurityGroup(identifier) from None
                raise
            found += [str(row["VpcId"]) for row in rows]
        return found


class LocalStackKeys:
    """Access keys as LocalStack's IAM and STS keep them; its API shows a secret only once, when a key is made."""

    def secrets(self, scope: Scope, access_key: str) -> list[Secret] | None:
        of_user = self._of_user(scope, access_key)
        return self._of_session(scope, access_key) if of_user is None else of_user

    @staticmethod
    def _of_user(scope: Scope, access_key: str) -> list[Secret] | None:
        try:
            from localstack.services.iam.models import iam_stores
        except ImportError:  # up to 4.13 users are moto's, which this adapter does not reach into
            return None
        store = iam_stores[scope.account]["us-east-1"]
        user = store.USERS.get(store.ACCESS_KEY_INDEX.get(access_key, ""))
        entity = user.access_keys.get(access_key) if user is not None else None
        if entity is None:
            return None
        key = entity.access_key
        return [Secret(key["SecretAccessKey"])] if key["Status"] == "Active" else []

    @staticmethod
    def _of_session(scope: Scope, access_key: str) -> list[Secret] | None:
        from localstack.services.sts.models import sts_stores

        found = getattr(sts_stores[scope.account]["us-east-1"], "credentials", {}).get(access_key)
        if found is None:
            return None
        if found.account_id != scope.account or found.is_expired():
            return []
        return [Secret(found.secret_access_key, found.session_token)]

    def account(self, access_key: str) -> str:
        from localstack.aws.accounts import get_account_id_from_access_key_id

        return str(get_account_id_from_access_key_id(access_key))


class LocalStackTopics:
    """SNS as LocalStack keeps it; its own threads bring a message to the subscribers."""

    def publish(self, topic_arn: str, message: str) -> None:
        _, partition, _, region, account, _ = topic_arn.split(":")
        sns = _clients(Scope(account, region, partition)).sns.request_metadata(service_principal="memorydb")
        try:
            sns.publish(TopicArn=topic_arn, Message=message)
        except ClientError as error:
            if _code(error) == "NotFound":
                raise NoSuchTopic(topic_arn) from None
            raise


class LocalStackEncryptionKeys:
    """Keys as LocalStack's KMS keeps them."""

    def find(self, scope: Scope, key: str) -> EncryptionKey | None:
        try:
            found = _clients(scope).kms.describe_key(KeyId=key)["KeyMetadata"]
            policy = _policy(scope, found["Arn"])
        except ClientError as error:
            if _code(error) in {"NotFoundException", "InvalidArnException", "ValidationException"}:
                raise NoSuchEncryptionKey(key) from None
            return None  # SERVICES leaves KMS out, or it does not start on this Python
        return EncryptionKey(found["Arn"], found["KeyState"], found["KeySpec"] == "SYMMETRIC_DEFAULT", policy)


def _policy(scope: Scope, arn: str) -> str:
    """The policy of another account's key, which LocalStack lets everybody describe."""
    owner = Scope(arn.split(":")[4], scope.region, scope.partition)
    return "" if owner == scope else str(_clients(owner).kms.get_key_policy(KeyId=arn)["Policy"])


class LocalStackEventBus:
    """EventBridge as LocalStack keeps it. It is not started for this: where it does not run there is no rule."""

    def put(self, scope: Scope, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        if SERVICE_PLUGINS.is_running("events"):
            event = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
            _clients(scope).events.put_events(Entries=[event])


def _subnet(row: dict[str, Any]) -> Subnet:
    if row.get("Ipv6Native"):
        kinds: tuple[str, ...] = ("ipv6",)
    else:
        kinds = ("ipv4", "dual_stack") if row.get("Ipv6CidrBlockAssociationSet") else ("ipv4",)
    return Subnet(
        row["SubnetId"], row["VpcId"], row["AvailabilityZone"], kinds, row.get("AvailabilityZoneId", "")
    )


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


@contextmanager
def _translated(bucket: str, key: str = "") -> Iterator[None]:
    """S3's error codes as the ports' exceptions."""
    try:
        yield
    except ClientError as error:
        match _code(error):
            case "NoSuchBucket":
                raise NoSuchBucket(bucket) from None
            case "NoSuchKey" | "404":
                raise NoSuchObject(key) from None
            case "AccessDenied" | "403":
                raise ObjectAccessDenied(bucket) from None
        raise
