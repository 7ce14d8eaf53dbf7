"""A client of clusters with search."""

from __future__ import annotations

import struct
from typing import Any

import hiredis

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.resp import encode_request
from tests.unit.cluster_without_sockets import NOW, Client

VECTOR = "VECTOR {} 6 TYPE FLOAT32 DIM {} DISTANCE_METRIC {}"


def floats(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


class Searcher:
    """A client that sends words and bytes, and gets Python values; errors as their texts."""

    def __init__(self, cluster: Cluster, node: int = 0) -> None:
        self.cluster = cluster
        self.client = Client(cluster.shards[0].nodes[node])

    def __call__(self, line: str, *more: bytes, now: int = NOW) -> Any:
        argv = [word.encode() for word in line.split()] + list(more)
        return self.send(*argv, now=now)

    def send(self, *argv: bytes, now: int = NOW) -> Any:
        reader = hiredis.Reader()
        reader.feed(self.client.session.receive(encode_request(list(argv)), now))
        reply = reader.gets()
        return str(reply) if isinstance(reply, Exception) else reply

    def query(self, index: str, query: str, *more: bytes | str, now: int = NOW) -> Any:
        words = [word.encode() if isinstance(word, str) else word for word in more]
        return self.send(b"FT.SEARCH", index.encode(), query.encode(), *words, now=now)

    def keys(self, index: str, query: str, *more: bytes | str, now: int = NOW) -> list[str]:
        """The names of the keys that are found."""
        reply = self.query(index, query, *more, now=now)
        assert isinstance(reply, list), reply
        return [key.decode() for key in reply[1::2]]

    def nearest(self, index: str, count: int, *numbers: float, among: str = "*") -> list[tuple[str, str]]:
        """Keys and distances of a KNN query on the field `v`."""
        limit = ("LIMIT", "0", str(count))
        query = f"{among}=>[KNN {count} @v $q AS d]"
        reply = self.query(index, query, "PARAMS", "2", "q", floats(*numbers), "RETURN", "1", "d", *limit)
        return [
            (key.decode(), fields[1].decode()) for key, fields in zip(reply[1::2], reply[2::2], strict=True)
        ]
