"""What MemoryDB tells CloudWatch of a cluster's nodes: https://docs.aws.amazon.com/memorydb/latest/devguide/metrics.memorydb.html

Only figures that the engine knows are told. What belongs to a machine (its CPU, its free memory) is not, as all nodes share
this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from localstack_memorydb.engine import CommandFigures, NodeFigures, SearchFigures
from localstack_memorydb.provider.ports import Datum

NAMESPACE: Final = "AWS/MemoryDB"

Figure: TypeAlias = Callable[[NodeFigures], float]
Totals: TypeAlias = dict[str, float]
"""What a node has counted of each metric."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of one node. `of` finds its value, or the total whose growth since the last time is the value."""

    name: str
    unit: str
    of: Figure
    grows: bool = False
    only: Callable[[NodeFigures], bool] | None = None
    """Nodes of which it is told; None stands for all."""


def _denied(reason: str) -> Figure:
    return lambda node: node.denied.get(reason, 0)


def _calls(wanted: Callable[[CommandFigures], bool]) -> Figure:
    return lambda node: sum(each.calls for each in node.commands if wanted(each))


def _group(*groups: str) -> Figure:
    return _calls(lambda command: command.group in groups)


def _share(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0


def _of_search(of: Callable[[SearchFigures], int]) -> Figure:
    return lambda node: of(node.search) if node.search is not None else 0


def _with_search(node: NodeFigures) -> bool:
    return node.search is not None


def _primary(node: NodeFigures) -> bool:
    return node.is_primary


def _replica(node: NodeFigures) -> bool:
    return not node.is_primary


def _memory_share(node: NodeFigures) -> float:
    return _share(node.used_memory, node.maxmemory)


METRICS: Final[Sequence[Metric]] = (
    Metric("ActiveDefragHits", "None", lambda _: 0),
    Metric("AuthenticationFailures", "Count", _denied("auth"), grows=True),
    Metric("BytesUsedForMemoryDB", "Bytes", lambda node: node.used_memory),
    Metric("CommandAuthorizationFailures", "Count", _denied("command"), grows=True),
    Metric("CurrConnections", "Count", lambda node: node.connections),
    Metric("CurrItems", "Count", lambda node: node.keys),
    Metric("DatabaseMemoryUsagePercentage", "Percent", _memory_share),
    Metric("DatabaseCapacityUsagePercentage", "Percent", _memory_share),
    Metric("DB0AverageTTL", "Milliseconds", lambda node: node.average_ttl),
    Metric("ErrorCount", "Count", lambda node: node.errors, grows=True),
    Metric("Evictions", "Count", lambda node: node.evicted, grows=True, only=_primary),
    Metric("IsPrimary", "Count", lambda node: int(node.is_primary)),
    Metric("KeyAuthorizationFailures", "Count", _denied("key"), grows=True),
    Metric("KeyspaceHits", "Count", lambda node: node.hits, grows=True),
    Metric("KeyspaceMisses", "Count", lambda node: node.misses, grows=True),
    Metric("KeysTracked", "Count", lambda node: _share(node.tracked_keys, node.tracked_keys_limit)),
    Metric("NewConnections", "Count", lambda node: node.connections_received, grows=True),
    Metric("Reclaimed", "Count", lambda node: node.expired, grows=True, only=_primary),
    Metric("ReplicationLag", "Seconds", lambda _: 0, only=_replica),
    Metric("EvalBasedCmds", "Count", _calls(lambda each: each.name in {"eval", "evalsha"}), grows=True),
    Metric("GeoSpatialBasedCmds", "Count", _group("geo"), grows=True),
    Metric("GetTypeCmds", "Count", _calls(lambda each: each.reads), grows=True),
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
    Metric("SetTypeCmds", "Count", _calls(lambda each: each.writes), grows=True),
    Metric("SortedSetBasedCmds", "Count", _group("sorted-set"), grows=True),
    Metric("StringBasedCmds", "Count", _group("string", "bitmap"), grows=True),
    Metric("StreamBasedCmds", "Count", _group("stream"), grows=True),
    Metric("NetworkBytesIn", "Bytes", lambda node: node.bytes_received, grows=True),
    Metric("NetworkBytesOut", "Bytes", lambda node: node.bytes_sent, grows=True),
)
"""The replicas of this emulator never lag, and nothing needs defragmentation: those two are zero because it is so."""

_LATENCIES: Final[Mapping[str, Callable[[CommandFigures], bool]]] = {
    "SuccessfulReadRequestLatency": lambda command: command.reads,
    "SuccessfulWriteRequestLatency": lambda command: command.writes,
}
_SINCE: Final = (7, 2)


class Meter:
    """What is new about the nodes of a cluster since the last time that it was told to `keep` what it had read."""

    def __init__(self) -> None:
        self._kept: dict[str, Totals] = {}
        self._read: dict[str, Totals] = {}

    def read(self, cluster: str, version: tuple[int, ...], nodes: Sequence[NodeFigures]) -> list[Datum]:
        """Each metric of each node, and of all nodes together."""
        samples: dict[tuple[str, str], list[float]] = {}
        data = []
        self._read = {}
        for node in nodes:
            for name, unit, value in self._values(version, node):
                dimensions = (("ClusterName", cluster), ("NodeName", node.name))
                data.append(Datum(name, unit, dimensions, (value,)))
                samples.setdefault((name, unit), []).append(value)
        for (name, unit), values in samples.items():
            data.append(Datum(name, unit, (("ClusterName", cluster),), tuple(values)))
        return data

    def keep(self) -> None:
        """What was read has been told."""
        self._kept = self._read

    def _values(self, version: tuple[int, ...], node: NodeFigures) -> Iterator[tuple[str, str, float]]:
        before, now = self._kept.get(node.name, {}), self._read.setdefault(node.name, {})
        for metric in METRICS:
            value = now[metric.name] = metric.of(node)
            if metric.grows:
                value = _growth(value, before.get(metric.name, 0))
            if metric.only is None or metric.only(node):
                yield metric.name, metric.unit, value
        if version >= _SINCE:
            yield from _latencies(node.commands, before, now)


def _growth(total: float, before: float) -> float:
    """What is new; a count that became smaller has begun anew (CONFIG RESETSTAT)."""
    return total - before if total >= before else total


def _latencies(
    commands: Sequence[CommandFigures], before: Totals, now: Totals
) -> Iterator[tuple[str, str, float]]:
    """The average time of a call, where there were calls."""
    for name, wanted in _LATENCIES.items():
        chosen = [each for each in commands if wanted(each)]
        calls, spent = sum(each.calls for each in chosen), sum(each.microseconds for each in chosen)
        now[f"{name} calls"], now[name] = calls, spent
        new = _growth(calls, before.get(f"{name} calls", 0))
        if new:
            yield name, "Microseconds", _growth(spent, before.get(name, 0)) / new
