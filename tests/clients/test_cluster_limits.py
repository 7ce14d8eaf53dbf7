"""Limits of clusters that were made through the API: what UpdateParameterGroup changes is seen by the clients of a running cluster."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from localstack_memorydb.engine import Engine, EngineSettings
from localstack_memorydb.engine.server import clock
from localstack_memorydb.provider import Options
from tests.world import ACCOUNT, REGION, World, open_world

NODE_MEMORY = 3 << 20
KEYS = 3200
VALUE = b"x" * 1000
OOM = "command not allowed when used memory > 'maxmemory'."
POLICIES = {
    "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
    "allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction",
}  # fmt: skip


@pytest.fixture(scope="module")
def aws(engine: Engine) -> Iterator[World]:
    """An account whose smallest nodes are small indeed, with the cluster `orders` and its parameter group `limits`."""
    for world in open_world(engine, node_memory=NODE_MEMORY):
        world("CreateParameterGroup", ParameterGroupName="limits", Family="memorydb_valkey7")
        world.create_cluster(
            ParameterGroupName="limits",
            Engine="valkey",
            EngineVersion="7.2",
            TLSEnabled=False,
            NumReplicasPerShard=1,
        )
        yield world


def change(aws: World, **values: object) -> None:
    """Changes parameters of the group, on the running cluster."""
    pairs = [
        {"ParameterName": name.replace("_", "-"), "ParameterValue": str(value)}
        for name, value in values.items()
    ]
    aws("UpdateParameterGroup", ParameterGroupName="limits", ParameterNameValues=pairs)


@pytest.fixture
def client(aws: World) -> Iterator[Redis]:
    """A client of the primary, of a cluster that is empty and has the group's own values."""
    aws("ResetParameterGroup", ParameterGroupName="limits", AllParameters=True)
    endpoint = aws.cluster()["ClusterEndpoint"]
    with Redis(endpoint["Address"], endpoint["Port"], socket_timeout=60) as client:
        client.flushall()
        yield client


def fill(client: Redis, *, volatile: bool = True) -> list[Any]:
    """Writes more than fits: every second key expires one day, the first ones first, and the first hundred are used all the time."""
    answers = []
    for first in range(0, KEYS, 100):
        pipeline = client.pipeline(transaction=False)
        for number in range(first, first + 100):
            lives = {"ex": 10_000 + number} if volatile and number % 2 else {}
            pipeline.set(f"key:{number}", VALUE, **lives)
        answers += pipeline.execute(raise_on_error=False)
        pipeline = client.pipeline(transaction=False)
        for number in range(100):
            pipeline.get(f"key:{number}")
        pipeline.execute()
    return answers


def alive(client: Redis) -> list[int]:
    return sorted(int(key[4:]) for key in client.scan_iter(count=1000))


def evictions(aws: World) -> tuple[float, ...]:
    return aws.measure()["orders-0001-001"]["Evictions"]


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_a_full_node_obeys_the_policy_of_the_group(aws: World, client: Redis, policy: str) -> None:
    change(aws, maxmemory_policy=policy, maxmemory_samples=10)
    evictions(aws)
    before = client.info()["evicted_keys"]
    answers = fill(client)
    left, info = alive(client), client.info()
    evicted = info["evicted_keys"] - before

    assert (info["maxmemory"], info["maxmemory_policy"]) == (NODE_MEMORY, policy)
    assert 0.95 * NODE_MEMORY < info["used_memory"] < NODE_MEMORY + 2000
    refused = [answer for answer in answers if answer is not True]
    assert {(type(each), str(each)) for each in refused} <= {(OutOfMemoryError, OOM)}
    assert len(left) == KEYS - evicted - len(refused)

    measured = aws.measure()
    assert measured["orders-0001-001"]["Evictions"] == (evicted,)
    share = measured["orders-0001-001"]["DatabaseMemoryUsagePercentage"]
    assert share == pytest.approx((100 * info["used_memory"] / NODE_MEMORY,))
    assert measured["orders-0001-002"]["BytesUsedForMemoryDB"] == (info["used_memory"],)

    kind, _, order = policy.partition("-")
    if policy == "noeviction":
        assert evicted == 0
        assert left == list(range(len(left)))
    elif kind == "volatile":
        # Those that never expire stay, until there is nothing but them.
        assert left == list(range(0, left[-1] + 1, 2))
        assert refused
    else:
        assert not refused
        assert left[-1] > KEYS - 100
        hot = sum(number < 100 for number in left)
        assert hot >= 98 if order in {"lru", "lfu"} else hot < 90


