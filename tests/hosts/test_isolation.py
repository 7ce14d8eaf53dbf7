"""Accounts and Regions as each host finds them in a request, and what belongs to them in its other services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .endpoint import REGION, Endpoint
from .test_story import until

OWNER, OTHER = "111111111111", "222222222222"
STRANGERS = [(OTHER, REGION), (OWNER, "eu-west-1"), ("test", REGION)]
NAME = "apart"


@pytest.fixture(scope="module")
def owner(endpoint: Endpoint) -> Iterator[Any]:
    """The account that has a user and a cluster with its snapshot."""
    memorydb = endpoint.client("memorydb", OWNER)
    memorydb.create_user(UserName=NAME, AccessString="on ~* +@all", AuthenticationMode={"Type": "iam"})
    memorydb.create_cluster(
        ClusterName=NAME, NodeType="db.t4g.small", ACLName="open-access", NumShards=1, NumReplicasPerShard=0
    )
    until(lambda: memorydb.describe_clusters(ClusterName=NAME)["Clusters"][0]["Status"] == "available")
    memorydb.create_snapshot(ClusterName=NAME, SnapshotName=NAME)
    until(lambda: memorydb.describe_snapshots(SnapshotName=NAME)["Snapshots"][0]["Status"] == "available")
    yield memorydb
    memorydb.delete_cluster(ClusterName=NAME)


@pytest.mark.parametrize(("account", "region"), STRANGERS)
def test_others_do_not_see_it(endpoint: Endpoint, owner: Any, account: str, region: str) -> None:
    stranger = endpoint.client("memorydb", account, region)
    for kind in ("clusters", "users", "snapshots"):
        rows = getattr(stranger, f"describe_{kind}")()[kind.title()]
        assert NAME not in {row["Name"] for row in rows}
    arn = owner.describe_clusters(ClusterName=NAME)["Clusters"][0]["ARN"]
    assert f":{REGION}:{OWNER}:" in arn
    with pytest.raises(stranger.exceptions.InvalidARNFault):
        stranger.list_tags(ResourceArn=arn)
    with pytest.raises(stranger.exceptions.ClusterNotFoundFault):
        stranger.delete_cluster(ClusterName=NAME)


def test_snapshots_stay_out_of_another_accounts_bucket(endpoint: Endpoint, owner: Any) -> None:
    """Unless its policy lets MemoryDB in."""
    bucket = "apart-of-another-account"
    s3 = endpoint.client("s3", OTHER)
    s3.create_bucket(Bucket=bucket)
    export = {"SourceSnapshotName": NAME, "TargetSnapshotName": "out", "TargetBucket": bucket}
    with pytest.raises(ClientError, match="has not been granted READ permissions"):
        owner.copy_snapshot(**export)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
