"""The server and its whole data. https://valkey.io/commands/#server"""

from __future__ import annotations

from typing import Final

from localstack_memorydb.engine.errors import CommandError, SyntaxFault
from localstack_memorydb.engine.info import info
from localstack_memorydb.engine.lolwut import ART
from localstack_memorydb.engine.numbers import INT_MAX, parse_int, parse_int_in
from localstack_memorydb.engine.options import parse_milliseconds
from localstack_memorydb.engine.performing import refuse_browser
from localstack_memorydb.engine.registry import (
    FAST,
    LOADING,
    NOSCRIPT,
    READONLY,
    STALE,
    WRITE,
    Earlier,
    Family,
)
from localstack_memorydb.engine.resp import OK, Argv, Reply, Verbatim
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.snapshots import save_shard
from localstack_memorydb.engine.versions import PATCH_VERSIONS, REDIS_COMPATIBLE, is_valkey

server = Family("server")


@server.command("TIME", 1, FAST | LOADING | STALE, since="2.6.0")
def time_(s: Session, argv: Argv) -> Reply:
    """The server's time: seconds, microseconds. Since 7.2 it stands still in scripts and transactions."""
    now = s.now * 1000 if s.in_exec and not s.legacy_doubles else s.node.microseconds(s.now)
    return [b"%d" % (now // 1_000_000), b"%d" % (now % 1_000_000)]


_FEW: Final = 10_000  # deadlines, all of which are looked at before keys are counted


@server.command("DBSIZE", 1, FAST | READONLY, categories="@keyspace")
def dbsize(s: Session, argv: Argv) -> Reply:
    """How many keys this node's shard holds."""
    shard, cluster = s.node.shard, s.node.cluster
    if cluster.switches.active_expire and 0 < shard.keyspace.expires() <= _FEW:
        spent = shard.expiry.hurry(shard.keyspace, s.now, cluster.clock)
        threshold = cluster.parameters.latency_monitor_threshold
        shard.primary.stats.spent(b"expire-cycle", s.now, spent, threshold)
    return len(shard.keyspace)


def _flush(s: Session, argv: Argv) -> Reply:
    if len(argv) > 2 or (len(argv) == 2 and argv[1].lower() not in {b"sync", b"async"}):
        raise SyntaxFault
    s.node.shard.keyspace.clear()
    return OK


@server.command("FLUSHALL", -1, WRITE, categories="@dangerous @keyspace")
def flushall(s: Session, argv: Argv) -> Reply:
    """Deletes every key of this node's shard. Where snapshots are taken by themselves, one without keys is."""
    reply, shard = _flush(s, argv), s.node.shard
    if s.node.cluster.switches.directives.get("save"):
        before = shard.saved_writes
        save_shard(shard, s.now)
        shard.saved_writes = before if s.legacy else shard.saved_writes + 1  # this, which is not counted yet
    return reply


@server.command("FLUSHDB", -1, WRITE, categories="@dangerous @keyspace")
def flushdb(s: Session, argv: Argv) -> Reply:
    """Deletes every key of this node's shard; a cluster has one database."""
    return _flush(s, argv)


@server.command("SWAPDB", 3, FAST | WRITE, since="4.0.0", categories="@dangerous @keyspace")
def swapdb(s: Session, argv: Argv) -> Reply:
    """A cluster has one database."""
    raise CommandError("ERR SWAPDB is not allowed in cluster mode")


@server.command("INFO", -1, LOADING | STALE, categories="@dangerous")
def info_(s: Session, argv: Argv) -> Reply:
    """The server's state, by sections: one, or several since 7.0."""
    if s.legacy and len(argv) > 2:
        raise SyntaxFault
    return Verbatim(info(s, argv[1:]))


@server.command("LASTSAVE", 1, FAST | LOADING | STALE, categories="@admin @dangerous")
def lastsave(s: Session, argv: Argv) -> Reply:
    """When a client had the shard saved, else when the node started: snapshots are taken outside of the engine."""
    return max(s.node.started, s.node.shard.saved_at) // 1000


@server.command("POST", -1, LOADING | READONLY | STALE)
def post(s: Session, argv: Argv) -> Reply:
    """A request of a web browser, whose body may hold commands: the connection is closed."""
    return refuse_browser(s)


@server.command("HOST:", -1, LOADING | READONLY | STALE)
def host(s: Session, argv: Argv) -> Reply:
    """As POST: the second line of every such request."""
    return refuse_browser(s)


@server.command("ROLE", 1, FAST | LOADING | NOSCRIPT | STALE, since="2.8.12", categories="@admin @dangerous")
def role(s: Session, argv: Argv) -> Reply:
    """Primary or replica, and the other side."""
    shard = s.node.shard
    if s.node.is_primary:
        peers = [
            [replica.host.encode(), b"%d" % replica.port, b"%d" % shard.offset] for replica in shard.replicas
        ]
        return [b"master", shard.offset, peers]
    host, port = shard.primary.address
    return [b"slave", host.encode(), port, b"connected", shard.offset]


@server.command("LOLWUT", -1, FAST | READONLY, since="5.0.0")
def lolwut(s: Session, argv: Argv) -> Reply:
    """`[VERSION version] [number ...]`: a picture of the engine's release, or of another one, and the version."""
    version = s.node.cluster.spec.engine_version
    shown = REDIS_COMPATIBLE if is_valkey(version) else PATCH_VERSIONS[version]
    release, words = int(shown.partition(".")[0]), argv[1:]
    if len(argv) > 2 and argv[1].lower() == b"version":
        release, words = parse_int(argv[2]), argv[3:]
    art = ART.get(release)
    drawn = "" if art is None else art([parse_int(word) for word in words[:3]], s.node.cluster.random)
    return Verbatim(f"{drawn}Redis ver. {shown}\n".encode())


generic = Family("generic", "@connection")


@generic.command("WAIT", 3, since="3.0.0", earlier=Earlier("7.2", adds=NOSCRIPT))
def wait(s: Session, argv: Argv) -> Reply:
    """How many replicas hold every write of this connection: all of them, since replicas never lag."""
    parse_int(argv[1])
    parse_milliseconds(s, argv[2])
    _refuse_on_replica(s, "WAIT")
    return len(s.node.shard.replicas)


@generic.command("WAITAOF", 4, NOSCRIPT, since="7.2.0")
def waitaof(s: Session, argv: Argv) -> Reply:
    """As WAIT; the first number is the append-only file of this node, which a managed node does not have.

    One that is there gets on the disk what it lacks, at once, unless appendfsync says that nobody sees to that.
    """
    local = parse_int_in(argv[1], 0, 1)
    parse_int_in(argv[2], 0, INT_MAX, "ERR value is out of range, must be positive")
    parse_milliseconds(s, argv[3])
    _refuse_on_replica(s, "WAITAOF")
    shard, storage = s.node.shard, s.node.cluster.storage
    logs = s.node.cluster.spec.unrestricted and storage is not None and storage.keeps
    if local and not logs:
        raise CommandError("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
    kept = logs and storage is not None and storage.fsync != "no" and storage.sync_shard(shard)
    return [int(kept), len(shard.replicas)]


def _refuse_on_replica(s: Session, name: str) -> None:
    if not s.node.is_primary:
        raise CommandError(
            f"ERR {name} cannot be used with replica instances. Please also note that since Redis 4.0 if a replica "
            "is configured to be writable (which is not the default) writes to replicas are just local and are not "
            "propagated."
        )
