"""Directives of CONFIG that can be set and have nothing here to act on: no stream to replicas, no cluster bus, no child processes.

They take the values that a real server takes, with its words for others. Which versions have them, and with which value at first,
is what CONFIG GET of Redis 6.2.14 and 7.0.15 says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from localstack_memorydb.engine.readers import C_INT, Reader, Unacceptable, choice, integer, memory, switch

_FOR_EVER: Final = (99,)


@dataclass(frozen=True, slots=True)
class Inert:
    """`usual` is the value until it is set, `usual_in_6_2` that of 6.2 where it differs."""

    usual: str
    read: Reader
    usual_in_6_2: str = ""
    since: tuple[int, ...] = (6, 2)
    before: tuple[int, ...] = _FOR_EVER

    def first_value(self, level: tuple[int, ...]) -> str:
        """The value at first in that version."""
        return self.usual_in_6_2 if self.usual_in_6_2 and level < (7,) else self.usual


def any_text(text: str) -> str:
    """Whatever it is."""
    return text


def _frequency(text: str) -> str:
    """Anything is accepted, and brought within bounds."""
    return str(min(max(int(str(integer(0, C_INT)(text))), 1), 500))


def _file_name(text: str) -> str:
    if "/" in text:
        raise Unacceptable("dbfilename can't be a path, just a filename")
    return text


def _backlog(text: str) -> str:
    return str(max(int(str(memory(1)(text))), 16 << 10))


def _shutdown(text: str) -> str:
    words = text.lower().split()
    known = ("default", "save", "nosave", "now", "force")
    if not words or not set(words) <= set(known):
        raise Unacceptable(f"argument(s) must be one of the following: {', '.join(known)}")
    if {"save", "nosave"} <= set(words):
        raise Unacceptable("shutdown options SAVE and NOSAVE can't be used simultaneously")
    return " ".join(word for word in known[1:] if word in words) or "default"


_COUNT: Final = integer(0, C_INT)
_TIMES: Final = integer(1, C_INT)

INERT: Final[dict[str, Inert]] = {
    "acl-pubsub-default": Inert("resetchannels", choice("allchannels", "resetchannels"), "allchannels"),
    "active-defrag-cycle-max": Inert("25", integer(1, 99)),
    "active-defrag-cycle-min": Inert("1", integer(1, 99)),
    "active-defrag-ignore-bytes": Inert(str(100 << 20), memory(1)),
    "active-defrag-max-scan-fields": Inert("1000", integer(1)),
    "active-defrag-threshold-lower": Inert("10", integer(0, 1000)),
    "active-defrag-threshold-upper": Inert("100", integer(0, 1000)),
    "activerehashing": Inert("yes", switch),
    "aof-disable-auto-gc": Inert("no", switch, since=(7,), before=(7, 2)),
    "aof-rewrite-incremental-fsync": Inert("yes", switch),
    "bind-source-addr": Inert("", any_text, since=(7,)),
    "cluster-allow-pubsubshard-when-down": Inert("yes", switch, since=(7,)),
    "cluster-allow-reads-when-down": Inert("no", switch),
    "cluster-allow-replica-migration": Inert("yes", switch),
    "cluster-link-sendbuf-limit": Inert("0", memory(0, 2**64 - 1), since=(7,)),
    "cluster-migration-barrier": Inert("1", _COUNT),
    "cluster-node-timeout": Inert("15000", integer()),
    "cluster-replica-validity-factor": Inert("10", _COUNT),
    "cluster-require-full-coverage": Inert("yes", switch),
    "crash-log-enabled": Inert("yes", switch),
    "crash-memcheck-enabled": Inert("yes", switch),
    "dbfilename": Inert("dump.rdb", _file_name, before=(7,)),
    "disable-thp": Inert("no", switch, before=(7,)),
    "dynamic-hz": Inert("yes", switch),
    "hz": Inert("10", _frequency),
    "ignore-warnings": Inert("", any_text),
    "jemalloc-bg-thread": Inert("yes", switch),
    "lazyfree-lazy-eviction": Inert("no", switch),
    "lazyfree-lazy-expire": Inert("no", switch),
    "lazyfree-lazy-server-del": Inert("no", switch),
    "lazyfree-lazy-user-flush": Inert("no", switch),
    "masterauth": Inert("", any_text),
    "masteruser": Inert("", any_text),
    "maxmemory-eviction-tenacity": Inert("10", integer(0, 100)),
    "no-appendfsync-on-rewrite": Inert("no", switch),
    "propagation-error-behavior": Inert("ignore", choice("ignore", "panic", "panic-on-replicas"), since=(7,)),
    "rdb-del-sync-files": Inert("no", switch),
    "rdb-save-incremental-fsync": Inert("yes", switch),
    "repl-backlog-size": Inert(str(1 << 20), _backlog),
    "repl-backlog-ttl": Inert("3600", integer()),
    "repl-disable-tcp-nodelay": Inert("no", switch),
    "repl-diskless-load": Inert("disabled", choice("disabled", "on-empty-db", "swapdb")),
    "repl-diskless-sync": Inert("yes", switch, "no"),
    "repl-diskless-sync-delay": Inert("5", _COUNT),
    "repl-diskless-sync-max-replicas": Inert("0", _COUNT, since=(7,)),
    "repl-ping-replica-period": Inert("10", _TIMES),
    "repl-timeout": Inert("60", _TIMES),
    "replica-ignore-disk-write-errors": Inert("no", switch, since=(7,)),
    "replica-ignore-maxmemory": Inert("yes", switch),
    "replica-lazy-flush": Inert("no", switch),
    "replica-serve-stale-data": Inert("yes", switch),
    "sanitize-dump-payload": Inert("no", choice("no", "yes", "clients")),
    "shutdown-on-sigint": Inert("default", _shutdown, since=(7,)),
    "shutdown-on-sigterm": Inert("default", _shutdown, since=(7,)),
    "shutdown-timeout": Inert("10", _COUNT, since=(7,)),
    "stop-writes-on-bgsave-error": Inert("yes", switch),
}
"""Of these only acl-pubsub-default acts. Keys are freed at once, payloads are always checked, replicas and slots are always there,
snapshots do not fail, and what the process does at its end is the command line's."""

