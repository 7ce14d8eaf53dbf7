"""Deploy the function with boto3, call it, and take everything down again."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import deployment  # noqa: E402
import packages  # noqa: E402

NAME = "catalog"
PASSWORD = "a-long-password-for-the-catalog"
# Of the cluster's data the function may touch its products and nothing else.
ACCESS = "on ~product:* resetchannels -@all +get +set +del +ping +command +cluster|slots +cluster|shards"


def call(client: deployment.Client, **event: Any) -> Any:
    """What the function answers."""
    answer = client("lambda").invoke(FunctionName=NAME, Payload=json.dumps(event))
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SystemExit(f"the function failed: {result}")
    return result


def main() -> None:
    """Everything, step by step."""
    client = deployment.clients(deployment.endpoint_url(__doc__))
    with ExitStack() as stack:
        stack.enter_context(deployment.table(client, NAME, "id"))
        endpoint = stack.enter_context(deployment.cluster(client, NAME, {NAME: (PASSWORD, ACCESS)}))
        variables = {
            "TABLE": NAME,
            "CLUSTER_HOST": endpoint["Address"],
            "CLUSTER_PORT": str(endpoint["Port"]),
            "CLUSTER_USER": NAME,
            "CLUSTER_PASSWORD": PASSWORD,
        }
        described = client("dynamodb").describe_table(TableName=NAME)["Table"]
        allowed = {described["TableArn"]: ["dynamodb:GetItem", "dynamodb:PutItem"]}
        layer = stack.enter_context(deployment.layer(client, "redis-py", packages.layer()))
        code = packages.function(HERE)
        stack.enter_context(
            deployment.function(client, NAME, "catalog.handler", code, variables, allowed, Layers=[layer])
        )
        for price in ("4.50", "4.80"):
            print("write", call(client, action="write", id="tea", price=price))
            for _ in range(2):
                print("read ", call(client, action="read", id="tea"))


if __name__ == "__main__":
    main()
