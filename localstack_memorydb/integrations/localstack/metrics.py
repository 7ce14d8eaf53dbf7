"""MemoryDB's metrics in LocalStack's CloudWatch, which looks at the alarms by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any, Final

from localstack.aws.connect import connect_to
from localstack.services.plugins import SERVICE_PLUGINS

from localstack_memorydb.provider.ports import Datum, MetricsUnavailable, Scope

_DATA_AT_ONCE: Final = 1000
_COLUMNS: Final = (
    "account_id",
    "region",
    "metric_name",
    "namespace",
    "timestamp",
    "dimensions",
    "unit",
)
_STATISTICS: Final = ("sample_count", "sum", "min", "max")


class LocalStackMetrics:
    """CloudWatch as LocalStack keeps it."""

    def put(self, scope: Scope, namespace: str, data: Sequence[Datum], at: datetime) -> None:
        try:
            database = getattr(SERVICE_PLUGINS.require("cloudwatch")._provider, "cloudwatch_database", None)
            if database is None:
                _send(scope, namespace, data, at)
            else:
                _write(database, scope, namespace, data, at)
        except Exception as error:
            raise MetricsUnavailable(f"{type(error).__name__}: {error}") from error


def _write(database: Any, scope: Scope, namespace: str, data: Sequence[Datum], at: datetime) -> None:
    """One transaction for everything. PutMetricData makes one of each datum, and waits for the disk each time."""
    singles, several = [], []
    for datum in data:
        dimensions = [{"Name": name, "Value": value} for name, value in datum.dimensions]
        place = database._get_ordered_dimensions_with_separator(dimensions)
        row = (
            scope.account,
            scope.region,
            datum.name,
            namespace,
            int(at.timestamp()),
            place,
            datum.unit,
        )
        samples = datum.samples
        if len(samples) == 1:
            singles.append((*row, samples[0]))
        else:
            several.append((*row, len(samples), sum(samples), min(samples), max(samples)))
    with database.DATABASE_LOCK, closing(sqlite3.connect(database.METRICS_DB)) as connection, connection:
        connection.executemany(_insertion(database.TABLE_SINGLE_METRICS, (*_COLUMNS, "value")), singles)
        connection.executemany(
            _insertion(database.TABLE_AGGREGATED_METRICS, (*_COLUMNS, *_STATISTICS)), several
        )


def _insertion(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of LocalStack's


def _send(scope: Scope, namespace: str, data: Sequence[Datum], at: datetime) -> None:
    """By the API, for a CloudWatch that keeps its data otherwise (PROVIDER_OVERRIDE_CLOUDWATCH=v1)."""
    cloudwatch = connect_to(aws_access_key_id=scope.account, region_name=scope.region).cloudwatch
    for first in range(0, len(data), _DATA_AT_ONCE):
        rows = [_row(datum, at) for datum in data[first : first + _DATA_AT_ONCE]]
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=rows)


def _row(datum: Datum, at: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "MetricName": datum.name,
        "Unit": datum.unit,
        "Timestamp": at,
        "Dimensions": [{"Name": name, "Value": value} for name, value in datum.dimensions],
    }
    samples = datum.samples
    if len(samples) == 1:
        return row | {"Value": samples[0]}
    statistics = {
        "SampleCount": len(samples),
        "Sum": sum(samples),
        "Minimum": min(samples),
        "Maximum": max(samples),
    }
    return row | {"StatisticValues": statistics}
