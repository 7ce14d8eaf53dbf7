"""What MemoryDB tells CloudWatch of a cluster's nodes: https://docs.aws.amazon.com/memorydb/latest/devguide/metrics.memorydb.html

Only what is true is told. All nodes share this process, so of its machine each is told what it takes of it, or what it has left
for the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from localstack_memorydb.engine import CommandFigures, NodeFigures, SearchFigures
from localstack_memorydb.provider.ports import Datum

NAMESPACE: Final = "AWS/MemoryDB"

Figure: TypeAlias = Callable[[NodeFigures], float]
Totals: TypeAlias = dict[str, float]
"""What a node has counted of each metric."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a cluster is, on which it depends what is told of it."""

    version: tuple[int, ...]
    data_tiering: bool = False
    multi_region: bool = False


Choice: TypeAlias = Callable[[NodeFigures, Traits], bool]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of one node. `of` finds its value, or the total whose growth since the last time is the value."""

    name: str
    unit: str
    of: Figure
    grows: bool = False
    over: Figure | None = None
    """A total by whose growth the value is divided; what did not grow leaves nothing to tell."""
    only: Choice | None = None
    """Nodes of which it is told; None stands for all."""
    dimensions: tuple[tuple[str, str], ...] = ()
    """Those besides the cluster's and the node's name."""


def _denied(reason: str) -> Figure:
    return lambda node: node.denied.get(reason, 0)


def _calls(wanted: Callable[[CommandFigures], bool]) -> Figure:
    return lambda node: sum(each.calls for each in node.commands if wanted(each))


def _time(wanted: Callable[[CommandFigures], bool]) -> Figure:
    return lambda node: sum(each.microseconds for each in node.commands if wanted(each))


def _reads(command: CommandFigures) -> bool:
    return command.reads


def _writes(command: CommandFigures) -> bool:
    return command.writes


def _group(*groups: str) -> Figure:
    return _calls(lambda command: command.group in groups)


def _share(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0


def _of_search(of: Callable[[SearchFigures], int]) -> Figure:
    return lambda node: of(node.search) if node.search is not None else 0


def _with_search(node: NodeFigures, _: Traits) -> bool:
    return node.search is not None


def _primary(node: NodeFigures, _: Traits) -> bool:
    return node.is_primary


def _replica(node: NodeFigures, _: Traits) -> bool:
    return not node.is_primary


def _with_packets(node: NodeFigures, _: Traits) -> bool:
    return node.packets is not None


def _with_log(node: NodeFigures, _: Traits) -> bool:
    return node.is_primary and node.replicated is not None


def _tells_swap(node: NodeFigures, _: Traits) -> bool:
    return node.host.swapped is not None


def _since_72(_: NodeFigures, traits: Traits) -> bool:
    return traits.version >= (7, 2)


def _tiered(_: NodeFigures, traits: Traits) -> bool:
    return traits.data_tiering


def _multi_region(node: NodeFigures, traits: Traits) -> bool:
    return node.is_primary and traits.multi_region


def _nothing(_: NodeFigures) -> float:
    return 0


def _fragmentation(node: NodeFigures) -> float:
    """`mem_fragmentation_ratio` of INFO: what the process takes of memory, for each byte that the node uses."""
    resident = node.host.resident_memory
    return 1.0 if resident is None or not node.used_memory else resident / node.used_memory


def _free(node: NodeFigures) -> float:
    """What the node may still take, or what the machine has left for it, if that is less."""
    left = [] if node.host.available_memory is None else [node.host.available_memory]
    if node.maxmemory:
        left.append(max(0, node.maxmemory - node.used_memory))
    return min(left, default=0)


def _packets(place: int) -> Figure:
    return lambda node: node.packets[place] if node.packets is not None else 0


def _replicated(place: int) -> Figure:
    return lambda node: node.replicated[place] if node.replicated is not None else 0


def _memory_share(node: NodeFigures) -> float:
    return _share(node.used_memory, node.maxmemory)


_MEMORY: Final = (("Tier", "Memory"),)
_SSD: Final = (("Tier", "SSD"),)


def _latency(name: str, wanted: Callable[[CommandFigures], bool]) -> Metric:
    return Metric(name, "Microseconds", _time(wanted), grows=True, over=_calls(wanted), only=_since_72)


METRICS: Final[Sequence[Metric]] = (
    Metric("ActiveDefragHits", "None", _nothing),
    Metric("AuthenticationFailures", "Count", _denied("auth"), grows=True),
    Metric("BytesUsedForMemoryDB", "Bytes", lambda node: node.used_memory),
    Metric("BytesUsedForMemoryDB", "Bytes", lambda node: node.used_memory, only=_tiered, dimensions=_MEMORY),
    Metric("BytesUsedForMemoryDB", "Bytes", _nothing, only=_tiered, dimensions=_SSD),
    Metric("BytesReadFromDisk", "Bytes", _nothing, only=_tiered),
    Metric("BytesWrittenToDisk", "Bytes", _nothing, only=_tiered),
    Metric("CommandAuthorizationFailures", "Count", _denied("command"), grows=True),
    Metric("CurrConnections", "Count", lambda node: node.connections),
    Metric("CurrItems", "Count", lambda node: node.keys),
    Metric("CurrItems", "Count", lambda node: node.keys, only=_tiered, dimensions=_MEMORY),
    Metric("CurrItems", "Count", _nothing, only=_tiered, dimensions=_SSD),
    Metric("DatabaseMemoryUsagePercentage", "Percent", _memory_share),
    Metric("DatabaseCapacityUsagePercentage", "Percent", _memory_share),
    Metric("DB0AverageTTL", "Milliseconds", lambda node: node.average_ttl),
    Metric(
        "EngineCPUUtilization",
        "Percent",
        lambda node: 100 * node.processor_seconds,
        grows=True,
        over=lambda node: node.age,
    ),
    Metric("ErrorCount", "Count", lambda node: node.errors, grows=True),
    Metric("Evictions", "Count", lambda node: node.evicted, grows=True, only=_primary),
    Metric("IsPrimary", "Count", lambda node: int(node.is_primary)),
    Metric("KeyAuthorizationFailures", "Count", _denied("key"), grows=True),
    Metric("KeyspaceHits", "Count", lambda node: node.hits, grows=True),
    Metric("KeyspaceMisses", "Count", lambda node: node.misses, grows=True),
    Metric("KeysTracked", "Count", lambda node: _share(node.tracked_keys, node.tracked_keys_limit)),
    Metric("MaxReplicationThroughput", "Bytes/Second", _replicated(1), only=_with_log),
    Metric("MemoryFragmentationRatio", "None", _fragmentation),
    Metric("MultiRegionClusterReplicationLag", "Milliseconds", _nothing, only=_multi_region),
    Metric("NewConnections", "Count", lambda node: node.connections_received, grows=True),
    Metric("NumItemsReadFromDisk", "Count", _nothing, only=_tiered),
    Metric("NumItemsWrittenToDisk", "Count", _nothing, only=_tiered),
    Metric("PrimaryLinkHealthStatus", "None", lambda _: 1),
    Metric("Reclaimed", "Count", lambda node: node.expired, grows=True, only=_primary),
    _latency("SuccessfulReadRequestLatency", _reads),
    _latency("SuccessfulWriteRequestLatency", _writes),
    Metric("ReplicationBytes", "Bytes", _replicated(0), grows=True, only=_with_log),
    Metric("ReplicationDelayedWriteCommands", "Count", _nothing, only=_primary),
    Metric("ReplicationLag", "Seconds", _nothing, only=_replica),
    Metric("EvalBasedCmds", "Count", _calls(lambda each: each.name in {"eval", "evalsha"}), grows=True),
    Metric("GeoSpatialBasedCmds", "Count", _group("geo"), grows=True),
    Metric("GetTypeCmds", "Count", _calls(_reads), grows=True),
    Metric("HashBasedCmds", "Count", _group("hash"), grows=True),
    Metric("HyperLogLogBasedCmds", "Count", _group("hyperloglog"), grows=True),
    Metric("JsonBasedCmds", "Count", _group("json"), grows=True),
    Metric("KeyBasedCmds", "Count", _group("generic"), grows=True),
    Metric("ListBasedCmds", "Count", _group("list"), grows=True),
    Metric("PubSubBasedCmds", "Count", _group("pubsub"), grows=True),
    Metric("SearchBasedCmds", "Count", _group("search"), grows=True),
    Metric(
        "SearchBasedGetCmds", "Count", _calls(lambda each: each.group == "search" and each.reads), grows=True
    ),
    Metric(
        "SearchBasedSetCmds", "Count", _calls(lambda each: each.group == "search" and each.writes), grows=True
    ),
    Metric("SearchNumberOfIndexes", "Count", _of_search(lambda found: found.indexes), only=_with_search),
    Metric("SearchNumberOfIndexedKeys", "Count", _of_search(lambda found: found.keys), only=_with_search),
    Metric("SearchTotalIndexSize", "Bytes", _of_search(lambda found: found.size), only=_with_search),
    Metric("SetBasedCmds", "Count", _group("set"), grows=True),
    Metric("SetTypeCmds", "Count", _calls(_writes), grows=True),
    Metric("SortedSetBasedCmds", "Count", _group("sorted-set"), grows=True),
    Metric("StringBasedCmds", "Count", _group("string", "bitmap"), grows=True),
    Metric("StreamBasedCmds", "Count", _group("stream"), grows=True),
    Metric(
        "CPUUtilization",
        "Percent",
        lambda node: 100 * node.host.processor_seconds,
        grows=True,
        over=lambda node: node.host.age * node.host.processors,
    ),
    Metric("FreeableMemory", "Bytes", _free),
    Metric("SwapUsage", "Bytes", lambda node: node.host.swapped or 0, only=_tells_swap),
    Metric("NetworkBytesIn", "Bytes", lambda node: node.bytes_received, grows=True),
    Metric("NetworkBytesOut", "Bytes", lambda node: node.bytes_sent, grows=True),
    Metric("NetworkMaxBytesIn", "Bytes", lambda node: node.bursts[0]),
    Metric("NetworkMaxBytesOut", "Bytes", lambda node: node.bursts[1]),
    Metric("NetworkPacketsIn", "Count", _packets(0), grows=True, only=_with_packets),
    Metric("NetworkPacketsOut", "Count", _packets(1), grows=True, only=_with_packets),
    Metric("NetworkBandwidthInAllowanceExceeded", "Count", _nothing),
    Metric("NetworkBandwidthOutAllowanceExceeded", "Count", _nothing),
    Metric("NetworkConntrackAllowanceExceeded", "Count", _nothing),
    Metric("NetworkPacketsPerSecondAllowanceExceeded", "Count", _nothing),
)
"""What is zero is so: replicas never lag, nothing needs defragmentation, no key is moved to a disk, and nobody has an allowance of
traffic. Nor is there a primary without its link.
"""


class Meter:
    """What is new about the nodes of a cluster since the last time that it was told to `keep` what it had read."""

    def __init__(self) -> None:
        self._kept: dict[str, Totals] = {}
        self._read: dict[str, Totals] = {}

    def read(self, cluster: str, traits: Traits, nodes: Sequence[NodeFigures]) -> list[Datum]:
        """Each metric of each node, and of all nodes together."""
        samples: dict[Metric, list[float]] = {}
        data = []
        self._read = {}
        for node in nodes:
            for metric, value in self._values(traits, node):
                dimensions = (("ClusterName", cluster), ("NodeName", node.name), *metric.dimensions)
                data.append(Datum(metric.name, metric.unit, dimensions, (value,)))
                samples.setdefault(metric, []).append(value)
        for metric, values in samples.items():
            dimensions = (("ClusterName", cluster), *metric.dimensions)
            data.append(Datum(metric.name, metric.unit, dimensions, tuple(values)))
        return data

    def keep(self) -> None:
        """What was read has been told."""
        self._kept = self._read

    def _values(self, traits: Traits, node: NodeFigures) -> Iterator[tuple[Metric, float]]:
        before, now = self._kept.get(node.name, {}), self._read.setdefault(node.name, {})
        for metric in METRICS:
            value, whole = metric.of(node), 1.0
            if metric.grows:
                now[metric.name] = value
                value = _growth(value, before.get(metric.name, 0))
            if metric.over is not None:
                divisor = f"{metric.name} over"
                now[divisor] = metric.over(node)
                whole = _growth(now[divisor], before.get(divisor, 0))
            if whole and (metric.only is None or metric.only(node, traits)):
                yield metric, value / whole


def _growth(total: float, before: float) -> float:
    """What is new; a count that became smaller has begun anew (CONFIG RESETSTAT)."""
    return total - before if total >= before else total
