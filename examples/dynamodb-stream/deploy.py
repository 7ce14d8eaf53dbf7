"""Deploy table, stream and function with boto3, write scores, read the leaderboard, and take everything down again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from redis.cluster import RedisCluster

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import deployment  # noqa: E402
import packages  # noqa: E402

NAME = "scores"
GAME = "chess"
WRITER, READER = "leaderboard-writer", "leaderboard-reader"
CLUSTER_COMMANDS = "+ping +command +cluster|slots +cluster|shards"
USERS = {
    WRITER: (
        "a-long-password-for-writing",
        f"on ~leaderboard:* resetchannels -@all +zadd +zrem {CLUSTER_COMMANDS}",
    ),
    READER: (
        "a-long-password-for-reading",
        f"on %R~leaderboard:* resetchannels -@all +@read {CLUSTER_COMMANDS}",
    ),
}


@contextmanager
def mapping(client: deployment.Client, source: str) -> Iterator[None]:
    """What calls the function whenever the table changes. A batch that fails is split, to find what it fails for."""
    functions = client("lambda")
    made = functions.create_event_source_mapping(
        FunctionName=NAME,
        EventSourceArn=source,
        StartingPosition="TRIM_HORIZON",
        BatchSize=100,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=5,
    )
    identifier = made["UUID"]
    try:
        deployment.wait_until(
            lambda: functions.get_event_source_mapping(UUID=identifier)["State"] == "Enabled"
        )
        yield
    finally:
        functions.delete_event_source_mapping(UUID=identifier)


def connect(url: str, endpoint: dict[str, Any]) -> RedisCluster:
    """The reader's connection, from outside of Lambda: this process does not know the emulator's authority."""
    with urlopen(f"{url}/_memorydb/ca.pem") as answer:
        authority = answer.read().decode()
    return RedisCluster(
        host=endpoint["Address"],
        port=endpoint["Port"],
        username=READER,
        password=USERS[READER][0],
        ssl=True,
        ssl_ca_data=authority,
        decode_responses=True,
    )


def show(redis: RedisCluster, *expected: tuple[str, float]) -> None:
    """The leaderboard, as soon as it has caught up with the table."""

    def board() -> list[tuple[str, float]]:
        rows = redis.zrevrange(f"leaderboard:{{{GAME}}}", 0, 2, withscores=True)
        return [(str(player), float(score)) for player, score in rows]

    deployment.wait_until(lambda: board() == list(expected))
    print(", ".join(f"{place}. {player} {score:g}" for place, (player, score) in enumerate(board(), 1)))


def main() -> None:
    """Everything, step by step."""
    url = deployment.endpoint_url(__doc__)
    client = deployment.clients(url)
    with ExitStack() as stack:
        changes = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        stack.enter_context(deployment.table(client, NAME, "game", "player", StreamSpecification=changes))
        endpoint = stack.enter_context(deployment.cluster(client, NAME, USERS))
        variables = {
            "CLUSTER_HOST": endpoint["Address"],
            "CLUSTER_PORT": str(endpoint["Port"]),
            "CLUSTER_USER": WRITER,
            "CLUSTER_PASSWORD": USERS[WRITER][0],
        }
        code = packages.package(packages.sources(HERE / "function"), packages.redis_py())
        source = client("dynamodb").describe_table(TableName=NAME)["Table"]["LatestStreamArn"]
        reading = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
        allowed = {source: reading, "*": ["dynamodb:ListStreams"]}
        stack.enter_context(
            deployment.function(client, NAME, "leaderboard.handler", code, variables, allowed)
        )
        stack.enter_context(mapping(client, source))
        redis = stack.enter_context(connect(url, endpoint))

        dynamodb = client("dynamodb")

        def write(player: str, score: int) -> None:
            item = {"game": {"S": GAME}, "player": {"S": player}, "score": {"N": str(score)}}
            dynamodb.put_item(TableName=NAME, Item=item)

        for player, score in {"ada": 1200, "grace": 1500, "alan": 900}.items():
            write(player, score)
        show(redis, ("grace", 1500), ("ada", 1200), ("alan", 900))
        write("alan", 1600)
        show(redis, ("alan", 1600), ("grace", 1500), ("ada", 1200))
        dynamodb.delete_item(TableName=NAME, Key={"game": {"S": GAME}, "player": {"S": "grace"}})
        show(redis, ("alan", 1600), ("ada", 1200))


if __name__ == "__main__":
    main()
