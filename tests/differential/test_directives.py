"""The directives of CONFIG beside those of a real server: which there are, their values, and what they say of others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .player import Connection
from .subject import engine
from .wire import decode
from .witness import BINARIES, Server, unrestricted_witness

MISSING = {
    "appenddirname": "there is no log without a data directory",
    "tls-": "certificates are the cluster's own",
}
OTHER_VALUES = {
    "bind": "every node has an address of its own",
    "cluster-announce-ip": "the test sets it for the real server",
    "cluster-config-file": "there is no such file",
    "dir": "another directory",
    "disable-thp": "the kernel is not told",
    "latency-tracking": "of MemoryDB's parameters",
    "maxclients": "of MemoryDB's parameters",
    "maxmemory-samples": "of MemoryDB's parameters",
    "port": "another port",
    "protected-mode": "whoever reaches the port may connect",
    "set-proc-title": "the process has other work, too",
}
REFUSED = {
    "aof-": "the log has one form",
    "announce": "nodes are announced as they are",
    "cluster-preferred-endpoint-type": "as above",
    "cluster-replica-no-failover": "failovers are asked for",
    "cluster-slave-no-failover": "as above",
    "delay": "the process is not made slower",
    "gopher": "the protocol is not spoken",
    "lua-replicate-commands": "the effects of scripts are repeated, always",
    "oom-score-adj": "the process has other work, too",
    "protected-mode": "see above",
    "use-exit-on-panic": "there is no panic",
    "watchdog-period": "there is no watchdog",
}
"""Directives, or parts of their names, that keep the one value that is true here; others, which the real server takes, are refused."""

NOT_SET = {"appendonly", "bind", "dir", "loglevel", "port", "requirepass", "maxclients", "tls-port"}
"""They would change how the test goes on."""

OTHER_WORDS = {"cluster-announce-hostname", "oom-score-adj-values", "proc-title-template"}
"""Refused whatever it is, where a real server has words for what is malformed."""

VALUES = (
    "x,,-1,0,1,yes,NO,101,1000,2147483648,9223372036854775807,1kb,1G,10%,101%,1.5,+1,01,a/b,swapdb,nosave now,save nosave,force,"
    "default,panic,always,é"
).split(",")


class Directives:
    """What a server says of its directives."""

    def __init__(self, server: Server) -> None:
        self.name = server.name
        self._connection = Connection(server)
        self.close = self._connection.close

    def get(self, pattern: str) -> dict[str, str]:
        words = [
            node.value.decode()
            for node in decode(self._connection.ask(b"CONFIG", b"GET", pattern.encode())).value
        ]
        return dict(zip(words[::2], words[1::2], strict=True))

    def set(self, name: str, value: str) -> str:
        return self._connection.ask(b"CONFIG", b"SET", name.encode(), value.encode()).decode()


@pytest.fixture(scope="module", params=["redis", "redis6"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Directives, Directives]]:
    """Those of the real server and ours."""
    if BINARIES[request.param][0]() is None:
        pytest.skip(f"no {request.param}-server to compare with")
    with unrestricted_witness(request.param) as real, engine(request.param, unrestricted=True) as ours:
        found = Directives(real), Directives(ours)
        yield found
        for each in found:
            each.close()


def test_there_are_those_of_a_real_server(pair: tuple[Directives, Directives]) -> None:
    real, ours = (each.get("*") for each in pair)
    missing = {name for name in real.keys() - ours.keys() if not name.startswith(tuple(MISSING))}
    assert (missing, ours.keys() - real.keys()) == (set(), set())


def test_their_values_are_those_of_a_real_server(pair: tuple[Directives, Directives]) -> None:
    real, ours = (each.get("*") for each in pair)
    assert {name for name in real.keys() & ours.keys() if real[name] != ours[name]} <= OTHER_VALUES.keys()


def test_they_take_the_values_that_a_real_server_takes(pair: tuple[Directives, Directives]) -> None:
    real, ours = pair
    first, usual = ours.get("*"), real.get("*")
    found = []
    for name in sorted((first.keys() & usual.keys()) - NOT_SET - OTHER_WORDS):
        for value in (*VALUES, usual[name]):
            expected, actual = real.set(name, value), ours.set(name, value)
            stays = any(part in name for part in REFUSED) and expected == "+OK\r\n"
            if expected != actual and not stays:
                found.append((name, value, expected, actual))
            elif actual == "+OK\r\n" and real.get(name) != ours.get(name) and not stays:
                found.append((name, value, str(real.get(name)), str(ours.get(name))))
        real.set(name, usual[name])
        ours.set(name, first[name])
    assert not found
