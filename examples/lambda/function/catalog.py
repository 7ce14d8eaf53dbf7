"""Cache-aside: read a product from MemoryDB; if it is not there, from DynamoDB, and keep it in MemoryDB for a minute.

Nothing in this file knows that it runs in an emulator.
"""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
from redis.cluster import RedisCluster
from redis.exceptions import RedisError

SECONDS_KEPT = 60

# Made once for each execution environment, and used by all its invocations.
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
cache = RedisCluster(
    host=os.environ["CLUSTER_HOST"],
    port=int(os.environ["CLUSTER_PORT"]),
    username=os.environ["CLUSTER_USER"],
    password=os.environ["CLUSTER_PASSWORD"],
    ssl=True,
    socket_timeout=2,
    socket_connect_timeout=2,
)


def kept(key: str) -> Any:
    """What the cache has. One that does not answer costs some time, not the answer."""
    try:
        found = cache.get(key)
    except RedisError as error:
        print("the cache does not answer:", error)
        return None
    return None if found is None else json.loads(found)


def keep(key: str, product: Any) -> None:
    """Keep a product for a while, if the cache lets us."""
    try:
        cache.set(key, json.dumps(product), ex=SECONDS_KEPT)
    except RedisError as error:
        print("the cache does not answer:", error)


def read(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A product, and where it was found."""
    key = f"product:{event['id']}"
    if (product := kept(key)) is not None:
        return {"source": "cache", "product": product}
    item = table.get_item(Key={"id": event["id"]}, ConsistentRead=True).get("Item")
    if item is None:
        return {"source": "nowhere", "product": None}
    product = json.loads(json.dumps(item, default=str))  # its numbers are decimals
    keep(key, product)
    return {"source": "table", "product": product}


def write(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Write a product to the table, then forget what was kept of it. If that fails, so does the call: try again."""
    table.put_item(Item=event)
    return {"forgotten": cache.delete(f"product:{event['id']}")}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One function for both, by the event's `action`."""
    return {"read": read, "write": write}[event.pop("action")](event, context)
