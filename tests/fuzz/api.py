"""Random and damaged requests to the API, as JSON and as CBOR: each is answered, none with a failure of ours, and what is
refused has changed nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

import cbor2

from localstack_memorydb.provider import OPERATIONS, model
from tests.conformance.host import ACCOUNT, Host, prepare

SECONDS: Final = 20.0
FEW: Final = 5
TEXTS: Final = [
    "",
    "old",
    "spare",
    "x",
    "a" * 300,
    "ä€😀",
    "\x00",
    "../..",
    "a b",
    "arn:aws:memorydb:us-east-1:1:cluster/x",
    "0",
    "null",
]
NUMBERS: Final = [0, -1, 1, 2**31, 2**63, 2**64, -(2**64), 10**40, 1.5, float("nan"), float("inf"), 1e300]
NAMES: Final = [
    "ClusterName",
    "UserName",
    "ACLName",
    "Tags",
    "Filters",
    "MaxResults",
    "NextToken",
    "Nonsense",
    "",
    "__type",
]


def value(rng: Random, depth: int = 0) -> Any:
    """Anything that JSON can say, seldom what is wanted."""
    roll = rng.random()
    if depth > 4 or roll < 0.45:
        return rng.choice(TEXTS)
    if roll < 0.6:
        return rng.choice(NUMBERS)
    if roll < 0.7:
        return rng.choice([None, True, False])
    if roll < 0.85:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(NAMES): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def parameters(rng: Random, operation: str) -> dict[str, Any]:
    """Members that the operation has, mostly, with values that it does not want, mostly."""
    members = list(model.find(operation).input.members)
    chosen = rng.sample(members, rng.randrange(len(members) + 1)) if members else []
    found = {name: value(rng) for name in chosen}
    if rng.random() < 0.2:
        found[rng.choice(NAMES)] = value(rng)
    return found


def body(rng: Random, operation: str, *, as_json: bool) -> bytes:
    """A request's body, often damaged."""
    roll = rng.random()
    if roll < 0.05:
        return (b"[" if as_json else b"\x81") * rng.choice([1, 500, 100_000])
    if roll < 0.1:
        return rng.randbytes(rng.randrange(200))
    content = parameters(rng, operation) if roll < 0.85 else value(rng)
    try:
        data = bytearray(json.dumps(content).encode() if as_json else cbor2.dumps(content))
    except (ValueError, OverflowError):
        return b""
    if rng.random() < 0.4 and data:
        for _ in range(rng.choice([1, 2, 8])):
            place = rng.randrange(len(data) + 1)
            data[place : place + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
    return bytes(data)


def request(rng: Random) -> tuple[str, bytes]:
    """The operation, and the bytes of the HTTP request."""
    operation = rng.choice(sorted(OPERATIONS))
    as_json = rng.random() < 0.5
    data = body(rng, operation, as_json=as_json)
    named = (
        operation
        if rng.random() < 0.9
        else rng.choice(["", "Nothing", operation.lower(), "../x", "a" * 3000])
    )
    credential = f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/memorydb/aws4_request"
    headers = {"Host": "localhost", "Authorization": credential, "Connection": "close"}
    path = "/"
    if as_json:
        headers |= {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AmazonMemoryDB.{named}"}
    else:
        headers |= {"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}
        path = f"/service/AmazonMemoryDB/operation/{named}"
    headers["Content-Length"] = str(len(data))
    if rng.random() < 0.2:
        name = rng.choice(list(headers))
        headers[name] = rng.choice(
            ["", "x", "0", "-1", "1e3", "99999999999999", "\xff", "a" * 5000, "application/json"]
        )
    if rng.random() < 0.05:
        headers.pop(rng.choice(list(headers)))
    if rng.random() < 0.05:
        headers["Transfer-Encoding"] = rng.choice(["chunked", "gzip"])
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    return operation, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + data


def exchange(address: tuple[str, int], data: bytes) -> bytes:
    """What the host answers before it closes the connection. Raises TimeoutError when it does not."""
    with socket.create_connection(address, timeout=SECONDS) as connection:
        answer = b""
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 16):
                answer += piece
        except TimeoutError:
            raise
        except OSError:  # the host has hung up, while we wrote or before we had done so
            pass
        return answer


class Caller:
    """A host in this process with something in it, and who asks it."""

    def __init__(self) -> None:
        self.host = Host()
        prepare(self.host, ACCOUNT)
        self.address: tuple[str, int] = self.host.listener.getsockname()[:2]
        self.state = self.host.state()
        self.refused = self.accepted = 0

    def call(self, rng: Random) -> str | None:
        """What is wrong with the answer to a random request; None for nothing."""
        operation, data = request(rng)
        try:
            answer = exchange(self.address, data)
        except TimeoutError:
            return f"no answer to {data[:2000]!r}"
        status = answer[9:12]
        if b"x-amzn-requestid" not in answer.lower() and b"Authorization: AWS4" not in data:
            return None  # without a name or a signature it was for another service of the host
        if status[:1] == b"5" or b"InternalFailure" in answer or b"Traceback" in answer:
            return f"{answer[:600]!r}\n  to {data[:2000]!r}"
        if status == b"200":
            self.accepted += 1
            if not operation.startswith(("Describe", "List")):
                # What was begun is done, and the next call has taken notice of it.
                self.host.provider.wait_for_work(30)
                self.host.accepted("json", "DescribeClusters", {}, ACCOUNT)
                self.state = self.host.state()
            return None
        self.refused += 1
        if self.refused % FEW == 0 and self.host.state() != self.state:
            return f"a refused request changed something; one of the last {FEW} before {data[:2000]!r}"
        return None


@contextmanager
def caller() -> Iterator[Caller]:
    asked = Caller()
    try:
        yield asked
    finally:
        asked.host.close()
