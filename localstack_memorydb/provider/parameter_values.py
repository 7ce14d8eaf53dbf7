"""What the parameters of a group may be set to.

https://docs.aws.amazon.com/memorydb/latest/devguide/parametergroups.redis.html: AllowedValues is a list of words
and of ranges, in which `1-75` has both ends, `20-` no upper end, and `-` none at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from localstack_memorydb.provider import catalog
from localstack_memorydb.provider.catalog import Parameter
from localstack_memorydb.provider.faults import InvalidParameterValueException
from localstack_memorydb.provider.resources import ParameterGroup

MOST_AT_ONCE: Final = 20
_INTEGER: Final = re.compile(r"-?\d{1,19}")
_RANGE: Final = re.compile(r"(?P<least>\d*)-(?P<most>\d*)")
_LARGEST: Final = 2**63 - 1
_EVENTS: Final = re.compile(r"[KEg$lshzxetdmnA]*")


def require_values(group: ParameterGroup, pairs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The values of a request by parameter; of two for the same the later counts."""
    if not 1 <= len(pairs) <= MOST_AT_ONCE:
        raise InvalidParameterValueException(
            f"The parameter ParameterNameValues must have 1 to {MOST_AT_ONCE} entries."
        )
    values = {}
    for pair in pairs:
        parameter = require_parameter(group, pair.get("ParameterName"))
        values[parameter.name] = _require_value(parameter, pair.get("ParameterValue"))
    return values


def require_parameter(group: ParameterGroup, name: str | None) -> Parameter:
    """The parameter of the group's family."""
    wanted = (name or "").lower()
    for parameter in catalog.families()[group.family]:
        if parameter.name == wanted:
            return parameter
    raise InvalidParameterValueException(f"Could not find parameter with name: {name or ''}")


def _require_value(parameter: Parameter, value: str | None) -> str:
    if value is None or not _is_allowed(parameter, value):
        raise InvalidParameterValueException(
            f"The value {value or ''!r} of the parameter {parameter.name} is not valid; allowed values are: "
            f"{parameter.allowed_values or 'classes of keyspace events'}."
        )
    return value


def _is_allowed(parameter: Parameter, value: str) -> bool:
    if parameter.allowed_values is None:
        return _EVENTS.fullmatch(value) is not None
    allowed = parameter.allowed_values.split(",")
    if parameter.data_type != "integer":
        return value in allowed
    return _INTEGER.fullmatch(value) is not None and any(_is_within(int(value), each) for each in allowed)


def _is_within(number: int, allowed: str) -> bool:
    """Whether the number is the one allowed, or in the range of them."""
    match = _RANGE.fullmatch(allowed)
    if match is None:
        return number == int(allowed)
    least = int(match["least"]) if match["least"] else -_LARGEST
    most = int(match["most"]) if match["most"] else _LARGEST
    return least <= number <= most
