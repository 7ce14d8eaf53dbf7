"""Clusters with search: what they may look like, that they stay so, and that they serve the commands."""

from __future__ import annotations

import struct
from typing import Any

import pytest
import redis
from redis.commands.search.field import NumericField, TagField, TextField, VectorField
from redis.commands.search.index_definition import IndexDefinition, IndexType
from redis.commands.search.query import Query

from tests.world import World

COMBINATION = "InvalidParameterCombinationException"
SEARCH = {"ParameterGroupName": "default.memorydb-redis7.search", "TLSEnabled": False}


def connect(answer: dict[str, Any]) -> redis.Redis:
    """With RESP2: in RESP3 redis-py reads answers as maps, and MemoryDB answers with lists."""
    endpoint = answer["Shards"][0]["Nodes"][0]["Endpoint"]
    return redis.Redis(host=endpoint["Address"], port=endpoint["Port"], protocol=2)


@pytest.fixture
def movies(aws: World) -> World:
    """An account with a cluster for search, and one film in its index."""
    with connect(aws.create_cluster("movies", **SEARCH)) as client:
        fields = [
            TextField("title"),
            NumericField("year"),
            TagField("genre"),
            VectorField("plot", "HNSW", {"TYPE": "FLOAT32", "DIM": 2, "DISTANCE_METRIC": "COSINE"}),
        ]
        definition = IndexDefinition(prefix=["film:"], index_type=IndexType.HASH)
        client.ft("films").create_index(fields, definition=definition)
        plot = struct.pack("<2f", 1, 2)
        client.hset("film:1", mapping={"title": "Heat", "year": 1995, "genre": "Thriller", "plot": plot})
    return aws


def found(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """The films near a point, with their distances, as redis-py finds them."""
    query = (
        Query("(@genre:{thriller})=>[KNN 3 @plot $vector AS distance]")
        .return_fields("title", "distance")
        .sort_by("distance")
        .paging(0, 3)
        .dialect(2)
    )
    with connect(answer) as client:
        result = client.ft("films").search(query, {"vector": struct.pack("<2f", 2, 4)})
    return [(document.title, document.distance) for document in result.docs]


def test_a_cluster_with_search(movies: World) -> None:
    assert found(movies.cluster("movies")) == [("Heat", "0")]


def test_a_cluster_without_it(aws: World) -> None:
    with (
        connect(aws.create_cluster(TLSEnabled=False)) as client,
        pytest.raises(redis.ResponseError, match="unknown command"),
    ):
        client.execute_command("FT._LIST")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ShardConfiguration": {"ShardCount": 2}}, COMBINATION),
        ({"ParameterGroupName": "default.memorydb-redis7"}, COMBINATION),
        ({"Engine": "valkey", "ParameterGroupName": "default.memorydb-valkey7"}, COMBINATION),
        ({"NodeType": "db.r6gd.xlarge"}, "InvalidParameterValueException"),
    ],
)
def test_a_cluster_with_search_stays_one(movies: World, change: dict[str, Any], code: str) -> None:
    before = movies.cluster("movies")
    assert movies.refusal("UpdateCluster", ClusterName="movies", **change) == code
    assert movies.cluster("movies") == before


@pytest.mark.parametrize(
    "change",
    [
        {"NodeType": "db.t4g.medium"},
        {"Engine": "valkey", "EngineVersion": "7.2"},
        {"ReplicaConfiguration": {"ReplicaCount": 2}},
    ],
)
def test_what_a_cluster_with_search_may_become(movies: World, change: dict[str, Any]) -> None:
    movies("UpdateCluster", ClusterName="movies", **change)
    assert found(movies.settled_cluster("movies")) == [("Heat", "0")]


def test_another_engine_brings_its_own_group_for_search(movies: World) -> None:
    movies("UpdateCluster", ClusterName="movies", Engine="valkey", EngineVersion="7.2")
    assert movies.settled_cluster("movies")["ParameterGroupName"] == "default.memorydb-valkey7.search"


