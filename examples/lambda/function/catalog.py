"""Cache-aside: read a product from MemoryDB; if it is not there, from DynamoDB, and keep it in MemoryDB for a minute.

Nothing in this file knows that it runs in an emulator.
"""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
from redis.cluster import RedisCluster

SECONDS_KEPT = 60

# Made once for each execution environment, and used by all its invocations.
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
cache = RedisCluster(
    host=os.environ["CLUSTER_HOST"],
    port=int(os.environ["CLUSTER_PORT"]),
    username=os.environ["CLUSTER_USER"],
    password=os.environ["CLUSTER_PASSWORD"],
    ssl=True,
)


def read(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A product, and where it was found."""
    key = f"product:{event['id']}"
    if (kept := cache.get(key)) is not None:
        return {"source": "cache", "product": json.loads(kept)}
    product = table.get_item(Key={"id": event["id"]}, ConsistentRead=True).get("Item")
    if product is None:
        return {"source": "nowhere", "product": None}
    cache.set(key, json.dumps(product, default=str), ex=SECONDS_KEPT)
    return {"source": "table", "product": json.loads(json.dumps(product, default=str))}


def write(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Write a product to the table, then forget what was kept of it."""
    table.put_item(Item=event)
    return {"forgotten": cache.delete(f"product:{event['id']}")}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One function for both, by the event's `action`."""
    return {"read": read, "write": write}[event.pop("action")](event, context)
