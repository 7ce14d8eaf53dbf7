"""redis-benchmark against ours, a real valkey-server and fakeredis, in turn, so that the machine's moods hit all alike."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from bench import servers

TESTS = ("set", "get", "incr", "lpush", "hset", "sadd", "zadd")
CLIENTS = 50
_RATE = re.compile(r"([\d.]+) requests per second")


@dataclass
class Row:
    """Requests per second and processor microseconds per request of each server, one entry a round."""

    rates: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def ratio(self, server: str) -> float:
        """Ours divided by the other server's, the median of the rounds."""
        pairs = zip(self.rates["ours"], self.rates[server], strict=True)
        return statistics.median(ours / other for ours, other in pairs)


@dataclass(frozen=True)
class Load:
    """What one run sends."""

    test: str
    pipeline: int
    requests: int
    keys: int = 1
    host: str = "127.0.0.1"

    def send(self, port: int) -> float:
        """Requests per second of one run."""
        line = (
            f"redis-benchmark -q -h {self.host} -p {port} -n {self.requests} -c {CLIENTS} -P {self.pipeline} "
            f"-t {self.test}"
        )
        if self.keys > 1:
            line += f" -r {self.keys}"
        done = subprocess.run(line.split(), capture_output=True, text=True, check=True)
        return float(_RATE.findall(done.stdout.replace("\r", "\n"))[-1])


def run(rounds: int, requests: int) -> None:
    """Prints the table."""
    if shutil.which("redis-benchmark") is None:
        print("redis-benchmark is not installed (Debian: redis-tools): command ratios are skipped")
        return
    starters = {"ours": servers.engine, "valkey": servers.valkey, "fakeredis": servers.fakeredis}
    with ExitStack() as stack:
        ports = {name: servers.free_port() for name in starters}
        processes = {name: stack.enter_context(start(ports[name])) for name, start in starters.items()}
        print(f"redis-benchmark, {CLIENTS} clients, no TLS, median of {rounds} rounds in turn")
        print("test       keys   P    ours/s   valkey/s  ratio  CPU us  v. CPU us  / fakeredis")
        for keys, pipeline in ((1, 1), (1, 16), (100_000, 1), (100_000, 16)):
            for test in TESTS:
                load = Load(test, pipeline, requests if pipeline == 1 else requests * 4, keys)
                _print(load, _measure(load, ports, processes, rounds))


def _measure(load: Load, ports: dict[str, int], processes: dict[str, servers.Process], rounds: int) -> Row:
    row = Row()
    for _ in range(rounds):
        for server, port in ports.items():
            slow = server == "fakeredis"
            if slow and (load.pipeline > 1 or load.keys > 1):
                continue
            sent = replace(load, requests=load.requests // 10 if slow else load.requests)
            before = servers.cpu_seconds(processes[server])
            row.rates.setdefault(server, []).append(sent.send(port))
            used = servers.cpu_seconds(processes[server]) - before
            row.cpu.setdefault(server, []).append(used / sent.requests * 1e6)
    return row


def _print(load: Load, row: Row) -> None:
    rate = {server: statistics.median(rates) for server, rates in row.rates.items()}
    cpu = {server: statistics.median(costs) for server, costs in row.cpu.items()}
    fake = f"{row.ratio('fakeredis'):12.1f}x" if "fakeredis" in rate else ""
    print(
        f"{load.test:7}{load.keys:>8}{load.pipeline:>4}{rate['ours']:>10.0f}{rate['valkey']:>11.0f}{row.ratio('valkey'):>6.2f}x"
        f"{cpu['ours']:>8.1f}{cpu['valkey']:>11.1f}{fake}",
        flush=True,
    )
