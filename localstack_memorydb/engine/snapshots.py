"""From a shard to an RDB file and back."""

from __future__ import annotations

from collections.abc import Sequence

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.cluster import Cluster, Shard
from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.keyspace import Keyspace
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.spec import ShardSnapshot, SnapshotError
from localstack_memorydb.engine.versions import PATCH_VERSIONS, REDIS_COMPATIBLE, is_valkey


def dump_shard(shard: Shard, now: int) -> ShardSnapshot:
    """The shard's live keys at this moment."""
    keyspace = shard.keyspace
    keyspace.purge_all(now)
    keys = len(keyspace)
    data = rdb.write(
        keyspace.entries(now),
        aux={
            "redis-ver": _redis_version(shard.cluster),
            "redis-bits": "64",
            "ctime": str(now // 1000),
            "used-mem": "0",
        },
        functions=[library.source for library in shard.scripting.libraries.values()],
        version=9 if shard.cluster.table.level < (7,) else 10,
        counts=(keys, keyspace.expires()),
    )
    return ShardSnapshot(shard.name, shard.ranges, data, keys)


def _redis_version(cluster: Cluster) -> str:
    version = cluster.spec.engine_version
    return REDIS_COMPATIBLE if is_valkey(version) else PATCH_VERSIONS[version]


def load_files(cluster: Cluster, files: Sequence[bytes], now: int) -> tuple[Keyspace, list[bytes]]:
    """The keys of several RDB files, by slot, and the code of their function libraries.

    Raises SnapshotError; a key in two files is an error too.
    """
    keyspace = Keyspace()
    libraries: list[bytes] = []
    limits = cluster.parameters.limits
    slots = keyspace.slots
    for data in files:
        try:
            snapshot = rdb.read(data, limits)
            libraries += [source for source in snapshot.functions if source not in libraries]
            for key, value, deadline in snapshot:
                if deadline is not None and deadline <= now:
                    continue
                number = key_slot(key)
                slot = slots[number] or keyspace.slot(number)
                if key in slot:
                    raise SnapshotError("the same key stands twice in the snapshot files")
                slot[key] = value
                if deadline is not None:
                    slot.deadlines[key] = deadline
        except rdb.RdbError as error:
            raise SnapshotError(str(error)) from error
    return keyspace, libraries


def load_libraries(cluster: Cluster, libraries: Sequence[bytes]) -> None:
    """Gives every shard the function libraries of snapshot files, as each primary loads them. Raises SnapshotError."""
    if cluster.table.level < (7,):
        return
    for shard in cluster.shards:
        try:
            shard.scripting.restore(list(libraries), b"replace")
        except CommandError as error:
            raise SnapshotError(f"a function library cannot be loaded: {error.text}") from None
