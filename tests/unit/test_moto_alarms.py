"""Alarms on MemoryDB's metrics on the stand-alone host, at a time that the test holds."""

from __future__ import annotations

import json
import queue
from datetime import datetime, timedelta
from typing import Any

import pytest
from moto.cloudwatch.models import CloudWatchBackend

from localstack_memorydb.integrations.moto import alarms, metrics
from localstack_memorydb.provider.ports import Datum

ACCOUNT, NAMESPACE = "123456789012", "AWS/MemoryDB"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:ops"
DIMENSIONS = (("ClusterName", "orders"), ("NodeName", "orders-0001-001"))


class CloudWatch:
    """An account's CloudWatch, in which a minute passes with every sample."""

    def __init__(self) -> None:
        self.backend = CloudWatchBackend("us-east-1", ACCOUNT)
        self.now = datetime(2026, 11, 23, 12, 0)
        self.told: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()

    def alarm(self, **more: Any) -> None:
        """More than ten evictions in a minute."""
        wanted: dict[str, Any] = {
            "name": "memory",
            "namespace": NAMESPACE,
            "metric_name": "Evictions",
            "comparison_operator": "GreaterThanThreshold",
            "evaluation_periods": 1,
            "period": 60,
            "threshold": 10.0,
            "statistic": "Sum",
            "description": "memory is short",
            "dimensions": [{"Name": name, "Value": value} for name, value in DIMENSIONS],
            "alarm_actions": [TOPIC],
        }
        self.backend.put_metric_alarm(**wanted | more)

    def minute(self, *samples: float, dimensions: tuple[tuple[str, str], ...] = DIMENSIONS) -> str:
        """A minute with these samples passes; the alarm's state."""
        self.now += timedelta(minutes=1)
        data = [Datum("Evictions", "Count", dimensions, samples)] if samples else []
        metrics.put(self.backend, NAMESPACE, data, self.now)
        alarms.evaluate(self.backend, ACCOUNT, NAMESPACE, self.now, self._publish)
        return str(self.backend.alarms["memory"].state_value)

    def _publish(self, arn: str, message: str) -> None:
        self.told.put((arn, json.loads(message)))


@pytest.fixture
def cloudwatch() -> CloudWatch:
    return CloudWatch()


def test_a_threshold_that_is_crossed_and_kept_again(cloudwatch: CloudWatch) -> None:
    cloudwatch.alarm(ok_actions=[f"{TOPIC}-again"])
    assert [cloudwatch.minute(count) for count in (10, 11, 12, 3)] == ["OK", "ALARM", "ALARM", "OK"]
    arn, said = cloudwatch.told.get(timeout=60)
    assert (arn, said["AlarmName"], said["OldStateValue"], said["NewStateValue"]) == (
        TOPIC,
        "memory",
        "OK",
        "ALARM",
    )
    assert said["Trigger"]["Dimensions"] == [{"name": name, "value": value} for name, value in DIMENSIONS]
    assert "[11.0] were compared with the threshold (10.0)" in said["NewStateReason"]
    assert cloudwatch.told.get(timeout=60)[0] == f"{TOPIC}-again"
    assert cloudwatch.told.empty()


def test_as_many_periods_as_the_alarm_says(cloudwatch: CloudWatch) -> None:
    cloudwatch.alarm(evaluation_periods=3, datapoints_to_alarm=2)
    assert [cloudwatch.minute(count) for count in (1, 1, 11, 1, 11)] == ["OK", "OK", "OK", "OK", "ALARM"]


@pytest.mark.parametrize(
    ("treatment", "state"),
    [
        (None, "INSUFFICIENT_DATA"),
        ("missing", "INSUFFICIENT_DATA"),
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
        ("ignore", "OK"),
    ],
)
def test_periods_without_data(cloudwatch: CloudWatch, treatment: str | None, state: str) -> None:
    cloudwatch.alarm(treat_missing_data=treatment)
    assert [cloudwatch.minute(1), cloudwatch.minute()] == ["OK", state]


def test_other_dimensions_are_other_metrics(cloudwatch: CloudWatch) -> None:
    cloudwatch.alarm(treat_missing_data="notBreaching")
    assert cloudwatch.minute(50, 50, dimensions=DIMENSIONS[:1]) == "OK"
    cloudwatch.alarm(dimensions=[{"Name": "ClusterName", "Value": "orders"}])
    assert cloudwatch.minute(6, 6, dimensions=DIMENSIONS[:1]) == "ALARM"


def test_actions_that_are_switched_off(cloudwatch: CloudWatch) -> None:
    cloudwatch.alarm(actions_enabled=False)
    assert cloudwatch.minute(11) == "ALARM"
    assert cloudwatch.told.empty()


def test_alarms_of_others_are_left_alone(cloudwatch: CloudWatch) -> None:
    cloudwatch.alarm(namespace="Shop", treat_missing_data="breaching")
    assert cloudwatch.minute(11) == "OK"


def test_samples_are_forgotten_after_three_hours(cloudwatch: CloudWatch) -> None:
    cloudwatch.alarm()
    for count in range(200):
        cloudwatch.minute(count % 10)
    assert len(cloudwatch.backend.metric_data) == 181
