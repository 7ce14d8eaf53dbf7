"""Two ways to hear of a failover: the cluster's SNS topic, and a CloudWatch alarm on a metric of its nodes."""

from __future__ import annotations

import argparse
import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

import boto3

PATIENCE = 60


class Example:
    def __init__(self, url: str) -> None:
        self.url = url
        aws = {
            "endpoint_url": url,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        self.memorydb = boto3.client("memorydb", **aws)
        self.sns, self.sqs = boto3.client("sns", **aws), boto3.client("sqs", **aws)
        self.cloudwatch = boto3.client("cloudwatch", **aws)
        self.name = f"alerts-{secrets.token_hex(3)}"
        self.topic = self.sns.create_topic(Name=self.name)["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]

    def tell(self) -> None:
        self.subscribe()
        self.create_cluster()
        self.hear("ClusterParametersChanged", "ClusterProvisioningComplete", "CreateClusterComplete")
        self.fail_over()
        self.hear("FailoverComplete", "NodeReplaceComplete", "NodeReplaceStarted")
        self.watch(self.node(1))
        self.hear("ALARM")

    def subscribe(self) -> None:
        """Let the queue have what the topic is told."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        queue = attributes["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": self.topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=queue)

    def create_cluster(self) -> None:
        """One shard with a replica; the topic is told of what happens to it."""
        self.memorydb.create_cluster(
            ClusterName=self.name,
            NodeType="db.t4g.small",
            ACLName="open-access",
            NumShards=1,
            NumReplicasPerShard=1,
            SnsTopicArn=self.topic,
        )
        wait_for(lambda: self.cluster()["Status"] == "available")

    def cluster(self) -> dict[str, Any]:
        return dict(self.memorydb.describe_clusters(ClusterName=self.name)["Clusters"][0])

    def node(self, number: int) -> str:
        return f"{self.name}-0001-{number:03d}"

    def fail_over(self) -> None:
        self.memorydb.failover_shard(ClusterName=self.name, ShardName="0001")

    def watch(self, node: str) -> None:
        """An alarm for when a node is not the primary that it is expected to be."""
        self.measure(node)
        self.cloudwatch.put_metric_alarm(
            AlarmName=self.name,
            AlarmDescription=f"{node} is not the primary of its shard",
            Namespace="AWS/MemoryDB",
            MetricName="IsPrimary",
            Dimensions=self.dimensions(node),
            Statistic="Minimum",
            ComparisonOperator="LessThanThreshold",
            Threshold=1,
            Period=60,
            EvaluationPeriods=1,
            AlarmActions=[self.topic],
        )
        self.measure(node)

    def measure(self, node: str) -> None:
        """Have the emulator tell CloudWatch now what it would tell within a minute, as AWS does."""
        urlopen(Request(f"{self.url}/_memorydb/metrics", method="POST"))
        wait_for(lambda: 0 in self.samples(node))

    def samples(self, node: str) -> list[float]:
        """What CloudWatch knows of the last minutes: 0 where the node was not the primary all the time."""
        now = datetime.now(UTC)
        rows = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/MemoryDB",
            MetricName="IsPrimary",
            Dimensions=self.dimensions(node),
            StartTime=now - timedelta(minutes=5),
            EndTime=now,
            Period=60,
            Statistics=["Minimum"],
        )["Datapoints"]
        return [row["Minimum"] for row in rows]

    def dimensions(self, node: str) -> list[dict[str, str]]:
        return [{"Name": "ClusterName", "Value": self.name}, {"Name": "NodeName", "Value": node}]

    def hear(self, *expected: str) -> None:
        """Wait until all of this has arrived in the queue, which keeps no order, and print it."""
        missing, heard = set(expected), []
        deadline = time.monotonic() + PATIENCE
        while missing:
            if time.monotonic() > deadline:
                raise SystemExit(f"nothing was heard of {', '.join(missing)}")
            answer = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                name, subject = headline(json.loads(json.loads(message["Body"])["Message"]))
                heard.append(f"{name} ({subject.replace(self.name, 'cluster')})")
                missing.discard(name)
        print("heard:", ", ".join(sorted(heard)))

    def clean_up(self) -> None:
        self.cloudwatch.delete_alarms(AlarmNames=[self.name])
        if self.name in [cluster["Name"] for cluster in self.memorydb.describe_clusters()["Clusters"]]:
            self.memorydb.delete_cluster(ClusterName=self.name)
        self.sns.delete_topic(TopicArn=self.topic)
        self.sqs.delete_queue(QueueUrl=self.queue)


def headline(said: dict[str, Any]) -> tuple[str, str]:
    """What happened, and to what: of an alarm its state and its metric, of an event of MemoryDB its name and the cluster."""
    if "AlarmName" in said:
        return said["NewStateValue"], said["Trigger"]["MetricName"]
    ((event, cluster),) = said.items()
    return event.removeprefix("MemoryDB:"), cluster


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("it takes too long")
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint-url", default="http://127.0.0.1:4566")
    example = Example(parser.parse_args().endpoint_url)
    try:
        example.tell()
    finally:
        example.clean_up()


if __name__ == "__main__":
    main()
