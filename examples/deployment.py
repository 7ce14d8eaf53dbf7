"""What the examples deploy with boto3: tables, clusters and functions that are there for the length of a `with`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3

Client = Callable[[str], Any]

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def endpoint_url(description: str | None) -> str:
    """What the caller of an example has given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--endpoint-url", default="http://127.0.0.1:4566")
    return str(parser.parse_args().endpoint_url)


def clients(url: str) -> Client:
    """boto3's clients of an emulator, by the name of the service."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    return lambda service: session.client(service, endpoint_url=url)  # type: ignore[call-overload]


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask until it is so, for a minute at most."""
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("this takes too long: look at the log of the emulator, and of the function")
        time.sleep(0.1)


@contextmanager
def table(client: Client, name: str, *keys: str, **more: Any) -> Iterator[None]:
    """A DynamoDB table whose keys are strings."""
    dynamodb = client("dynamodb")
    kinds = zip(keys, ("HASH", "RANGE"), strict=False)
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    yield
    dynamodb.delete_table(TableName=name)


@contextmanager
def cluster(client: Client, name: str, users: dict[str, tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """A cluster and the users, each with password and access string, that may use it; gives its endpoint."""
    memorydb = client("memorydb")
    for user, (password, access) in users.items():
        mode = {"Type": "password", "Passwords": [password]}
        memorydb.create_user(UserName=user, AccessString=access, AuthenticationMode=mode)
    memorydb.create_acl(ACLName=name, UserNames=list(users))
    wait_until(lambda: memorydb.describe_acls(ACLName=name)["ACLs"][0]["Status"] == "active")
    memorydb.create_cluster(ClusterName=name, NodeType="db.t4g.small", ACLName=name, NumShards=2)

    def described() -> dict[str, Any]:
        found: dict[str, Any] = memorydb.describe_clusters(ClusterName=name)["Clusters"][0]
        return found

    wait_until(lambda: described()["Status"] == "available")
    yield described()["ClusterEndpoint"]
    memorydb.delete_cluster(ClusterName=name)
    wait_until(lambda: name not in {row["Name"] for row in memorydb.describe_clusters()["Clusters"]})
    memorydb.delete_acl(ACLName=name)
    for user in users:
        memorydb.delete_user(UserName=user)


@contextmanager
def function(
    client: Client, name: str, handler: str, code: bytes, variables: dict[str, str], **more: Any
) -> Iterator[None]:
    """A function in Python, with a role of its own."""
    iam, functions = client("iam"), client("lambda")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role,
        Handler=handler,
        Code={"ZipFile": code},
        Timeout=15,
        Environment={"Variables": variables},
        **more,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    yield
    functions.delete_function(FunctionName=name)
    iam.delete_role(RoleName=name)
