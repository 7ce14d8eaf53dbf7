"""Search as clients use it: Valkey GLIDE, whose search module was made for MemoryDB, and redis-py's."""

from __future__ import annotations

import ast
import struct
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.cluster import RedisCluster
from redis.commands.search import reducers
from redis.commands.search.aggregation import AggregateRequest, Desc
from redis.commands.search.field import NumericField, TagField, TextField, VectorField
from redis.commands.search.index_definition import IndexDefinition, IndexType
from redis.commands.search.query import Query

from localstack_memorydb.engine import ClusterHandle, ClusterSpec, Engine

from .test_api_clients import BIN, STORIES, require


@pytest.fixture
def cluster(engine: Engine) -> Iterator[ClusterHandle]:
    handle = engine.create_cluster(
        ClusterSpec(
            "search",
            shards=1,
            replicas=1,
            engine="valkey",
            engine_version="7.2",
            tls=False,
            parameters={"search-enabled": "yes"},
        )
    )
    yield handle
    handle.close()


@pytest.fixture
def address(cluster: ClusterHandle) -> tuple[str, int]:
    node = cluster.topology()[0].nodes[0]
    return node.host, node.port


def test_glide(address: tuple[str, int]) -> None:
    """In RESP3, which it speaks unless told otherwise."""
    python = require(BIN / "python")
    if subprocess.run([python, "-c", "import glide"], capture_output=True).returncode:
        require(None)
    host, port = address
    done = subprocess.run(
        [python, str(STORIES / "search_glide.py"), host, str(port)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = dict(map(ast.literal_eval, done.stdout.splitlines()))
    assert (told["create"], told["drop"], told["list"]) == ("OK", "OK", [])
    count, found = told["search"]
    assert count == 2
    assert list(found) == [b"fruit:0", b"fruit:1"]
    assert found[b"fruit:1"][b"__VEC_score"] == b"1"
    assert told["fields"][1][b"fruit:0"] == {b"called": b"n0", b"kind": b"sweet"}
    assert told["aggregate"] == [
        {b"kind": b"sweet", b"n": 2.0, b"sum": 6.0},
        {b"kind": b"sour", b"n": 1.0, b"sum": 2.0},
    ]
    assert told["info"][b"fields"][-1][b"vector_params"][b"dimension"] == 2
    answer, times = told["profile"]
    assert answer == told["search"]
    assert times[b"all.count"] == 2
    assert told["explain"] == b"Field {\n\tprice\n\t0\n\t10\n}"
    assert told["explaincli"] == [b"Field {", b"  price", b"  0", b"  10", b"}"]
    assert told["aliases"] == {b"all": b"fruits"}


@pytest.mark.parametrize("kind", [redis.Redis, RedisCluster])
def test_redis_py(kind: Any, address: tuple[str, int]) -> None:
    """In RESP2: in RESP3 it reads answers as the maps of another product."""
    with kind(host=address[0], port=address[1], protocol=2, decode_responses=False) as client:
        vector = {"TYPE": "FLOAT32", "DIM": 2, "DISTANCE_METRIC": "COSINE"}
        fields = [
            TextField("name"), NumericField("price"), TagField("kind"), VectorField("taste", "FLAT", vector),
        ]  # fmt: skip
        fruits = client.ft("fruits")
        fruits.create_index(fields, definition=IndexDefinition(prefix=["fruit:"], index_type=IndexType.HASH))
        tastes = {"lime": (-1, 0.1), "pear": (0.8, 0.9), "plum": (0.9, 0.8)}
        for name, taste in tastes.items():
            kind_of = "sour" if taste[0] < 0 else "sweet"
            value = {"name": name, "price": len(name), "kind": kind_of, "taste": struct.pack("<2f", *taste)}
            client.hset(f"fruit:{name}", mapping=value)
        query = (
            Query("(@kind:{sweet})=>[KNN 2 @taste $like AS distance]")
            .return_fields("name", "distance")
            .sort_by("distance")
            .dialect(2)
        )
        result = fruits.search(query, {"like": struct.pack("<2f", 1, 0.5)})
        assert (result.total, [document.name for document in result.docs]) == (2, ["plum", "pear"])
        request = (
            AggregateRequest("*")
            .scorer("")  # else it asks for one, which is not in MemoryDB's grammar
            .group_by("@kind", reducers.count().alias("n"), reducers.tolist("@name").alias("names"))
            .sort_by(Desc("@n"))
        )
        rows = fruits.aggregate(request).rows
        assert rows == [
            [b"kind", b"sweet", b"n", b"2", b"names", [b"pear", b"plum"]],
            [b"kind", b"sour", b"n", b"1", b"names", [b"lime"]],
        ]
        assert int(fruits.info()["num_docs"]) == 3
        with pytest.raises(redis.ResponseError, match="Index not found"):
            client.ft("nobody").info()
        fruits.dropindex()
