"""A million small strings to S3 and back, beside a real server's SAVE and its loading of the same file."""

from __future__ import annotations

import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import servers
from bench.host import standalone, wait_available

BUCKET = "bench-snapshots"


def run(keys: int) -> None:
    """Prints seconds."""
    with standalone() as host:
        memorydb, s3 = host.client("memorydb"), host.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        _create(memorydb, "source")
        source = _describe(memorydb, "source")["ClusterEndpoint"]
        fill(source["Address"], source["Port"], keys)
        to_s3 = _timed(lambda: _export(memorydb))
        data = s3.get_object(Bucket=BUCKET, Key="exported-0001.rdb")["Body"].read()
        arn = f"arn:aws:s3:::{BUCKET}/exported-0001.rdb"
        back = _timed(lambda: _create(memorydb, "copy", SnapshotArns=[arn]))
        copy = _describe(memorydb, "copy")["ClusterEndpoint"]
        restored = ask(copy["Address"], copy["Port"], "DBSIZE")
    if restored != f":{keys}":
        raise RuntimeError(f"{restored} keys came back instead of {keys}")
    save, load = _valkey(data, keys)
    print(
        f"{keys:,} small strings ({len(data) / 1e6:.0f} MB): CreateSnapshot and export to S3 {to_s3:.2f} s",
        end="",
    )
    print(
        f" (valkey SAVE {save:.2f} s); new cluster from S3 {back:.2f} s (valkey start and load {load:.2f} s)"
    )


def _create(memorydb: Any, name: str, **more: Any) -> None:
    memorydb.create_cluster(
        ClusterName=name,
        NodeType="db.r7g.large",
        ACLName="open-access",
        TLSEnabled=False,
        NumReplicasPerShard=0,
        **more,
    )
    wait_available(lambda: _describe(memorydb, name))


def _describe(memorydb: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = memorydb.describe_clusters(ClusterName=name)["Clusters"][0]
    return found


def _export(memorydb: Any) -> None:
    def snapshot() -> dict[str, Any]:
        found: dict[str, Any] = memorydb.describe_snapshots(SnapshotName="whole")["Snapshots"][0]
        return found

    memorydb.create_snapshot(ClusterName="source", SnapshotName="whole")
    wait_available(snapshot)
    memorydb.copy_snapshot(SourceSnapshotName="whole", TargetSnapshotName="exported", TargetBucket=BUCKET)
    wait_available(snapshot)


def _valkey(data: bytes, keys: int) -> tuple[float, float]:
    """Seconds in which a real server starts with the file, and saves it again."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "dump.rdb").write_bytes(data)
        port = servers.free_port()
        command = [str(servers.VALKEY_SERVER), "--port", str(port), "--save", "", "--dir", directory]
        start = time.perf_counter()
        with servers.running(command, lambda: ask("127.0.0.1", port, "DBSIZE") == f":{keys}"):
            load = time.perf_counter() - start
            return _timed(lambda: ask("127.0.0.1", port, "SAVE")), load


def _timed(action: Any) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def ask(host: str, port: int, command: str) -> str:
    """The one-line reply to an inline command."""
    with socket.create_connection((host, port), 60) as client:
        client.sendall(command.encode() + b"\r\n")
        return client.makefile("rb").readline().decode().strip()


def fill(host: str, port: int, keys: int, batch: int = 2000) -> None:
    """Sets key:0000000 and so on, ten bytes each, pipelined."""
    with socket.create_connection((host, port), 60) as client:
        replies = client.makefile("rb")
        for first in range(0, keys, batch):
            numbers = range(first, min(first + batch, keys))
            client.sendall(b"".join(b"SET key:%07d value%05d\r\n" % (n, n % 100_000) for n in numbers))
            for _ in numbers:
                replies.readline()
