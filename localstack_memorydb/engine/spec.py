"""Plain data that goes in and out of the engine's front door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from localstack_memorydb.engine.slots import Range
from localstack_memorydb.engine.versions import SEARCH_VERSIONS, Edition


class CapacityError(Exception):
    """The data does not fit. str() is one line that says how much there is and how much room."""


class SnapshotError(Exception):
    """A snapshot file cannot be loaded; the text says what is wrong, in one line."""


class AddressError(Exception):
    """No address or port could be bound for a node; the text says what was tried."""


@dataclass(frozen=True, slots=True)
class UserSpec:
    """A user of the cluster's access control list.

    `authentication` is `password` (each of `password_hashes` is what `hash_password` makes of a password and the
    `salt`), `no-password` (any will do), `iam` (the cluster's `verify_token` decides), or `sha256` (the hashes are those of
    ACL SETUSER, which a bare engine has).
    """

    name: str
    access_string: str
    authentication: str = "password"
    password_hashes: tuple[str, ...] = field(default=(), repr=False)
    salt: str = field(default="", repr=False)


OPEN_ACCESS: Final = (UserSpec("default", "on ~* &* +@all", "no-password"),)
"""The users of the access control list `open-access`."""

TokenVerifier: TypeAlias = Callable[[str, str, str, int], bool]
"""Called with the names of cluster and user, an IAM token and the unix time in ms, on the engine's thread: is the token
good?"""


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A cluster to be started. `maxmemory` is in bytes a node, 0 for no limit.

    `hostnames` are further DNS names that the cluster's certificate is good for. `users` are those of its access
    control list; without a `verify_token` nobody can sign in with IAM. `storage` names the directory in which an engine
    with a data directory keeps the cluster; without a name it is kept nowhere. An `unrestricted` cluster has the commands of
    administrators that MemoryDB keeps to itself (CONFIG, DEBUG, SAVE, ACL SETUSER).
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
    users: tuple[UserSpec, ...] = OPEN_ACCESS
    storage: str = ""
    unrestricted: bool = False
    verify_token: TokenVerifier | None = field(default=None, repr=False, compare=False)

    multi_region: bool = False

    @property
    def edition(self) -> Edition:
        """Which commands the cluster has."""
        if self.multi_region:
            return "multi-region"
        if self.unrestricted:
            return "unrestricted"
        wants_search = self.parameters.get("search-enabled") == "yes"
        return "search" if wants_search and self.engine_version in SEARCH_VERSIONS else ""


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
class CommandFigures:
    """How often a node ran a command since it started, and how many microseconds that took in all."""

    name: str
    group: str
    reads: bool
    writes: bool
    calls: int
    microseconds: int


@dataclass(frozen=True, slots=True)
class SearchFigures:
    """The indexes of a shard: how many, of how many keys, of how many bytes."""

    indexes: int
    keys: int
    size: int


@dataclass(frozen=True, slots=True)
class HostFigures:
    """What the process of all nodes takes of its machine, and what that has left; None is what the system does not tell.

    `processor_seconds` are those of all threads during its `age` in seconds, of which `processors` could each spend one a second.
    """

    age: float
    processor_seconds: float
    processors: int
    resident_memory: int | None
    available_memory: int | None
    swapped: int | None


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """What a node has counted since it started, and how it is now.

    Keys, memory, and what expired or was evicted are those of its shard. `denied` has refusals by reason: auth,
    command, key, channel. `average_ttl` is in milliseconds, `maxmemory` 0 without a limit, `search` None where there is none.
    `age` is in seconds, of which the engine's thread worked `processor_seconds` for the node. `packets` are those received and
    sent, None where the system does not count them; `bursts` the bytes of the busiest second of the last minute in each
    direction. `replicated` has the bytes of the shard's log so far and of its busiest second, None where there is no log.
    """

    name: str
    is_primary: bool
    connections: int
    connections_received: int
    bytes_received: int
    bytes_sent: int
    errors: int
    denied: Mapping[str, int]
    hits: int
    misses: int
    keys: int
    average_ttl: int
    expired: int
    evicted: int
    used_memory: int
    maxmemory: int
    tracked_keys: int
    tracked_keys_limit: int
    age: float
    processor_seconds: float
    packets: tuple[int, int] | None
    bursts: tuple[float, float]
    replicated: tuple[int, float] | None
    host: HostFigures
    commands: tuple[CommandFigures, ...] = field(repr=False)
    search: SearchFigures | None = None


@dataclass(frozen=True, slots=True)
class NodeLayout:
    """A node as it was: its name, 40-digit id and address."""

    name: str
    node_id: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ShardLayout:
    """A shard as it was: its number (1 is shard 0001), 40-digit id, inclusive slot ranges, nodes, and the primary's name."""

    number: int
    shard_id: str
    slots: tuple[Range, ...]
    nodes: tuple[NodeLayout, ...]
    primary: str


@dataclass(frozen=True, slots=True)
class ClusterLayout:
    """What a cluster takes up again when it comes back: who serves which slots at which addresses."""

    shards: tuple[ShardLayout, ...]


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
    `fsync` is when the disk must have what was written: `always` before a client is told, `everysec`, or `no`.
    `memory` is how much this process may take: clusters take no more data when they come near to it; 0 is the machine's, or the
    container's. `client_memory` is how many bytes may be kept for clients, of all clusters together, until they read their replies and end
    their requests; 0 is a quarter of `memory`.
    """

    bind: str = "auto"
    host: str = "127.0.0.1"
    announce_host: str | None = None
    port_range: tuple[int, int] = (4510, 4559)
    data_dir: Path | None = None
    fsync: str = "everysec"
    memory: int = 0
    client_memory: int = 0
