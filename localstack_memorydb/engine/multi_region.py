"""Multi-Region clusters: which commands they have, and how what is written in one Region comes to the others.

https://docs.aws.amazon.com/memorydb/latest/devguide/multi-region.supportedcommands.html : strings, hashes, sets and sorted
sets, without deadlines. Here all Regions are in one process, so a write is everywhere before its client is answered, and there is
nothing to reconcile.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.errors import CommandError, SyntaxFault
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.values import Hash, Set, Value, ZSet

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Cluster
    from localstack_memorydb.engine.registry import Command
    from localstack_memorydb.engine.resp import Argv, Reply
    from localstack_memorydb.engine.session import Session

LOG: Final = logging.getLogger(__name__)

_WITHOUT: Final = frozenset("bitmap geo hyperloglog json list search stream".split())
_NEITHER: Final = frozenset(
    "append bzmpop bzpopmax bzpopmin copy expire expireat expiretime fcall fcall_ro flushall flushdb function getex move "
    "object persist pexpire pexpireat pexpiretime psetex pttl rename renamenx sdiffstore setex setrange sinterstore smove "
    "sort sort_ro sunionstore swapdb ttl zdiffstore zinterstore zrangestore zunionstore".split()
)
_TIMES: Final = {
    "set": frozenset([b"EX", b"PX", b"EXAT", b"PXAT", b"KEEPTTL"]),
    "restore": frozenset([b"ABSTTL", b"IDLETIME", b"FREQ"]),
}


def offers(command: Command) -> bool:
    """Whether multi-Region clusters have the command."""
    return command.group not in _WITHOUT and (command.parent or command.name) not in _NEITHER


def narrowed(command: Command) -> Command:
    """The command as multi-Region clusters have it: without options that give a key a deadline."""
    refused = _TIMES.get(command.name)
    if refused is None:
        return command
    run = command.run

    def without_deadline(s: Session, argv: Argv) -> Reply:
        if any(word.upper() in refused for word in argv[3:]) or (
            command.name == "restore" and argv[2] != b"0"
        ):
            raise SyntaxFault
        if command.name == "restore" and not _may_be_restored(s, argv[3]):
            raise CommandError("ERR Bad data format")
        return run(s, argv)

    command.run = without_deadline
    return command


def may_hold(value: Value) -> bool:
    """Whether multi-Region clusters have values of that type."""
    return isinstance(value, bytes | Hash | Set | ZSet)


def _may_be_restored(s: Session, payload: bytes) -> bool:
    try:
        return may_hold(rdb.restore(payload, s.node.cluster.parameters.limits))
    except rdb.RdbError:  # which RESTORE itself explains
        return True


class ReplicationGroup:
    """The regional clusters of one multi-Region cluster."""

    def __init__(self) -> None:
        self.members: list[Cluster] = []
        self._repeats = False

    def add(self, cluster: Cluster) -> None:
        """The cluster takes part from now on; its data is that of the others."""
        for member in (*self.members, cluster):
            member.settle()
        self.members.append(cluster)
        self._introduce(cluster, self)

    def remove(self, cluster: Cluster) -> None:
        """The cluster has left; it keeps its data."""
        if cluster in self.members:
            for member in self.members:
                member.settle()
            self.members.remove(cluster)
            self._introduce(cluster, None)

    @staticmethod
    def _introduce(cluster: Cluster, group: ReplicationGroup | None) -> None:
        cluster.group = group
        for shard in cluster.shards:
            shard.keyspace.group = group
            shard.keyspace.observe()

    def repeat(self, origin: Cluster, entries: Sequence[Argv], now: int) -> None:
        """Does in the other Regions what was done in one. What is repeated itself goes no further."""
        if self._repeats:
            return
        self._repeats = True
        try:
            for member in self.members:
                if member is not origin:
                    for entry in entries:
                        _repeat(member, entry, now)
        finally:
            self._repeats = False


def _repeat(cluster: Cluster, entry: Argv, now: int) -> None:
    """Runs an effect under the eyes of those who watch the cluster: transactions, tracking clients, subscribers, its log."""
    command = cluster.table.effects.find(entry[0])
    keys = command.find_keys(entry) if command is not None else []
    if command is None or not keys:
        return
    number = key_slot(keys[0])
    shard = cluster.owner(number)
    session = shard.repeater(now)
    session.db = shard.keyspace.slot(number)
    try:
        session.observed(command, entry)
    except CommandError as error:
        LOG.error("a write did not reach cluster %s: %s", cluster.spec.name, error.text)
