"""Multi-Region parameter groups. There is a default one; the API has no operation that makes others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.catalog import Parameter
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import InvalidParameterValueException
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.operations.multi_region_clusters import require_group
from localstack_memorydb.provider.resources import MultiRegionParameterGroup

SOURCES: Final = ("user", "system", "engine-default")


@operation
def describe_multi_region_parameter_groups(
    context: Context, multi_region_parameter_group_name: str | None = None
) -> list[MultiRegionParameterGroup]:
    """The groups that there are: those of the families, since the API creates none.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeMultiRegionParameterGroups.html
    """
    if multi_region_parameter_group_name is not None:
        return [require_group(context, multi_region_parameter_group_name)]
    return list(context.globe.multi_region_parameter_groups.values())


@dataclass(frozen=True, slots=True)
class MultiRegionParameter:
    """A parameter and where its value is from."""

    parameter: Parameter
    source: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parameter, name)


def _without_hyphens(parameter: Any) -> str:
    """AWS lists parameters as if their names had no hyphens."""
    return str(parameter.name).replace("-", "")


@operation(order=_without_hyphens)
def describe_multi_region_parameters(
    context: Context, multi_region_parameter_group_name: str, source: str | None = None
) -> list[MultiRegionParameter]:
    """The values of a group. Those of a default group are the engine's own.

    https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeMultiRegionParameters.html
    """
    group = require_group(context, multi_region_parameter_group_name)
    if source is not None and source not in SOURCES:
        raise InvalidParameterValueException(f"The parameter Source must be one of {', '.join(SOURCES)}.")
    parameters = [each for each in catalog.families()[group.family] if not each.hidden]
    found = [MultiRegionParameter(each, "engine-default") for each in parameters]
    return [each for each in found if source in {None, each.source}]
