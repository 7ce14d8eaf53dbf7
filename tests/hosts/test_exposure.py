"""Who can reach a host: the machine itself, and of the web pages in its browsers those that it serves."""

from __future__ import annotations

from http import HTTPStatus
from ipaddress import ip_address
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from .endpoint import Endpoint
from .test_story import until


def answered(endpoint: Endpoint, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    """Status and body of a request without a signature."""
    try:
        with urlopen(Request(endpoint.url + path, method=method, headers=headers), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def test_everything_listens_on_loopback(endpoint: Endpoint) -> None:
    memorydb = endpoint.client("memorydb")
    memorydb.create_cluster(ClusterName="near", NodeType="db.t4g.small", ACLName="open-access")
    until(lambda: memorydb.describe_clusters(ClusterName="near")["Clusters"][0]["Status"] == "available")
    host = psutil.Process(endpoint.process.pid)
    places = {
        row.laddr
        for process in (host, *host.children(recursive=True))
        for row in process.net_connections(kind="inet")
        if row.status == psutil.CONN_LISTEN or not row.raddr
    }
    memorydb.delete_cluster(ClusterName="near")
    assert len(places) > 2
    assert [place for place in places if not ip_address(place.ip).is_loopback] == []


@pytest.mark.parametrize("origin", ["https://example.com", "http://localhost.example.com", "null"])
def test_foreign_web_pages_are_refused(endpoint: Endpoint, origin: str) -> None:
    for method in ("OPTIONS", "POST"):
        status, said = answered(endpoint, "/?Action=ListQueues", method, Origin=origin)
        assert (status, "ListQueuesResult" in said) == (HTTPStatus.FORBIDDEN, False)


def test_web_pages_of_the_machine_are_not(endpoint: Endpoint) -> None:
    assert (
        answered(endpoint, "/_localstack/health", Origin=f"http://localhost:{endpoint.port}")[0]
        == HTTPStatus.OK
    )


@pytest.mark.parametrize("path", ["/_memorydb", "/_memorydb/nothing", "/_memorydb/ca.pem/more"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_pages_that_there_are_not(endpoint: Endpoint, path: str, method: str) -> None:
    """They are no buckets and objects of S3."""
    status, said = answered(endpoint, path, method)
    assert (status, said.partition(".")[0]) == (HTTPStatus.NOT_FOUND, "There is no such page")
