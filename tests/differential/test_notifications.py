"""Keyspace notifications: every transcript is played on both servers, and what a subscriber hears must be the same."""

from __future__ import annotations

from contextlib import closing

import pytest

from .player import Connection, play
from .transcript import Scenario, families, load
from .wire import decode
from .witness import Server

MARK = b"__keyspace@0__:"

SCENARIOS = [scenario for family in families() for scenario in load(family)]

NOT_COMPARED = {
    "connection:CLIENT KILL": "ends the subscriber, too",
}
_EXPIRED = "keys that EXPIRE or GETEX end are `expired` instead of deleted"
_PATTERNS = "SORT looks for keys by patterns in clusters, too"
NEWER = {
    "blocking:timeouts that no C integer holds": "streams are looked for before the script is told that it may not wait",
    "keys:SORT options": _PATTERNS,
    "strings:SET with a time in the past deletes": "such a key is not made first",
    "permissions:SORT with BY and GET": _PATTERNS,
    "hashes:commands of later versions are unknown": "fields of hashes expire",
    "keys:EXPIRE NX, XX, GT and LT": _EXPIRED,
    "keys:EXPIRE in the past deletes": _EXPIRED,
    "keys:EXPIRE with bad times": _EXPIRED,
    "strings:GETEX": _EXPIRED,
    "sorted_sets:ZADD with a hexadecimal score": "such scores are refused",
    "transactions:nested MULTI": "spoils the transaction",
    "transactions:WATCH inside MULTI": "spoils the transaction",
}
"""What Valkey 9.1 does otherwise than 7.2 did; Redis 7.0 and 6.2 are compared."""
OLDER = {
    "connection:unknown subcommands and arity of CLIENT": "6.2 takes one of the lines and ends the subscriber, too"
}


class Listener:
    """A subscriber of a server's events."""

    def __init__(self, server: Server) -> None:
        self.connection = Connection(server)
        self.publisher = Connection(server)
        self.connection.ask(b"PSUBSCRIBE", b"__key*__:*")

    def close(self) -> None:
        self.connection.close()
        self.publisher.close()

    def heard(self) -> list[tuple[bytes, bytes]]:
        """The channels and messages since the last time."""
        self.publisher.ask(b"PUBLISH", MARK, b"end")
        events: list[tuple[bytes, bytes]] = []
        while True:
            channel, message = (node.value for node in decode(self.connection.read()).children[2:])
            assert isinstance(channel, bytes)
            assert isinstance(message, bytes)
            if channel == MARK and message == b"end":
                return events
            events.append((channel, message))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_events_are_those_of_the_real_server(scenario: Scenario, noisy: tuple[Server, Server]) -> None:
    """Whether the answers are the same is another test's question."""
    if not scenario.plays_on(noisy[0].version):
        pytest.skip("the scenario is about a newer engine version")
    if noisy[0].name == "redis6" and scenario.family == "observing":
        pytest.skip("6.2 stays paused")
    other = NOT_COMPARED | {"valkey": NEWER, "redis6": OLDER}.get(noisy[0].name, {})
    if str(scenario) in other:
        pytest.skip(other[str(scenario)])
    real, ours = map(Listener, noisy)
    with closing(real), closing(ours):
        play(scenario, *noisy)
        expected, actual = real.heard(), ours.heard()
    # One server may be asked more often than the other, or look for a key where the other refuses.
    if any(step.action == "until" or step.ours is not None for step in scenario.steps):
        expected, actual = ([each for each in heard if not _is_miss(each)] for heard in (expected, actual))
    assert actual == expected


def _is_miss(event: tuple[bytes, bytes]) -> bool:
    return b"keymiss" in event or event[0].endswith(b":keymiss")
