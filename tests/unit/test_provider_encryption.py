"""The KMS keys of clusters and snapshots: how they are named, and which cannot be used."""

from __future__ import annotations

import json

import pytest

from tests.world import ACCOUNT, REGION, World

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234"
ALIAS = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/shop"
VALUE = "InvalidParameterValueException"
CLUSTER = {"ClusterName": "orders", "NodeType": "db.t4g.small", "ACLName": "open-access"}
BAD = pytest.mark.parametrize(
    ("key", "text"),
    [
        ("4321", "KMS key 4321 does not exist."),
        ("alias/none", "KMS key alias/none does not exist."),
        ("5678", f"KMS key arn:aws:kms:{REGION}:{ACCOUNT}:key/5678 is not enabled: its state is Disabled."),
        (
            "9012",
            f"KMS key arn:aws:kms:{REGION}:{ACCOUNT}:key/9012 is not enabled: its state is PendingDeletion.",
        ),
        ("rsa", f"KMS key arn:aws:kms:{REGION}:{ACCOUNT}:key/rsa is not a symmetric encryption key."),
    ],
)


@pytest.mark.parametrize("key", ["1234", KEY, "alias/shop", ALIAS])
def test_a_key_may_be_named_in_four_ways_and_is_answered_as_its_arn(aws: World, key: str) -> None:
    assert aws.create_cluster(KmsKeyId=key)["KmsKeyId"] == KEY
    assert aws.create_snapshot(name="own", KmsKeyId=key)["KmsKeyId"] == KEY
    aws("CopySnapshot", SourceSnapshotName="own", TargetSnapshotName="copy", KmsKeyId=key)
    assert aws.snapshot("copy")["KmsKeyId"] == KEY


@BAD
def test_a_cluster_is_not_made_with_a_key_of_no_use(aws: World, key: str, text: str) -> None:
    assert aws.refused("CreateCluster", **CLUSTER, KmsKeyId=key) == (VALUE, text)
    assert aws("DescribeClusters")["Clusters"] == []


@BAD
def test_a_snapshot_is_not_made_with_a_key_of_no_use(aws: World, key: str, text: str) -> None:
    aws.create_cluster()
    request = {"ClusterName": "orders", "SnapshotName": "nightly", "KmsKeyId": key}
    assert aws.refused("CreateSnapshot", **request) == (VALUE, text)
    aws.create_snapshot()
    copy = {"SourceSnapshotName": "nightly", "TargetSnapshotName": "copy", "KmsKeyId": key}
    assert aws.refused("CopySnapshot", **copy) == (VALUE, text)
    assert [each["Name"] for each in aws("DescribeSnapshots")["Snapshots"]] == ["nightly"]


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_a_cluster_whose_key_is_of_no_use_any_more_is_not_changed(aws: World, state: str) -> None:
    aws.create_cluster(KmsKeyId="1234")
    aws.keys.states["1234"] = state
    text = f"KMS key {KEY} is not enabled: its state is {state}."
    update = {"ClusterName": "orders", "Description": "new"}
    assert aws.refused("UpdateCluster", **update) == ("InvalidKMSKeyFault", text)
    assert aws.refused("FailoverShard", ClusterName="orders", ShardName="0001") == (
        "InvalidKMSKeyFault",
        text,
    )
    assert aws.cluster().get("Description") != "new"
    aws.keys.states["1234"] = "Enabled"
    assert aws("UpdateCluster", **update)["Cluster"]["Description"] == "new"


def test_a_key_that_the_host_has_forgotten_keeps_nobody_from_a_change(aws: World) -> None:
    aws.create_cluster(KmsKeyId="1234")
    del aws.keys.states["1234"]
    assert aws("UpdateCluster", ClusterName="orders", Description="new")["Cluster"]["Description"] == "new"


@pytest.mark.parametrize(
    ("principal", "taken"),
    [
        (None, False),
        ("arn:aws:iam::999999999999:root", False),
        (f"arn:aws:iam::{ACCOUNT}:root", True),
        (ACCOUNT, True),
        ("*", True),
    ],
)
def test_a_key_of_another_account_is_good_if_its_policy_says_so(
    aws: World, principal: str | None, taken: bool
) -> None:
    foreign = KEY.replace(ACCOUNT, "999999999999")
    if principal is not None:
        statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:*", "Resource": "*"}
        aws.keys.policy = json.dumps({"Statement": [statement]})
    if taken:
        assert aws.create_cluster(KmsKeyId=foreign)["KmsKeyId"] == foreign
    else:
        assert aws.refused("CreateCluster", **CLUSTER, KmsKeyId=foreign) == (
            VALUE,
            f"KMS key {foreign} does not exist.",
        )
