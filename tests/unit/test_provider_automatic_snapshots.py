"""Automatic snapshots: taken in their window, once a day, for as long as the cluster wants to keep them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import World

WINDOW = {"SnapshotWindow": "13:00-14:00", "MaintenanceWindow": "sun:05:00-sun:06:00"}


def snapshots(aws: World, **filters: Any) -> list[str]:
    aws.finish_work()
    return [each["Name"] for each in aws("DescribeSnapshots", **filters)["Snapshots"]]


@pytest.fixture(autouse=True)
def orders(aws: World) -> None:
    """It is twelve o'clock; the window begins in an hour."""
    tags = [{"Key": "team", "Value": "shop"}]
    aws.create_cluster(SnapshotRetentionLimit=2, NumReplicasPerShard=0, Tags=tags, **WINDOW)


def test_before_the_window_none_is_taken(aws: World) -> None:
    aws.pass_time(minutes=59)
    aws.tick()
    assert snapshots(aws) == []


def test_in_the_window_one_is_taken(aws: World) -> None:
    aws.pass_time(minutes=75)
    aws.tick()
    assert snapshots(aws) == ["automatic.orders-2026-11-23-13-15"]
    aws.pass_time(minutes=20)
    aws.tick()
    assert snapshots(aws) == ["automatic.orders-2026-11-23-13-15"]
    snapshot = aws.snapshot("automatic.orders-2026-11-23-13-15")
    assert (snapshot["Source"], snapshot["Status"]) == ("automated", "available")
    assert snapshots(aws, Source="system") == [snapshot["Name"]]
    assert snapshots(aws, Source="user") == []
    assert aws("ListTags", ResourceArn=snapshot["ARN"])["TagList"] == [{"Key": "team", "Value": "shop"}]
    assert aws.cluster()["Status"] == "available"


def test_the_cluster_is_snapshotting_meanwhile(aws: World) -> None:
    aws.pass_time(minutes=75)
    assert aws("UpdateCluster", ClusterName="orders", Description="x")["Cluster"]["Status"] == "available"
    aws.tick()
    (store,) = aws.provider._stores.values()
    assert store.clusters["orders"].status == "snapshotting"
    assert aws.settled_cluster()["Status"] == "available"


def test_they_are_taken_when_nobody_calls(aws: World) -> None:
    """The work of the tick in the window ends by later ticks alone."""
    aws.pass_time(minutes=75)
    aws.tick()
    aws.finish_work()
    aws.pass_time(seconds=1)
    aws.tick()
    (store,) = aws.provider._stores.values()
    assert [each.status for each in store.snapshots.values()] == ["available"]
    assert store.clusters["orders"].status == "available"
    assert store.events[-1].message.startswith("Snapshot automatic.orders-2026-11-23-13-15 succeeded")


def test_a_busy_cluster_gets_its_snapshot_later_in_the_window(aws: World) -> None:
    aws.pass_time(minutes=60)
    aws("CreateSnapshot", ClusterName="orders", SnapshotName="by-hand")
    aws.provider.wait_for_work(60)
    (store,) = aws.provider._stores.values()
    assert store.clusters["orders"].status == "snapshotting"
    aws.pass_time(minutes=1)
    aws.tick()
    assert snapshots(aws, Source="system") == ["automatic.orders-2026-11-23-13-01"]


def test_they_expire(aws: World) -> None:
    taken = []
    for day in range(4):
        aws.pass_time(minutes=75 if day == 0 else 24 * 60)
        aws.tick()
        taken = snapshots(aws)
    assert taken == [f"automatic.orders-2026-11-{day}-13-15" for day in (24, 25, 26)]
    aws.pass_time(hours=1)
    aws.tick()
    assert len(snapshots(aws)) == 2


def test_they_can_be_deleted_and_copied(aws: World) -> None:
    aws.pass_time(minutes=75)
    aws.tick()
    (name,) = snapshots(aws)
    aws("CopySnapshot", SourceSnapshotName=name, TargetSnapshotName="kept")
    aws("DeleteSnapshot", SnapshotName=name)
    assert snapshots(aws) == ["kept"]
    assert aws.snapshot("kept")["Source"] == "manual"


def test_they_go_with_their_cluster(aws: World) -> None:
    aws.pass_time(minutes=75)
    aws.tick()
    assert len(snapshots(aws)) == 1
    aws("DeleteCluster", ClusterName="orders")
    aws.finish_work()
    aws("DescribeClusters")
    assert snapshots(aws) == []


def test_without_retention_there_are_none(aws: World) -> None:
    aws("UpdateCluster", ClusterName="orders", SnapshotRetentionLimit=0)
    aws.pass_time(minutes=75)
    aws.tick()
    assert snapshots(aws) == []


def test_a_window_over_midnight(aws: World) -> None:
    aws("UpdateCluster", ClusterName="orders", SnapshotWindow="23:30-01:00")
    aws.pass_time(hours=12, minutes=30)
    aws.tick()
    assert snapshots(aws) == ["automatic.orders-2026-11-24-00-30"]
    aws.pass_time(minutes=10)
    aws.tick()
    assert len(snapshots(aws)) == 1