_PORT: Final = integer(0, 65535)

FIXED: Final[dict[str, tuple[str, Reader]]] = {
    "activedefrag": ("no", switch),
    "aof-load-truncated": ("yes", switch),
    "cluster-announce-bus-port": ("0", _PORT),
    "cluster-announce-ip": ("", any_text),
    "cluster-announce-port": ("0", _PORT),
    "cluster-announce-tls-port": ("0", _PORT),
    "cluster-replica-no-failover": ("no", switch),
    "cluster-slave-no-failover": ("no", switch),
    "oom-score-adj": ("no", choice("no", "yes", "relative", "absolute")),
    "oom-score-adj-values": ("0 200 800", any_text),
    "proc-title-template": ("{title} {listen-addr} {server-mode}", any_text),
    "protected-mode": ("no", switch),
    "replica-announce-ip": ("", any_text),
    "replica-announce-port": ("0", _PORT),
    "slave-announce-ip": ("", any_text),
    "slave-announce-port": ("0", _PORT),
}
"""How things are that a real server would change."""

FIXED_SINCE_7_0: Final[dict[str, tuple[str, Reader]]] = {
    "aof-timestamp-enabled": ("no", switch),
    "cluster-announce-hostname": ("", any_text),
    "cluster-preferred-endpoint-type": ("ip", choice("ip", "hostname", "unknown-endpoint")),
}
FIXED_IN_6_2: Final[dict[str, tuple[str, Reader]]] = {
    "gopher-enabled": ("no", switch),
    "lua-replicate-commands": ("yes", switch),
    "key-load-delay": ("0", integer(-C_INT - 1, C_INT)),
    "rdb-key-save-delay": ("0", integer(-C_INT - 1, C_INT)),
    "use-exit-on-panic": ("no", switch),
    "watchdog-period": ("0", _COUNT),
}

IMMUTABLE: Final[dict[str, str]] = {
    "aclfile": "",
    "always-show-logo": "no",
    "aof_rewrite_cpulist": "",
    "bgsave_cpulist": "",
    "bio_cpulist": "",
    "appendfilename": "appendonly.aof",
    "cluster-enabled": "yes",
    "daemonize": "no",
    "databases": "16",
    "io-threads": "1",
    "io-threads-do-reads": "no",
    "pidfile": "",
    "rdbchecksum": "yes",
    "server_cpulist": "",
    "set-proc-title": "no",
    "supervised": "no",
    "syslog-enabled": "no",
    "syslog-facility": "local0",
    "syslog-ident": "redis",
    "tcp-backlog": "511",
    "unixsocket": "",
    "unixsocketperm": "0",
    "logfile": "",
}
"""How things are that no server lets be changed while it runs."""

IMMUTABLE_SINCE_7_0: Final[dict[str, str]] = {
    "cluster-config-file": "",
    "dbfilename": "dump.rdb",
    "cluster-port": "0",
    "disable-thp": "no",
    "enable-debug-command": "yes",
    "enable-module-command": "no",
    "enable-protected-configs": "no",
    "socket-mark-id": "0",
}
