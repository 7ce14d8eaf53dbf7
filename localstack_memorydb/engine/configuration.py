"""The directives of CONFIG: which there are, which values they take, and Valkey's words for those that they do not.

https://valkey.io/commands/config-set/ What acts are the parameters of engine/parameters.py, `maxmemory` and `requirepass`.
The rest says how things are and cannot be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.directives import DIRECTIVES, obey, reader, shown_directives
from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.inert import (
    FIXED,
    FIXED_IN_6_2,
    FIXED_SINCE_7_0,
    IMMUTABLE,
    IMMUTABLE_SINCE_7_0,
    INERT,
    any_text,
)
from localstack_memorydb.engine.numbers import is_integer, read_double
from localstack_memorydb.engine.readers import (
    C_INT,
    Reader,
    Unacceptable,
    choice,
    integer,
    memory,
    read_memory,
    switch,
)

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Cluster, Node

_POLICIES: Final = "volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction".split()
_EVENTS: Final = "g$lshzxetd"
_LIMITED: Final = {"normal": "normal", "slave": "replica", "replica": "replica", "pubsub": "pubsub"}


def _percentiles(text: str) -> str:
    shown = []
    for word in text.split(" ") if text else ():
        percent = read_double(word.encode("utf-8", "surrogateescape"))
        if percent is None or not word:
            raise Unacceptable("Invalid latency-tracking-info-percentiles parameters")
        if not 0 <= percent <= 100:
            raise Unacceptable("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
        shown.append(f"{percent:f}".rstrip("0").rstrip("."))
    return " ".join(shown)


def _events(text: str) -> str:
    if set(text) - set(_EVENTS + "AKEmn"):
        raise Unacceptable("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
    return text


def _shown_events(text: str) -> str:
    """The classes of keyspace events in Valkey's order, which does not say `n` beside `A`."""
    every = "A" in text or not set(_EVENTS) - set(text)
    return ("A" if every else "".join(each for each in _EVENTS + "n" if each in text)) + "".join(
        each for each in "KEm" if each in text
    )


