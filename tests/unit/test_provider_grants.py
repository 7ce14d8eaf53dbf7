"""Bucket policies: who is let in."""

from __future__ import annotations

from typing import Any

import pytest

from localstack_memorydb.provider.grants import Ask, is_granted
from tests.world import ACCOUNT, REGION, World

PRINCIPAL = "us-east-1.memorydb-snapshot.amazonaws.com"
ASK = Ask(PRINCIPAL, "s3:GetObject", "arn:aws:s3:::backups/a.rdb", "123456789012")
ALLOW = {
    "Effect": "Allow",
    "Principal": {"Service": PRINCIPAL},
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::backups/*",
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"Service": ["s3.amazonaws.com", PRINCIPAL]}},
        {"Action": ["s3:PutObject", "s3:getobject"]},
        {"Action": "s3:Get*"},
        {"Action": "*"},
        {"Resource": ["arn:aws:s3:::backups", "arn:aws:s3:::backups/?.rdb"]},
        {"Resource": "*"},
        {"Condition": {}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
    ids=str,
)
def test_a_statement_that_allows(change: dict[str, Any]) -> None:
    assert is_granted([{**ALLOW, **change}], ASK)


@pytest.mark.parametrize(
    "change",
    [
        {"Principal": {"Service": "s3.amazonaws.com"}},
        {"Principal": {"Service": "eu-west-1.memorydb-snapshot.amazonaws.com"}},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Action": "s3:PutObject"},
        {"Action": []},
        {"Resource": "arn:aws:s3:::backups"},
        {"Resource": "arn:aws:s3:::Backups/*"},
        {"Resource": "arn:aws:s3:::backups/[a].rdb"},
        {"Effect": "Deny"},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
    ],
    ids=str,
)
def test_a_statement_that_does_not_allow(change: dict[str, Any]) -> None:
    assert not is_granted([{**ALLOW, **change}], ASK)


def test_a_denial_wins() -> None:
    denial = {**ALLOW, "Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    assert not is_granted([ALLOW, denial], ASK)


def test_the_usual_denial_of_plain_http_does_not_concern_memorydb() -> None:
    denial = {**ALLOW, "Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    assert is_granted([ALLOW, denial], ASK)


def test_statements_may_be_put_the_other_way_round() -> None:
    others = {"Effect": "Deny", "NotPrincipal": {"Service": PRINCIPAL}, "Action": "*", "Resource": "*"}
    assert is_granted([ALLOW, others], ASK)
    assert not is_granted([{**ALLOW, "NotAction": "s3:Get*"}], ASK)
    assert not is_granted([{**ALLOW, "NotResource": "arn:aws:s3:::backups/*"}], ASK)


def test_a_bucket_without_a_policy_is_good_for_its_owner_only(aws: World) -> None:
    aws.buckets.regions["backups"] = REGION
    aws.create_cluster()
    aws.create_snapshot()
    export = {"SourceSnapshotName": "nightly", "TargetSnapshotName": "out", "TargetBucket": "backups"}
    aws.buckets.owners["backups"] = "999999999999"
    code, text = aws.refused("CopySnapshot", **export)
    assert (code, "has not been granted READ permissions" in text) == ("InvalidParameterValueException", True)
    aws.buckets.owners["backups"] = ACCOUNT
    aws("CopySnapshot", **export)