def test_a_larger_node_type_has_more_room_in_proportion(aws: World, client: Redis) -> None:
    assert OOM in map(str, fill(client, volatile=False))
    left = alive(client)
    aws("UpdateCluster", ClusterName="orders", NodeType="db.t4g.medium")
    assert aws.settled_cluster()["NodeType"] == "db.t4g.medium"
    assert client.info()["maxmemory"] == NODE_MEMORY * 3317862236 // 1471026299
    assert set(fill(client, volatile=False)) == {True}
    aws("UpdateCluster", ClusterName="orders", NodeType="db.t4g.small")
    assert aws.settled_cluster()["NodeType"] == "db.t4g.medium"  # the data would not fit
    client.flushall()
    aws("UpdateCluster", ClusterName="orders", NodeType="db.t4g.small")
    assert aws.settled_cluster()["NodeType"] == "db.t4g.small"
    fill(client, volatile=False)
    assert alive(client) == left


def test_regional_clusters_of_one_multi_region_cluster_are_full_together(engine: Engine) -> None:
    """Their parameter group is AWS's own, so nothing is evicted in one Region that another would keep."""
    shared = {"NodeType": "db.r7g.xlarge", "TLSEnabled": False}
    for aws in open_world(engine, node_memory=2 << 20):
        aws("CreateMultiRegionCluster", MultiRegionClusterNameSuffix="shop", **shared)
        aws.finish_work()
        (shop,) = aws("DescribeMultiRegionClusters")["MultiRegionClusters"]
        group = {"MultiRegionParameterGroupName": shop["MultiRegionParameterGroupName"]}
        values = aws("DescribeMultiRegionParameters", MaxResults=100, **group)["MultiRegionParameters"]
        assert {each["Name"]: each.get("Value") for each in values}["maxmemory-policy"] == "noeviction"

        member = {"ClusterName": "orders", "ACLName": "open-access", "NumReplicasPerShard": 0, **shared}
        member["MultiRegionClusterName"] = shop["MultiRegionClusterName"]
        clients = []
        for region in (REGION, "eu-west-1"):
            aws.at(ACCOUNT, region, "CreateCluster", **member)
            aws.finish_work()
            (cluster,) = aws.at(ACCOUNT, region, "DescribeClusters")["Clusters"]
            clients.append(Redis(cluster["ClusterEndpoint"]["Address"], cluster["ClusterEndpoint"]["Port"]))
        here, there = clients
        with here.pipeline(transaction=False) as pipeline:
            for number in range(50):
                pipeline.set(f"key:{number}", b"x" * 1_000_000)
            answers = pipeline.execute(raise_on_error=False)
        written = answers.count(True)
        assert 30 < written < 40
        with pytest.raises(OutOfMemoryError, match=OOM):
            there.set("another", "value")
        assert keys(here) == keys(there) == {b"key:%d" % number for number in range(written)}
        assert there.delete("key:0")
        assert here.set("key:0", "again")


# -- connections ------------------------------------------------------------------------------------------------------


def connect(client: Redis, *lines: bytes) -> socket.socket:
    """Another client of the same node, which has been answered."""
    options = client.get_connection_kwargs()
    connection = socket.create_connection((options["host"], options["port"]), 10)
    for line in lines:
        connection.sendall(line + b"\r\n")
        assert connection.recv(100)[:1] != b"-"
    return connection


