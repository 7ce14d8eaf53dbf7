"""The KMS keys that data is encrypted with at rest. Which key it is, is recorded and looked up; nothing is encrypted here.

https://docs.aws.amazon.com/memorydb/latest/devguide/at-rest-encryption.html
"""

from __future__ import annotations

from typing import Final

from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import InvalidKMSKeyFault, InvalidParameterValueException
from localstack_memorydb.provider.grants import Ask, is_granted, statements_of
from localstack_memorydb.provider.ports import EncryptionKey, NoSuchEncryptionKey
from localstack_memorydb.provider.resources import Cluster

_USE: Final = "kms:CreateGrant"
"""What a service needs that keeps data encrypted with a key."""


def require_encryption_key(context: Context, key: str | None) -> str | None:
    """The ARN of the key that a request names in any of KMS's four ways; None when it names none.

    No operation that takes a key declares InvalidKMSKeyFault, so a bad one is a bad parameter.
    """
    if not key:
        return None
    keys = context.ports.encryption_keys
    try:
        found = keys.find(context.scope, key) if keys else None
    except NoSuchEncryptionKey:
        raise InvalidParameterValueException(f"KMS key {key} does not exist.") from None
    if found is None:
        return _arn(context, key)
    if not _is_ours(context, found):
        raise InvalidParameterValueException(f"KMS key {key} does not exist.")
    if (reason := _unusable(found)) is not None:
        raise InvalidParameterValueException(reason)
    return found.arn


def require_usable_key(context: Context, cluster: Cluster) -> None:
    """Refuse a change for which the data must be read while the cluster's key is disabled or about to be deleted.

    A key that is not known any more is passed: hosts forget their keys when they end, clusters may outlive that.
    """
    keys = context.ports.encryption_keys
    if keys is None or cluster.kms_key_id is None:
        return
    try:
        found = keys.find(context.scope, cluster.kms_key_id)
    except NoSuchEncryptionKey:
        return
    if found is not None and (reason := _unusable(found)) is not None:
        raise InvalidKMSKeyFault(reason)


def _is_ours(context: Context, key: EncryptionKey) -> bool:
    """Whether the key is the account's own, or its policy lets the account use it.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
    """
    account = context.call.account
    if key.arn.split(":")[4] == account:
        return True
    given = statements_of(key.policy)
    root = f"arn:{context.call.partition}:iam::{account}:root"
    return any(is_granted(given, Ask(who, _USE, key.arn, account)) for who in (account, root))


def _unusable(key: EncryptionKey) -> str | None:
    if not key.symmetric:
        return f"KMS key {key.arn} is not a symmetric encryption key."
    return None if key.state == "Enabled" else f"KMS key {key.arn} is not enabled: its state is {key.state}."


def _arn(context: Context, key: str) -> str:
    """The ARN of a key that nobody knows: requests may give an identifier, answers hold the ARN."""
    if key.startswith("arn:"):
        return key
    path = key if key.startswith("alias/") else f"key/{key}"
    return f"arn:{context.call.partition}:kms:{context.call.region}:{context.call.account}:{path}"
