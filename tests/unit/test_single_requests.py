"""Packets of one request have a path of their own. What they do, and what comes after them, is the same as by the careful way."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from localstack_memorydb.engine.cluster import Node
from localstack_memorydb.engine.resp import encode_request
from tests.unit.cluster_without_sockets import NOW, Client, start

ECHO = encode_request([b"ECHO", b"hello"])
GET = encode_request([b"GET", b"k"])

STREAMS = {
    "a request": GET,
    "a write": encode_request([b"SET", b"k", b"a longer value"]),
    "a number": encode_request([b"INCR", b"n"]),
    "several requests": GET + ECHO + GET,
    "a request of many arguments": encode_request([b"DEL", *[b"k"] * 120]),
    "an error": encode_request([b"INCR", b"l"]),
    "the wrong number of arguments": encode_request([b"GET"]),
    "an unknown command": encode_request([b"NOTHING", b"a"]),
    "capitals and small letters": encode_request([b"eChO", b"a"]),
    "a wait": encode_request([b"BLPOP", b"nowhere", b"0"]) + GET,
    "a transaction": b"".join(encode_request([word]) for word in (b"MULTI", b"PING", b"EXEC")),
    "another protocol": encode_request([b"HELLO", b"3"]) + GET,
    "a subscription": encode_request([b"SUBSCRIBE", b"one", b"two"]) + encode_request([b"PING"]),
    "no replies": encode_request([b"CLIENT", b"REPLY", b"OFF"]) + GET,
    "one reply less": encode_request([b"CLIENT", b"REPLY", b"SKIP"]) + GET,
    "an end": encode_request([b"QUIT"]) + GET,
    "a password": encode_request([b"AUTH", b"nobody", b"wrong"]) + GET,
    "a reset": encode_request([b"RESET"]) + GET,
    "another slot": encode_request([b"MSET", b"a", b"1", b"b", b"2"]),
    "a script": encode_request([b"EVAL", b"return redis.call('GET', KEYS[1])", b"1", b"k"]),
    "a broken script": encode_request([b"EVAL", b"return redis.call('INCR', KEYS[1])", b"1", b"l"]),
    "an asterisk": encode_request([b"XADD", b"s", b"1-*", b"*", b"*1"]),
    "an inline command": b"PING\r\n" + GET,
    "inline commands": b"GET k\r\n" + b"incr  n\n" + b"GET\r\n",
    "an inline command that waits": b"BLPOP nowhere 0\r\n" + b"PING\r\n" + GET,
    "an unknown inline command": b"NOTHING a\r\n" + GET,
    "a browser": b"POST / HTTP/1.1\r\n" + GET,
    "quotes": b'SET k "a b"\r\n' + GET,
    "an inline command behind a request": GET + b"PING\r\n" + GET,
    "a line without an end": GET + b"*",
    "a length without an argument": GET + b"$3\r\n" + GET,
    "half a request": b"*2\r\n$3\r\nGET\r\n" + GET,
    "a request that goes on": b"*2\r\n$3\r\nGET\r\n" + b"$1\r\nk\r\n" + GET,
    "an array in an array": b"*1\r\n*1\r\n$4\r\nPING\r\n" + GET,
    "a number for an argument": b"*2\r\n$4\r\nECHO\r\n:5\r\n" + GET,
    "a number for a key": b"*2\r\n$3\r\nGET\r\n:5\r\n" + GET,
    "a number for a field": b"*3\r\n$4\r\nHGET\r\n$1\r\nh\r\n:5\r\n" + GET,
    "a message for a field": b"*3\r\n$4\r\nHGET\r\n$1\r\nh\r\n>1\r\n$1\r\na\r\n" + GET,
    "a message without a word": b"*2\r\n$4\r\nECHO\r\n>0\r\n" + GET,
    "an attribute": b"*2\r\n$4\r\nECHO\r\n|1\r\n+a\r\n+b\r\n$1\r\na\r\n" + GET,
    "a null": b"*2\r\n$4\r\nECHO\r\n_\r\n" + GET,
    "a word for a value": b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n+v\r\n" + GET,
    "a number for a command": b"*2\r\n:5\r\n$1\r\na\r\n" + GET,
    "a null for an argument": b"*2\r\n$3\r\nGET\r\n$-1\r\n" + GET,
    "nothing": b"*0\r\n" + GET,
    "less than nothing": b"*-1\r\n" + GET,
    "no number": b"*x\r\n" + GET,
    "a set": b"*2\r\n$4\r\nECHO\r\n~1\r\n$1\r\na\r\n" + GET,
    "very much": b"*1000000000\r\n$x\r\n",
    "a length that is none": b"*2\r\n$4\r\nECHO\r\n$x\r\n" + GET,
    "an end of a line that is missing": b"*2\r\n$4\r\nECHO\r\n$1\r\nabc\r\n" + GET,
    "an empty line": b"\r\n" + GET + b"\r\n" + GET,
}


class Talk:
    """A client that has sent a request before; `is_careful` says that all its packets are taken with care."""

    def __init__(self, *, is_careful: bool, node: Node | None = None) -> None:
        if node is None:
            node = next(start().nodes())
        node.cluster.clock = lambda: 0.0
        self.is_careful = is_careful
        self.client = Client(node)
        self.told = b""
        for request in ([b"SET", b"k", b"v"], [b"RPUSH", b"l", b"x"], [b"ECHO", b"before"]):
            self.send(encode_request(request))
        assert self.client.session.idle or is_careful

    def send(self, data: bytes, now: int = NOW) -> None:
        """One packet; nothing is sent where the node has hung up."""
        session = self.client.session
        if session.closing:
            return
        if self.is_careful:
            session.idle = False
        self.told += session.receive(data, now) + self.client.heard()

    @property
    def figures(self) -> bytes:
        """What the node has counted."""
        told = Client(self.client.session.node)("INFO everything")
        return b"\n".join(re.findall(rb"(?m)^(?:cmdstat|errorstat|total_|keyspace_|expired_)[^\r]*", told))


def told(pieces: list[bytes], *, is_careful: bool, after: bytes = b"") -> tuple[bytes, bool, bytes]:
    """What a client is told that sends these `after` another packet, whether the node hangs up, and what is counted."""
    talk = Talk(is_careful=is_careful)
    for piece in [after, *pieces] if after else pieces:
        talk.send(piece)
    talk.send(ECHO)
    return talk.told, talk.client.session.closing, talk.figures


@pytest.mark.parametrize(
    "argument",
    [b":5", b"+x", b"=5\r\ntxt:x", b"_", b"#t", b",1.5", b"(5", b">0", b">1\r\n$1\r\na", b"~1\r\n$1\r\na"],
)
@pytest.mark.parametrize("before", [b"", b"$4\r\nHGET\r\n$1\r\nh\r\n", b"$3\r\nGET\r\n", b"$6\r\nCLIENT\r\n"])
def test_what_is_no_bulk_string_is_no_argument(before: bytes, argument: bytes) -> None:
    opening, rest = b"*%d\r\n%b" % (before.count(b"$") + 1, before), argument + b"\r\n"
    wrong = f"-ERR Protocol error: expected '$', got '{argument[:1].decode()}'\r\n".encode()
    hello = b"$5\r\nhello\r\n"
    for pieces in ([opening + rest], [ECHO * 2 + opening + rest], [opening, rest], [ECHO + opening, rest]):
        talk = Talk(is_careful=False)
        talk.told = b""
        for piece in pieces:
            talk.send(piece)
        assert talk.told == hello * pieces[0].count(b"hello") + wrong, pieces


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_a_packet_of_one_request_is_like_any_other_wherever_it_is_cut(stream: bytes) -> None:
    for cut in range(1, len(stream) + 1):
        pieces = [piece for piece in (stream[:cut], stream[cut:]) if piece]
        assert told(pieces, is_careful=False) == told(pieces, is_careful=True), pieces


@pytest.mark.parametrize("after", [b"", ECHO + ECHO], ids=["after a request", "after several"])
@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_so_are_packets_that_each_begin_with_a_request(stream: bytes, after: bytes) -> None:
    starts = [match.start() for match in re.finditer(rb"\*[0-9]|(?m:^)[A-Za-z]\w+(?=[ \r])", stream)]
    pieces = [stream[begin:end] for begin, end in pairwise([*starts, len(stream)])] or [stream]
    assert told(pieces, is_careful=False, after=after) == told(pieces, is_careful=True, after=after)


OBSERVERS = {
    "nobody": [],
    "a watcher": [b"WATCH k e l n"],
    "a client that waits": [b"BLPOP l2 0"],
    "a cache": [b"HELLO 3", b"CLIENT TRACKING ON BCAST"],
    "a subscriber": [b"SUBSCRIBE __keyevent@0__:expired __keyevent@0__:set"],
}


def observed(lines: list[bytes], request: list[bytes], *, is_careful: bool) -> tuple[bytes, ...]:
    """What a client is told whose request comes 10 ms after others have said these lines, what those hear, and what is counted.

    A key has expired by then.
    """
    node = next(start(notify_keyspace_events="EA").nodes())
    talk, other = Talk(is_careful=is_careful, node=node), Client(node)
    other("SET e v PX 5")
    for line in lines:
        other(line)
    other.heard()
    talk.send(encode_request(request), NOW + 10)
    talk.send(ECHO, NOW + 10)
    return talk.told, other.heard(), b"%d" % other.session.touched, talk.figures


@pytest.mark.parametrize(
    "request_", ["GET e", "GET k", "SET e w", "SET k w", "INCR n", "RPUSH l2 x", "LPOP l", "INCR l"]
)
@pytest.mark.parametrize("lines", OBSERVERS.values(), ids=OBSERVERS)
def test_so_are_packets_that_others_hear_of(lines: list[bytes], request_: str) -> None:
    words = request_.encode().split()
    assert observed(lines, words, is_careful=False) == observed(lines, words, is_careful=True)


def test_others_are_answered_before_what_follows_a_long_command() -> None:
    talk, sent = Talk(is_careful=False), []
    talk.client.session.send_now = lambda: sent.append(talk.told)
    talk.send(GET)
    assert not sent
    for request in (GET, encode_request([b"EVAL", b"return 1", b"0"]), encode_request([b"CLIENT", b"ID"])):
        talk.client.session.node.cluster.clock = iter(range(100)).__next__
        talk.send(request)
        assert sent, request
        sent.clear()


def test_a_packet_is_counted_once_by_any_way() -> None:
    client = Client(next(start(unrestricted=True).nodes()))
    for packet in (
        ECHO,
        ECHO,
        GET,
        GET * 3,
        encode_request([b"CLIENT", b"ID"]),
        encode_request([b"BLPOP", b"l", b"1"]),
    ):
        client.session.receive(packet, NOW)
    stats = client.session.node.stats
    assert stats.reads == 6
    Client(client.session.node).session.receive(encode_request([b"CONFIG", b"RESETSTAT"]), NOW)
    assert stats.reads == 0


@pytest.mark.parametrize("argument", [b":5", b"_", b"*1\r\n$1\r\na"])
def test_a_packet_that_is_no_request_is_counted_once(argument: bytes) -> None:
    client = Client(next(start().nodes()))
    client.session.receive(ECHO, NOW)
    client.session.receive(b"*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n" + argument + b"\r\n", NOW)
    assert client.session.node.stats.reads == 2
