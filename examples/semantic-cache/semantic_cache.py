"""A semantic cache: answers of a language model are kept, and given again when somebody asks nearly the same."""

from __future__ import annotations

import argparse
import math
import re
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import boto3
from redis import Redis
from redis.commands.search.field import TagField, TextField, VectorField
from redis.commands.search.index_definition import IndexDefinition, IndexType
from redis.commands.search.query import Query

NAME = "semantic-cache"
DIMENSIONS = 256
NEAR = 0.35  # of the cosine distance: 0 is the same direction, 1 a right angle
HOUR = 3600


def embed(text: str) -> bytes:
    """A stand-in for an embedding model: counts pieces of words, so that like questions have like vectors."""
    numbers = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        for piece in re.findall(r"(?=(...))", f" {word} "):
            numbers[zlib.crc32(piece.encode()) % DIMENSIONS] += 1.0
    length = math.hypot(*numbers) or 1.0
    return struct.pack(f"<{DIMENSIONS}f", *(number / length for number in numbers))


class SemanticCache:
    """Answers by the meaning of their question, each for one tenant and one hour."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._index = redis.ft("answers")

    def create(self) -> None:
        vector = {"TYPE": "FLOAT32", "DIM": DIMENSIONS, "DISTANCE_METRIC": "COSINE"}
        self._index.create_index(
            [TextField("answer"), TagField("tenant"), VectorField("question", "HNSW", vector)],
            definition=IndexDefinition(prefix=["answer:"], index_type=IndexType.HASH),
        )

    def ask(self, tenant: str, question: str, model: Callable[[str], str]) -> str:
        query = (
            Query("(@tenant:{$tenant})=>[KNN 1 @question $vector AS distance]")
            .return_fields("answer", "distance")
            .dialect(2)
        )
        vector = embed(question)
        found = self._index.search(query, {"tenant": tenant, "vector": vector}).docs
        if found and float(found[0].distance) < NEAR:
            return f"{found[0].answer} (from the cache)"
        answer = model(question)
        key = f"answer:{tenant}:{zlib.crc32(question.encode()):08x}"
        self._redis.hset(key, mapping={"answer": answer, "tenant": tenant, "question": vector})
        self._redis.expire(key, HOUR)
        return answer


def model(question: str) -> str:
    """A stand-in for a language model, which would take seconds and cost money."""
    return f"the model's answer to {question!r}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint-url", default="http://127.0.0.1:4566")
    url = parser.parse_args().endpoint_url
    memorydb: Any = boto3.client(
        "memorydb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    memorydb.create_cluster(
        ClusterName=NAME,
        NodeType="db.t4g.small",
        ACLName="open-access",
        ParameterGroupName="default.memorydb-redis7.search",
        NumReplicasPerShard=0,
    )
    try:
        while (cluster := memorydb.describe_clusters(ClusterName=NAME)["Clusters"][0])[
            "Status"
        ] != "available":
            time.sleep(0.1)
        endpoint = cluster["ClusterEndpoint"]
        certificate = urlopen(f"{url}/_memorydb/ca.pem").read().decode()
        with Redis(
            host=endpoint["Address"], port=endpoint["Port"], ssl=True, ssl_ca_data=certificate, protocol=2
        ) as redis:
            cache = SemanticCache(redis)
            cache.create()
            for tenant, question in (
                ("shop", "How do I reset my password?"),
                ("shop", "How can I reset my password"),
                ("shop", "Where is my parcel?"),
                ("bank", "How do I reset my password?"),
            ):
                print(f"{tenant}: {question}\n  {cache.ask(tenant, question, model)}")
    finally:
        memorydb.delete_cluster(ClusterName=NAME)


if __name__ == "__main__":
    main()
