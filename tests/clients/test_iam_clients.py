"""IAM instead of a password: clients that sign with credentials of the host's IAM and STS, and what is refused."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from botocore.exceptions import NoCredentialsError, NoRegionError
from redis import Redis
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from localstack_memorydb.iam_auth import MemoryDBCredentials
from localstack_memorydb.integrations.moto.server import StandaloneHost
from localstack_memorydb.settings import Settings

from .test_api_clients import BIN, ROOT, STORIES, require

REGION = "us-east-1"
ONCE = Retry(NoBackoff(), 0)


@dataclass
class World:
    """A cluster that users `app` and `other` may use, with the access key of an IAM user, and who looks after it."""

    host: StandaloneHost
    administrator: boto3.Session
    application: boto3.Session
    cluster: dict[str, Any]
    ca: Path

    def client(self, service: str) -> Any:
        return self.administrator.client(service, endpoint_url=self.host.url)

    def options(self, credentials: MemoryDBCredentials | None = None, **more: Any) -> dict[str, Any]:
        """How redis-py reaches the cluster: as `app`, unless told otherwise."""
        place = self.cluster["ClusterEndpoint"]
        return {
            "host": place["Address"],
            "port": place["Port"],
            "ssl": True,
            "ssl_ca_certs": str(self.ca),
            "decode_responses": True,
            "credential_provider": credentials or MemoryDBCredentials(self.application, "signed", "app"),
            **more,
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    host = StandaloneHost(Settings(), 0)
    host.start()
    administrator = boto3.Session("test", "test", region_name=REGION)
    iam = administrator.client("iam", endpoint_url=host.url)
    memorydb = administrator.client("memorydb", endpoint_url=host.url)
    iam.create_user(UserName="application")
    key = iam.create_access_key(UserName="application")["AccessKey"]
    for user in ("app", "other"):
        memorydb.create_user(UserName=user, AccessString="on ~* &* +@all", AuthenticationMode={"Type": "iam"})
    memorydb.create_acl(ACLName="signers", UserNames=["app", "other"])
    memorydb.create_cluster(ClusterName="signed", NodeType="db.t4g.small", ACLName="signers", NumShards=2)
    cluster = memorydb.describe_clusters(ClusterName="signed")["Clusters"][0]
    while cluster["Status"] != "available":
        cluster = memorydb.describe_clusters(ClusterName="signed")["Clusters"][0]
    ca = tmp_path_factory.mktemp("iam") / "ca.pem"
    with urlopen(f"{host.url}/_memorydb/ca.pem") as answer:
        ca.write_bytes(answer.read())
    application = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    yield World(host, administrator, application, cluster, ca)
    host.stop()


def test_redis_py(world: World) -> None:
    with RedisCluster(**world.options()) as client:
        assert client.execute_command("ACL WHOAMI") == "app"
        assert client.set("greeting", "hello")


def test_redis_py_with_asyncio(world: World) -> None:
    async def greet() -> str:
        async with AsyncRedisCluster(**world.options()) as client:
            await client.set("greeting", "hello")
            return str(await client.get("greeting"))

    assert asyncio.run(greet()) == "hello"


def test_each_connection_gets_a_fresh_token(world: World) -> None:
    with Redis(**world.options()) as client:
        first = client.client_id()
        client.connection_pool.disconnect()
        assert client.client_id() > first
        credentials = MemoryDBCredentials(world.application, "signed", "other")
        assert client.execute_command("AUTH", *credentials.get_credentials()) in {"OK", True}
        assert client.execute_command("ACL WHOAMI") == "other"


def test_credentials_of_a_role(world: World) -> None:
    role = world.client("sts").assume_role(
        RoleArn="arn:aws:iam::000000000000:role/application", RoleSessionName="story"
    )["Credentials"]
    session = boto3.Session(
        role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"], region_name=REGION
    )
    with Redis(**world.options(MemoryDBCredentials(session, "signed", "app"))) as client:
        assert client.execute_command("ACL WHOAMI") == "app"
    stolen = boto3.Session(role["AccessKeyId"], role["SecretAccessKey"], "another", region_name=REGION)
    refuse(world, MemoryDBCredentials(stolen, "signed", "app"))


def refuse(world: World, credentials: MemoryDBCredentials) -> None:
    with (
        Redis(**world.options(credentials, retry=ONCE)) as client,
        pytest.raises(AuthenticationError, match="invalid username-password pair or user is disabled"),
    ):
        client.ping()


@pytest.mark.parametrize(
    ("cluster", "user"), [("another", "app"), ("signed", "nobody"), ("signed", "default")]
)
def test_a_token_for_something_else(world: World, cluster: str, user: str) -> None:
    refuse(world, MemoryDBCredentials(world.application, cluster, user))


def test_a_token_of_another_region_or_secret(world: World) -> None:
    key = world.application.get_credentials()
    elsewhere = boto3.Session(key.access_key, key.secret_key, region_name="eu-west-1")
    refuse(world, MemoryDBCredentials(elsewhere, "signed", "app"))
    guessed = boto3.Session(key.access_key, "guessed", region_name=REGION)
    refuse(world, MemoryDBCredentials(guessed, "signed", "app"))


def test_a_token_is_for_one_user_and_as_it_was_signed(world: World) -> None:
    user, token = MemoryDBCredentials(world.application, "signed", "app").get_credentials()
    altered = token[:-1] + ("1" if token.endswith("0") else "0")
    for name, password in (("other", token), (user, altered), (user, token.replace("=900", "=901"))):
        options = world.options(username=name, password=password, retry=ONCE) | {"credential_provider": None}
        with Redis(**options) as client, pytest.raises(AuthenticationError):
            client.ping()


def test_without_credentials_or_region(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        region_name = REGION

        def get_credentials(self) -> None:
            return None

    with pytest.raises(NoCredentialsError):
        MemoryDBCredentials(Nobody(), "signed", "app").token()
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(NoRegionError):
        MemoryDBCredentials(boto3.Session("test", "test"), "signed", "app").token()


@pytest.mark.parametrize("program", ["iam_valkey_py.py", "iam_valkey_glide.py"])
def test_other_clients(world: World, program: str) -> None:
    """valkey-glide signs with AWS's own library for Rust."""
    python = require(BIN / "python")
    key, place = world.application.get_credentials(), world.cluster["ClusterEndpoint"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {
        **kept,
        "PYTHONPATH": str(ROOT),
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "STORY_HOST": place["Address"],
        "STORY_PORT": str(place["Port"]),
        "STORY_CA": str(world.ca),
        "STORY_CLUSTER": "signed",
        "STORY_USER": "app",
    }
    ended = subprocess.run(
        [python, str(STORIES / program)], env=environment, capture_output=True, text=True, timeout=240
    )
    assert ended.stdout == "app\n", ended.stderr
