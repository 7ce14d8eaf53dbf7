"""Users on a running cluster: who may come in, what they may do, and what a change does to those who are connected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.spec import OPEN_ACCESS, TokenVerifier, UserSpec
from localstack_memorydb.engine.users import compile_users, hash_password
from tests.unit.cluster_without_sockets import NOW, Client, start

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
    change(started, user("alice", "on &other +get (&news:1)"))
    assert not connected.closed
    change(started, user("alice", "on &other +get"))
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


def packet(*argv: bytes) -> bytes:
    """A request as clients send it, without the last line end."""
    return b"*%d\r\n%b" % (len(argv), b"\r\n".join(b"$%d\r\n%b" % (len(word), word) for word in argv))


def test_strangers_may_not_send_much() -> None:
    started = cluster(ALICE)
    many = client(started)
    assert many(packet(*[b"x"] * 11)) == b"-ERR Protocol error: unauthenticated multibulk length\r\n"
    long = client(started)
    assert long(packet(b"AUTH", b"x" * 16_385)) == b"-ERR Protocol error: unauthenticated bulk length\r\n"
    assert (many.session.closing, long.session.closing) == (True, True)
    assert client(started)(packet(b"AUTH", b"x" * 16_384)) == WRONGPASS


def test_the_limits_end_with_auth_and_return_with_reset() -> None:
    connected = client(cluster(ALICE), "alice")
    big = packet(b"MGET", *[b"app:{1}"] * 11)
    assert connected(big).startswith(b"*11\r\n")
    connected("RESET")
    assert connected(big) == b"-ERR Protocol error: unauthenticated multibulk length\r\n"


def test_auth_in_the_middle_of_a_packet() -> None:
    connected = client(cluster(ALICE))
    auth = packet(b"AUTH", b"alice", PASSWORD.encode())
    get = packet(b"GET", b"app:1")
    assert connected(
        b"\r\n".join([get, auth, get, packet(b"GET", b"other"), packet(b"SET", b"app:1", b"x")])
    ) == (
        NOAUTH
        + b"+OK\r\n$-1\r\n-NOPERM No permissions to access a key\r\n"
        + b"-NOPERM User alice has no permissions to run the 'set' command\r\n"
    )
    # From open access to less, in one packet.
    started = cluster(*OPEN_ACCESS, ALICE)
    assert client(started)(b"\r\n".join([packet(b"SET", b"k", b"v"), auth, packet(b"GET", b"k")])) == (
        b"+OK\r\n+OK\r\n-NOPERM No permissions to access a key\r\n"
    )


def test_permissions_come_before_redirection() -> None:
    started = start(shards=2)
    change(started, user("alice", "on ~app:* +get +mget"))
    connected = client(started, "alice")
    assert connected("GET app:{foo}").startswith(b"-MOVED")
    assert connected("GET foo").startswith(b"-NOPERM")
    assert connected("MGET app:1 app:2").startswith(b"-CROSSSLOT")
    assert connected("MGET app:1 foo").startswith(b"-NOPERM")


def test_a_blocked_client_is_asked_again() -> None:
    started = cluster(user("alice", "on ~* +@all"), user("bob", "on ~* +@all"))
    alice, bob = client(started, "alice"), client(started, "bob")
    alice("BLPOP jobs 0")
    change(started, user("alice", "on ~app:* +@all"), user("bob", "on ~* +@all"))
    bob("RPUSH jobs x")
    assert (alice.heard(), bob("LLEN jobs")) == (b"-NOPERM No permissions to access a key\r\n", b":1\r\n")


# -- IAM --------------------------------------------------------------------------------------------------------------

HOUR = 60 * 60 * 1000


def iam_cluster(verify: TokenVerifier | None) -> Cluster:
    started = start(version="7.1")
    started.spec = replace(started.spec, verify_token=verify)
    change(started, UserSpec("app", "on ~* &* +@all", "iam"))
    return started


def only_good(cluster_name: str, user_name: str, token: str, now: int) -> bool:
    return (cluster_name, user_name, token) == ("test", "app", "good") and now >= NOW


def broken(*_: object) -> bool:
    raise RuntimeError("bug")


def test_iam_users_sign_in_with_tokens() -> None:
    assert client(iam_cluster(only_good))("AUTH app good") == b"+OK\r\n"
    assert client(iam_cluster(only_good))("HELLO 3 AUTH app good").startswith(b"%7")
    assert client(iam_cluster(only_good))("AUTH app bad") == WRONGPASS


@pytest.mark.parametrize("verify", [None, broken])
def test_iam_logins_are_refused_when_nobody_can_verify_them(verify: TokenVerifier | None) -> None:
    assert client(iam_cluster(verify))("AUTH app good") == WRONGPASS


def test_iam_connections_end_after_twelve_hours_unless_they_sign_in_again() -> None:
    started = iam_cluster(only_good)
    idle, eager = client(started), client(started)
    idle("AUTH app good")
    eager("AUTH app good")
    assert eager("AUTH app good", NOW + 11 * HOUR) == b"+OK\r\n"
    started.tick(NOW + 12 * HOUR - 1)
    assert not idle.closed
    started.tick(NOW + 12 * HOUR)
    assert (idle.closed, eager.closed) == (True, False)
    started.tick(NOW + 23 * HOUR)
    assert eager.closed


def test_iam_auth_is_not_for_transactions() -> None:
    started = iam_cluster(only_good)
    connected = client(started)
    connected("AUTH app good")
    connected("MULTI")
    connected("AUTH app good")
    assert connected("EXEC") == b"*1\r\n-ERR Command not allowed inside a transaction\r\n"


def test_a_changed_iam_user_keeps_its_twelve_hours() -> None:
    started = iam_cluster(only_good)
    connected = client(started)
    connected("AUTH app good")
    change(started, UserSpec("app", "on ~app:* &* +@all", "iam"))
    started.tick(NOW + 12 * HOUR)
    assert connected.closed


# -- ACL --------------------------------------------------------------------------------------------------------------


def test_acl_shows_users_without_passwords() -> None:
    started = cluster(user("root", "on ~* &* +@all"), ALICE)
    connected = client(started, "root")
    assert connected("ACL USERS") == b"*2\r\n$5\r\nalice\r\n$4\r\nroot\r\n"
    shown = connected("ACL LIST") + connected("ACL GETUSER alice")
    assert b"user alice on sanitize-payload ~app:* resetchannels -@all +@read +ping +multi +exec\r\n" in shown
    assert ALICE.password_hashes[0].encode() not in shown


def test_info_counts_what_was_refused() -> None:
    connected = client(cluster(user("alice", "on ~app:* +@all -set")), "alice")
    connected("SET app:1 x")
    connected("GET other")
    connected("PUBLISH news x")
    connected("AUTH alice wrong")
    stats = connected("INFO stats")
    for name in (b"auth", b"cmd", b"key", b"channel"):
        assert b"acl_access_denied_%b:1\r\n" % name in stats


def test_acl_log_groups_what_is_alike_and_keeps_the_newest() -> None:
    started = cluster(user("root", "on ~* &* +@all"), ALICE)
    root, alice = client(started, "root"), client(started, "alice")
    for _ in range(3):
        alice("SET app:1 x")
    alice("GET other", NOW + 1000)
    client(started)("AUTH alice wrong", NOW + 2000)
    log = [(e.count, e.reason, e.context, e.object, e.user) for e in next(started.nodes()).access_log.entries]
    assert log == [
        (1, "auth", "toplevel", b"AUTH", b"alice"),
        (1, "key", "toplevel", b"other", b"alice"),
        (3, "command", "toplevel", b"set", b"alice"),
    ]
    assert root("ACL LOG 1", NOW + 3500).startswith(
        b"*1\r\n*20\r\n$5\r\ncount\r\n:1\r\n$6\r\nreason\r\n$4\r\nauth\r\n"
    )
    assert b"$11\r\nage-seconds\r\n$3\r\n1.5\r\n" in root("ACL LOG 1", NOW + 3500)
    for number in range(200):
        alice(f"GET other:{number}")
    assert len(next(started.nodes()).access_log.entries) == 128
    assert root("ACL LOG RESET") == b"+OK\r\n"
    assert root("ACL LOG") == b"*0\r\n"
