"""redis-benchmark against ours, a real server and fakeredis, in turn, so that the machine's moods hit all alike."""

from __future__ import annotations

import re
import shlex
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from redis import Redis

from bench import servers

CLIENTS = 50
KEYS = 100_000
_RATE = re.compile(r"([\d.]+) requests per second")

DEFAULT_TESTS = (
    "ping_inline ping_mbulk set get incr lpush rpush lpop rpop sadd hset spop zadd zpopmin "
    "lrange_100 lrange_300 lrange_500 lrange_600 mset"
).split()
MORE_TESTS = ("xadd", "eval", "mix")
_COMMANDS = {
    "xadd": "XADD mystream * field value",
    "eval": "EVAL 'return 1' 0",
    "eval_get": "EVAL \"return redis.call('GET', KEYS[1])\" 1 key:__rand_int__",
    "exists": "EXISTS key:{a}1 key:{a}2 key:{a}3",
    **{f"lrange_{count}": f"LRANGE mylist 0 {count - 1}" for count in (100, 300, 500, 600)},
}
"""Tests that redis-benchmark does not know, or that it mixes with another (LRANGE with the LPUSH before it)."""


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
    """What one run sends. `keys` above 1 takes random ones; `mix` is nine GETs for each SET, by clients at the same time."""

    test: str
    pipeline: int
    requests: int
    keys: int = 1
    host: str = "127.0.0.1"
    tls: bool = False

    def send(self, port: int) -> float:
        """Requests per second of one run."""
        if self.test == "mix":
            return self._together(
                port,
                [
                    ("get", CLIENTS * 9 // 10, self.requests * 9 // 10),
                    ("set", CLIENTS // 10, self.requests // 10),
                ],
            )
        return self._together(port, [(self.test, CLIENTS, self.requests)])

    def _together(self, port: int, parts: Sequence[tuple[str, int, int]]) -> float:
        """Several clients' parts at once; the slowest says how long it took."""
        running = [
            (
                requests,
                subprocess.Popen(
                    self._line(port, test, clients, requests),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                ),
            )
            for test, clients, requests in parts
        ]
        seconds = []
        for requests, process in running:
            said, _ = process.communicate()
            if process.returncode:
                raise RuntimeError(said)
            seconds.append(requests / float(_RATE.findall(said.replace("\r", "\n"))[-1]))
        return sum(requests for requests, _ in running) / max(seconds)

    def _line(self, port: int, test: str, clients: int, requests: int) -> list[str]:
        line = f"redis-benchmark -q -h {self.host} -p {port} -n {requests} -c {clients} -P {self.pipeline}"
        if self.tls:
            line += " --tls --insecure"
        if self.keys > 1:
            line += f" -r {self.keys}"
        return shlex.split(f"{line} {_COMMANDS[test]}" if test in _COMMANDS else f"{line} -t {test}")


def run(rounds: int, requests: int, tests: Sequence[str] = ()) -> None:
    """Prints the tables: without TLS beside valkey-server, with TLS beside redis-server."""
    chosen = tests or (*DEFAULT_TESTS, *MORE_TESTS)
    known = {*DEFAULT_TESTS, *MORE_TESTS, *_COMMANDS}
    for test in chosen:
        if test not in known:
            raise SystemExit(f"no such test: {test} (there are: {', '.join(sorted(known))})")
    if shutil.which("redis-benchmark") is None:
        print("redis-benchmark is not installed (Debian: redis-tools): command ratios are skipped")
        return
    _Comparison(
        "valkey", {"ours": servers.engine, "valkey": servers.valkey, "fakeredis": servers.fakeredis}
    ).run(chosen, rounds, requests)
    if shutil.which("redis-server") is None:
        print("redis-server is not installed (Debian: redis-server): ratios with TLS are skipped")
        return
    _Comparison("redis", {"ours": servers.engine_with_tls, "redis": servers.redis_with_tls}, tls=True).run(
        chosen, rounds, requests
    )


@dataclass(frozen=True)
class _Comparison:
    real: str
    starters: dict[str, servers.Starter]
    tls: bool = False

    def run(self, tests: Sequence[str], rounds: int, requests: int) -> None:
        with ExitStack() as stack:
            ports = {name: servers.free_port() for name in self.starters}
            processes = {
                name: stack.enter_context(start(ports[name])) for name, start in self.starters.items()
            }
            print(
                f"redis-benchmark, {CLIENTS} clients, {'TLS' if self.tls else 'no TLS'}, median of {rounds} rounds in turn"
            )
            print(
                f"test            keys   P    ours/s {self.real:>8}/s  ratio  CPU us  its CPU us  / fakeredis"
            )
            for keys, pipeline in ((1, 1), (1, 16), (KEYS, 16)):
                rows = []
                for test in tests:
                    if test == "mset" and keys > 1:  # its random keys live in different slots
                        continue
                    load = Load(
                        test, pipeline, requests if pipeline == 1 else requests * 4, keys, tls=self.tls
                    )
                    rows.append(_measure(load, ports, processes, rounds))
                    self._print(load, rows[-1])
                self._summary(rows)

    def _summary(self, rows: list[Row]) -> None:
        ratios = [row.ratio(self.real) for row in rows]
        text = f"median {statistics.median(ratios):.2f}x, least {min(ratios):.2f}x of {self.real}"
        fake = [row.ratio("fakeredis") for row in rows if "fakeredis" in row.rates]
        if fake:
            text += f"; median {statistics.median(fake):.1f}x of fakeredis"
        print(text, flush=True)

    def _print(self, load: Load, row: Row) -> None:
        rate = {server: statistics.median(rates) for server, rates in row.rates.items()}
        cpu = {server: statistics.median(costs) for server, costs in row.cpu.items()}
        fake = f"{row.ratio('fakeredis'):12.1f}x" if "fakeredis" in rate else ""
        print(
            f"{load.test:12}{load.keys:>8}{load.pipeline:>4}{rate['ours']:>10.0f}{rate[self.real]:>11.0f}"
            f"{row.ratio(self.real):>6.2f}x{cpu['ours']:>8.1f}{cpu[self.real]:>12.1f}{fake}",
            flush=True,
        )


def _prepare(test: str, port: int, *, tls: bool) -> None:
    """Nothing of the tests before is left; lists that are read are there."""
    with Redis(port=port, ssl=tls, ssl_cert_reqs="none", protocol=2) as client:
        client.flushall()
        if test.startswith("lrange"):
            client.rpush("mylist", *["xxx"] * 600)


def _measure(load: Load, ports: dict[str, int], processes: dict[str, servers.Process], rounds: int) -> Row:
    row = Row()
    for _ in range(rounds):
        for server, port in ports.items():
            slow = server == "fakeredis"
            if slow and (
                load.pipeline > 1 or load.keys > 1 or load.test == "ping_inline"
            ):  # it knows no inline commands
                continue
            _prepare(load.test, port, tls=load.tls)
            sent = Load(
                load.test,
                load.pipeline,
                load.requests // 10 if slow else load.requests,
                load.keys,
                tls=load.tls,
            )
            before = servers.cpu_seconds(processes[server])
            row.rates.setdefault(server, []).append(sent.send(port))
            used = servers.cpu_seconds(processes[server]) - before
            row.cpu.setdefault(server, []).append(used / sent.requests * 1e6)
    return row
