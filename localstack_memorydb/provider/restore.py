"""Where a new cluster's data comes from: a snapshot of the account, or RDB files in S3.

https://docs.aws.amazon.com/memorydb/latest/devguide/snapshots-restoring.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
)
from localstack_memorydb.provider.grants import READ, READ_ACP, missing_permission
from localstack_memorydb.provider.ports import NoSuchBucket, NoSuchObject, ObjectAccessDenied
from localstack_memorydb.provider.resources import ClusterConfiguration, Snapshot, Tags

_S3_ARN: Final = re.compile(r"arn:aws[a-z-]*:s3:::(?P<bucket>[A-Za-z0-9._-]+)/(?P<key>[^,]+)")
_RESTORABLE: Final = frozenset({"available", "restoring"})


class RestoreError(Exception):
    """The data cannot be had; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Source:
    """The data for a new cluster. `files` reads it, on a thread of its own, and raises RestoreError."""

    name: str
    files: Callable[[], list[bytes]]
    snapshot: Snapshot | None = None

    @property
    def configuration(self) -> ClusterConfiguration | None:
        """What is known about the cluster that the data is from."""
        return self.snapshot.cluster_configuration if self.snapshot else None

    @property
    def tags(self) -> Tags:
        """The tags that a cluster gets when its request names none."""
        return dict(self.snapshot.tags) if self.snapshot else {}


def require_source(
    context: Context, snapshot_name: str | None, snapshot_arns: Sequence[str] | None
) -> Source | None:
    """What the request wants restored; None when it wants an empty cluster."""
    if snapshot_name is not None and snapshot_arns:
        raise InvalidParameterCombinationException("SnapshotName and SnapshotArns cannot be used together.")
    if snapshot_name is not None:
        return _from_snapshot(context, snapshot_name)
    return _from_objects(context, snapshot_arns) if snapshot_arns else None


def _from_snapshot(context: Context, name: str) -> Source:
    """CreateCluster declares no fault of its own for an unknown or unfinished snapshot."""
    snapshot = context.store.snapshots.get(name.lower())
    if snapshot is None:
        raise InvalidParameterValueException(f"Snapshot {name.lower()} not found.")
    if snapshot.status not in _RESTORABLE:
        raise InvalidParameterValueException(f"Snapshot {snapshot.name} is not in available state.")
    files = snapshot.files
    return Source(snapshot.name, lambda: [file.data for file in files], snapshot)


def _from_objects(context: Context, arns: Sequence[str]) -> Source:
    places = []
    for arn in arns:
        match = _S3_ARN.fullmatch(arn)
        if match is None:
            raise InvalidParameterValueException(
                f"The parameter SnapshotArns holds no valid ARN of an object: {arn}"
            )
        places.append((match["bucket"], match["key"]))
    return Source(", ".join(arns), lambda: [_read(context, bucket, key) for bucket, key in places])


def _read(context: Context, bucket: str, key: str) -> bytes:
    try:
        missing = missing_permission(context, bucket, [key], (READ, READ_ACP))
        if missing:
            raise RestoreError(missing)
        return context.ports.objects.get_object(context.scope, bucket, key)
    except NoSuchBucket:
        raise RestoreError(f"The S3 bucket {bucket} does not exist.") from None
    except NoSuchObject:
        raise RestoreError(f"The S3 bucket {bucket} holds no object with key {key}.") from None
    except ObjectAccessDenied:
        raise RestoreError(f"Access to the object {key} in the S3 bucket {bucket} is denied.") from None
