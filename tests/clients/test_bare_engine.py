"""The bare engine as test suites of clients use a server: redis-py's own commands for administrators, in the manner of its tests."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis

from tests.ports import free_port


@contextmanager
def bare_engine(*options: str) -> Iterator[redis.Redis]:
    """A client of the command line's one node."""
    port = free_port()
    command = [sys.executable, "-u", "-m", "localstack_memorydb.engine", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        node = process.stdout.readline()  # with a data directory nodes come back where they were
        assert process.stdout.readline() == "Ready.\n"
        port = int(node.rpartition(":")[2])
        with redis.Redis(port=port, decode_responses=True, socket_timeout=60) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output


@pytest.fixture(scope="module")
def server() -> Iterator[redis.Redis]:
    with bare_engine("--unrestricted") as client:
        yield client


@pytest.fixture
def r(server: redis.Redis) -> redis.Redis:
    server.flushdb()
    return server


def test_config_get_and_set(r: redis.Redis) -> None:
    data = r.config_get("*")
    assert len(data) > 30
    assert r.config_set("timeout", 70)
    assert r.config_get()["timeout"] == "70"
    assert r.config_set("timeout", 0)
    assert r.config_get("timeout") == {"timeout": "0"}
    with pytest.raises(redis.ResponseError, match="Unknown option"):
        r.config_set("nosuch", 1)


def test_config_resetstat(r: redis.Redis) -> None:
    r.ping()
    before = int(r.info()["total_commands_processed"])
    r.config_resetstat()
    assert int(r.info()["total_commands_processed"]) < before


def test_encodings_follow_the_configuration(r: redis.Redis) -> None:
    r.config_set("zset-max-listpack-entries", 2)
    r.zadd("z", {"a": 1, "b": 2, "c": 3})
    r.config_set("zset-max-listpack-entries", 128)
    assert r.object("encoding", "z") == "skiplist"


def test_acl_setuser(r: redis.Redis) -> None:
    assert r.acl_setuser(
        "alice",
        enabled=True,
        reset=True,
        passwords=["+pass1", "+pass2"],
        keys=["app:*"],
        categories=["+@read"],
        commands=["+set"],
    )
    alice = r.acl_getuser("alice")
    assert set(alice["flags"]) >= {"on"}
    assert len(alice["passwords"]) == 2
    with redis.Redis(port=port_of(r), username="alice", password="pass2", decode_responses=True) as client:
        assert client.set("app:1", "x")
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.set("other", "x")
    assert r.acl_deluser("alice") == 1
    with pytest.raises(redis.ResponseError, match="not configured to use an ACL file"):
        r.acl_load()


def port_of(client: redis.Redis) -> int:
    return int(client.connection_pool.connection_kwargs["port"])


def test_lastsave_save_and_bgsave(r: redis.Redis) -> None:
    before = r.lastsave()
    assert r.save()
    assert r.lastsave() >= before
    assert r.bgsave()
    assert r.bgrewriteaof()


def test_debug_reload_keeps_the_data(r: redis.Redis) -> None:
    r.set("a", "1", ex=100)
    r.geoadd("places", (13.361389, 38.115556, "Palermo"))
    r.xadd("stream", {"field": "value"})
    digest = r.execute_command("DEBUG", "DIGEST")
    assert r.execute_command("DEBUG", "RELOAD") == "OK"
    assert r.execute_command("DEBUG", "DIGEST") == digest
    assert r.debug_object("a")["encoding"] == "int"


def test_keys_stay_while_active_expiry_is_off(r: redis.Redis) -> None:
    r.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    try:
        r.set("a", 1, px=1)
        r.execute_command("DEBUG", "SLEEP", "0.5")
        assert r.dbsize() == 1
        assert r.get("a") is None
        assert r.dbsize() == 0
    finally:
        r.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "1")


