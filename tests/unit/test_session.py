"""One connection: requests in, replies out, in every way that bytes can be cut or broken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localstack_memorydb.engine.cluster import Cluster
from tests.unit.cluster_without_sockets import NOW, Client, start

PIPELINE = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nv\r\n\r\n\r\n*2\r\n$3\r\nget\r\n$1\r\nk\r\nPING\r\n*1\r\n$4\r\nPiNg\r\n"
REPLIES = b"+OK\r\n$5\r\nv\r\n\r\n\r\n+PONG\r\n+PONG\r\n"


@pytest.fixture
def client() -> Client:
    return Client(next(start().nodes()))


@given(cuts=st.lists(st.integers(0, len(PIPELINE)), max_size=6))
def test_requests_may_be_cut_anywhere(cuts: list[int]) -> None:
    session = Client(next(start().nodes())).session
    edges = [0, *sorted(cuts), len(PIPELINE)]
    pieces = [PIPELINE[a:b] for a, b in zip(edges, edges[1:], strict=False) if a < b]
    assert b"".join(session.receive(piece, NOW) for piece in pieces) == REPLIES


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"*1\r\n:5\r\n", b"-ERR Protocol error: expected '$', got ':'\r\n"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n:5\r\n", b"-ERR Protocol error: expected '$', got ':'\r\n"),
        (b"*1\r\n$x\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$-1\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n$99999999999\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (b"*x\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*99999999999\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        (b"SET 'k\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
        (b"*" + b"1" * 70_000, b"-ERR Protocol error: too big mbulk count string\r\n"),
        (b"a" * 70_000, b"-ERR Protocol error: too big inline request\r\n"),
    ],
)
def test_a_broken_request_is_explained_and_ends_the_connection(
    client: Client, request_: bytes, reply: bytes
) -> None:
    assert client.session.receive(request_, NOW) == reply
    assert client.session.closing


@pytest.mark.parametrize(
    ("behind", "reply"),
    [
        (b"*1\r\n*1\r\n", b"-ERR Protocol error: expected '$', got '*'\r\n"),
        (b"*1.0\rx", b"-ERR Protocol error: invalid multibulk length\r\n"),
        (b"$5\n", b"-ERR unknown command '$5', with args beginning with: \r\n"),
        (b"*1\r\n$4\rxPING\rx", b"+PONG\r\n"),
        (b"*1\r\n$4\r\nPI", b""),
    ],
)
def test_what_is_odd_behind_a_request_is_answered_though_no_more_comes(
    client: Client, behind: bytes, reply: bytes
) -> None:
    assert client.session.receive(b"*1\r\n$4\r\nPING\r\n" + behind, NOW) == b"+PONG\r\n"
    client.session.node.cluster.tick(NOW + 100)
    assert (client.heard(), client.closed) == (reply, reply.startswith(b"-ERR Protocol error"))


@pytest.mark.parametrize("size", [60_000, 70_000, 200_000, 900_000])
def test_an_inline_command_may_follow_a_large_value_in_the_same_piece(client: Client, size: int) -> None:
    data = b"*2\r\n$4\r\nECHO\r\n$%d\r\n%b\r\nPING\r\n*1\r\n$4\r\nPING\r\n" % (size, b"x" * size)
    assert client.session.receive(data, NOW).endswith(b"x\r\n+PONG\r\n+PONG\r\n")


@pytest.mark.parametrize("cut", [65_000, 65_530, 65_536, 65_540, 65_541, 66_600])
def test_a_line_that_is_too_long_may_come_in_parts(client: Client, cut: int) -> None:
    request = b"*1\r\n$" + b"1" * 70_000
    reply = client.session.receive(request[:cut], NOW) + client.session.receive(request[cut:], NOW)
    assert reply == b"-ERR Protocol error: too big bulk count string\r\n"


@pytest.mark.parametrize("nothing", [b"", b"*0\r\n", b"*-1\r\n"])
def test_what_is_broken_is_not_the_fault_of_the_command_before(client: Client, nothing: bytes) -> None:
    sent = b"*1\r\n$4\r\nPING\r\n" + nothing + b"*\r\n"
    assert client.session.receive(sent, NOW) == b"+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n"
    assert client.session.closing
    stats = Client(client.session.node)("INFO commandstats")
    assert b"cmdstat_ping:calls=1," in stats
    assert b"rejected_calls=0,failed_calls=0" in stats.partition(b"cmdstat_ping")[2].splitlines()[0]


@pytest.mark.parametrize("nothing", [b"\r\n", b"*0\r\n", b"*-1\r\n"])
def test_empty_requests_are_ignored(client: Client, nothing: bytes) -> None:
    assert client.session.receive(nothing + b"*1\r\n$4\r\nPING\r\n", NOW) == b"+PONG\r\n"


@given(data=st.binary(min_size=1, max_size=200))
def test_no_bytes_stop_a_node(data: bytes) -> None:
    cluster = start()
    Client(next(cluster.nodes())).session.receive(data, NOW)
    assert Client(next(cluster.nodes()))("PING") == b"+PONG\r\n"


def test_a_value_larger_than_hiredis_is_trusted_with_is_stored(client: Client) -> None:
    value = b"x" * 12_000_000
    request = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%b\r\n" % (len(value), value)
    pieces = [request[at : at + 65536] for at in range(0, len(request), 65536)]
    assert b"".join(client.session.receive(piece, NOW) for piece in pieces) == b"+OK\r\n"
    assert client.session.db[b"k"] == value


def test_the_order_of_refusals_is_valkeys(client: Client) -> None:
    assert client("nosuch a b").startswith(
        b"-ERR unknown command 'nosuch', with args beginning with: 'a' 'b' "
    )
    assert client("GET") == b"-ERR wrong number of arguments for 'get' command\r\n"
    assert client("CLUSTER KEYSLOT") == b"-ERR wrong number of arguments for 'cluster|keyslot' command\r\n"
    assert client("CLUSTER") == b"-ERR wrong number of arguments for 'cluster' command\r\n"
    assert client("CLUSTER NOSUCH") == b"-ERR unknown subcommand 'NOSUCH'. Try CLUSTER HELP.\r\n"


@pytest.mark.parametrize(
    "line", ["CONFIG GET *", "DEBUG SLEEP 0", "SAVE", "SHUTDOWN", "REPLICAOF NO ONE", "MODULE LIST"]
)
def test_what_memorydb_forbids_does_not_exist(client: Client, line: str) -> None:
    assert client(line).startswith(b"-ERR unknown command '%b'" % line.split()[0].encode())


def test_6_2_quotes_unknown_commands_its_own_way() -> None:
    client = Client(next(start(version="6.2").nodes()))
    assert client("nosuch a") == b"-ERR unknown command `nosuch`, with args beginning with: `a`, \r\n"
    assert client("GETDEL k") == b"$-1\r\n"
    assert client("EXPIRETIME k").startswith(b"-ERR unknown command")


@pytest.mark.parametrize(
    "request_",
    [
        "POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\nSET k stolen",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k stolen",
        "post x",
        "*1\r\n$5\r\nhost:\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nx",
    ],
)
def test_web_browsers_are_hung_up_on(client: Client, request_: str) -> None:
    said = client(request_)
    assert (client.session.closing, b"unknown" in said) == (True, False)
    assert Client(client.session.node)("GET k") == b"$-1\r\n"


def test_an_error_of_ours_keeps_the_node_alive(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object, argv: list[bytes]) -> None:
        raise KeyError(argv[1])

    monkeypatch.setattr(client.session.table[b"GET"], "run", broken)
    assert client("GET secret-key") == b"-ERR internal error\r\n"
    assert "KeyError" in caplog.text
    assert "secret-key" not in caplog.text
    assert client("PING") == b"+PONG\r\n"


@pytest.fixture
def two_shards() -> Cluster:
    return start(shards=2, replicas=1)


def test_redirections(two_shards: Cluster) -> None:
    first, replica = (Client(node) for node in two_shards.shards[0].nodes)
    assert first("SET foo 1") == b"-MOVED 12182 10.0.0.3:6379\r\n"
    assert first("SET bar 1") == b"+OK\r\n"
    assert first("MGET foo bar") == b"-CROSSSLOT Keys in request don't hash to the same slot\r\n"
    assert replica("GET bar") == b"-MOVED 5061 10.0.0.1:6379\r\n"
    assert replica("READONLY") == b"+OK\r\n"
    assert replica("GET bar") == b"$1\r\n1\r\n"
    assert replica("SET bar 2") == b"-MOVED 5061 10.0.0.1:6379\r\n"
    assert replica("GET foo") == b"-MOVED 12182 10.0.0.3:6379\r\n"
    assert replica("FLUSHALL") == b"-READONLY You can't write against a read only replica.\r\n"
    assert replica("READWRITE") == b"+OK\r\n"
    assert replica("GET bar") == b"-MOVED 5061 10.0.0.1:6379\r\n"


def test_expired_keys_are_gone_when_their_time_comes(client: Client) -> None:
    client("SET k v PX 100")
    assert client("GET k", NOW + 99) == b"$1\r\nv\r\n"
    assert client("GET k", NOW + 100) == b"$-1\r\n"
    assert client("DBSIZE", NOW + 100) == b":0\r\n"


def test_active_expiry_needs_no_client() -> None:
    cluster = start()
    Client(next(cluster.nodes()))("SET k v PX 100")
    cluster.tick(NOW + 100)
    assert len(cluster.shards[0].keyspace) == 0


def test_an_alarm_that_rings_too_early_is_set_again(client: Client) -> None:
    rung: list[int] = []
    client.session.alarm = rung.append
    assert client("BLPOP k 0.01") == b""
    client.session.expire_block(NOW + 9)
    assert rung == [NOW + 10, NOW + 10]
    client.session.expire_block(NOW + 10)
    assert client.heard() == b"*-1\r\n"
    assert client("PING") == b"+PONG\r\n"


@pytest.mark.parametrize("cut", range(1, 42))
def test_lines_and_arrays_take_turns(cut: int) -> None:
    sent = b'set key a\rb\r\nGET key\n*1\r\n$4\r\nPING\r\nECHO "a b"\n'
    client = Client(next(iter(start().nodes())))
    heard = client.session.receive(sent[:cut], 1) + client.session.receive(sent[cut:], 2)
    assert heard == b"-ERR syntax error\r\n$-1\r\n+PONG\r\n$3\r\na b\r\n"


def test_an_unknown_inline_command_after_an_array() -> None:
    client = Client(start().shards[0].nodes[0])
    client.session.receive(b"*1\r\n$4\r\nPING\r\n", NOW)
    assert client("NOSUCH x") == b"-ERR unknown command 'NOSUCH', with args beginning with: 'x' \r\n"
