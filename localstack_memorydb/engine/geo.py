"""Places on Earth as numbers, and the ranges of numbers that an area covers. https://valkey.io/commands/geoadd/

A place is a cell of a grid: its longitude and latitude as 26 bits each, interleaved (a geohash). Cells that begin with the same
bits lie together, so an area is a few ranges of a sorted set's scores: the cell around its centre, of a size that fits, and
its eight neighbours. What is computed here is computed in the order in which Valkey does it, since doubles show the difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

Place: TypeAlias = tuple[float, float]
"""Longitude and latitude in degrees."""

Cell: TypeAlias = tuple[int, int]
"""Bits of a geohash, and how many pairs of them count."""

STEPS: Final = 26
LONGITUDE: Final = 180.0
LATITUDE: Final = 85.05112878  # as far as a Mercator map is a square
METERS: Final = {b"m": 1.0, b"km": 1000.0, b"ft": 0.3048, b"mi": 1609.34}

_RADIUS: Final = 6372797.560856  # of Earth
_HALF_MAP: Final = 20037726.37  # the side of half the map
_RADIANS: Final = math.pi / 180.0
_ALPHABET: Final = b"0123456789bcdefghjkmnpqrstuvwxyz"
_EVEN: Final = 0x5555555555555555


# -- cells ------------------------------------------------------------------------------------------------------------


def _spread(bits: int) -> int:
    """Puts a zero before each of 32 bits."""
    bits = (bits | bits << 16) & 0x0000FFFF0000FFFF
    bits = (bits | bits << 8) & 0x00FF00FF00FF00FF
    bits = (bits | bits << 4) & 0x0F0F0F0F0F0F0F0F
    bits = (bits | bits << 2) & 0x3333333333333333
    return (bits | bits << 1) & _EVEN


def _gather(bits: int) -> int:
    """Every second one of 64 bits, from the lowest on."""
    bits &= _EVEN
    bits = (bits | bits >> 1) & 0x3333333333333333
    bits = (bits | bits >> 2) & 0x0F0F0F0F0F0F0F0F
    bits = (bits | bits >> 4) & 0x00FF00FF00FF00FF
    bits = (bits | bits >> 8) & 0x0000FFFF0000FFFF
    return (bits | bits >> 16) & 0x00000000FFFFFFFF


def encode(place: Place, steps: int = STEPS, latitude: float = LATITUDE) -> int:
    """The bits of the cell that the place is in; latitudes run to `latitude`."""
    east = (place[0] + LONGITUDE) / (2 * LONGITUDE) * (1 << steps)
    north = (place[1] + latitude) / (2 * latitude) * (1 << steps)
    return _spread(int(north)) | _spread(int(east)) << 1


def _bounds(cell: Cell) -> tuple[float, float, float, float]:
    """West, south, east and north end of a cell."""
    bits, steps = cell
    north, east, count = _gather(bits), _gather(bits >> 1), 1 << steps
    return (
        -LONGITUDE + east / count * (2 * LONGITUDE),
        -LATITUDE + north / count * (2 * LATITUDE),
        -LONGITUDE + (east + 1) / count * (2 * LONGITUDE),
        -LATITUDE + (north + 1) / count * (2 * LATITUDE),
    )


def decode(score: float) -> Place:
    """The middle of the cell that a score names; any score names one."""
    west, south, east, north = _bounds((_unsigned(score), STEPS))
    longitude, latitude = (west + east) / 2, (south + north) / 2
    return min(max(longitude, -LONGITUDE), LONGITUDE), min(max(latitude, -LATITUDE), LATITUDE)


def _unsigned(score: float) -> int:
    """A double as 64 bits, as processors make them of what does not fit, too."""
    if math.isinf(score):
        return 1 << 63 if score < 0 else 0
    return int(score) & (1 << 64) - 1 if -(2.0**63) <= score < 2.0**64 else 1 << 63 if score < 0 else 0


def text_of(score: float) -> bytes:
    """The geohash of eleven letters that other systems know; the last one is always 0, since 52 bits are ten letters."""
    bits = encode(decode(score), latitude=90.0)
    return bytes(_ALPHABET[bits >> 52 - 5 * place & 31] for place in range(1, 11)) + b"0"


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
    return 2.0 * _RADIUS * math.asin(root) if root <= 1 else math.nan


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

    def distance_to(self, place: Place) -> float | None:
        """Metres from the centre; None for a place outside."""
        if not self.box:
            found = distance(self.centre, place)
            return None if found > self.radius * self.unit else found
        if _north_south(place[1], self.centre[1]) > self.height * self.unit / 2:
            return None
        if distance(place, (self.centre[0], place[1])) > self.width * self.unit / 2:
            return None
        return distance(self.centre, place)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of scores, up to but not including the second one, in which all places of the area are.

        In Valkey's order, which is that of unsorted replies: the middle, N, S, E, W, NE, NW, SE, SW.
        """
        last: Cell | None = None
        for cell in self._cells():
            # The first cell may be met again: Valkey compares with the last one only from the third on.
            if cell is not None and cell != last:
                bits, steps = cell
                shift = 2 * (STEPS - steps)
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

    def _cells(self) -> list[Cell | None]:
        """The cell around the centre and its neighbours; None where the area has no part in one."""
        west, south, east, north = self._box_around()
        steps = self._steps()
        cells = _neighbourhood(encode(self.centre, steps), steps)
        if steps > 1 and _too_small(cells, (west, south, east, north)):
            steps -= 1
            cells = _neighbourhood(encode(self.centre, steps), steps)
        if steps < 2:
            return list(cells)
        ends = _bounds(cells[0])
        spared: set[int] = set()
        if ends[1] < south:
            spared |= {2, 7, 8}
        if ends[3] > north:
            spared |= {1, 5, 6}
        if ends[0] < west:
            spared |= {4, 6, 8}
        if ends[2] > east:
            spared |= {3, 5, 7}
        return [None if place in spared else cell for place, cell in enumerate(cells)]

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


def _move(bits: int, steps: int, east: int, north: int) -> Cell:
    """The cell so many cells further; beyond the edge of the map it goes on at the other side."""
    x, y, last = _gather(bits >> 1), _gather(bits), (1 << steps) - 1
    if east:
        x = x + east & last
    if north:
        y = y + north & last
    return _spread(y) | _spread(x) << 1, steps


def _neighbourhood(bits: int, steps: int) -> list[Cell]:
    """A cell, then N, S, E, W, NE, NW, SE and SW of it."""
    ways = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))
    return [(bits, steps), *(_move(bits, steps, *way) for way in ways)]


def _too_small(cells: list[Cell], area: tuple[float, float, float, float]) -> bool:
    """Whether the area reaches beyond the neighbours."""
    west, south, east, north = area
    return (
        _bounds(cells[1])[3] < north
        or _bounds(cells[2])[1] > south
        or _bounds(cells[3])[2] < east
        or _bounds(cells[4])[0] > west
    )
