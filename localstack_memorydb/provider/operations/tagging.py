"""Tags: https://docs.aws.amazon.com/memorydb/latest/devguide/tagging-resources.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    ACLNotFoundFault,
    ClusterNotFoundFault,
    Fault,
    InvalidARNFault,
    InvalidClusterStateFault,
    MultiRegionClusterNotFoundFault,
    MultiRegionParameterGroupNotFoundFault,
    ParameterGroupNotFoundFault,
    SnapshotNotFoundFault,
    SubnetGroupNotFoundFault,
    TagNotFoundFault,
    UserNotFoundFault,
)
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.requirements import require_more_tags
from localstack_memorydb.provider.resources import Cluster, Resource, Tag

_NOT_FOUND: Final[Mapping[str, type[Fault]]] = {
    "cluster": ClusterNotFoundFault,
    "snapshot": SnapshotNotFoundFault,
    "user": UserNotFoundFault,
    "acl": ACLNotFoundFault,
    "parametergroup": ParameterGroupNotFoundFault,
    "subnetgroup": SubnetGroupNotFoundFault,
    "multiregioncluster": MultiRegionClusterNotFoundFault,
    "multiregionparametergroup": MultiRegionParameterGroupNotFoundFault,
    "reservednode": InvalidARNFault,  # no fault of its own is declared
}
_GLOBAL: Final = frozenset({"multiregioncluster", "multiregionparametergroup"})
_SETTLED: Final = frozenset({"available", "create-failed", "restore-failed"})
# Reading tags is allowed while a cluster works, too: Terraform reads them beside a snapshot that it takes itself.
_READABLE: Final = _SETTLED | {"snapshotting", "updating"}
_ARN_PARTS: Final = 6


def _by_key(tag: Tag) -> str:
    return tag.key


@operation
def list_tags(context: Context, resource_arn: str) -> list[Tag]:
    """The tags of a resource.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_ListTags.html
    """
    return _answer(_require_resource(context, resource_arn, _READABLE))


@operation
def tag_resource(context: Context, resource_arn: str, tags: Sequence[Mapping[str, Any]]) -> list[Tag]:
    """Add tags, or change the values of those that the resource has; the answer holds all of them.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_TagResource.html
    """
    resource = _require_resource(context, resource_arn)
    resource.tags = require_more_tags(context, resource.tags, tags)
    return _answer(resource)


@operation
def untag_resource(context: Context, resource_arn: str, tag_keys: Sequence[str]) -> list[Tag]:
    """Take tags off; the answer holds those that stay, as AWS answers (the reference says: those removed).

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_UntagResource.html
    """
    resource = _require_resource(context, resource_arn)
    for key in tag_keys:
        if key not in resource.tags:
            raise TagNotFoundFault(f"The resource {resource.arn} has no tag with key {key}.")
    resource.tags = {key: value for key, value in resource.tags.items() if key not in tag_keys}
    return _answer(resource)


def _answer(resource: Resource) -> list[Tag]:
    return sorted((Tag(key, value) for key, value in resource.tags.items()), key=_by_key)


def _require_resource(context: Context, arn: str, statuses: frozenset[str] = _SETTLED) -> Resource:
    """The resource of that ARN; a cluster must have one of the statuses."""
    kind, name = _require_arn(context, arn)
    store = context.store
    collections: dict[str, Mapping[str, Resource]] = {
        "cluster": store.clusters,
        "snapshot": store.snapshots,
        "user": store.users,
        "acl": store.acls,
        "parametergroup": store.parameter_groups,
        "subnetgroup": store.subnet_groups,
        "reservednode": store.reserved_nodes,
        "multiregioncluster": context.globe.multi_region_clusters,
        "multiregionparametergroup": context.globe.multi_region_parameter_groups,
    }
    resource = collections.get(kind, {}).get(name)
    if resource is None:
        raise _NOT_FOUND[kind](f"{arn} not found.")
    if isinstance(resource, Cluster) and resource.status not in statuses:
        raise InvalidClusterStateFault(f"Cluster {resource.name} is not in available state.")
    return resource


def _require_arn(context: Context, arn: str) -> tuple[str, str]:
    """Kind and name, of an ARN of this service, account and Region."""
    parts = arn.split(":", _ARN_PARTS - 1)
    if len(parts) == _ARN_PARTS:
        kind, _, name = parts[5].partition("/")
        region = "" if kind in _GLOBAL else context.call.region
        expected = ["arn", context.call.partition, "memorydb", region, context.call.account]
        if kind in _NOT_FOUND and name and parts[:5] == expected:
            return kind, name.lower()
    raise InvalidARNFault(f"Invalid ARN: {arn}.")
