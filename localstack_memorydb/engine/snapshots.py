"""From a shard to an RDB file and back."""

from __future__ import annotations

from collections.abc import Sequence

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.cluster import Shard
from localstack_memorydb.engine.keyspace import Keyspace
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.spec import ShardSnapshot, SnapshotError


def dump_shard(shard: Shard, now: int) -> ShardSnapshot:
    """The shard's live keys at this moment."""
    keyspace = shard.keyspace
    keyspace.purge_all(now)
    keys = len(keyspace)
    data = rdb.write(
        keyspace.entries(now),
        aux={"redis-ver": "6.2.6", "redis-bits": "64", "ctime": str(now // 1000), "used-mem": "0"},
        counts=(keys, keyspace.expires()),
    )
    return ShardSnapshot(shard.name, shard.ranges, data, keys)


def load_files(files: Sequence[bytes], now: int) -> Keyspace:
    """The keys of several RDB files, by slot. Raises SnapshotError; a key in two files is an error too."""
    keyspace = Keyspace()
    slots = keyspace.slots
    for data in files:
        try:
            for key, value, deadline in rdb.read(data):
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
    return keyspace
