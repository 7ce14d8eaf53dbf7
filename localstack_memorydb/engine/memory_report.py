"""The memory of a node: as INFO's Memory and as MEMORY STATS show it. https://valkey.io/commands/memory-stats/

What keys, buffers and scripts take is what they take on a real node. The resident set is this process's, which all nodes share.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine import memory
from localstack_memorydb.engine.clients import sizes_of
from localstack_memorydb.engine.memory import human
from localstack_memorydb.engine.usage import resident_memory
from localstack_memorydb.engine.versions import is_valkey

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Cluster, Shard
    from localstack_memorydb.engine.session import Session

_BACKLOG: Final = str(1 << 20)

_SAMPLED_KEYS: Final = 256
_LINK: Final = 1072  # clusterLink with its buffer
_SLOT_TO_KEYS: Final = 16  # what an entry of the main table has more in cluster mode
_SCRIPT: Final = 120  # an entry of the table of scripts


def backlog_size(cluster: Cluster) -> int:
    """The size of the replication backlog."""
    return int(cluster.switches.recorded.get("repl-backlog-size", _BACKLOG))


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


@lru_cache(maxsize=1)
def _system_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@dataclass(frozen=True, slots=True)
class Report:
    """Where the memory of a node went."""

    used: int
    peak: int
    resident: int
    tables: tuple[int, int]
    keys: int
    slot_to_keys: int
    clients: int
    backlog: int
    links: int
    interpreter: int
    scripts: int
    functions: int

    @property
    def overhead(self) -> int:
        """What is not data, of that which counts towards the limit: no buffers, and no scripts."""
        return min(self.used, memory.EMPTY + sum(self.tables) + self.slot_to_keys)

    @property
    def dataset(self) -> int:
        """What is data."""
        return self.used - self.overhead

    @property
    def dataset_percent(self) -> float:
        """The share of data in what was not there from the start."""
        return 100 * self.dataset / max(1, self.used - memory.EMPTY)


def report(s: Session) -> Report:
    """Looks where the memory went."""
    node, keyspace, scripting = s.node, s.node.shard.keyspace, s.node.shard.scripting
    keys, used = len(keyspace), used_memory(s)
    libraries = scripting.libraries.values()
    return Report(
        used=used,
        peak=node.stats.peak,
        resident=resident_memory() or used,
        tables=memory.table_sizes(keys, keyspace.expires()),
        keys=keys,
        slot_to_keys=_SLOT_TO_KEYS * keys if s.table.level >= (7,) else 0,
        clients=sum(sizes_of(session, s.now).total for session in node.sessions.values()),
        backlog=min(node.shard.offset, backlog_size(node.cluster)) if node.shard.replicas else 0,
        links=_LINK * node.cluster.links() if s.table.level >= (7,) else 0,
        interpreter=scripting.memory(),
        scripts=sum(len(source) + _SCRIPT for source in node.scripts.by_source),
        functions=sum(len(library.source) + _SCRIPT for library in libraries)
        + _SCRIPT * len(scripting.functions),
    )


def fields(s: Session) -> dict[str, object]:
    """INFO's Memory."""
    r, most = report(s), s.node.cluster.spec.maxmemory
    return {
        "used_memory": r.used,
        "used_memory_human": human(r.used),
        "used_memory_rss": r.resident,
        "used_memory_rss_human": human(r.resident),
        "used_memory_peak": r.peak,
        "used_memory_peak_human": human(r.peak),
        "used_memory_peak_perc": f"{100 * r.used / r.peak:.2f}%",
        "used_memory_overhead": r.overhead,
        "used_memory_startup": memory.EMPTY,
        "used_memory_dataset": r.dataset,
        "used_memory_dataset_perc": f"{r.dataset_percent:.2f}%",
        "allocator_allocated": r.used,
        "allocator_active": r.resident,
        "allocator_resident": r.resident,
        "total_system_memory": _system_memory(),
        "total_system_memory_human": human(_system_memory()),
        **_scripts(s, r),
        "maxmemory": most,
        "maxmemory_human": human(most),
        "maxmemory_policy": s.node.cluster.parameters.maxmemory_policy,
        "allocator_frag_ratio": f"{r.resident / r.used:.2f}",
        "allocator_frag_bytes": r.resident - r.used,
        "allocator_rss_ratio": "1.00",
        "allocator_rss_bytes": 0,
        "rss_overhead_ratio": "1.00",
        "rss_overhead_bytes": 0,
        "mem_fragmentation_ratio": f"{r.resident / r.used:.2f}",
        "mem_fragmentation_bytes": r.resident - r.used,
        "mem_not_counted_for_evict": 0,
        "mem_replication_backlog": r.backlog,
        "mem_total_replication_buffers": r.backlog,
        "mem_clients_slaves": 0,
        "mem_clients_normal": r.clients,
        "mem_cluster_links": r.links,
        "mem_aof_buffer": 0,
        "mem_allocator": "libc",
        "active_defrag_running": 0,
        "lazyfree_pending_objects": 0,
        "lazyfreed_objects": 0,
    }


