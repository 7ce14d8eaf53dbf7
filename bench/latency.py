"""How long requests take at a steady rate: sent when they are due, whether or not earlier ones are answered."""

from __future__ import annotations

import asyncio
import statistics
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle
from time import perf_counter

import uvloop

from bench import servers

CLIENTS = 50
RATE = 20_000
_TICK = 0.001
_REQUESTS = (b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\nxxx\r\n")


class _Client(asyncio.Protocol):
    """Notes for each reply how long ago its request was due. Every request here is answered with one or two lines."""

    transport: asyncio.Transport

    def __init__(self, latencies: list[float]) -> None:
        self._latencies = latencies
        self._due: deque[float] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = transport  # type: ignore[assignment]

    def send(self, request: bytes, due: float) -> None:
        """Sends a request."""
        self._due.append(due)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Replies have come; they are too short to come in parts."""
        now = perf_counter()
        for _ in range(data.count(b"+OK\r\n") + data.count(b"$3\r\n")):
            self._latencies.append(now - self._due.popleft())


def run(rounds: int, seconds: float) -> None:
    """Prints percentiles of each server and their ratio."""
    with ExitStack() as stack:
        starters = {"ours": servers.engine, "valkey": servers.valkey}
        ports = {name: servers.free_port() for name in starters}
        for name, start in starters.items():
            stack.enter_context(start(ports[name]))
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ports}
        for _ in range(rounds):
            for name, port in ports.items():
                found[name].append(uvloop.run(_measure(port, seconds)))
    for which, percent in ((0, 50), (1, 99)):
        medians = {name: statistics.median(row[which] for row in rows) * 1000 for name, rows in found.items()}
        ratio = statistics.median(
            ours[which] / real[which] for ours, real in zip(found["ours"], found["valkey"], strict=True)
        )
        print(
            f"{RATE} requests a second from {CLIENTS} clients, nine GETs for each SET: p{percent} {medians['ours']:.2f} ms, "
            f"valkey {medians['valkey']:.2f} ms ({ratio:.1f}x)"
        )


async def _measure(port: int, seconds: float) -> tuple[float, float]:
    """The median and the 99th percentile."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    made = [
        await loop.create_connection(lambda: _Client(latencies), "127.0.0.1", port) for _ in range(CLIENTS)
    ]
    clients = cycle([client for _, client in made])
    made[0][1].send(_REQUESTS[1], perf_counter())
    requests = _mix()
    each = round(RATE * _TICK)
    due = perf_counter() + 0.1
    for _ in range(round(seconds / _TICK)):
        due += _TICK
        while perf_counter() < due:  # timers of the loop, and its clock, count whole milliseconds
            await asyncio.sleep(0)
        for _ in range(each):
            next(clients).send(next(requests), due)
    await asyncio.sleep(0.5)
    for transport, _ in made:
        transport.close()
    ordered = sorted(latencies)
    if len(ordered) < RATE * seconds * 0.99:
        raise RuntimeError(
            f"only {len(ordered)} replies: the machine is too busy for {RATE} requests a second"
        )
    return ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]


def _mix() -> Iterator[bytes]:
    return cycle([_REQUESTS[0]] * 9 + [_REQUESTS[1]])
