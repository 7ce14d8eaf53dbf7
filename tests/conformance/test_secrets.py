"""No password, token or key anywhere: a story with marked secrets, and a search of all that came out of it.

Searched are answers and errors of the API and of a cluster, what other clients, a topic, the event bus and the log were told,
the `repr` of every object of ours, and the files of the data directory. What clients store is data: it is with the
cluster's files and in what clients are shown of each other, and nowhere else.
"""

from __future__ import annotations

import gc
import http.client
import io
import json
import logging
import os
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from localstack_memorydb.iam_auth import MemoryDBCredentials
from localstack_memorydb.settings import Settings

from .host import ACCOUNT, REGION, Host

PASSWORD, SECOND, WRONG = "m4rk-right-password", "m4rk-second-password", "m4rk-wrong-password"
MISPLACED = "m4rk-in-an-access-string"
VALUE = "d4ta-of-a-client"
CLUSTER = "ledger"


class Story:
    """A host with a data directory and a log that has everything, and what came out, by where it did."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.told: list[tuple[str, bytes]] = []
        self.log = ""
        self.connections: list[ssl.SSLSocket] = []
        self.secrets = [PASSWORD, SECOND, WRONG, MISPLACED]
        self.host = Host(Settings(data_dir=directory, check_answers=True))

    def tell(self, where: str, what: str | bytes) -> None:
        self.told.append((where, what.encode("utf-8", "replace") if isinstance(what, str) else what))

    def api(self, operation: str, **params: Any) -> dict[str, Any]:
        """A call, refused or not."""
        for protocol in ("cbor", "json"):  # what is wrong is asked twice, what is right fails the second time
            status, answer = self.host.ask(protocol, operation, params)
            self.tell(f"{protocol} {operation}", json.dumps(answer, default=str))
            if status == 200:
                break
        self.host.provider.wait_for_work(30)
        return answer

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self.host.close()

    def page(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        connection = http.client.HTTPConnection(*self.host.listener.getsockname()[:2], timeout=30)
        connection.request(method, path, body, headers)
        with connection.getresponse() as answer:
            self.tell(f"{method} {path}", str(answer.headers).encode() + answer.read())
        connection.close()

    def client(self, service: str) -> Any:
        url = "http://{}:{}".format(*self.host.listener.getsockname()[:2])
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=url,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",
        )

    def connect(self) -> Connection:
        answer = self.host.ask("json", "DescribeClusters", {"ClusterName": CLUSTER})[1]
        place = answer["Clusters"][0]["ClusterEndpoint"]
        return Connection(self, place["Address"], place["Port"])


class Connection:
    """A client of the cluster, whose replies come out."""

    def __init__(self, story: Story, host: str, port: int) -> None:
        context = ssl.create_default_context(cadata=story.host.emulator.ca_certificate.decode())
        self._socket = context.wrap_socket(socket.create_connection((host, port), 60), server_hostname=host)
        self._story = story
        story.connections.append(self._socket)

    def __call__(self, *words: str) -> str:
        """The beginning of the reply to a command."""
        encoded = [word.encode() for word in words]
        self._socket.sendall(
            b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)
        )
        return self.heard(words[0])

    def heard(self, why: str, until: bytes = b"\r\n") -> str:
        """What comes, as far as these bytes at least."""
        reply = self._socket.recv(1 << 20)
        while until not in reply:
            reply += self._socket.recv(1 << 20)
        self._story.tell(f"cluster: {why}", reply)
        return reply.decode()


def mode(*passwords: str) -> dict[str, Any]:
    return {"Type": "password", "Passwords": list(passwords)}


ALL = "on ~* &* +@all"


def make_users(story: Story) -> None:
    """Users that are refused, each for another reason, and those that the cluster has."""
    for params in (
        {"AccessString": f"on >{MISPLACED} ~* +@all"},
        {"AccessString": f"on (>{MISPLACED} ~* +@all)"},
        {"AccessString": f"on (>{MISPLACED} ~* +@all"},
        {"AccessString": f"on #{MISPLACED} ~* +@all"},
        {"AuthenticationMode": mode(PASSWORD, SECOND, WRONG)},
        {"AuthenticationMode": mode(PASSWORD + '"')},
        {"AuthenticationMode": mode(PASSWORD * 20)},
        {"AuthenticationMode": {**mode(PASSWORD), "Type": "iam"}},
        {"AuthenticationMode": {**mode(PASSWORD), "Type": PASSWORD}},
        {"AuthenticationMode": {"Type": "password", "Passwords": PASSWORD}},
        {"AuthenticationMode": PASSWORD},
        {"Passwords": [PASSWORD]},
    ):
        request = {"UserName": "app", "AccessString": ALL, "AuthenticationMode": mode(PASSWORD), **params}
        story.api("CreateUser", **request)
    story.api("CreateUser", UserName="app", AccessString=ALL, AuthenticationMode=mode(PASSWORD, SECOND))
    story.api("CreateUser", UserName="signer", AccessString=ALL, AuthenticationMode={"Type": "iam"})
    story.api("UpdateUser", UserName="app", AuthenticationMode=mode(PASSWORD, PASSWORD, PASSWORD))
    story.api("UpdateUser", UserName="app", AuthenticationMode=mode(SECOND, PASSWORD))
    story.api("CreateACL", ACLName="own", UserNames=["app", "signer"])


def make_cluster(story: Story) -> None:
    """A cluster with a topic, and a rule that sends every call to a queue."""
    topic = story.client("sns").create_topic(Name="ops")["TopicArn"]
    sqs, events = story.client("sqs"), story.client("events")
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    story.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    events.put_rule(Name="calls", EventPattern=json.dumps({"source": ["aws.memorydb"]}))
    events.put_targets(Rule="calls", Targets=[{"Id": "queue", "Arn": arn}])
    make_users(story)
    cluster = {"ClusterName": CLUSTER, "NodeType": "db.t4g.small", "ACLName": "own", "NumReplicasPerShard": 0}
    story.api("CreateCluster", **cluster, SnsTopicArn=topic, EngineVersion="7.1")


def sign_in(story: Story) -> None:
    """Right and wrong, in every way that there is, while another client watches."""
    iam = story.client("iam")
    iam.create_user(UserName="application")
    key = iam.create_access_key(UserName="application")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    token = MemoryDBCredentials(session, CLUSTER, "signer").token()
    broken = token.replace("X-Amz-Expires=900", "X-Amz-Expires=" + "9" * 40)
    story.secrets += [key["SecretAccessKey"], token.rpartition("=")[2]]
    watcher, client = story.connect(), story.connect()
    assert watcher("AUTH", "app", SECOND) == "+OK\r\n"
    watcher("MONITOR")
    for words in (
        ("AUTH", "app", WRONG),
        ("AUTH", WRONG),
        ("AUTH", "app", WRONG, WRONG),
        ("HELLO", "3", "AUTH", "app", WRONG),
        ("HELLO", "3", "SETNAME", "AUTH", "AUTH", "app", WRONG),
        ("AUTH", "signer", token[:-1] + "?"),
        ("AUTH", "signer", broken),
        ("AUTH", "signer", token),
        ("HELLO", "2", "SETNAME", "auth", "auth", "app", PASSWORD),
        ("AUTH", "app", PASSWORD),
        ("MULTI",),
        ("AUTH", "app", PASSWORD),
        ("AUTH", "app", WRONG),
        ("EXEC",),
        ("ACL", "GETUSER", "app"),
        ("ACL", "LIST"),
        ("ACL", "LOG"),
        ("SLOWLOG", "GET", "100"),
        ("CLIENT", "LIST"),
        ("CLIENT", "INFO"),
        ("INFO", "everything"),
    ):
        client(*words)
    assert "+OK" in client("AUTH", "app", PASSWORD)
    for words in (
        ("SET", "key", VALUE),
        ("EVAL", f"return redis.call('SET', KEYS[1], '{VALUE}') + {{}}", "1", "key"),
        ("EVAL", f"{VALUE} is no program", "0"),
        ("RESTORE", "other", "0", VALUE),
        ("LPUSH", "key", VALUE),
        ("SLOWLOG", "GET", "100"),
    ):
        client(*words)
    assert '"AUTH"' in watcher.heard("MONITOR", until=b'"LPUSH"')


def tell_everything(story: Story) -> None:
    """What the API and the host's pages say in the end."""
    story.api("CreateSnapshot", ClusterName=CLUSTER, SnapshotName="nightly")
    for kind in ("Users", "ACLs", "Clusters", "Events", "Snapshots", "ParameterGroups"):
        story.api(f"Describe{kind}")
    story.page("GET", "/_localstack/health")
    story.page("GET", "/_memorydb/nothing")
    headers = {"X-Amz-Target": "AmazonMemoryDB.CreateUser", "Content-Type": "application/x-amz-json-1.1"}
    story.page("POST", "/", f'{{"AuthenticationMode": {{"Passwords": ["{PASSWORD}"'.encode(), **headers)
    assert story.host.provider.wait_for_outbox(30)
    heard, sqs = 0, story.client("sqs")
    queue = sqs.get_queue_url(QueueName="heard")["QueueUrl"]
    while rows := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        heard += len(rows)
        for row in rows:
            story.tell("a queue", row["Body"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=row["ReceiptHandle"])
    assert heard > 20


def objects_of_ours() -> Iterator[tuple[str, str]]:
    for found in gc.get_objects():
        if str(type(found).__module__).startswith("localstack_memorydb."):
            yield type(found).__qualname__, repr(found)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(lambda row: not row.name.startswith(("boto", "urllib3")))  # the clients of the story
    root = logging.getLogger()
    former = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    directory = tmp_path_factory.mktemp("secrets") / "new" / "data"
    former_mask = os.umask(0)
    story = Story(directory)
    try:
        make_cluster(story)
        sign_in(story)
        tell_everything(story)
        for kind, text in objects_of_ours():
            story.tell(f"repr of {kind}", text)
    finally:
        os.umask(former_mask)
        story.close()
        root.setLevel(former)
        root.removeHandler(handler)
    story.log = written.getvalue()
    return story


def found(secrets: list[str], told: list[tuple[str, bytes]]) -> set[tuple[str, str]]:
    return {(where, secret) for where, what in told for secret in secrets if secret.encode() in what}


def test_what_was_said_holds_no_secret(story: Story) -> None:
    assert len(story.told) > 100
    assert found(story.secrets, story.told) == set()


def test_the_log_holds_neither_secrets_nor_data(story: Story) -> None:
    assert "CreateUser" in story.log
    assert found([*story.secrets, VALUE], [(row, row.encode()) for row in story.log.splitlines()]) == set()


def test_files_hold_no_secret_and_state_no_data(story: Story) -> None:
    files = {
        file.relative_to(story.directory): file.read_bytes()
        for file in story.directory.rglob("*")
        if file.is_file()
    }
    assert len(files) > 5
    assert found(story.secrets, [(str(name), content) for name, content in files.items()]) == set()
    with_data = {name.parts[0] for name, content in files.items() if VALUE.encode() in content}
    assert with_data == {"clusters", "snapshots"}


def test_files_are_the_owners_alone(story: Story) -> None:
    """Whatever the user's mask allows."""
    places = [story.directory, *story.directory.rglob("*")]
    modes = {place.name: stat.S_IMODE(place.stat().st_mode) for place in places}
    assert modes.pop("ca.pem") == 0o644
    open_ = {name for name, mode in modes.items() if mode & 0o077}
    assert (open_, modes["ca.key"], modes["data"], modes["clusters"]) == (set(), 0o600, 0o700, 0o700)


def test_only_clients_are_shown_data(story: Story) -> None:
    shown = {place.partition(": ")[0] for place, _ in found([VALUE], story.told)}
    assert shown == {"cluster", "repr of Script", "repr of Scripts", "repr of Slot"}
