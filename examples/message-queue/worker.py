"""A worker of the queue: takes orders from a stream, ships each once, and takes over what a dead worker has left.

`python worker.py NAME`; the variables that connect() reads name the cluster.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from redis.cluster import RedisCluster
from redis.exceptions import ResponseError

# One hash tag, so that one transaction can write all of them.
QUEUE, DONE, FAILED = "{orders}:queue", "{orders}:done", "{orders}:failed"
GROUP = "shipping"
IDLE_MILLISECONDS = 500  # a worker that has been silent for so long is taken for dead
ATTEMPTS = 3

Message = tuple[str, dict[str, str]]


def connect(variables: Mapping[str, str] = os.environ) -> RedisCluster:
    """The cluster that the environment names."""
    return RedisCluster(
        host=variables["CLUSTER_HOST"],
        port=int(variables["CLUSTER_PORT"]),
        username=variables["CLUSTER_USER"],
        password=variables["CLUSTER_PASSWORD"],
        ssl=True,
        ssl_ca_certs=variables.get("CLUSTER_CA"),
        decode_responses=True,
    )


def create_queue(redis: RedisCluster) -> None:
    """Stream and group, unless they are there."""
    try:
        redis.xgroup_create(QUEUE, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


class Worker:
    """One consumer of the group. It acknowledges what is done; what it does not acknowledge stays its own, or is claimed."""

    def __init__(self, redis: RedisCluster, name: str) -> None:
        self.redis = redis
        self.name = name
        self.running = True

    def messages(self) -> Iterator[Message]:
        """What others have left behind, then what is new, until somebody sets `running` to False."""
        while self.running:
            yield from self._abandoned()
            answer = self.redis.xreadgroup(
                GROUP, self.name, {QUEUE: ">"}, count=10, block=IDLE_MILLISECONDS // 2
            )
            yield from messages_of(answer)

    def _abandoned(self) -> list[Message]:
        """Claim the messages of silent workers; set apart what has been tried too often."""
        _, messages, *_ = self.redis.xautoclaim(QUEUE, GROUP, self.name, IDLE_MILLISECONDS, count=10)
        if not messages:
            return []
        pending = self.redis.xpending_range(
            QUEUE, GROUP, min=messages[0][0], max=messages[-1][0], count=len(messages), consumername=self.name
        )
        tried = {row["message_id"]: row["times_delivered"] for row in pending}
        kept = []
        for identifier, order in messages:
            if tried.get(identifier, 0) > ATTEMPTS:
                self._finish(identifier, FAILED, order["item"])
            else:
                kept.append((identifier, order))
        return kept

    def ship(self, identifier: str, order: dict[str, str]) -> None:
        """The work itself. The result and the acknowledgement are written together, so an order is shipped once."""
        if order["item"] == "bomb":
            raise ValueError("we do not ship these")
        self._finish(identifier, DONE, f"{order['item']} by {self.name}")

    def _finish(self, identifier: str, where: str, what: str) -> None:
        with self.redis.pipeline(transaction=True) as transaction:
            transaction.hset(where, identifier, what)
            transaction.xack(QUEUE, GROUP, identifier)
            transaction.execute()

    def run(self) -> None:
        """Work until told to stop."""
        for identifier, order in self.messages():
            try:
                self.ship(identifier, order)
            except ValueError as error:
                print(f"{self.name}: {order['item']}: {error}", file=sys.stderr)


def messages_of(answer: Any) -> list[Message]:
    """The messages of the one stream that was read. redis-py answers with a list on RESP2, with a dict on RESP3."""
    if isinstance(answer, dict):
        return [message for chunks in answer.values() for messages in chunks for message in messages]
    return [message for _, messages in answer or [] for message in messages]


def main() -> None:
    """Work until SIGTERM."""
    with connect() as redis:
        worker = Worker(redis, sys.argv[1])

        def stop(*_: object) -> None:
            worker.running = False

        signal.signal(signal.SIGTERM, stop)
        create_queue(redis)
        worker.run()


if __name__ == "__main__":
    main()
