"""What an access string costs: the same requests by a user who may do everything and by one who may not."""

from __future__ import annotations

import shutil
import statistics
import time

from bench.commands import CLIENTS, Load
from localstack_memorydb.engine import ClusterSpec, Engine, UserSpec

TESTS = ("set", "get", "incr", "hset", "zadd", "exists", "eval_get", "ping_mbulk")
OPEN = "on ~* &* +@all"
RESTRICTED = "on ~key:* ~counter:* ~my* resetchannels -@all +@read +@write +@connection +@scripting"


def run(rounds: int, requests: int) -> None:
    """Prints how much longer a request of the restricted user keeps a processor busy, whatever else the machine does."""
    if shutil.which("redis-benchmark") is None:
        print("redis-benchmark is not installed (Debian: redis-tools): the cost of permissions is skipped")
        return
    spec = ClusterSpec("bench", replicas=0, engine="valkey", engine_version="7.2", tls=False)
    with Engine() as engine:
        handle = engine.create_cluster(spec)
        host, port = handle.endpoint()
        print(
            f"users with access strings, {CLIENTS} clients, -P 16, processor time, median of {rounds} rounds"
        )
        print("test          open us  restricted us    takes longer by")
        for test in TESTS:
            load = Load(test, 16, requests, 100_000, host)
            spent: dict[str, list[float]] = {OPEN: [], RESTRICTED: []}
            for _ in range(rounds):
                for access_string, measured in spent.items():
                    handle.set_users([UserSpec("default", access_string, "no-password")])
                    began = time.process_time()
                    load.send(port)
                    measured.append((time.process_time() - began) / requests * 1e6)
            pairs = zip(spent[OPEN], spent[RESTRICTED], strict=True)
            longer = statistics.median(bound / free - 1 for free, bound in pairs)
            free, bound = (statistics.median(each) for each in spent.values())
            print(f"{test:12}{free:>9.2f}{bound:>15.2f}{longer:>19.1%}", flush=True)
