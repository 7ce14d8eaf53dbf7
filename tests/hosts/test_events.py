"""What a host's other services are told of clusters: SNS topics and who subscribes to them, CloudWatch, and EventBridge."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError

import pytest

from .conftest import require
from .endpoint import Endpoint

PATIENCE = 180.0


class Queue:
    """A queue of a host."""

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        self._sqs = endpoint.client("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        wanted = ["QueueArn"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=wanted)
        self.arn = attributes["Attributes"]["QueueArn"]

    def bodies(self, until: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The messages that arrive, up to one for which the condition holds."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = self._sqs.receive_message(QueueUrl=self._url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            for row in answer.get("Messages", []):
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=row["ReceiptHandle"])
                found.append(json.loads(row["Body"]))
            if any(until(body) for body in found):
                return found
        raise AssertionError(f"it is not among {found}")


class Topic:
    """A topic of a host, and a queue that gets what it is told."""

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        self.sns = endpoint.client("sns")
        self.arn = self.sns.create_topic(Name=name)["TopicArn"]
        self._queue = Queue(endpoint, name)
        self.sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=self._queue.arn)

    def wait_for_subscribers(self, count: int) -> None:
        """Return when so many have confirmed that they subscribe."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            rows = self.sns.list_subscriptions_by_topic(TopicArn=self.arn)["Subscriptions"]
            if [row["SubscriptionArn"].startswith("arn:") for row in rows] == [True] * count:
                return
            time.sleep(0.05)
        raise AssertionError(f"no {count} subscribers: {rows}")

    def messages(self, until: str) -> list[dict[str, Any]]:
        """The envelopes that arrive, up to the one with this message."""
        return self._queue.bodies(lambda body: body["Message"] == until)


@pytest.fixture
def name() -> str:
    return f"events-{secrets.token_hex(3)}"


@pytest.fixture
def topic(endpoint: Endpoint, name: str) -> Topic:
    return Topic(endpoint, name)


@pytest.fixture
def cluster(endpoint: Endpoint, topic: Topic, name: str) -> Iterator[str]:
    """The name of a cluster that has the topic."""
    memorydb = endpoint.client("memorydb")
    memorydb.create_cluster(
        ClusterName=name, NodeType="db.t4g.small", ACLName="open-access", SnsTopicArn=topic.arn
    )
    memorydb.describe_clusters(ClusterName=name)
    yield name
    memorydb.delete_cluster(ClusterName=name)


def test_a_queue_hears_of_a_failover(endpoint: Endpoint, topic: Topic, cluster: str) -> None:
    endpoint.client("memorydb").failover_shard(ClusterName=cluster, ShardName="0001")
    heard = topic.messages(until=json.dumps({"MemoryDB:FailoverComplete": cluster}))
    assert {row["TopicArn"] for row in heard} == {topic.arn}
    assert {row["Type"] for row in heard} == {"Notification"}
    assert json.dumps({"MemoryDB:CreateClusterComplete": cluster}) in [row["Message"] for row in heard]


def test_a_web_server_hears_of_a_failover_and_may_ask_back(
    endpoint: Endpoint, topic: Topic, cluster: str
) -> None:
    heard: list[tuple[str, str]] = []
    complete = threading.Event()

    class Subscriber(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if said["Type"] == "SubscriptionConfirmation":
                topic.sns.confirm_subscription(TopicArn=topic.arn, Token=said["Token"])
            elif "FailoverComplete" in said["Message"]:
                found = endpoint.client("memorydb").describe_clusters(ClusterName=cluster)["Clusters"][0]
                heard.append((said["Message"], found["Status"]))
                complete.set()

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Subscriber)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/"
        topic.sns.subscribe(TopicArn=topic.arn, Protocol="http", Endpoint=url)
        topic.wait_for_subscribers(2)
        endpoint.client("memorydb").failover_shard(ClusterName=cluster, ShardName="0001")
        assert complete.wait(PATIENCE), heard
    finally:
        server.shutdown()
        server.server_close()
    assert heard == [(json.dumps({"MemoryDB:FailoverComplete": cluster}), "available")]


def test_a_topic_that_was_deleted_breaks_nothing(endpoint: Endpoint, topic: Topic, cluster: str) -> None:
    topic.sns.delete_topic(TopicArn=topic.arn)
    memorydb = endpoint.client("memorydb")
    assert memorydb.failover_shard(ClusterName=cluster, ShardName="0001")["Cluster"]["Status"] == "available"


