"""Lambda functions that tests make, and what those have left in a bucket."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from tests.packages import package

from .endpoint import Endpoint

PATIENCE = 180

SOURCE = """
import json, os, time
import boto3

print("loaded")
bucket = os.environ.get("BUCKET")

def echo(event, context):
    print("asked for", event)
    return {"event": event, "arn": context.invoked_function_arn, "version": context.function_version}

def failing(event, context):
    if bucket:
        boto3.client("s3").put_object(Bucket=bucket, Key=f"{time.time_ns()}", Body=context.aws_request_id.encode())
    raise ValueError("no such order")

def sleeping(event, context):
    time.sleep(600)

def exiting(event, context):
    os._exit(3)

def services(event, context):
    return {
        "account": boto3.client("sts").get_caller_identity()["Account"],
        "buckets": [row["Name"] for row in boto3.client("s3").list_buckets()["Buckets"] if row["Name"] == bucket],
        "clusters": boto3.client("memorydb").describe_clusters()["Clusters"] is not None,
    }

def recording(event, context):
    boto3.client("s3").put_object(Bucket=bucket, Key=context.aws_request_id, Body=json.dumps(event).encode())

def waiting(event, context):
    open(event["here"], "w").close()
    while not os.path.exists(event["until"]):
        time.sleep(0.005)

def library(event, context):
    import library
    return library.name

def pid(event, context):
    return os.getpid()

def connecting(event, context):
    import socket, ssl
    with socket.create_connection((event["Address"], event["Port"])) as raw:
        with ssl.create_default_context().wrap_socket(raw, server_hostname=event["Address"]) as connection:
            connection.sendall(b"PING\\r\\n")
            return connection.recv(100).decode()

def token(event, context):
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    request = AWSRequest("GET", f"http://{event['cluster']}/", params={"Action": "connect", "User": event["user"]})
    credentials = boto3.Session().get_credentials()
    SigV4QueryAuth(credentials, "memorydb", os.environ["AWS_REGION"], expires=900).add_auth(request)
    return request.url.removeprefix("http://")
"""
NODE = """
exports.connecting = async ({ Address, Port }) => new Promise((resolve, reject) => {
  const connection = require("node:tls").connect({ host: Address, port: Port }, () => connection.write("PING\\r\\n"));
  connection.on("data", (data) => { connection.end(); resolve(data.toString()); });
  connection.on("error", reject);
});
exports.echo = async (event) => { console.log("asked"); return { event, region: process.env.AWS_REGION }; };
"""


CODE = package(app_DOT_py=SOURCE, index_DOT_js=NODE)


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


class Functions:
    """What a user does with Lambda, on one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.client = endpoint.client("lambda", read_timeout=PATIENCE)
        self.made: list[str] = []
        self.role = self._role()

    def _role(self) -> str:
        iam = self.endpoint.client("iam")
        try:
            return str(iam.create_role(RoleName="functions", AssumeRolePolicyDocument="{}")["Role"]["Arn"])
        except iam.exceptions.EntityAlreadyExistsException:
            return str(iam.get_role(RoleName="functions")["Role"]["Arn"])

    def create(self, handler: str, runtime: str = "python3.12", code: Any = None, **more: Any) -> str:
        name = f"f{time.time_ns()}"
        self.client.create_function(
            FunctionName=name,
            Runtime=runtime,
            Role=self.role,
            Handler=handler,
            Code=code or {"ZipFile": CODE},
            **{"Timeout": 30, **more},
        )
        self.made.append(name)
        self.wait("function_active_v2", name)
        return name

    def wait(self, state: str, name: str, **more: str) -> None:
        """Return when a function has that state. botocore looks every second, or every five."""
        self.client.get_waiter(state).wait(
            FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000}, **more
        )

    def call(self, name: str, event: Any = None, **more: Any) -> Any:
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail", **more)
        answer["Payload"] = json.loads(answer["Payload"].read() or b"null")
        answer["Log"] = base64.b64decode(answer.get("LogResult", "")).decode()
        return answer

    def arn(self, name: str) -> str:
        return str(self.client.get_function(FunctionName=name)["Configuration"]["FunctionArn"])

    def remove(self) -> None:
        for name in self.made:
            self.client.delete_function(FunctionName=name)


def recorded(endpoint: Endpoint, bucket: str) -> list[Any]:
    s3 = endpoint.client("s3")
    keys = [row["Key"] for row in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    events = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    return [record for event in events for record in event.get("Records", [event])]


def recording(functions: Functions, bucket: str) -> str:
    return functions.create("app.recording", Environment={"Variables": {"BUCKET": bucket}})
