"""Places on Earth as numbers, and the ranges of numbers that an area covers. https://valkey.io/commands/geoadd/

A place is a cell of a grid: its longitude and latitude as 26 bits each, interleaved (a geohash). Cells that begin with the same
bits lie together, so an area is a few ranges of a sorted set's scores: the cell around its centre, of a size that fits, and
its eight neighbours. What is computed here is computed in the order in which Valkey does it, since doubles show the difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

Place: TypeAlias = tuple[float, float]
"""Longitude and latitude in degrees."""

Found: TypeAlias = tuple[float, float, bytes]
"""Metres, score and member."""

Cell: TypeAlias = tuple[int, int]
"""How many cells of its size are west and south of it."""

STEPS: Final = 26
LONGITUDE: Final = 180.0
LATITUDE: Final = 85.05112878  # as far as a Mercator map is a square
METERS: Final = {b"m": 1.0, b"km": 1000.0, b"ft": 0.3048, b"mi": 1609.34}

_RADIUS: Final = 6372797.560856  # of Earth
_HALF_MAP: Final = 20037726.37  # the side of half the map
_RADIANS: Final = math.pi / 180.0
_ALPHABET: Final = b"0123456789bcdefghjkmnpqrstuvwxyz"
_MARGIN: Final = 1e-9  # more than roundings make, and less than anybody has places in
_NEAR: Final = (
    1_000_000.0  # metres in which no place is on the other side of Earth, where roundings leave asin's domain
)
_CELLS: Final = 2.0 ** (2 * STEPS)
_WIDTH: Final = 2 * LONGITUDE / (1 << STEPS)  # of a cell; exact, since it is divided by a power of two
_HEIGHT: Final = 2 * LATITUDE / (1 << STEPS)
_OF_LONGITUDES: Final = 0xAAAAAAAAAAAAA
_LETTERS: Final = [bytes((one, other)) for one in _ALPHABET for other in _ALPHABET]


# -- cells ------------------------------------------------------------------------------------------------------------


def _doubled(widths: Iterable[int]) -> list[int]:
    """What the numbers from 0 on become whose bits, the lowest first, stand for these."""
    found = [0]
    for width in widths:
        found += [width | other for other in found]
    return found


_PAIRS: Final = _doubled(1 << place // 2 + 13 * (place % 2) for place in range(14))
"""Seven pairs of bits taken apart: longitudes from the 14th bit on, latitudes below."""

_SPREAD: Final = _doubled(1 << 2 * place for place in range(14))
"""Fourteen bits with a zero before each."""


def _spread(bits: int) -> int:
    """Puts a zero before each of 26 bits; of one more on the eastern edge of the map."""
    return _SPREAD[bits >> 13] << 26 | _SPREAD[bits & 0x1FFF]


def _apart(bits: int) -> tuple[int, int]:
    """The bits of the longitude and of the latitude."""
    east = north = shift = 0
    while bits:
        both = _PAIRS[bits & 0x3FFF]
        east |= both >> 13 << shift
        north |= (both & 0x1FFF) << shift
        bits >>= 14
        shift += 7
    return east, north


def encode(place: Place, steps: int = STEPS, latitude: float = LATITUDE) -> int:
    """The bits of the cell that the place is in; latitudes run to `latitude`."""
    east, north = _cell(place, steps, latitude)
    return _spread(north) | _spread(east) << 1


def _cell(place: Place, steps: int, latitude: float = LATITUDE) -> Cell:
    east = (place[0] + LONGITUDE) / (2 * LONGITUDE) * (1 << steps)
    north = (place[1] + latitude) / (2 * latitude) * (1 << steps)
    return int(east), int(north)


def _west(cell: Cell, steps: int) -> float:
    """The western end of a cell; the eastern one is that of the next."""
    return -LONGITUDE + cell[0] / (1 << steps) * (2 * LONGITUDE)


def _south(cell: Cell, steps: int) -> float:
    """The southern end of a cell; the northern one is that of the next."""
    return -LATITUDE + cell[1] / (1 << steps) * (2 * LATITUDE)


@lru_cache(maxsize=1 << 13)
def decode(score: float) -> Place:
    """The middle of the cell that a score names; any score names one."""
    if 0.0 <= score < _CELLS:
        return _middle(int(score))
    cell = x, y = _apart(_unsigned(score))
    following = x + 1, y + 1
    longitude = (_west(cell, STEPS) + _west(following, STEPS)) / 2
    latitude = (_south(cell, STEPS) + _south(following, STEPS)) / 2
    return min(max(longitude, -LONGITUDE), LONGITUDE), min(max(latitude, -LATITUDE), LATITUDE)


def _middle(bits: int) -> Place:
    """The middle of a cell of the full number of steps, as `_bounds` has it; all of a longitude's doubles are exact."""
    high, low = bits >> 26, bits & 0x3FFFFFF
    high, low = _PAIRS[high >> 14] << 7 | _PAIRS[high & 0x3FFF], _PAIRS[low >> 14] << 7 | _PAIRS[low & 0x3FFF]
    north = (high & 0x1FFF) << 13 | low & 0x1FFF
    return (
        ((high & 0x3FFE000 | low >> 13) + 0.5) * _WIDTH - LONGITUDE,
        (north * _HEIGHT - LATITUDE + ((north + 1) * _HEIGHT - LATITUDE)) / 2,
    )


