"""INFO's sections (https://valkey.io/commands/info/), with what a managed node hides masked.

Field names and their order are the engine's. What does not exist here reads as on a server where it never happened: no fork,
no copy of memory, no defragmentation.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias

from localstack_memorydb.engine import activity, memory_report
from localstack_memorydb.engine.clients import sizes_of
from localstack_memorydb.engine.directives import directive
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.memory_report import backlog_size
from localstack_memorydb.engine.search.report import info_sections
from localstack_memorydb.engine.versions import PATCH_VERSIONS, REDIS_COMPATIBLE, is_valkey

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

Fields: TypeAlias = "dict[str, object]"


def _server(s: Session) -> Fields:
    node, version = s.node, s.node.cluster.spec.engine_version
    uptime = max(0, s.now - node.started) // 1000
    patch = PATCH_VERSIONS[version]
    fields: Fields = {"redis_version": REDIS_COMPATIBLE if is_valkey(version) else patch}
    if is_valkey(version):
        fields |= {"server_name": "valkey", "valkey_version": patch}
    fields |= {
        "redis_git_sha1": "0",
        "redis_git_dirty": "0",
        "redis_build_id": "0",
        "redis_mode": "cluster",
        "os": "Amazon MemoryDB",
        "arch_bits": "64",
        "monotonic_clock": "POSIX clock_gettime",
        "multiplexing_api": "epoll",
        "atomicvar_api": "c11-builtin",
        "gcc_version": "0.0.0",
        "process_id": os.getpid() if node.cluster.spec.unrestricted else 1,
        "process_supervised": "no",
        "run_id": node.run_id,
        "tcp_port": node.port,
        "server_time_usec": s.node.microseconds(s.now),
        "uptime_in_seconds": uptime,
        "uptime_in_days": uptime // 86400,
        "hz": "10",
        "configured_hz": "10",
        "lru_clock": (s.now // 1000) & 0xFFFFFF,
        "executable": "-",
        "config_file": "-",
        "io_threads_active": "0",
    }
    if is_valkey(version):
        number, kind = (2, "tls") if node.cluster.spec.tls else (0, "tcp")
        fields[f"listener{number}"] = f"name={kind},bind={node.host},port={node.port}"
    return fields


def _clients(s: Session) -> Fields:
    sessions, waiters = s.node.sessions.values(), s.node.shard.keyspace.waiters
    sizes = [sizes_of(session, s.now) for session in sessions]
    return {
        "connected_clients": len(s.node.sessions),
        "cluster_connections": s.node.cluster.links(),
        "maxclients": s.node.cluster.parameters.maxclients,
        "client_recent_max_input_buffer": max((size.query + size.query_free for size in sizes), default=0),
        "client_recent_max_output_buffer": max((size.output for size in sizes), default=0),
        "blocked_clients": sum(session.blocked is not None for session in sessions),
        "tracking_clients": sum(session.tracking is not None for session in sessions),
        "clients_in_timeout_table": sum(
            session.blocked is not None and session.blocked.deadline is not None for session in sessions
        ),
        "total_blocking_keys": len(waiters),
        "total_blocking_keys_on_nokey": sum(object in kinds.values() for kinds in waiters.values()),
    }


def _replication(s: Session) -> Fields:
    shard, cluster = s.node.shard, s.node.cluster
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
            "slave_priority": int(directive(cluster, "replica-priority")),
            "slave_read_only": int(directive(cluster, "replica-read-only") == "yes"),
            "replica_announced": int(directive(cluster, "replica-announced") == "yes"),
        }
    replicas = shard.replicas if s.node.is_primary else []
    fields["connected_slaves"] = len(replicas)
    if cluster.switches.replicas_to_write:
        fields["min_slaves_good_slaves"] = len(replicas)
    for number, replica in enumerate(replicas):
        host, port = replica.address
        fields[f"slave{number}"] = f"ip={host},port={port},state=online,offset={shard.offset},lag=0"
    backlog = backlog_size(cluster)
    return fields | {
        "master_failover_state": "no-failover",
        "master_replid": shard.replication_id or shard.shard_id,
        "master_replid2": "0" * 40,
        "master_repl_offset": shard.offset,
        "second_repl_offset": -1,
        "repl_backlog_active": int(bool(replicas) or not s.node.is_primary),
        "repl_backlog_size": backlog,
        "repl_backlog_first_byte_offset": max(1, shard.offset - backlog + 1) if shard.replicas else 0,
        "repl_backlog_histlen": min(shard.offset, backlog) if shard.replicas else 0,
    }


def _cpu(s: Session) -> Fields:
    used = os.times()
    fields: Fields = {
        "used_cpu_sys": f"{used.system:.6f}",
        "used_cpu_user": f"{used.user:.6f}",
        "used_cpu_sys_children": f"{used.children_system:.6f}",
        "used_cpu_user_children": f"{used.children_user:.6f}",
    }
    thread = activity.thread_times()
    if thread is not None:
        fields |= {
            "used_cpu_sys_main_thread": f"{thread.system:.6f}",
            "used_cpu_user_main_thread": f"{thread.user:.6f}",
        }
    return fields


def _commandstats(s: Session) -> Fields:
    fields: Fields = {}
    stats = s.node.stats.commands
    for name, stat in stats.by_parents().items() if s.legacy else stats.items():
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
            f"p{percent}={stat.percentile(float(percent)):.3f}"
            for percent in s.node.cluster.parameters.latency_tracking_info_percentiles.split()
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
    average = max(0, sum(keyspace.deadlines()) // expires - s.now) if expires else 0
    return {"db0": f"keys={keys},expires={expires},avg_ttl={average}"}


def _nothing(s: Session) -> Fields:
    return {}


SECTIONS: Final[dict[str, Callable[[Session], Fields]]] = {
    "Server": _server,
    "Clients": _clients,
    "Memory": memory_report.fields,
    "Persistence": activity.persistence,
    "Stats": activity.stats,
    "Replication": _replication,
    "CPU": _cpu,
    "Modules": _nothing,
    "Commandstats": _commandstats,
    "Errorstats": _errorstats,
    "Latencystats": _latencystats,
    "Cluster": _cluster,
    "Keyspace": _keyspace,
}
_SINCE: Final = dict.fromkeys(
    (
        "monotonic_clock",
        "used_memory_vm_eval",
        "used_memory_scripts_eval",
        "number_of_functions",
        "number_of_libraries",
        "used_memory_vm_functions",
        "used_memory_vm_total",
        "used_memory_vm_total_human",
        "used_memory_functions",
        "mem_total_replication_buffers",
        "mem_cluster_links",
        "async_loading",
        "current_cow_peak",
        "rdb_saves",
        "rdb_last_load_keys_expired",
        "rdb_last_load_keys_loaded",
        "aof_rewrites",
        "aof_rewrites_consecutive_failures",
        "total_net_repl_input_bytes",
        "total_net_repl_output_bytes",
        "instantaneous_input_repl_kbps",
        "instantaneous_output_repl_kbps",
        "evicted_clients",
        "total_eviction_exceeded_time",
        "current_eviction_exceeded_time",
        "pubsubshard_channels",
        "total_active_defrag_time",
        "current_active_defrag_time",
        "reply_buffer_shrinks",
        "reply_buffer_expands",
    ),
    (7,),
) | dict.fromkeys(
    (
        "total_blocking_keys",
        "total_blocking_keys_on_nokey",
        "eventloop_cycles",
        "eventloop_duration_sum",
        "eventloop_duration_cmd_sum",
        "instantaneous_eventloop_cycles_per_sec",
        "instantaneous_eventloop_duration_usec",
        "acl_access_denied_auth",
        "acl_access_denied_cmd",
        "acl_access_denied_key",
        "acl_access_denied_channel",
    ),
    (7, 2),
)
"""The fields that are not 6.2's, by the version that they came with."""

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
            lines = "".join(
                f"{field}:{value}\r\n"
                for field, value in section(s).items()
                if s.table.level >= _SINCE.get(field, ())
            )
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
    values = chain.from_iterable(slot.values() for slot in s.node.shard.keyspace.data())
    sizes = [value.size() for value in values if type(value) is Document]
    return {"json_total_memory_bytes": sum(sizes), "json_num_documents": len(sizes)}
