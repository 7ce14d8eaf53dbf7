"""What MemoryDB offers: engine versions, node types, parameters, Regions. Read from data/*.json, which name their sources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

DEFAULT_ENGINE: Final = "redis"
DEFAULT_PORT: Final = 6379


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits per account and Region, https://docs.aws.amazon.com/memorydb/latest/devguide/quotas-and-limits.html.

    The number of shards has no published limit of its own; a cluster of shards without replicas can have as
    many as it can have nodes.
    """

    nodes_per_region: int = 300
    nodes_per_cluster: int = 90
    shards_per_cluster: int = 90
    replicas_per_shard: int = 5
    parameter_groups: int = 300
    subnet_groups: int = 300
    subnets_per_group: int = 20
    users: int = 2000
    acls: int = 200
    users_per_acl: int = 100
    manual_snapshots_per_day: int = 20
    tags: int = 50
    failovers_per_day: int = 5
    reserved_nodes: int = 300
    regions_per_multi_region_cluster: int = 5


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """An engine version on offer, as DescribeEngineVersions lists it."""

    engine: str
    engine_version: str
    engine_patch_version: str
    parameter_group_family: str
    is_default: bool = False

    @property
    def number(self) -> tuple[int, ...]:
        """For comparing versions, those of Valkey with those of Redis OSS too: 7.2 came after 7.1."""
        return version_number(self.engine_version)

    @property
    def default_group(self) -> str:
        """The name of the family's default parameter group: `default.memorydb-redis7`."""
        return f"default.{self.parameter_group_family.replace('_', '-')}"


@dataclass(frozen=True, slots=True)
class NodeType:
    """A node type; `maxmemory` is in bytes."""

    name: str
    maxmemory: int
    data_tiering: bool
    vector_search: bool
    multi_region: bool

    @property
    def generation(self) -> str:
        """The family, whose names sort by age: r6g before r7g."""
        return self.name.split(".")[1]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a family, as DescribeParameters lists it."""

    name: str
    value: str | None
    description: str
    data_type: str
    allowed_values: str | None
    minimum_engine_version: str
    hidden: bool = False
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class DefaultGroup:
    """A parameter group that every account has; `values` are those in which it differs from its family."""

    name: str
    family: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def description(self) -> str:
        return f"Default parameter group for {self.family}"


@dataclass(frozen=True, slots=True)
class Region:
    """What a Region offers; the defaults are for those that the guide does not list.

    `zones_without` are the Availability Zones, by their ids, in which MemoryDB is not to be had.
    """

    name: str
    maintenance_block: str = "03:00-11:00"
    multi_region_prefix: str | None = None
    data_tiering: bool = False
    multi_region: bool = False
    zones_without: Sequence[str] = ()


def version_number(version: str) -> tuple[int, ...]:
    """`7.1` as (7, 1)."""
    return tuple(int(part) for part in version.split("."))


@cache
def engine_versions() -> tuple[EngineVersion, ...]:
    """All versions, oldest first."""
    return tuple(
        EngineVersion(
            row["engine"], row["version"], row["patch"], row["family"], is_default=row.get("default", False)
        )
        for row in _rows("engine_versions")
    )


def default_version(engine: str) -> EngineVersion | None:
    """The version that a cluster of this engine gets when the request names none; None for an unknown engine."""
    return next((each for each in engine_versions() if each.engine == engine and each.is_default), None)


def find_version(engine: str, version: str) -> EngineVersion | None:
    """The version on offer, None when there is none such."""
    wanted = (engine, version)
    return next((each for each in engine_versions() if (each.engine, each.engine_version) == wanted), None)


@cache
def node_types() -> Mapping[str, NodeType]:
    """All node types by name."""
    return {row["name"]: NodeType(**row) for row in _rows("node_types")}


def maxmemory(node_type: str, smallest: int = 0) -> int:
    """How many bytes of data a node of that type takes: as on AWS, or in proportion to what the `smallest` type takes."""
    types = node_types()
    usual = types[node_type].maxmemory
    return usual * smallest // min(each.maxmemory for each in types.values()) if smallest else usual


def node_type_updates(current: NodeType) -> tuple[list[str], list[str]]:
    """The node types that a cluster can be scaled up to and down to.

    Data tiering is for life. Of two types with the same memory the newer family counts as larger, so that
    r6g.large can become r7g.large and go back. The guide has no rule for that case.
    """
    kin = [each for each in node_types().values() if each.data_tiering == current.data_tiering]
    size = _size(current)
    return (
        sorted(each.name for each in kin if _size(each) > size),
        sorted(each.name for each in kin if _size(each) < size),
    )


def _size(node_type: NodeType) -> tuple[int, str]:
    return node_type.maxmemory, node_type.generation


@cache
def families() -> Mapping[str, tuple[Parameter, ...]]:
    """The parameters of every family, in the order of DescribeParameters: by name, hyphens left out."""
    document = _document("parameters")
    return {
        family: tuple(_parameters(document["parameters"], family, entry["minimum"]))
        for family, entry in document["families"].items()
    }


def _parameters(rows: list[dict[str, Any]], family: str, minimum: str) -> Iterator[Parameter]:
    for row in rows:
        if family in row.get("families", (family,)):
            yield Parameter(
                name=row["name"],
                value=row.get("value"),
                description=row["description"],
                data_type=row["type"],
                allowed_values=row.get("allowed"),
                minimum_engine_version=row.get("minimum", {}).get(family, minimum),
                hidden=family in row.get("hidden", ()),
                fixed=row.get("fixed", False),
            )


@cache
def default_groups() -> tuple[DefaultGroup, ...]:
    """The parameter groups that every account has."""
    return tuple(DefaultGroup(**row) for row in _document("parameters")["groups"])


@cache
def default_multi_region_groups() -> tuple[DefaultGroup, ...]:
    """The multi-Region parameter groups that every account has."""
    return tuple(DefaultGroup(**row) for row in _document("parameters")["multi_region_groups"])


@cache
def regions() -> Mapping[str, Region]:
    """The Regions that the guide lists, by name."""
    return {row["name"]: Region(**row) for row in _rows("regions")}


def region(name: str) -> Region:
    """What the Region offers."""
    return regions().get(name, Region(name))


def _rows(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _document(name)[name]
    return rows


@cache
def _document(name: str) -> dict[str, Any]:
    text = files(__package__).joinpath("data", f"{name}.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document
