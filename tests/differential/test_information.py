"""INFO, MEMORY STATS and CLIENT LIST name the same fields as a real server, in the same order."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable

import pytest

from .conftest import Servers
from .wire import end_of_reply
from .witness import Server, ask

LATER = frozenset(
    "valkey_release_stage server_mode clients_hz availability_zone pubsub_clients watching_clients total_watched_keys "
    "paused_reason paused_actions paused_timeout_milliseconds allocator_muzzy mem_replicas_repl_buffer "
    "mem_cluster_slot_import mem_cluster_slot_export mem_overhead_db_hashtable_rehashing slot_migration_fork_in_progress "
    "total_net_cluster_slot_import_bytes total_net_cluster_slot_export_bytes expired_fields "
    "expired_keys_with_volatile_items_stale_perc evicted_scripts io_threaded_freed_objects io_threaded_accept_processed "
    "io_threaded_poll_processed io_threaded_total_prefetch_batches io_threaded_total_prefetch_entries "
    "client_query_buffer_limit_disconnections client_output_buffer_limit_disconnections acl_access_denied_tls_cert "
    "acl_access_denied_db replicas_waiting_psync used_active_time_main_thread "
    "replicas.repl.buffer cluster.slot_import cluster.slot_export overhead.db.hashtable.lut "
    "overhead.db.hashtable.rehashing db.dict.rehashing.count allocator.muzzy capa watch tot-net-in tot-net-out tot-cmds".split()
) | {"# TLS", "# Cluster Info", "# Scripting Engines"}
"""What came with Valkey 8 and 9, which MemoryDB has not."""

GONE = frozenset({"redis_mode", "atomicvar_api", "overhead.hashtable.slot-to-keys"})
"""What those have no longer."""

VARIABLE = ("cmdstat_", "errorstat_", "latency_", "module:")


def said(server: Server, *lines: bytes) -> str:
    """The reply to the last of these commands of one client, of a server that has nothing stored.

    A key of an earlier test would be a line of INFO, and its deadline may have passed on one of the servers only.
    """
    with socket.create_connection((server.host, server.port), timeout=60) as connection:
        for line in (b"FLUSHALL", *lines):
            reply = ask(connection, *line.split(b" "))
    assert end_of_reply(reply) is not None
    return reply.decode("latin-1")


def info(server: Server, section: bytes) -> list[str]:
    return [
        line.partition(":")[0]
        for line in said(server, b"INFO " + section).splitlines()[1:]
        if line and not line.startswith(VARIABLE)
    ]


def memory_stats(server: Server) -> list[str]:
    lines = said(server, b"SET {k}a x", b"MEMORY STATS").splitlines()
    return [line for line in lines if re.fullmatch(r"[a-z][a-z0-9._-]+", line)]


def client_list(server: Server) -> list[str]:
    return [word.partition("=")[0] for word in said(server, b"CLIENT LIST").splitlines()[1].split(" ")]


SECTIONS = ("server", "clients", "memory", "persistence", "stats", "replication", "cpu", "cluster", "default")


@pytest.mark.parametrize("kind", ["valkey", "redis", "redis6"])
@pytest.mark.parametrize(
    "names",
    [
        *(pytest.param(lambda server, each=each: info(server, each.encode()), id=each) for each in SECTIONS),
        pytest.param(memory_stats, id="MEMORY STATS"),
        pytest.param(client_list, id="CLIENT LIST"),
    ],
)
def test_fields(servers: Servers, kind: str, names: Callable[[Server], list[str]]) -> None:
    ours, real = names(servers.engine(kind)), names(servers.witness(kind))
    newer = LATER | GONE | ({"monotonic_clock"} if kind == "redis6" else set())  # 6.2.14's; ours is 6.2.6
    assert len(ours) > 3 or "cluster_enabled" in ours
    assert [name for name in ours if name not in GONE] == [name for name in real if name not in newer]
