"""Subnet groups: https://docs.aws.amazon.com/memorydb/latest/devguide/subnetgroups.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    InvalidSubnet,
    InvalidVPCNetworkStateFault,
    SubnetGroupAlreadyExistsFault,
    SubnetGroupInUseFault,
    SubnetGroupQuotaExceededFault,
    SubnetInUse,
    SubnetNotAllowedFault,
    SubnetQuotaExceededFault,
)
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.ports import NoSuchSecurityGroup, NoSuchSubnet, Subnet
from localstack_memorydb.provider.requirements import (
    require_identifier,
    require_subnet_group,
    require_tags,
)
from localstack_memorydb.provider.resources import (
    AvailabilityZone,
    Cluster,
    GroupSubnet,
    SubnetGroup,
    Tags,
    common_network_types,
)

DEFAULT: Final = "default"


@operation
def create_subnet_group(
    context: Context,
    subnet_group_name: str,
    subnet_ids: Sequence[str],
    description: str | None = None,
    tags: Sequence[Mapping[str, Any]] = (),
) -> SubnetGroup:
    """A group of subnets of one VPC, in which clusters are placed.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_CreateSubnetGroup.html
    """
    name = require_identifier("SubnetGroupName", subnet_group_name)
    if name in context.store.subnet_groups:
        raise SubnetGroupAlreadyExistsFault(f"Subnet group {name} already exists.")
    if len(context.store.subnet_groups) >= context.quotas.subnet_groups:
        raise SubnetGroupQuotaExceededFault(
            f"An account can have at most {context.quotas.subnet_groups} subnet groups."
        )
    subnets = _require_subnets(context, subnet_ids)
    group = _subnet_group(context, name, description, subnets, require_tags(context, tags))
    context.store.subnet_groups[name] = group
    _record(context, group, "Create")
    return group


def _record(context: Context, group: SubnetGroup, verb: str) -> None:
    context.record("subnet-group", group.name, f"{verb} subnet group {group.name} operation completed.")


def subnet_group_for(context: Context, name: str | None) -> SubnetGroup:
    """The subnet group of a new cluster. Without a name it is `default`, which is made of the default VPC when first used."""
    if name is not None and name.lower() != DEFAULT:
        return require_subnet_group(context, name)
    if DEFAULT in context.store.subnet_groups:
        return context.store.subnet_groups[DEFAULT]
    subnets = [
        each for each in context.ports.network.default_subnets(context.scope) if _is_served(context, each)
    ]
    if not subnets:
        raise InvalidVPCNetworkStateFault("The account has no default VPC with subnets in this Region.")
    return _subnet_group(context, DEFAULT, None, subnets, {})


def _subnet_group(
    context: Context, name: str, description: str | None, subnets: Sequence[Subnet], tags: Tags
) -> SubnetGroup:
    return SubnetGroup(
        name=name,
        arn=context.store.arn(SubnetGroup.kind, name),
        tags=tags,
        description=description,
        vpc_id=subnets[0].vpc_id,
        subnets=_group_subnets(subnets),
    )


def _group_subnets(subnets: Sequence[Subnet]) -> tuple[GroupSubnet, ...]:
    return tuple(
        GroupSubnet(each.identifier, AvailabilityZone(each.availability_zone), each.network_types)
        for each in subnets
    )


def _require_subnets(context: Context, identifiers: Sequence[str]) -> list[Subnet]:
    """Subnets of one VPC that can serve one cluster together."""
    wanted = list(dict.fromkeys(identifiers))
    if not wanted:
        raise InvalidSubnet("A subnet group must have at least one subnet.")
    if len(wanted) > context.quotas.subnets_per_group:
        raise SubnetQuotaExceededFault(
            f"A subnet group can have at most {context.quotas.subnets_per_group} subnets."
        )
    try:
        subnets = context.ports.network.subnets(context.scope, wanted)
    except NoSuchSubnet as missing:
        raise InvalidSubnet(f"The subnet {missing.args[0]} does not exist.") from None
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise InvalidSubnet("The subnets of a subnet group must be of the same VPC.")
    for subnet in subnets:
        if not _is_served(context, subnet):
            raise SubnetNotAllowedFault(
                f"The subnet {subnet.identifier} is in Availability Zone {subnet.availability_zone}, which MemoryDB "
                "does not support."
            )
    if not common_network_types(subnet.network_types for subnet in subnets):
        raise SubnetNotAllowedFault("The subnets of a subnet group must have a network type in common.")
    return subnets


def _is_served(context: Context, subnet: Subnet) -> bool:
    """https://docs.aws.amazon.com/memorydb/latest/devguide/subnetgroups.html lists the Availability Zones."""
    return subnet.zone_id not in catalog.region(context.call.region).zones_without


