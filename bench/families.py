"""What single commands cost: the same requests in pipelines to ours and to a real Valkey, and how many times its processor time.

The rate of a busy client says little about a command that works long; here only the servers' processor time counts.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import hiredis

from bench import servers
from bench.workloads import CURSOR, WORKLOADS, Request, Workload

MARK = b"the end of a batch"
DEEPEST = 100
BATCH_SECONDS = 0.01


def run(seconds: float, names: Sequence[str] = ()) -> None:
    """Prints the workloads, the worst ratio first."""
    chosen = [each for each in WORKLOADS if not names or any(name in each.name for name in names)]
    if not chosen:
        raise SystemExit(f"no workload has {' or '.join(names)} in its name")
    starters = {"ours": servers.unrestricted_engine, "valkey": servers.valkey}
    rows = []
    with ExitStack() as stack:
        ports = {name: servers.free_port() for name in starters}
        players = {
            name: _Player(ports[name], stack.enter_context(start(ports[name])), seconds)
            for name, start in starters.items()
        }
        for workload in chosen:
            with ExitStack() as prepared:
                for player in players.values():
                    prepared.enter_context(player.prepared(workload))
                whole = players["ours"].complete(workload)
                rounds = players["valkey"].deep(whole)
                cost = {name: player.play(whole, rounds) for name, player in players.items()}
            rows.append((cost["ours"] / cost["valkey"], workload.name, cost))
    print("workload                                              times     us  its us")
    for ratio, name, cost in sorted(rows, reverse=True):
        print(f"{name:52}{ratio:>7.1f}{cost['ours'] * 1e6:>9.1f}{cost['valkey'] * 1e6:>9.1f}", flush=True)


class _Player:
    """Sends workloads to one server and looks how long it works for them."""

    def __init__(self, port: int, process: servers.Process, seconds: float) -> None:
        self._address, self._process, self._seconds = ("127.0.0.1", port), process, seconds

    @contextmanager
    def prepared(self, workload: Workload) -> Iterator[None]:
        """The server has the workload's data, and nothing else; those who listen are there until the end."""
        self._connection = socket.create_connection(self._address, 120)
        self._try([[b"FLUSHALL"], *workload.prepare])
        with self._connection, _listening(self._address, workload.listeners):
            yield

    def complete(self, workload: Workload) -> Workload:
        """The workload with the payload to restore; that of an older version, which all can read."""
        if workload.requests[0][0] != b"RESTORE":
            return workload
        [payload] = self._try([[b"DUMP", b"k"]])
        return replace(
            workload, requests=[[payload if word == b"?" else word for word in workload.requests[0]]]
        )

    def deep(self, workload: Workload) -> int:
        """How often the requests are repeated in one pipeline."""
        (spent, _), rounds = self._cost(workload, 1), 1
        while spent < BATCH_SECONDS and rounds * len(workload.requests) < DEEPEST:
            rounds *= 2
            spent, _ = self._cost(workload, rounds)
        return rounds

    def play(self, workload: Workload, rounds: int) -> float:
        """Seconds of processor time for one request."""
        self._cost(workload, rounds)
        spent, count = 0.0, 0
        while spent < self._seconds:
            more, answered = self._cost(workload, rounds)
            spent, count = spent + more, count + answered
        return spent / count

    def _cost(self, workload: Workload, rounds: int) -> tuple[float, int]:
        """The processor time for some rounds, and how many requests they are."""
        before = self._worked()
        if CURSOR in workload.requests[0]:
            count = self._walk(workload.requests[0])
        else:
            self._send(workload.requests * rounds)
            count = len(workload.requests) * rounds
        return self._worked() - before, count

    def _walk(self, request: Request) -> int:
        """A whole iteration, one request after the other; how many there are."""
        cursor, count = b"0", 0
        while cursor != b"0" or not count:
            [[cursor, _]] = self._try([[cursor if word == CURSOR else word for word in request]])
            count += 1
        return count

    def _worked(self) -> float:
        """Processor time so far, in nanoseconds that the kernel counts, finer than its ticks (Linux)."""
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def _try(self, requests: Sequence[Sequence[bytes]]) -> list[Any]:
        """The replies to requests. Raises RuntimeError if one is refused."""
        reader = hiredis.Reader()
        reader.feed(self._send(requests, keep=True))
        replies = [reader.gets() for _ in requests]
        for reply, argv in zip(replies, requests, strict=True):
            if isinstance(reply, hiredis.ReplyError):
                raise RuntimeError(f"{argv[:3]}: {reply}")
        return replies

    def _send(self, requests: Sequence[Sequence[bytes]], *, keep: bool = False) -> bytes:
        """Sends requests and waits until the last one's reply has come; returns the replies, if they are to be kept."""
        packed = b"".join(map(packed_request, [*requests, [b"ECHO", MARK]]))
        sender = threading.Thread(target=self._connection.sendall, args=(packed,))
        sender.start()
        end = b"$%d\r\n%b\r\n" % (len(MARK), MARK)
        last, pieces = b"", []
        while not last.endswith(end):
            data = self._connection.recv(1 << 20)
            if not data:
                raise ConnectionError("the server has hung up")
            last = (last[-len(end) :] + data)[-len(end) :]
            if keep:
                pieces.append(data)
        sender.join()
        return b"".join(pieces)


def packed_request(argv: Sequence[bytes]) -> bytes:
    """A request as it is sent."""
    return b"*%d\r\n" % len(argv) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in argv)


@contextmanager
def _listening(address: tuple[str, int], listeners: Sequence[Sequence[bytes]]) -> Iterator[None]:
    """Clients that have sent one request each, and read whatever comes."""
    done = threading.Event()
    with selectors.DefaultSelector() as selector, ExitStack() as stack:
        for argv in listeners:
            client = stack.enter_context(socket.create_connection(address))
            client.sendall(packed_request(argv))
            client.recv(1 << 16)
            selector.register(client, selectors.EVENT_READ, client)

        def read() -> None:
            while not done.is_set():
                for key, _ in selector.select(0.05):
                    key.data.recv(1 << 16)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield
        finally:
            done.set()
            reader.join()
