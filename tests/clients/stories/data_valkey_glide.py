"""valkey-glide, whose core is written in Rust. It speaks RESP3."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from glide import (
    AdvancedGlideClusterClientConfiguration,
    AllPrimaries,
    ClusterBatch,
    GlideClusterClient,
    GlideClusterClientConfiguration,
    NodeAddress,
    ReadFrom,
    RequestError,
    Script,
    ServerCredentials,
    StreamGroupOptions,
    StreamReadGroupOptions,
    TlsAdvancedConfiguration,
)
from glide_shared.cache import ClientSideCache
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

Modes = GlideClusterClientConfiguration.PubSubChannelModes


async def connect(**options: Any) -> GlideClusterClient:
    tls = TlsAdvancedConfiguration(root_pem_cacerts=Path(CA).read_bytes())
    return await GlideClusterClient.create(
        GlideClusterClientConfiguration(
            [NodeAddress(HOST, PORT)],
            use_tls=True,
            credentials=ServerCredentials(PASSWORD, USER),
            request_timeout=10_000,
            advanced_config=AdvancedGlideClusterClientConfiguration(10_000, tls_config=tls),
            **options,
        )
    )


async def main() -> None:
    client = await connect()
    stories = Stories(client)
    await tell_async({name: getattr(stories, name) for name in ORDER})
    await client.close()


class Stories:
    """Each method is a story."""

    def __init__(self, client: GlideClusterClient) -> None:
        self._client = client

    async def _all(self, command: str, keys: list[str], *arguments: str) -> list[Any]:
        """The answers to one command for each of the keys, all under way at a time."""
        return await asyncio.gather(
            *(self._client.custom_command([command, each, *arguments]) for each in keys)
        )

    async def connect(self) -> None:
        assert await self._client.custom_command(["ACL", "WHOAMI"]) == USER.encode()
        assert len(await self._client.info(route=AllPrimaries())) == 2
        keys = [key(f"connect:{number}") for number in range(100)]
        assert await self._all("SET", keys, "x") == ["OK"] * 100
        assert await self._all("GET", keys) == [b"x"] * 100
        with refused(RequestError):
            await self._client.set("elsewhere", "x")
        before = int(await ask_async("replica-reads"))
        reader = await connect(read_from=ReadFrom.PREFER_REPLICA)
        for number in range(20):
            assert await reader.get(key(f"connect:{number}")) == b"x"
        assert int(await ask_async("replica-reads")) >= before + 20
        await reader.close()

    async def moved(self) -> None:
        keys = [key(f"moved:{number}") for number in range(60)]
        for shards in (3, 2):
            await self._all("SET", keys, str(shards))
            await ask_async(f"reshard {shards}")
            assert set(await self._all("GET", keys)) == {str(shards).encode()}
            assert set(await self._all("APPEND", keys, "!")) == {2}
        assert int(await ask_async("moved")) > 0

    async def pipeline(self) -> None:
        batch = ClusterBatch(is_atomic=False)
        for number in range(100):
            batch.set(key(f"pipe:{number}"), str(number))
            batch.get(key(f"pipe:{number}"))
        answers = await self._client.exec(batch, raise_on_error=True)
        assert answers == [answer for number in range(100) for answer in ("OK", str(number).encode())]
        batch = ClusterBatch(is_atomic=False)
        batch.set(tagged("pipe"), "text")
        batch.incr(tagged("pipe"))
        done, error = await self._client.exec(batch, raise_on_error=False)
        assert done == "OK"
        assert "not an integer" in str(error)

    async def multi(self) -> None:
        client, number = self._client, tagged("multi")
        batch = ClusterBatch(is_atomic=True)
        batch.set(number, "1")
        batch.incrby(number, 41)
        assert await client.exec(batch, raise_on_error=True) == ["OK", 42]
        await client.watch([number])
        await client.incr(number)
        assert await client.exec(batch, raise_on_error=True) is None
        assert await client.get(number) == b"43"

    async def pubsub(self) -> None:
        subscriptions = GlideClusterClientConfiguration.PubSubSubscriptions(
            {Modes.Exact: {key("news")}, Modes.Pattern: {"story:*"}}, None, None
        )
        subscriber = await connect(pubsub_subscriptions=subscriptions)
        await self._client.publish("hello", key("news"))
        found = [await subscriber.get_pubsub_message() for _ in range(2)]
        told = sorted((message.pattern or b"", message.channel, message.message) for message in found)
        channel = key("news").encode()
        assert told == [(b"", channel, b"hello"), (b"story:*", channel, b"hello")]
        await subscriber.close()

    async def sharded_pubsub(self) -> None:
        channels = {key(f"shard:{number}") for number in range(8)}
        subscriptions = GlideClusterClientConfiguration.PubSubSubscriptions(
            {Modes.Sharded: channels}, None, None
        )
        subscriber = await connect(pubsub_subscriptions=subscriptions)
        for channel in channels:
            await self._client.publish("hello", channel, sharded=True)
        found = {(await subscriber.get_pubsub_message()).channel.decode() for _ in channels}
        assert found == channels
        await subscriber.close()

    async def scripts(self) -> None:
        client, counter = self._client, tagged("lua")
        assert await client.custom_command(["EVAL", SCRIPT, "1", counter, "5"]) == [counter.encode(), 5]
        assert await client.invoke_script(Script(SCRIPT), keys=[counter], args=["5"]) == [
            counter.encode(),
            10,
        ]
        with refused(RequestError):
            await client.custom_command(["EVALSHA", "f" * 40, "1", counter])
        await client.function_load(library_source(), route=AllPrimaries())
        assert await client.fcall(LIBRARY, [counter], ["32"]) == 42

    async def streams(self) -> None:
        client, stream, group = self._client, tagged("stream"), "workers"
        await client.xgroup_create(stream, group, "0", StreamGroupOptions(make_stream=True))
        first = await client.xadd(stream, [("job", "1")])
        second = await client.xadd(stream, [("job", "2")])
        read = await client.xreadgroup({stream: ">"}, group, "one", StreamReadGroupOptions(count=2))
        assert read == {stream.encode(): {first: [[b"job", b"1"]], second: [[b"job", b"2"]]}}
        assert await client.xack(stream, group, [first]) == 1
        assert (await client.xpending(stream, group))[0] == 1
        assert list((await client.xautoclaim(stream, group, "two", 0, "0-0"))[1]) == [second]
        blocking = await connect()  # a client that waits holds up others of its connection
        waits = StreamReadGroupOptions(block_ms=10_000)
        waiting = asyncio.create_task(blocking.xreadgroup({stream: ">"}, group, "two", waits))
        await asyncio.sleep(0)
        last = await client.xadd(stream, [("job", "last")])
        assert await waiting == {stream.encode(): {last: [[b"job", b"last"]]}}
        await blocking.close()

    async def tracking(self) -> None:
        client, tracked = self._client, key("tracked")
        cache = ClientSideCache.create(1024, 0, enable_metrics=True, server_assisted=True)
        cached = await connect(client_side_cache=cache)
        await client.set(tracked, "old")
        assert [await cached.get(tracked) for _ in range(3)] == [b"old"] * 3
        await client.set(tracked, "new")
        async with asyncio.timeout(10):
            while await cached.get(tracked) != b"new":
                await asyncio.sleep(0.01)
        assert cached.get_cache_hit_rate() > 0
        await cached.close()

    async def reconnect(self) -> None:
        keys = [key(f"reconnect:{number}") for number in range(30)]
        for event in ("failover", "restart"):
            await self._all("SET", keys, event)
            await ask_async(event)
            assert set(await self._all("GET", keys)) == {event.encode()}
            assert set(await self._all("APPEND", keys, "!")) == {len(event) + 1}
            assert set(await self._all("GET", keys)) == {f"{event}!".encode()}


asyncio.run(main())
