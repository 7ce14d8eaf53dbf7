"""Streams and queues that call functions, on both hosts: in batches, filtered, repeated, given up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.packages import package

from .endpoint import Endpoint
from .functions import Functions, until

SOURCE = """
import json, os
import boto3

sqs = boto3.client("sqs")

def ids(event):
    return [row["dynamodb"]["Keys"]["id"]["S"] if "dynamodb" in row else row["body"] for row in event["Records"]]

def seen(event):
    sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(ids(event)))
    return ids(event)

def taking(event, context):
    seen(event)

def failing(event, context):
    if "bad" in seen(event):
        raise ValueError("bad")

def reporting(event, context):
    bad = [row for row, name in zip(event["Records"], seen(event)) if name == "bad"]
    return {"batchItemFailures": [
        {"itemIdentifier": row["dynamodb"]["SequenceNumber"] if "dynamodb" in row else row["messageId"]} for row in bad
    ]}
"""


class Sources:
    """A table with a stream, queues, and what functions have seen of them."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.functions = Functions(endpoint)
        self.sqs, self.dynamodb = endpoint.client("sqs"), endpoint.client("dynamodb")
        self.name = f"t{time.time_ns()}"
        self.mappings: list[str] = []
        self.seen_url, _ = self.queue("seen")

    def queue(self, name: str, **attributes: Any) -> tuple[str, str]:
        """A queue's URL and ARN."""
        url = self.sqs.create_queue(QueueName=f"{self.name}-{name}", Attributes=attributes)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, found["Attributes"]["QueueArn"]

    def stream(self) -> str:
        self.dynamodb.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        return str(self.dynamodb.describe_table(TableName=self.name)["Table"]["LatestStreamArn"])

    def put(self, *names: str) -> None:
        for name in names:
            kind = "odd" if name == "bad" else "usual"
            self.dynamodb.put_item(TableName=self.name, Item={"id": {"S": name}, "kind": {"S": kind}})

    def map(self, handler: str, source: str, **more: Any) -> None:
        code = {"ZipFile": package(app_DOT_py=SOURCE)}
        function = self.functions.create(
            f"app.{handler}", code=code, Environment={"Variables": {"SEEN": self.seen_url}}
        )
        lambda_ = self.functions.client
        if ":dynamodb:" in source:
            more = {"StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 1, **more}
        mapping = lambda_.create_event_source_mapping(FunctionName=function, EventSourceArn=source, **more)[
            "UUID"
        ]
        self.mappings.append(mapping)
        until(lambda: lambda_.get_event_source_mapping(UUID=mapping)["State"] == "Enabled")

    def take(self, url: str, count: int) -> list[Any]:
        """So many messages of a queue, in the order of their arrival."""
        found: list[Any] = []

        def receive() -> bool:
            for row in self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
                "Messages", []
            ):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=row["ReceiptHandle"])
                found.append(row["Body"])
            return len(found) >= count

        until(receive)
        return found

    def seen(self, count: int) -> list[list[str]]:
        """What so many invocations were given."""
        return [json.loads(body) for body in self.take(self.seen_url, count)]

    def remove(self) -> None:
        for mapping in self.mappings:
            self.functions.client.delete_event_source_mapping(UUID=mapping)
        self.functions.remove()


@pytest.fixture
def sources(endpoint: Endpoint) -> Iterator[Sources]:
    made = Sources(endpoint)
    yield made
    made.remove()


@pytest.fixture
def own(sources: Sources) -> Sources:
    """The stand-alone host alone: LocalStack's readers are its own, and slow."""
    if sources.functions.endpoint.host == "localstack":
        pytest.skip("LocalStack reads by itself")
    return sources


def test_a_stream_is_read_in_batches_from_its_beginning(sources: Sources) -> None:
    stream = sources.stream()
    sources.put("1", "2", "3", "4")
    sources.map("taking", stream, BatchSize=2)
    assert sources.seen(2) == [["1", "2"], ["3", "4"]]


def test_a_window_collects_what_comes_after_the_mapping(own: Sources) -> None:
    stream = own.stream()
    own.put("before")
    own.map("taking", stream, StartingPosition="LATEST", MaximumBatchingWindowInSeconds=2, BatchSize=3)
    own.put("1", "2", "3")
    assert own.seen(1) == [["1", "2", "3"]]


