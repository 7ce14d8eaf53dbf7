"""redis-py's client for JSON, over TLS, with either protocol; and documents in a snapshot from which a cluster is made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from redis.cluster import RedisCluster
from redis.commands.json.path import Path
from redis.exceptions import ResponseError

from localstack_memorydb.engine import ClusterHandle, ClusterSpec, Engine

PERSON = {
    "firstName": "John",
    "age": 27,
    "weight": 135.25,
    "isAlive": True,
    "address": {"city": "New York", "zip": None},
    "phoneNumbers": [{"type": "home", "number": "212"}, {"type": "office", "number": "646"}],
    "children": [],
}


def parsed(reply: Any) -> Any:
    """redis-py reads the text of numbers with RESP2 only."""
    return json.loads(reply) if isinstance(reply, str) else reply


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def client(request: pytest.FixtureRequest, cluster: ClusterHandle, ca: str) -> Iterator[Any]:
    host, port = cluster.endpoint()
    options: dict[str, Any] = {"ssl": True, "ssl_ca_certs": ca, "protocol": request.param}
    with RedisCluster(host, port, decode_responses=True, **options) as connected:
        yield connected


def test_documents_and_paths(client: Any) -> None:
    documents = client.json()
    assert documents.set("person", Path.root_path(), PERSON)
    assert documents.get("person") == PERSON
    assert documents.get("person", "$..number") == ["212", "646"]
    assert documents.get("person", ".address.city") == "New York"
    assert documents.get("person", ".age", ".weight") == {".age": 27, ".weight": 135.25}
    assert documents.set("person", "$.nick", "J", nx=True)
    assert documents.set("person", "$.nick", "K", nx=True) is None
    assert documents.set("person", "$.none", "K", xx=True) is None
    assert documents.delete("person", "$..type") == 2
    assert documents.forget("person", ".nick") == 1
    assert documents.get("nobody") is None
    assert client.type("person") == "ReJSON-RL"
    with pytest.raises(ResponseError, match="NONEXISTENT JSON path does not exist"):
        documents.get("person", ".nick")


def test_several_documents_of_one_slot(client: Any) -> None:
    documents = client.json()
    documents.set("{all}1", "$", {"a": 1})
    documents.set("{all}2", "$", {"a": [2]})
    assert documents.mget(["{all}1", "{all}2", "{all}3"], "$.a") == [[1], [[2]], None]


def test_elements(client: Any) -> None:
    documents = client.json()
    documents.set("k", "$", {"n": 1, "f": 1.5, "s": "a", "b": True, "l": [1, 2], "o": {"x": 1}})
    assert parsed(documents.numincrby("k", "$.n", 2)) == [3]
    assert parsed(client.execute_command("JSON.NUMMULTBY", "k", "$.f", 2)) == [3]
    assert documents.strappend("k", "bc", "$.s") == [3]
    assert documents.strlen("k", "$.s") == [3]
    assert documents.toggle("k", "$.b") == [False]
    assert documents.arrappend("k", "$.l", 3, {"y": 4}) == [4]
    assert documents.arrinsert("k", "$.l", 0, 0) == [5]
    assert documents.arrindex("k", "$.l", 3) == [3]
    assert documents.arrpop("k", "$.l") == ['{"y":4}']
    assert documents.arrtrim("k", "$.l", 1, 2) == [2]
    assert documents.arrlen("k", "$.l") == [2]
    assert documents.objkeys("k", "$.o") == [["x"]]
    assert documents.objlen("k", "$") == [6]
    assert documents.clear("k", "$.l") == 1
    assert documents.get("k") == {"n": 3, "f": 3, "s": "abc", "b": False, "l": [], "o": {"x": 1}}
    assert documents.debug("MEMORY", "k") > 24
    assert documents.resp("k", "$.o") == [["{", ["x", 1]]]


def test_types(client: Any) -> None:
    documents = client.json()
    documents.set("k", "$", [1, 1.5, "x", True, None, {}, []])
    names = ["integer", "number", "string", "boolean", "null", "object", "array"]
    found = documents.type("k", "$[*]")
    assert (found[0] if isinstance(found[0], list) else found) == names


def test_pipelines(client: Any) -> None:
    with client.pipeline() as pipeline:
        pipeline.execute_command("JSON.SET", "k", ".", '{"n":1}')
        pipeline.execute_command("JSON.NUMINCRBY", "k", ".n", 1)
        pipeline.execute_command("JSON.ARRLEN", "k", "$.*")
        assert [str(reply) for reply in pipeline.execute()] == ["OK", "2", "[None]"]


def test_a_cluster_from_a_snapshot_has_the_documents(
    client: Any, engine: Engine, cluster: ClusterHandle, ca: str
) -> None:
    for number in range(20):
        client.json().set(f"person:{number}", "$", PERSON | {"age": number})
    restored = engine.create_cluster(
        ClusterSpec("restored", shards=1, replicas=0, engine="valkey", engine_version="7.2")
    )
    try:
        assert restored.load([shard.data for shard in cluster.snapshot()]) == 20
        with RedisCluster(*restored.endpoint(), decode_responses=True, ssl=True, ssl_ca_certs=ca) as other:
            assert other.json().get("person:7") == PERSON | {"age": 7}
    finally:
        restored.close()
