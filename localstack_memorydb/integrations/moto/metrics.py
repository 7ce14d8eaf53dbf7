"""MemoryDB's metrics as moto's CloudWatch keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from moto.cloudwatch.models import CloudWatchBackend, MetricAggregatedDatum, MetricDatum, cloudwatch_backends

from localstack_memorydb.provider.ports import Datum, Scope

_KEPT: Final = timedelta(hours=3)
"""moto keeps everything for good, which for a minute's samples of every node becomes too much."""


def backend_of(scope: Scope) -> CloudWatchBackend:
    """What moto has of an account in a Region."""
    return cloudwatch_backends[scope.account][scope.region]


def put(backend: CloudWatchBackend, namespace: str, data: Sequence[Datum], at: datetime) -> None:
    """Add the data, of a naive time in UTC; those of this namespace that are old are forgotten."""
    young = (
        each for each in backend.metric_data if each.namespace != namespace or each.timestamp >= at - _KEPT
    )
    backend.metric_data = [*young, *_made(namespace, data, at)]


def _made(namespace: str, data: Sequence[Datum], at: datetime) -> Iterator[Any]:
    for datum in data:
        dimensions = [{"Name": name, "Value": value} for name, value in datum.dimensions]
        samples = datum.samples
        if len(samples) == 1:
            yield _Single(namespace, datum.name, samples[0], dimensions, at, datum.unit)
        else:
            yield _Several(
                namespace=namespace,
                name=datum.name,
                min_stat=min(samples),
                max_stat=max(samples),
                sample_count=len(samples),
                sum_stat=sum(samples),
                dimensions=dimensions,
                timestamp=at,
                unit=datum.unit,
            )


class _Exact:
    """Makes statistics count a datum only for exactly its dimensions, as AWS does; moto would count it for fewer, too.

    It is also quicker to see that a metric is in a list already.
    """

    name: str
    namespace: str
    dimensions: list[Any]

    def filter(
        self,
        namespace: str | None,
        name: str | None,
        dimensions: list[dict[str, str]],
        already_present_metrics: list[Any] | None = None,
    ) -> bool:
        if already_present_metrics is None:  # GetMetricStatistics
            return _pairs(self.dimensions) == sorted((each["Name"], each.get("Value")) for each in dimensions)
        if namespace not in (None, "", self.namespace) or name not in (None, "", self.name):
            return False
        own = _pairs(self.dimensions)
        if any(
            each.name == self.name and each.namespace == self.namespace and _pairs(each.dimensions) == own
            for each in already_present_metrics
        ):
            return False
        return all(
            any(pair[0] == each["Name"] and each.get("Value") in (None, pair[1]) for pair in own)
            for each in dimensions or ()
        )


def _pairs(dimensions: list[Any]) -> list[tuple[str, str]]:
    return sorted((each.name, each.value) for each in dimensions)


class _Single(_Exact, MetricDatum):
    """One sample."""


class _Several(_Exact, MetricAggregatedDatum):
    """Samples of several nodes at one moment."""