@lru_cache(maxsize=1 << 15)
def _angles(score: float) -> tuple[float, float, float]:
    """The place in radians, and the cosine of its latitude; who searches once searches again."""
    longitude, latitude = decode.__wrapped__(score)
    north = latitude * _RADIANS
    return longitude * _RADIANS, north, math.cos(north)


def _unsigned(score: float) -> int:
    """A double as 64 bits, as processors make them of what does not fit, too."""
    if math.isinf(score):
        return 1 << 63 if score < 0 else 0
    return int(score) & (1 << 64) - 1 if -(2.0**63) <= score < 2.0**64 else 1 << 63 if score < 0 else 0


def text_of(score: float) -> bytes:
    """The geohash of eleven letters that other systems know; the last one is always 0, since 52 bits are ten letters."""
    if 0.0 <= score < _CELLS:  # then the bits of the longitude stay
        north = (_middle(int(score))[1] + 90.0) / 180.0 * (1 << STEPS)
        bits = int(score) & _OF_LONGITUDES | _spread(int(north))
    else:
        bits = encode(decode(score), latitude=90.0)
    return b"%b%b%b%b%b0" % (
        _LETTERS[bits >> 42 & 1023],
        _LETTERS[bits >> 32 & 1023],
        _LETTERS[bits >> 22 & 1023],
        _LETTERS[bits >> 12 & 1023],
        _LETTERS[bits >> 2 & 1023],
    )


# -- distances --------------------------------------------------------------------------------------------------------


def distance(one: Place, other: Place) -> float:
    """Metres along the surface of a sphere (haversine); NaN where rounding leaves its domain."""
    west, east = one[0] * _RADIANS, other[0] * _RADIANS
    across = math.sin((east - west) / 2)
    if across == 0.0:
        return _north_south(one[1], other[1])
    south, north = one[1] * _RADIANS, other[1] * _RADIANS
    along = math.sin((north - south) / 2)
    root = math.sqrt(along * along + math.cos(south) * math.cos(north) * across * across)
    return _meters(root)


def _meters(root: float) -> float:
    """Metres for the square root in the formula."""
    return 2.0 * _RADIUS * math.asin(root) if root <= 1 else math.nan


def _roots(meters: float) -> tuple[float, float]:
    """Up to which root a distance is certainly less than that many metres, and from which one on it is more."""
    angle = meters / (2.0 * _RADIUS)
    if not angle < math.pi / 2:
        return 1.0 - _MARGIN, math.inf
    root = math.sin(angle)
    return root * (1 - _MARGIN), root * (1 + _MARGIN)


def _north_south(one: float, other: float) -> float:
    return _RADIUS * abs(other * _RADIANS - one * _RADIANS)


