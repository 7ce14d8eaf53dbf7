"""Alarms on MemoryDB's metrics. moto keeps alarms and does not look at them, so this does, whenever there are new metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html: alarms on one metric with a plain
statistic; metric math, percentiles and anomaly detection are left as they are.
"""

from __future__ import annotations

import json
import logging
import operator
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moto.cloudwatch.models import Alarm, CloudWatchBackend

_LOG: Final = logging.getLogger(__name__)
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_MISSING: Final[Mapping[str | None, bool | None]] = {"breaching": True, "notBreaching": False}
"""How a period without data counts; None for not at all."""

Publish = Callable[[str, str], None]


def evaluate(
    backend: CloudWatchBackend, account: str, namespace: str, now: datetime, publish: Publish
) -> None:
    """Give the alarms of a namespace their state, and tell the topics of those that changed. `now` is naive, in UTC."""
    for alarm in list(backend.alarms.values()):
        if (
            alarm.namespace != namespace
            or not alarm.metric_name
            or alarm.comparison_operator not in _COMPARISONS
        ):
            continue
        if not alarm.statistic:
            continue
        found, reason = _state(alarm, _values(backend, alarm, now))
        if found is not None and found != alarm.state_value:
            _change(backend, account, alarm, found, reason, publish)


def _values(backend: CloudWatchBackend, alarm: Alarm, now: datetime) -> list[float | None]:
    """The statistic of each period that counts, the newest first; None where there are no data."""
    period = timedelta(seconds=int(alarm.period))
    end = now + timedelta(seconds=1)  # what was told just now is of this second
    dimensions = [{"Name": each.name, "Value": each.value} for each in alarm.dimensions]
    values: list[float | None] = []
    for number in range(int(alarm.evaluation_periods)):
        rows = [
            each
            for each in backend.metric_data
            if end - (number + 1) * period <= each.timestamp < end - number * period
            and each.namespace == alarm.namespace
            and each.name == alarm.metric_name
            and each.filter(None, None, dimensions)
        ]
        values.append(_statistic(alarm.statistic, rows))
    return values


def _statistic(name: str, rows: Sequence[Any]) -> float | None:
    from moto.cloudwatch.models import Statistics

    if not rows:
        return None
    statistics = Statistics([name], rows[0].timestamp)
    statistics.metric_data = list(rows)
    value = statistics.get_statistics_for_type(name)
    return None if value is None else float(value)


def _state(alarm: Alarm, values: Sequence[float | None]) -> tuple[str | None, str]:
    """The state that the values call for, None for the present one, and why."""
    treatment = alarm.treat_missing_data or "missing"
    known = [value for value in values if value is not None]
    if not known and treatment not in _MISSING:
        state = None if treatment == "ignore" else "INSUFFICIENT_DATA"
        return state, f"Insufficient Data: {len(values)} datapoints were unknown."
    compare, threshold = _COMPARISONS[alarm.comparison_operator], float(alarm.threshold)
    breaching = [_MISSING.get(treatment) if value is None else compare(value, threshold) for value in values]
    needed = int(alarm.datapoints_to_alarm or alarm.evaluation_periods)
    points = f"{len(known)} datapoints {known} were compared with the threshold ({threshold})."
    if breaching.count(True) >= min(needed, len([each for each in breaching if each is not None])):
        return "ALARM", f"Threshold Crossed: {points}"
    return "OK", f"Threshold Crossed: {points}"


def _change(
    backend: CloudWatchBackend, account: str, alarm: Alarm, state: str, reason: str, publish: Publish
) -> None:
    before = alarm.state_value
    backend.set_alarm_state(alarm.name, reason, json.dumps({"version": "1.0"}), state)
    actions = {
        "ALARM": alarm.alarm_actions,
        "OK": alarm.ok_actions,
        "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
    }[state]
    if alarm.actions_enabled and actions:
        said = json.dumps(_message(alarm, account, before))
        # A subscriber may be slow, or ask for metrics itself.
        threading.Thread(target=_act, args=(list(actions), said, publish), name="alarm", daemon=True).start()


def _act(actions: Sequence[str], said: str, publish: Publish) -> None:
    for arn in actions:
        if arn.split(":")[2:3] != ["sns"]:
            _LOG.warning("alarms act on topics only, not on %s", arn)
            continue
        try:
            publish(arn, said)
        except Exception as error:
            _LOG.warning("an alarm could not tell %s: %s: %s", arn, type(error).__name__, error)


def _message(alarm: Alarm, account: str, before: str) -> dict[str, Any]:
    """What CloudWatch sends to a topic."""
    changed = alarm.state_updated_timestamp.replace(tzinfo=UTC)
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": account,
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": changed.isoformat(timespec="milliseconds").replace("+00:00", "+0000"),
        "Region": alarm.region_name,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": before,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "StatisticType": "Statistic",
            "Statistic": alarm.statistic.upper(),
            "Unit": alarm.unit,
            "Dimensions": [{"value": each.value, "name": each.name} for each in alarm.dimensions],
            "Period": int(alarm.period),
            "EvaluationPeriods": int(alarm.evaluation_periods),
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": float(alarm.threshold),
            "TreatMissingData": alarm.treat_missing_data or "missing",
        },
    }
