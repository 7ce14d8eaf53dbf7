"""Doubles as the server prints them since 7.2; what it prints otherwise than Python was read off a real one."""

from __future__ import annotations

from random import Random
from struct import unpack

import pytest

from localstack_memorydb.engine.numbers import format_double

PECULIAR = [
    (0.555645, b"0.5556449999999999"),
    (2.94899, b"2.9489899999999998"),
    (5.91244346816672e18, b"5912443468166719000"),
    (0.00658483362889581, b"0.0065848336288958096"),
    (9.83878276610708e21, b"9838782766107081000000"),
    (0.440101954117152, b"0.44010195411715203"),
    (-3.6450591572473646e25, b"-3.6450591572473647e+25"),
    (2.6966733924902718e-43, b"2.6966733924902717e-43"),
]


@pytest.mark.parametrize(("number", "text"), PECULIAR)
def test_digits_that_are_not_the_shortest_or_nearest(number: float, text: bytes) -> None:
    assert format_double(number) == text


def test_every_text_means_its_number_and_few_differ_from_the_shortest() -> None:
    random, others = Random(3), 0
    for _ in range(3000):
        number = unpack("d", random.randbytes(8))[0]
        if number - number == 0:
            text = format_double(number)
            assert float(text) == number
            others += len(text.partition(b"e")[0]) > len(repr(number).partition("e")[0])
    assert others < 20


@pytest.mark.parametrize("number", [5e-324, 2.0**-1022, 1.7976931348623157e308, 2.0**63, 1e22, 1e23, 9.5e-7])
def test_the_ends_of_the_range(number: float) -> None:
    assert float(format_double(number)) == number
