"""Which encoding a loaded value gets: what Valkey decides while it loads the same value (rdbLoadObject)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from localstack_memorydb.engine.numbers import is_integer
from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.sizes import listpack_size
from localstack_memorydb.engine.values import Hash, List, Set, ZSet

_LIST_NODE_BYTES: Final = {-1: 4096, -2: 8192, -3: 16384, -4: 32768, -5: 65536}
_LIST_NODE_SAFETY: Final = 8192
_LISTPACK_FRAME: Final = 7


def build_hash(fields: dict[bytes, bytes], limits: Limits) -> Hash:
    value = Hash(fields)
    if len(fields) > limits.hash_max_listpack_entries or (
        max(_longest(fields), _longest(fields.values())) > limits.hash_max_listpack_value
    ):
        value.encoding = "hashtable"
    return value


def build_zset(scores: dict[bytes, float], limits: Limits, *, was_listpack: bool = False) -> ZSet:
    """A sorted set. Only one that was a listpack may have the text -0 in it."""
    value = ZSet.of(scores.items(), limits)
    if was_listpack:
        value.scores = scores
    return value


def build_set(members: list[bytes], limits: Limits, *, was_listpack: bool = False) -> Set:
    """A set; integers in order where it becomes an intset, as an intset has them."""
    count = len(members)
    if not was_listpack and count <= limits.set_max_intset_entries and all(map(is_integer, members)):
        return Set(sorted(members, key=int))
    value = Set(members)
    fits = count <= limits.set_max_listpack_entries and _longest(members) <= limits.set_max_listpack_value
    value.encoding = "listpack" if fits else "hashtable"
    return value


def build_list(items: list[bytes], limits: Limits) -> List:
    value = List(items)
    if not _fits_one_node(items, limits.list_max_listpack_size):
        value.encoding = "quicklist"
    return value


def list_encoding(value: List, limits: Limits) -> str:
    """The list's encoding now: one listpack, or a quicklist once that is full; back when half of it is left.

    Found when somebody asks (t_list.c: listTypeTryConversionRaw does it at every change), so that pushing costs nothing.
    """
    items = list(value)
    fill = limits.list_max_listpack_size
    if not _fits_one_node(items, fill):
        value.encoding = "quicklist"
    elif value.encoding == "quicklist" and _fits_half_a_node(items, fill):
        value.encoding = "listpack"
    return value.encoding


def note_full(value: List, limits: Limits) -> None:
    """Valkey made room for one more: that turns a listpack with as many elements as may be into a quicklist."""
    if 0 <= limits.list_max_listpack_size <= len(value):
        value.encoding = "quicklist"


def _longest(strings: Iterable[bytes]) -> int:
    return max(map(len, strings), default=0)


def node_bytes(fill: int) -> int:
    """How large a node of a list may be with that list-max-listpack-size; as a number of elements it is a limit in bytes, too."""
    return _LIST_NODE_SAFETY if fill >= 0 else _LIST_NODE_BYTES[max(fill, -5)]


def _fits_one_node(items: list[bytes], fill: int) -> bool:
    """Whether a list is one listpack within list-max-listpack-size (quicklistNodeExceedsLimit)."""
    if fill >= 0 and len(items) > max(fill, 1):
        return False
    room = node_bytes(fill)
    if 2 * len(items) > room:
        return False
    return _LISTPACK_FRAME + sum(map(listpack_size, items)) <= room


def _fits_half_a_node(items: list[bytes], fill: int) -> bool:
    """Whether a quicklist has become small enough to be a listpack again (listTypeTryConvertQuicklist)."""
    if fill >= 0:
        return len(items) <= max(fill, 1) // 2
    return _LISTPACK_FRAME + sum(map(listpack_size, items)) <= _LIST_NODE_BYTES[max(fill, -5)] // 2