def _scripts(s: Session, r: Report) -> dict[str, object]:
    """One interpreter of a shard runs scripts and functions; its memory is shown as that of scripts."""
    scripting = s.node.shard.scripting
    all_scripts = r.scripts + r.functions
    known: dict[str, object] = {
        "used_memory_scripts": all_scripts,
        "used_memory_scripts_human": human(all_scripts),
    }
    shown: dict[str, object] = {
        "used_memory_lua": r.interpreter,
        "used_memory_vm_eval": r.interpreter,
        "used_memory_lua_human": human(r.interpreter),
        "used_memory_scripts_eval": r.scripts,
    }
    if s.legacy:
        shown |= known
    shown |= {
        "number_of_cached_scripts": len(s.node.scripts),
        "number_of_functions": len(scripting.functions),
        "number_of_libraries": len(scripting.libraries),
        "used_memory_vm_functions": 0,
        "used_memory_vm_total": r.interpreter,
        "used_memory_vm_total_human": human(r.interpreter),
        "used_memory_functions": r.functions,
    }
    return shown | known if not s.legacy else shown


def _single(number: float) -> float:
    """The number with the precision that the server keeps it with."""
    found: float = struct.unpack("f", struct.pack("f", number))[0]
    return found


def stats(s: Session) -> dict[bytes, object]:
    """The reply of MEMORY STATS."""
    r, modern = report(s), s.table.level >= (7,)
    found: dict[bytes, object] = {
        b"peak.allocated": r.peak,
        b"total.allocated": r.used,
        b"startup.allocated": memory.EMPTY,
        b"replication.backlog": r.backlog,
        b"clients.slaves": 0,
        b"clients.normal": r.clients,
        b"cluster.links": r.links,
        b"aof.buffer": 0,
        b"lua.caches": r.scripts,
        b"functions.caches": r.functions,
    }
    if not modern:
        del found[b"cluster.links"], found[b"functions.caches"]
    if r.keys:
        main, expires = r.tables
        database = {b"overhead.hashtable.main": main, b"overhead.hashtable.expires": expires}
        found[b"db.0"] = database | ({b"overhead.hashtable.slot-to-keys": r.slot_to_keys} if modern else {})
    ratio, more = _single(r.resident / r.used), r.resident - r.used
    return found | {
        b"overhead.total": r.overhead,
        b"keys.count": r.keys,
        b"keys.bytes-per-key": (r.used - memory.EMPTY) // r.keys if r.keys else 0,
        b"dataset.bytes": r.dataset,
        b"dataset.percentage": _single(r.dataset_percent),
        b"peak.percentage": _single(100 * r.used / r.peak),
        b"allocator.allocated": r.used,
        b"allocator.active": r.resident,
        b"allocator.resident": r.resident,
        b"allocator-fragmentation.ratio": ratio,
        b"allocator-fragmentation.bytes": more,
        b"allocator-rss.ratio": 1.0,
        b"allocator-rss.bytes": 0,
        b"rss-overhead.ratio": 1.0,
        b"rss-overhead.bytes": 0,
        b"fragmentation": ratio,
        b"fragmentation.bytes": more,
    }


# -- MEMORY DOCTOR ----------------------------------------------------------------------------------------------------

_LITTLE: Final = 5 << 20
_PEAK: Final = 1.5
_LARGE_BUFFERS: Final = 200 << 10
_MANY_SCRIPTS: Final = 1000


def diagnosis(s: Session) -> str:
    """What the memory's report tells. Fragmentation is not judged: it would be that of this process, and not of the data."""
    r, product = report(s), "Valkey" if is_valkey(s.node.cluster.spec.engine_version) else "Redis"
    if r.used < _LITTLE:
        return (
            "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these "
            "conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be "
            "back to our programming as soon as I finished rebooting.\n"
        )
    issues = [
        text.replace("PRODUCT", product)
        for text, found in (
            (_PEAK_TEXT, r.peak / r.used > _PEAK),
            (_BUFFERS_TEXT, r.clients / len(s.node.sessions) > _LARGE_BUFFERS),
            (_SCRIPTS_TEXT, len(s.node.scripts) > _MANY_SCRIPTS),
        )
        if found
    ]
    if not issues:
        return "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
    return (
        f"Sam, I detected a few issues in this {product} instance memory implants:\n\n"
        f"{''.join(issues)}I'm here to keep you safe, Sam. I want to help you.\n"
    )


_PEAK_TEXT: Final = (
    " * Peak memory: In the past this instance used more than 150% the memory that is currently using. The allocator is "
    "normally not able to release memory after a peak, so you can expect to see a big fragmentation ratio, however this is "
    "actually harmless and is only due to the memory peak, and if the PRODUCT instance Resident Set Size (RSS) is currently "
    "bigger than expected, the memory will be used as soon as you fill the PRODUCT instance with more data. If the memory "
    "peak was only occasional and you want to try to reclaim memory, please try the MEMORY PURGE command, otherwise the "
    "only other option is to shutdown and restart the instance.\n\n"
)
_BUFFERS_TEXT: Final = (
    " * Big client buffers: The clients output buffers in this instance are greater than 200K per client (on average). "
    "This may result from different causes, like Pub/Sub clients subscribed to channels bot not receiving data fast enough, "
    "so that data piles on the PRODUCT instance output buffer, or clients sending commands with large replies or very large "
    "sequences of commands in the same pipeline. Please use the CLIENT LIST command in order to investigate the issue if it "
    "causes problems in your instance, or to understand better why certain clients are using a big amount of memory.\n\n"
)
_SCRIPTS_TEXT: Final = (
    " * Many scripts: There seem to be many cached scripts in this instance (more than 1000). This may be because scripts "
    "are generated and `EVAL`ed, instead of being parameterized (with KEYS and ARGV), `SCRIPT LOAD`ed and `EVALSHA`ed. "
    "Unless `SCRIPT FLUSH` is called periodically, the scripts' caches may end up consuming most of your memory.\n\n"
)
