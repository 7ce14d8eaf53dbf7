"""Access keys as moto's IAM and STS keep them: those that can sign have a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from localstack_memorydb.integrations.moto import server
from localstack_memorydb.integrations.moto.ports import MotoKeys, account_of_key
from localstack_memorydb.provider.ports import Scope, Secret

ACCOUNT = "123456789012"
HERE, ELSEWHERE = Scope(ACCOUNT, "us-east-1"), Scope("999999999999", "us-east-1")


@pytest.fixture
def keys() -> Iterator[MotoKeys]:
    with mock_aws():
        yield MotoKeys(account_of_key)


def client(service: str) -> Any:
    return boto3.client(service, "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


def test_a_users_key(keys: MotoKeys) -> None:
    iam = client("iam")
    iam.create_user(UserName="app")
    made = iam.create_access_key(UserName="app")["AccessKey"]
    key = made["AccessKeyId"]
    assert keys.secrets(HERE, key) == [Secret(made["SecretAccessKey"])]
    assert keys.secrets(ELSEWHERE, key) is None
    assert keys.account(key) == ACCOUNT
    iam.update_access_key(UserName="app", AccessKeyId=key, Status="Inactive")
    assert keys.secrets(HERE, key) == []
    iam.delete_access_key(UserName="app", AccessKeyId=key)
    assert keys.secrets(HERE, key) is None


def test_a_roles_key(keys: MotoKeys) -> None:
    from moto.sts.models import sts_backends

    role = f"arn:aws:iam::{ACCOUNT}:role/app"
    made = client("sts").assume_role(RoleArn=role, RoleSessionName="story")["Credentials"]
    key = made["AccessKeyId"]
    assert keys.secrets(HERE, key) == [Secret(made["SecretAccessKey"], made["SessionToken"])]
    assert keys.secrets(ELSEWHERE, key) is None
    (session,) = sts_backends[ACCOUNT]["aws"].assumed_roles
    session.expiration -= timedelta(days=1)
    assert keys.secrets(HERE, key) == []


def test_a_key_that_nobody_made(keys: MotoKeys) -> None:
    assert keys.secrets(HERE, "test") is None
    assert keys.account("test") == ACCOUNT


@pytest.mark.parametrize("rule", [account_of_key, server.account_of_key])
def test_a_chosen_account_has_every_key(rule: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "555555555555")
    assert [rule(key) for key in ("test", "", "111111111111")] == ["555555555555"] * 3


def test_the_stand_alone_host_takes_twelve_digits_for_an_account(keys: MotoKeys) -> None:
    assert [server.account_of_key(key) for key in ("test", "", "111111111111")] == [
        "000000000000",
        "000000000000",
        "111111111111",
    ]
    client("iam").create_user(UserName="app")
    made = client("iam").create_access_key(UserName="app")["AccessKey"]
    assert server.account_of_key(made["AccessKeyId"]) == ACCOUNT
