"""A MemoryDB cluster from boto3, used with redis-py's cluster client over TLS."""

from __future__ import annotations

import argparse
import time
from typing import Any
from urllib.request import urlopen

import boto3
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import ResponseError

NAME = "quickstart"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint-url", default="http://127.0.0.1:4566")
    url = parser.parse_args().endpoint_url
    memorydb = boto3.client(
        "memorydb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    memorydb.create_cluster(
        ClusterName=NAME, NodeType="db.t4g.small", ACLName="open-access", NumShards=2, NumReplicasPerShard=1
    )
    try:
        use(memorydb, ca_data=urlopen(f"{url}/_memorydb/ca.pem").read().decode())
    finally:
        memorydb.delete_cluster(ClusterName=NAME)
    print("deleted")


def use(memorydb: Any, ca_data: str) -> None:
    while (cluster := memorydb.describe_clusters(ClusterName=NAME)["Clusters"][0])["Status"] != "available":
        time.sleep(0.1)  # on AWS this takes minutes
    host, port = cluster["ClusterEndpoint"]["Address"], cluster["ClusterEndpoint"]["Port"]
    print(f"cluster {NAME}: {cluster['NumberOfShards']} shards at {host}:{port}")

    redis = RedisCluster(host=host, port=port, ssl=True, ssl_ca_data=ca_data)
    redis.set("greeting", "hello")
    print("greeting =", redis.get("greeting").decode())

    # A cluster client refuses or splits a command on two slots by itself: ask a node directly.
    with Redis(host=host, port=port, ssl=True, ssl_ca_data=ca_data) as node:
        try:
            node.mget("cart", "order")
        except ResponseError as error:
            print(
                "two slots in one command:", f"CROSSSLOT {error}".replace("CROSSSLOT CROSSSLOT", "CROSSSLOT")
            )

    redis.mset({"{customer-7}:cart": 1, "{customer-7}:order": 2})
    print("one slot by a hash tag:", redis.mget("{customer-7}:cart", "{customer-7}:order"))
    redis.close()

    try:
        memorydb.create_cluster(ClusterName=NAME, NodeType="db.t4g.small", ACLName="open-access")
    except memorydb.exceptions.ClusterAlreadyExistsFault as error:
        print("the name is taken:", error.response["Error"]["Code"])


if __name__ == "__main__":
    main()
