"""A queue of orders, a worker that dies with messages in its hands, and two that finish its work."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import deployment  # noqa: E402
import worker  # noqa: E402
from worker import DONE, FAILED, GROUP, QUEUE  # noqa: E402

NAME = "message-queue"
PASSWORD = "a-long-password-for-orders"
ACCESS = (
    "on ~{orders}:* resetchannels -@all +@stream +@transaction +hset +hgetall +hlen "
    "+ping +command +cluster|slots +cluster|shards"
)
ITEMS = ["tea", "cup", "pot", "spoon", "bomb", "tray"]


@contextmanager
def workers(variables: dict[str, str], *names: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Worker processes; they end with the block."""
    command = [sys.executable, str(HERE / "worker.py")]
    running = [
        subprocess.Popen([*command, name], env=os.environ | variables, stderr=subprocess.DEVNULL)
        for name in names
    ]
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)


def story(variables: dict[str, str]) -> None:
    """Orders in, all of them shipped or set apart."""
    with worker.connect(variables) as redis:
        worker.create_queue(redis)
        for item in ITEMS:
            redis.xadd(QUEUE, {"item": item})

        # A worker that takes four orders, ships one, and is gone: nobody will hear of it again.
        dying = worker.Worker(redis, "ada")
        taken = redis.xreadgroup(GROUP, dying.name, {QUEUE: ">"}, count=4)
        dying.ship(*worker.messages_of(taken)[0])
        (lost,) = redis.xinfo_consumers(QUEUE, GROUP)
        print(f"{lost['name']} dies with {lost['pending']} orders in hand")

        with workers(variables, "grace", "alan"):
            deployment.wait_until(lambda: redis.hlen(DONE) + redis.hlen(FAILED) == len(ITEMS))
        shipped = {what.partition(" by ")[0] for what in redis.hgetall(DONE).values()}
        print("shipped:", ", ".join(sorted(shipped)))
        print("set apart:", ", ".join(redis.hgetall(FAILED).values()))
        print("pending:", redis.xpending(QUEUE, GROUP)["pending"])


def main() -> None:
    """Deploy, use, take down."""
    url = deployment.endpoint_url(__doc__)
    client = deployment.clients(url)
    with ExitStack() as stack:
        endpoint = stack.enter_context(deployment.cluster(client, NAME, {NAME: (PASSWORD, ACCESS)}))
        ca = stack.enter_context(tempfile.NamedTemporaryFile(suffix=".pem"))
        with urlopen(f"{url}/_memorydb/ca.pem") as answer:
            ca.write(answer.read())
        ca.flush()
        story(
            {
                "CLUSTER_HOST": endpoint["Address"],
                "CLUSTER_PORT": str(endpoint["Port"]),
                "CLUSTER_USER": NAME,
                "CLUSTER_PASSWORD": PASSWORD,
                "CLUSTER_CA": ca.name,
            }
        )


if __name__ == "__main__":
    main()
