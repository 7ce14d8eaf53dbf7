"""What the clients of a node take together, and who goes when that is more than `maxmemory-clients`.

https://valkey.io/topics/clients/#client-eviction Those that take about the most go first, in the order in which they came. MemoryDB has no
such limit; an unrestricted engine has it when CONFIG SET says so. Of the process's own limit see engine/client_memory.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from localstack_memorydb.engine.clients import sizes_of

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Cluster, Node
    from localstack_memorydb.engine.session import Session

_SMALLEST, _LARGEST = 15, 33  # logarithms: what is smaller or larger is in the first bucket, or the last
_LEAST: Final = 128 << 10


class Held(Protocol):
    """A connection that can be cut."""

    def evict(self) -> None:
        """Disconnects the client at once, for the sake of memory."""


class ClientLimit:
    """Sees to it that the clients of a node keep the limit.

    Whoever notes that one takes more calls `ask`: it is looked at as soon as what happens now is over, which `soon` knows. `connections` are
    those of the clients by number.
    """

    def __init__(self, node: Node) -> None:
        self.connections: dict[int, Held] = {}
        self.soon: Callable[[Callable[[], None]], object] = lambda _: None
        self._node = node
        self._asked = False

    def ask(self) -> None:
        """Has clients disconnected that take too much."""
        if not self._asked:
            self._asked = True
            self.soon(self.look)

    def look(self) -> None:
        """Disconnects clients until the others are within the limit, or only those are left that asked to be spared."""
        self._asked, now = False, self._node.cluster.microseconds() // 1000
        limit = client_limit(self._node.cluster)
        if not limit:
            return
        sizes = _taken(self._node, now)
        total = sum(sizes.values())
        if total < limit:
            return
        candidates = [session for session in sizes if not session.no_evict]
        for session in sorted(candidates, key=lambda each: -_bucket(sizes[each])):
            connection = self.connections.get(session.number)
            session.disconnect()
            if connection is not None:
                connection.evict()
            total -= sizes[session]
            if total < limit:
                return


def client_limit(cluster: Cluster) -> int:
    """How many bytes the clients of a node may take together; 0 when they may take any."""
    text = cluster.switches.directives.get("maxmemory-clients", "0")
    percent = text.removesuffix("%")
    limit = int(text) if percent == text else cluster.spec.maxmemory * int(percent) // 100
    return max(limit, _LEAST) if limit else 0


def _bucket(size: int) -> int:
    return min(max(size.bit_length(), _SMALLEST), _LARGEST) - _SMALLEST


def _taken(node: Node, now: int) -> dict[Session, int]:
    """What each client takes. Those that watch the node as MONITOR does count as replicas, which have another limit."""
    sessions = [session for session in node.sessions.values() if session not in node.monitors]
    return {session: sizes_of(session, now).total for session in sessions}


def buckets(node: Node, now: int) -> str:
    """How many clients there are of each size, as DEBUG CLIENT-EVICTION shows it."""
    count = _LARGEST - _SMALLEST + 1
    sizes, clients = [0] * count, [0] * count
    for session, size in _taken(node, now).items():
        if not session.no_evict:
            sizes[_bucket(size)] += size
            clients[_bucket(size)] += 1
    lines = []
    for place in range(count):
        low = 0 if place == 0 else 1 << (place - 1 + _SMALLEST)
        high = "+            : " if place == count - 1 else f" - {(1 << (place + _SMALLEST)) - 1:10}: "
        lines.append(f"bucket {low:10}{high}tot-mem: {sizes[place]:10}, clients: {clients[place]}\n")
    return "".join(lines)
