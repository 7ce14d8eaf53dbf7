"""Certificates as other TLS libraries judge them: OpenSSL's own client, Node.js, redis-cli. Python's is in test_endpoints."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from localstack_memorydb.engine import ClusterHandle, ClusterSpec, Engine

from .test_api_clients import STORIES, require
from .test_data_clients import redis_cli


def openssl(cluster: ClusterHandle, *options: str) -> tuple[int, str]:
    """What `openssl s_client` says, having sent a PING."""
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("openssl is not installed")
    host, port = cluster.endpoint()
    ended = subprocess.run(
        [tool, "s_client", "-connect", f"{host}:{port}", "-quiet", "-verify_return_error", *options],
        input="PING\nQUIT\n",
        capture_output=True,
        text=True,
        timeout=240,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("name", ["address", "localhost", "orders.localhost.localstack.cloud"])
def test_openssl(cluster: ClusterHandle, ca: str, version: str, name: str) -> None:
    checks = ("-verify_ip", cluster.endpoint()[0]) if name == "address" else ("-verify_hostname", name)
    code, said = openssl(cluster, "-CAfile", ca, version, *checks)
    assert (code, "+PONG" in said) == (0, True), said


def test_what_openssl_refuses(cluster: ClusterHandle, ca: str) -> None:
    code, said = openssl(cluster, "-CAfile", ca, "-verify_hostname", "orders.example.com")
    assert code != 0
    assert "hostname mismatch" in said.lower()
    code, said = openssl(cluster, "-CAfile", ca, "-verify_ip", "127.255.255.254")
    assert code != 0
    assert "ip address mismatch" in said.lower()
    assert openssl(cluster)[0] != 0  # an authority that it does not know


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused(cluster: ClusterHandle, ca: str, version: str) -> None:
    """By the server, whatever the client would take."""
    code, said = openssl(cluster, "-CAfile", ca, version, "-cipher", "ALL:@SECLEVEL=0")
    assert (code != 0, "+PONG" in said) == (True, False)
    assert "protocol version" in said


def test_nobody_negotiates_again(cluster: ClusterHandle, ca: str) -> None:
    command = [shutil.which("openssl") or pytest.skip("openssl is not installed")]
    command += ["s_client", "-connect", "{}:{}".format(*cluster.endpoint()), "-CAfile", ca, "-tls1_2"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(b"PING\n")
        client.stdin.flush()
        while client.stdout.readline() != b"+PONG\r\n":
            pass
        said = client.communicate(b"R\nPING\n", timeout=240)[0]
    assert b"no renegotiation" in said
    assert b"+PONG" not in said


def test_node(cluster: ClusterHandle, ca: str) -> None:
    node = require(shutil.which("node"))
    host, port = cluster.endpoint()
    command = [node, str(STORIES / "tls.mjs"), host, str(port), ca]
    said = subprocess.run(command, capture_output=True, text=True, timeout=240).stdout.splitlines()
    assert said == [
        *["TLSv1.2 true +PONG"] * 3,
        *["TLSv1.3 true +PONG"] * 3,
        "ERR_TLS_CERT_ALTNAME_INVALID",
        "SELF_SIGNED_CERT_IN_CHAIN",
    ]


def test_redis_cli(cluster: ClusterHandle, ca: str, tmp_path: Path) -> None:
    """It checks who signed a certificate, and not whose it is."""
    redis_cli()
    host, port = cluster.endpoint()
    command = ["redis-cli", "-h", host, "-p", str(port), "--tls"]
    for more in ([], ["--sni", "localhost"]):
        said = subprocess.run([*command, "--cacert", ca, *more, "PING"], capture_output=True, text=True)
        assert said.stdout == "PONG\n", said.stderr
    with Engine() as other:
        foreign = tmp_path / "other.pem"
        foreign.write_bytes(other.ca_certificate)
    said = subprocess.run([*command, "--cacert", str(foreign), "PING"], capture_output=True, text=True)
    assert said.returncode != 0
    assert "certificate verify failed" in said.stderr


def test_one_side_without_tls(engine: Engine, cluster: ClusterHandle, ca: str) -> None:
    """Neither waits for the other; both say that it does not work."""
    redis_cli()
    plain = engine.create_cluster(ClusterSpec("plain", replicas=0, tls=False))
    for handle, more in ((cluster, []), (plain, ["--tls", "--cacert", ca])):
        host, port = handle.endpoint()
        command = ["redis-cli", "-h", host, "-p", str(port), *more, "PING"]
        said = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert (said.returncode, said.stdout) != (0, "PONG\n")
        with (
            Redis(host, port, ssl=bool(more), ssl_ca_certs=ca, retry=Retry(NoBackoff(), 0)) as client,
            pytest.raises(RedisConnectionError),
        ):
            client.ping()
    plain.close()


def test_redis_py_wants_the_name_that_it_was_given(cluster: ClusterHandle, ca: str) -> None:
    host, port = cluster.endpoint()
    with Redis(host, port, ssl=True, ssl_ca_certs=ca, ssl_check_hostname=True) as client:
        assert client.ping()
    with (
        socket.create_connection((host, port), 60) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
    ):
        ssl.create_default_context(cafile=ca).wrap_socket(plain, server_hostname="orders.example.com")