def test_messages_are_as_loud_as_the_directive_says() -> None:
    port = free_port()
    command = [
        sys.executable,
        "-u",
        "-m",
        "localstack_memorydb.engine",
        "--port",
        str(port),
        "--unrestricted",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "Ready.\n":
            pass
        with redis.Redis(port=port, socket_timeout=60) as client:
            for level in ("notice", "warning", "debug", "nothing"):
                client.config_set("loglevel", level)
                for said in ("WARNING", "NOTICE", "DEBUG"):
                    client.eval(f"redis.log(redis.LOG_{said}, ARGV[1])", 0, f"{said} at {level}")
        process.send_signal(signal.SIGTERM)
        _, messages = process.communicate(timeout=60)
    assert messages.splitlines() == [
        "script: WARNING at notice",
        "script: NOTICE at notice",
        "script: WARNING at warning",
        "script: WARNING at debug",
        "script: NOTICE at debug",
        "script: DEBUG at debug",
    ]


def test_a_client_that_does_not_read_is_disconnected_by_the_limit_of_all(r: redis.Redis) -> None:
    r.config_set("maxmemory-clients", "4mb")
    r.set("large", "x" * (1 << 20))
    before = int(r.info()["evicted_clients"])
    with socket.create_connection(("127.0.0.1", port_of(r))) as lazy, suppress(OSError):
        for _ in range(100):
            lazy.sendall(b"GET large\r\n")
            if int(r.info()["evicted_clients"]) > before:
                break
    assert int(r.info()["evicted_clients"]) == before + 1
    r.config_set("maxmemory-clients", 0)


def test_debug_sleep_stops_the_server(r: redis.Redis) -> None:
    with redis.Redis(port=port_of(r), socket_timeout=0.1) as impatient:
        impatient.ping()
        began = time.monotonic()
        with pytest.raises(redis.TimeoutError):
            impatient.execute_command("DEBUG", "SLEEP", "0.4")
        r.ping()
        assert time.monotonic() - began > 0.3


def test_replies_to_what_had_to_wait_have_a_limit(r: redis.Redis) -> None:
    r.set("large", "x" * 10_000)
    r.config_set("client-output-buffer-limit", "normal 100000 0 0")
    try:
        address = ("127.0.0.1", port_of(r))
        with socket.create_connection(address) as sleeper, socket.create_connection(address, 60) as greedy:
            sleeper.sendall(b"DEBUG SLEEP 0.3\r\n")
            greedy.sendall(b"GET large\r\n" * 15)
            with suppress(ConnectionResetError):
                assert greedy.recv(1) == b""
            assert sleeper.recv(10) == b"+OK\r\n"
    finally:
        r.config_set("client-output-buffer-limit", "normal 0 0 0")


def test_a_restricted_engine_knows_none_of_it() -> None:
    with bare_engine() as client:
        for line in ("CONFIG GET *", "DEBUG SLEEP 0", "SAVE", "BGSAVE", "BGREWRITEAOF"):
            with pytest.raises(redis.ResponseError, match="unknown command"):
                client.execute_command(*line.split())
        for line in ("ACL SETUSER alice", "ACL DELUSER alice", "ACL LOAD", "ACL SAVE"):
            with pytest.raises(redis.ResponseError, match="unknown subcommand"):
                client.execute_command(*line.split())


def test_what_is_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    options = ("--unrestricted", "--data-dir", str(tmp_path))
    with bare_engine(*options) as client:
        client.set("before", 1)
        assert client.save()
        client.set("after", 2)
    with bare_engine(*options) as client:
        assert client.get("before") == "1"
        assert client.get("after") == "2"
        assert client.config_get("appendonly") == {"appendonly": "yes"}


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--shards", "0"], 2, "Invalid value for '--shards'"),
        (["--port", "65535", "--shards", "3"], 1, "3 nodes need the ports 65535 to 65537"),
        (["--data-dir", f"{__file__}/data"], 1, "data cannot be used: "),
    ],
    ids=["no shard", "beyond the last port", "no directory"],
)
def test_what_cannot_start_says_why(options: list[str], code: int, said: str) -> None:
    assert said in refused(code, *options)


def refused(code: int, *options: str) -> str:
    """What an engine says that does not start."""
    command = [sys.executable, "-m", "localstack_memorydb.engine", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_port_in_use_is_named(r: redis.Redis) -> None:
    port = port_of(r)
    assert refused(1, "--port", str(port)) == f"port {port} on 127.0.0.1 is in use: choose another --port\n"


def test_a_data_directory_has_one_engine(tmp_path: Path) -> None:
    with bare_engine("--data-dir", str(tmp_path)) as client:
        said = refused(1, "--port", str(port_of(client) + 1), "--data-dir", str(tmp_path))
        assert said == f"another engine or emulator uses the data directory {tmp_path}\n"
        client.set("acknowledged", 1)
    with bare_engine("--data-dir", str(tmp_path)) as client:
        assert client.get("acknowledged") == "1"


def test_a_cluster_that_is_kept_says_so_when_another_shape_is_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with bare_engine("--data-dir", str(tmp_path)):
        pass
    with bare_engine("--data-dir", str(tmp_path), "--shards", "2") as client:
        assert client.cluster("INFO")["cluster_size"] == "1"
    assert "has a cluster of 1 shards with 0 replicas each" in capfd.readouterr().err
