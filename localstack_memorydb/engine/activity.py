"""What a node has done so far, as INFO's Persistence and Stats tell it. https://valkey.io/commands/info/"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Shard
    from localstack_memorydb.engine.session import Session


class ThreadTimes(NamedTuple):
    """The processor time of a thread in seconds."""

    user: float
    system: float


def thread_times() -> ThreadTimes | None:
    """What the thread that runs the engine has used, for all nodes; None where the system does not tell."""
    if not hasattr(resource, "RUSAGE_THREAD"):
        return None
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return ThreadTimes(used.ru_utime, used.ru_stime)


def writes(shard: Shard) -> int:
    """How many commands that write the shard has run."""
    table = shard.cluster.table
    stats = (item for node in shard.nodes for item in node.stats.commands.items())
    found = ((table.get(name.encode()), stat) for name, stat in stats)
    return sum(stat.calls - stat.failed for command, stat in found if command is not None and command.write)


class Written:
    """How many bytes the writes of a shard had in all, which is its replication offset.

    Requests are counted, and bytes, but not the bytes of each request: writes have their share of what came since the last look.
    """

    def __init__(self) -> None:
        self._received = self._commands = self._writes = self._total = 0

    def total(self, shard: Shard) -> int:
        """The bytes so far. They grow with writes only."""
        received = sum(node.bytes_received for node in shard.nodes)
        if received != self._received:
            commands, wrote = sum(node.stats.calls for node in shard.nodes), writes(shard)
            more = wrote - self._writes
            if more > 0:
                # Figures that begin anew (CONFIG RESETSTAT), or nodes that go, make less of what was there.
                size = received - self._received if received > self._received else received
                self._total += max(more, size * more // max(more, commands - self._commands))
            self._received, self._commands, self._writes = received, commands, wrote
        return self._total


def persistence(s: Session) -> dict[str, object]:
    """Snapshots are taken outside of the engine, and without a fork; the log of a cluster on disk is no AOF."""
    shard = s.node.shard
    return {
        "loading": 0,
        "async_loading": 0,
        "current_cow_peak": 0,
        "current_cow_size": 0,
        "current_cow_size_age": 0,
        "current_fork_perc": "0.00",
        "current_save_keys_processed": 0,
        "current_save_keys_total": 0,
        "rdb_changes_since_last_save": max(0, writes(shard) - shard.saved_writes),
        "rdb_bgsave_in_progress": 0,
        "rdb_last_save_time": max(s.node.started, shard.saved_at) // 1000,
        "rdb_last_bgsave_status": "ok",
        "rdb_last_bgsave_time_sec": 0 if shard.saves else -1,
        "rdb_current_bgsave_time_sec": -1,
        "rdb_saves": shard.saves,
        "rdb_last_cow_size": 0,
        "rdb_last_load_keys_expired": 0,
        "rdb_last_load_keys_loaded": 0,
        "aof_enabled": 0,
        "aof_rewrite_in_progress": 0,
        "aof_rewrite_scheduled": 0,
        "aof_last_rewrite_time_sec": -1,
        "aof_current_rewrite_time_sec": -1,
        "aof_last_bgrewrite_status": "ok",
        "aof_rewrites": 0,
        "aof_rewrites_consecutive_failures": 0,
        "aof_last_write_status": "ok",
        "aof_last_cow_size": 0,
        "module_fork_in_progress": 0,
        "module_fork_last_cow_size": 0,
    }


def stats(s: Session) -> dict[str, object]:
    """What was counted."""
    node, keyspace = s.node, s.node.shard.keyspace
    rates, tracking = node.stats.rates, keyspace.tracking
    commands = node.stats.commands.by_parents() if s.legacy else node.stats.commands
    return {
        "total_connections_received": node.connections_received,
        "total_commands_processed": sum(each.calls for each in commands.values()),
        "instantaneous_ops_per_sec": round(rates.per_second(0)),
        "total_net_input_bytes": node.bytes_received,
        "total_net_output_bytes": node.bytes_sent,
        "total_net_repl_input_bytes": 0,
        "total_net_repl_output_bytes": 0,
        "instantaneous_input_kbps": f"{rates.per_second(1) / 1024:.2f}",
        "instantaneous_output_kbps": f"{rates.per_second(2) / 1024:.2f}",
        "instantaneous_input_repl_kbps": "0.00",
        "instantaneous_output_repl_kbps": "0.00",
        "rejected_connections": node.connections_rejected,
        "sync_full": 0,
        "sync_partial_ok": 0,
        "sync_partial_err": 0,
        "expired_keys": keyspace.expired,
        "expired_stale_perc": "0.00",
        "expired_time_cap_reached_count": node.shard.expiry.interrupted,
        "expire_cycle_cpu_milliseconds": round(node.shard.expiry.seconds * 1000),
        "evicted_keys": keyspace.evicted,
        "evicted_clients": node.clients_evicted,
        "total_eviction_exceeded_time": 0,
        "current_eviction_exceeded_time": 0,
        "keyspace_hits": node.stats.hits(s.table.readers),
        "keyspace_misses": node.stats.misses,
        "pubsub_channels": len(node.channels),
        "pubsub_patterns": len(node.patterns),
        "pubsubshard_channels": len(node.shard_channels),
        "latest_fork_usec": 0,
        "total_forks": 0,
        "migrate_cached_sockets": 0,
        "slave_expires_tracked_keys": 0,
        "active_defrag_hits": 0,
        "active_defrag_misses": 0,
        "active_defrag_key_hits": 0,
        "active_defrag_key_misses": 0,
        "total_active_defrag_time": 0,
        "current_active_defrag_time": 0,
        "tracking_total_keys": len(tracking.keys),
        "tracking_total_items": tracking.items,
        "tracking_total_prefixes": len(tracking.prefixes),
        "unexpected_error_replies": 0,
        "total_error_replies": node.errors.total(),
        "dump_payload_sanitizations": 0,
        "total_reads_processed": node.stats.reads,
        "total_writes_processed": node.stats.reads - node.unanswered + node.pushes,
        "io_threaded_reads_processed": 0,
        "io_threaded_writes_processed": 0,
        "reply_buffer_shrinks": 0,
        "reply_buffer_expands": 0,
        **_loop(s),
        "acl_access_denied_auth": node.access_log.denied["auth"],
        "acl_access_denied_cmd": node.access_log.denied["command"],
        "acl_access_denied_key": node.access_log.denied["key"],
        "acl_access_denied_channel": node.access_log.denied["channel"],
    }


def _loop(s: Session) -> dict[str, object]:
    """The event loop, which all nodes share: each packet of any client is a cycle, and so is each tick of a clock."""
    cluster, node = s.node.cluster, s.node
    cycles, thread = cluster.cycles(), thread_times()
    spent = 0 if thread is None else round((thread.user + thread.system) * 1e6)
    commands = sum(stat.microseconds for stat in node.stats.commands.values())
    return {
        "eventloop_cycles": cycles,
        "eventloop_duration_sum": spent,
        "eventloop_duration_cmd_sum": commands,
        "instantaneous_eventloop_cycles_per_sec": round(node.stats.rates.per_second(3)),
        "instantaneous_eventloop_duration_usec": round(spent / cycles) if cycles else 0,
    }
