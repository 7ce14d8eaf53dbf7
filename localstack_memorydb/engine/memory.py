"""How many bytes keys take on a real server: what MEMORY USAGE answers, and what `maxmemory` is compared with.

Python's objects are larger. But limits are set for the nodes that run in production, so it is their bytes that count:
the structures of Valkey 7.2 and the size classes of its allocator (object.c: objectComputeSize).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Final

from localstack_memorydb.engine.buffers import Buffer
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.numbers import format_double, is_integer
from localstack_memorydb.engine.sizes import PAGE, allocated, listpack_size
from localstack_memorydb.engine.streams import Stream
from localstack_memorydb.engine.values import Hash, List, Set, Value, ZSet

SAMPLES: Final = 5  # as many elements as MEMORY USAGE looks at, unless told otherwise
EMPTY: Final = 1_600_000
"""What a server uses before it holds a key."""

_OBJECT: Final = 16  # robj
_ENTRY: Final = 24  # dictEntry
_DICT: Final = 56
_LISTPACK_FRAME: Final = 7
_QUICKLIST: Final = 40
_QUICKLIST_NODE: Final = 40
_LIST_NODE_BYTES: Final = 8192
_SKIPLIST: Final = 48 + 640  # its first node has links on all levels
_SKIPLIST_NODE: Final = 46  # on average: score, links backward and forward on 1.33 levels
_EMBEDDED: Final = 44  # a string up to here lies in its object
_DIGITS: Final = 20  # the most that a number has which takes no bytes of its own
_DEADLINE: Final = _ENTRY + 8
_STREAM: Final = 160
_STREAM_NODE: Final = 64
_PENDING: Final = 96


def string_size(length: int) -> int:
    """A string with the header that its length asks for (sds)."""
    header = 1 if length < 32 else 3 if length < 256 else 5 if length < 65536 else 9
    return allocated(length + header + 1)


def usage(key: bytes, value: Value, samples: int = SAMPLES) -> int:
    """The bytes of a key with its value, judged by the first `samples` elements (0: by all)."""
    return key_size(key) + value_size(value, samples)


def key_size(key: bytes) -> int:
    """The bytes of a key and its entry in the table."""
    return _ENTRY + string_size(len(key))


_KNOWN: Final = 2048
_KEYS: Final = [_ENTRY + string_size(length) for length in range(_KNOWN)]
_VALUES: Final = [
    allocated(_OBJECT + length + 4) if length <= _EMBEDDED else _OBJECT + string_size(length)
    for length in range(_KNOWN)
]


def usage_of_all(entries: Mapping[bytes, Value]) -> int:
    """The bytes of all these keys with their values: what `usage` says of each, found faster for short strings."""
    total = 0
    for key, value in entries.items():
        if type(value) is bytes and len(value) < _KNOWN and len(key) < _KNOWN:
            total += _KEYS[len(key)] + _VALUES[len(value)]
            if len(value) <= _DIGITS and is_integer(value):
                total += _OBJECT - _VALUES[len(value)]
        else:
            total += usage(key, value)
    return total


def value_size(value: Value, samples: int = SAMPLES) -> int:
    """The bytes of a value."""
    if isinstance(value, bytes | Buffer):
        if len(value) <= _DIGITS and is_integer(value):
            return _OBJECT
        if len(value) <= _EMBEDDED:
            return allocated(_OBJECT + len(value) + 4)
        return _OBJECT + string_size(len(value))
    if isinstance(value, Document):
        return value.size()
    count = len(value)
    if isinstance(value, Stream):
        return _OBJECT + _stream(value)
    if isinstance(value, Hash):
        last = value.items() if value.encoding == "listpack" else reversed(value.items())
        return _OBJECT + _hash(value, count, _sample(chain.from_iterable(last), 2 * samples))
    if isinstance(value, Set):
        return _OBJECT + _set(value, count, _sample(reversed(value), samples))
    if isinstance(value, ZSet):
        return _OBJECT + _zset(value, count, samples)
    return _OBJECT + _list(value, count, _sample(value, samples))


def _sample(items: Iterable[bytes], samples: int) -> list[bytes]:
    return list(islice(items, samples or None))


def _average(sizes: Sequence[int]) -> float:
    return sum(sizes) / len(sizes) if sizes else 0.0


def _packed(items: Sequence[bytes], count: int) -> int:
    """A listpack of `count` elements like those of the sample."""
    return allocated(_LISTPACK_FRAME + int(_average([*map(listpack_size, items)]) * count))


def _table(count: int) -> int:
    """A hash table of that many entries, its strings left out."""
    buckets = 1 << max(2, (count - 1).bit_length())
    return _DICT + 8 * buckets + _ENTRY * count


def _strings(items: Sequence[bytes], count: int) -> int:
    lengths = Counter(map(len, items))
    total = sum([string_size(length) * number for length, number in lengths.items()])
    return int((total / len(items) if items else 0.0) * count)


def _hash(value: Hash, count: int, sample: Sequence[bytes]) -> int:
    if value.encoding == "listpack":
        return _packed(sample, 2 * count)
    return _table(count) + _strings(sample, 2 * count)


def _set(value: Set, count: int, sample: Sequence[bytes]) -> int:
    if value.encoding == "intset":
        return intset_size(sample, count)
    if value.encoding == "listpack":
        return _packed(sample, count)
    return _table(count) + _strings(sample, count)


def intset_size(members: Iterable[bytes], count: int) -> int:
    """An intset of `count` integers as large as those."""
    numbers = [int(member) for member in members]
    widest = max((number if number >= 0 else ~number).bit_length() for number in numbers)
    width = 2 if widest <= 15 else 4 if widest <= 31 else 8
    return allocated(8 + width * count)


def _zset(value: ZSet, count: int, samples: int) -> int:
    sample = _sample(value.scores, samples)
    if value.encoding == "listpack":
        scores = map(format_double, islice(value.scores.values(), samples or None))
        return _packed([*sample, *scores], 2 * count)
    return _table(count) + _SKIPLIST + _SKIPLIST_NODE * count + _strings(sample, count)


def _list(value: List, count: int, sample: Sequence[bytes]) -> int:
    size = _LISTPACK_FRAME + int(_average([*map(listpack_size, sample)]) * count)
    full = (size - 1) // _LIST_NODE_BYTES
    nodes = full * allocated(_LIST_NODE_BYTES) + allocated(size - full * _LIST_NODE_BYTES)
    return _QUICKLIST + (full + 1) * _QUICKLIST_NODE + nodes


def _stream(value: Stream) -> int:
    sample = value.nodes[:SAMPLES]
    # The node that grows has room to begin with (streamAppendItem); it is cut to its size when the next one begins.
    full = max(0, len(value.nodes) - 1)
    nodes = PAGE + int(_average([allocated(node.measure()) + _STREAM_NODE for node in sample]) * full)
    pending = sum(len(group.pending) for group in value.groups.values())
    consumers = sum(len(group.consumers) for group in value.groups.values())
    names = sum(len(name) + group.consumers.length for name, group in value.groups.items())
    return _STREAM + nodes + names + _PENDING * (pending + consumers + len(value.groups))


def table_sizes(keys: int, deadlines: int) -> tuple[int, int]:
    """The bytes of the tables of so many keys and deadlines, as MEMORY STATS counts them: keys and values left out."""
    return _buckets(keys) + (_ENTRY + _OBJECT) * keys, _buckets(deadlines) + _ENTRY * deadlines


def _buckets(count: int) -> int:
    return 8 << max(2, (count - 1).bit_length()) if count else 0


def deadline_size(deadlines: int) -> int:
    """The bytes of that many times at which keys expire."""
    return _DEADLINE * deadlines


def human(size: int) -> str:
    """Bytes as INFO writes them for people: 2.38M."""
    for unit, factor in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.2f}{unit}"
    return f"{size}B"
