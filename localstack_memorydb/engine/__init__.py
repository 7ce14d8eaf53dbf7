"""Valkey-compatible clusters in this process. This is the front door; nothing outside imports what lies behind it."""

from __future__ import annotations

from localstack_memorydb.engine.runtime import ClusterHandle, Engine
from localstack_memorydb.engine.spec import (
    AddressError,
    ClusterSpec,
    EngineSettings,
    NodeInfo,
    ShardInfo,
    ShardSnapshot,
    SnapshotError,
)

__all__ = [
    "AddressError",
    "ClusterHandle",
    "ClusterSpec",
    "Engine",
    "EngineSettings",
    "NodeInfo",
    "ShardInfo",
    "ShardSnapshot",
    "SnapshotError",
]