def statistics(endpoint: Endpoint, metric: str, **dimensions: str) -> dict[str, float]:
    """What CloudWatch knows of a metric of the last hour, until the end of this second."""
    now = datetime.now(UTC)
    rows = endpoint.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/MemoryDB",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(seconds=1),
        Period=3600 * 2,
        Statistics=["Sum", "Maximum", "SampleCount"],
    )["Datapoints"]
    return {name: sum(row[name] for row in rows) for name in ("Sum", "Maximum", "SampleCount")}


def test_cloudwatch_is_told_of_every_node_and_of_the_cluster(endpoint: Endpoint, cluster: str) -> None:
    with endpoint.redis(cluster) as redis:
        for number in range(20):
            redis.set(f"key:{number}", "x")
            redis.get(f"key:{number}")
        redis.get("none")
        endpoint.post("/_memorydb/metrics")
    primary = {"ClusterName": cluster, "NodeName": f"{cluster}-0001-001"}
    replica = {"ClusterName": cluster, "NodeName": f"{cluster}-0001-002"}
    assert statistics(endpoint, "SetTypeCmds", **primary)["Sum"] == 20
    assert statistics(endpoint, "KeyspaceHits", **primary)["Sum"] == 20
    assert statistics(endpoint, "KeyspaceMisses", **primary)["Sum"] == 1
    assert statistics(endpoint, "CurrItems", **replica)["Maximum"] == 20
    for metric in ("EngineCPUUtilization", "CPUUtilization"):
        assert 0 < statistics(endpoint, metric, **primary)["Maximum"] <= 101
    assert statistics(endpoint, "FreeableMemory", ClusterName=cluster)["Maximum"] > 0
    together = statistics(endpoint, "IsPrimary", ClusterName=cluster)
    assert (together["Sum"] / together["SampleCount"], together["Maximum"]) == (0.5, 1)
    endpoint.post("/_memorydb/metrics")
    assert statistics(endpoint, "SetTypeCmds", **primary)["Sum"] == 20
    listed = endpoint.client("cloudwatch").list_metrics(
        Namespace="AWS/MemoryDB",
        MetricName="CurrItems",
        Dimensions=[{"Name": "ClusterName", "Value": cluster}],
    )["Metrics"]
    assert sorted(len(row["Dimensions"]) for row in listed) == [1, 2, 2]


def test_a_localstack_without_cloudwatch_has_clusters_all_the_same(start: Callable[..., Endpoint]) -> None:
    endpoint = start(require("localstack"), env={"SERVICES": "memorydb,s3,ec2,iam,sts"})
    memorydb = endpoint.client("memorydb")
    memorydb.create_cluster(ClusterName="orders", NodeType="db.t4g.small", ACLName="open-access")
    with pytest.raises(HTTPError) as refusal:
        endpoint.post("/_memorydb/metrics")
    assert (refusal.value.code, b"cloudwatch is disabled" in refusal.value.read()) == (503, True)
    assert memorydb.describe_clusters()["Clusters"][0]["Status"] == "available"


def test_a_rule_of_eventbridge_hears_of_calls_that_change_something(endpoint: Endpoint, name: str) -> None:
    queue, events = Queue(endpoint, name), endpoint.client("events")
    pattern = {
        "source": ["aws.memorydb"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventSource": ["memorydb.amazonaws.com"], "eventName": ["CreateUser", "DeleteUser"]},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue.arn}])
    memorydb = endpoint.client("memorydb", user_agent_extra="the-test")
    password = "never-to-be-seen-again"
    memorydb.create_user(
        UserName=name,
        AccessString="on ~* +@all",
        AuthenticationMode={"Type": "password", "Passwords": [password]},
    )
    memorydb.describe_users()
    memorydb.delete_user(UserName=name)
    told: set[str] = set()

    def is_last(body: dict[str, Any]) -> bool:
        told.add(body["detail"]["eventName"])
        return told == {"CreateUser", "DeleteUser"}  # in any order: queues do not keep it

    heard = queue.bodies(is_last)
    details = {body["detail"]["eventName"]: body["detail"] for body in heard}
    assert {(body["source"], body["region"]) for body in heard} == {("aws.memorydb", "us-east-1")}
    created = details["CreateUser"]
    assert created["requestParameters"]["userName"] == name
    assert created["responseElements"]["user"]["aRN"].endswith(f":user/{name}")
    assert "the-test" in created["userAgent"]
    assert password not in json.dumps(heard)
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