def _output_limits(text: str) -> dict[str, str]:
    """`class hard soft seconds`, once or several times."""
    words = text.split()
    if len(words) % 4:
        raise Unacceptable("Wrong number of arguments in buffer limit configuration.")
    values: dict[str, str] = {}
    for place in range(0, len(words), 4):
        kind, *numbers = words[place : place + 4]
        name = _LIMITED.get(kind.lower())
        if name is None:
            raise Unacceptable("Invalid client class specified in buffer limit configuration.")
        hard, soft = read_memory(numbers[0]), read_memory(numbers[1])
        if hard is None or soft is None or not is_integer(numbers[2].encode("utf-8", "surrogateescape")):
            raise Unacceptable("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
        prefix = f"client-output-buffer-limit-{name}"
        values |= {f"{prefix}-hard-limit": str(hard), f"{prefix}-soft-limit": str(soft)}
        values[f"{prefix}-soft-seconds"] = numbers[2]
    return values


_SPECIAL: Final = frozenset({"client-output-buffer-limit", "maxmemory", "requirepass"})

READERS: Final[dict[str, Reader]] = {
    "acllog-max-len": integer(),
    "active-expire-effort": integer(1, 10),
    "busy-reply-threshold": integer(),
    "client-output-buffer-limit": _output_limits,
    "client-query-buffer-limit": memory(1 << 20),
    "hash-max-listpack-entries": integer(),
    "hash-max-listpack-value": memory(),
    "hll-sparse-max-bytes": memory(),
    "latency-monitor-threshold": integer(),
    "latency-tracking": switch,
    "latency-tracking-info-percentiles": _percentiles,
    "lazyfree-lazy-user-del": switch,
    "lfu-decay-time": integer(0, C_INT),
    "lfu-log-factor": integer(0, C_INT),
    "list-compress-depth": integer(0, C_INT),
    "list-max-listpack-size": integer(-C_INT - 1, C_INT),
    "maxclients": integer(1, 2**32 - 1),
    "maxmemory": memory(0, 2**64 - 1),
    "maxmemory-policy": choice(*_POLICIES),
    "maxmemory-samples": integer(1, C_INT),
    "notify-keyspace-events": _events,
    "proto-max-bulk-len": memory(1 << 20),
    "requirepass": any_text,
    "set-max-intset-entries": integer(),
    "set-max-listpack-entries": integer(),
    "set-max-listpack-value": integer(),
    "slowlog-log-slower-than": integer(-1),
    "slowlog-max-len": integer(),
    "stream-node-max-bytes": memory(),
    "stream-node-max-entries": integer(),
    "tcp-keepalive": integer(0, C_INT),
    "timeout": integer(0, C_INT),
    "tracking-table-max-keys": integer(),
    "zset-max-listpack-entries": integer(),
    "zset-max-listpack-value": memory(),
}
"""The directives that can be set, and act."""

_NO_DEFRAGMENTATION: Final = (
    "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like the one "
    "shipped by default with the Redis source distribution"
)
_OF_THE_START: Final = frozenset({"appenddirname", "replicaof", "slaveof"})
_WITHOUT_REASON: Final = frozenset(
    {"client-output-buffer-limit", "notify-keyspace-events", "save", "watchdog-period"}
)  # in 6.2

_SINCE: Final = {
    "latency-tracking": (7,),
    "latency-tracking-info-percentiles": (7,),
    "set-max-listpack-entries": (7, 2),
    "set-max-listpack-value": (7, 2),
}
"""Directives that came later than 6.2."""

ALIASES: Final = {
    "cluster-slave-validity-factor": "cluster-replica-validity-factor",
    "hash-max-ziplist-entries": "hash-max-listpack-entries",
    "hash-max-ziplist-value": "hash-max-listpack-value",
    "list-max-ziplist-size": "list-max-listpack-size",
    "lua-time-limit": "busy-reply-threshold",
    "min-slaves-max-lag": "min-replicas-max-lag",
    "min-slaves-to-write": "min-replicas-to-write",
    "repl-ping-slave-period": "repl-ping-replica-period",
    "slave-ignore-maxmemory": "replica-ignore-maxmemory",
    "slave-lazy-flush": "replica-lazy-flush",
    "slave-priority": "replica-priority",
    "slave-read-only": "replica-read-only",
    "slave-serve-stale-data": "replica-serve-stale-data",
    "zset-max-ziplist-entries": "zset-max-listpack-entries",
    "zset-max-ziplist-value": "zset-max-listpack-value",
}


_NEW_NAMES: Final = frozenset(
    name for alias, name in ALIASES.items() if "ziplist" in alias or alias == "lua-time-limit"
)
"""Those of which 6.2 knows the alias only."""


@dataclass(slots=True)
class Configuration:
    """What CONFIG shows of a node. Setting something changes the whole cluster: its nodes have no values of their own."""

    node: Node
    now: int = 0

    def values(self) -> dict[str, str]:
        """Every directive with its value, by name."""
        cluster = self.node.cluster
        parameters, limits = cluster.parameters, cluster.parameters.limits
        level = cluster.table.level
        found = {
            name: each.first_value(level) for name, each in INERT.items() if each.since <= level < each.before
        }
        found |= cluster.switches.recorded
        found |= self.fixed() | {
            "maxmemory": str(cluster.spec.maxmemory),
            "requirepass": cluster.switches.requirepass,
        }
        found |= shown_directives(cluster)
        found["client-output-buffer-limit"] = _shown_limits(cluster)
        for name in READERS.keys() - _SPECIAL:
            field = name.replace("-", "_")
            value = getattr(limits if hasattr(limits, field) else parameters, field)
            found[name] = ("no", "yes")[value] if isinstance(value, bool) else str(value)
        found["notify-keyspace-events"] = _shown_events(parameters.notify_keyspace_events)
        for name, since in _SINCE.items():
            if level < since:
                del found[name]
        aliased = {alias: found[name] for alias, name in ALIASES.items()}
        if self.legacy:
            for name in _NEW_NAMES:
                del found[name]
        return dict(sorted((found | aliased).items()))

    @property
    def legacy(self) -> bool:
        """Whether the engine is 6.2, which has other texts, and of two names the older one."""
        return self.node.cluster.table.level < (7,)

    def unknown(self, name: str) -> CommandError:
        """The error of CONFIG SET for a directive that there is not; for 6.2, that cannot be set."""
        if self.legacy:
            return CommandError(f"ERR Unsupported CONFIG parameter: {name}")
        return CommandError(f"ERR Unknown option or number of arguments for CONFIG SET - '{name}'")

    def refused(self, name: str, value: str, reason: str) -> CommandError:
        """The error of CONFIG SET for a directive that cannot be set so."""
        if self.legacy:
            why = "" if name in _WITHOUT_REASON else f" - {reason.replace('argument(s)', 'argument')}"
            return CommandError(f"ERR Invalid argument '{value}' for CONFIG SET '{name}'{why}")
        return CommandError(f"ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")

    def settable(self, name: str) -> bool:
        """Whether it can be changed here."""
        if name in INERT:
            return INERT[name].since <= self.node.cluster.table.level < INERT[name].before
        return name in READERS or name in ALIASES or name in DIRECTIVES

    def fixed(self) -> dict[str, str]:
        """What cannot be changed here."""
        cluster, storage = self.node.cluster, self.node.cluster.storage
        host, port = self.node.shard.primary.address
        primary = "" if self.node.is_primary else f"{host} {port}"
        found = IMMUTABLE | {name: value for name, (value, _) in self._fixed().items()}
        if cluster.table.level >= (7, 2):
            del found["io-threads-do-reads"]
        found |= {
            "bind": self.node.host,
            "dir": str((Path() if storage is None else storage.directory).absolute()),
            "port": str(self.node.port),
            "slaveof": primary,
        }
        if self.legacy:
            return found
        found |= IMMUTABLE_SINCE_7_0 | {
            "replicaof": primary,
            "tls-port": str(self.node.port if cluster.spec.tls else 0),
        }
        return found if storage is None else found | {"appenddirname": self.node.shard.name}

    def _fixed(self) -> dict[str, tuple[str, Reader]]:
        return FIXED | (FIXED_IN_6_2 if self.legacy else FIXED_SINCE_7_0)

    def require_same(self, name: str, value: str) -> None:
        """Accepts the value of what cannot be changed here, where a real server would change it. Raises CommandError."""
        immutable = (
            {*IMMUTABLE, "slaveof"} if self.legacy else {*IMMUTABLE, *IMMUTABLE_SINCE_7_0, *_OF_THE_START}
        )
        if name in immutable:
            raise self._immutable(name, value)
        if name in self._fixed():
            try:
                self._fixed()[name][1](value)
            except Unacceptable as reason:
                raise self.refused(name, value, str(reason)) from None
        if value.lower() != self.fixed()[name].lower():
            raise self._immutable(name, value)

    def _immutable(self, name: str, value: str) -> CommandError:
        if name == "activedefrag":
            return self.refused(name, value, _NO_DEFRAGMENTATION)
        if self.legacy:
            return self.unknown(name)
        kind = "protected" if name in ("dir", "dbfilename") else "immutable"
        return self.refused(name, value, f"can't set {kind} config")

    def change(self, pairs: Mapping[str, str]) -> None:
        """Sets all of these, or none. Raises CommandError, with the name of the first that cannot be."""
        read: dict[str, str | dict[str, str]] = {}
        for given, text in pairs.items():
            name = ALIASES.get(given, given)
            try:
                read[name] = self._reader(name)(text)
            except Unacceptable as reason:
                raise self.refused(given, text, str(reason)) from None
        self._obey(read)
        self._apply(read)

    def _reader(self, name: str) -> Reader:
        if name in DIRECTIVES:
            return reader(name, self.node.cluster.table.level)
        return READERS[name] if name in READERS else INERT[name].read

    def _obey(self, read: dict[str, str | dict[str, str]]) -> None:
        """Sets what are no parameters, first, since it may fail."""
        for name, value in read.items():
            if name in DIRECTIVES and isinstance(value, str):
                try:
                    obey(self.node.cluster, name, value, self.now)
                except Unacceptable as reason:
                    raise self.refused(name, value, str(reason)) from None

    def _apply(self, read: dict[str, str | dict[str, str]]) -> None:
        cluster = self.node.cluster
        given = dict(cluster.parameters.given)
        for name, value in read.items():
            if isinstance(value, dict):
                given |= value
            elif name in DIRECTIVES:
                continue
            elif name in INERT:
                cluster.switches.recorded[name] = value
            elif name == "maxmemory":
                cluster.resize(int(value))
            elif name != "requirepass":
                given[name] = value
        if given != cluster.parameters.given:
            cluster.set_parameters(given)
        if "proto-max-bulk-len" in read:
            cluster.switches.chores["proto-max-bulk-len"] = lambda now: _announce(cluster)


def _announce(cluster: Cluster) -> None:
    """Clients that were in the midst of a packet do not know of it yet."""
    for node in cluster.nodes():
        node.announce_gates()


def _shown_limits(cluster: Cluster) -> str:
    """The limits of output buffers as the directive has them; replicas, which have no connections here, with Valkey's own."""
    given = cluster.parameters.given
    parts = []
    for kind, usual in {
        "normal": cluster.parameters.output_limit(b"normal"),
        "slave": None,
        "pubsub": cluster.parameters.output_limit(b"pubsub"),
    }.items():
        if usual is not None:
            parts.append(f"{kind} {usual.hard} {usual.soft} {usual.seconds}")
            continue
        prefix = "client-output-buffer-limit-replica"
        hard = given.get(f"{prefix}-hard-limit", str(256 << 20))
        soft = given.get(f"{prefix}-soft-limit", str(64 << 20))
        parts.append(f"{kind} {hard} {soft} {given.get(f'{prefix}-soft-seconds', '60')}")
    return " ".join(parts)
