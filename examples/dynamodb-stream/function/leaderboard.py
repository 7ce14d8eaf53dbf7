"""A leaderboard in MemoryDB that follows a DynamoDB table: its stream calls this function with what has changed.

The table is the truth; the sorted set is a view of it that answers at once who is first. A record says what an item
is now, not by how much it grew, so a record that comes twice does no harm.
"""

from __future__ import annotations

import os
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from redis.cluster import RedisCluster

cluster = RedisCluster(
    host=os.environ["CLUSTER_HOST"],
    port=int(os.environ["CLUSTER_PORT"]),
    username=os.environ["CLUSTER_USER"],
    password=os.environ["CLUSTER_PASSWORD"],
    ssl=True,
)
deserialize = TypeDeserializer().deserialize


def plain(image: dict[str, Any]) -> dict[str, Any]:
    """An item without DynamoDB's types."""
    return {name: deserialize(value) for name, value in image.items()}


def handler(event: dict[str, Any], context: Any) -> None:
    """Bring the view of each item up to date, in the order of the stream."""
    for record in event["Records"]:
        key = plain(record["dynamodb"]["Keys"])
        board = f"leaderboard:{{{key['game']}}}"
        if record["eventName"] == "REMOVE":
            cluster.zrem(board, key["player"])
        else:
            cluster.zadd(board, {key["player"]: float(plain(record["dynamodb"]["NewImage"])["score"])})
    print(f"{len(event['Records'])} records")
