"""redis-py and valkey-py, whose classes have the same names: `data_redis_py.py redis|valkey [STORY...]`."""

from __future__ import annotations

import importlib
import sys
import threading
from typing import Any

library = sys.argv.pop(1)

from telling import (  # noqa: E402
    CA,
    HOST,
    LIBRARY,
    ORDER,
    PASSWORD,
    PORT,
    SCRIPT,
    USER,
    Skip,
    ask,
    key,
    library_source,
    refused,
    tagged,
    tell,
    wait_for,
)

package = importlib.import_module(library)
cluster = importlib.import_module(f"{library}.cluster")
exceptions = importlib.import_module(f"{library}.exceptions")
RedisCluster = cluster.RedisCluster if library == "redis" else cluster.ValkeyCluster
Redis = package.Redis if library == "redis" else package.Valkey


def security() -> dict[str, Any]:
    return {
        "username": USER,
        "password": PASSWORD,
        "ssl": True,
        "ssl_ca_certs": CA,
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "decode_responses": True,
    }


def connect(**options: Any) -> Any:
    return RedisCluster(host=HOST, port=PORT, **security(), **options)


def client_of_node(key: str, **options: Any) -> Any:
    """A client of the one node that has the key."""
    node = client.get_node_from_key(key)
    return Redis(host=node.host, port=node.port, single_connection_client=True, **security(), **options)


client = connect()


def story_connect() -> None:
    assert client.execute_command("ACL", "WHOAMI") == USER
    assert len(client.get_primaries()) == 2
    assert len(client.get_replicas()) == 2
    for number in range(100):
        assert client.set(key(f"connect:{number}"), number)
    assert [client.get(key(f"connect:{number}")) for number in range(100)] == [str(n) for n in range(100)]
    with refused(exceptions.NoPermissionError):
        client.set("elsewhere", "x")
    before = int(ask("replica-reads"))
    with connect(read_from_replicas=True) as reader:
        assert [reader.get(key(f"connect:{number}")) for number in range(20)] == [str(n) for n in range(20)]
    assert int(ask("replica-reads")) > before


def story_moved() -> None:
    keys = [key(f"moved:{number}") for number in range(60)]
    for shards in (3, 2):
        for each in keys:
            client.set(each, shards)
        ask(f"reshard {shards}")
        assert {client.get(each) for each in keys} == {str(shards)}
        for each in keys:
            client.append(each, "!")
        assert {client.get(each) for each in keys} == {f"{shards}!"}
    assert int(ask("moved")) > 0


def story_pipeline() -> None:
    with client.pipeline() as pipe:
        for number in range(100):
            pipe.set(key(f"pipe:{number}"), number)
            pipe.get(key(f"pipe:{number}"))
        answers = pipe.execute()
    assert answers == [answer for number in range(100) for answer in (True, str(number))]
    with client.pipeline() as pipe:
        pipe.set(tagged("pipe"), "text")
        pipe.incr(tagged("pipe"))
        pipe.get(tagged("pipe"))
        done, error, text = pipe.execute(raise_on_error=False)
    assert (done, text) == (True, "text")
    assert "not an integer" in str(error)


def story_multi() -> None:
    if library == "redis":
        transact(client)
    else:  # its cluster client has no transactions, a client of the node has
        with client_of_node(tagged("multi")) as redis:
            transact(redis)


def transact(redis: Any) -> None:
    with redis.pipeline(transaction=True) as pipe:
        pipe.set(tagged("multi"), 1)
        pipe.incrby(tagged("multi"), 41)
        done, number = pipe.execute()
        assert (done in {True, "OK"}, number) == (True, 42)
        pipe.watch(tagged("multi"))
        client.incr(tagged("multi"))
        pipe.multi()
        pipe.set(tagged("multi"), "never")
        with refused(exceptions.WatchError):
            pipe.execute()
    assert client.get(tagged("multi")) == "43"


def messages(pubsub: Any, count: int, take: Any) -> list[tuple[str, str, str]]:
    """The next messages that somebody published."""
    found: list[tuple[str, str, str]] = []

    def next_one() -> bool:
        message = take()
        if message is not None and "message" in message["type"]:
            found.append((message["type"], message["channel"], message["data"]))
        return len(found) == count

    wait_for(next_one, f"{count} messages, not {found}")
    return found


