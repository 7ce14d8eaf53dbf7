"""Users and access control lists from the API to the connection, on both hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from redis.cluster import RedisCluster
from redis.exceptions import NoPermissionError, RedisClusterException, RedisError

from localstack_memorydb.iam_auth import MemoryDBCredentials

from .endpoint import REGION, Endpoint
from .test_story import available, until

PASSWORD = "correct-horse-battery"
READER = "on ~app:* +@read +set +cluster|slots +command"


@pytest.fixture(scope="module")
def memorydb(endpoint: Endpoint) -> Any:
    return endpoint.client("memorydb")


@pytest.fixture(scope="module")
def secure(endpoint: Endpoint, memorydb: Any) -> Iterator[dict[str, Any]]:
    """A cluster that only user `reader` may use."""
    memorydb.create_user(
        UserName="reader",
        AccessString=READER,
        AuthenticationMode={"Type": "password", "Passwords": [PASSWORD]},
    )
    memorydb.create_acl(ACLName="readers", UserNames=["reader"])
    until(lambda: memorydb.describe_acls(ACLName="readers")["ACLs"][0]["Status"] == "active")
    memorydb.create_cluster(
        ClusterName="secure", NodeType="db.t4g.small", ACLName="readers", NumShards=1, NumReplicasPerShard=0
    )
    yield available(endpoint, "secure")
    memorydb.delete_cluster(ClusterName="secure")
    until(lambda: "secure" not in {row["Name"] for row in memorydb.describe_clusters()["Clusters"]})
    memorydb.delete_acl(ACLName="readers")
    memorydb.delete_user(UserName="reader")


def connect(endpoint: Endpoint, cluster: dict[str, Any], password: str = "", user: str = "") -> RedisCluster:
    place = cluster["ClusterEndpoint"]
    return RedisCluster(
        host=place["Address"],
        port=place["Port"],
        ssl=True,
        ssl_ca_data=endpoint.get("/_memorydb/ca.pem").decode(),
        username=user or None,
        password=password or None,
    )


def test_the_access_string_is_normalised(memorydb: Any, secure: dict[str, Any]) -> None:
    (user,) = memorydb.describe_users(UserName="reader")["Users"]
    assert user["AccessString"] == "on ~app:* resetchannels -@all +@read +set +cluster|slots +command"
    assert user["Authentication"] == {"Type": "password", "PasswordCount": 1}
    assert (user["ACLNames"], secure["ACLName"]) == (["readers"], "readers")
    assert memorydb.describe_acls(ACLName="readers")["ACLs"][0]["Clusters"] == ["secure"]


@pytest.mark.parametrize(("user", "password"), [("", ""), ("reader", "wrong" * 4), ("nobody", PASSWORD)])
def test_nobody_else_is_let_in(endpoint: Endpoint, secure: dict[str, Any], user: str, password: str) -> None:
    with pytest.raises((RedisError, RedisClusterException)):
        connect(endpoint, secure, password, user)


def test_what_the_user_may_do_and_what_not(endpoint: Endpoint, secure: dict[str, Any]) -> None:
    with connect(endpoint, secure, PASSWORD, "reader") as client:
        assert client.set("app:1", "x")
        assert client.get("app:1") == b"x"
        with pytest.raises(NoPermissionError, match="keys"):
            client.set("other", "x")
        with pytest.raises(NoPermissionError, match="'flushall'"):
            client.flushall()


def test_a_change_acts_on_open_connections(endpoint: Endpoint, memorydb: Any, secure: dict[str, Any]) -> None:
    with connect(endpoint, secure, PASSWORD, "reader") as client:
        memorydb.update_user(UserName="reader", AccessString="on ~* &* +@all")
        assert client.set("other", "x")
        memorydb.update_user(UserName="reader", AccessString=READER)
        with pytest.raises(NoPermissionError):
            client.set("other", "x")


@pytest.mark.parametrize(
    "rule", ["+@nothing", "+nothing", "+config", ">secret-password", "nopass", "reset", "garbage"]
)
def test_rules_that_memorydb_does_not_take(memorydb: Any, rule: str) -> None:
    with pytest.raises(memorydb.exceptions.InvalidParameterValueException) as refused:
        memorydb.create_user(
            UserName="refused",
            AccessString=f"on ~* {rule}",
            AuthenticationMode={"Type": "password", "Passwords": [PASSWORD]},
        )
    assert "secret-password" not in str(refused.value)


def test_an_acl_in_use_stays(memorydb: Any, secure: dict[str, Any]) -> None:
    with pytest.raises(memorydb.exceptions.InvalidACLStateFault):
        memorydb.delete_acl(ACLName="readers")
    with pytest.raises(memorydb.exceptions.InvalidParameterCombinationException):
        memorydb.create_cluster(
            ClusterName="no-tls", NodeType="db.t4g.small", ACLName="readers", TLSEnabled=False
        )


@pytest.fixture(scope="module")
def signed(endpoint: Endpoint, memorydb: Any) -> Iterator[dict[str, Any]]:
    """A cluster whose user signs in with IAM."""
    memorydb.create_user(UserName="signer", AccessString="on ~* +@all", AuthenticationMode={"Type": "iam"})
    memorydb.create_acl(ACLName="signers", UserNames=["signer"])
    until(lambda: memorydb.describe_acls(ACLName="signers")["ACLs"][0]["Status"] == "active")
    memorydb.create_cluster(
        ClusterName="signed", NodeType="db.t4g.small", ACLName="signers", NumShards=1, NumReplicasPerShard=0
    )
    yield available(endpoint, "signed")
    memorydb.delete_cluster(ClusterName="signed")


def test_a_token_that_is_no_token_is_refused(endpoint: Endpoint, signed: dict[str, Any]) -> None:
    with pytest.raises((RedisError, RedisClusterException), match="invalid username-password pair"):
        connect(endpoint, signed, "signed/?Action=connect&User=signer", "signer")


def test_a_token_of_an_access_key(endpoint: Endpoint, signed: dict[str, Any]) -> None:
    """It is good as long as the key is active, and in the account of the key only."""

    def signs_in(key: str, secret: str) -> bool:
        session = boto3.Session(key, secret, region_name=REGION)
        try:
            connect(
                endpoint, signed, MemoryDBCredentials(session, "signed", "signer").token(), "signer"
            ).close()
        except (RedisError, RedisClusterException):
            return False
        return True

    def access_key(account: str) -> dict[str, str]:
        iam = endpoint.client("iam", account)
        iam.create_user(UserName="signer")
        return dict(iam.create_access_key(UserName="signer")["AccessKey"])

    key, foreign = access_key("test"), access_key("111111111111")
    pair = key["AccessKeyId"], key["SecretAccessKey"]
    assert signs_in(*pair)
    assert signs_in("test", "test")
    assert not signs_in(foreign["AccessKeyId"], foreign["SecretAccessKey"])
    assert not signs_in("111111111111", "test")
    endpoint.client("iam").update_access_key(
        UserName="signer", AccessKeyId=key["AccessKeyId"], Status="Inactive"
    )
    assert not signs_in(*pair)
