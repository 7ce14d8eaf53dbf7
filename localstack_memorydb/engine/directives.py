"""Directives of CONFIG that are no parameters of MemoryDB: the log on disk, saving by itself, memory for clients, messages.

Each acts as on a real server, as far as there is something for it to act on: without a data directory there is no log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.activity import writes
from localstack_memorydb.engine.numbers import is_integer
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
from localstack_memorydb.engine.snapshots import save_shard

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Cluster

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "verbose": logging.DEBUG,
    "notice": logging.INFO,
    "warning": logging.WARNING,
    "nothing": logging.CRITICAL + 1,
}
_ENGINE: Final = logging.getLogger("localstack_memorydb.engine")
_FSYNC: Final = ("everysec", "always", "no")


@dataclass(frozen=True, slots=True)
class Directive:
    """`read` checks what a client says. `apply` makes a cluster obey a change, and raises Unacceptable when that fails.

    `usual` is the value that holds until it is set.
    """

    usual: str
    read: Reader
    apply: Callable[[Cluster, str, int], None] = lambda cluster, value, now: None
    since: tuple[int, ...] = (6, 2)


def directive(cluster: Cluster, name: str) -> str:
    """The value of one of these."""
    return cluster.switches.directives.get(name, DIRECTIVES[name].usual)


# -- reading ----------------------------------------------------------------------------------------------------------


def _save_points(text: str) -> str:
    """`seconds changes`, as often as one likes; nothing ends all saving."""
    words = text.split()
    numbers = [int(word) for word in words if is_integer(word.encode("utf-8", "surrogateescape"))]
    pairs = len(words) % 2 == 0 and len(numbers) == len(words)
    if not pairs or any(number < (place % 2 == 0) for place, number in enumerate(numbers)):
        raise Unacceptable("Invalid save parameters")
    return " ".join(map(str, numbers))


def _memory_or_percent(text: str) -> str | dict[str, str]:
    if read_memory(text) is not None:
        return memory()(text)
    number = text.removesuffix("%")
    if text == number or not is_integer(number.encode("utf-8", "surrogateescape")) or int(number) < 0:
        raise Unacceptable("argument must be a memory or percent value")
    if int(number) > 100:
        raise Unacceptable("percentage argument must be less or equal to 100")
    return text if int(number) else "0"


# -- obeying ----------------------------------------------------------------------------------------------------------


def _switch_log(cluster: Cluster, value: str, now: int) -> None:
    storage = cluster.storage
    if storage is None:
        if value == "yes":
            _ENGINE.warning("there is no log without a data directory")
            raise Unacceptable("Unable to turn on AOF. Check server logs.")
    elif not storage.switch(on=value == "yes", now=now):
        raise Unacceptable("Unable to turn on AOF. Check server logs.")


def _set_fsync(cluster: Cluster, value: str, now: int) -> None:
    if cluster.storage is not None:
        cluster.storage.fsync = value


def _set_rewriting(cluster: Cluster, value: str, now: int) -> None:
    if cluster.storage is not None:
        cluster.storage.rewrite_percentage = int(directive(cluster, "auto-aof-rewrite-percentage"))
        cluster.storage.rewrite_least = int(directive(cluster, "auto-aof-rewrite-min-size"))


def _set_level(cluster: Cluster, value: str, now: int) -> None:
    _ENGINE.setLevel(_LEVELS[value])


def _set_save_points(cluster: Cluster, value: str, now: int) -> None:
    words = [int(word) for word in value.split()]
    points = list(zip(words[::2], words[1::2], strict=True))

    def save(now: int) -> None:
        for shard in cluster.shards:
            changes = writes(shard) - shard.saved_writes
            waited = (now - max(shard.saved_at, shard.primary.started)) // 1000
            if any(changes >= least and waited > seconds for seconds, least in points):
                save_shard(shard, now)

    cluster.switches.chores["save"] = save


def _limit_clients(cluster: Cluster, value: str, now: int) -> None:
    cluster.switches.limits_clients = value != "0"

    def limit(_: int) -> None:
        for node in cluster.nodes():
            node.client_limit.ask()

    cluster.switches.chores["maxmemory-clients"] = limit
    limit(now)


def _require_replicas(cluster: Cluster, value: str, now: int) -> None:
    lag, least = directive(cluster, "min-replicas-max-lag"), directive(cluster, "min-replicas-to-write")
    cluster.switches.replicas_to_write = int(least) if int(lag) else 0
    for shard in cluster.shards:
        shard.watch_memory()


DIRECTIVES: Final[dict[str, Directive]] = {
    "aof-use-rdb-preamble": Directive("yes", switch),
    "appendfsync": Directive("everysec", choice(*_FSYNC), _set_fsync),
    "appendonly": Directive("no", switch, _switch_log),
    "auto-aof-rewrite-min-size": Directive(str(64 << 20), memory(), _set_rewriting),
    "auto-aof-rewrite-percentage": Directive("100", integer(0, C_INT), _set_rewriting),
    "loglevel": Directive("notice", choice(*list(_LEVELS)[:-1]), _set_level),
    "maxmemory-clients": Directive("0", _memory_or_percent, _limit_clients, since=(7,)),
    "min-replicas-max-lag": Directive("10", integer(0, C_INT), _require_replicas),
    "min-replicas-to-write": Directive("0", integer(0, C_INT), _require_replicas),
    "rdbcompression": Directive("yes", switch),
    "replica-announced": Directive("yes", switch),
    "replica-priority": Directive("100", integer(0, C_INT)),
    "replica-read-only": Directive("yes", switch),
    "save": Directive("", _save_points, _set_save_points),
}
"""aof-use-rdb-preamble has no effect: a log always begins with a snapshot in RDB. DUMP asks for rdbcompression, and
INFO tells of those that begin with `replica-`."""


def reader(name: str, level: tuple[int, ...]) -> Reader:
    """What checks a value in that version: since 7.2 messages can be turned off altogether."""
    return choice(*_LEVELS) if name == "loglevel" and level >= (7, 2) else DIRECTIVES[name].read


def shown_directives(cluster: Cluster) -> dict[str, str]:
    """All that the engine version has, with their values."""
    level = cluster.table.level
    found = {name: directive(cluster, name) for name, each in DIRECTIVES.items() if each.since <= level}
    if cluster.storage is not None:
        found["appendonly"] = "yes" if cluster.storage.keeps else "no"
        found["appendfsync"] = cluster.storage.fsync
    return found


def obey(cluster: Cluster, name: str, value: str, now: int) -> None:
    """Sets a directive. Raises Unacceptable, and then it is as before."""
    before = directive(cluster, name)
    cluster.switches.directives[name] = value
    try:
        DIRECTIVES[name].apply(cluster, value, now)
    except Unacceptable:
        cluster.switches.directives[name] = before
        raise
