"""`localstack-memorydb demo`: what MemoryDB is used for, step by step, against a running endpoint."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from urllib.request import urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from localstack_memorydb.settings import Settings

KEYS = 10_000
_START_SECONDS = 30.0
_WAIT_SECONDS = 30.0
_REGION = "us-east-1"


class DemoError(Exception):
    """Why the story ended early, in one line."""


def run(endpoint_url: str | None, settings: Settings) -> None:
    """Tell the story against an endpoint, or against one that is started for it."""
    console = Console(highlight=False)
    began = time.monotonic()
    with _endpoint(endpoint_url, settings, console) as url:
        try:
            story = _Story(url, console)
        except ValueError as error:  # botocore: what was given is no URL
            raise DemoError(str(error)) from error
        try:
            story.tell()
        except (BotoCoreError, ClientError, RedisError, OSError) as error:
            raise DemoError(f"{story.step}: {_one_line(error)}") from error
        finally:
            story.clean_up()
    console.print(f"\n[green]Done[/green] in {time.monotonic() - began:.1f} s.")


def _one_line(error: Exception) -> str:
    """What is no AWS endpoint answers with a page of HTML, and botocore quotes it."""
    first, *rest = str(error).splitlines() or [repr(error)]
    return f"{first} ..." if rest else first


@contextmanager
def _endpoint(url: str | None, settings: Settings, console: Console) -> Iterator[str]:
    if url is not None:
        yield url.rstrip("/")
        return
    command = [sys.executable, "-m", "localstack_memorydb", "start", "--port", str(_free_port(settings.bind))]
    host = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        _wait_for_ready(host)
        url = f"http://127.0.0.1:{command[-1]}"
        console.print(f"Started an endpoint of its own: [bold]{url}[/bold]")
        yield url
    finally:
        host.terminate()
        host.wait(_WAIT_SECONDS)


def _free_port(address: str) -> int:
    import socket

    with socket.create_server((address, 0)) as probe:
        return int(probe.getsockname()[1])


def _wait_for_ready(host: subprocess.Popen[str]) -> None:
    """Read until the line; then go on reading in the background, for a full pipe would block the host."""
    limit = threading.Timer(_START_SECONDS, host.kill)
    limit.start()
    try:
        for line in host.stdout or ():
            if line.strip() == "Ready.":
                threading.Thread(target=lambda: list(host.stdout or ()), daemon=True).start()
                return
    finally:
        limit.cancel()
    raise DemoError("the endpoint did not start; `localstack-memorydb start` says why")


class _Story:
    """The steps, and what they leave behind for the next one."""

    def __init__(self, url: str, console: Console) -> None:
        self.url = url
        self.console = console
        self.step = "connecting"
        self.run = secrets.token_hex(2)
        self.bucket = f"memorydb-demo-{self.run}"
        self.snapshot = f"demo-{self.run}"
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        quick = Config(retries={"max_attempts": 1}, connect_timeout=5)
        self.memorydb = boto3.client("memorydb", endpoint_url=url, region_name=_REGION, config=quick, **keys)
        self.s3 = boto3.client("s3", endpoint_url=url, region_name=_REGION, config=quick, **keys)
        self._ca: str | None = None
        self._clusters: list[str] = []

    def tell(self) -> None:
        orders, restored = f"orders-{self.run}", f"restored-{self.run}"
        self._do("Create a cluster: 2 shards, 1 replica each", lambda: self._create(orders, shards=2))
        self._describe(orders)
        with self._client(orders) as client:
            self._do(
                f"Write {KEYS:,} keys of five types over TLS, through both shards", lambda: _write(client)
            )
            self._do("A transaction on one slot", lambda: _transaction(client))
            self._do("A blocking pop, fed by another client", lambda: self._blocking_pop(orders, client))
            self._do("Sharded pub/sub", lambda: self._publish(orders, client))
            self._do("A replica answers after READONLY", lambda: self._replica_read(orders))
        self._do("Create a snapshot", lambda: self._create_snapshot(orders))
        self._do("Copy it to an S3 bucket", self._copy_snapshot)
        self._do("A second cluster from the snapshot, with 3 shards", lambda: self._restore(restored))
        self._do("Count the keys there", lambda: self._count(restored))
        self._do("Reshard to 4 while a client keeps writing", lambda: self._reshard(restored))
        for name in list(self._clusters):
            self._do(f"Delete {name}", partial(self._delete, name))

    def clean_up(self) -> None:
        """Leave a running endpoint as it was found."""
        for name in list(self._clusters):
            with suppress(BotoCoreError, ClientError):
                self._delete(name)
        with suppress(BotoCoreError, ClientError):
            self.memorydb.delete_snapshot(SnapshotName=self.snapshot)
        with suppress(BotoCoreError, ClientError):
            for row in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", []):
                self.s3.delete_object(Bucket=self.bucket, Key=row["Key"])
            self.s3.delete_bucket(Bucket=self.bucket)

    def _do(self, step: str, act: Callable[[], str | None]) -> None:
        self.step = step
        began = time.monotonic()
        with self.console.status(step):
            said = act()
        took = f"{(time.monotonic() - began) * 1000:6.0f} ms"
        self.console.print(
            f"[green]✓[/green] [dim]{took}[/dim]  {step}" + (f": {said}" if said else ""), soft_wrap=True
        )

    def _create(self, name: str, shards: int, **more: Any) -> str:
        self.memorydb.create_cluster(
            ClusterName=name,
            NodeType="db.t4g.small",
            ACLName="open-access",
            NumShards=shards,
            NumReplicasPerShard=1,
            **more,
        )
        self._clusters.append(name)
        return self._available(name)

    def _cluster(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.memorydb.describe_clusters(ClusterName=name, ShowShardDetails=True)
        cluster: dict[str, Any] = found["Clusters"][0]
        return cluster

    def _available(self, name: str) -> str:
        ended = {"available", "create-failed", "restore-failed"}
        self._until(lambda: self._cluster(name)["Status"] in ended, f"{name} does not become available")
        if (status := self._cluster(name)["Status"]) != "available":
            raise DemoError(f"{name} is {status}: {self._last_event(name)}")
        endpoint = self._cluster(name)["ClusterEndpoint"]
        return f"{endpoint['Address']}:{endpoint['Port']}"

    def _last_event(self, name: str) -> str:
        events = self.memorydb.describe_events(SourceType="cluster", SourceName=name)["Events"]
        return str(events[0]["Message"]) if events else "no event says why"

    def _until(self, true: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while not true():
            if time.monotonic() > deadline:
                raise DemoError(otherwise)
            time.sleep(0.05)

    def _describe(self, name: str) -> None:
        table = Table("shard", "slots", "node", "address", box=None, padding=(0, 2))
        for shard in self._cluster(name)["Shards"]:
            for node in shard["Nodes"]:
                endpoint = node["Endpoint"]
                address = f"{endpoint['Address']}:{endpoint['Port']}"
                table.add_row(shard["Name"], shard["Slots"], node["Name"], address)
        self.console.print(table)

    def _authority(self) -> str:
        if self._ca is None:
            with urlopen(f"{self.url}/_memorydb/ca.pem", timeout=10) as answer:  # noqa: S310
                self._ca = answer.read().decode()
        return self._ca

    @contextmanager
    def _client(self, name: str) -> Iterator[RedisCluster]:
        endpoint = self._cluster(name)["ClusterEndpoint"]
        client = RedisCluster(
            host=endpoint["Address"], port=endpoint["Port"], ssl=True, ssl_ca_data=self._authority()
        )
        try:
            yield client
        finally:
            client.close()

    def _node(self, endpoint: dict[str, Any]) -> Redis:
        return Redis(host=endpoint["Address"], port=endpoint["Port"], ssl=True, ssl_ca_data=self._authority())

    def _blocking_pop(self, name: str, client: RedisCluster) -> str:
        popped: list[Any] = []
        with self._client(name) as other:
            waiter = threading.Thread(target=lambda: popped.append(other.blpop(["jobs"], timeout=10)))
            waiter.start()
            client.rpush("jobs", "resize-image")
            waiter.join()
        return f"BLPOP jobs gave {popped[0][1].decode()}" if popped and popped[0] else "nothing came"

    def _publish(self, name: str, client: RedisCluster) -> str:
        with self._client(name) as other:
            listener = other.pubsub()
            listener.ssubscribe("prices")
            self._until(lambda: _kind(listener) == "ssubscribe", "the subscription is not confirmed")
            client.spublish("prices", "42")
            heard: list[Any] = []
            self._until(
                lambda: _kind(listener, heard) in {"smessage", "message"}, "the message does not arrive"
            )
            listener.close()
        return f"heard {heard[-1]['data'].decode()} on prices"

    def _replica_read(self, name: str) -> str:
        shard = self._cluster(name)["Shards"][0]
        answers = []
        for node in shard["Nodes"]:
            with self._node(node["Endpoint"]) as direct:
                role = direct.execute_command("ROLE")[0].decode()
                if role != "master":
                    direct.execute_command("READONLY")
                    answers.append(f"{node['Name']} holds {direct.dbsize():,} keys")
        return ", ".join(answers) or "no replica"

    def _create_snapshot(self, name: str) -> str:
        self.memorydb.create_snapshot(ClusterName=name, SnapshotName=self.snapshot)

        def available() -> bool:
            found = self.memorydb.describe_snapshots(SnapshotName=self.snapshot)["Snapshots"]
            return bool(found[0]["Status"] == "available")

        self._until(available, "the snapshot does not become available")
        return self.snapshot

    def _copy_snapshot(self) -> str:
        self.s3.create_bucket(Bucket=self.bucket)
        self.memorydb.copy_snapshot(
            SourceSnapshotName=self.snapshot,
            TargetSnapshotName=f"{self.snapshot}-export",
            TargetBucket=self.bucket,
        )
        objects: list[str] = []

        def written() -> bool:
            rows = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
            objects[:] = [f"{row['Key']} ({row['Size']:,} bytes)" for row in rows]
            return len(objects) == 2

        self._until(written, "the objects do not appear in the bucket")
        return ", ".join(objects)

    def _restore(self, name: str) -> str:
        return self._create(name, shards=3, SnapshotName=self.snapshot)

    def _count(self, name: str) -> str:
        with self._client(name) as client:
            return f"{sum(client.dbsize(target_nodes=[node]) for node in client.get_primaries()):,}"

    def _reshard(self, name: str) -> str:
        written = 0
        with self._client(name) as client:
            self.memorydb.update_cluster(ClusterName=name, ShardConfiguration={"ShardCount": 4})
            done = False
            while not done or written < 1000:
                client.set(f"during:{written}", written)
                written += 1
                if written % 250 == 0 and not done:
                    done = self._cluster(name)["Status"] == "available"
            kept = sum(1 for n in range(written) if client.get(f"during:{n}") == b"%d" % n)
        shards = len(self._cluster(name)["Shards"])
        return f"{shards} shards, {kept:,} of {written:,} writes kept, no error seen"

    def _delete(self, name: str) -> None:
        self.memorydb.delete_cluster(ClusterName=name)
        self._clusters.remove(name)


def _write(client: RedisCluster) -> None:
    """Strings, hashes, lists, sets and sorted sets, in pipelines that the client splits by node."""
    each = KEYS // 5
    for first in range(0, each, 500):
        pipeline = client.pipeline()
        for n in range(first, min(first + 500, each)):
            pipeline.set(f"string:{n}", f"value {n}")
            pipeline.hset(f"hash:{n}", mapping={"id": n, "state": "new"})
            pipeline.rpush(f"list:{n}", "a", "b", n)
            pipeline.sadd(f"set:{n}", "a", "b", n)
            pipeline.zadd(f"zset:{n}", {"a": 1, "b": n})
        pipeline.execute()


def _transaction(client: RedisCluster) -> str:
    """MULTI and EXEC on the node that owns the slot."""
    node = client.get_node_from_key("account:{7}:balance")
    if node is None:
        return "no node owns the slot"
    direct = client.get_redis_connection(node)
    with direct.pipeline(transaction=True) as pipeline:
        pipeline.incrby("account:{7}:balance", 100)
        pipeline.rpush("account:{7}:log", "deposit 100")
        balance, entries = pipeline.execute()
    client.delete("account:{7}:balance", "account:{7}:log")
    return f"balance {balance}, {entries} entry in the log"


def _kind(listener: Any, heard: list[Any] | None = None) -> str:
    message = listener.get_sharded_message(timeout=0.1)
    if message is None:
        return ""
    if heard is not None:
        heard.append(message)
    return str(message["type"])
