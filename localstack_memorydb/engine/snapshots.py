"""From a shard to an RDB file and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.activity import writes
from localstack_memorydb.engine.cluster import Cluster, Shard
from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.keyspace import Keyspace
from localstack_memorydb.engine.multi_region import may_hold
from localstack_memorydb.engine.search.index import Indexes
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.spec import ShardSnapshot, SnapshotError
from localstack_memorydb.engine.versions import PATCH_VERSIONS, REDIS_COMPATIBLE, is_valkey

SEARCH_AUX: Final = "memorydb-search"
"""The field of a snapshot file that tells of search indexes; other servers pass it over."""


def dump_shard(shard: Shard, now: int) -> ShardSnapshot:
    """The shard's live keys at this moment, or as soon as what a client has begun is done."""
    shard.work.settle()
    keyspace = shard.keyspace
    keyspace.purge_all(now)
    keys = len(keyspace)
    aux = {
        "redis-ver": _redis_version(shard.cluster),
        "redis-bits": "64",
        "ctime": str(now // 1000),
        "used-mem": "0",
    }
    if keyspace.indexes is not None:
        aux[SEARCH_AUX] = keyspace.indexes.dump()
    data = rdb.write(
        keyspace.entries(now),
        aux=aux,
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
            restore_indexes(cluster, keyspace, snapshot)
            libraries += [source for source in snapshot.functions if source not in libraries]
            for key, value, deadline in snapshot:
                if deadline is not None and deadline <= now:
                    continue
                number = key_slot(key)
                slot = slots[number] or keyspace.slot(number)
                if key in slot:
                    raise SnapshotError("the same key stands twice in the snapshot files")
                if cluster.spec.multi_region and not may_hold(value):
                    raise SnapshotError(
                        "the snapshot holds a type of data that multi-Region clusters do not have"
                    )
                slot[key] = value
                if deadline is not None:
                    slot.expire(key, deadline)
        except rdb.RdbError as error:
            raise SnapshotError(str(error)) from error
    return keyspace, libraries


def restore_indexes(cluster: Cluster, keyspace: Keyspace, snapshot: rdb.Snapshot) -> None:
    """Makes the indexes that a snapshot file tells of. Raises SnapshotError."""
    text = snapshot.aux.get(SEARCH_AUX)
    if text is None:
        return
    if cluster.spec.edition != "search":
        raise SnapshotError("the snapshot holds search indexes, and the cluster is not enabled for search")
    try:
        Indexes(keyspace).restore(text)
    except (CommandError, KeyError, TypeError, ValueError) as error:
        raise SnapshotError(f"the search indexes of the snapshot cannot be made: {error}") from None


def load_indexes(cluster: Cluster, loaded: Keyspace) -> None:
    """Gives the indexes of snapshot files to the shard that has their keys now."""
    for shard in cluster.shards:
        if loaded.indexes is not None:
            Indexes(shard.keyspace).restore(loaded.indexes.dump())
        elif shard.keyspace.indexes is not None:
            shard.keyspace.indexes.fill()


def save_shard(shard: Shard, now: int) -> None:
    """Keeps a snapshot of the shard as the last one that was saved."""
    shard.saved, shard.saved_at = dump_shard(shard, now).data, now
    shard.saves += 1
    shard.saved_writes = writes(shard)


def load_saved(shard: Shard, now: int, *, flush: bool, replaces: bool) -> None:
    """Loads what the shard saved last, after its keys and function libraries are gone if they shall be (`flush`).

    Raises SnapshotError for one that is there already, unless the snapshot `replaces` it; then nothing has changed.
    """
    loaded, libraries = load_files(shard.cluster, [shard.saved] if shard.saved else [], now)
    if not flush and not replaces:
        for number, slot in loaded.filled():
            if not (shard.keyspace.slots[number] or {}).keys().isdisjoint(slot):
                raise SnapshotError("a key is there already")
    try:
        shard.scripting.restore(libraries, b"flush" if flush else b"replace" if replaces else b"append")
    except CommandError as error:
        raise SnapshotError(error.text) from None
    if flush:
        shard.keyspace.clear()
    for number, slot in loaded.filled():
        present = shard.keyspace.slot(number)
        for key, value in slot.items():
            present.put(key, value)
        for key, deadline in slot.deadlines.items():
            present.expire(key, deadline)
    shard.budget.recount()


def load_libraries(cluster: Cluster, libraries: Sequence[bytes]) -> None:
    """Gives every shard the function libraries of snapshot files, as each primary loads them. Raises SnapshotError."""
    if cluster.table.level < (7,):
        return
    for shard in cluster.shards:
        try:
            shard.scripting.restore(list(libraries), b"replace")
        except CommandError as error:
            raise SnapshotError(f"a function library cannot be loaded: {error.text}") from None
