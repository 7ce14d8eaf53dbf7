"""What clients are told waits for the end of a turn, and for the logs of what they are told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localstack_memorydb.engine.log import ShardLog
from localstack_memorydb.engine.outbox import Committer, Outbox
from localstack_memorydb.engine.storage import Storage


class Turns(list[Callable[[], None]]):
    """What is called when a turn has ended."""

    def end(self) -> None:
        """The turn ends."""
        called = list(self)
        self.clear()
        for function in called:
            function()


class Client:
    """A client, which knows what it was told."""

    def __init__(self, log: ShardLog | None = None) -> None:
        self.log = log
        self.told: list[bytes] = []
        self.is_cut_off = False

    def abort(self) -> None:
        self.is_cut_off = True


@pytest.fixture
def turns() -> Turns:
    return Turns()


def test_clients_hear_in_order_when_the_turn_ends(turns: Turns) -> None:
    outbox, client = Outbox(turns.append, int), Client()
    outbox.add(client.told.append, b"+OK\r\n", client)
    outbox.add(client.told.append, b":1\r\n", client)
    assert client.told == []
    turns.end()
    assert client.told == [b"+OK\r\n", b":1\r\n"]
    outbox.add(client.told.append, b":2\r\n", client)
    turns.end()
    assert client.told[2:] == [b":2\r\n"]


def test_in_one_turn_it_stays_the_same_time(turns: Turns) -> None:
    times = iter([5, 7])
    outbox, client = Outbox(turns.append, lambda: next(times)), Client()
    for _ in range(2):
        outbox.add(client.told.append, b"+OK\r\n", client)
        assert outbox.now == 5
    outbox.flush()
    outbox.add(client.told.append, b"+OK\r\n", client)
    assert outbox.now == 7


def test_what_was_sent_before_the_turn_ended_is_not_sent_again(turns: Turns) -> None:
    outbox, client = Outbox(turns.append, int), Client()
    outbox.add(client.told.append, b"+OK\r\n", client)
    outbox.flush()
    turns.end()
    assert client.told == [b"+OK\r\n"]


def test_a_great_many_messages_do_not_wait(turns: Turns) -> None:
    outbox, client = Outbox(turns.append, int), Client()
    while not outbox.is_full:
        outbox.add(client.told.append, b"m", client)
    outbox.flush()
    assert not outbox.is_full
    assert len(b"".join(client.told)) == 1024


def test_of_many_messages_each_client_gets_its_own_at_once_and_in_order(turns: Turns) -> None:
    outbox, clients = Outbox(turns.append, int), [Client(), Client()]
    for number in range(40):
        for client in clients:
            outbox.add(client.told.append, b"%d " % number, client)
    outbox.add(clients[0].told.extend, b"!", clients[0])  # another way to the same client
    outbox.add(clients[0].told.append, b"last", clients[0])
    turns.end()
    all_numbers = b"".join(b"%d " % number for number in range(40))
    assert clients[0].told == [all_numbers, *b"!", b"last"]
    assert clients[1].told == [all_numbers]


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[tuple[ShardLog, ShardLog]]:
    """The logs of two shards, both with a write that the disk has not seen; that of the second is full."""
    both = ShardLog(tmp_path / "good", 0), ShardLog(tmp_path / "full", 0)
    for log in both:
        log.prepare(b"")
        log.adopt()
        log.append([b"SET", b"key", b"value"])
    os.close(both[1]._file)
    both[1]._file = os.open("/dev/full", os.O_WRONLY)
    yield both
    for log in both:
        os.close(log._file)


@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_a_log_that_takes_nothing_cuts_off_its_own_clients(
    turns: Turns, logs: tuple[ShardLog, ShardLog], tmp_path: Path, fsync: str
) -> None:
    outbox = Committer(turns.append, int, Storage(tmp_path, fsync))
    lucky, unlucky = Client(logs[0]), Client(logs[1])
    for client in (lucky, unlucky):
        outbox.add(client.told.append, b"+OK\r\n", client)
    assert logs[0].written == 0
    turns.end()
    assert (lucky.told, lucky.is_cut_off) == ([b"+OK\r\n"], False)
    assert (unlucky.told, unlucky.is_cut_off) == ([], True)
    assert logs[0].written > 0
