"""Keyspace notifications that no transcript can wait for: evictions, misses, and which nodes and classes hear."""

from __future__ import annotations

from tests.unit.cluster_without_sockets import NOW, Client, start


def heard(client: Client) -> list[bytes]:
    """Channels and messages, as `channel=message`."""
    words = client.heard().split(b"\r\n")
    return [words[at + 4] + b"=" + words[at + 6] for at, word in enumerate(words) if word == b"pmessage"]


def listening(**parameters: str) -> tuple[Client, Client]:
    """A client, and one that listens to all events."""
    node = start(**parameters).shards[0].primary
    client, listener = Client(node), Client(node)
    listener("PSUBSCRIBE __key*__:*")
    return client, listener


def test_nothing_is_said_by_default() -> None:
    client, listener = listening()
    client("SET a 1")
    assert heard(listener) == []


def test_a_class_alone_says_nothing() -> None:
    client, listener = listening(notify_keyspace_events="A")
    client("SET a 1")
    assert heard(listener) == []


def test_only_the_classes_that_are_wanted() -> None:
    client, listener = listening(notify_keyspace_events="Kl")
    client("SET a 1")
    client("LPUSH l 1")
    assert heard(listener) == [b"__keyspace@0__:l=lpush"]


def test_keys_expire_when_their_time_has_come() -> None:
    client, listener = listening(notify_keyspace_events="Ex")
    client("SET a 1 PX 10")
    client.session.node.cluster.tick(NOW + 20)
    assert heard(listener) == [b"__keyevent@0__:expired=a"]


def test_misses() -> None:
    client, listener = listening(notify_keyspace_events="Em")
    client("GET a")
    client("SET a 1")
    client("GET a")
    assert heard(listener) == [b"__keyevent@0__:keymiss=a"]


def test_evictions() -> None:
    client, listener = listening(
        notify_keyspace_events="Ee", maxmemory_policy="allkeys-random", maxmemory=1_700_000
    )
    for number in range(20):
        client(f"SET k{number} {'x' * 10_000}")
    assert all(event.startswith(b"__keyevent@0__:evicted=k") for event in heard(listener))
    assert client.session.node.shard.keyspace.evicted > 0


def test_replicas_say_what_their_primary_does() -> None:
    shard = start(replicas=1, notify_keyspace_events="Kg").shards[0]
    client, listener = Client(shard.primary), Client(shard.replicas[0])
    listener("PSUBSCRIBE __key*__:*")
    client("SET a 1")
    client("DEL a")
    assert heard(listener) == [b"__keyspace@0__:a=del"]


def test_the_parameter_acts_at_once() -> None:
    client, listener = listening()
    client.session.node.cluster.set_parameters({"notify-keyspace-events": "KEA"})
    client("SET a 1")
    assert heard(listener) == [b"__keyspace@0__:a=set", b"__keyevent@0__:set=a"]
    client.session.node.cluster.set_parameters({})
    client("SET a 1")
    assert heard(listener) == []
