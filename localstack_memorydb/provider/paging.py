"""NextToken and MaxResults, the same for every operation that lists something.

A token holds the sort key of the last item handed out, not a position: a caller who deletes what it has listed
and goes on, as cleaning tools do, misses nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, TypeVar

from localstack_memorydb.provider.faults import Fault, InvalidParameterValueException

T = TypeVar("T")
MOST: Final = 100
STRICT_LEAST: Final = 20


def page(
    items: Sequence[T],
    order: Callable[[T], Any],
    params: Mapping[str, Any],
    default: int,
    least: int = 1,
) -> tuple[list[T], str | None]:
    """The items of the page that the request asks for, and the token for the next when there is one.

    `order` gives a key that JSON can hold, different for every item. A token is good only for a request with the
    same other parameters.
    """
    size = params.get("MaxResults", default)
    if not least <= size <= MOST:
        raise InvalidParameterValueException(f"The parameter MaxResults must be between {least} and {MOST}.")
    ordered = sorted(items, key=order)
    if token := params.get("NextToken"):
        last = _read(token, params)
        try:
            ordered = [item for item in ordered if order(item) > last]
        except TypeError:
            raise _invalid_token() from None
    if len(ordered) <= size:
        return ordered, None
    return ordered[:size], _write(order(ordered[size - 1]), params)


def _write(key: Any, params: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([_question(params), key]).encode()).decode()


def _read(token: str, params: Mapping[str, Any]) -> Any:
    try:
        question, key = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise _invalid_token() from None
    if question != _question(params):
        raise _invalid_token()
    return tuple(key) if isinstance(key, list) else key


def _question(params: Mapping[str, Any]) -> int:
    """A number that stands for what the caller asked."""
    rest = [(str(name), value) for name, value in params.items() if name not in {"NextToken", "MaxResults"}]
    return zlib.crc32(repr(sorted(rest, key=itemgetter(0))).encode("utf-8", "replace"))


def _invalid_token() -> Fault:
    return InvalidParameterValueException("The parameter NextToken is not valid.")