def story_pubsub() -> None:
    publisher = connect()
    with client.pubsub() as pubsub:
        pubsub.subscribe(key("news"))
        pubsub.psubscribe("story:*")
        replies = [pubsub.get_message(timeout=10) for _ in range(2)]
        assert [reply["type"] for reply in replies] == ["subscribe", "psubscribe"]
        for node in publisher.get_primaries():
            publisher.publish(key("news"), "hello", target_nodes=node)
        found = messages(pubsub, 4, lambda: pubsub.get_message(timeout=0.1))
        expected = [("message", key("news"), "hello"), ("pmessage", key("news"), "hello")]
        assert sorted(found) == sorted(expected * 2), found
    publisher.close()


def story_sharded_pubsub() -> None:
    channels = [key(f"shard:{number}") for number in range(8)]
    pubsub = client.pubsub()
    if not hasattr(pubsub, "get_sharded_message"):
        raise Skip("its cluster client does not subscribe to sharded channels")
    for channel in channels:
        pubsub.ssubscribe(channel)
    subscribed: set[str] = set()

    def all_subscribed() -> bool:
        message = pubsub.get_sharded_message(timeout=0.1)
        if message is not None and message["type"] == "ssubscribe":
            subscribed.add(message["channel"])
        return len(subscribed) == len(channels)

    wait_for(all_subscribed, "subscriptions")
    for channel in channels:
        client.spublish(channel, "hello")
    found = messages(pubsub, len(channels), lambda: pubsub.get_sharded_message(timeout=0.1))
    assert sorted(found) == [("smessage", channel, "hello") for channel in channels], found
    pubsub.close()


def story_scripts() -> None:
    assert client.eval(SCRIPT, 1, tagged("lua"), 5) == [tagged("lua"), 5]
    sha = client.script_load(SCRIPT)
    assert client.evalsha(sha, 1, tagged("lua"), 5) == [tagged("lua"), 10]
    with refused(exceptions.NoScriptError):
        client.evalsha("f" * 40, 1, tagged("lua"))
    client.function_load(library_source())
    assert client.fcall(LIBRARY, 1, tagged("lua"), 32) == 42


def story_streams() -> None:
    stream, group = tagged("stream"), "workers"
    client.xgroup_create(stream, group, "0", mkstream=True)
    ids = [client.xadd(stream, {"job": number}) for number in range(3)]
    read = client.xreadgroup(group, "one", {stream: ">"}, count=2)
    read = read.items() if isinstance(read, dict) else read
    ((name, entries),) = read
    entries = entries[0] if isinstance(entries[0], list) else entries
    assert (name, [entry for entry, _ in entries]) == (stream, ids[:2])
    assert client.xack(stream, group, ids[0]) == 1
    assert client.xpending(stream, group)["pending"] == 1
    claimed = client.xautoclaim(stream, group, "two", min_idle_time=0)
    assert [entry for entry, _ in claimed[1]] == [ids[1]]
    waiting = connect()
    found: list[Any] = []
    reader = threading.Thread(
        target=lambda: found.append(waiting.xreadgroup(group, "two", {stream: ">"}, block=10_000, count=10))
    )
    client.xreadgroup(group, "two", {stream: ">"})
    reader.start()
    last = client.xadd(stream, {"job": "last"})
    reader.join(15)
    assert last in str(found), found
    waiting.close()


def story_tracking() -> None:
    """By hand: redis-py's cache wants Redis 7.4, which MemoryDB does not have; valkey-py has none for clusters."""
    cached = client_of_node(key("tracked"), protocol=3)
    told: list[Any] = []
    cached.connection._parser.set_invalidation_push_handler(lambda message: told.append(message))
    assert cached.execute_command("CLIENT", "TRACKING", "ON") in {"OK", True}
    client.set(key("tracked"), "old")
    assert cached.get(key("tracked")) == "old"
    client.set(key("tracked"), "new")
    wait_for(lambda: cached.ping() and told, "the invalidation")
    assert key("tracked") in str(told), told
    assert cached.get(key("tracked")) == "new"
    cached.close()


def story_reconnect() -> None:
    keys = [key(f"reconnect:{number}") for number in range(30)]
    for event in ("failover", "restart"):
        for each in keys:
            client.set(each, event)
        ask(event)
        assert {client.get(each) for each in keys} == {event}, event
        for each in keys:
            assert client.append(each, "!") == len(event) + 1
        assert {client.get(each) for each in keys} == {f"{event}!"}


tell({name: globals()[f"story_{name}"] for name in ORDER})
client.close()
