"""INFO's sections (https://valkey.io/commands/info/), with what a managed node hides masked.

Only fields that are true here are printed: nothing is measured for show. Field names and their order are the engine's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from localstack_memorydb.engine import memory
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.memory import human
from localstack_memorydb.engine.search.report import info_sections
from localstack_memorydb.engine.versions import PATCH_VERSIONS, REDIS_COMPATIBLE, is_valkey

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Shard
    from localstack_memorydb.engine.session import Session

Fields: TypeAlias = "dict[str, object]"

_SAMPLED_KEYS = 256


def _server(s: Session) -> Fields:
    node, version = s.node, s.node.cluster.spec.engine_version
    uptime = max(0, s.now - node.started) // 1000
    patch = PATCH_VERSIONS[version]
    fields: Fields = {"redis_version": REDIS_COMPATIBLE if is_valkey(version) else patch}
    if is_valkey(version):
        fields |= {"server_name": "valkey", "valkey_version": patch}
    return fields | {
        "redis_git_sha1": "0",
        "redis_git_dirty": "0",
        "redis_build_id": "0",
        "redis_mode": "cluster",
        "os": "Amazon MemoryDB",
        "arch_bits": "64",
        "gcc_version": "0.0.0",
        "process_id": "1",
        "run_id": node.run_id,
        "tcp_port": node.port,
        "server_time_usec": s.now * 1000,
        "uptime_in_seconds": uptime,
        "uptime_in_days": uptime // 86400,
        "hz": "10",
        "configured_hz": "10",
        "lru_clock": (s.now // 1000) & 0xFFFFFF,
        "executable": "-",
        "config_file": "-",
        "io_threads_active": "0",
    }


def _clients(s: Session) -> Fields:
    sessions = s.node.sessions.values()
    return {
        "connected_clients": len(s.node.sessions),
        "cluster_connections": 2 * (sum(1 for _ in s.node.cluster.nodes()) - 1),
        "maxclients": s.node.cluster.parameters.maxclients,
        "blocked_clients": sum(session.blocked is not None for session in sessions),
        "tracking_clients": sum(session.tracking is not None for session in sessions),
        "clients_in_timeout_table": sum(
            session.blocked is not None and session.blocked.deadline is not None for session in sessions
        ),
    }


def used_memory(s: Session) -> int:
    """What the shard's data takes: counted near the limit, else judged by a sample of its keys."""
    used = memory_of(s.node.shard, s.now)
    s.node.stats.peak = max(s.node.stats.peak, used)
    return used


def memory_of(shard: Shard, now: int) -> int:
    """The same without taking note of it."""
    keyspace = shard.keyspace
    if keyspace.budget is not None:
        return keyspace.budget.used
    sample = list(islice(keyspace.entries(now), _SAMPLED_KEYS))
    if not sample:
        return memory.EMPTY
    average = sum(memory.usage(key, value) for key, value, _ in sample) / len(sample)
    return memory.EMPTY + int(average * len(keyspace)) + memory.deadline_size(keyspace.expires())


def _memory(s: Session) -> Fields:
    used, most = used_memory(s), s.node.cluster.spec.maxmemory
    return {
        "used_memory": used,
        "used_memory_human": human(used),
        "used_memory_rss": used,
        "used_memory_rss_human": human(used),
        "used_memory_peak": s.node.stats.peak,
        "used_memory_peak_human": human(s.node.stats.peak),
        "used_memory_peak_perc": f"{100 * used / s.node.stats.peak:.2f}%",
        "used_memory_startup": memory.EMPTY,
        "used_memory_dataset": used - memory.EMPTY,
        "number_of_cached_scripts": len(s.node.scripts),
        "maxmemory": most,
        "maxmemory_human": human(most),
        "maxmemory_policy": s.node.cluster.parameters.maxmemory_policy,
        "mem_fragmentation_ratio": "1.00",
        "active_defrag_running": 0,
        "lazyfree_pending_objects": 0,
    }


def _persistence(s: Session) -> Fields:
    return {
        "loading": 0,
        "rdb_bgsave_in_progress": 0,
        "rdb_last_save_time": max(s.node.started, s.node.shard.saved_at) // 1000,
        "aof_enabled": 0,
    }


def _stats(s: Session) -> Fields:
    node = s.node
    stats, rates, tracking = node.stats, node.stats.rates, node.shard.keyspace.tracking
    denied = {
        f"acl_access_denied_{name}": node.access_log.denied[reason]
        for reason, name in {"auth": "auth", "command": "cmd", "key": "key", "channel": "channel"}.items()
    }
    fields: Fields = {
        "total_connections_received": node.connections_received,
        "total_commands_processed": node.commands_processed - node.commands_forgotten,
        "instantaneous_ops_per_sec": round(rates.per_second(0)),
        "total_net_input_bytes": node.bytes_received,
        "total_net_output_bytes": node.bytes_sent,
        "instantaneous_input_kbps": f"{rates.per_second(1) / 1024:.2f}",
        "instantaneous_output_kbps": f"{rates.per_second(2) / 1024:.2f}",
        "rejected_connections": node.connections_rejected,
        "expired_keys": node.shard.keyspace.expired,
        "evicted_keys": node.shard.keyspace.evicted,
        "keyspace_hits": stats.hits(s.table.readers),
        "keyspace_misses": stats.misses,
        "pubsub_channels": len(node.channels),
        "pubsub_patterns": len(node.patterns),
        "pubsubshard_channels": len(node.shard_channels),
        "active_defrag_hits": 0,
        "active_defrag_misses": 0,
        "tracking_total_keys": len(tracking.keys),
        "tracking_total_items": tracking.items,
        "tracking_total_prefixes": len(tracking.prefixes),
        "total_error_replies": node.errors.total(),
    }
    return fields if s.table.level < (7, 2) else fields | denied


