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
    try:
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        yield
    finally:
        dynamodb.delete_table(TableName=name)


@contextmanager
def cluster(client: Client, name: str, users: dict[str, tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """A cluster and the users, each with password and access string, that may use it; gives its endpoint."""
    memorydb = client("memorydb")
    with acl(memorydb, name, users):
        memorydb.create_cluster(ClusterName=name, NodeType="db.t4g.small", ACLName=name, NumShards=2)

        def described() -> dict[str, Any]:
            found: dict[str, Any] = memorydb.describe_clusters(ClusterName=name)["Clusters"][0]
            return found

        def gone() -> bool:
            pages = memorydb.get_paginator("describe_clusters").paginate()
            return not any(row["Name"] == name for page in pages for row in page["Clusters"])

        try:
            wait_until(lambda: described()["Status"] == "available")
            yield described()["ClusterEndpoint"]
        finally:
            memorydb.delete_cluster(ClusterName=name)
            wait_until(gone)


@contextmanager
def acl(memorydb: Any, name: str, users: dict[str, tuple[str, str]]) -> Iterator[None]:
    """Users and the ACL that they are in."""
    for user, (password, access) in users.items():
        mode = {"Type": "password", "Passwords": [password]}
        memorydb.create_user(UserName=user, AccessString=access, AuthenticationMode=mode)
    memorydb.create_acl(ACLName=name, UserNames=list(users))
    try:
        wait_until(lambda: memorydb.describe_acls(ACLName=name)["ACLs"][0]["Status"] == "active")
        yield
    finally:
        memorydb.delete_acl(ACLName=name)
        for user in users:
            memorydb.delete_user(UserName=user)


@contextmanager
def role(client: Client, name: str, allowed: dict[str, list[str]]) -> Iterator[str]:
    """A function's role, which may write its log and do what is allowed, actions by resource; gives its ARN.

    In a VPC, where clusters are on AWS, a function needs AWSLambdaVPCAccessExecutionRole, too.
    """
    iam = client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    log = f"arn:aws:logs:*:*:log-group:/aws/lambda/{name}:*"
    rights = {log: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], **allowed}
    statements = [
        {"Effect": "Allow", "Action": actions, "Resource": resource} for resource, actions in rights.items()
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    try:
        yield str(arn)
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName=name)
        iam.delete_role(RoleName=name)


@contextmanager
def function(
    client: Client,
    name: str,
    handler: str,
    code: bytes,
    variables: dict[str, str],
    allowed: dict[str, list[str]],
    **more: Any,
) -> Iterator[None]:
    """A function in Python, with a role of its own."""
    functions = client("lambda")
    with role(client, name, allowed) as arn:
        functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=arn,
            Handler=handler,
            Code={"ZipFile": code},
            Timeout=15,
            Environment={"Variables": variables},
            **more,
        )
        try:
            functions.get_waiter("function_active_v2").wait(FunctionName=name)
            yield
        finally:
            functions.delete_function(FunctionName=name)


@contextmanager
def layer(client: Client, name: str, content: bytes) -> Iterator[str]:
    """A layer of functions; gives the ARN of its version."""
    functions = client("lambda")
    made = functions.publish_layer_version(LayerName=name, Content={"ZipFile": content})
    try:
        yield str(made["LayerVersionArn"])
    finally:
        functions.delete_layer_version(LayerName=name, VersionNumber=made["Version"])
