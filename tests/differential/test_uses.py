"""Which commands use a key, where the eviction policy asks for that: refused ones do too, once they have looked at the key."""

from __future__ import annotations

import socket

import pytest

from .conftest import Servers
from .subject import engine
from .wire import decode, split_line
from .witness import Server, ask

KEYS = (b"{k}string", b"{k}list")
COMMANDS = """
GET {k}string; GET {k}list; XLEN {k}string; LLEN {k}string; APPEND {k}list x; INCR {k}list; HGET {k}string f; LPUSH {k}string a
TYPE {k}string; EXISTS {k}string; TTL {k}string; OBJECT ENCODING {k}string; TOUCH {k}string; WATCH {k}string; SCAN 0
STRLEN {k}string; DUMP {k}string; PERSIST {k}string; EXPIRE {k}string 10000 XX; SETNX {k}string 1; SET {k}string x NX
XREAD STREAMS {k}string 0; ZADD {k}string 1 a; ZADD {k}string x a; GEOPOS {k}string a; XINFO STREAM {k}string; SMOVE {k}string {k}list a
XGROUP CREATE {k}string g 0; BLPOP {k}string 1; LMOVE {k}list {k}string LEFT LEFT; LPUSHX {k}list q; LREM {k}list 0 zz; MGET {k}string {k}list
PFCOUNT {k}string; LSET {k}list 9 x; LCS {k}string {k}list
"""


def used(server: Server) -> dict[str, list[bool]]:
    """Whether each of KEYS was used by a command; both were idle for long before."""
    found = {}
    with socket.create_connection((server.host, server.port), timeout=60) as connection:
        ask(connection, b"FLUSHALL")
        ask(connection, b"SET", KEYS[0], b"hello")
        ask(connection, b"RPUSH", KEYS[1], b"a", b"b")
        payloads = [decode(ask(connection, b"DUMP", key)).value for key in KEYS]
        for line in (line.strip() for line in COMMANDS.replace("\n", ";").split(";")):
            for key, payload in zip(KEYS, payloads, strict=True):
                assert isinstance(payload, bytes)
                words = [b"RESTORE", key, b"0", payload, b"REPLACE", b"IDLETIME", b"1000000"]
                assert ask(connection, *words) == b"+OK\r\n"
            if line:
                ask(connection, *split_line(line))
            ages = [int(ask(connection, b"OBJECT", b"IDLETIME", key)[1:-2]) for key in KEYS]
            found[line] = [age < 500_000 for age in ages]
            ask(connection, b"UNWATCH")
    return found


@pytest.mark.parametrize("kind", ["valkey", "redis", "redis6"])
def test_a_key_is_used_by_whatever_looks_at_its_value(kind: str, servers: Servers) -> None:
    real = servers.witness(kind)
    with socket.create_connection((real.host, real.port), timeout=60) as connection:
        assert ask(connection, b"CONFIG", b"SET", b"maxmemory-policy", b"allkeys-lru") == b"+OK\r\n"
        try:
            expected = used(real)
        finally:
            ask(connection, b"CONFIG", b"SET", b"maxmemory-policy", b"noeviction")
    with engine(kind, maxmemory_policy="allkeys-lru") as ours:
        assert used(ours) == expected
