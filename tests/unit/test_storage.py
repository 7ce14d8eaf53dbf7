"""Clusters on disk: every command of every transcript, repeated from the log, gives the same data."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import redis

from localstack_memorydb.engine import rdb
from localstack_memorydb.engine.cluster import Cluster
from localstack_memorydb.engine.log import LogError, ShardLog
from localstack_memorydb.engine.resp import encode_request
from localstack_memorydb.engine.spec import ClusterSpec
from localstack_memorydb.engine.storage import Storage
from localstack_memorydb.engine.values import Set
from tests.differential.transcript import families, load
from tests.differential.wire import split_line
from tests.differential.witness import valkey_binary
from tests.ports import free_port
from tests.unit.cluster_without_sockets import NOW, Client

Keep = Callable[..., Cluster]


def kept(
    directory: Path,
    *,
    shards: int = 1,
    version: str = "7.2",
    returns: bool = False,
    multi_region: bool = False,
    search: bool = False,
    unrestricted: bool = False,
) -> Cluster:
    """A cluster that is kept in the directory: a new one, or the one that comes back."""
    storage = Storage(directory, "no")
    layout = storage.layout() if returns else None
    parameters = {"search-enabled": "yes"} if search else {}
    spec = ClusterSpec(
        "kept",
        shards,
        1,
        engine_version=version,
        multi_region=multi_region,
        parameters=parameters,
        unrestricted=unrestricted,
    )
    cluster = Cluster(spec, Random(7), NOW, layout)
    cluster.storage = storage
    for number, node in enumerate(cluster.nodes(), 1):
        node.host, node.port = f"10.0.0.{number}", 6379
    if returns:
        storage.restore(cluster, NOW)
    else:
        storage.create(cluster, NOW)
    return cluster


def restarted(cluster: Cluster) -> Cluster:
    """The cluster after its process was killed: nothing was closed but by the system."""
    assert cluster.storage is not None
    flush(cluster)
    for shard in cluster.shards:
        assert shard.log is not None
        os.close(shard.log._file)
        shard.log._file = -1
    spec = cluster.spec
    return kept(
        cluster.storage.directory,
        returns=True,
        version=spec.engine_version,
        multi_region=spec.multi_region,
        search=spec.edition == "search",
    )


def flush(cluster: Cluster) -> None:
    for shard in cluster.shards:
        assert shard.log is not None
        shard.log.flush()


def contents(cluster: Cluster) -> dict[bytes, Any]:
    """Every key with its value as a file has it, whatever its encoding, and its deadline."""
    version = 9 if cluster.spec.engine_version == "6.2" else 10
    found = {}
    for shard in cluster.shards:
        for key, value, deadline in shard.keyspace.entries(0):
            if isinstance(value, bytes) and value.startswith(b"HYLL"):
                value = value[:8] + value[16:]  # a count that is kept to spare work is no data
            whole = (
                sorted(value) if isinstance(value, Set) else rdb.write([(b"", value, None)], version=version)
            )
            found[key] = type(value).__name__, whole, deadline
    return found


def client(cluster: Cluster, shard: int = 0) -> Client:
    return Client(cluster.shards[shard].primary)


def test_a_log_may_hold_what_clients_of_multi_region_clusters_cannot_say(tmp_path: Path) -> None:
    cluster = kept(tmp_path, version="7.3", multi_region=True)
    say = client(cluster)
    assert say("SET n 5") + say("INCRBYFLOAT n 1.5") == b"+OK\r\n$3\r\n6.5\r\n"
    assert client(restarted(cluster))("GET n") == b"$3\r\n6.5\r\n"


@pytest.mark.parametrize("trim", ["MAXLEN ~ 40", "MINID ~ 50-0", "MAXLEN ~ 10 LIMIT 20"])
@pytest.mark.parametrize("adding", [True, False])
def test_an_approximate_trimming_is_repeated_exactly(tmp_path: Path, trim: str, adding: bool) -> None:
    cluster = kept(tmp_path)
    cluster.set_parameters({"stream-node-max-entries": "10"})
    say = client(cluster)
    for number in range(1, 101):
        say(f"XADD s {number}-0 a b")
    say(f"XADD s {trim} 101-0 a b" if adding else f"XTRIM s {trim}")
    left = int(say("XLEN s")[1:])
    assert 10 < left < 100
    assert client(restarted(cluster))("XLEN s") == b":%d\r\n" % left


def test_function_libraries_are_there_after_every_restart(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    source = "#!lua name=lib\\nredis.register_function('f', function() return 5 end)"
    assert client(cluster)(f'FUNCTION LOAD "{source}"') == b"$3\r\nlib\r\n"
    again = restarted(cluster)
    assert client(again)("FCALL f 0") == b":5\r\n"
    assert client(restarted(again))("FCALL f 0") == b":5\r\n"


@pytest.mark.parametrize("version", ["6.2", "7.2"])
@pytest.mark.parametrize("family", families())
def test_what_is_repeated_from_the_log_is_what_was_there(tmp_path: Path, family: str, version: str) -> None:
    cluster = kept(tmp_path, version=version)
    for scenario in load(family):
        clients: dict[str, Client] = {}
        for step in scenario.steps:
            if step.action in {"command", "send"} and "${" not in step.text:
                speaker = clients.setdefault(step.client, client(cluster))
                if not speaker.session.closing:
                    speaker.session.receive(encode_request(split_line(step.argument)), NOW)
        for speaker in clients.values():
            speaker.session.disconnect()
        before, cluster = contents(cluster), restarted(cluster)
        assert contents(cluster) == before, scenario.name


@pytest.mark.parametrize("version", ["6.2", "7.2"])
def test_pending_messages_keep_their_owners_times_and_counts(tmp_path: Path, version: str) -> None:
    cluster = kept(tmp_path, version=version)
    tell = client(cluster)
    for number in range(1, 6):
        tell(f"XADD s {number}-0 f v")
    tell("XGROUP CREATE s g 0")
    tell("XREADGROUP GROUP g first COUNT 3 STREAMS s >", NOW - 900)
    tell("XREADGROUP GROUP g second NOACK COUNT 1 STREAMS s >", NOW - 890)
    tell("XDEL s 3-0")
    tell("XCLAIM s g third 50 1-0", NOW - 880)  # too early
    tell("XCLAIM s g third 50 1-0", NOW - 800)
    tell("XAUTOCLAIM s g fourth 150 2-0", NOW - 700)
    questions = ("XPENDING s g", "XPENDING s g - + 10", "XINFO GROUPS s")
    before = [tell(question) for question in questions]
    again = client(restarted(cluster))
    assert [again(question) for question in questions] == before
    names = [again(f"XPENDING s g - + 10 {name}")[:4] for name in ("first", "third", "fourth")]
    kept_by_fourth = (
        b"*2\r\n" if version == "6.2" else b"*1\r\n"
    )  # which claims what is gone from the stream, too
    assert names == [b"*0\r\n", b"*1\r\n", kept_by_fourth]


def test_a_key_that_persisted_after_a_deadline_long_past_is_there(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    tell = client(cluster)
    tell("SET key value PX 10")
    tell("PERSIST key")
    tell("SET gone value PX 10")
    flush(cluster)
    again = kept(tmp_path, returns=True)
    again.tick(NOW + 1000)
    assert set(contents(again)) == {b"key"}


@pytest.mark.parametrize("kept_bytes", range(1, 200, 7))
def test_an_entry_cut_off_by_a_kill_is_left_out(tmp_path: Path, kept_bytes: int) -> None:
    cluster = kept(tmp_path)
    tell = client(cluster)
    for number in range(3):
        tell("MULTI")
        tell(f"SET {{t}}a {number}")
        tell(f"SET {{t}}b {number}")
        tell("EXEC")
    flush(cluster)
    (file,) = tmp_path.rglob("*.incr.aof")
    file.write_bytes(file.read_bytes()[:kept_bytes])
    tell = client(kept(tmp_path, returns=True))
    assert tell("GET {t}a") == tell("GET {t}b")


@pytest.mark.parametrize("damage", [b"+OK\r\n", b"*1\r\n:5\r\n", b"*1\r\n$3\r\nFOO\r\n", b"nonsense\r\n"])
def test_damage_is_refused(tmp_path: Path, damage: bytes) -> None:
    cluster = kept(tmp_path)
    client(cluster)("SET key value")
    flush(cluster)
    (file,) = tmp_path.rglob("*.incr.aof")
    file.write_bytes(damage + file.read_bytes())
    with pytest.raises(LogError):
        kept(tmp_path, returns=True)


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    kept(tmp_path)
    (tmp_path / "cluster.json.partial").mkdir()
    with pytest.raises(LogError, match="cannot be written: Is a directory"):
        kept(tmp_path, returns=True)


def test_a_snapshot_that_is_damaged_is_refused(tmp_path: Path) -> None:
    kept(tmp_path)
    (file,) = tmp_path.rglob("*.base.rdb")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(LogError, match="snapshot"):
        kept(tmp_path, returns=True)


def test_slots_that_moved_are_where_they_went(tmp_path: Path) -> None:
    cluster = kept(tmp_path, shards=2)
    for number in range(100):
        for shard in range(2):
            client(cluster, shard)(f"SET key{number} {number}")
    cluster.add_shard(1, NOW)
    cluster.spread(3)
    assert cluster.storage is not None
    assert cluster.storage.keep_all(NOW)
    client(cluster, 2)("SET key1 again")
    again = restarted(cluster)
    assert [shard.ranges for shard in again.shards] == [shard.ranges for shard in cluster.shards]
    assert contents(again) == contents(cluster)


def test_a_log_that_has_grown_is_replaced_by_a_snapshot(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    assert cluster.storage is not None
    cluster.storage.rewrite_least = 1000
    tell = client(cluster)
    for number in range(100):
        tell(f"SET key {number}")
    cluster.tick(NOW)
    (file,) = tmp_path.rglob("*.incr.aof")
    assert file.stat().st_size == 0
    tell("SET other 1")
    assert contents(restarted(cluster)) == contents(cluster)


def test_what_a_group_has_read_beyond_all_numbers_is_there_after_a_restart(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    tell = client(cluster)
    for number in range(2):
        tell(f"XADD s {number + 1}-1 f v")
    tell("XGROUP CREATE s g 0 ENTRIESREAD 9223372036854775806")
    tell("XREADGROUP GROUP g alice STREAMS s >")
    before = tell("XINFO GROUPS s")
    assert b":-9223372036854775808" in before
    cluster = restarted(cluster)
    assert client(cluster)("XINFO GROUPS s") == before
    assert cluster.storage is not None
    assert cluster.storage.keep_all(NOW)
    assert client(restarted(cluster))("XINFO GROUPS s") == before


def test_a_snapshot_that_cannot_be_written_loses_nothing(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    assert cluster.storage is not None
    cluster.storage.rewrite_least = 1000
    tell = client(cluster)
    obstacle = tmp_path / "cluster.json.partial"
    obstacle.mkdir()
    for number in range(100):
        tell(f"SET key{number} {number}")
    cluster.tick(NOW)
    assert tell("SET late 1") == b"+OK\r\n"
    flush(cluster)
    obstacle.rmdir()
    assert contents(restarted(cluster)) == contents(cluster)


def test_a_change_that_cannot_be_written_holds_back_writes_until_it_can(tmp_path: Path) -> None:
    cluster = kept(tmp_path, shards=2)
    for shard in range(2):
        for number in range(50):
            client(cluster, shard)(f"SET key{number} {number}")
    flush(cluster)
    before = contents(cluster)
    obstacle = tmp_path / "cluster.json.partial"
    obstacle.mkdir()
    cluster.add_shard(1, NOW)
    cluster.spread(3)
    assert cluster.storage is not None
    assert not cluster.storage.keep_all(NOW)
    answers = {client(cluster, shard)("SET key1 again") for shard in range(3)}
    assert b"-MISCONF Errors writing to the AOF file: Is a directory\r\n" in answers
    assert b"+OK\r\n" not in answers
    died = tmp_path.with_name(f"{tmp_path.name}-died")
    shutil.copytree(tmp_path, died)  # as the disk is if the process dies now
    (died / obstacle.name).rmdir()
    assert contents(kept(died, returns=True)) == before
    obstacle.rmdir()
    cluster.tick(NOW)
    assert b"+OK\r\n" in {client(cluster, shard)("SET key1 again") for shard in range(3)}
    assert contents(restarted(cluster)) == contents(cluster)


def test_a_disk_that_is_full_refuses_writes_until_it_is_not(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    tell = client(cluster)
    (shard,) = cluster.shards
    log = shard.log
    assert log is not None
    tell("SET key 1")
    file, log._file = log._file, os.open("/dev/full", os.O_WRONLY)
    assert not log.flush()
    assert tell("SET key 2") == b"-MISCONF Errors writing to the AOF file: No space left on device\r\n"
    assert tell("GET key") == b"$1\r\n1\r\n"
    os.close(log._file)
    log._file = file
    cluster.tick(NOW)
    assert tell("SET key 3") == b"+OK\r\n"
    assert contents(restarted(cluster)) == contents(cluster)


def test_a_real_server_starts_from_the_files(tmp_path: Path) -> None:
    binary = valkey_binary()
    if binary is None:
        pytest.skip("no valkey-server to compare with")
    cluster = kept(tmp_path / "ours")
    tell = client(cluster)
    tell("SET string value")
    tell("MULTI")
    tell("RPUSH {l}list a b c")
    tell("HSET {l}hash f v")
    tell("EXEC")
    assert cluster.storage is not None
    assert cluster.storage.keep_all(NOW)
    tell("SPOP none")
    tell("XADD stream * f v")
    tell("ZADD zset 1 a 2 b")
    flush(cluster)
    shutil.copytree(tmp_path / "ours" / "0001", tmp_path / "theirs" / "appendonlydir")
    port = free_port()
    with subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes", "--save", ""],
        cwd=tmp_path / "theirs",
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if b"Ready to accept connections" in line or b"The server is now ready" in line:
                break
        with redis.Redis(port=port, socket_timeout=60) as real:
            assert set(real.keys()) == set(contents(cluster))
            assert real.lrange("{l}list", 0, -1) == [b"a", b"b", b"c"]
            assert real.xlen("stream") == 1
        server.kill()


def test_nothing_is_repeated_twice(tmp_path: Path) -> None:
    cluster = kept(tmp_path)
    tell = client(cluster)
    for _ in range(3):
        tell("INCR counter")
        tell("RPUSH list x")
        cluster = restarted(cluster)
        tell = client(cluster)
    assert tell("GET counter") == b"$1\r\n3\r\n"
    assert tell("LLEN list") == b":3\r\n"


def test_a_log_takes_entries_of_any_bytes(tmp_path: Path) -> None:
    log = ShardLog(tmp_path, 0)
    log.prepare(b"")
    log.adopt()
    entries = [[b"SET", b"\r\n$3\r\n", bytes(range(256))], [b"SET", b"", b""]]
    log.append_all(entries)
    log.close()
    assert list(ShardLog(tmp_path, 1).entries()) == entries
