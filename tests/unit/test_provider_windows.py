"""Maintenance and snapshot windows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.faults import InvalidParameterValueException
from localstack_memorydb.provider.windows import (
    default_windows,
    require_apart,
    require_maintenance_window,
    require_snapshot_window,
)


@pytest.mark.parametrize(
    "text",
    ["sun:23:00-mon:01:30", "sat:23:30-sun:00:30", "thu:09:00-thu:10:00", "mon:00:00-tue:00:00"],
)
def test_a_maintenance_window_of_an_hour_to_a_day_is_fine(text: str) -> None:
    assert require_maintenance_window(text.upper()) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sun:23:00",
        "sun:23:00-23:30",
        "son:01:00-son:02:00",
        "sun:24:00-mon:01:00",
        "sun:01:60-sun:03:00",
        "sun:1:00-sun:2:00",
        "sun:01:00-sun:01:59",
        "sun:01:00-sun:01:00",
        "mon:00:00-tue:00:01",
        "mon:10:00-mon:09:00",
    ],
)
def test_other_maintenance_windows_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameterValueException):
        require_maintenance_window(text)


@pytest.mark.parametrize("text", ["05:00-09:00", "23:30-00:30", "00:00-23:59"])
def test_a_snapshot_window_of_an_hour_or_more_is_fine(text: str) -> None:
    assert require_snapshot_window(text) == text


@pytest.mark.parametrize("text", ["", "05:00", "05:00-05:59", "5:00-6:00", "05:00-25:00", "05:00-05:00"])
def test_other_snapshot_windows_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameterValueException):
        require_snapshot_window(text)


@pytest.mark.parametrize(
    ("maintenance", "snapshot"),
    [
        ("sun:05:00-sun:06:00", "05:30-06:30"),
        ("sun:05:00-sun:06:00", "04:00-07:00"),
        ("sun:23:30-mon:00:30", "00:00-01:00"),
        ("sun:23:00-mon:00:00", "23:30-00:30"),
        ("sat:23:30-sun:00:30", "00:00-01:00"),
        ("sun:00:00-sun:01:00", "23:30-00:30"),
    ],
)
def test_windows_that_overlap_are_refused(maintenance: str, snapshot: str) -> None:
    with pytest.raises(InvalidParameterValueException, match="must not overlap"):
        require_apart(maintenance, snapshot)


@pytest.mark.parametrize(
    ("maintenance", "snapshot"),
    [("sun:05:00-sun:06:00", "06:00-07:00"), ("sun:23:00-mon:00:00", "00:00-23:00")],
)
def test_windows_may_touch(maintenance: str, snapshot: str) -> None:
    require_apart(maintenance, snapshot)


@given(
    region=st.sampled_from([*catalog.regions(), "eu-north-1"]),
    name=st.from_regex(r"[a-z]{1,10}", fullmatch=True),
)
def test_default_windows_are_valid_and_apart(region: str, name: str) -> None:
    arn = f"arn:aws:memorydb:{region}:123456789012:cluster/{name}"
    maintenance, snapshot = default_windows(arn, region, None, None)
    require_apart(require_maintenance_window(maintenance), require_snapshot_window(snapshot))


@given(name=st.from_regex(r"[a-z]{1,10}", fullmatch=True), hour=st.integers(0, 22))
def test_a_default_window_keeps_away_from_one_that_is_given(name: str, hour: int) -> None:
    given_daily = f"{hour:02}:00-{hour + 1:02}:00"
    maintenance, snapshot = default_windows(name, "us-east-1", None, given_daily)
    assert snapshot == given_daily
    require_apart(maintenance, snapshot)
    maintenance, snapshot = default_windows(name, "us-east-1", f"sun:{hour:02}:00-sun:{hour + 1:02}:00", None)
    require_apart(maintenance, snapshot)
