"""What CloudWatch is told of clusters: https://docs.aws.amazon.com/memorydb/latest/devguide/metrics.memorydb.html"""

from __future__ import annotations

import os
import re
import socket
import ssl
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from localstack_memorydb.engine import ClusterSpec, Engine, EngineSettings, HostFigures, NodeFigures
from localstack_memorydb.engine.figures import figures_of
from localstack_memorydb.engine.stats import Bursts
from localstack_memorydb.engine.usage import host_figures
from localstack_memorydb.provider import MetricsUnavailable
from localstack_memorydb.provider.metrics import METRICS, Meter, Traits
from localstack_memorydb.provider.ports import Scope
from tests.unit.cluster_without_sockets import NOW, start
from tests.world import ACCOUNT, REGION, World, say

PRIMARY, REPLICA = "orders-0001-001", "orders-0001-002"


def values(aws: World, node: str = PRIMARY) -> dict[str, float]:
    """What is new of one node, zeros left out."""
    return {name: value for name, (value,) in aws.measure()[node].items() if value}


def unverified() -> ssl.SSLContext:
    """For clients to whom it does not matter who the server is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(autouse=True)
def cluster(aws: World) -> None:
    """A cluster of one shard with a replica, measured once."""
    aws.create_cluster(EngineVersion="7.1")
    aws.measure()


def test_commands_count_by_family_and_kind_since_the_last_time(aws: World) -> None:
    say(
        aws,
        "SET a 1",
        "GET a",
        "HSET h f 1",
        "HGET h f",
        "LPUSH l x",
        "ZADD z 1 m",
        "XADD s * f 1",
        "PFADD p x",
    )
    say(aws, "SADD set x", "EVAL 'return 1' 0", "DEL a", "PUBLISH c m", "SETBIT b 1 1")
    found = values(aws)
    assert {name: value for name, value in found.items() if name.endswith("Cmds")} == {
        "EvalBasedCmds": 1,
        "GetTypeCmds": 2,
        "HashBasedCmds": 2,
        "HyperLogLogBasedCmds": 1,
        "KeyBasedCmds": 1,
        "ListBasedCmds": 1,
        "PubSubBasedCmds": 1,
        "SetBasedCmds": 1,
        "SetTypeCmds": 9,
        "SortedSetBasedCmds": 1,
        "StreamBasedCmds": 1,
        "StringBasedCmds": 3,
    }
    assert not any(name.endswith("Cmds") for name in values(aws))


def test_lookups_connections_errors_and_traffic(aws: World) -> None:
    say(aws, "SET a 1", "GET a", "GET none", "LPUSH a x", "AUTH nobody wrong")
    found = values(aws)
    names = ("KeyspaceHits", "KeyspaceMisses", "NewConnections", "ErrorCount", "AuthenticationFailures")
    assert [found[name] for name in names] == [1, 1, 1, 2, 1]
    sent = len("SET a 1\r\nGET a\r\nGET none\r\nLPUSH a x\r\nAUTH nobody wrong\r\n")
    assert found["NetworkBytesIn"] == sent
    assert found["NetworkBytesOut"] > 0


def test_what_is_now_is_told_again(aws: World) -> None:
    say(aws, "SET a 1 PX 100000", "SET b 1")
    for _ in range(2):
        found = values(aws)
        assert (found["CurrItems"], found["IsPrimary"]) == (2, 1)
        assert 90_000 < found["DB0AverageTTL"] <= 100_000
        assert found["BytesUsedForMemoryDB"] > 1_000_000
        assert 0 < found["DatabaseMemoryUsagePercentage"] == found["DatabaseCapacityUsagePercentage"] < 1


def test_refusals_by_reason(aws: World) -> None:
    aws(
        "CreateUser",
        UserName="app",
        AccessString="on ~app:* &app:* +get",
        AuthenticationMode={"Type": "password", "Passwords": ["s3cret-and-long-enough"]},
    )
    aws("CreateACL", ACLName="own", UserNames=["app"])
    aws("UpdateCluster", ClusterName="orders", ACLName="own")
    aws.settled_cluster()
    say(aws, "AUTH app s3cret-and-long-enough", "SET app:a 1", "GET other")
    found = values(aws)
    assert (found["CommandAuthorizationFailures"], found["KeyAuthorizationFailures"]) == (1, 1)


def test_a_replica_lags_by_nothing_and_is_no_primary(aws: World) -> None:
    found = aws.measure()
    assert (found[REPLICA]["IsPrimary"], found[REPLICA]["ReplicationLag"]) == ((0,), (0,))
    assert "ReplicationLag" not in found[PRIMARY]
    assert "Evictions" not in found[REPLICA]
    aws("FailoverShard", ClusterName="orders", ShardName="0001")
    assert values(aws, REPLICA)["IsPrimary"] == 1
    assert "IsPrimary" not in values(aws, PRIMARY)


def test_what_expired_is_told_once_of_a_shard_also_across_a_failover(aws: World) -> None:
    say(aws, "SET a 1 PX 1", "SET b 1 PX 1")
    while say(aws, "DBSIZE") != [":0"]:
        pass
    first = sum(aws.measure()[""]["Reclaimed"])
    aws("FailoverShard", ClusterName="orders", ShardName="0001")
    assert first + sum(aws.measure()[""]["Reclaimed"]) == 2


def test_all_nodes_together_are_told_as_the_samples_of_each(aws: World) -> None:
    say(aws, "SET a 1")
    found = aws.measure()
    assert found[""]["CurrItems"] == (1, 1)
    assert sorted(found[""]["IsPrimary"]) == [0, 1]
    assert found[""]["ReplicationLag"] == (0,)
    assert set(found) == {"", PRIMARY, REPLICA}


def test_latencies_are_told_from_valkey_72_on(aws: World) -> None:
    aws.create_cluster("new", Engine="valkey", EngineVersion="7.2", NumReplicasPerShard=0)
    for name in ("orders", "new"):
        say(aws, *["SET a 1"] * 3, *["GET a"] * 3, endpoint=aws.cluster(name)["ClusterEndpoint"])
    latencies = {"SuccessfulReadRequestLatency", "SuccessfulWriteRequestLatency"}
    assert latencies & aws.measure("orders")[PRIMARY].keys() == set()
    say(aws, "SET a 1", "GET a", endpoint=aws.cluster("new")["ClusterEndpoint"])
    found = aws.measure("new")["new-0001-001"]
    assert all(0 < found[name][0] < 1_000_000 for name in latencies)
    assert latencies & aws.measure("new")["new-0001-001"].keys() == set()


def test_counts_that_begin_anew_are_not_negative() -> None:
    meter, seen = Meter(), figures_of(start().shards[0], host_figures(), NOW)[0]
    told = []
    for number in (5, 7, 2):
        told.append(read(meter, replace(seen, connections_received=number))["NewConnections"])
        meter.keep()
    assert told == [5, 2, 2]


def read(meter: Meter, node: NodeFigures, **traits: bool) -> dict[str, float]:
    """What a meter makes of a node; keys of metrics with a tier have its name behind a colon."""
    return {
        ":".join([each.name, *(value for name, value in each.dimensions if name == "Tier")]): each.samples[0]
        for each in meter.read("orders", Traits((7, 1), **traits), [node])
    }


def test_processor_time_is_shared_out_by_what_nodes_do(aws: World) -> None:
    aws.create_cluster("idle", NumReplicasPerShard=0)
    aws.measure()
    aws.metrics.data.clear()
    began = os.times()
    while sum(os.times()[:2]) == sum(began[:2]):  # the system's clock of processor time ticks slowly
        say(aws, "EVAL 'for i = 1, 3000000 do end return 1' 0")
    aws.provider.publish_metrics(aws.now)
    told = {
        dict(each.dimensions).get("NodeName", ""): each.samples[0]
        for each in aws.metrics.data
        if each.name == "EngineCPUUtilization"
    }
    others = told["idle-0001-001"] + told[REPLICA]
    assert 0 < told[PRIMARY] <= 101
    assert 10 * others < told[PRIMARY]
    assert all(each.samples[0] > 0 for each in aws.metrics.data if each.name == "CPUUtilization")


def test_the_processor_is_as_busy_as_its_time_says() -> None:
    host = HostFigures(
        age=100, processor_seconds=50, processors=2, resident_memory=None, available_memory=None, swapped=None
    )
    node = replace(figures_of(start().shards[0], host, NOW)[0], age=50, processor_seconds=5)
    meter = Meter()
    first = read(meter, node)
    meter.keep()
    host = replace(host, age=160, processor_seconds=80)
    second = read(meter, replace(node, host=host, age=110, processor_seconds=50))
    told = [(each["CPUUtilization"], each["EngineCPUUtilization"]) for each in (first, second)]
    assert told == [(25, 10), (25, 75)]


@pytest.mark.parametrize(
    ("limit", "available", "free"),
    [(1000, None, 900), (1000, 5000, 900), (1000, 300, 300), (0, 300, 300), (50, 300, 0)],
)
def test_free_memory_is_what_a_node_may_still_take_as_far_as_the_machine_has_it(
    limit: int, available: int | None, free: int
) -> None:
    host = HostFigures(1, 1, 1, 250, available, swapped=4096)
    node = replace(figures_of(start().shards[0], host, NOW)[0], used_memory=100, maxmemory=limit)
    found = read(Meter(), node)
    assert (found["FreeableMemory"], found["SwapUsage"]) == (free, 4096)
    assert found["MemoryFragmentationRatio"] == 2.5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the packets of a connection")
def test_packets_count_while_a_client_is_connected_and_after_it_is_gone(aws: World) -> None:
    endpoint = aws.cluster()["ClusterEndpoint"]
    address = endpoint["Address"], endpoint["Port"]
    with socket.create_connection(address) as plain, unverified().wrap_socket(plain) as client:
        client.sendall(b"PING\r\n")
        assert client.recv(7) == b"+PONG\r\n"
        during = values(aws)
    assert during["NetworkPacketsIn"] >= 4
    assert during["NetworkPacketsOut"] >= 3
    say(aws, "PING")
    after = values(aws)
    assert 4 <= after["NetworkPacketsIn"] < 40
    assert say(aws, "PING") == ["+PONG"]


def test_the_busiest_second_of_the_last_minute() -> None:
    bursts, total = Bursts(), 0
    for tick in range(0, 100_000, 100):
        total += 500 if 30_000 < tick <= 31_000 else 10 if 90_000 < tick <= 91_000 else 0
        bursts.sample(NOW + tick, total)
        if tick == 80_000:
            assert bursts.most(0) == 5000
    assert bursts.most(0) == 100


def test_bytes_of_the_log_are_those_that_are_replicated(tmp_path: Path) -> None:
    spec = ClusterSpec("orders", replicas=0, storage="orders", tls=False)
    with Engine(EngineSettings(data_dir=tmp_path)) as engine:
        running = engine.create_cluster(spec)
        with socket.create_connection(running.endpoint()) as client:
            client.sendall(b"SET a 1\r\nGET a\r\n")
            assert client.recv(100) == b"+OK\r\n$1\r\n1\r\n"
        (node,) = running.figures()
    assert read(Meter(), node)["ReplicationBytes"] == len(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n")


def test_with_data_tiering_everything_is_in_memory() -> None:
    node = figures_of(start().shards[0], host_figures(), NOW)[0]
    plain, tiered = read(Meter(), node), read(Meter(), node, data_tiering=True)
    assert {name: tiered[name] for name in tiered.keys() - plain.keys()} == {
        "BytesReadFromDisk": 0,
        "BytesUsedForMemoryDB:Memory": node.used_memory,
        "BytesUsedForMemoryDB:SSD": 0,
        "BytesWrittenToDisk": 0,
        "CurrItems:Memory": 0,
        "CurrItems:SSD": 0,
        "NumItemsReadFromDisk": 0,
        "NumItemsWrittenToDisk": 0,
    }


def test_a_member_of_a_multi_region_cluster_does_not_lag(aws: World) -> None:
    made = aws("CreateMultiRegionCluster", MultiRegionClusterNameSuffix="shop", NodeType="db.r7g.xlarge")[
        "MultiRegionCluster"
    ]
    aws.create_cluster(
        "member", MultiRegionClusterName=made["MultiRegionClusterName"], NodeType="db.r7g.xlarge"
    )
    found = aws.measure("member")
    assert found["member-0001-001"]["MultiRegionClusterReplicationLag"] == (0,)
    assert "MultiRegionClusterReplicationLag" not in aws.measure()[PRIMARY]


def test_they_go_to_the_account_and_region_of_the_cluster(aws: World) -> None:
    aws.metrics.scopes.clear()
    aws.measure()
    assert aws.metrics.scopes == [Scope(ACCOUNT, REGION)]
    assert aws.metrics.times[-1] == aws.now


def test_a_cluster_that_is_gone_is_told_of_no_more(aws: World) -> None:
    aws("DeleteCluster", ClusterName="orders")
    assert aws.measure() == {}


def test_what_cloudwatch_did_not_take_is_told_later(aws: World) -> None:
    say(aws, "GET a")
    aws.metrics.working = False
    with pytest.raises(MetricsUnavailable):
        aws.measure()
    aws.metrics.working = True
    say(aws, "GET a")
    assert values(aws)["GetTypeCmds"] == 2


def test_the_page_lists_what_is_told() -> None:
    page = (Path(__file__).parents[2] / "docs" / "events-and-metrics.md").read_text()
    table = page.partition("## Metrics that are told")[2].partition("Not told")[0]
    named = set(re.findall(r"`([A-Z]\w+)`", table)) - {"INFO"}
    assert named == {metric.name for metric in METRICS}
