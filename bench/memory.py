"""What a small key costs: the growth of the server's memory by a million strings of three bytes."""

from __future__ import annotations

from contextlib import ExitStack

import psutil
from redis import Redis

from bench import servers

_BATCH = 10_000


def run(keys: int) -> None:
    """Prints bytes a key of both servers, and their ratio."""
    starters = {"ours": servers.engine, "valkey": servers.valkey}
    cost = {}
    with ExitStack() as stack:
        for name, start in starters.items():
            port = servers.free_port()
            process = psutil.Process(stack.enter_context(start(port)).pid)
            cost[name] = _grown(process, port, keys) / keys
    print(
        f"{keys} keys of 16 bytes with values of 3: {cost['ours']:.0f} bytes each, valkey {cost['valkey']:.0f} "
        f"({cost['ours'] / cost['valkey']:.1f}x)"
    )


def _grown(process: psutil.Process, port: int, keys: int) -> int:
    before = int(process.memory_info().rss)
    with Redis(port=port, protocol=2) as client:
        for first in range(0, keys, _BATCH):
            pipeline = client.pipeline(transaction=False)
            for number in range(first, min(first + _BATCH, keys)):
                pipeline.set(f"key:{number:012d}", "xxx")
            pipeline.execute()
    return int(process.memory_info().rss) - before
