"""A node's figures for whoever watches it from outside: those of INFO, as numbers."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.memory_report import memory_of
from localstack_memorydb.engine.registry import READONLY
from localstack_memorydb.engine.spec import CommandFigures, HostFigures, NodeFigures, SearchFigures

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Node, Shard
    from localstack_memorydb.engine.keyspace import Keyspace

_SAMPLED_DEADLINES: Final = 1000


def figures_of(shard: Shard, host: HostFigures, now: int) -> list[NodeFigures]:
    """What each node of a shard has counted so far, and how it is now. The data, which they share, are looked at once.

    Takes no longer for many keys than for some.
    """
    cluster, keyspace = shard.cluster, shard.keyspace
    keys, average_ttl, used_memory = len(keyspace), _average_ttl(keyspace, now), memory_of(shard, now)
    search = _search(keyspace) if cluster.spec.edition == "search" else None
    return [
        NodeFigures(
            name=node.name,
            is_primary=node.is_primary,
            connections=len(node.sessions),
            connections_received=node.connections_received,
            bytes_received=node.bytes_received,
            bytes_sent=node.bytes_sent,
            errors=node.errors.total(),
            denied=dict(node.access_log.denied),
            hits=node.stats.hits(cluster.table.readers),
            misses=node.stats.misses,
            keys=keys,
            average_ttl=average_ttl,
            expired=keyspace.expired,
            evicted=keyspace.evicted,
            used_memory=used_memory,
            maxmemory=cluster.spec.maxmemory,
            tracked_keys=len(keyspace.tracking.keys),
            tracked_keys_limit=cluster.parameters.tracking_table_max_keys,
            age=max(0, now - node.work.since) / 1000,
            processor_seconds=node.work.seconds,
            packets=node.packets.totals(),
            bursts=(node.stats.bursts.most(0), node.stats.bursts.most(1)),
            replicated=None if shard.log is None else (shard.log.written, shard.bursts.most(0)),
            host=host,
            commands=tuple(_commands(node)),
            search=search,
        )
        for node in shard.nodes
    ]


def _search(keyspace: Keyspace) -> SearchFigures:
    if keyspace.indexes is None:
        return SearchFigures(0, 0, 0)
    keyspace.indexes.refresh()
    made = keyspace.indexes.by_name.values()
    keys = sum(len(each.keys) for each in made)
    return SearchFigures(len(made), keys, sum(each.vector_size + each.other_size for each in made))


def _commands(node: Node) -> list[CommandFigures]:
    """The commands that were called. Subcommands count for themselves, and not for their container."""
    counted = node.stats.commands
    return [
        CommandFigures(
            each.name, each.group, bool(each.flags & READONLY), each.write, stat.calls, stat.microseconds
        )
        for each in node.cluster.table.full()
        if (stat := counted.get(each.name)) is not None and stat.calls
    ]


def _average_ttl(keyspace: Keyspace, now: int) -> int:
    """The average time to live in ms, judged by some of the keys that have one."""
    sample = list(islice(keyspace.deadlines(), _SAMPLED_DEADLINES))
    return max(0, sum(sample) // len(sample) - now) if sample else 0