def require_security_groups(context: Context, identifiers: Sequence[str], group: SubnetGroup) -> list[str]:
    """Security groups of the subnet group's VPC, each once."""
    wanted = list(dict.fromkeys(identifiers))
    try:
        vpcs = context.ports.network.security_group_vpcs(context.scope, wanted) if wanted else []
    except NoSuchSecurityGroup as missing:
        raise InvalidParameterValueException(
            f"The security group {missing.args[0]} does not exist."
        ) from None
    for vpc in vpcs:
        if vpc != group.vpc_id:
            raise InvalidParameterCombinationException(
                f"Subnet group [{group.name}] belongs to a different VPC [{group.vpc_id}] than [{vpc}]"
            )
    return wanted


@operation
def describe_subnet_groups(context: Context, subnet_group_name: str | None = None) -> list[SubnetGroup]:
    """Groups with their subnets and availability zones.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeSubnetGroups.html
    """
    if subnet_group_name is not None:
        return [require_subnet_group(context, subnet_group_name)]
    return list(context.store.subnet_groups.values())


@operation
def update_subnet_group(
    context: Context,
    subnet_group_name: str,
    description: str | None = None,
    subnet_ids: Sequence[str] | None = None,
) -> SubnetGroup:
    """Change the description, or replace all subnets; those that clusters have nodes in must stay.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_UpdateSubnetGroup.html
    """
    group = require_subnet_group(context, subnet_group_name)
    if subnet_ids is not None:
        subnets = _require_subnets(context, subnet_ids)
        _require_unused(context, group, {subnet.identifier for subnet in subnets})
        changed = replace(group, vpc_id=subnets[0].vpc_id, subnets=_group_subnets(subnets))
        group.vpc_id, group.subnets = changed.vpc_id, changed.subnets
    if description is not None:
        group.description = description
    _record(context, group, "Modify")
    return group


def _require_unused(context: Context, group: SubnetGroup, staying: set[str]) -> None:
    leaving = {subnet.identifier for subnet in group.subnets} - staying
    for cluster in _clusters_in(context, group):
        for placement in cluster.placements.values():
            if placement.subnet in leaving:
                raise SubnetInUse(f"The subnet {placement.subnet} is in use by cluster {cluster.name}.")


@operation
def delete_subnet_group(context: Context, subnet_group_name: str) -> SubnetGroup:
    """Delete a group that no cluster is in; the default one stays.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DeleteSubnetGroup.html
    """
    if subnet_group_name.lower() == DEFAULT:
        raise InvalidParameterValueException("The default subnet group can't be deleted.")
    group = require_subnet_group(context, subnet_group_name)
    if users := _clusters_in(context, group):
        raise SubnetGroupInUseFault(f"Subnet group {group.name} is in use by cluster {users[0].name}.")
    _record(context, group, "Delete")
    return context.store.subnet_groups.pop(group.name)


def _clusters_in(context: Context, group: SubnetGroup) -> list[Cluster]:
    return [each for each in context.store.clusters.values() if each.subnet_group_name == group.name]
