"""The columns of an index: which keys have which value, found by value.

Vectors are compared one by one, those of HNSW fields too: the answer is exact, and what it costs grows with their number.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import repeat
from operator import itemgetter, mul
from typing import Final, TypeAlias

from sortedcontainers import SortedList

from localstack_memorydb.engine.search.schema import Field, NumericField, TagField, VectorField

Vector: TypeAlias = Sequence[float]
Tick: TypeAlias = Callable[[], None]
"""Called now and then while a query works; it ends one that takes too long."""

# A tuple of floats takes eight times the room of their bytes and is compared three times as fast, so there is a limit.
_FAST_NUMBERS: Final = 1 << 22
_TICKS: Final = 256
# Real nodes add up in 32 bits, in an order that depends on the processor once there are many numbers.
_SHORT: Final = 16

_as_float32 = struct.Struct("<f")


def float32(number: float) -> float:
    """The nearest 32-bit float, which is what distances are."""
    try:
        rounded: float = _as_float32.unpack(_as_float32.pack(number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)
    return rounded


def read_vector(data: bytes, dimensions: int) -> array[float] | None:
    """A vector from its little-endian bytes; None when they are of another length."""
    if len(data) != 4 * dimensions:
        return None
    vector = array("f", data)
    if sys.byteorder == "big":
        vector.byteswap()
    return vector


def _add_up(numbers: Iterable[float]) -> float:
    """A sum in 32-bit steps."""
    total = 0.0
    for number in numbers:
        total = float32(total + float32(number))
    return total


class TextColumn:
    """Values that cannot be searched, so none are kept."""

    def put(self, key: bytes, value: object) -> None:
        """The key has the value."""

    def drop(self, key: bytes) -> None:
        """The key has no value any more."""

    def __len__(self) -> int:
        return 0

    @property
    def size(self) -> int:
        """An estimate of the bytes taken."""
        return 0


class NumericColumn(TextColumn):
    """Numbers, in order."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, float] = {}
        self._order: SortedList[tuple[float, bytes]] = SortedList()

    def put(self, key: bytes, value: object) -> None:
        """The key has the number."""
        if isinstance(value, float) and not math.isnan(value):
            self._numbers[key] = value
            self._order.add((value, key))

    def drop(self, key: bytes) -> None:
        """The key has no number any more."""
        number = self._numbers.pop(key, None)
        if number is not None:
            self._order.remove((number, key))

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def size(self) -> int:
        """An estimate of the bytes taken."""
        return 64 * len(self._numbers)

    def between(self, low: float, high: float, *, above: bool, below: bool) -> Iterator[bytes]:
        """The keys with numbers from `low` to `high`; `above` and `below` leave the ends out."""
        for number, key in self._order.irange((low, b""), None):
            if number > high or (below and number == high):
                return
            if not (above and number == low):
                yield key


class TagColumn(TextColumn):
    """Labels, each with its keys."""

    def __init__(self, field: TagField) -> None:
        self._field = field
        self._labels: dict[bytes, list[str]] = {}
        self._keys: dict[str, dict[bytes, None]] = {}

    def fold(self, label: str) -> str:
        """The label as it is compared."""
        label = label.strip()
        return label if self._field.case_sensitive else label.lower()

    def put(self, key: bytes, value: object) -> None:
        """The key has the labels."""
        if isinstance(value, list):
            labels = [label for label in dict.fromkeys(map(self.fold, value)) if label]
            if labels:
                self._labels[key] = labels
            for label in labels:
                self._keys.setdefault(label, {})[key] = None

    def drop(self, key: bytes) -> None:
        """The key has no label any more."""
        for label in self._labels.pop(key, ()):
            keys = self._keys[label]
            del keys[key]
            if not keys:
                del self._keys[label]

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def size(self) -> int:
        """An estimate of the bytes taken."""
        return sum(64 + len(label) + 16 * len(keys) for label, keys in self._keys.items())

    def labelled(self, label: str) -> Mapping[bytes, None]:
        """The keys with the label, which is folded."""
        return self._keys.get(label, {})


class VectorColumn(TextColumn):
    """Vectors. Those of a cosine field are kept at length one; one of length zero is kept as nothing."""

    def __init__(self, field: VectorField) -> None:
        self.field = field
        self._vectors: dict[bytes, Vector] = {}

    def put(self, key: bytes, value: object) -> None:
        """The key has the vector."""
        if isinstance(value, array):
            self._vectors[key] = self._prepare(value)

    def drop(self, key: bytes) -> None:
        """The key has no vector any more."""
        self._vectors.pop(key, None)

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def size(self) -> int:
        """An estimate of the bytes taken on a real node."""
        edges = 8 * self.field.edges if self.field.algorithm == "HNSW" else 0
        return len(self._vectors) * (4 * self.field.dimensions + edges + 64)

    def _prepare(self, vector: array[float]) -> Vector:
        numbers = tuple(vector)
        if self.field.metric == "COSINE":
            length = math.sqrt(sum(map(mul, numbers, numbers)))
            if not length:
                return ()
            numbers = tuple(map(mul, numbers, repeat(1 / length)))
        if len(self._vectors) * self.field.dimensions < _FAST_NUMBERS:
            return numbers
        return array("d", numbers) if self.field.metric == "COSINE" else vector

    def distances(
        self, vector: array[float], keys: Mapping[bytes, None] | None, tick: Tick
    ) -> Iterator[tuple[float, bytes]]:
        """How far every vector is, or every one of those keys."""
        distance = self._distance_from(self._prepare(vector))
        vectors = self._vectors
        chosen = vectors if keys is None or len(keys) > len(vectors) else keys
        for number, key in enumerate(chosen):
            if not number % _TICKS:
                tick()
            if key in vectors and (keys is None or key in keys):
                yield float32(distance(vectors[key])), key

    def _distance_from(self, origin: Vector) -> Callable[[Vector], float]:
        """L2 is the square of the distance; IP and COSINE are one less the product."""
        origin, dist = tuple(origin), math.dist
        if self.field.metric == "L2":
            return lambda vector: dist(origin, vector) ** 2
        if self.field.metric == "IP":
            return lambda vector: 1 - sum(map(mul, origin, vector))
        if not origin:
            return lambda vector: 1.0
        # In 32 bits one less the product is nothing at all for vectors of nearly the same direction.
        return lambda vector: 1 - float32(1 - dist(origin, vector) ** 2 / 2) if vector else 1.0

    def nearest(
        self, vector: array[float], count: int, keys: Mapping[bytes, None] | None, tick: Tick
    ) -> list[tuple[float, bytes]]:
        """The nearest vectors, the nearest first."""
        found = nsmallest(count, self.distances(vector, keys, tick), key=itemgetter(0))
        return [(self.told(distance, vector, key), key) for distance, key in found]

    def told(self, distance: float, vector: array[float], key: bytes) -> float:
        """The distance as clients get it: that of a short vector with the rounding of a real node."""
        other, metric = self._vectors[key], self.field.metric
        if metric == "COSINE" or len(vector) > _SHORT:
            return distance
        if metric == "IP":
            return float32(1 - _add_up(map(mul, vector, other)))
        return _add_up(float32(mine - theirs) ** 2 for mine, theirs in zip(vector, other, strict=True))


def make_column(field: Field) -> TextColumn:
    """An empty column for the field."""
    if isinstance(field, NumericField):
        return NumericColumn()
    if isinstance(field, TagField):
        return TagColumn(field)
    if isinstance(field, VectorField):
        return VectorColumn(field)
    return TextColumn()
