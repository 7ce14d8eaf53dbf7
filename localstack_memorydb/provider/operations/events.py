"""What happened: https://docs.aws.amazon.com/memorydb/latest/APIReference/API_DescribeEvents.html"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from localstack_memorydb.provider.context import Context
from localstack_memorydb.provider.faults import (
    InvalidParameterCombinationException,
    InvalidParameterValueException,
)
from localstack_memorydb.provider.operation import operation
from localstack_memorydb.provider.resources import Event
from localstack_memorydb.provider.store import EVENTS_KEPT

DEFAULT_DURATION: Final = 60


def _newest_first(event: Event) -> int:
    return -event.number


@operation(order=_newest_first)
def describe_events(
    context: Context,
    source_name: str | None = None,
    source_type: str | None = None,
    start_time: datetime | None = None,
    end_time: datetime | None = None,
    duration: int | None = None,
) -> list[Event]:
    """The events of the last hour, or of the time that the request gives by two of start, end and minutes."""
    if source_name is not None and source_type is None:
        raise InvalidParameterCombinationException("SourceName requires SourceType.")
    start, end = _interval(context.now, start_time, end_time, duration)
    start = max(start, context.now - EVENTS_KEPT)
    return [
        event
        for event in context.store.events
        if start <= event.date <= end
        and source_type in {None, event.source_type}
        and (source_name is None or source_name.lower() == event.source_name)
    ]


def _interval(
    now: datetime, start: datetime | None, end: datetime | None, minutes: int | None
) -> tuple[datetime, datetime]:
    if minutes is not None and not 0 < minutes <= EVENTS_KEPT // timedelta(minutes=1):
        raise InvalidParameterValueException("The parameter Duration must be between 1 and 20160.")
    if start is not None and end is not None:
        if minutes is not None:
            raise InvalidParameterCombinationException(
                "Duration cannot be used with both StartTime and EndTime."
            )
        if start > end:
            raise InvalidParameterCombinationException("StartTime must not be later than EndTime.")
        return start, end
    length = timedelta(minutes=DEFAULT_DURATION if minutes is None else minutes)
    if start is not None:
        return start, now if minutes is None else start + length
    end = end or now
    return end - length, end
