"""Keys of each host's KMS: looked up when a cluster or a snapshot is made, and when the cluster is changed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .endpoint import Endpoint
from .test_story import available


def cluster(name: str, key: str) -> dict[str, str]:
    return {"ClusterName": name, "NodeType": "db.t4g.small", "ACLName": "open-access", "KmsKeyId": key}


def new_key(endpoint: Endpoint) -> dict[str, str]:
    try:
        return dict(endpoint.client("kms").create_key()["KeyMetadata"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "InternalError":
            pytest.skip(f"the host's KMS makes no keys: {error}")  # LocalStack 4.13 on Python 3.11
        raise


def refusal(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**params)
    found = error.value.response["Error"]
    return found["Code"], found["Message"]


def test_an_alias_is_answered_as_the_arn_of_its_key(endpoint: Endpoint) -> None:
    kms, memorydb = endpoint.client("kms"), endpoint.client("memorydb")
    key = new_key(endpoint)
    kms.create_alias(AliasName="alias/shop", TargetKeyId=key["KeyId"])
    names = ["alias/shop", key["Arn"].replace(f"key/{key['KeyId']}", "alias/shop"), key["Arn"], key["KeyId"]]
    for number, name in enumerate(names):
        made = memorydb.create_cluster(**cluster(f"keyed-{number}", name))["Cluster"]
        assert made["KmsKeyId"] == key["Arn"]


def test_a_key_that_is_not_there_is_refused(endpoint: Endpoint) -> None:
    memorydb = endpoint.client("memorydb")
    identifier = str(uuid.uuid4())
    for key in (
        identifier,
        "alias/nobody",
        f"arn:aws:kms:us-east-1:000000000000:key/{identifier}",
        f"arn:aws:kms:eu-west-1:000000000000:key/{identifier}",
        "no key at all",
    ):
        code, text = refusal(memorydb.create_cluster, **cluster("unkeyed", key))
        assert (code, text) == ("InvalidParameterValueException", f"KMS key {key} does not exist.")


def test_a_key_of_another_account_is_refused(endpoint: Endpoint) -> None:
    key = new_key(endpoint)["Arn"]
    stranger = endpoint.client("memorydb", "333333333333")
    code, text = refusal(stranger.create_cluster, **cluster("unkeyed", key))
    assert (code, text) == ("InvalidParameterValueException", f"KMS key {key} does not exist.")


def test_a_disabled_key_stops_changes_until_it_is_enabled(endpoint: Endpoint) -> None:
    kms, memorydb = endpoint.client("kms"), endpoint.client("memorydb")
    key = new_key(endpoint)
    memorydb.create_cluster(**cluster("locked", key["KeyId"]))
    available(endpoint, "locked")
    kms.disable_key(KeyId=key["KeyId"])
    text = f"KMS key {key['Arn']} is not enabled: its state is Disabled."
    change = {"ClusterName": "locked", "Description": "changed"}
    assert refusal(memorydb.update_cluster, **change) == ("InvalidKMSKeyFault", text)
    assert refusal(memorydb.create_cluster, **cluster("other", key["KeyId"])) == (
        "InvalidParameterValueException",
        text,
    )
    kms.enable_key(KeyId=key["KeyId"])
    assert memorydb.update_cluster(**change)["Cluster"]["Description"] == "changed"


def test_localstack_without_kms_takes_a_key_as_it_is(start: Callable[..., Endpoint], host: str) -> None:
    if host != "localstack":
        pytest.skip("the stand-alone host always has KMS")
    endpoint = start(host, env={"SERVICES": "memorydb,ec2,s3"})
    key = "arn:aws:kms:us-east-1:000000000000:key/1234"
    made = endpoint.client("memorydb").create_cluster(**cluster("keyed", key))["Cluster"]
    assert made["KmsKeyId"] == key
