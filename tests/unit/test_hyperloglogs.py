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
    assert sketch.spoil() == hll.Sketch(hll.with_registers(hll.new(), bytes(found)), 0).spoil()


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


@pytest.mark.parametrize(
    ("most", "count"), [(3000, 20), (3000, 400), (3000, 3000), (100, 60), (100, 90), (20, 500), (0, 9)]
)
def test_many_elements_leave_what_they_leave_one_by_one(luck: Random, most: int, count: int) -> None:
    elements = [luck.randbytes(luck.choice((0, 3, 8, 15, 24))) for _ in range(count)]
    together, alone = hll.Sketch(hll.new(), most), hll.Sketch(hll.new(), most)
    for _ in range(2):  # and again, when nothing is new
        changes = together.add(elements)
        assert changes is (True in [alone.set(*hll.place_of(element)) for element in elements])
        assert together.data == alone.data


def test_a_damaged_value_is_found_damaged() -> None:
    sketch = hll.Sketch(hll.new()[:-2] + b"\x00", 3000)
    with pytest.raises(hll.Corrupt):
        sketch.add([b"%d" % number for number in range(20)])
