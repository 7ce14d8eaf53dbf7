"""Nodes become smaller or fewer only when the data fits them, and a snapshot is loaded only where it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from localstack_memorydb.engine import CapacityError, ClusterHandle, ClusterSpec, Engine
from localstack_memorydb.engine.slots import key_slot
from tests.world import World

MEGABYTE = 1 << 20


def cluster(engine: Engine, **given: Any) -> ClusterHandle:
    return engine.create_cluster(ClusterSpec(name="orders", replicas=0, tls=False, **given))


@pytest.fixture
def two(engine: Engine) -> Iterator[ClusterHandle]:
    handle = cluster(engine, shards=2, maxmemory=8 * MEGABYTE)
    yield handle
    handle.close()


def fill(handle: ClusterHandle, keys: int, value: bytes = bytes(MEGABYTE)) -> None:
    """Keys that all hold one and the same object: large data that takes no memory here."""

    def put() -> None:
        for number in range(keys):
            key = b"key:%d" % number
            slot = key_slot(key)
            handle._cluster.owner(slot).keyspace.slot(slot)[key] = value

    handle._call(put)


def shape(handle: ClusterHandle) -> list[tuple[Any, int]]:
    return [(shard.slots, shard.keys) for shard in handle.topology()]


def test_fewer_shards_must_have_room(two: ClusterHandle) -> None:
    fill(two, 8)
    before = shape(two)
    with pytest.raises(
        CapacityError, match=r"Shard 0001 would hold .* bytes of data; a node has room for 8388608"
    ):
        two.reshard(1)
    assert shape(two) == before


def test_fewer_shards_that_have_room(two: ClusterHandle) -> None:
    fill(two, 5)
    two.reshard(1)
    assert shape(two) == [(((0, 16383),), 5)]


def test_more_shards_always_have_room(two: ClusterHandle) -> None:
    fill(two, 30)
    two.reshard(3)
    assert len(two.topology()) == 3


def test_an_item_too_large_to_move(engine: Engine) -> None:
    handle = cluster(engine, shards=1)
    fill(handle, 40, bytes((256 << 20) + 1))
    with pytest.raises(CapacityError, match="holds an item of 268435457 bytes, too large to be moved"):
        handle.reshard(2)
    assert [keys for _, keys in shape(handle)] == [40]
    handle.close()


def test_smaller_nodes_must_have_room(two: ClusterHandle) -> None:
    fill(two, 8)
    with pytest.raises(CapacityError):
        two.renew(replace(two.spec, maxmemory=4 * MEGABYTE, replicas=1))
    assert [len(shard.nodes) for shard in two.topology()] == [1, 1]
    two.renew(replace(two.spec, maxmemory=16 * MEGABYTE, replicas=1))
    assert [len(shard.nodes) for shard in two.topology()] == [2, 2]


def test_a_snapshot_must_fit(engine: Engine, two: ClusterHandle) -> None:
    fill(two, 8, b"incompressible?" * 70_000)
    files = [file.data for file in two.snapshot()]
    small = cluster(engine, shards=1, maxmemory=4 * MEGABYTE)
    with pytest.raises(CapacityError):
        small.load(files)
    assert [keys for _, keys in shape(small)] == [0]
    small.close()


def test_data_of_a_snapshot_counts_from_the_start(engine: Engine, two: ClusterHandle) -> None:
    """The next write after a load that fills the node is refused."""
    fill(two, 4, b"incompressible?" * 70_000)
    files = [file.data for file in two.snapshot()]
    full = cluster(engine, shards=1, maxmemory=300 * MEGABYTE)
    full.load(files)
    assert full._call(lambda: full._cluster.shards[0].budget.used) > 4 * MEGABYTE
    full.close()


def test_a_cluster_that_cannot_be_scaled_down_stays_as_it_was(aws: World) -> None:
    aws.create_cluster(NodeType="db.r7g.large", NumReplicasPerShard=0)
    (handle,) = aws.provider._fleet._handles.values()
    fill(handle, 30, bytes(100 * MEGABYTE))
    aws("UpdateCluster", ClusterName="orders", NodeType="db.t4g.small")
    after = aws.settled_cluster()
    assert (after["Status"], after["NodeType"]) == ("available", "db.r7g.large")
    assert aws.events()[0].startswith(
        "Failed applying modification to node type to db.t4g.small. Shard 0001 would hold "
    )