def _replication(s: Session) -> Fields:
    shard = s.node.shard
    fields: Fields = {"role": "master" if s.node.is_primary else "slave"}
    if not s.node.is_primary:
        host, port = shard.primary.address
        fields |= {
            "master_host": host,
            "master_port": port,
            "master_link_status": "up",
            "master_last_io_seconds_ago": 0,
            "master_sync_in_progress": 0,
            "slave_read_repl_offset": shard.offset,
            "slave_repl_offset": shard.offset,
            "slave_priority": 100,
            "slave_read_only": 1,
            "replica_announced": 1,
        }
    replicas = shard.replicas if s.node.is_primary else []
    fields["connected_slaves"] = len(replicas)
    for number, replica in enumerate(replicas):
        host, port = replica.address
        fields[f"slave{number}"] = f"ip={host},port={port},state=online,offset={shard.offset},lag=0"
    return fields | {
        "master_failover_state": "no-failover",
        "master_replid": shard.replication_id or shard.shard_id,
        "master_replid2": "0" * 40,
        "master_repl_offset": shard.offset,
        "second_repl_offset": -1,
    }


def _cpu(s: Session) -> Fields:
    used = os.times()
    return {
        "used_cpu_sys": f"{used.system:.6f}",
        "used_cpu_user": f"{used.user:.6f}",
        "used_cpu_sys_children": f"{used.children_system:.6f}",
        "used_cpu_user_children": f"{used.children_user:.6f}",
    }


def _commandstats(s: Session) -> Fields:
    fields: Fields = {}
    for name, stat in s.node.stats.commands.items():
        if stat.calls or stat.failed or stat.rejected:
            used = stat.microseconds
            each = used / stat.calls if stat.calls else 0.0
            fields[f"cmdstat_{_title(s, name)}"] = (
                f"calls={stat.calls},usec={used},usec_per_call={each:.2f},"
                f"rejected_calls={stat.rejected},failed_calls={stat.failed}"
            )
    return fields


def _title(s: Session, name: str) -> str:
    """A command's name as the server says it."""
    command = s.table.get(name.encode())
    return name if command is None else command.title


def _latencystats(s: Session) -> Fields:
    return {
        f"latency_percentiles_usec_{_title(s, name)}": ",".join(
            f"p{percent:g}={stat.percentile(percent):.3f}" for percent in (50, 99, 99.9)
        )
        for name, stat in s.node.stats.commands.items()
        if stat.histogram
    }


def _errorstats(s: Session) -> Fields:
    return {f"errorstat_{code}": f"count={count}" for code, count in sorted(s.node.errors.items())}


def _cluster(s: Session) -> Fields:
    return {"cluster_enabled": 1}


def _keyspace(s: Session) -> Fields:
    keyspace = s.node.shard.keyspace
    keys, expires = len(keyspace), keyspace.expires()
    if not keys:
        return {}
    left = sum(deadline - s.now for slot in keyspace.slots if slot for deadline in slot.deadlines.values())
    average = max(0, left // expires) if expires else 0
    return {"db0": f"keys={keys},expires={expires},avg_ttl={average}"}


def _nothing(s: Session) -> Fields:
    return {}


SECTIONS: Final[dict[str, Callable[[Session], Fields]]] = {
    "Server": _server,
    "Clients": _clients,
    "Memory": _memory,
    "Persistence": _persistence,
    "Stats": _stats,
    "Replication": _replication,
    "CPU": _cpu,
    "Modules": _nothing,
    "Commandstats": _commandstats,
    "Errorstats": _errorstats,
    "Latencystats": _latencystats,
    "Cluster": _cluster,
    "Keyspace": _keyspace,
}
_ON_REQUEST: Final = frozenset({"Commandstats", "Latencystats"})


def info(s: Session, names: Iterable[bytes]) -> bytes:
    """The sections of those names, in INFO's order; `default` leaves out the long ones, `all` and `everything` none."""
    wanted = {name.decode("latin-1").lower() for name in names} or {"default"}
    blocks = []
    for name, section in SECTIONS.items():
        if name == "Latencystats" and s.legacy:
            continue
        chosen = wanted & {"all", "everything"} or ("default" in wanted and name not in _ON_REQUEST)
        if chosen or name.lower() in wanted:
            lines = "".join(f"{field}:{value}\r\n" for field, value in section(s).items())
            blocks.append(f"# {name}\r\n{lines}")
    blocks += _module_blocks(s, wanted)
    return "\r\n".join(blocks).encode()


def _module_blocks(s: Session, wanted: set[str]) -> list[str]:
    """The sections of what MemoryDB adds to the engine: by their names, or all of them with `modules`."""
    every = wanted & {"everything", "modules"}
    sections: dict[str, Fields] = {}
    if every or wanted & {"json", "json_core_metrics"}:
        sections["json_core_metrics"] = _json_core_metrics(s)
    if "@search" in s.table.categories:
        sections |= {
            name: fields
            for name, fields in info_sections(s.node.shard.keyspace.indexes).items()
            if every or wanted & {"search", name}
        }
    return [
        f"# {name}\r\n" + "".join(f"{field}:{value}\r\n" for field, value in fields.items())
        for name, fields in sections.items()
    ]


def _json_core_metrics(s: Session) -> Fields:
    entries = s.node.shard.keyspace.entries(s.now)
    sizes = [value.size() for _, value, _ in entries if isinstance(value, Document)]
    return {"json_total_memory_bytes": sum(sizes), "json_num_documents": len(sizes)}
