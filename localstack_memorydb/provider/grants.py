"""Whether a bucket's policy lets MemoryDB in.

https://docs.aws.amazon.com/memorydb/latest/devguide/snapshots-exporting.html: the bucket grants the service
principal of the Region what it needs, or the export is refused with a text that names what is missing. AWS
refuses a bucket without a policy too; here that is up to Options.strict_bucket_policy, because a bucket in a test
rarely has one. A bucket of another account always needs it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import InvalidParameterValueException

READ: Final = ("READ", ("s3:ListBucket", "s3:GetObject"))
WRITE: Final = ("WRITE", ("s3:PutObject",))
READ_ACP: Final = ("READ_ACP", ("s3:GetBucketAcl",))
_ON_OBJECTS: Final = frozenset({"s3:GetObject", "s3:PutObject"})
_PERMISSIONS = Iterable[tuple[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a policy: may this principal do that there?"""

    principal: str
    action: str
    resource: str
    account: str

    @property
    def condition_values(self) -> dict[str, str]:
        """The condition keys whose values are known here."""
        return {
            "aws:sourceaccount": self.account,
            "aws:securetransport": "true",
            "aws:principalisawsservice": "true",
            "aws:principalservicename": self.principal,
        }


def require_export_granted(context: Context, bucket: str, keys: Iterable[str]) -> None:
    """MemoryDB must be able to look into the bucket, to write the objects and to read the bucket's ACL."""
    missing = missing_permission(context, bucket, keys, (READ, WRITE, READ_ACP))
    if missing:
        raise InvalidParameterValueException(missing)


def missing_permission(
    context: Context, bucket: str, keys: Iterable[str], permissions: _PERMISSIONS
) -> str | None:
    """AWS's text for the first permission that MemoryDB lacks on the bucket, None when it has them all."""
    objects, strict = context.ports.objects, context.options.strict_bucket_policy
    text = objects.bucket_policy(context.scope, bucket)
    if text is None and not strict and objects.owns_bucket(context.scope, bucket):
        return None
    statements = statements_of(text)
    principal = f"{context.call.region}.memorydb-snapshot.{_domain(context.call.partition)}"
    bucket_arn = f"arn:{context.call.partition}:s3:::{bucket}"
    object_arns = [f"{bucket_arn}/{key}" for key in keys]
    for name, actions in permissions:
        asks = (
            Ask(principal, action, resource, context.call.account)
            for action in actions
            for resource in (object_arns if action in _ON_OBJECTS else [bucket_arn])
        )
        if not all(is_granted(statements, ask) for ask in asks):
            return f"MemoryDB has not been granted {name} permissions {principal} on the S3 Bucket."
    return None


def _domain(partition: str) -> str:
    return "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"


def statements_of(text: str | None) -> list[Mapping[str, Any]]:
    """The statements of a policy; one that cannot be read has none."""
    try:
        policy = json.loads(text or "{}")
    except ValueError:
        return []
    return _strings_or_more(policy.get("Statement", ()) if isinstance(policy, dict) else ())


def is_granted(statements: Iterable[Mapping[str, Any]], ask: Ask) -> bool:
    """Some statement allows it and none denies it."""
    effects = {statement.get("Effect") for statement in statements if _applies(statement, ask)}
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Mapping[str, Any], ask: Ask) -> bool:
    return (
        _names(statement, "Principal", lambda value: _is_principal(value, ask.principal))
        and _names(statement, "Action", lambda value: _matches(value, ask.action, fold=True))
        and _names(statement, "Resource", lambda value: _matches(value, ask.resource))
        and _holds(statement.get("Condition", {}), ask)
    )


def _names(statement: Mapping[str, Any], element: str, matches: Any) -> bool:
    """Whether the element, or its Not form, covers what is asked."""
    if f"Not{element}" in statement:
        return not matches(statement[f"Not{element}"])
    return element in statement and bool(matches(statement[element]))


def _is_principal(value: Any, principal: str) -> bool:
    if isinstance(value, Mapping):
        return any(
            _is_principal(item, principal) for kind in ("Service", "AWS") for item in _listed(value.get(kind))
        )
    return value in {"*", principal}


def _matches(value: Any, wanted: str, *, fold: bool = False) -> bool:
    """Policies know * and ?; a bracket stands for itself."""
    for item in _listed(value):
        pattern = str(item).replace("[", "[[]")
        if fnmatchcase(wanted.lower(), pattern.lower()) if fold else fnmatchcase(wanted, pattern):
            return True
    return False


def _holds(condition: Any, ask: Ask) -> bool:
    """Whether every condition is met; one that cannot be judged here is not."""
    if not isinstance(condition, Mapping):
        return False
    values = ask.condition_values
    for operator, tests in condition.items():
        if operator not in {"StringEquals", "StringLike", "Bool"} or not isinstance(tests, Mapping):
            return False
        for key, wanted in tests.items():
            actual = values.get(key.lower())
            if actual is None or not _matches(wanted, actual, fold=operator == "Bool"):
                return False
    return True


def _listed(value: Any) -> list[Any]:
    """IAM's lists of one may be written without the list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _strings_or_more(value: Any) -> list[Any]:
    return [item for item in _listed(value) if isinstance(item, Mapping)]