def publish(client: Redis, count: int) -> int:
    """Sends messages of 100 KB until nobody hears them any more; how many were heard."""
    return next((sent for sent in range(count) if not client.publish("news", b"x" * 100_000)), count)


@pytest.mark.parametrize(
    "limits",
    [
        {"client_output_buffer_limit_pubsub_hard_limit": 1_000_000},
        {
            "client_output_buffer_limit_pubsub_soft_limit": 1_000_000,
            "client_output_buffer_limit_pubsub_soft_seconds": 1,
        },
    ],
    ids=["hard", "soft"],
)
def test_a_subscriber_that_does_not_read_meets_the_limit_of_the_group(
    aws: World, client: Redis, limits: dict[str, int]
) -> None:
    with connect(client, b"SUBSCRIBE news"), connect(client, b"PING") as other:
        assert publish(client, 150) == 150  # 15 MB are within the usual limits
        change(aws, **limits)
        deadline = time.monotonic() + 60
        while publish(client, 1) and time.monotonic() < deadline:
            other.sendall(b"PING\r\n")
            assert other.recv(100) == b"+PONG\r\n"
        assert client.pubsub_numsub("news") == [(b"news", 0)]
        assert len(client.client_list()) == 2


def test_a_client_that_does_not_read_its_replies_meets_the_limit_of_the_group(
    aws: World, client: Redis
) -> None:
    client.set("large", b"x" * 1_000_000)
    change(aws, client_output_buffer_limit_normal_hard_limit=100_000)
    with connect(client, b"PING") as deaf:
        deaf.sendall(b"GET large\r\n")
        assert deaf.recv(100) == b""
    assert client.ping()
    change(aws, client_output_buffer_limit_normal_hard_limit=0)
    assert len(client.get("large")) == 1_000_000


def later(aws: World, seconds: int) -> None:
    """What the cluster does of itself, as it comes so many seconds later."""
    (handle,) = aws.provider._fleet._handles.values()
    handle._call(lambda: handle._cluster.tick(clock() + seconds * 1000))


def test_silent_clients_are_closed_after_the_timeout_of_the_group(aws: World, client: Redis) -> None:
    with (
        connect(client, b"PING") as silent,
        connect(client, b"SUBSCRIBE news") as subscriber,
        connect(client) as waiting,
    ):
        waiting.sendall(b"BLPOP list 0\r\n")
        later(aws, 1000)
        silent.sendall(b"PING\r\n")
        assert silent.recv(100) == b"+PONG\r\n"
        change(aws, timeout=20)
        later(aws, 19)
        silent.sendall(b"PING\r\n")
        assert silent.recv(100) == b"+PONG\r\n"
        later(aws, 22)
        assert silent.recv(100) == b""
        assert client.publish("news", "still here") == 1
        assert b"still here" in subscriber.recv(1000)
        client.rpush("list", "value")
        assert b"value" in waiting.recv(100)


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="the system has no such options")
def test_new_connections_are_kept_alive_as_the_group_says(aws: World, client: Redis) -> None:
    (handle,) = aws.provider._fleet._handles.values()
    seen = []
    for seconds in (300, 60, 0):
        change(aws, tcp_keepalive=seconds)
        with connect(client, b"CLIENT SETNAME new"):
            node = handle._cluster.shards[0].primary
            (accepted,) = [
                session.weigh.__self__._transport.get_extra_info("socket")
                for session in node.sessions.values()
                if session.name == b"new"
            ]
            asks = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            seen.append((bool(asks), idle if asks else 0))
            client.client_kill_filter(skipme=True, _type="normal")
    assert seen == [(True, 300), (True, 60), (False, 0)]


