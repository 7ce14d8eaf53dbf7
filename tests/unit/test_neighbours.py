"""Two clusters in one process: whatever is done to one, the other neither shows nor feels it."""

from __future__ import annotations

import pytest

from tests.unit.cluster_without_sockets import NOW, Client, start

LIBRARY = "#!lua name=mine\\nredis.register_function('mine', function() return 1 end)"
DONE = [
    "SET secret 1",
    "RPUSH queue 1",
    "PUBLISH news secret",
    "SPUBLISH news secret",
    f'FUNCTION LOAD "{LIBRARY}"',
    "EVAL 'return 1' 0",
    "SCRIPT LOAD 'return 2'",
    "AUTH stranger secret",
    "GET",
    "CLIENT SETNAME secret",
    "CLIENT NO-EVICT ON",
    "EXPIRE secret 100",
    "SUBSCRIBE channel",
]
LOOKING = [
    "DBSIZE",
    "KEYS *",
    "RANDOMKEY",
    "SCAN 0",
    "GET secret",
    "FUNCTION LIST",
    "FCALL mine 0",
    "SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db 7f923f79fe76194c868d7e1d0820de36700eb649",
    "ACL LOG",
    "SLOWLOG GET",
    "PUBSUB CHANNELS",
    "PUBSUB NUMSUB channel",
    "CLIENT ID",
    "CLIENT NO-EVICT OFF",
    "INFO clients",
    "INFO keyspace",
    "CLUSTER COUNTKEYSINSLOT 0",
    "FT._LIST",
    "MEMORY USAGE secret",
]


def neighbours() -> tuple[Client, Client]:
    """A client of one cluster, and one of another with the same name and addresses, which logs every command as slow."""
    parameters = {"slowlog_log_slower_than": "0", "notify_keyspace_events": "KEA"}
    one, other = (start(**parameters) for _ in range(2))
    return Client(one.shards[0].primary), Client(other.shards[0].primary)


@pytest.mark.parametrize("question", LOOKING)
def test_it_shows_nothing(question: str) -> None:
    noisy, quiet = neighbours()
    _, untouched = neighbours()
    for line in DONE:
        noisy(line)
    assert quiet(question) == untouched(question)


@pytest.mark.parametrize(
    "preparation", ["MONITOR", "SUBSCRIBE news", "PSUBSCRIBE *", "SSUBSCRIBE news", "BLPOP queue 0"]
)
def test_it_hears_nothing(preparation: str) -> None:
    noisy, quiet = neighbours()
    quiet(preparation)
    quiet.heard()
    for line in DONE:
        noisy(line)
    assert quiet.heard() == b""


def test_it_is_not_invalidated_paused_or_disconnected() -> None:
    noisy, quiet = neighbours()
    quiet("HELLO 3")
    quiet("CLIENT TRACKING ON BCAST")
    bystander = Client(noisy.session.node)
    noisy("SET secret 1")
    noisy("CLIENT KILL TYPE normal")
    noisy("CLIENT PAUSE 1000 ALL")
    assert (bystander.closed, quiet.closed, quiet.heard()) == (True, False, b"")
    assert quiet("PING", NOW + 1) == b"+PONG\r\n"


def test_a_transaction_that_watches_is_not_ended() -> None:
    noisy, quiet = neighbours()
    quiet("WATCH secret")
    noisy("SET secret 1")
    assert [quiet(line) for line in ("MULTI", "PING", "EXEC")][-1] == b"*1\r\n+PONG\r\n"
