"""Lambda functions on both hosts, without Docker: called, changed, limited, and gone with the host."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError, WaiterError
from redis import Redis

from tests.packages import archive, package

from .conftest import require
from .endpoint import Endpoint, environment
from .functions import CODE, SOURCE, Functions, recorded, recording, until


def test_a_function_answers_and_stays_warm(functions: Functions) -> None:
    name = functions.create("app.echo")
    first, second = functions.call(name, {"order": 1}), functions.call(name, {"order": 2})
    assert first["Payload"] == {"event": {"order": 1}, "arn": functions.arn(name), "version": "$LATEST"}
    assert (second["Payload"]["event"], second["StatusCode"]) == ({"order": 2}, 200)
    assert "FunctionError" not in first
    assert "INIT_START" in first["Log"]
    assert "loaded" not in second["Log"]
    assert "asked for {'order': 2}\n" in second["Log"]
    assert "\nREPORT RequestId: " in second["Log"]


def test_the_log_is_in_cloudwatch(functions: Functions) -> None:
    name = functions.create("app.failing")
    before = time.gmtime()
    functions.call(name)
    logs = functions.endpoint.client("logs")
    group = f"/aws/lambda/{name}"
    until(lambda: any(row["logGroupName"] == group for row in logs.describe_log_groups()["logGroups"]))
    (stream,) = until(lambda: logs.describe_log_streams(logGroupName=group)["logStreams"])
    days = {time.strftime("%Y/%m/%d/[$LATEST]", at) for at in (before, time.gmtime())}  # two at midnight
    assert stream["logStreamName"].partition("]")[0] + "]" in days

    def messages() -> list[str]:
        found = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        return [row["message"] for row in found]

    until(lambda: any(message.startswith("REPORT") for message in messages()))
    words = [message.split()[0] for message in messages()]
    assert words == ["INIT_START", "loaded", "START", "[ERROR]", "END", "REPORT"]
    assert "Traceback (most recent call last):" in messages()[3]


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("app.failing", "ValueError", "no such order"),
        ("app.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'app'"),
        (
            "nowhere.f",
            "Runtime.ImportModuleError",
            "Unable to import module 'nowhere': No module named 'nowhere'",
        ),
        ("app.sleeping", "Sandbox.Timedout", "RequestId: ID Error: Task timed out after 1.00 seconds"),
        ("app.exiting", "Runtime.ExitError", "RequestId: ID Error: Runtime exited with error: exit status 3"),
    ],
)
def test_what_goes_wrong_in_a_function_is_its_answer(
    functions: Functions, handler: str, kind: str, message: str
) -> None:
    name = functions.create(handler, Timeout=1 if handler == "app.sleeping" else 30)
    for _ in range(2):
        answer = functions.call(name)
        assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
        error, request_id = answer["Payload"], answer["ResponseMetadata"]["RequestId"]
        said = error["errorMessage"].replace(error.get("requestId") or request_id, "ID")
        assert error["errorType"] == kind
        assert said.split(" Error: ")[-1] == message.split(" Error: ")[-1]


def test_a_function_reaches_the_other_services_as_its_account(functions: Functions, bucket: str) -> None:
    name = functions.create("app.services", Environment={"Variables": {"BUCKET": bucket}})
    assert functions.call(name)["Payload"] == {
        "account": "000000000000",
        "buckets": [bucket],
        "clusters": True,
    }


@pytest.fixture
def cluster(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """A cluster that a user with IAM authentication may use, and everybody may ping."""
    memorydb, name = endpoint.client("memorydb"), f"c{time.time_ns()}"
    memorydb.create_user(UserName=name, AccessString="on ~* &* +@all", AuthenticationMode={"Type": "iam"})
    memorydb.create_acl(ACLName=name, UserNames=[name])
    memorydb.create_cluster(ClusterName=name, NodeType="db.t4g.small", ACLName=name, NumReplicasPerShard=0)
    until(lambda: memorydb.describe_clusters(ClusterName=name)["Clusters"][0]["Status"] == "available")
    yield memorydb.describe_clusters(ClusterName=name)["Clusters"][0]
    memorydb.delete_cluster(ClusterName=name)


@pytest.mark.parametrize(
    ("runtime", "handler"), [("python3.12", "app.connecting"), ("nodejs20.x", "index.connecting")]
)
def test_a_function_trusts_the_certificate_of_a_cluster(
    functions: Functions, cluster: dict[str, Any], runtime: str, handler: str
) -> None:
    if runtime.startswith("node") and shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    answer = functions.call(functions.create(handler, runtime=runtime), cluster["ClusterEndpoint"])
    assert answer["Payload"] == "-NOAUTH Authentication required.\r\n"


def test_the_credentials_of_a_function_open_a_cluster(functions: Functions, cluster: dict[str, Any]) -> None:
    name = cluster["Name"]
    token = functions.call(functions.create("app.token"), {"cluster": name, "user": name})["Payload"]
    place, authority = cluster["ClusterEndpoint"], functions.endpoint.get("/_memorydb/ca.pem").decode()
    with Redis(
        host=place["Address"],
        port=place["Port"],
        ssl=True,
        ssl_ca_data=authority,
        username=name,
        password=token,
    ) as redis:
        assert redis.execute_command("ACL WHOAMI") == name


def test_a_change_of_code_or_configuration_counts_at_once(functions: Functions) -> None:
    name = functions.create("app.echo")
    functions.call(name)
    functions.client.update_function_code(
        FunctionName=name,
        ZipFile=package(app_DOT_py="import os\ndef echo(event, context): return os.environ.get('TABLE')"),
    )
    functions.wait("function_updated_v2", name)
    assert functions.call(name)["Payload"] is None
    functions.client.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"TABLE": "orders"}}
    )
    functions.wait("function_updated_v2", name)
    assert functions.call(name)["Payload"] == "orders"


def test_code_comes_from_s3_and_a_module_from_a_layer(functions: Functions, bucket: str) -> None:
    s3 = functions.endpoint.client("s3")
    s3.put_object(Bucket=bucket, Key="code.zip", Body=CODE)
    layer = functions.client.publish_layer_version(
        LayerName="library", Content={"ZipFile": package(python_IN_library_DOT_py="name = 'from a layer'")}
    )
    name = functions.create(
        "app.library", code={"S3Bucket": bucket, "S3Key": "code.zip"}, Layers=[layer["LayerVersionArn"]]
    )
    assert functions.call(name)["Payload"] == "from a layer"


def test_a_published_version_keeps_its_code(functions: Functions) -> None:
    name = functions.create("app.echo")
    version = functions.client.publish_version(FunctionName=name)["Version"]
    functions.wait("published_version_active", name, Qualifier=version)
    answer = functions.call(name, Qualifier=version)
    assert (answer["Payload"]["version"], answer["ExecutedVersion"]) == (version, version)
    assert answer["Payload"]["arn"].endswith(f":{name}:{version}")


def test_an_alias_names_a_version_and_is_what_the_function_is_told(functions: Functions) -> None:
    name = functions.create("app.echo")
    version = functions.client.publish_version(FunctionName=name)["Version"]
    functions.wait("published_version_active", name, Qualifier=version)
    arn = functions.client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)["AliasArn"]
    for place, more in ((name, {"Qualifier": "live"}), (f"{name}:live", {}), (arn, {})):
        answer = functions.call(place, **more)
        assert (answer["Payload"]["arn"], answer["Payload"]["version"]) == (arn, version)
        assert answer["ExecutedVersion"] == version


def test_the_request_of_an_invocation_has_its_identifier(functions: Functions) -> None:
    answer = functions.call(functions.create("app.echo"))
    assert f"START RequestId: {answer['ResponseMetadata']['RequestId']} Version" in answer["Log"]


def test_an_alias_divides_invocations_between_two_versions(alone: Functions) -> None:
    name, code = alone.create("app.echo"), package(app_DOT_py=SOURCE + "# 2")
    alone.client.publish_version(FunctionName=name)
    alone.client.update_function_code(FunctionName=name, ZipFile=code)
    alone.client.publish_version(FunctionName=name)
    alone.client.create_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    seen: set[str] = set()
    until(lambda: seen.add(alone.call(name, Qualifier="live")["ExecutedVersion"]) or seen == {"1", "2"})


@pytest.mark.parametrize(
    ("kind", "event", "code", "status"),
    [
        ("RequestResponse", b'"' + b"x" * 6_291_456 + b'"', "RequestEntityTooLargeException", 413),
        ("Event", b'"' + b"x" * 1_048_576 + b'"', "RequestEntityTooLargeException", 413),
        ("RequestResponse", b"{order: 1}", "InvalidRequestContentException", 400),
    ],
)
def test_an_event_that_lambda_does_not_take_is_refused(
    alone: Functions, kind: str, event: bytes, code: str, status: int
) -> None:
    name = alone.create("app.echo")
    with pytest.raises(ClientError) as refused:
        alone.client.invoke(FunctionName=name, InvocationType=kind, Payload=event)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_an_answer_may_have_six_megabytes(functions: Functions) -> None:
    name = functions.create("app.echo")
    assert functions.call(name, "x" * 6_200_000)["Payload"]["event"] == "x" * 6_200_000


def test_lambdas_own_variables_cannot_be_set(alone: Functions) -> None:
    with pytest.raises(ClientError, match="Reserved keys used in this request: AWS_REGION"):
        alone.create("app.echo", Environment={"Variables": {"AWS_REGION": "eu-west-1"}})
    name = alone.create("app.echo")
    with pytest.raises(ClientError, match="Reserved keys used in this request: LAMBDA_TASK_ROOT, _HANDLER"):
        alone.client.update_function_configuration(
            FunctionName=name, Environment={"Variables": {"_HANDLER": "a.b", "LAMBDA_TASK_ROOT": "/"}}
        )


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_a_node_function_answers(functions: Functions) -> None:
    answer = functions.call(functions.create("index.echo", runtime="nodejs20.x"), {"order": 1})
    assert answer["Payload"] == {"event": {"order": 1}, "region": "us-east-1"}
    assert "\tINFO\tasked\n" in answer["Log"]


def test_a_runtime_that_needs_docker_is_refused_by_name(functions: Functions) -> None:
    lambda_, reason = functions.client, "The runtime java21 needs Docker"
    lambda_.create_function(
        FunctionName="java", Runtime="java21", Role=functions.role, Handler="app", Code={"ZipFile": CODE}
    )
    if functions.endpoint.host == "standalone":
        with pytest.raises(lambda_.exceptions.InvalidRuntimeException, match=reason):
            functions.call("java")
    else:
        state = until(
            lambda: (
                (row := lambda_.get_function(FunctionName="java")["Configuration"])["State"] == "Failed"
                and row
            )
        )
        assert reason in state["StateReason"]
        with pytest.raises(lambda_.exceptions.ResourceConflictException):
            functions.call("java")


def test_a_package_that_leaves_its_directory_is_refused(functions: Functions) -> None:
    lambda_, name = functions.client, f"f{time.time_ns()}"
    code, said = {"ZipFile": archive({"../../app.py": SOURCE})}, "Could not unzip uploaded file"

    def create() -> None:
        lambda_.create_function(
            FunctionName=name, Runtime="python3.12", Role=functions.role, Handler="app.echo", Code=code
        )

    if functions.endpoint.host == "standalone":
        with pytest.raises(lambda_.exceptions.InvalidParameterValueException, match=said):
            create()
        with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
            lambda_.get_function(FunctionName=name)
    else:
        create()
        state = until(
            lambda: (
                (row := lambda_.get_function(FunctionName=name)["Configuration"])["State"] == "Failed" and row
            )
        )
        assert said in state["StateReason"]


def test_an_update_that_is_refused_changes_nothing(functions: Functions) -> None:
    if functions.endpoint.host == "localstack":
        pytest.skip("LocalStack looks into packages only later")
    name = functions.create("app.echo")
    before = functions.client.get_function(FunctionName=name)["Configuration"]["CodeSha256"]
    with pytest.raises(functions.client.exceptions.InvalidParameterValueException):
        functions.client.update_function_code(FunctionName=name, ZipFile=b"not a zip file")
    assert functions.client.get_function(FunctionName=name)["Configuration"]["CodeSha256"] == before
    assert functions.call(name, 1)["Payload"]["event"] == 1


def test_a_dry_run_runs_nothing(functions: Functions, bucket: str) -> None:
    name = recording(functions, bucket)
    assert functions.client.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    assert (
        functions.client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"a": 1}')["StatusCode"]
        == 202
    )
    assert until(lambda: recorded(functions.endpoint, bucket)) == [{"a": 1}]


def test_reserved_concurrency_limits_what_runs_at_once(functions: Functions, tmp_path: Path) -> None:
    name = functions.create("app.waiting")
    functions.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    event = {"here": str(tmp_path / "here"), "until": str(tmp_path / "go")}
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(functions.call, name, event)
        until((tmp_path / "here").exists)
        with pytest.raises(ClientError) as refused:
            functions.call(name, event)
        (tmp_path / "go").touch()
        assert running.result()["StatusCode"] == 200
    assert refused.value.response["Error"] == {
        "Code": "TooManyRequestsException",
        "Message": "Rate Exceeded.",
    }
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_an_asynchronous_invocation_that_fails_is_repeated(start: Callable[..., Endpoint], host: str) -> None:
    quick = {"MEMORYDB_LAMBDA_RETRY_DELAY": "0.05", "LAMBDA_RETRY_BASE_DELAY": "1"}
    endpoint = start(host, env=quick)
    functions = Functions(endpoint)
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="attempts")
    name = functions.create("app.failing", Environment={"Variables": {"BUCKET": "attempts"}})
    functions.client.invoke(FunctionName=name, InvocationType="Event")
    attempts = until(
        lambda: len(rows := s3.list_objects_v2(Bucket="attempts").get("Contents", [])) == 3 and rows
    )
    assert len({s3.get_object(Bucket="attempts", Key=row["Key"])["Body"].read() for row in attempts}) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_functions_end_with_the_host(
    start: Callable[..., Endpoint], host: str, temporary: Path, number: signal.Signals
) -> None:
    endpoint = start(host)
    functions = Functions(endpoint)
    pid = functions.call(functions.create("app.pid"))["Payload"]
    assert psutil.pid_exists(pid)
    endpoint.process.send_signal(number)
    endpoint.process.wait(60)
    until(lambda: not psutil.pid_exists(pid))
    until(lambda: not list(temporary.rglob("localstack-memorydb-lambda-*")))


def test_the_users_own_choice_of_an_executor_wins(start: Callable[..., Endpoint], host: str) -> None:
    """Neither host has a Docker engine here, so that with its own way of running functions it cannot."""
    endpoint = start(host, env={"LAMBDA_RUNTIME_EXECUTOR": "docker", "MEMORYDB_LAMBDA_RUNNER": "host"})
    functions = Functions(endpoint)
    if host == "localstack":
        with pytest.raises(WaiterError):
            functions.create("app.echo")
    else:
        answer = functions.client.invoke(FunctionName=functions.create("app.echo"))
        assert answer["Payload"].read().startswith(b"error running docker")


def test_docker_keeps_the_work_where_it_answers(start: Callable[..., Endpoint], tmp_path: Path) -> None:
    """A program that answers as an engine does to the question whether there is one, and to nothing else."""
    require("localstack")
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\ntest "$1" = ps')
    docker.chmod(0o755)
    endpoint = start("localstack", env={"DOCKER_CMD": str(docker), "LEGACY_DOCKER_CLIENT": "1"})
    with pytest.raises(WaiterError):
        Functions(endpoint).create("app.echo")


def test_the_users_own_choice_for_dynamodb_wins(start: Callable[..., Endpoint]) -> None:
    """A provider that is not there is answered for at once, where LocalStack's own would be downloaded."""
    require("localstack")
    dynamodb = start("localstack", env={"PROVIDER_OVERRIDE_DYNAMODB": "mine"}).client("dynamodb")
    with pytest.raises(ClientError) as refused:
        dynamodb.list_tables()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


