"""redis-py's asyncio client."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoPermissionError, NoScriptError, ResponseError, WatchError
from telling import (
    CA,
    HOST,
    LIBRARY,
    ORDER,
    PASSWORD,
    PORT,
    SCRIPT,
    USER,
    ask_async,
    key,
    library_source,
    refused,
    tagged,
    tell_async,
)

SECURITY: dict[str, Any] = {
    "username": USER,
    "password": PASSWORD,
    "ssl": True,
    "ssl_ca_certs": CA,
    "ssl_cert_reqs": "required",
    "ssl_check_hostname": True,
    "decode_responses": True,
}


def connect(**options: Any) -> RedisCluster:
    return RedisCluster(host=HOST, port=PORT, **SECURITY, **options)


async def main() -> None:
    async with connect() as client:
        stories = Stories(client)
        await tell_async({name: getattr(stories, name) for name in ORDER})


class Stories:
    """Each method is a story."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client

    async def _all(self, command: str, keys: list[str], *arguments: object) -> list[Any]:
        """The answers to one command for each of the keys, a few under way at a time: each of those takes a connection."""
        answers: list[Any] = []
        for at in range(0, len(keys), 5):
            some = (self._client.execute_command(command, each, *arguments) for each in keys[at : at + 5])
            answers += await asyncio.gather(*some)
        return answers

    async def connect(self) -> None:
        client = self._client
        assert await client.execute_command("ACL WHOAMI", target_nodes=RedisCluster.RANDOM) == USER
        assert (len(client.get_primaries()), len(client.get_replicas())) == (2, 2)
        keys = [key(f"connect:{number}") for number in range(100)]
        assert all(await self._all("SET", keys, "x"))
        assert await self._all("GET", keys) == ["x"] * 100
        with refused(NoPermissionError):
            await client.set("elsewhere", "x")
        before = int(await ask_async("replica-reads"))
        async with connect(read_from_replicas=True) as reader:
            assert [await reader.get(each) for each in keys[:20]] == ["x"] * 20
        assert int(await ask_async("replica-reads")) > before

    async def moved(self) -> None:
        keys = [key(f"moved:{number}") for number in range(60)]
        for shards in (3, 2):
            await self._all("SET", keys, shards)
            await ask_async(f"reshard {shards}")
            assert set(await self._all("GET", keys)) == {str(shards)}
            assert set(await self._all("APPEND", keys, "!")) == {2}
        assert int(await ask_async("moved")) > 0

    async def pipeline(self) -> None:
        pipe = self._client.pipeline()
        for number in range(100):
            pipe.set(key(f"pipe:{number}"), number)
            pipe.get(key(f"pipe:{number}"))
        answers = await pipe.execute()
        assert answers == [answer for number in range(100) for answer in (True, str(number))]
        pipe.set(tagged("pipe"), "text").incr(tagged("pipe"))
        done, error = await pipe.execute(raise_on_error=False)
        assert done is True
        assert isinstance(error, ResponseError)

    async def multi(self) -> None:
        client, number = self._client, tagged("multi")
        async with client.pipeline(transaction=True) as pipe:
            pipe.set(number, 1)
            pipe.incrby(number, 41)
            done, answer = await pipe.execute()
            assert (done in {True, "OK"}, answer) == (True, 42)
            await pipe.watch(number)
            await client.incr(number)
            pipe.multi()
            pipe.set(number, "never")
            with refused(WatchError):
                await pipe.execute()
        assert await client.get(number) == "43"

    async def pubsub(self) -> None:
        async with self._client.pubsub() as pubsub:
            await pubsub.subscribe(key("news"))
            await pubsub.psubscribe("story:*")
            kinds = [(await pubsub.get_message(timeout=10))["type"] for _ in range(2)]
            assert kinds == ["subscribe", "psubscribe"]
            for node in self._client.get_primaries():
                await self._client.execute_command("PUBLISH", key("news"), "hello", target_nodes=node)
            found = [await pubsub.get_message(timeout=10) for _ in range(4)]
            told = sorted((message["type"], message["channel"], message["data"]) for message in found)
            assert told == [("message", key("news"), "hello")] * 2 + [("pmessage", key("news"), "hello")] * 2

    async def sharded_pubsub(self) -> None:
        channels = {key(f"shard:{number}") for number in range(8)}
        async with self._client.pubsub() as pubsub:
            for channel in channels:
                await pubsub.ssubscribe(channel)
            assert await self._hear(pubsub, "ssubscribe", len(channels)) == channels
            for channel in channels:
                await self._client.execute_command("SPUBLISH", channel, "hello")
            assert await self._hear(pubsub, "smessage", len(channels)) == channels

    async def _hear(self, pubsub: Any, kind: str, count: int) -> set[str]:
        """The channels of that many messages of a kind."""
        channels: list[str] = []
        async with asyncio.timeout(10):
            while len(channels) < count:
                message = await pubsub.get_sharded_message(timeout=0.1)
                if message is not None and message["type"] == kind:
                    channels.append(message["channel"])
        return set(channels)

    async def scripts(self) -> None:
        client, counter = self._client, tagged("lua")
        assert await client.eval(SCRIPT, 1, counter, 5) == [counter, 5]
        digest = await client.script_load(SCRIPT)
        assert await client.evalsha(digest, 1, counter, 5) == [counter, 10]
        with refused(NoScriptError):
            await client.evalsha("f" * 40, 1, counter)
        await client.function_load(library_source())
        assert await client.fcall(LIBRARY, 1, counter, 32) == 42

    async def streams(self) -> None:
        client, stream, group = self._client, tagged("stream"), "workers"
        await client.xgroup_create(stream, group, "0", mkstream=True)
        first = await client.xadd(stream, {"job": 1})
        second = await client.xadd(stream, {"job": 2})
        read = await client.xreadgroup(group, "one", {stream: ">"}, count=2)
        assert [first in str(read), second in str(read)] == [True, True]
        assert await client.xack(stream, group, first) == 1
        assert (await client.xpending(stream, group))["pending"] == 1
        claimed = await client.xautoclaim(stream, group, "two", min_idle_time=0)
        assert [entry for entry, _ in claimed[1]] == [second]
        waiting = asyncio.create_task(client.xreadgroup(group, "two", {stream: ">"}, block=10_000))
        await asyncio.sleep(0)
        last = await client.xadd(stream, {"job": "last"})
        assert last in str(await waiting)

    async def tracking(self) -> None:
        """By hand: the asyncio client has no cache of its own, but it takes what servers push."""
        client, told = self._client, []
        node = client.get_node_from_key(key("tracked"))
        async with Redis(
            host=node.host, port=node.port, protocol=3, single_connection_client=True, **SECURITY
        ) as cached:

            async def invalidate(message: Any) -> None:
                told.append(message)

            await cached.initialize()
            cached.connection._parser.set_invalidation_push_handler(invalidate)
            await cached.execute_command("CLIENT", "TRACKING", "ON")
            await client.set(key("tracked"), "old")
            assert await cached.get(key("tracked")) == "old"
            await client.set(key("tracked"), "new")
            async with asyncio.timeout(10):
                while not told:
                    await cached.ping()
            assert key("tracked") in str(told)
            assert await cached.get(key("tracked")) == "new"

    async def reconnect(self) -> None:
        keys = [key(f"reconnect:{number}") for number in range(30)]
        for event in ("failover", "restart"):
            await self._all("SET", keys, event)
            await ask_async(event)
            assert set(await self._all("GET", keys)) == {event}
            lengths = await self._all("APPEND", keys, "!")
            assert set(lengths) == {len(event) + 1}
            assert set(await self._all("GET", keys)) == {f"{event}!"}


asyncio.run(main())
