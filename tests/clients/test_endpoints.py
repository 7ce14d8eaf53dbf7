"""Where nodes listen: own loopback addresses, or a range of ports; TLS as clients verify it; nothing left behind."""

from __future__ import annotations

import socket
import ssl

import pytest
from redis.cluster import RedisCluster

from localstack_memorydb.engine import AddressError, ClusterHandle, ClusterSpec, Engine, EngineSettings
from tests.ports import free_ports


def addresses(handle: ClusterHandle) -> list[tuple[str, int]]:
    return [(node.host, node.port) for shard in handle.topology() for node in shard.nodes]


def is_open(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        probe.settimeout(60)
        return probe.connect_ex(address) == 0


def test_every_node_has_its_own_address_and_the_clusters_port(cluster: ClusterHandle) -> None:
    found = addresses(cluster)
    assert len({host for host, _ in found}) == 4
    assert all(host.startswith("127.") and port == 6379 for host, port in found)


def test_a_closed_cluster_leaves_no_port(engine: Engine) -> None:
    handle = engine.create_cluster(ClusterSpec("closing", shards=2))
    found = addresses(handle)
    with socket.create_connection(found[0]):
        handle.close()
    handle.close()
    assert not any(map(is_open, found))


def ask(address: tuple[str, int], line: bytes) -> bytes:
    with socket.create_connection(address, 60) as client:
        client.sendall(line + b"\r\n")
        return client.recv(1000)


def test_nodes_of_a_shard_that_goes_say_where_its_slots_went(engine: Engine) -> None:
    handle = engine.create_cluster(ClusterSpec("fewer", shards=2, replicas=1, tls=False))
    stays, *_, leaves, its_replica = addresses(handle)
    handle.reshard(1)
    moved = f"-MOVED 12182 {stays[0]}:{stays[1]}\r\n".encode()
    assert [ask(leaves, b"GET foo"), ask(its_replica, b"GET foo")] == [moved, moved]
    handle.reshard(2)  # no further farewell when others take their places
    assert [is_open(leaves), is_open(its_replica)] == [False, False]
    handle.reshard(1)
    handle.close()
    assert not any(map(is_open, addresses(handle)))


def test_subscribers_of_a_node_that_goes_are_sent_away_at_once(engine: Engine) -> None:
    handle = engine.create_cluster(ClusterSpec("fewer", shards=2, replicas=0, tls=False))
    with socket.create_connection(addresses(handle)[-1], 60) as subscriber:
        subscriber.sendall(b"SUBSCRIBE news\r\n")
        assert subscriber.recv(100).startswith(b"*3")
        handle.reshard(1)
        assert subscriber.recv(100) == b""
    handle.close()


def test_a_port_that_is_needed_ends_the_farewell() -> None:
    first, last = free_ports(0, 1)
    with Engine(EngineSettings(bind="range", port_range=(first, last))) as running:
        handle = running.create_cluster(ClusterSpec("fewer", shards=2, replicas=0, tls=False))
        handle.reshard(1)
        assert ask(("127.0.0.1", last), b"GET foo").startswith(b"-MOVED")
        other = running.create_cluster(ClusterSpec("other", replicas=0, tls=False))
        assert addresses(other) == [("127.0.0.1", last)]


def test_nodes_may_share_a_host_and_take_ports_of_a_range(ca: str) -> None:
    first, *_, last = free_ports(*range(4))
    settings = EngineSettings(bind="range", port_range=(first, last), announce_host="localhost")
    with Engine(settings) as running:
        handle = running.create_cluster(ClusterSpec("ranged", shards=2, replicas=1, tls=False))
        assert addresses(handle) == [("localhost", port) for port in range(first, last + 1)]
        with RedisCluster("localhost", first) as client:
            for number in range(50):
                client.set(f"key:{number}", number)
            assert client.get("key:7") == b"7"
        with pytest.raises(AddressError, match="MEMORYDB_PORT_RANGE"):
            running.create_cluster(ClusterSpec("one-too-many", tls=False))
        handle.close()
        running.create_cluster(ClusterSpec("again", tls=False)).close()


def test_the_automatic_choice_falls_back_to_the_range() -> None:
    """A server that listens on every address takes the port from all of 127.0.0.0/8."""
    first, last = free_ports(0, 1)
    with socket.socket() as everywhere:
        everywhere.bind(("", 0))
        everywhere.listen()
        port = everywhere.getsockname()[1]
        with Engine(EngineSettings(port_range=(first, last))) as running:
            handle = running.create_cluster(ClusterSpec("fallback", replicas=1, port=port))
            assert addresses(handle) == [("127.0.0.1", first), ("127.0.0.1", last)]
        with Engine(EngineSettings(bind="loopback")) as running, pytest.raises(AddressError, match="range"):
            running.create_cluster(ClusterSpec("refused", port=port))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_certificates_name_every_node(cluster: ClusterHandle, ca: str, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = context.maximum_version = version
    for address in addresses(cluster):
        for name in (address[0], "localhost", "orders.localhost.localstack.cloud"):
            with (
                socket.create_connection(address, 60) as plain,
                context.wrap_socket(plain, server_hostname=name) as secure,
            ):
                secure.sendall(b"PING\r\n")
                assert secure.recv(100) == b"+PONG\r\n"


def test_a_client_that_does_not_trust_the_authority_is_not_fooled(cluster: ClusterHandle) -> None:
    context = ssl.create_default_context()
    with (
        socket.create_connection(addresses(cluster)[0], 60) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


def test_plain_bytes_on_a_tls_port_end_the_connection(cluster: ClusterHandle) -> None:
    with socket.create_connection(addresses(cluster)[0], 60) as plain:
        plain.sendall(b"*1\r\n$4\r\nPING\r\n")
        received = b""
        while chunk := plain.recv(100):
            received += chunk
        assert b"PONG" not in received


def test_tls_bytes_on_a_plain_port_end_the_connection(engine: Engine, ca: str) -> None:
    handle = engine.create_cluster(ClusterSpec("plain", replicas=0, tls=False))
    context = ssl.create_default_context(cafile=ca)
    with (
        socket.create_connection(handle.endpoint(), 60) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain, server_hostname="localhost")
    handle.close()
