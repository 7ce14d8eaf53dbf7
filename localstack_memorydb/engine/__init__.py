"""Valkey-compatible clusters in this process. This is the front door; nothing outside imports what lies behind it."""

from __future__ import annotations

from localstack_memorydb.engine.acl import AccessStringError, check_access_string
from localstack_memorydb.engine.bugs import log_bug
from localstack_memorydb.engine.certificates import AuthorityError
from localstack_memorydb.engine.files import DirectoryInUseError, lock_directory, make_private, write_whole
from localstack_memorydb.engine.log import LogError
from localstack_memorydb.engine.multi_region import ReplicationGroup
from localstack_memorydb.engine.runtime import ClusterHandle, Engine
from localstack_memorydb.engine.spec import (
    AddressError,
    CapacityError,
    ClusterSpec,
    CommandFigures,
    EngineSettings,
    HostFigures,
    NodeFigures,
    NodeInfo,
    SearchFigures,
    ShardInfo,
    ShardSnapshot,
    SnapshotError,
    TokenVerifier,
    UserSpec,
)
from localstack_memorydb.engine.users import hash_password

__all__ = [
    "AccessStringError",
    "AddressError",
    "AuthorityError",
    "CapacityError",
    "ClusterHandle",
    "ClusterSpec",
    "CommandFigures",
    "DirectoryInUseError",
    "Engine",
    "EngineSettings",
    "HostFigures",
    "LogError",
    "NodeFigures",
    "NodeInfo",
    "ReplicationGroup",
    "SearchFigures",
    "ShardInfo",
    "ShardSnapshot",
    "SnapshotError",
    "TokenVerifier",
    "UserSpec",
    "check_access_string",
    "hash_password",
    "lock_directory",
    "log_bug",
    "make_private",
    "write_whole",
]
