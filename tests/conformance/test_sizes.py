"""Requests that are too large, too deep, cut off or no requests at all: each is refused, and the host answers the next one."""

from __future__ import annotations

import gzip
import socket
from http import HTTPStatus

import pytest

from .host import Host

HEAD = (
    b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonMemoryDB.DescribeUsers\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/memorydb/aws4_request\r\n"
)
CBOR = b"POST /service/AmazonMemoryDB/operation/DescribeUsers HTTP/1.1\r\nHost: x\r\nSmithy-Protocol: rpc-v2-cbor\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
MEGABYTE = 1 << 20

BAD, TOO_LARGE, HEADERS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
)


def sized(body: bytes, head: bytes = HEAD) -> bytes:
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        pytest.param(TOO_LARGE, sized(b" " * MEGABYTE + b"{}"), id="large"),
        pytest.param(TOO_LARGE, HEAD + b"Content-Length: 99999999999999\r\n\r\n", id="said to be large"),
        pytest.param(
            TOO_LARGE, HEAD + CHUNKED + b"200000\r\n%b\r\n0\r\n\r\n" % (b" " * 0x200000), id="large chunk"
        ),
        pytest.param(BAD, HEAD + CHUNKED + b"-1\r\n{}", id="negative chunk"),
        pytest.param(BAD, HEAD + CHUNKED + b"many\r\n{}", id="no chunk"),
        pytest.param(BAD, HEAD + b"Content-Length: 100\r\n\r\n{}", id="cut off"),
        pytest.param(BAD, HEAD + b"Content-Length: many\r\n\r\n{}", id="no length"),
        pytest.param(BAD, sized(b"{", HEAD), id="half a body"),
        pytest.param(BAD, sized(gzip.compress(b"{}"), HEAD + b"Content-Encoding: gzip\r\n"), id="compressed"),
        pytest.param(BAD, sized(b"[" * 500_000), id="deep list"),
        pytest.param(BAD, sized(b'{"a":' * 100_000), id="deep structure"),
        pytest.param(BAD, sized(b'{"MaxResults":' + b"9" * 900_000 + b"}"), id="long number"),
        pytest.param(BAD, sized(b"\x81" * 500_000, CBOR), id="deep list in CBOR"),
        pytest.param(BAD, sized(b"\xa1\x61a" * 150_000, CBOR), id="deep structure in CBOR"),
        pytest.param(BAD, sized(b"\x9b" + b"\xff" * 8, CBOR), id="a list said to be long"),
        pytest.param(BAD, sized(b"\x5b\x00\x00\x00\x7f" + b"\xff" * 4, CBOR), id="a text said to be long"),
        pytest.param(HEADERS, HEAD + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n", id="long header"),
        pytest.param(HEADERS, HEAD + b"X-A: a\r\n" * 20_000 + b"\r\n", id="many headers"),
        pytest.param(HTTPStatus.REQUEST_URI_TOO_LONG, b"GET /" + b"a" * 200_000, id="long line"),
    ],
)
def test_it_is_refused(host: Host, status: HTTPStatus, request_: bytes) -> None:
    assert f" {status.value} ".encode() in answer(host, request_).partition(b"\r\n")[0]
    assert b" 200 " in answer(host, sized(b"{}"))[:15]


def answer(host: Host, request: bytes) -> bytes:
    """What comes back until the host closes, which it does when nothing more can come."""
    with socket.create_connection(host.listener.getsockname()[:2], 10) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has answered before everything was sent
        said = b""
        try:
            while piece := connection.recv(1 << 16):
                said += piece
        except ConnectionResetError:
            pass
    return said


def test_it_says_once_that_it_waits_for_a_body(host: Host) -> None:
    request = sized(b"{}", HEAD + b"Expect: 100-continue\r\n")
    assert answer(host, request).count(b"HTTP/1.1 100 Continue\r\n\r\n") == 1
