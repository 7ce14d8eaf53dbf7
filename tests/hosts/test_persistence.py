"""A data directory: what was there before a stop, or before the process was killed, is there after the next start."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from redis import Redis
from redis.cluster import RedisCluster

from tests.ports import free_port

from .endpoint import Endpoint, start_command
from .test_lifecycle import refused

Start = Callable[..., Endpoint]
PASSWORD = "correct-horse-battery"


@pytest.fixture
def env(tmp_path: Path, host: str) -> dict[str, str]:
    """How a user asks for persistence: LocalStack has a way of its own."""
    if host == "localstack":
        return {"PERSISTENCE": "1", "FILESYSTEM_ROOT": str(tmp_path / "root")}
    return {"MEMORYDB_DATA_DIR": str(tmp_path / "data")}


def populate(endpoint: Endpoint) -> None:
    memorydb = endpoint.client("memorydb")
    memorydb.create_user(
        UserName="alice",
        AccessString="on ~* +@all",
        AuthenticationMode={"Type": "password", "Passwords": [PASSWORD]},
    )
    memorydb.create_acl(ACLName="staff", UserNames=["alice"])
    memorydb.create_cluster(
        ClusterName="orders", NodeType="db.t4g.small", ACLName="staff", NumShards=2, NumReplicasPerShard=1
    )


def described(endpoint: Endpoint) -> Any:
    """The cluster with its nodes, and who may use it."""
    memorydb = endpoint.client("memorydb")
    (cluster,) = memorydb.describe_clusters(ClusterName="orders", ShowShardDetails=True)["Clusters"]
    return cluster, memorydb.describe_acls()["ACLs"], memorydb.describe_users()["Users"]


def connect(endpoint: Endpoint, address: str, port: int) -> RedisCluster:
    return RedisCluster(
        host=address,
        port=port,
        username="alice",
        password=PASSWORD,
        ssl=True,
        ssl_ca_data=endpoint.get("/_memorydb/ca.pem").decode(),
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_cluster_is_what_it_was_after_a_restart(
    start: Start, host: str, env: dict[str, str], number: signal.Signals
) -> None:
    first = start(host, env=env)
    populate(first)
    before = described(first)
    where = before[0]["ClusterEndpoint"]
    with connect(first, where["Address"], where["Port"]) as redis:
        for key in range(500):
            redis.set(f"key{key}", key)
        redis.lpush("list", "a", "b")
        redis.set("expires", 1, ex=1000)
        redis.delete("key0")
    certificate = first.get("/_memorydb/ca.pem")
    if number == signal.SIGKILL:
        first.kill()
    else:
        assert first.stop(number)[0] == 0
    second = start(host, env=env)
    # A client of the data comes first: the nodes listen although nobody has called the API.
    context = ssl.create_default_context(cadata=certificate.decode())
    assert context.verify_mode is ssl.CERT_REQUIRED
    node = Redis(
        host=where["Address"],
        port=where["Port"],
        username="alice",
        password=PASSWORD,
        ssl=True,
        ssl_ca_data=certificate.decode(),
    )
    assert node.ping()
    node.close()
    assert described(second) == before
    assert second.get("/_memorydb/ca.pem") == certificate
    with connect(second, where["Address"], where["Port"]) as redis:
        assert [redis.get(f"key{key}") for key in range(1, 500)] == [b"%d" % key for key in range(1, 500)]
        assert redis.get("key0") is None
        assert redis.lrange("list", 0, -1) == [b"b", b"a"]
        assert 0 < redis.ttl("expires") <= 1000


def test_without_a_directory_nothing_is_written_and_no_log_has_passwords(
    start: Start, host: str, tmp_path: Path
) -> None:
    endpoint = start(host, env={"LS_LOG": "trace"})  # LocalStack prints requests and answers then
    populate(endpoint)
    with pytest.raises(ClientError, match="does not allow passwords"):
        endpoint.client("memorydb").update_user(UserName="alice", AccessString=f"on (>{PASSWORD} +@all)")
    endpoint.stop()
    printed = "".join(endpoint.output)
    assert ("CreateUserRequest" in printed, PASSWORD in printed) == (host == "localstack", False)
    assert not [*tmp_path.rglob("*.aof"), *tmp_path.rglob("cluster.json"), *tmp_path.rglob("*.rdb")]


def test_a_directory_that_is_in_use_is_refused(start: Start, tmp_path: Path) -> None:
    env = {"MEMORYDB_DATA_DIR": str(tmp_path / "data")}
    start("standalone", env=env)
    other = tmp_path / "other"
    other.mkdir()
    said = refused(start_command("standalone", free_port()), other, **env)
    assert "another emulator uses the data directory" in said
