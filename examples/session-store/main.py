"""Two processes' worth of the application on one cluster: a session that both know, a limit that both obey, a failover."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from urllib.request import urlopen

from flask.testing import FlaskClient

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import app  # noqa: E402
import deployment  # noqa: E402

NAME = "session-store"
PASSWORD = "a-long-password-for-sessions"
ACCESS = (
    "on ~session:* ~rate:* resetchannels -@all +get +getex +set +del +zadd +zcard +zrange +zremrangebyscore "
    "+pexpire +time +eval +evalsha +script|load +ping +command +cluster|slots +cluster|shards"
)


def fail_over(client: deployment.Client) -> None:
    """Give every shard another primary, as maintenance does."""
    memorydb = client("memorydb")

    def cluster() -> dict[str, object]:
        found: dict[str, object] = memorydb.describe_clusters(ClusterName=NAME)["Clusters"][0]
        return found

    for shard in ("0001", "0002"):
        memorydb.failover_shard(ClusterName=NAME, ShardName=shard)
        deployment.wait_until(lambda: cluster()["Status"] == "available")


def story(client: deployment.Client, first: FlaskClient, second: FlaskClient) -> None:
    """What a browser sees that a load balancer sends to one or the other."""
    print("without a session:", first.get("/cart").status_code)
    first.post("/login", data={"user": "ada"})
    cookie = first.get_cookie("session")
    assert cookie is not None
    second.set_cookie("session", cookie.value)
    first.post("/cart", data={"item": "tea"})
    print("the other process:", second.get("/cart").json)

    answers = [(first, second)[turn % 2].post("/cart", data={"item": "cup"}) for turn in range(5)]
    print("five more:", *(answer.status_code for answer in answers))
    print("may try again within a minute:", 0 < int(answers[-1].headers["Retry-After"]) <= app.WINDOW_SECONDS)

    fail_over(client)
    print("after a failover:", second.get("/cart").json)
    second.post("/logout")
    print("after logging out:", first.get("/cart").status_code)


def main() -> None:
    """Deploy, use, take down."""
    url = deployment.endpoint_url(__doc__)
    client = deployment.clients(url)
    with (
        deployment.cluster(client, NAME, {NAME: (PASSWORD, ACCESS)}) as endpoint,
        tempfile.NamedTemporaryFile(suffix=".pem") as ca,
        urlopen(f"{url}/_memorydb/ca.pem") as answer,
    ):
        ca.write(answer.read())
        ca.flush()
        variables = {
            "CLUSTER_HOST": endpoint["Address"],
            "CLUSTER_PORT": str(endpoint["Port"]),
            "CLUSTER_USER": NAME,
            "CLUSTER_PASSWORD": PASSWORD,
            "CLUSTER_CA": ca.name,
        }
        with app.connect(variables) as one, app.connect(variables) as other:
            story(client, app.create_app(one).test_client(), app.create_app(other).test_client())


if __name__ == "__main__":
    main()
