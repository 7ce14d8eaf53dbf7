"""Maintenance windows (weekly) and snapshot windows (daily): their grammar, their bounds, and the defaults.

https://docs.aws.amazon.com/memorydb/latest/devguide/maintenance-window.html: a window lasts an hour at least, a
maintenance window a day at most. Where a request names none, AWS picks an hour in the Region's block of eight
hours; the hour here follows from the cluster's ARN, so that it is the same in every run.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.faults import InvalidParameterValueException

DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
DAY: Final = 24 * 60
WEEK: Final = 7 * DAY
SHORTEST: Final = 60
_STEP: Final = 30
_TIME: Final = r"([01]\d|2[0-3]):([0-5]\d)"
_DAILY: Final = re.compile(f"{_TIME}-{_TIME}")
_WEEKLY: Final = re.compile(f"({'|'.join(DAYS)}):{_TIME}-({'|'.join(DAYS)}):{_TIME}")


def require_maintenance_window(text: str) -> str:
    """The window, lower case as it is stored."""
    text = text.lower()
    if not _WEEKLY.fullmatch(text):
        raise InvalidParameterValueException(
            "The parameter MaintenanceWindow must have the format ddd:hh24:mi-ddd:hh24:mi."
        )
    start, end = _weekly(text)
    _require_length("MaintenanceWindow", end - start)
    if end - start > DAY:
        raise InvalidParameterValueException("The parameter MaintenanceWindow must be 24 hours at most.")
    return text


def require_snapshot_window(text: str) -> str:
    """The window as it is."""
    if not _DAILY.fullmatch(text):
        raise InvalidParameterValueException(
            "The parameter SnapshotWindow must have the format hh24:mi-hh24:mi."
        )
    start, end = _daily(text)
    _require_length("SnapshotWindow", end - start)
    return text


def _require_length(parameter: str, minutes: int) -> None:
    if minutes < SHORTEST:
        raise InvalidParameterValueException(
            f"The parameter {parameter} must be at least {SHORTEST} minutes."
        )


def current_window(snapshot_window: str, now: datetime) -> datetime | None:
    """When the daily window that it is now began; None outside of it. Windows are in UTC, as `now` is."""
    start, end = _daily(snapshot_window)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for day in (midnight, midnight - timedelta(days=1)):
        if day + timedelta(minutes=start) <= now < day + timedelta(minutes=end):
            return day + timedelta(minutes=start)
    return None


def require_apart(maintenance: str, snapshot: str) -> None:
    """The two must not overlap."""
    if _overlap(maintenance, snapshot):
        raise InvalidParameterValueException("The snapshot window and maintenance window must not overlap.")


def default_windows(arn: str, region: str, maintenance: str | None, snapshot: str | None) -> tuple[str, str]:
    """Both windows: those given, and an hour of the Region's block for one that is not, apart from the other."""
    chance = zlib.crc32(arn.encode())
    day = DAYS[chance % len(DAYS)]
    hours = list(_hours(catalog.region(region).maintenance_block, chance))
    if maintenance is None:
        weekly = [_on_day(day, hour) for hour in hours]
        maintenance = next(
            (each for each in weekly if not snapshot or not _overlap(each, snapshot)), weekly[0]
        )
    if snapshot is None:
        snapshot = next((each for each in hours if not _overlap(maintenance, each)), hours[0])
    return maintenance, snapshot


def _hours(block: str, chance: int) -> Iterator[str]:
    """Every hour of the block, in steps of half an hour, starting anywhere."""
    start, end = _daily(block)
    starts = range(start, end - SHORTEST + 1, _STEP)
    for turn in range(len(starts)):
        minute = starts[(chance // len(DAYS) + turn) % len(starts)]
        yield f"{_clock(minute)}-{_clock(minute + SHORTEST)}"


def _on_day(day: str, hour: str) -> str:
    start, end = _daily(hour)
    following = DAYS[(DAYS.index(day) + 1) % len(DAYS)] if end >= DAY else day
    return f"{day}:{_clock(start)}-{following}:{_clock(end)}"


def _clock(minute: int) -> str:
    hour, rest = divmod(minute % DAY, 60)
    return f"{hour:02d}:{rest:02d}"


def _daily(text: str) -> tuple[int, int]:
    """Start and end in minutes of the day; an end on the next day is over 1440."""
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
    return start, end if end >= start else end + DAY


def _weekly(text: str) -> tuple[int, int]:
    """Start and end in minutes of the week; an end in the next week is over 10080."""
    start, end = (
        DAYS.index(part[:3]) * DAY + int(part[4:6]) * 60 + int(part[7:]) for part in text.split("-")
    )
    return start, end if end >= start else end + WEEK


def _overlap(maintenance: str, snapshot: str) -> bool:
    start, end = _weekly(maintenance)
    daily_start, daily_end = _daily(snapshot)
    return any(
        start < daily_end + day * DAY and daily_start + day * DAY < end for day in range(-1, 2 * len(DAYS))
    )
