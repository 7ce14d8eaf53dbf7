"""What CloudWatch is told of clusters: https://docs.aws.amazon.com/memorydb/latest/devguide/metrics.memorydb.html"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from localstack_memorydb.engine.figures import figures_of
from localstack_memorydb.provider import MetricsUnavailable
from localstack_memorydb.provider.metrics import METRICS, Meter
from localstack_memorydb.provider.ports import Scope
from tests.unit.cluster_without_sockets import NOW, start
from tests.world import ACCOUNT, REGION, World, say

PRIMARY, REPLICA = "orders-0001-001", "orders-0001-002"


def values(aws: World, node: str = PRIMARY) -> dict[str, float]:
    """What is new of one node, zeros left out."""
    return {name: value for name, (value,) in aws.measure()[node].items() if value}


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
    meter, seen = Meter(), figures_of(start().shards[0], NOW)[0]
    told = []
    for number in (5, 7, 2):
        data = meter.read("orders", (7, 1), [replace(seen, connections_received=number)])
        meter.keep()
        told += [each.samples for each in data if each.name == "NewConnections" and len(each.dimensions) == 2]
    assert told == [(5,), (2,), (2,)]


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
    latencies = {"SuccessfulReadRequestLatency", "SuccessfulWriteRequestLatency"}
    assert (
        set(re.findall(r"`([A-Z]\w+)`", table)) - {"INFO"} == {metric.name for metric in METRICS} | latencies
    )
