"""What goes over HTTP: two protocols, typed errors, one write, accounts and Regions apart."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import cbor2
import pytest
from botocore.exceptions import ClientError

from .endpoint import Endpoint

SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/memorydb/aws4_request, SignedHeaders=host, Signature=0"


def create(endpoint: Endpoint, name: str, **where: Any) -> Any:
    memorydb = endpoint.client("memorydb", **where)
    return memorydb.create_cluster(
        ClusterName=name, NodeType="db.t4g.small", ACLName="open-access", NumReplicasPerShard=0
    )["Cluster"]


def names(endpoint: Endpoint, **where: Any) -> set[str]:
    return {row["Name"] for row in endpoint.client("memorydb", **where).describe_clusters()["Clusters"]}


def cbor(endpoint: Endpoint, operation: str, params: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    request = Request(
        f"{endpoint.url}/service/AmazonMemoryDB/operation/{operation}",
        data=cbor2.dumps(params),
        headers={
            "Content-Type": "application/cbor",
            "Accept": "application/cbor",
            "Smithy-Protocol": "rpc-v2-cbor",
            "Authorization": SIGNED,
        },
    )
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), cbor2.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers), cbor2.loads(error.read())


def test_health_lists_memorydb_among_the_services(endpoint: Endpoint) -> None:
    names(endpoint)
    services = json.loads(endpoint.get("/_localstack/health"))["services"]
    assert services["memorydb"] == "running"
    assert {services[name] for name in ("s3", "lambda", "resource-groups")} <= {"available", "running"}


@pytest.mark.parametrize("announced", ["Content-Length: 1099511627776", "Content-Length: 2000000"])
def test_a_call_without_end_is_refused_before_it_is_read(endpoint: Endpoint, announced: str) -> None:
    if endpoint.host != "standalone":
        pytest.skip("LocalStack's gateway reads requests")
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=30) as connection:
        head = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonMemoryDB.DescribeClusters\r\n"
        connection.sendall(f"{head}{announced}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_the_certificate_is_served(endpoint: Endpoint) -> None:
    pem = endpoint.get("/_memorydb/ca.pem")
    assert pem.startswith(b"-----BEGIN CERTIFICATE-----\n")
    assert endpoint.get("/_localstack/memorydb") == pem


def test_accounts_and_regions_do_not_see_each_other(endpoint: Endpoint) -> None:
    mine = create(endpoint, "apart", account="111111111111", region="eu-west-1")
    assert mine["ARN"] == "arn:aws:memorydb:eu-west-1:111111111111:cluster/apart"
    assert names(endpoint, account="111111111111", region="eu-west-1") == {"apart"}
    assert names(endpoint, account="111111111111", region="us-west-2") == set()
    assert names(endpoint, account="222222222222", region="eu-west-1") == set()
    create(endpoint, "apart", account="222222222222", region="eu-west-1")
    endpoint.client("memorydb", account="111111111111", region="eu-west-1").delete_cluster(
        ClusterName="apart"
    )


def test_the_default_account_is_localstacks(endpoint: Endpoint) -> None:
    assert create(endpoint, "whose")["ARN"] == "arn:aws:memorydb:us-east-1:000000000000:cluster/whose"
    assert endpoint.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_a_partition_is_that_of_the_region(endpoint: Endpoint) -> None:
    if endpoint.host == "localstack":
        pytest.skip("LocalStack takes Regions of other partitions for us-east-1")
    arn = create(endpoint, "parted", region="cn-north-1")["ARN"]
    assert arn == "arn:aws-cn:memorydb:cn-north-1:000000000000:cluster/parted"


def test_errors_are_typed(endpoint: Endpoint) -> None:
    memorydb = endpoint.client("memorydb")
    with pytest.raises(memorydb.exceptions.ClusterNotFoundFault) as missing:
        memorydb.describe_clusters(ClusterName="missing")
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert missing.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]


def test_cbor_answers_like_json(endpoint: Endpoint) -> None:
    create(endpoint, "binary")
    status, headers, answer = cbor(
        endpoint, "DescribeClusters", {"ClusterName": "binary", "ShowShardDetails": True}
    )
    spoken = endpoint.client("memorydb").describe_clusters(ClusterName="binary", ShowShardDetails=True)
    del spoken["ResponseMetadata"]
    assert (status, headers["Smithy-Protocol"]) == (200, "rpc-v2-cbor")
    assert answer == spoken


def test_cbor_errors_name_their_shape_and_say_why(endpoint: Endpoint) -> None:
    status, _, error = cbor(endpoint, "DescribeClusters", {"ClusterName": "missing"})
    assert (status, error["__type"].rpartition("#")[2]) == (400, "ClusterNotFoundFault")
    assert error["message"]


def test_an_answer_comes_in_one_piece(endpoint: Endpoint) -> None:
    names(endpoint)
    head = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{endpoint.port}\r\nAuthorization: {SIGNED}\r\n"
        "X-Amz-Target: AmazonMemoryDB.DescribeEngineVersions\r\nContent-Type: application/x-amz-json-1.1\r\n"
        "Content-Length: 2\r\n\r\n{}"
    )
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as connection:
        for _ in range(20):  # one connection serves them all
            connection.sendall(head.encode())
            first = connection.recv(1 << 20)
            headers, _, body = first.partition(b"\r\n\r\n")
            assert headers.startswith(b"HTTP/1.1 200")
            assert json.loads(body)["EngineVersions"]


def test_an_unreadable_body_is_the_callers_fault(endpoint: Endpoint) -> None:
    if endpoint.host == "localstack":
        pytest.skip("LocalStack's own parser answers InternalError")
    request = Request(endpoint.url, data=b"{", headers={"X-Amz-Target": "AmazonMemoryDB.DescribeClusters"})
    with pytest.raises(HTTPError) as refused:
        urlopen(request, timeout=30)
    with refused.value as answer:
        assert (answer.code, json.loads(answer.read())["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ClusterName": "taken"}, "ClusterAlreadyExistsFault"),
        ({"NodeType": "db.huge"}, "InvalidParameterValueException"),
        ({"ClusterName": "a" * 41}, "InvalidParameterValueException"),
        ({"ACLName": "nobody"}, "ACLNotFoundFault"),
        ({"NumShards": 501}, "ShardsPerClusterQuotaExceededFault"),
        ({"NumReplicasPerShard": 6}, "InvalidParameterValueException"),
        ({"SubnetGroupName": "nowhere"}, "SubnetGroupNotFoundFault"),
        ({"SnapshotName": "never"}, "InvalidParameterValueException"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_wrong_calls_get_the_errors_of_aws(endpoint: Endpoint, change: dict[str, Any], code: str) -> None:
    memorydb = endpoint.client("memorydb", region="eu-central-1")
    right: dict[str, Any] = {"ClusterName": "fine", "NodeType": "db.t4g.small", "ACLName": "open-access"}
    if change.get("ClusterName") == "taken":
        memorydb.create_cluster(**right | change)
    with pytest.raises(ClientError) as refused:
        memorydb.create_cluster(**right | change)
    assert refused.value.response["Error"]["Code"] == code
    assert "fine" not in names(endpoint, region="eu-central-1")


def test_reset_empties_the_stand_alone_host(endpoint: Endpoint) -> None:
    if endpoint.host == "localstack":
        pytest.skip("the community edition of LocalStack has no reset")
    create(endpoint, "gone", region="sa-east-1")
    with urlopen(Request(f"{endpoint.url}/moto-api/reset", method="POST"), timeout=30):
        pass
    assert names(endpoint, region="sa-east-1") == set()
