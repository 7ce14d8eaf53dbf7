"""Registers of HyperLogLogs, worked on all at once."""

from __future__ import annotations

from random import Random

import pytest

from localstack_memorydb.engine import hyperloglog as hll
from localstack_memorydb.engine.hyperloglog import REGISTERS


@pytest.fixture
def luck() -> Random:
    return Random(11)


def any_registers(luck: Random, most: int = 63) -> bytes:
    return bytes(luck.randrange(most + 1) for _ in range(REGISTERS))


def test_what_is_packed_is_unpacked_again(luck: Random) -> None:
    found = any_registers(luck)
    packed = hll.with_registers(hll.new(), found)
    assert hll.is_dense(packed)
    assert hll.registers(packed) == found


def test_a_register_lies_where_it_is_set_one_by_one(luck: Random) -> None:
    sketch = hll.Sketch(hll.dense(hll.new()), 0)
    found = bytearray(REGISTERS)
    for register in luck.sample(range(REGISTERS), 500):
        found[register] = luck.randrange(1, 64)
        sketch.set(register, found[register])
    assert bytes(sketch.data) == hll.with_registers(hll.new(), bytes(found))


def test_of_two_the_higher_one_is_taken(luck: Random) -> None:
    one, other = any_registers(luck), any_registers(luck)
    assert hll.highest(one, other) == bytes(map(max, one, other))


def test_a_sparse_value_has_the_same_registers() -> None:
    sketch = hll.Sketch(hll.new(), 3000)
    for register, count in ((0, 3), (1, 3), (2, 3), (100, 32), (16383, 1)):
        sketch.set(register, count)
    found = hll.registers(bytes(sketch.data))
    assert {place: value for place, value in enumerate(found) if value} == {
        0: 3,
        1: 3,
        2: 3,
        100: 32,
        16383: 1,
    }
