"""Snapshots: made, listed, copied, exported, restored, deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from localstack_memorydb.engine import Engine
from tests.world import REGION, START, World, open_world

VALUE = "InvalidParameterValueException"
COMBINATION = "InvalidParameterCombinationException"
PRINCIPAL = f"{REGION}.memorydb-snapshot.amazonaws.com"


def client(cluster: dict[str, Any]) -> redis.RedisCluster:
    endpoint = cluster["ClusterEndpoint"]
    return redis.RedisCluster(host=endpoint["Address"], port=endpoint["Port"])


@pytest.fixture
def orders(aws: World) -> dict[str, Any]:
    """A cluster of two shards with a hundred keys."""
    cluster = aws.create_cluster(NumShards=2, NumReplicasPerShard=0, TLSEnabled=False)
    with client(cluster) as connection:
        for number in range(100):
            connection.set(f"order:{number}", number)
    return cluster


def test_a_snapshot_is_answered_as_aws_does(aws: World) -> None:
    aws.create_cluster(MaintenanceWindow="sun:23:00-mon:01:30", SnapshotWindow="04:00-05:00")
    answer = aws("CreateSnapshot", ClusterName="Orders", SnapshotName="Nightly")["Snapshot"]
    assert answer == {
        "Name": "nightly",
        "Status": "creating",
        "Source": "manual",
        "ARN": f"arn:aws:memorydb:{REGION}:123456789012:snapshot/nightly",
        "ClusterConfiguration": {
            "Name": "orders",
            "Description": "",
            "NodeType": "db.t4g.small",
            "Engine": "redis",
            "EngineVersion": "7.1",
            "MaintenanceWindow": "sun:23:00-mon:01:30",
            "Port": 6379,
            "ParameterGroupName": "default.memorydb-redis7",
            "SubnetGroupName": "default",
            "VpcId": "vpc-default",
            "SnapshotRetentionLimit": 0,
            "SnapshotWindow": "04:00-05:00",
            "NumShards": 1,
        },
        "DataTiering": "false",
    }


def test_the_shards_of_a_snapshot_are_shown_when_asked_for(aws: World, orders: dict[str, Any]) -> None:
    detail = aws.create_snapshot()["ClusterConfiguration"]["Shards"]
    assert detail == [
        {
            "Name": name,
            "Configuration": {"Slots": slots, "ReplicaCount": 0},
            "Size": "1 MB",
            "SnapshotCreationTime": START,
        }
        for name, slots in (("0001", "0-8191"), ("0002", "8192-16383"))
    ]
    assert "Shards" not in aws("DescribeSnapshots")["Snapshots"][0]["ClusterConfiguration"]


def test_a_cluster_is_snapshotting_meanwhile(slow_aws: World) -> None:
    aws = slow_aws
    aws.create_cluster()
    aws.pass_time(minutes=1)
    aws("CreateSnapshot", ClusterName="orders", SnapshotName="nightly")
    aws.finish_work()
    assert (aws.cluster()["Status"], aws.snapshot()["Status"]) == ("snapshotting", "creating")
    aws.pass_time(minutes=1)
    assert (aws.cluster()["Status"], aws.snapshot()["Status"]) == ("available", "available")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ClusterName": "nobody"}, "ClusterNotFoundFault"),
        ({"SnapshotName": "taken"}, "SnapshotAlreadyExistsFault"),
        ({"SnapshotName": "automatic.orders"}, VALUE),
        ({"SnapshotName": "a" * 256}, VALUE),
    ],
)
def test_create_snapshot_refuses(aws: World, given: dict[str, Any], code: str) -> None:
    aws.create_cluster()
    aws.create_snapshot(name="taken")
    assert (
        aws.refusal("CreateSnapshot", **{"ClusterName": "orders", "SnapshotName": "nightly", **given}) == code
    )


def test_twenty_manual_snapshots_a_day_are_enough(aws: World) -> None:
    aws.create_cluster(NumReplicasPerShard=0)
    for number in range(20):
        aws.create_snapshot(name=f"s{number}")
    request = {"ClusterName": "orders", "SnapshotName": "more"}
    assert aws.refusal("CreateSnapshot", **request) == "SnapshotQuotaExceededFault"
    aws.pass_time(hours=24)
    aws("CreateSnapshot", **request)


def test_snapshots_are_found_by_cluster_name_and_source(aws: World) -> None:
    for cluster in ("orders", "users"):
        aws.create_cluster(cluster)
        aws.create_snapshot(cluster, f"of-{cluster}")

    def names(**filters: str) -> list[str]:
        return [each["Name"] for each in aws("DescribeSnapshots", **filters)["Snapshots"]]

    assert names() == ["of-orders", "of-users"]
    assert names(ClusterName="Users") == ["of-users"]
    assert names(SnapshotName="OF-orders") == ["of-orders"]
    assert names(Source="user") == ["of-orders", "of-users"]
    assert names(Source="system") == []
    assert names(ClusterName="nobody") == []
    assert aws.refusal("DescribeSnapshots", SnapshotName="nobody") == "SnapshotNotFoundFault"
    assert aws.refusal("DescribeSnapshots", Source="manual") == VALUE


def test_a_deleted_snapshot_is_gone(aws: World) -> None:
    aws.create_cluster()
    aws.create_snapshot()
    assert aws("DeleteSnapshot", SnapshotName="Nightly")["Snapshot"]["Status"] == "deleting"
    assert aws("DescribeSnapshots")["Snapshots"] == []
    assert aws.refusal("DeleteSnapshot", SnapshotName="nightly") == "SnapshotNotFoundFault"


def test_a_snapshot_being_made_cannot_be_used(slow_aws: World) -> None:
    aws = slow_aws
    aws.create_cluster()
    aws.pass_time(minutes=1)
    aws.create_snapshot()
    assert aws.refusal("DeleteSnapshot", SnapshotName="nightly") == "InvalidSnapshotStateFault"
    request = {"SourceSnapshotName": "nightly", "TargetSnapshotName": "copy"}
    assert aws.refusal("CopySnapshot", **request) == "InvalidSnapshotStateFault"
    cluster = {
        "ClusterName": "copy",
        "NodeType": "db.t4g.small",
        "ACLName": "open-access",
        "SnapshotName": "nightly",
    }
    assert aws.refusal("CreateCluster", **cluster) == VALUE


def test_a_copy_has_the_data_and_the_tags(aws: World, orders: dict[str, Any]) -> None:
    aws.create_snapshot(Tags=[{"Key": "kept", "Value": "long"}], KmsKeyId="1234")
    request = {"SourceSnapshotName": "nightly", "TargetSnapshotName": "Copy"}
    assert aws("CopySnapshot", **request)["Snapshot"]["Status"] == "creating"
    copy, source = aws.snapshot("copy"), aws.snapshot("nightly")
    assert copy["ClusterConfiguration"] == source["ClusterConfiguration"]
    assert copy["KmsKeyId"] == source["KmsKeyId"]
    assert aws("ListTags", ResourceArn=copy["ARN"])["TagList"] == [{"Key": "kept", "Value": "long"}]
    assert aws.refusal("CopySnapshot", **request) == "SnapshotAlreadyExistsFault"


def test_a_restored_cluster_has_the_data(aws: World, orders: dict[str, Any]) -> None:
    aws.create_snapshot()
    copy = aws.create_cluster("copy", SnapshotName="nightly", TLSEnabled=False, NumReplicasPerShard=0)
    assert (copy["Status"], copy["NumberOfShards"]) == ("available", 2)
    with client(copy) as connection:
        assert connection.get("order:42") == b"42"


@pytest.mark.parametrize("shards", [1, 3])
def test_a_restored_cluster_may_have_other_shards(aws: World, orders: dict[str, Any], shards: int) -> None:
    aws.create_snapshot()
    copy = aws.create_cluster(
        "copy", SnapshotName="nightly", NumShards=shards, TLSEnabled=False, NumReplicasPerShard=0
    )
    with client(copy) as connection:
        assert [connection.get(f"order:{number}") for number in range(100)] == [b"%d" % n for n in range(100)]


def test_a_restore_takes_the_engine_and_the_tags_of_the_snapshot(aws: World) -> None:
    aws.create_cluster(Engine="valkey", Tags=[{"Key": "team", "Value": "shop"}])
    aws.create_snapshot()
    copy = aws.create_cluster("copy", SnapshotName="nightly")
    assert (copy["Engine"], copy["EngineVersion"]) == ("valkey", "7.2")
    assert aws("ListTags", ResourceArn=copy["ARN"])["TagList"] == [{"Key": "team", "Value": "shop"}]
    own = aws.create_cluster("own", SnapshotName="nightly", Tags=[{"Key": "own", "Value": ""}])
    assert aws("ListTags", ResourceArn=own["ARN"])["TagList"] == [{"Key": "own", "Value": ""}]


def test_an_older_engine_cannot_read_a_newer_snapshot(aws: World) -> None:
    aws.create_cluster(Engine="valkey")
    aws.create_snapshot()
    request = {
        "ClusterName": "copy",
        "NodeType": "db.t4g.small",
        "ACLName": "open-access",
        "SnapshotName": "nightly",
    }
    assert aws.refusal("CreateCluster", **request, Engine="redis") == COMBINATION


def test_a_snapshot_is_restoring_while_a_cluster_is_made_of_it(slow_aws: World) -> None:
    aws = slow_aws
    aws.create_cluster()
    aws.pass_time(minutes=1)
    aws.create_snapshot()
    aws.pass_time(minutes=1)
    aws.create_cluster("copy", SnapshotName="nightly")
    assert aws.snapshot()["Status"] == "restoring"
    aws.pass_time(minutes=1)
    assert (aws.snapshot()["Status"], aws.cluster("copy")["Status"]) == ("available", "available")


def test_snapshots_with_data_tiering_stay_with_it(aws: World) -> None:
    aws.create_cluster(NodeType="db.r6gd.xlarge")
    assert aws.create_snapshot()["DataTiering"] == "true"
    request = {
        "ClusterName": "copy",
        "NodeType": "db.r6g.xlarge",
        "ACLName": "open-access",
        "SnapshotName": "nightly",
    }
    assert aws.refusal("CreateCluster", **request) == COMBINATION
    aws.buckets.regions["backups"] = REGION
    assert aws.refusal("CopySnapshot", **EXPORT) == COMBINATION


EXPORT = {"SourceSnapshotName": "nightly", "TargetSnapshotName": "Export", "TargetBucket": "backups"}
ARNS = ["arn:aws:s3:::backups/Export-0001.rdb", "arn:aws:s3:::backups/Export-0002.rdb"]


class TestWithS3:
    """A snapshot of the two shards, and a bucket."""

    @pytest.fixture(autouse=True)
    def prepare(self, aws: World, orders: dict[str, Any]) -> None:
        aws.create_snapshot()
        aws.buckets.regions.update({"backups": REGION, "far-away": "eu-west-1"})

    def test_an_export_writes_a_file_for_each_shard(self, aws: World) -> None:
        answer = aws("CopySnapshot", **EXPORT)["Snapshot"]
        aws.finish_work()
        assert (answer["Name"], answer["Status"]) == ("nightly", "copying")
        assert sorted(aws.buckets.objects) == [("backups", "Export-0001.rdb"), ("backups", "Export-0002.rdb")]
        assert all(body.startswith(b"REDIS0") for body in aws.buckets.objects.values())
        assert [each["Name"] for each in aws("DescribeSnapshots")["Snapshots"]] == ["nightly"]
        assert aws.snapshot()["Status"] == "available"

    @pytest.mark.parametrize(
        ("given", "code", "text"),
        [
            ({"TargetBucket": "nowhere"}, VALUE, "The S3 bucket nowhere does not exist."),
            ({"TargetBucket": "far-away"}, VALUE, "The S3 bucket far-away is outside of the region."),
            ({"KmsKeyId": "1234"}, COMBINATION, "KmsKeyId"),
            ({"TargetSnapshotName": "a" * 1001}, VALUE, "1000"),
            ({"SourceSnapshotName": "nobody"}, "SnapshotNotFoundFault", "nobody"),
        ],
    )
    def test_an_export_is_refused(self, aws: World, given: dict[str, Any], code: str, text: str) -> None:
        refused = aws.refused("CopySnapshot", **{**EXPORT, **given})
        assert refused[0] == code
        assert text in refused[1]

    def test_an_export_overwrites_nothing(self, aws: World) -> None:
        aws.buckets.objects["backups", "Export-0002.rdb"] = b"mine"
        assert aws.refusal("CopySnapshot", **EXPORT) == "SnapshotAlreadyExistsFault"
        assert aws.buckets.objects == {("backups", "Export-0002.rdb"): b"mine"}

    def test_an_export_that_fails_on_the_way_leaves_an_event(self, aws: World) -> None:
        aws.buckets.locked.add("backups")
        aws("CopySnapshot", **EXPORT)
        aws.finish_work()
        assert aws.snapshot()["Status"] == "available"
        assert aws.events()[0] == "Snapshot Export failed for node orders-0001-001"

    @pytest.mark.parametrize(
        ("actions", "missing"),
        [
            (["s3:PutObject", "s3:GetBucketAcl"], "READ"),
            (["s3:ListBucket", "s3:GetObject", "s3:GetBucketAcl"], "WRITE"),
            (["s3:ListBucket", "s3:GetObject", "s3:PutObject"], "READ_ACP"),
        ],
    )
    def test_a_policy_must_let_memorydb_in(self, aws: World, actions: list[str], missing: str) -> None:
        aws.buckets.policies["backups"] = policy(Action=actions)
        assert aws.refused("CopySnapshot", **EXPORT) == (
            VALUE,
            f"MemoryDB has not been granted {missing} permissions {PRINCIPAL} on the S3 Bucket.",
        )

    def test_the_policy_of_the_guide_lets_memorydb_in(self, aws: World) -> None:
        aws.buckets.policies["backups"] = policy(
            Action=["s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:GetBucketAcl"]
        )
        aws("CopySnapshot", **EXPORT)

    def test_an_exported_snapshot_can_be_restored(self, aws: World) -> None:
        aws("CopySnapshot", **EXPORT)
        aws.finish_work()
        copy = aws.create_cluster("copy", SnapshotArns=ARNS, TLSEnabled=False, NumReplicasPerShard=0)
        assert (copy["Status"], copy["NumberOfShards"]) == ("available", 1)
        with client(copy) as connection:
            assert [connection.get(f"order:{number}") for number in (0, 42, 99)] == [b"0", b"42", b"99"]

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda buckets: buckets.objects.clear(), "holds no object with key Export-0001.rdb."),
            (lambda buckets: buckets.regions.clear(), "The S3 bucket backups does not exist."),
            (lambda buckets: buckets.locked.add("backups"), "is denied."),
            (
                lambda buckets: buckets.objects.update(
                    {("backups", "Export-0001.rdb"): b"REDIS0011 but not more"}
                ),
                "",
            ),
            (
                lambda buckets: buckets.policies.update(backups=policy(Effect="Deny")),
                "has not been granted READ",
            ),
        ],
        ids=["no object", "no bucket", "no access", "no RDB file", "no permission"],
    )
    def test_a_restore_that_fails_harms_nothing_else(self, aws: World, spoil: Any, reason: str) -> None:
        aws("CopySnapshot", **EXPORT)
        aws.finish_work()
        spoil(aws.buckets)
        copy = aws.create_cluster("copy", SnapshotArns=ARNS)
        assert (copy["Status"], copy["Shards"], copy["ClusterEndpoint"]) == (
            "restore-failed",
            [],
            {"Port": 6379},
        )
        event = aws.events()[0]
        assert event.startswith(f"Restore from {', '.join(ARNS)} failed for node copy-0001-001. ")
        assert reason in event
        assert aws.cluster("orders")["Status"] == "available"
        aws("DeleteCluster", ClusterName="copy")
        aws.finish_work()
        assert [each["Name"] for each in aws("DescribeClusters")["Clusters"]] == ["orders"]


def policy(**statement: Any) -> str:
    """A bucket policy of one statement."""
    allow = {"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "s3:*"}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {**allow, "Resource": ["arn:aws:s3:::backups", "arn:aws:s3:::backups/*"], **statement}
            ],
        }
    )


def test_a_strict_account_wants_a_policy(engine: Engine) -> None:
    for aws in open_world(engine, strict_bucket_policy=True):
        aws.create_cluster()
        aws.create_snapshot()
        aws.buckets.regions["backups"] = REGION
        assert aws.refusal("CopySnapshot", **EXPORT) == VALUE
        aws.buckets.policies["backups"] = policy()
        aws("CopySnapshot", **EXPORT)
        aws.finish_work()