MOCKED = """
import boto3, io, json, zipfile
from moto import mock_aws
from localstack_memorydb.integrations.moto import install

emulator = install(lambda_=True)
assert install(lambda_=True) is emulator
written = io.BytesIO()
with zipfile.ZipFile(written, "w") as archive:
    archive.writestr("app.py", '''
import boto3

def handler(event, context):
    cluster = boto3.client("memorydb").describe_clusters(ClusterName="orders")["Clusters"][0]
    boto3.client("s3").put_object(Bucket="written", Key="by-the-function", Body=b"")
    return [event, cluster["ARN"]]
''')

def client(service):
    return boto3.client(service, region_name="us-east-1")

for _ in range(2):
    with mock_aws():
        role = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        client("memorydb").create_cluster(ClusterName="orders", NodeType="db.t4g.small", ACLName="open-access")
        client("s3").create_bucket(Bucket="written")
        client("lambda").create_function(
            FunctionName="f", Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": written.getvalue()},
            Timeout=30,
        )
        print(json.loads(client("lambda").invoke(FunctionName="f", Payload=b"1")["Payload"].read()))
        print([row["Key"] for row in client("s3").list_objects_v2(Bucket="written")["Contents"]])
"""


def test_functions_run_in_mock_aws(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", MOCKED],
        env=environment(tmp_path, {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stderr
    arn = "arn:aws:memorydb:us-east-1:123456789012:cluster/orders"
    assert ended.stdout.splitlines() == [f"[1, '{arn}']", "['by-the-function']"] * 2
    assert list(tmp_path.iterdir()) == []
