"""Clients of the data: each tells the same ten stories of one cluster, over TLS, as a user of its ACL.

Each client gets a cluster, made through the API; what happens to it in the stories (more shards, a failover, new nodes) does too.
`make clients` installs the clients; one that is missing skips its stories, as does a library that cannot do a story.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError

from localstack_memorydb.integrations.moto.server import StandaloneHost
from localstack_memorydb.settings import Settings

from .test_api_clients import BIN, NODE, STORIES, require

STORY_NAMES = (
    "connect", "moved", "pipeline", "multi", "pubsub", "sharded_pubsub", "scripts", "streams", "tracking", "reconnect",
)  # fmt: skip
USER, PASSWORD = "storyteller", "once-upon-a-time"
_SECONDS = 240


def python_program(file: str, *arguments: str, package: str = "") -> Callable[[], list[str]]:
    def command() -> list[str]:
        python = require(BIN / "python")
        found = subprocess.run([python, "-c", f"import {package}"], capture_output=True)
        require(python if found.returncode == 0 else None)
        return [python, str(STORIES / file), *arguments]

    return command


def node_program(file: str, *, package: str) -> Callable[[], list[str]]:
    def command() -> list[str]:
        node = require(shutil.which("node"))
        require(NODE / "node_modules" / package)
        # Modules are looked for beside the program, wherever it is called from.
        place = NODE / "node_modules" / ".stories"
        place.mkdir(exist_ok=True)
        for each in (file, "telling.mjs"):
            shutil.copyfile(STORIES / each, place / each)
        return [node, "--no-warnings", str(place / file)]

    return command


def redis_cli() -> list[str]:
    tool = shutil.which("redis-cli")
    shown = subprocess.run([tool, "--help"], capture_output=True, text=True) if tool else None
    told = shown.stdout + shown.stderr if shown else ""
    require(tool if "--tls" in told or not os.environ.get("CI") else None)
    if "--tls" not in told:
        pytest.skip("this redis-cli knows no TLS")
    return ["bash", str(STORIES / "data_redis_cli.sh")]


PROGRAMS: dict[str, Callable[[], list[str]]] = {
    "redis-py": python_program("data_redis_py.py", "redis", package="redis"),
    "valkey-py": python_program("data_redis_py.py", "valkey", package="valkey"),
    "redis-py-asyncio": python_program("data_redis_py_asyncio.py", package="redis.asyncio"),
    "valkey-glide": python_program("data_valkey_glide.py", package="glide"),
    "ioredis": node_program("data_ioredis.mjs", package="ioredis"),
    "node-redis": node_program("data_node_redis.mjs", package="redis"),
    "redis-cli": redis_cli,
}


class World:
    """The host, and on it a cluster of two shards and two replicas that one user may use."""

    def __init__(self, directory: Path) -> None:
        self.host = StandaloneHost(Settings(), 0)
        self.host.start()
        self.memorydb = boto3.client(
            "memorydb",
            endpoint_url=self.host.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.ca = directory / "ca.pem"
        with urlopen(f"{self.host.url}/_memorydb/ca.pem") as answer:
            self.ca.write_bytes(answer.read())
        self.memorydb.create_user(
            UserName=USER,
            AccessString="on ~story:* &story:* &__redis__:invalidate +@all",
            AuthenticationMode={"Type": "password", "Passwords": [PASSWORD]},
        )
        self.memorydb.create_acl(ACLName="storytellers", UserNames=[USER])
        self.cluster: dict[str, Any] = {}

    def make_cluster(self, name: str) -> None:
        """A new cluster for the next client: a cluster takes no more than five failovers in a day."""
        if self.cluster:
            self.memorydb.delete_cluster(ClusterName=self.cluster["Name"])
        self.memorydb.create_cluster(
            ClusterName=name,
            NodeType="db.t4g.small",
            ACLName="storytellers",
            NumShards=2,
            NumReplicasPerShard=1,
        )
        self.cluster = self.available(name)

    def available(self, name: str) -> dict[str, Any]:
        """The cluster, once what was asked of it is done."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.memorydb.describe_clusters(ClusterName=name, ShowShardDetails=True)
            (cluster,) = found["Clusters"]
            if cluster["Status"] == "available":
                return cluster  # type: ignore[no-any-return]
        raise AssertionError("the cluster does not become available")

    @property
    def environment(self) -> dict[str, str]:
        place = self.cluster["ClusterEndpoint"]
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("REDIS")},
            "STORY_HOST": place["Address"],
            "STORY_PORT": str(place["Port"]),
            "STORY_CA": str(self.ca),
            "STORY_USER": USER,
            "STORY_PASSWORD": PASSWORD,
        }

    def connect(self, **options: Any) -> RedisCluster:
        place = self.cluster["ClusterEndpoint"]
        return RedisCluster(
            host=place["Address"],
            port=place["Port"],
            ssl=True,
            ssl_ca_certs=str(self.ca),
            username=options.pop("username", USER),
            password=options.pop("password", PASSWORD),
            socket_timeout=60,
            **options,
        )

    def answer(self, what: str) -> str:
        """Do to the cluster what a story asks for."""
        verb, *arguments = what.split()
        name = self.cluster["Name"]
        match verb, arguments:
            case "reshard", [shards]:
                self.memorydb.update_cluster(ClusterName=name, ShardConfiguration={"ShardCount": int(shards)})
            case "failover", []:
                self.memorydb.failover_shard(ClusterName=name, ShardName="0001")
            case "restart", []:
                other = {"db.t4g.small": "db.t4g.medium", "db.t4g.medium": "db.t4g.small"}
                self.memorydb.update_cluster(ClusterName=name, NodeType=other[self.cluster["NodeType"]])
            case "moved", []:
                return str(self.redirects())
            case "replica-reads", []:
                return str(self.replica_reads())
            case _:
                raise AssertionError(what)
        self.cluster = self.available(name)
        return "done"

    def redirects(self) -> int:
        """How often nodes have answered MOVED."""
        shown = self.shown("errorstats")
        return sum(each["errorstat_MOVED"]["count"] for each in shown if "errorstat_MOVED" in each)

    def replica_reads(self) -> int:
        """How often replicas have answered GET."""
        replicas = (each for each in self.shown("replication", "commandstats") if each["role"] == "slave")
        return sum(each["cmdstat_get"]["calls"] for each in replicas if "cmdstat_get" in each)

    def shown(self, *sections: str) -> Iterator[dict[str, Any]]:
        """What INFO says of each node."""
        for shard in self.cluster["Shards"]:
            for node in shard["Nodes"]:
                place = node["Endpoint"]
                with Redis(
                    place["Address"],
                    place["Port"],
                    ssl=True,
                    ssl_ca_certs=str(self.ca),
                    username=USER,
                    password=PASSWORD,
                ) as redis:
                    yield redis.info(*sections)

    def close(self) -> None:
        self.host.stop()


