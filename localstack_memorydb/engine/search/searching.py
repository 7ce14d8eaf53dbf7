"""FT.SEARCH: from a query to the keys that it finds, and the answer that tells of them.

https://docs.aws.amazon.com/memorydb/latest/devguide/vector-search-commands-ft.search.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.looking import in_order, look, looking
from localstack_memorydb.engine.resp import Reply
from localstack_memorydb.engine.search.columns import Tick
from localstack_memorydb.engine.search.documents import Datum
from localstack_memorydb.engine.search.expressions import rank
from localstack_memorydb.engine.search.index import Index
from localstack_memorydb.engine.search.query import Nearest, Node, Search, field_names
from localstack_memorydb.engine.search.request import Options, SearchRequest


class QueryTimeout(CommandError):
    """The query has used up its time: there are no partial answers."""

    def __init__(self) -> None:
        super().__init__("ERR Search query timed out")


def stopwatch(clock: Callable[[], float], milliseconds: int) -> Tick:
    """What ends a query that works for longer than that."""
    end = clock() + milliseconds / 1000

    def tick() -> None:
        nonlocal end
        now = clock()
        if now > end:
            raise QueryTimeout
        if look():
            end += clock() - now  # which others have used

    return tick


def find(index: Index, node: Node, options: Options, tick: Tick) -> tuple[list[bytes], Search]:
    """The keys that a query finds: by distance for KNN, else in the index's order. Raises CommandError."""
    for name in field_names(node):
        index.require_field(name)
    search = Search(index, options.parameters, tick)
    found = node.find(search)
    if isinstance(node, Nearest) or found is index.keys:
        return list(found), search
    return [key for key in looking(index.keys) if key in found], search


def format_score(score: float) -> bytes:
    """A distance as text: twelve digits."""
    return b"%.12g" % score


def answer(request: SearchRequest, keys: list[bytes], search: Search) -> Reply:
    """The number of keys, then as many of them as are asked for, with their fields. Raises CommandError."""
    index, (offset, count) = search.index, request.limit
    chosen = _chosen(request, search)
    if request.order is not None:
        keys = sort(keys, search, *request.order)
    reply: list[Any] = [len(keys)]
    for key in looking(keys[offset : offset + count]):
        if chosen is None:
            scores = [
                word
                for name, by_key in search.scores.items()
                if key in by_key
                for word in (name, format_score(by_key[key]))
            ]
            reply += key, [*scores, *index.whole(key)]
        else:
            shown = ((shown, text(search, key, name)) for name, shown in chosen)
            reply += key, [word for name, value in shown if value is not None for word in (name, value)]
    return reply


def _chosen(request: SearchRequest, search: Search) -> list[tuple[bytes, bytes]] | None:
    for name, _ in request.returned or ():
        if name not in search.scores:
            search.index.require_field(name)
    return request.returned


def text(search: Search, key: bytes, name: bytes) -> bytes | None:
    """A field or a distance as a client gets it."""
    scores = search.scores.get(name)
    if scores is not None:
        return format_score(scores[key]) if key in scores else None
    return search.index.text(key, search.index.require_field(name))


def datum(search: Search, key: bytes, name: bytes) -> Datum:
    """A field, a distance, or `__key` for a calculation. Raises CommandError."""
    scores = search.scores.get(name)
    if scores is not None:
        return scores.get(key)
    if name == b"__key":
        return key
    return search.index.datum(key, search.index.require_field(name))


def sort(keys: list[bytes], search: Search, name: bytes, descending: bool) -> list[bytes]:
    """The keys in the order of a field or a distance; those without it come last. Raises CommandError."""
    if name not in search.scores:
        search.index.require_field(name)
    data = {key: datum(search, key, name) for key in looking(keys)}
    have = [key for key in looking(keys) if data[key] is not None]
    if descending:
        have.reverse()
    have = in_order(have, lambda key: rank(data[key]))
    if descending:
        have.reverse()
    return have + [key for key in keys if data[key] is None]