def test_what_no_group_changes(aws: World, client: Redis) -> None:
    names = {
        each["Name"]
        for each in aws("DescribeParameters", ParameterGroupName="limits", MaxResults=100)["Parameters"]
    }
    assert not names & {"maxclients", "maxmemory", "client-query-buffer-limit", "proto-max-bulk-len"}
    assert client.info("clients")["maxclients"] == 65000
    for size, answer in (
        (512 << 20, b""),
        ((512 << 20) + 1, b"-ERR Protocol error: invalid bulk length\r\n"),
    ):
        with connect(client, b"PING") as connection:
            connection.sendall(b"*2\r\n$3\r\nGET\r\n$%d\r\n" % size)
            if answer:
                assert connection.recv(100) == answer
                assert connection.recv(100) == b""


# -- what is evicted is gone for good ---------------------------------------------------------------------------------


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Starts the emulator on one directory; the one that ran before dies without a farewell."""
    running: list[tuple[World, Engine]] = []

    def end() -> None:
        for world, engine in running:
            directory, world.provider._directory = world.provider._directory, None
            if directory is not None:
                directory.close()
            world.provider.close(world.now)
            engine.stop()
        running.clear()

    def begin() -> World:
        end()
        engine = Engine(EngineSettings(data_dir=tmp_path))
        running.append((World(engine, Options(node_memory=NODE_MEMORY), tmp_path), engine))
        return running[0][0]

    yield begin
    end()


def nodes(aws: World) -> list[Redis]:
    """Clients of the primary and of its replica."""
    found = [node["Endpoint"] for node in aws.cluster()["Shards"][0]["Nodes"]]
    clients = [Redis(each["Address"], each["Port"], socket_timeout=60) for each in found]
    clients[1].execute_command("READONLY")
    return clients


def keys(client: Redis) -> set[bytes]:
    return set(client.scan_iter(count=1000))


def test_what_was_evicted_or_expired_stays_away_after_a_restart(start: Callable[[], World]) -> None:
    aws = start()
    aws("CreateParameterGroup", ParameterGroupName="limits", Family="memorydb_redis7")
    aws.create_cluster(ParameterGroupName="limits", TLSEnabled=False, NumReplicasPerShard=1)
    change(aws, maxmemory_policy="allkeys-random", notify_keyspace_events="Exe")
    primary, replica = nodes(aws)
    listener = primary.pubsub()
    listener.psubscribe("__keyevent@0__:*")
    listener.get_message(timeout=60)
    names = [b"{t}:%d" % number for number in range(2500)]
    for first in range(0, 1500, 100):
        primary.mset(dict.fromkeys(names[first : first + 100], VALUE))
    with primary.pipeline(transaction=True) as transaction:
        for name in names[1500:2000]:
            transaction.set(name, VALUE)
        transaction.execute()
    script = "for _, key in ipairs(KEYS) do redis.call('set', key, ARGV[1]) end"
    primary.eval(script, 500, *names[2000:], VALUE)
    primary.set("{t}:last", VALUE)
    while (
        primary.info()["used_memory"] > NODE_MEMORY
    ):  # which takes its time, between other clients' commands
        pass
    left = keys(primary)
    brief = min(left)
    primary.pexpire(brief, 1)
    while primary.exists(brief):
        pass
    told: dict[bytes, set[bytes]] = {}
    while b"expired" not in told:
        message = listener.get_message(timeout=60)
        assert message is not None
        told.setdefault(message["channel"].rpartition(b":")[2], set()).add(message["data"])

    assert told == {b"evicted": {*names, b"{t}:last"} - left, b"expired": {brief}}
    assert primary.info()["evicted_keys"] == 2501 - len(left) > 1000
    assert keys(replica) == keys(primary) == left - {brief}
    aws = start()
    primary, replica = nodes(aws)
    assert keys(replica) == keys(primary) == left - {brief}
    assert primary.info()["maxmemory"] == NODE_MEMORY
    assert primary.info()["used_memory"] < NODE_MEMORY + 2000
