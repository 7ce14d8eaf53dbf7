"""Parameter groups: https://docs.aws.amazon.com/memorydb/latest/devguide/parametergroups.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.catalog import Parameter
from localstack_memorydb.provider.cluster_rules import require_policy
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    InvalidParameterCombinationException,
    InvalidParameterGroupStateFault,
    InvalidParameterValueException,
    ParameterGroupAlreadyExistsFault,
    ParameterGroupQuotaExceededFault,
)
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.parameter_values import require_parameter, require_values
from localstack_memorydb.provider.requirements import (
    require_identifier,
    require_parameter_group,
    require_tags,
)
from localstack_memorydb.provider.resources import Cluster, ParameterGroup
from localstack_memorydb.provider.store import Store


def parameters_of(group: ParameterGroup) -> list[Parameter]:
    """Every parameter of the group with the value that it has there."""
    family = catalog.families()[group.family]
    return [replace(each, value=group.values.get(each.name, each.value)) for each in family]


def values_of(group: ParameterGroup) -> dict[str, str]:
    """The values that a cluster of this group runs with."""
    return {each.name: each.value for each in parameters_of(group) if each.value is not None}


def fixed_values(group: ParameterGroup) -> dict[str, str | None]:
    """The values that a cluster keeps for life."""
    return {each.name: each.value for each in parameters_of(group) if each.fixed}


@operation
def create_parameter_group(
    context: Context,
    parameter_group_name: str,
    family: str,
    description: str | None = None,
    tags: Sequence[Mapping[str, Any]] = (),
) -> ParameterGroup:
    """A group with the values of its family.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_CreateParameterGroup.html
    """
    name = require_identifier("ParameterGroupName", parameter_group_name)
    if family.lower() not in catalog.families():
        raise InvalidParameterValueException(
            f"{family} is not a valid parameter group family; families are {', '.join(catalog.families())}."
        )
    groups = context.store.parameter_groups
    if name in groups:
        raise ParameterGroupAlreadyExistsFault(f"Parameter group {name} already exists.")
    if sum(not group.is_default for group in groups.values()) >= context.quotas.parameter_groups:
        raise ParameterGroupQuotaExceededFault(
            f"An account can have at most {context.quotas.parameter_groups} parameter groups."
        )
    group = ParameterGroup(
        name=name,
        arn=context.store.arn(ParameterGroup.kind, name),
        tags=require_tags(context, tags),
        family=family.lower(),
        description=description,
    )
    groups[name] = group
    context.record("parameter-group", name, f"Create parameter group {name} operation completed.")
    return group


@operation
def describe_parameter_groups(
    context: Context, parameter_group_name: str | None = None
) -> list[ParameterGroup]:
    """Groups, the families' default ones included.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeParameterGroups.html
    """
    if parameter_group_name is not None:
        return [require_parameter_group(context, parameter_group_name)]
    return list(context.store.parameter_groups.values())


def _without_hyphens(parameter: Any) -> str:
    """AWS lists parameters as if their names had no hyphens."""
    return str(parameter.name).replace("-", "")


@operation(order=_without_hyphens)
def describe_parameters(context: Context, parameter_group_name: str) -> list[Parameter]:
    """The values of a group, as the clusters of the group have them.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeParameters.html
    """
    group = require_parameter_group(context, parameter_group_name)
    return [each for each in parameters_of(group) if not each.hidden]


@operation
def update_parameter_group(
    context: Context, parameter_group_name: str, parameter_name_values: Sequence[Mapping[str, Any]]
) -> ParameterGroup:
    """Set values, which the clusters of the group take over at once.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_UpdateParameterGroup.html
    """
    group = _require_settled_group(context, parameter_group_name)
    values = require_values(group, parameter_name_values)
    _change(context, group, {**group.values, **values})
    return group


@operation
def reset_parameter_group(
    context: Context,
    parameter_group_name: str,
    all_parameters: bool = False,
    parameter_names: Sequence[str] | None = None,
) -> ParameterGroup:
    """Give parameters, or all of them, the values of the family again.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_ResetParameterGroup.html
    """
    group = _require_settled_group(context, parameter_group_name)
    if all_parameters and parameter_names:
        raise InvalidParameterCombinationException(
            "AllParameters cannot be used together with ParameterNames."
        )
    if not all_parameters and not parameter_names:
        raise InvalidParameterCombinationException("AllParameters or ParameterNames must be provided.")
    reset = {require_parameter(group, name).name for name in parameter_names or group.values}
    _change(context, group, {name: value for name, value in group.values.items() if name not in reset})
    return group


@operation
def delete_parameter_group(context: Context, parameter_group_name: str) -> ParameterGroup:
    """Delete a group that no cluster uses.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DeleteParameterGroup.html
    """
    group = _require_own_group(context, parameter_group_name, "deleted")
    if clusters := _clusters_with(context, group):
        raise InvalidParameterGroupStateFault(
            f"Parameter group {group.name} is in use by cluster {clusters[0].name}."
        )
    context.record("parameter-group", group.name, f"Delete parameter group {group.name} operation completed.")
    return context.store.parameter_groups.pop(group.name)


def _require_own_group(context: Context, name: str, what: str) -> ParameterGroup:
    """A group that is not one of those which every account has."""
    group = require_parameter_group(context, name)
    if group.is_default:
        raise InvalidParameterValueException(f"Default parameter group {group.name} can't be {what}.")
    return group


def _require_settled_group(context: Context, name: str) -> ParameterGroup:
    """A group of which no cluster is taking over values at the moment."""
    group = _require_own_group(context, name, "modified")
    for cluster in _clusters_with(context, group):
        if cluster.parameter_group_status != "in-sync":
            raise InvalidParameterGroupStateFault(
                f"Parameter group {group.name} has pending changes on cluster {cluster.name}."
            )
    return group


def _clusters_with(context: Context, group: ParameterGroup) -> list[Cluster]:
    return [each for each in context.store.clusters.values() if each.parameter_group_name == group.name]


def _change(context: Context, group: ParameterGroup, values: Mapping[str, str]) -> None:
    """Give the group these values over those of its family, and tell its clusters."""
    defaults = {each.name: each.value for each in catalog.families()[group.family]}
    changed = replace(
        group, values={name: value for name, value in values.items() if value != defaults[name]}
    )
    clusters = _clusters_with(context, group)
    for cluster in clusters:
        require_policy(changed, cluster.has_data_tiering)
        _require_fixed(group, changed, cluster)
    if changed.values != group.values:
        group.values = changed.values
        for cluster in clusters:
            apply_parameters(context, cluster, group)
        context.record(
            "parameter-group", group.name, f"Modify parameter group {group.name} operation completed."
        )


def _require_fixed(old: ParameterGroup, new: ParameterGroup, cluster: Cluster) -> None:
    """Some values are chosen when a cluster is created, and for good."""
    before, after = fixed_values(old), fixed_values(new)
    for name, value in after.items():
        if before[name] != value:
            raise InvalidParameterGroupStateFault(
                f"Parameter {name} cannot be changed while parameter group {old.name} is in use by cluster "
                f"{cluster.name}."
            )


def apply_parameters(context: Context, cluster: Cluster, group: ParameterGroup) -> None:
    """Make the running cluster take over the group's values, now."""
    store, name = context.store, cluster.name
    context.fleet.set_parameters(cluster, values_of(group))
    context.transitions.begin(
        cluster.parameter_group,
        "applying",
        context.now,
        arrived=lambda _, at: store.record(
            "cluster", name, "Updated parameter group for the cluster", at, "ClusterParametersChanged"
        ),
    )


def tell_of_group(store: Store, cluster: Cluster, at: datetime) -> None:
    """The event of a cluster that begins to use its parameter group."""
    text = f"Updated to use a ParameterGroup {cluster.parameter_group_name}"
    store.record("cluster", cluster.name, text, at, "ClusterParametersChanged")
