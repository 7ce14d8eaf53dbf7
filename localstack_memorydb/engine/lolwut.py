"""What LOLWUT draws: Schotter, after Georg Nees (version 5), and a town at night in 8 bits (version 6). https://valkey.io/commands/lolwut/"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import cos, floor, pi, sin, sqrt
from random import Random
from typing import Final

from localstack_memorydb.engine.looking import look, looking

# The dots of a Braille character, by column and row (Unicode 10.0, 2800-28FF).
_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK: Final = 0x2800
_BITS: Final = 14
_PITCH: Final = 1 << _BITS  # so many dots in a line, more than there can be
_MARGIN: Final = 4096  # of dots that lie outside


def _round(number: float) -> int:
    """The nearest whole number, halves away from zero."""
    return floor(number + 0.5) if number >= 0 else -floor(0.5 - number)


@lru_cache(maxsize=4096)
def _line(across: int, down: int) -> tuple[int, ...]:
    """The dots of a line to a point that far away, both ends included (Bresenham), as what is added to the first one."""
    far_x, far_y = abs(across), abs(down)
    step_x, step_y = (1 if across > 0 else -1), (1 if down > 0 else -1)
    x = y = 0
    error = far_x - far_y
    dots = [0]
    while (x, y) != (across, down):
        twice = 2 * error
        if twice > -far_y:
            error -= far_y
            x += step_x
        if twice < far_x:
            error += far_x
            y += step_y
        dots.append(y * _PITCH + x)
    return tuple(dots)


class _Canvas:
    """A picture of dots; what lies outside is not drawn."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._dots: set[int] = set()  # a number is a line of dots, and the place in it

    def square(self, x: int, y: int, side: float, angle: float) -> None:
        """Draws a square around a point, turned by an angle."""
        reach = _round(side / sqrt(2))
        turns = [pi / 4 + angle + pi / 2 * corner for corner in range(4)]
        corners = [(_round(sin(turn) * reach + x), _round(cos(turn) * reach + y)) for turn in turns]
        for (left, top), (to_x, to_y) in zip(corners, corners[1:] + corners[:1], strict=True):
            first = (top + _MARGIN) * _PITCH + left + _MARGIN
            self._dots.update([first + dot for dot in _line(to_x - left, to_y - top)])

    def braille(self) -> str:
        """The picture in characters of two by four dots."""
        rows = range(0, self.height, 4)
        cells = [[_BLANK] * ((self.width + 1) // 2) for _ in rows]
        width, height = self.width, self.height
        for dot in looking(self._dots):
            x, y = (dot & _PITCH - 1) - _MARGIN, (dot >> _BITS) - _MARGIN
            if 0 <= x < width and 0 <= y < height:
                cells[y >> 2][x >> 1] |= _DOTS[x & 1][y & 3]
        lines = "\n".join("".join(map(chr, row)) for row in cells)
        return lines if self.height % 4 == 1 else f"{lines}\n"  # nothing comes after the last line of dots


def _within(numbers: Sequence[int], defaults: Sequence[int], most: Sequence[int]) -> list[int]:
    given = [*numbers, *defaults[len(numbers) :]]
    return [min(max(1, number), limit) for number, limit in zip(given, most, strict=False)]


def schotter(numbers: Sequence[int], luck: Random) -> str:
    """Squares that lose their order row by row. The numbers: characters in a line, squares in a row, rows."""
    columns, in_row, rows = _within(numbers, (66, 8, 12), (1000, 200, 200))
    width = 2 * columns
    margin = 2 if width > 4 else 0
    side = (width - 2 * margin) / in_row
    canvas = _Canvas(width, floor(side * rows) + 2 * margin)
    for row in range(rows):
        look()
        for place in range(in_row):
            x, y = (int(side * number + side / 2 + margin) for number in (place, row))
            # The first two rows stand straight.
            disorder = row / rows if row > 1 else 0.0
            turn, aside, down = (luck.uniform(-disorder, disorder) for _ in range(3))
            canvas.square(int(x + aside * side / 3), int(y + down * side / 3), side, turn)
    return f"{canvas.braille()}\nGeorg Nees - schotter, plotter on paper, 1968. "


_COLOURS: Final = ("0;30;40m", "0;90;100m", "0;37;47m", "0;97;107m")
_BLACK, _DARK, _LIGHT, _WHITE = range(4)


def skyline(numbers: Sequence[int], luck: Random) -> str:
    """Houses before a white sky; those in front have windows. The numbers: columns and rows."""
    columns, rows = _within(numbers, (80, 20), (1000, 1000))
    pixels = [[_WHITE] * columns for _ in range(rows)]
    for colour, least, more in ((_LIGHT, 2, 2), (_DARK, 2, 3), (_BLACK, 3, 2)):
        left = -10
        while left < columns:
            left += luck.randrange(8)
            # A house with windows has room for whole ones.
            width = 4 * luck.randint(1, 4) + 3 if colour == _BLACK else luck.randint(10, 18)
            height = rows // least + luck.randrange(max(1, rows // more))
            _build(pixels, left, width, height, colour, luck)
            left += width // 2 if colour == _LIGHT else width + 1 if colour == _DARK else width + 5
    drawn = "".join("".join(f"\x1b[{_COLOURS[each]} \x1b[0m" for each in line) + "\n" for line in pixels)
    return (
        f"{drawn.removesuffix(chr(10))}\nDedicated to the 8 bit game developers of past and present.\n"
        "Original 8 bit image from Plaguemon by hikikomori. "
    )


def _build(pixels: list[list[int]], left: int, width: int, height: int, colour: int, luck: Random) -> None:
    """A house that stands on the lower edge. Windows are two wide with one between them, and may be lit."""
    top = len(pixels) - height
    lit: dict[tuple[int, int], int] = {}
    for y in range(max(0, top), len(pixels)):
        look()
        for x in range(max(0, left), min(len(pixels[0]), left + width)):
            shade = colour
            floor_, place = divmod(y - top - 1, 2), divmod(x - left - 1, 4)
            if colour == _BLACK and floor_[0] >= 0 and floor_[1] and place[1] < 2 and x < left + width - 1:
                shade = lit.setdefault((floor_[0], place[0]), luck.choice((_BLACK, _BLACK, _DARK, _LIGHT)))
            pixels[y][x] = shade


ART: Final = {5: schotter, 6: skyline}
"""The pictures by the release that they came with; others have none."""