# -- areas ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Area:
    """A circle or a box around a place. `radius`, `width` and `height` are in units of `unit` metres."""

    centre: Place = (0.0, 0.0)
    radius: float = 0.0
    width: float = 0.0
    height: float = 0.0
    unit: float = 1.0
    box: bool = False

    def within(self, pairs: Iterable[tuple[float, bytes]], *, measures: bool) -> Iterator[Found]:
        """Those of the members (scores first) that are in the area: metres from the centre, if those are wanted, and the pair."""
        return self._in_box(pairs, measures) if self.box else self._in_circle(pairs, measures)

    # Both write `distance` out, and reckon no more of it than they need to know on which side of the border a place is: the
    # comparison of what asin() is taken of decides, unless it is too close.

    def _in_circle(self, pairs: Iterable[tuple[float, bytes]], measures: bool) -> Iterator[Found]:
        sin, sqrt, angles = math.sin, math.sqrt, _angles
        west, south = self.centre[0] * _RADIANS, self.centre[1] * _RADIANS
        cos_south = math.cos(south)
        limit = self.radius * self.unit
        inside, outside = _roots(limit)
        aside = outside if limit < _NEAR else math.inf
        for score, member in pairs:
            east, north, narrowing = angles(score)
            along = sin((north - south) / 2)
            if along > aside or -along > aside:
                continue
            across = sin((east - west) / 2)
            if across == 0.0:
                meters = _RADIUS * abs(north - south)
                if meters > limit:
                    continue
            else:
                root = sqrt(along * along + cos_south * narrowing * across * across)
                if outside < root <= 1:
                    continue
                meters = _meters(root) if measures or root > inside else 0.0
                if meters > limit:
                    continue
            yield meters, score, member

    def _in_box(self, pairs: Iterable[tuple[float, bytes]], measures: bool) -> Iterator[Found]:
        sin, sqrt, angles = math.sin, math.sqrt, _angles
        west, south = self.centre[0] * _RADIANS, self.centre[1] * _RADIANS
        cos_south = math.cos(south)
        height, width = self.height * self.unit / 2, self.width * self.unit / 2
        inside, outside = _roots(width)
        meters = 0.0
        for score, member in pairs:
            east, north, narrowing = angles(score)
            up = _RADIUS * abs(north - south)
            if up > height:
                continue
            across = sin((east - west) / 2)
            if across != 0.0:
                root = sqrt(narrowing * narrowing * across * across)
                if outside < root <= 1 or (root > inside and _meters(root) > width):
                    continue
                if measures:
                    along = sin((north - south) / 2)
                    meters = _meters(sqrt(along * along + cos_south * narrowing * across * across))
            elif measures:
                meters = up
            yield meters, score, member

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of scores, up to but not including the second one, in which all places of the area are.

        In Valkey's order, which is that of unsorted replies: the middle, N, S, E, W, NE, NW, SE, SW.
        """
        last: Cell | None = None
        steps, cells = self._cells()
        shift = 2 * (STEPS - steps)
        for cell in cells:
            # The first cell may be met again: Valkey compares with the last one only from the third on.
            if cell is not None and cell != last:
                bits = _spread(cell[1]) | _spread(cell[0]) << 1
                yield bits << shift, bits + 1 << shift
                last = cell

    def _box_around(self) -> tuple[float, float, float, float]:
        """West, south, east and north end of a box that holds the area."""
        longitude, latitude = self.centre
        height = self.unit * (self.height / 2 if self.box else self.radius)
        width = self.unit * (self.width / 2 if self.box else self.radius)
        up = height / _RADIUS / _RADIANS
        nearest_pole = latitude - up if latitude < 0 else latitude + up
        aside = width / _RADIUS / _cos(nearest_pole * _RADIANS) / _RADIANS
        return longitude - aside, latitude - up, longitude + aside, latitude + up

    def _cells(self) -> tuple[int, list[Cell | None]]:
        """How many bits count, and the cell around the centre with its neighbours; None where the area has no part in one."""
        west, south, east, north = self._box_around()
        steps = self._steps()
        cells = _neighbourhood(_cell(self.centre, steps), steps)
        if steps > 1 and _too_small(cells, steps, (west, south, east, north)):
            steps -= 1
            cells = _neighbourhood(_cell(self.centre, steps), steps)
        if steps < 2:
            return steps, list(cells)
        middle = x, y = cells[0]
        spared: set[int] = set()
        if _south(middle, steps) < south:
            spared |= {2, 7, 8}
        if _south((x, y + 1), steps) > north:
            spared |= {1, 5, 6}
        if _west(middle, steps) < west:
            spared |= {4, 6, 8}
        if _west((x + 1, y), steps) > east:
            spared |= {3, 5, 7}
        return steps, [None if place in spared else cell for place, cell in enumerate(cells)]

    def _steps(self) -> int:
        """How many bits make cells of the area's size; near the poles cells are narrow."""
        reach = self.radius
        if self.box:
            reach = math.sqrt(self.width / 2 * (self.width / 2) + self.height / 2 * (self.height / 2))
        reach *= self.unit
        if reach == 0:
            return STEPS
        steps = 1
        while reach < _HALF_MAP:
            reach *= 2
            steps += 1
        latitude = abs(self.centre[1])
        steps -= 2 + (latitude > 66) + (latitude > 80)
        return min(max(steps, 1), STEPS)


def _cos(angle: float) -> float:
    return math.cos(angle) if math.isfinite(angle) else math.nan


_WAYS: Final = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))


def _neighbourhood(cell: Cell, steps: int) -> list[Cell]:
    """A cell, then N, S, E, W, NE, NW, SE and SW of it; beyond the edge of the map it goes on at the other side."""
    (x, y), last = cell, (1 << steps) - 1
    return [
        cell,
        *[(x + east & last if east else x, y + north & last if north else y) for east, north in _WAYS],
    ]


def _too_small(cells: list[Cell], steps: int, area: tuple[float, float, float, float]) -> bool:
    """Whether the area reaches beyond the neighbours."""
    west, south, east, north = area
    _, above, below, right, left, *_ = cells
    return (
        _south((0, above[1] + 1), steps) < north
        or _south(below, steps) > south
        or _west((right[0] + 1, 0), steps) < east
        or _west(left, steps) > west
    )