def test_a_filter_keeps_records_from_a_function(own: Sources) -> None:
    stream, pattern = own.stream(), {"dynamodb": {"NewImage": {"kind": {"S": ["usual"]}}}}
    own.put("1", "bad", "2")
    own.map("taking", stream, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    assert own.seen(1) == [["1", "2"]]


def test_a_batch_that_a_function_does_not_take_is_repeated_and_given_up(sources: Sources) -> None:
    (url, arn), stream = sources.queue("lost"), sources.stream()
    sources.put("1", "bad")
    sources.map("failing", stream, DestinationConfig={"OnFailure": {"Destination": arn}})
    assert sources.seen(2) == [["1", "bad"], ["1", "bad"]]
    told = json.loads(sources.take(url, 1)[0])
    assert (told["requestContext"]["condition"], told["requestContext"]["approximateInvokeCount"]) == (
        "RetryAttemptsExhausted",
        2,
    )
    assert (told["DDBStreamBatchInfo"]["batchSize"], told["DDBStreamBatchInfo"]["streamArn"]) == (2, stream)
    sources.put("2")
    assert sources.seen(1) == [["2"]]


def test_what_is_before_a_reported_failure_is_done(own: Sources) -> None:
    stream = own.stream()
    own.put("1", "bad", "2")
    own.map("reporting", stream, FunctionResponseTypes=["ReportBatchItemFailures"])
    assert own.seen(2) == [["1", "bad", "2"], ["bad", "2"]]


def test_a_batch_is_split_until_what_is_bad_is_alone(own: Sources) -> None:
    stream = own.stream()
    own.put("1", "2", "bad", "3")
    own.map("failing", stream, BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)
    assert own.seen(5) == [["1", "2", "bad", "3"], ["1", "2"], ["bad", "3"], ["bad"], ["3"]]


def test_a_message_that_a_function_does_not_take_ends_in_the_dead_letter_queue(sources: Sources) -> None:
    url, arn = sources.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "2"})
    queue, source = sources.queue("orders", VisibilityTimeout="1", RedrivePolicy=policy)
    for body in ("1", "bad", "2"):
        sources.sqs.send_message(QueueUrl=queue, MessageBody=body)
    sources.map("reporting", source, FunctionResponseTypes=["ReportBatchItemFailures"])
    assert sorted(sum(sources.seen(2), [])) == ["1", "2", "bad", "bad"]
    assert sources.take(url, 1) == ["bad"]


def test_an_event_that_is_given_up_is_in_the_functions_dead_letter_queue(own: Sources) -> None:
    url, arn = own.queue("dead")
    name = own.functions.create("app.failing", DeadLetterConfig={"TargetArn": arn})
    lambda_ = own.functions.client
    assert lambda_.get_function_configuration(FunctionName=name)["DeadLetterConfig"] == {"TargetArn": arn}
    lambda_.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"order":1}')
    (message,) = until(
        lambda: own.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get(
            "Messages"
        )
    )
    assert json.loads(message["Body"]) == {"order": 1}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no such order"


def test_a_mapping_to_an_alias_calls_what_the_alias_names(own: Sources) -> None:
    stream, lambda_ = own.stream(), own.functions.client
    code = {"ZipFile": package(app_DOT_py=SOURCE)}
    name = own.functions.create("app.taking", code=code, Environment={"Variables": {"SEEN": own.seen_url}})
    lambda_.publish_version(FunctionName=name)
    alias = lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")["AliasArn"]
    mapping = lambda_.create_event_source_mapping(
        FunctionName=alias, EventSourceArn=stream, StartingPosition="TRIM_HORIZON"
    )
    own.mappings.append(mapping["UUID"])
    assert mapping["FunctionArn"] == alias
    lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion="1")
    own.put("1")
    assert own.seen(1) == [["1"]]
    streams = own.functions.endpoint.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")
    assert [row["logStreamName"].split("[")[1].split("]")[0] for row in streams["logStreams"]] == ["1"]


def test_a_pattern_that_is_none_is_refused(own: Sources) -> None:
    criteria = {"Filters": [{"Pattern": "{order"}]}
    with pytest.raises(
        own.functions.client.exceptions.InvalidParameterValueException, match="filter pattern"
    ):
        own.map("taking", own.stream(), FilterCriteria=criteria)
