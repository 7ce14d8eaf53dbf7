"""A machine whose memory is nearly used up. Its figures are the test's."""

from __future__ import annotations

import logging

import pytest

from localstack_memorydb.engine.crowding import Crowding
from localstack_memorydb.engine.usage import available_memory, machine_memory, resident_memory
from tests.unit.cluster_without_sockets import NOW, Client, start

OOM = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
VALUE = "x" * 1000


class Machine:
    """With 1000 bytes."""

    def __init__(self) -> None:
        self.taken, self.left = 100, 900
        self.crowding = Crowding(1000, lambda: self.taken, lambda: self.left)

    def look(self, taken: int, left: int) -> bool:
        self.taken, self.left = taken, left
        return self.crowding.look()


def test_it_is_crowded_from_a_high_mark_to_a_lower_one(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    with caplog.at_level(logging.WARNING):
        looks = [machine.look(taken, 500) for taken in (500, 849, 851, 820, 801, 799, 820, 860)]
    assert looks == [False, False, True, True, True, False, False, True]
    assert len(caplog.records) == 2


def test_others_may_crowd_it_too() -> None:
    machine = Machine()
    assert [machine.look(300, left) for left in (50, 39, 50, 61)] == [False, True, True, False]
    assert not machine.look(100, 10)  # which is no fault of this process


def test_a_system_that_does_not_tell_is_never_crowded() -> None:
    assert not Crowding(1000, lambda: None, lambda: None).look()


def test_this_machine_tells() -> None:
    taken, left = resident_memory(), available_memory()
    if taken is not None and left is not None:
        assert 0 < taken < machine_memory()
        assert left > 0


@pytest.mark.parametrize("maxmemory", [0, 1 << 30])
def test_no_more_data_is_taken_until_there_is_room(maxmemory: int) -> None:
    cluster = start(maxmemory=maxmemory)
    client = Client(next(cluster.nodes()))
    for number in range(100):
        assert client(f"SET key{number} {VALUE}") == b"+OK\r\n"
    cluster.crowd(crowded=True)
    cluster.tick(NOW)
    assert {client(f"SET more{number} {VALUE}") for number in range(5)} == {b"+OK\r\n", OOM}
    assert client("GET key1").startswith(b"$1000\r\n")
    assert [client(f"DEL key{number}") for number in (1, 2)] == [b":1\r\n"] * 2
    assert client(f"SET key1 {VALUE}") == b"+OK\r\n"
    cluster.crowd(crowded=False)
    for number in range(100):
        assert client(f"SET more{number} {VALUE}") == b"+OK\r\n"


def test_keys_make_room_where_the_policy_lets_them() -> None:
    cluster = start(maxmemory=1 << 30, maxmemory_policy="allkeys-random")
    client = Client(next(cluster.nodes()))
    for number in range(100):
        client(f"SET key{number} {VALUE}")
    for _ in range(2):
        cluster.crowd(crowded=True)
        for number in range(100):
            assert client(f"SET more{number} {VALUE}") == b"+OK\r\n"
    assert int(client("DBSIZE")[1:]) < 110
