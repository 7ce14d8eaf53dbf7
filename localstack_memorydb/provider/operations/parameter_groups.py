"""Parameter groups: https://docs.aws.amazon.com/memorydb/latest/devguide/parametergroups.html"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.catalog import Parameter
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.requirements import require_parameter_group
from localstack_memorydb.provider.resources import ParameterGroup


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
def describe_parameter_groups(
    context: Context, parameter_group_name: str | None = None
) -> list[ParameterGroup]:
    """https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeParameterGroups.html"""
    if parameter_group_name is not None:
        return [require_parameter_group(context, parameter_group_name)]
    return list(context.store.parameter_groups.values())


def _without_hyphens(parameter: Any) -> str:
    """AWS lists parameters as if their names had no hyphens."""
    return str(parameter.name).replace("-", "")


@operation(order=_without_hyphens)
def describe_parameters(context: Context, parameter_group_name: str) -> list[Parameter]:
    """https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeParameters.html"""
    group = require_parameter_group(context, parameter_group_name)
    return [each for each in parameters_of(group) if not each.hidden]
