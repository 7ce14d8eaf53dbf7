"""What MEMORY USAGE answers: the structures of object.c (objectComputeSize), as far as they do not depend on a value's past.

`maxmemory` is compared with what engine/memory.py reckons, which is less exact and costs less. What depends on the past is taken
for what it is after the elements were added one by one: the nodes of a list, and whether a hash table is still being enlarged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from localstack_memorydb.engine import memory, sizes
from localstack_memorydb.engine.buffers import Buffer
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.sizes import PAGE, listpack_size
from localstack_memorydb.engine.streams import Stream, tree_nodes
from localstack_memorydb.engine.values import Hash, List, Set, Value, ZSet

_OBJECT: Final = 16
_QUICKLIST: Final = 40
_QUICKLIST_NODE: Final = 40
_LIST_NODE_BYTES: Final = 8192
_LISTPACK_FRAME: Final = 7
_OVERHEAD: Final = 8  # what a new element of a list is thought to need besides itself
_COUNTED: Final = 20_000  # elements of a list, or keys of a tree, of which each is looked at
_EMPTIED: Final = 0.63  # of the buckets of a full table hold something, and are moved one by one
_HASH_CONVERTED: Final = 1024  # buckets of a hash that has just become a table
_SHORT: Final = 64
_TREE_NODE: Final = 4 + 30 * 8  # raxNode, and what one is thought to have besides
_TREE_KEY: Final = 16
_STREAM: Final = 80
_STREAM_OF_6_2: Final = 40
_GROUP: Final = 40
_CONSUMER: Final = 24
_PENDING: Final = 24


def told(key: bytes, value: Value, samples: int, level: tuple[int, ...], encoding: bytes) -> int:
    """The bytes of a key whose value is kept in that encoding, judged by the first `samples` elements or nodes (0: by all).

    An entry of a cluster is linked with the others of its slot since 7.0; 7.2 counts a pointer of the whole table in its place.
    """
    links = 0 if level < (7,) else 16 if level < (7, 2) else 8
    if isinstance(value, bytes | Buffer):
        size = _string(value, encoding)
    elif isinstance(value, Document):
        size = value.size()
    elif isinstance(value, Stream):
        size = _stream(value, samples, level)
    elif isinstance(value, List):
        size = _list(value, samples, encoding)
    elif encoding in {b"intset", b"listpack", b"ziplist"}:
        size = memory.value_size(value, 0)
    else:
        size = memory.value_size(value, samples) + 8 * _former_buckets(value)
    return memory.key_size(key) + links + size


def _string(value: bytes | Buffer, encoding: bytes) -> int:
    if encoding == b"int":
        return _OBJECT
    if encoding == b"embstr":
        return sizes.allocated(_OBJECT + len(value) + 4)
    return _OBJECT + memory.string_size(len(value))


def _former_buckets(value: Hash | Set | ZSet) -> int:
    """The buckets of the smaller table from which elements are still being moved, one bucket with each new element."""
    count = len(value)
    full = 1 << (count - 1).bit_length() - 1 if count > 1 else 0  # elements when the larger table was made
    if full < 4 or count - full - 1 >= _EMPTIED * full:
        return 0
    if isinstance(value, Hash) and full < _HASH_CONVERTED and _became_large(value):
        return 0
    if isinstance(value, Set) and full < _HASH_CONVERTED and all(map(bytes.isdigit, islice(value, full))):
        return 0  # made large enough for all of an intset
    return full


def _became_large(value: Hash) -> bool:
    """Whether a hash became a table because it had many fields, not because of a long one."""
    return all(len(field) <= _SHORT >= len(text) for field, text in value.items())


def _list(value: List, samples: int, encoding: bytes) -> int:
    if encoding == b"listpack":
        return _OBJECT + sizes.allocated(_LISTPACK_FRAME + sum(map(listpack_size, value)))
    nodes = _nodes(islice(value, _COUNTED))
    number = len(nodes)
    if len(value) > _COUNTED:
        number = number * len(value) // _COUNTED
    seen = nodes[: samples or None]
    return _OBJECT + _QUICKLIST + int(sum(seen) / len(seen) * number)


def _nodes(items: Iterable[bytes]) -> list[int]:
    """The bytes of each node when the elements were appended in that order (quicklistPushTail)."""
    sizes_of_nodes, size = [], 0
    for item in items:
        if not size or size + len(item) + _OVERHEAD > _LIST_NODE_BYTES:
            sizes_of_nodes.append(size)
            size = _LISTPACK_FRAME
        size += listpack_size(item)
    sizes_of_nodes.append(size)
    return [_QUICKLIST_NODE + sizes.allocated(size) for size in sizes_of_nodes[1:]]


def _stream(value: Stream, samples: int, level: tuple[int, ...]) -> int:
    size = (
        _OBJECT + (_STREAM_OF_6_2 if level < (7,) else _STREAM) + _tree([node.master for node in value.nodes])
    )
    # The node that grows has room to begin with (streamAppendItem); it is cut to its size when the next one begins.
    nodes = [sizes.allocated(node.measure()) for node in value.nodes]
    if nodes:
        nodes[-1] = max(nodes[-1], PAGE)
    seen = nodes[: samples or None]
    size += sum(seen) if len(seen) == len(nodes) else sum(seen) // len(seen) * (len(nodes) - 1) + nodes[-1]
    for group in value.groups.values():
        size += _GROUP + _tree(group.pending) + _PENDING * len(group.pending)
        for consumer in group.consumers.values():
            size += (
                (_CONSUMER if level < (7, 2) else _CONSUMER + 8)
                + len(consumer.name)
                + _tree(consumer.pending)
            )
    return size


def _tree(identifiers: Iterable[int] | Sequence[int]) -> int:
    """What a radix tree with those ascending keys of 16 bytes is said to take (streamRadixTreeMemoryUsage)."""
    keys = list(islice(identifiers, _COUNTED))
    total = len(identifiers) if isinstance(identifiers, Sequence) else len(keys)
    nodes = tree_nodes(keys)
    if total > len(keys):
        nodes = nodes * total // len(keys)
    return _TREE_KEY * total + _TREE_NODE * nodes
