"""What can be had: https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeEngineVersions.html"""

from __future__ import annotations

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.catalog import EngineVersion
from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.operation import operation


def _by_engine(version: EngineVersion) -> tuple[str, str]:
    return version.engine, version.engine_version


@operation(order=_by_engine)
def describe_engine_versions(
    _: Context,
    engine: str | None = None,
    engine_version: str | None = None,
    parameter_group_family: str | None = None,
    default_only: bool = False,
) -> list[EngineVersion]:
    """The engine versions that pass every filter; unknown values pass none."""
    wanted = {
        "engine": engine,
        "engine_version": engine_version,
        "parameter_group_family": parameter_group_family,
        "is_default": default_only or None,
    }
    return [
        version
        for version in catalog.engine_versions()
        if all(value is None or getattr(version, name) == value for name, value in wanted.items())
    ]
