"""The values of a cluster's parameter group, as the engine uses them.

Names are those of the parameters with underscores, defaults those of MemoryDB's own groups.
https://docs.aws.amazon.com/memorydb/latest/devguide/parametergroups.redis.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Self

# 6.2 calls the compact form a ziplist, later versions call it a listpack.
_FORMER_NAMES: Final = {
    f"{kind}-max-ziplist-{what}": f"{kind}-max-listpack-{what}"
    for kind in ("hash", "zset")
    for what in ("entries", "value")
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Up to where values stay compact: how many entries, and how many bytes each of them.

    Redis 7.0 and older know no listpack of set members: `set_max_listpack_entries=0` gives their answer.
    """

    hash_max_listpack_entries: int = 512
    hash_max_listpack_value: int = 64
    zset_max_listpack_entries: int = 128
    zset_max_listpack_value: int = 64
    set_max_intset_entries: int = 512
    set_max_listpack_entries: int = 128
    set_max_listpack_value: int = 64
    zset_nought: float = 0.0
    """What is added to scores in a listpack: it keeps whole numbers, and those know no -0. The ziplist of 6.2 had text."""
    list_max_listpack_size: int = -2
    stream_node_max_bytes: int = 4096
    stream_node_max_entries: int = 100
    hll_sparse_max_bytes: int = 3000


@dataclass(frozen=True, slots=True)
class OutputLimit:
    """When a client that does not read its replies is dropped: at `hard` bytes at once, at `soft` bytes after `seconds`."""

    hard: int
    soft: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every parameter that the engine obeys, and `list_compress_depth`, which clients cannot see the effect of. `given` holds the values as they were given, by their names."""

    given: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    acllog_max_len: int = 128
    active_expire_effort: int = 1
    busy_reply_threshold: int = 5000
    client_output_buffer_limit_normal_hard_limit: int = 0
    client_output_buffer_limit_normal_soft_limit: int = 0
    client_output_buffer_limit_normal_soft_seconds: int = 0
    client_output_buffer_limit_pubsub_hard_limit: int = 32 << 20
    client_output_buffer_limit_pubsub_soft_limit: int = 8 << 20
    client_output_buffer_limit_pubsub_soft_seconds: int = 60
    client_query_buffer_limit: int = 1 << 30
    latency_monitor_threshold: int = 0
    latency_tracking: bool = False
    latency_tracking_info_percentiles: str = "50 99 99.9"
    lazyfree_lazy_user_del: bool = False
    lfu_decay_time: int = 1
    lfu_log_factor: int = 10
    list_compress_depth: int = 0
    maxclients: int = 65000
    maxmemory_policy: str = "noeviction"
    maxmemory_samples: int = 3
    notify_keyspace_events: str = ""
    proto_max_bulk_len: int = 512 << 20
    search_query_timeout_ms: int = 10_000
    slowlog_log_slower_than: int = 10000
    slowlog_max_len: int = 128
    tcp_keepalive: int = 300
    timeout: int = 0
    tracking_table_max_keys: int = 1_000_000

    @classmethod
    def of(cls, values: Mapping[str, str], level: tuple[int, ...]) -> Self:
        """The parameters that these values give at the command level of an engine version."""
        known = {_FORMER_NAMES.get(name, name).replace("-", "_"): value for name, value in values.items()}
        limits = Limits(**_parsed(Limits, known))
        if level < (7, 2):
            limits = replace(limits, set_max_listpack_entries=0)
        if level < (7,):
            limits = replace(limits, zset_nought=-0.0)
        return cls(given=dict(values), limits=limits, **_parsed(cls, known))

    def output_limit(self, client_type: bytes) -> OutputLimit:
        """The limit for clients of a type, `normal` or `pubsub`."""
        if client_type == b"pubsub":
            return OutputLimit(
                self.client_output_buffer_limit_pubsub_hard_limit,
                self.client_output_buffer_limit_pubsub_soft_limit,
                self.client_output_buffer_limit_pubsub_soft_seconds,
            )
        return OutputLimit(
            self.client_output_buffer_limit_normal_hard_limit,
            self.client_output_buffer_limit_normal_soft_limit,
            self.client_output_buffer_limit_normal_soft_seconds,
        )

    @property
    def request_limits(self) -> tuple[int, int]:
        """How many bytes of a client's requests may wait, and how long an argument may be."""
        return self.client_query_buffer_limit, self.proto_max_bulk_len

    @property
    def evicts_by_use(self) -> bool:
        """Whether the eviction policy asks when, or how often, keys were used."""
        return self.maxmemory_policy.endswith(("-lru", "-lfu"))

    @property
    def counts_use(self) -> bool:
        """Whether the eviction policy asks how often keys were used."""
        return self.maxmemory_policy.endswith("-lfu")


def _parsed(kind: type[Limits] | type[Parameters], values: Mapping[str, str]) -> dict[str, Any]:
    """The values of the fields that the class has, in the types of its defaults."""
    readers: dict[object, Any] = {"int": int, "bool": lambda value: value == "yes", "str": str}
    return {
        each.name: readers[each.type](values[each.name])
        for each in fields(kind)
        if each.type in readers and each.name in values
    }