def tell(world: World, name: str, command: list[str]) -> dict[str, tuple[str, str]]:
    """Run a client's program, do what it asks for; each story's verdict and what was said about it."""
    world.make_cluster(name)
    program = subprocess.Popen(
        command,
        env={**world.environment, "STORY_NAME": name},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    alarm = threading.Timer(_SECONDS, program.kill)
    alarm.start()
    told: dict[str, tuple[str, str]] = {}
    other: list[str] = []
    with program:
        for line in program.stdout:
            kind, _, rest = line.rstrip("\n").partition(" ")
            if kind == "ask":
                program.stdin.write(world.answer(rest) + "\n")
                program.stdin.flush()
            elif kind == "story":
                story, verdict, text = rest.split(" ", 2)
                told[story] = (verdict, json.loads(text))
            else:
                other.append(line)
    alarm.cancel()
    if program.returncode:
        other.append(f"ended with {program.returncode}\n")
    return {story: told.get(story, ("failed", "".join(other))) for story in STORY_NAMES}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("stories"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def told(world: World) -> Callable[[str], dict[str, tuple[str, str]]]:
    """What a client told; its program runs once for all of its stories."""
    kept: dict[str, dict[str, tuple[str, str]]] = {}

    def of(client: str) -> dict[str, tuple[str, str]]:
        if client not in kept:
            kept[client] = tell(world, client, PROGRAMS[client]())
        return kept[client]

    return of


@pytest.mark.parametrize("story", STORY_NAMES)
@pytest.mark.parametrize("client", PROGRAMS)
def test_story(told: Callable[[str], dict[str, tuple[str, str]]], client: str, story: str) -> None:
    verdict, text = told(client)[story]
    if verdict == "skip":
        pytest.skip(f"{client}: {text}")
    assert verdict == "ok", text


class Writer:
    """A client that never rests: it adds numbers to a set, and remembers which were acknowledged."""

    def __init__(self, client: RedisCluster, key: str) -> None:
        self.key = key
        self.acknowledged: set[int] = set()
        self.refusals: list[Exception] = []
        self._client = client
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def _write(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            try:
                self._client.sadd(self.key, number)
            except RedisConnectionError as error:  # its node has just gone: the number may be there or not
                self.refusals.append(error)
            else:
                self.acknowledged.add(number)

    def has_written_more(self) -> None:
        """Return when ten more numbers have been acknowledged."""
        wanted = len(self.acknowledged) + 10
        deadline = time.monotonic() + 60
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"{self.key} stands still: {self.refusals[-1:]}"

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


def test_no_acknowledged_write_is_lost_while_nodes_change(world: World) -> None:
    world.make_cluster("busy")
    with world.connect() as client, client.pubsub() as pubsub:
        pubsub.subscribe("story:busy")
        writers = [Writer(client, f"story:busy:{number}") for number in range(6)]
        for event in ("failover", "reshard 3", "failover", "restart", "reshard 2", "failover"):
            world.answer(event)
            for writer in writers:
                writer.has_written_more()
        for writer in writers:
            writer.stop()
            members = {int(member) for member in client.smembers(writer.key)}
            assert writer.acknowledged <= members
        assert hears(pubsub, lambda: client.publish("story:busy", "over")) == b"over"


def hears(pubsub: Any, publish: Callable[[], object]) -> bytes:
    """The next message. A subscriber whose node went is told so once, then it connects and subscribes again by itself."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        publish()
        try:
            message = pubsub.get_message(timeout=1)
        except RedisConnectionError:
            continue
        if message is not None and message["type"] == "message":
            return bytes(message["data"])
    raise AssertionError("no message")
