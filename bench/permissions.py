"""What an access string costs: the same requests by a user who may do everything and by one who may not."""

from __future__ import annotations

import shutil
import statistics

from bench.commands import CLIENTS, Load
from localstack_memorydb.engine import ClusterSpec, Engine, UserSpec

TESTS = ("set", "get", "incr", "hset", "ping_mbulk")
OPEN = "on ~* &* +@all"
RESTRICTED = "on ~key:* ~counter:* ~my* resetchannels -@all +@read +@write +@connection"


def run(rounds: int, requests: int) -> None:
    """Prints how much longer a request of the restricted user takes."""
    if shutil.which("redis-benchmark") is None:
        print("redis-benchmark is not installed (Debian: redis-tools): the cost of permissions is skipped")
        return
    spec = ClusterSpec("bench", replicas=0, engine="valkey", engine_version="7.2", tls=False)
    with Engine() as engine:
        handle = engine.create_cluster(spec)
        host, port = handle.endpoint()
        print(f"users with access strings, {CLIENTS} clients, -P 16, median of {rounds} rounds in turn")
        print("test        open/s  restricted/s    takes longer by")
        for test in TESTS:
            load = Load(test, 16, requests, 100_000, host)
            rates: dict[str, list[float]] = {OPEN: [], RESTRICTED: []}
            for _ in range(rounds):
                for access_string, measured in rates.items():
                    handle.set_users([UserSpec("default", access_string, "no-password")])
                    measured.append(load.send(port))
            pairs = zip(rates[OPEN], rates[RESTRICTED], strict=True)
            longer = statistics.median(free / bound - 1 for free, bound in pairs)
            free, bound = (statistics.median(each) for each in rates.values())
            print(f"{test:10}{free:>8.0f}{bound:>14.0f}{longer:>18.1%}", flush=True)
