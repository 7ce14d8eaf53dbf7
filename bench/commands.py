"""redis-benchmark against ours, a real valkey-server and fakeredis, in turn, so that the machine's moods hit all alike."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench import servers

TESTS = {
    "SET": ["SET", "key:__rand_int__", "xxx"],
    "GET": ["GET", "key:__rand_int__"],
    "INCR": ["INCR", "counter:__rand_int__"],
    "LPUSH": ["LPUSH", "mylist", "xxx"],
    "HSET": ["HSET", "myhash", "element:__rand_int__", "xxx"],
    "SADD": ["SADD", "myset", "element:__rand_int__"],
    "ZADD": ["ZADD", "myzset", "0", "element:__rand_int__"],
}
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


def redis_benchmark(port: int, command: list[str], requests: int, pipeline: int) -> float:
    """Requests per second of one run."""
    line = [
        "redis-benchmark",
        "-p",
        str(port),
        "-n",
        str(requests),
        "-c",
        str(CLIENTS),
        "-P",
        str(pipeline),
        "-q",
    ]
    done = subprocess.run([*line, *command], capture_output=True, text=True, check=True)
    return float(_RATE.findall(done.stdout.replace("\r", "\n"))[-1])


def run(rounds: int, requests: int) -> None:
    """Prints the table."""
    if shutil.which("redis-benchmark") is None:
        print("redis-benchmark is not installed (Debian: redis-tools): command ratios are skipped")
        return
    ports = {name: servers.free_port() for name in ("ours", "valkey", "fakeredis")}
    with ExitStack() as stack:
        processes = {
            "ours": stack.enter_context(servers.engine(ports["ours"])),
            "valkey": stack.enter_context(servers.valkey(ports["valkey"])),
            "fakeredis": stack.enter_context(servers.fakeredis(ports["fakeredis"])),
        }
        print(f"redis-benchmark, {CLIENTS} clients, no TLS, median of {rounds} rounds in turn")
        print(
            f"{'test':7}{'P':>3}{'ours/s':>10}{'valkey/s':>11}{'ratio':>7}{'CPU us':>8}{'v. CPU us':>11}{'/ fakeredis':>13}"
        )
        for pipeline in (1, 16):
            for name, command in TESTS.items():
                row = _measure(
                    command, ports, processes, rounds, requests * (4 if pipeline > 1 else 1), pipeline
                )
                _print(name, pipeline, row)


def _measure(
    command: list[str], ports: dict[str, int], processes: dict, rounds: int, requests: int, pipeline: int
) -> Row:
    row = Row()
    for _ in range(rounds):
        for server, port in ports.items():
            if server == "fakeredis" and pipeline > 1:
                continue
            count = requests // 10 if server == "fakeredis" else requests
            before = servers.cpu_seconds(processes[server])
            row.rates.setdefault(server, []).append(redis_benchmark(port, command, count, pipeline))
            used = servers.cpu_seconds(processes[server]) - before
            row.cpu.setdefault(server, []).append(used / count * 1e6)
    return row


def _print(name: str, pipeline: int, row: Row) -> None:
    rate = {server: statistics.median(rates) for server, rates in row.rates.items()}
    cpu = {server: statistics.median(costs) for server, costs in row.cpu.items()}
    fake = f"{row.ratio('fakeredis'):12.1f}x" if "fakeredis" in rate else ""
    print(
        f"{name:7}{pipeline:>3}{rate['ours']:>10.0f}{rate['valkey']:>11.0f}{row.ratio('valkey'):>6.2f}x"
        f"{cpu['ours']:>8.1f}{cpu['valkey']:>11.1f}{fake}",
        flush=True,
    )
