"""A cluster without sockets, and clients that speak to it in inline commands at a time that the test holds."""

from __future__ import annotations

from random import Random

from localstack_memorydb.engine.cluster import Cluster, Node
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.spec import ClusterSpec

NOW = 1_700_000_000_000


class Client:
    """A client of one node. `said` is what the node sent without being asked; `closed` is whether it hung up."""

    def __init__(self, node: Node) -> None:
        self.session: Session = node.connect("127.0.0.1:50000", NOW)
        self.said = b""
        self.session.sink = self._hear
        self.session.hang_up = self._close
        self.closed = False

    def _hear(self, data: bytes) -> None:
        self.said += data

    def _close(self) -> None:
        self.closed = True

    def __call__(self, line: str | bytes, now: int = NOW) -> bytes:
        """Sends an inline command; returns the bytes of the immediate reply."""
        data = line.encode() if isinstance(line, str) else line
        return self.session.receive(data + b"\r\n", now)

    def heard(self) -> bytes:
        """What was said since the last time."""
        said, self.said = self.said, b""
        return said


def start(
    shards: int = 1,
    replicas: int = 0,
    version: str = "7.2",
    maxmemory: int = 0,
    unrestricted: bool = False,
    **parameters: str,
) -> Cluster:
    """A cluster whose nodes pretend to listen on 10.0.0.x:6379; parameters with underscores."""
    given = {name.replace("_", "-"): value for name, value in parameters.items()}
    spec = ClusterSpec(
        "test",
        shards,
        replicas,
        engine_version=version,
        maxmemory=maxmemory,
        parameters=given,
        unrestricted=unrestricted,
    )
    cluster = Cluster(spec, Random(7), NOW)
    for number, node in enumerate(cluster.nodes(), 1):
        node.host, node.port = f"10.0.0.{number}", 6379
    return cluster