def test_a_group_of_ones_own(aws: World) -> None:
    aws("CreateParameterGroup", ParameterGroupName="mine", Family="memorydb_redis7")
    on = [{"ParameterName": "search-enabled", "ParameterValue": "yes"}]
    aws("UpdateParameterGroup", ParameterGroupName="mine", ParameterNameValues=on)
    answer = aws.create_cluster("films", ParameterGroupName="mine", TLSEnabled=False)
    with connect(answer) as client:
        assert client.execute_command("FT._LIST") == []
    off = [{"ParameterName": "search-enabled", "ParameterValue": "no"}]
    refused = aws.refusal("UpdateParameterGroup", ParameterGroupName="mine", ParameterNameValues=off)
    assert refused == "InvalidParameterGroupStateFault"


def test_members_of_multi_region_clusters_have_no_search(aws: World) -> None:
    aws("CreateMultiRegionCluster", MultiRegionClusterNameSuffix="shop", NodeType="db.r7g.xlarge")
    request = {
        "ClusterName": "orders",
        "NodeType": "db.r7g.xlarge",
        "ACLName": "open-access",
        "MultiRegionClusterName": "ldgnf-shop",
        "ParameterGroupName": "default.memorydb-valkey7.search",
    }
    assert aws.refusal("CreateCluster", **request) == COMBINATION


def test_indexes_come_back_from_a_snapshot(movies: World) -> None:
    movies.create_snapshot("movies", "films")
    copy = movies.create_cluster("copy", SnapshotName="films", **SEARCH)
    assert found(copy) == [("Heat", "0")]


def test_a_snapshot_with_indexes_needs_a_cluster_with_search(movies: World) -> None:
    movies.create_snapshot("movies", "films")
    request = {"ClusterName": "copy", "NodeType": "db.t4g.small", "ACLName": "open-access"}
    movies("CreateCluster", SnapshotName="films", **request)
    movies.finish_work()
    assert movies("DescribeClusters", ClusterName="copy")["Clusters"][0]["Status"] == "restore-failed"
    assert "is not enabled for search" in movies.events()[0]


def test_a_snapshot_without_indexes_may_be_restored_with_search(aws: World) -> None:
    with connect(aws.create_cluster(TLSEnabled=False)) as client:
        client.hset("k", "n", "1")
    aws.create_snapshot()
    with connect(aws.create_cluster("films", SnapshotName="nightly", **SEARCH)) as client:
        client.execute_command("FT.CREATE", "i", "SCHEMA", "n", "NUMERIC")
        assert client.execute_command("FT.SEARCH", "i", "*") == [1, b"k", [b"n", b"1"]]


def test_access_strings_name_the_commands_and_their_category(aws: World) -> None:
    aws(
        "CreateUser",
        UserName="reader",
        AccessString="on %R~film:* -@all +@search -ft.create +ft.info",
        AuthenticationMode={"Type": "password", "Passwords": ["a-password-of-some-length"]},
    )
    assert (
        "+@search -ft.create +ft.info" in aws("DescribeUsers", UserName="reader")["Users"][0]["AccessString"]
    )


def test_cloudwatch_is_told_of_indexes(movies: World) -> None:
    movies.measure("movies")
    found(movies.cluster("movies"))
    told = movies.measure("movies")["movies-0001-001"]
    assert {name: value for name, (value,) in told.items() if name.startswith("Search")} == {
        "SearchBasedCmds": 1,
        "SearchBasedGetCmds": 1,
        "SearchBasedSetCmds": 0,
        "SearchNumberOfIndexes": 1,
        "SearchNumberOfIndexedKeys": 1,
        "SearchTotalIndexSize": told["SearchTotalIndexSize"][0],
    }
    assert told["SearchTotalIndexSize"][0] > 0
    movies.create_cluster()
    assert not {"SearchNumberOfIndexes", "SearchTotalIndexSize"} & movies.measure()["orders-0001-001"].keys()
