"""What calls Lambda functions on both hosts: queues, topics, buckets, rules, templates, destinations."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from tests.packages import archive

from .functions import Functions, recorded, recording, until


def test_a_queue_calls_a_function(functions: Functions, bucket: str) -> None:
    sqs = functions.endpoint.client("sqs")
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mapping = functions.client.create_event_source_mapping(
        FunctionName=recording(functions, bucket), EventSourceArn=arn
    )["UUID"]
    until(lambda: functions.client.get_event_source_mapping(UUID=mapping)["State"] == "Enabled")
    sqs.send_message(QueueUrl=queue, MessageBody="order 1")
    (record,) = until(lambda: recorded(functions.endpoint, bucket))
    assert (record["body"], record["eventSourceARN"]) == ("order 1", arn)
    functions.client.delete_event_source_mapping(UUID=mapping)


def test_a_topic_calls_a_function(functions: Functions, bucket: str) -> None:
    sns = functions.endpoint.client("sns")
    topic = sns.create_topic(Name=bucket)["TopicArn"]
    subscription = sns.subscribe(
        TopicArn=topic, Protocol="lambda", Endpoint=functions.arn(recording(functions, bucket))
    )["SubscriptionArn"]
    kind = {"kind": {"DataType": "String", "StringValue": "new"}}
    published = sns.publish(TopicArn=topic, Message="order 1", Subject="orders", MessageAttributes=kind)
    (record,) = until(lambda: recorded(functions.endpoint, bucket))
    notification = record["Sns"]
    assert (record["EventSource"], record["EventSubscriptionArn"]) == ("aws:sns", subscription)
    assert (notification["Message"], notification["Subject"]) == ("order 1", "orders")
    assert (notification["TopicArn"], notification["MessageId"]) == (topic, published["MessageId"])
    assert notification["MessageAttributes"] == {"kind": {"Type": "String", "Value": "new"}}
    assert {"Type", "Timestamp", "SigningCertUrl", "UnsubscribeUrl"} <= notification.keys()


TEMPLATE_CODE = {
    "python3.12": "import library\ndef handler(event, context): return [library.name, 1]",
    "nodejs20.x": "exports.handler = async () => [require('library').name, 1];",
}


@pytest.mark.parametrize("runtime", TEMPLATE_CODE)
def test_a_template_makes_and_changes_a_function(alone: Functions, runtime: str) -> None:
    if runtime.startswith("node") and shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    cloudformation, sqs = alone.endpoint.client("cloudformation"), alone.endpoint.client("sqs")
    name = f"f{time.time_ns()}"
    files = {
        "python/library.py": "name = 'layer'",
        "nodejs/node_modules/library.js": "exports.name = 'layer'",
    }
    layer = alone.client.publish_layer_version(LayerName=name, Content={"ZipFile": archive(files)})
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    dead = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def template(code: str) -> str:
        properties = {
            "FunctionName": name,
            "Runtime": runtime,
            "Handler": "index.handler",
            "Role": alone.role,
            "Code": {"ZipFile": code},
            "Layers": [layer["LayerVersionArn"]],
            "DeadLetterConfig": {"TargetArn": dead},
            "Timeout": 30,
        }
        return json.dumps({"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}})

    code = TEMPLATE_CODE[runtime]
    cloudformation.create_stack(StackName=name, TemplateBody=template(code))
    assert alone.call(name)["Payload"] == ["layer", 1]
    assert alone.client.get_function_configuration(FunctionName=name)["DeadLetterConfig"] == {
        "TargetArn": dead
    }
    cloudformation.update_stack(StackName=name, TemplateBody=template(code.replace("1]", "2]")))
    assert alone.call(name)["Payload"] == ["layer", 2]
    cloudformation.delete_stack(StackName=name)


def test_a_bucket_calls_a_function(functions: Functions, bucket: str) -> None:
    s3, source = functions.endpoint.client("s3"), f"{bucket}-source"
    s3.create_bucket(Bucket=source)
    arn = functions.arn(recording(functions, bucket))
    functions.client.add_permission(
        FunctionName=arn, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    configured = [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
    s3.put_bucket_notification_configuration(
        Bucket=source, NotificationConfiguration={"LambdaFunctionConfigurations": configured}
    )
    s3.put_object(Bucket=source, Key="order-1", Body=b"tea")
    (record,) = until(lambda: recorded(functions.endpoint, bucket))
    assert (record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]) == (source, "order-1")


def test_a_rule_calls_a_function_with_a_call_of_the_api(functions: Functions, bucket: str) -> None:
    events, memorydb = functions.endpoint.client("events"), functions.endpoint.client("memorydb")
    pattern = {"source": ["aws.memorydb"], "detail": {"eventName": ["CreateACL"]}}
    rule = events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))["RuleArn"]
    whole, part = (functions.arn(recording(functions, bucket)) for _ in range(2))
    for statement, function in enumerate((whole, part)):
        functions.client.add_permission(
            FunctionName=function,
            StatementId=f"events-{statement}",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=rule,
        )
    targets = [{"Id": "1", "Arn": whole}, {"Id": "2", "Arn": part, "InputPath": "$.detail.requestParameters"}]
    events.put_targets(Rule=bucket, Targets=targets)
    name = f"a{time.time_ns()}"
    memorydb.create_acl(ACLName=name)
    seen = until(lambda: len(found := recorded(functions.endpoint, bucket)) == 2 and found)
    (event,) = [each for each in seen if "detail" in each]
    (parameters,) = [each for each in seen if "detail" not in each]
    assert (event["source"], event["detail-type"]) == ("aws.memorydb", "AWS API Call via CloudTrail")
    assert event["detail"]["requestParameters"] == parameters
    assert name in parameters.values()
    events.disable_rule(Name=bucket)
    memorydb.delete_acl(ACLName=name)


def test_a_function_hears_of_a_clusters_failover(functions: Functions, bucket: str) -> None:
    sns, memorydb = functions.endpoint.client("sns"), functions.endpoint.client("memorydb")
    topic = sns.create_topic(Name=bucket)["TopicArn"]
    name = bucket[:40].rstrip("-")
    memorydb.create_cluster(ClusterName=name, NodeType="db.t4g.small", ACLName="open-access")
    memorydb.describe_clusters(ClusterName=name)
    memorydb.update_cluster(ClusterName=name, SnsTopicArn=topic)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=functions.arn(recording(functions, bucket)))
    memorydb.failover_shard(ClusterName=name, ShardName="0001")
    wanted = json.dumps({"MemoryDB:FailoverComplete": name})
    until(lambda: wanted in [row["Sns"]["Message"] for row in recorded(functions.endpoint, bucket)])
    memorydb.delete_cluster(ClusterName=name)


def test_a_stream_calls_a_function_once_for_each_change(functions: Functions, bucket: str) -> None:
    dynamodb = functions.endpoint.client("dynamodb")
    dynamodb.create_table(
        TableName=bucket,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    stream = dynamodb.describe_table(TableName=bucket)["Table"]["LatestStreamArn"]
    mapping = functions.client.create_event_source_mapping(
        FunctionName=recording(functions, bucket), EventSourceArn=stream, StartingPosition="TRIM_HORIZON"
    )["UUID"]
    until(lambda: functions.client.get_event_source_mapping(UUID=mapping)["State"] == "Enabled")
    dynamodb.put_item(TableName=bucket, Item={"id": {"S": "1"}, "score": {"N": "5"}})
    dynamodb.put_item(TableName=bucket, Item={"id": {"S": "1"}, "score": {"N": "6"}})
    dynamodb.delete_item(TableName=bucket, Key={"id": {"S": "1"}})
    until(lambda: len(recorded(functions.endpoint, bucket)) >= 3)
    records = sorted(
        recorded(functions.endpoint, bucket), key=lambda row: int(row["dynamodb"]["SequenceNumber"])
    )
    assert [row["eventName"] for row in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert len({row["dynamodb"]["SequenceNumber"] for row in records}) == 3
    assert records[1]["dynamodb"]["NewImage"] == {"id": {"S": "1"}, "score": {"N": "6"}}
    functions.client.delete_event_source_mapping(UUID=mapping)


@pytest.mark.parametrize(
    ("handler", "result", "condition"),
    [("app.echo", "OnSuccess", "Success"), ("app.failing", "OnFailure", "RetriesExhausted")],
)
def test_a_destination_is_told_of_the_result(
    functions: Functions, bucket: str, handler: str, result: str, condition: str
) -> None:
    sqs, name = functions.endpoint.client("sqs"), functions.create(handler)
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.client.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={result: {"Destination": arn}}
    )
    functions.client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"order": 1}')
    (message,) = until(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"))
    told = json.loads(message["Body"])
    assert told["requestContext"]["condition"] == condition
    assert told["requestContext"]["functionArn"] == f"{functions.arn(name)}:$LATEST"
    assert (told["requestContext"]["approximateInvokeCount"], told["requestPayload"]) == (1, {"order": 1})
    assert told["responseContext"].get("functionError") == ("Unhandled" if result == "OnFailure" else None)
    answered = told["responsePayload"]
    assert (answered.get("event"), answered.get("errorType")) in [({"order": 1}, None), (None, "ValueError")]


def test_a_deleted_mapping_calls_nobody(functions: Functions, bucket: str) -> None:
    sqs = functions.endpoint.client("sqs")
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    lambda_ = functions.client
    mapping = lambda_.create_event_source_mapping(
        FunctionName=recording(functions, bucket), EventSourceArn=arn
    )["UUID"]
    until(lambda: lambda_.get_event_source_mapping(UUID=mapping)["State"] == "Enabled")
    lambda_.delete_event_source_mapping(UUID=mapping)
    until(
        lambda: (
            mapping
            not in {row["UUID"] for row in lambda_.list_event_source_mappings()["EventSourceMappings"]}
        )
    )
    sqs.send_message(QueueUrl=queue, MessageBody="order 1")
    assert until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))[0]["Body"] == "order 1"
    assert recorded(functions.endpoint, bucket) == []


def test_a_message_outlives_a_function_that_is_gone(functions: Functions, bucket: str) -> None:
    sqs, name = functions.endpoint.client("sqs"), functions.create("app.failing")
    queue = sqs.create_queue(QueueName=bucket, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mapping = functions.client.create_event_source_mapping(FunctionName=name, EventSourceArn=arn)["UUID"]
    functions.client.delete_function(FunctionName=name)
    functions.made.clear()
    sqs.send_message(QueueUrl=queue, MessageBody="order 1")
    assert until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))[0]["Body"] == "order 1"
    functions.client.delete_event_source_mapping(UUID=mapping)
