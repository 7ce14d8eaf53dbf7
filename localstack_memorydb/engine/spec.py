"""Plain data that goes in and out of the engine's front door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localstack_memorydb.engine.slots import Range


class SnapshotError(Exception):
    """A snapshot file cannot be loaded; the text says what is wrong, in one line."""


class AddressError(Exception):
    """No address or port could be bound for a node; the text says what was tried."""


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A cluster to be started. `maxmemory` is in bytes a node, 0 for no limit.

    `hostnames` are further DNS names that the cluster's certificate is good for.
    """

    name: str
    shards: int = 1
    replicas: int = 1
    port: int = 6379
    engine: str = "redis"
    engine_version: str = "7.1"
    tls: bool = True
    maxmemory: int = 0
    parameters: Mapping[str, str] = field(default_factory=dict)
    hostnames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node: its name (`orders-0001-001`), address, role (`primary` or `replica`) and 40-digit id."""

    name: str
    host: str
    port: int
    role: str
    node_id: str


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """A shard: its name (`0001`), inclusive slot ranges, nodes, and how many keys it holds."""

    name: str
    slots: tuple[Range, ...]
    nodes: tuple[NodeInfo, ...]
    keys: int


@dataclass(frozen=True, slots=True)
class ShardSnapshot:
    """The data of one shard at one moment. `data` is an RDB file."""

    name: str
    slots: tuple[Range, ...]
    data: bytes = field(repr=False)
    keys: int


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where nodes listen and where lasting files go.

    `bind` is `loopback` (each node gets its own 127.x.y.z address and the cluster's port), `range` (all nodes share
    `host` and take ports from `port_range`, both ends included), or `auto`: the first of the two that works.
    `announce_host` is what clients are told instead of `host` in `range` mode. Without `data_dir` nothing is kept.
    """

    bind: str = "auto"
    host: str = "127.0.0.1"
    announce_host: str | None = None
    port_range: tuple[int, int] = (4510, 4559)
    data_dir: Path | None = None
