"""What several operations require of a request, each as a function that gives the thing required or raises its fault."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    ACLNotFoundFault,
    ClusterNotFoundFault,
    InvalidACLStateFault,
    InvalidClusterStateFault,
    InvalidParameterValueException,
    ParameterGroupNotFoundFault,
    SnapshotAlreadyExistsFault,
    SnapshotNotFoundFault,
    SubnetGroupNotFoundFault,
    TagQuotaPerResourceExceeded,
    UserNotFoundFault,
)
from localstack_memorydb.provider.resources import (
    ACL,
    Cluster,
    ParameterGroup,
    Snapshot,
    SubnetGroup,
    Tags,
    User,
)

LONGEST_CLUSTER_NAME: Final = 40
"""The limit of clusters, users and ACLs."""
LONGEST_NAME: Final = 255
_IDENTIFIER: Final = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])*")
_LONGEST_KEY, _LONGEST_VALUE = 128, 256
_A_DAY: Final = timedelta(days=1)


def require_identifier(parameter: str, value: str, longest: int = LONGEST_NAME) -> str:
    """A new resource's name, lower case as it is stored and answered."""
    if len(value) > longest:
        raise InvalidParameterValueException(
            f"The parameter {parameter} must not be longer than {longest} characters."
        )
    if not _IDENTIFIER.fullmatch(value):
        raise InvalidParameterValueException(
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must "
            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens."
        )
    return value.lower()


def require_cluster(context: Context, name: str) -> Cluster:
    """The cluster of that name, whatever its state."""
    cluster = context.store.clusters.get(name.lower())
    if cluster is None:
        raise ClusterNotFoundFault(f"Cluster {name.lower()} not found.")
    return cluster


def require_available(cluster: Cluster) -> None:
    """The cluster must be available: while it changes, nothing else may change it."""
    if cluster.status != "available":
        raise InvalidClusterStateFault(f"Cluster {cluster.name} is not in available state.")


def require_acl(context: Context, name: str) -> ACL:
    """The ACL of that name, whatever its state."""
    acl = context.store.acls.get(name.lower())
    if acl is None:
        raise ACLNotFoundFault(f"ACL {name.lower()} not found.")
    return acl


def require_active_acl(context: Context, name: str) -> ACL:
    """The ACL of that name, which must be active."""
    acl = require_acl(context, name)
    if acl.status != "active":
        raise InvalidACLStateFault(f"ACL {acl.name} is not in active state.")
    return acl


def require_user(context: Context, name: str) -> User:
    """The user of that name, whatever its state."""
    user = context.store.users.get(name.lower())
    if user is None:
        raise UserNotFoundFault(f"User {name.lower()} not found.")
    return user


def require_parameter_group(context: Context, name: str) -> ParameterGroup:
    """The parameter group of that name."""
    group = context.store.parameter_groups.get(name.lower())
    if group is None:
        raise ParameterGroupNotFoundFault(f"Parameter group {name.lower()} not found.")
    return group


def require_subnet_group(context: Context, name: str) -> SubnetGroup:
    """The subnet group of that name."""
    group = context.store.subnet_groups.get(name.lower())
    if group is None:
        raise SubnetGroupNotFoundFault(f"Subnet group {name.lower()} not found.")
    return group


def require_snapshot(context: Context, name: str) -> Snapshot:
    """The snapshot of that name, whatever its state."""
    snapshot = context.store.snapshots.get(name.lower())
    if snapshot is None:
        raise SnapshotNotFoundFault(f"Snapshot {name.lower()} not found.")
    return snapshot


def require_new_snapshot(context: Context, parameter: str, name: str) -> str:
    """A name for a new snapshot."""
    identifier = require_identifier(parameter, name)
    if identifier in context.store.snapshots:
        raise SnapshotAlreadyExistsFault(f"Snapshot {identifier} already exists.")
    return identifier


def require_tags(context: Context, tags: Sequence[Mapping[str, Any]]) -> Tags:
    """The tags of a request for a new resource. Of two with the same key the later counts."""
    return require_more_tags(context, {}, tags)


def require_more_tags(context: Context, present: Tags, tags: Sequence[Mapping[str, Any]]) -> Tags:
    """The tags that a resource has after those of the request are added.

    https://docs.aws.amazon.com/memorydb/latest/devguide/tagging-resources.html has the limits.
    """
    result = dict(present)
    for tag in tags:
        result[_require_tag_key(tag.get("Key"))] = _require_tag_value(tag.get("Value"))
    if len(result) > context.quotas.tags:
        raise TagQuotaPerResourceExceeded(f"A resource can have at most {context.quotas.tags} tags.")
    return result


def _require_tag_key(key: str | None) -> str:
    if not key or len(key) > _LONGEST_KEY:
        raise InvalidParameterValueException(f"A tag key must have 1 to {_LONGEST_KEY} characters.")
    if key.lower().startswith("aws:"):
        raise InvalidParameterValueException(f"The tag key {key} is reserved: it begins with aws:.")
    return key


def _require_tag_value(value: str | None) -> str | None:
    if value is not None and len(value) > _LONGEST_VALUE:
        raise InvalidParameterValueException(f"A tag value must have at most {_LONGEST_VALUE} characters.")
    return value


def within_a_day(moments: Sequence[datetime], now: datetime) -> list[datetime]:
    """Those of the last 24 hours, for the quotas that count so."""
    return [moment for moment in moments if moment > now - _A_DAY]
