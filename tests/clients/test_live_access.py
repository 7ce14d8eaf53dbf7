"""Changes of users and ACLs through the API, seen by clients that are connected: what they may do, and who is cut off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from localstack_memorydb.integrations.moto.server import StandaloneHost
from localstack_memorydb.settings import Settings

PASSWORDS = {
    "alice": "alice-has-a-password",
    "bob": "bob-has-a-password-too",
    "carol": "carol-has-one-as-well",
}
Connect = Callable[..., Redis]


@pytest.fixture(scope="module")
def host() -> Iterator[StandaloneHost]:
    running = StandaloneHost(Settings(), 0)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def memorydb(host: StandaloneHost) -> Any:
    client = boto3.client(
        "memorydb",
        endpoint_url=host.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for name, password in PASSWORDS.items():
        mode = {"Type": "password", "Passwords": [password]}
        client.create_user(UserName=name, AccessString="on ~* &* +@all", AuthenticationMode=mode)
    client.create_acl(ACLName="one-acl", UserNames=["alice", "bob"])
    client.create_acl(ACLName="other-acl", UserNames=["alice", "carol"])
    client.create_cluster(ClusterName="live", NodeType="db.t4g.small", ACLName="one-acl", NumShards=1)
    settle(client)
    return client


def settle(memorydb: Any) -> dict[str, Any]:
    """The cluster once it and the ACLs have taken over what was changed."""
    while True:
        (cluster,) = memorydb.describe_clusters(ClusterName="live")["Clusters"]
        acls = {each["Name"]: each["Status"] for each in memorydb.describe_acls()["ACLs"]}
        if cluster["Status"] == "available" and set(acls.values()) == {"active"}:
            return cluster  # type: ignore[no-any-return]


@pytest.fixture
def connect(host: StandaloneHost, memorydb: Any) -> Iterator[Connect]:
    place = settle(memorydb)["ClusterEndpoint"]
    with urlopen(f"{host.url}/_memorydb/ca.pem") as answer:
        authority = answer.read().decode()
    with ExitStack() as open_clients:

        def as_user(name: str, password: str = "") -> Redis:
            """A client with one connection, which it does not replace when it breaks."""
            client = Redis(
                place["Address"],
                place["Port"],
                ssl=True,
                ssl_ca_data=authority,
                socket_timeout=60,
                username=name,
                password=password or PASSWORDS[name],
                single_connection_client=True,
                decode_responses=True,
                retry=Retry(NoBackoff(), 0),
            )
            return open_clients.enter_context(client)

        yield as_user


def who(client: Redis) -> str:
    """The client's user and connection."""
    return f"{client.execute_command('ACL WHOAMI')} {client.client_id()}"


def test_new_permissions_act_at_once(memorydb: Any, connect: Connect) -> None:
    alice = connect("alice")
    before = who(alice)
    assert alice.set("orders:1", "x")
    memorydb.update_user(UserName="alice", AccessString="on ~orders:* +@all -@write")
    settle(memorydb)
    with pytest.raises(NoPermissionError, match="no permissions to run the 'set' command"):
        alice.set("orders:1", "y")
    with pytest.raises(NoPermissionError, match="no permissions to access one of the keys"):
        alice.get("carts:1")
    assert alice.get("orders:1") == "x"
    memorydb.update_user(UserName="alice", AccessString="on ~* &* +@all")
    settle(memorydb)
    assert alice.set("carts:1", "x")
    assert who(alice) == before


def test_a_transaction_that_began_before(memorydb: Any, connect: Connect) -> None:
    alice = connect("alice")
    assert alice.execute_command("MULTI") in {"OK", True}
    alice.execute_command("SET", "orders:2", "x")
    memorydb.update_user(UserName="alice", AccessString="on ~* &* +@all -set")
    settle(memorydb)
    (answer,) = alice.execute_command("EXEC")
    assert isinstance(answer, NoPermissionError), answer
    memorydb.update_user(UserName="alice", AccessString="on ~* &* +@all")
    settle(memorydb)
    assert alice.get("orders:2") is None


def test_a_subscriber_of_what_it_may_no_longer_hear(memorydb: Any, connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    with alice.pubsub() as heard, bob.pubsub() as hears:
        for pubsub in (heard, hears):
            pubsub.subscribe("news")
            assert pubsub.get_message(timeout=60)["type"] == "subscribe"
        memorydb.update_user(UserName="alice", AccessString="on ~* resetchannels &other +@all")
        settle(memorydb)
        with pytest.raises((RedisConnectionError, NoPermissionError)):
            heard.get_message(timeout=60)
        connect("bob").publish("news", "hello")
        assert hears.get_message(timeout=60)["data"] == "hello"
    memorydb.update_user(UserName="alice", AccessString="on ~* &* +@all")
    settle(memorydb)


def test_a_new_password_is_for_the_next_connection(memorydb: Any, connect: Connect) -> None:
    bob = connect("bob")
    before = who(bob)
    mode = {"Type": "password", "Passwords": ["bob-has-a-new-password"]}
    memorydb.update_user(UserName="bob", AuthenticationMode=mode)
    settle(memorydb)
    assert who(bob) == before
    with pytest.raises(AuthenticationError, match="invalid username-password pair"):
        connect("bob").ping()
    assert connect("bob", "bob-has-a-new-password").ping()
    mode = {"Type": "password", "Passwords": [PASSWORDS["bob"]]}
    memorydb.update_user(UserName="bob", AuthenticationMode=mode)
    settle(memorydb)


def test_who_leaves_the_acl_is_cut_off(memorydb: Any, connect: Connect) -> None:
    alice, bob, waits = connect("alice"), connect("bob"), connect("bob")
    stays = who(alice)
    bob.ping()
    waits.ping()
    ends: list[Exception] = []

    def wait() -> None:
        try:
            waits.blpop(["never"], timeout=60)
        except RedisConnectionError as error:
            ends.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while all(row["cmd"] != "blpop" for row in alice.client_list()):
        pass
    memorydb.update_acl(ACLName="one-acl", UserNamesToRemove=["bob"])
    settle(memorydb)
    waiting.join(30)
    assert len(ends) == 1
    with pytest.raises(RedisConnectionError):
        bob.ping()
    with pytest.raises(AuthenticationError, match="invalid username-password pair or user is disabled"):
        connect("bob").ping()
    assert who(alice) == stays
    memorydb.update_acl(ACLName="one-acl", UserNamesToAdd=["bob"])
    settle(memorydb)
    assert connect("bob").ping()


def test_a_disabled_user_stays_connected_and_does_not_come_back(memorydb: Any, connect: Connect) -> None:
    bob = connect("bob")
    before = who(bob)
    memorydb.update_user(UserName="bob", AccessString="off ~* &* +@all")
    settle(memorydb)
    assert who(bob) == before
    with pytest.raises(AuthenticationError, match="user is disabled"):
        connect("bob").ping()
    memorydb.update_user(UserName="bob", AccessString="on ~* &* +@all")
    settle(memorydb)


def test_a_cluster_with_another_acl(memorydb: Any, connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    stays = who(alice)
    bob.ping()
    with pytest.raises(AuthenticationError):
        connect("carol").ping()
    memorydb.update_cluster(ClusterName="live", ACLName="other-acl")
    settle(memorydb)
    assert who(alice) == stays
    with pytest.raises(RedisConnectionError):
        bob.ping()
    assert connect("carol").ping()
    memorydb.update_cluster(ClusterName="live", ACLName="one-acl")
    settle(memorydb)
    assert who(alice) == stays
