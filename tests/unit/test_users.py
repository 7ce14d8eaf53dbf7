"""Users on a running cluster: who may come in, what they may do, and what a change does to those who are connected."""

from __future__ import annotations

import pytest

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.spec import OPEN_ACCESS, UserSpec
from localstack_memorydb.engine.users import compile_users, hash_password
from tests.unit.cluster_without_sockets import Client, start

WRONGPASS = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
NOAUTH = b"-NOAUTH Authentication required.\r\n"
PASSWORD = "a-password-of-24-letters"


def user(name: str, access_string: str, *passwords: str) -> UserSpec:
    """A user with passwords."""
    hashes = tuple(hash_password(password, "salt") for password in passwords or (PASSWORD,))
    return UserSpec(name, access_string, "password", hashes, "salt")


def cluster(*users: UserSpec, version: str = "7.2") -> Cluster:
    """A cluster of one node with these users instead of open access."""
    started = start(version=version)
    change(started, *users)
    return started


def change(started: Cluster, *users: UserSpec) -> None:
    """What ClusterHandle.set_users does."""
    started.set_users(compile_users(users, started.spec.engine_version))


def client(started: Cluster, name: str = "") -> Client:
    """A client, signed in as that user if there is one."""
    connected = Client(next(started.nodes()))
    if name:
        assert connected(f"AUTH {name} {PASSWORD}") == b"+OK\r\n"
    return connected


ALICE = user("alice", "on ~app:* -@all +@read +ping +multi +exec")


@pytest.mark.parametrize("line", ["PING", "GET k", "ACL WHOAMI", "CLIENT ID", "MULTI", "EXEC", "SUBSCRIBE c"])
def test_without_an_open_default_user_nothing_runs_before_auth(line: str) -> None:
    expected = (
        NOAUTH
        if line != "EXEC"
        else b"-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n"
    )
    assert client(cluster(ALICE))(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "AUTH alice wrong",
        f"AUTH bob {PASSWORD}",
        f"AUTH {PASSWORD}",
        f"AUTH carol {PASSWORD}",
        "HELLO 3 AUTH alice wrong",
    ],
)
def test_one_text_for_every_way_to_fail(line: str) -> None:
    connected = client(cluster(ALICE, user("carol", "off ~* &* +@all")))
    assert connected(line) == WRONGPASS
    assert connected("PING") == NOAUTH


def test_auth_and_reset() -> None:
    connected = client(cluster(ALICE), "alice")
    assert connected("PING") == b"+PONG\r\n"
    assert connected("RESET") == b"+RESET\r\n"
    assert connected("PING") == NOAUTH


def test_two_passwords_work_at_once() -> None:
    started = cluster(user("alice", "on ~* +@all", "first-password-of-alice", "second-password-of-alice"))
    assert client(started)("AUTH alice first-password-of-alice") == b"+OK\r\n"
    assert client(started)("AUTH alice second-password-of-alice") == b"+OK\r\n"


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("6.2", "this user has no permissions to run the 'set' command or its subcommand"),
        ("7.1", "this user has no permissions to run the 'set' command"),
        ("7.2", "User alice has no permissions to run the 'set' command"),
    ],
)
def test_refused_commands(version: str, text: str) -> None:
    connected = client(cluster(ALICE, version=version), "alice")
    assert connected("SET app:1 x") == f"-NOPERM {text}\r\n".encode()


def test_refused_keys() -> None:
    connected = client(cluster(ALICE), "alice")
    assert connected("GET app:1") == b"$-1\r\n"
    assert connected("GET other") == b"-NOPERM No permissions to access a key\r\n"
    assert connected("MGET app:{1} app:{1}x other{1}") == b"-NOPERM No permissions to access a key\r\n"


def test_what_is_refused_while_queuing_spoils_the_transaction() -> None:
    connected = client(cluster(ALICE), "alice")
    connected("MULTI")
    assert connected("GET other").startswith(b"-NOPERM")
    assert connected("EXEC") == b"-EXECABORT Transaction discarded because of previous errors.\r\n"


def test_exec_checks_again() -> None:
    started = cluster(ALICE)
    connected = client(started, "alice")
    connected("MULTI")
    connected("GET app:1")
    change(started, user("alice", "on ~else:* +@all"))
    assert connected("EXEC") == (
        b"*1\r\n-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "
        b"This command is no longer allowed for the following reason: no permission to touch the specified keys\r\n"
    )


def test_a_new_password_keeps_connections_and_new_permissions_act_at_once() -> None:
    started = cluster(ALICE)
    connected = client(started, "alice")
    change(started, user("alice", "on ~app:* +set", "another-password-of-alice"))
    assert connected("SET app:1 x") == b"+OK\r\n"
    assert connected("GET app:1").startswith(b"-NOPERM")
    assert client(started)(f"AUTH alice {PASSWORD}") == WRONGPASS


def test_connections_of_removed_users_are_closed() -> None:
    started = cluster(ALICE, user("bob", "on ~* &* +@all"))
    alice, bob = client(started, "alice"), client(started, "bob")
    change(started, user("bob", "on ~* &* +@all"))
    assert (alice.closed, bob.closed) == (True, False)


def test_a_removed_user_waits_for_nothing() -> None:
    started = cluster(ALICE, user("bob", "on ~* &* +@all"))
    bob = client(started, "bob")
    assert bob("BLPOP app:list 0") == b""
    change(started, user("carol", "on ~* &* +@all"))
    assert bob.closed
    carol = client(started, "carol")
    carol("RPUSH app:list x")
    assert (bob.heard(), carol("LLEN app:list")) == (b"", b":1\r\n")


def test_leaving_open_access_cuts_everybody_off_and_coming_back_lets_everybody_in() -> None:
    started = start()
    before = client(started)
    change(started, ALICE)
    assert before.closed
    stranger = client(started)
    assert stranger("PING") == NOAUTH
    change(started, *OPEN_ACCESS)
    assert stranger("PING") == b"+PONG\r\n"


def test_subscribers_that_may_no_longer_hear_are_closed() -> None:
    started = cluster(user("alice", "on &news:* +@all"))
    connected = client(started, "alice")
    connected("SUBSCRIBE news:1")
    change(started, user("alice", "on &news:1 +@all"))
    assert not connected.closed
    change(started, user("alice", "on &other +@all"))
    assert connected.closed


def test_nothing_shows_a_password() -> None:
    assert hash_password(PASSWORD, "salt") not in repr(ALICE)
    assert "salt" not in repr(ALICE)


@pytest.mark.parametrize("version", ["7.1", "7.2"])
def test_hello_needs_a_user(version: str) -> None:
    reply = client(cluster(ALICE, version=version))("HELLO 3")
    assert reply.startswith(
        b"-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
    )
    assert (b"<proto>" in reply) == (version == "7.2")


def test_hello_authenticates() -> None:
    connected = client(cluster(ALICE))
    assert connected(f"HELLO 3 AUTH alice {PASSWORD}").startswith(b"%7\r\n")
    assert connected("GET app:1") == b"_\r\n"
