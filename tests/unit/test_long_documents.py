"""Large JSON documents: whatever is done to one, others come after every so many members. Turns are counted, and time is held."""

from __future__ import annotations

import pytest

from localstack_memorydb.engine.resp import encode_request
from tests.unit.cluster_without_sockets import NOW, Client, start
from tests.unit.test_long_scripts import Clock

MANY = 6000
NUMBERS = b"[" + b",".join(b"%d" % number for number in range(MANY)) + b"]"
OBJECTS = b"[" + b",".join(b'{"a":%d}' % number for number in range(MANY)) + b"]"
MEMBERS = b"{" + b",".join(b'"m%d":%d' % (number, number) for number in range(MANY)) + b"}"
BRANCHES = b"[" + b",".join([b"[" + b",".join([b"[1,2,3,4,5,6,7,8,9]"] * 50) + b"]"] * 50) + b"]"


class World:
    """A cluster with large documents. Once it is `hurried` no work that looks at the clock goes on before the next turn."""

    def __init__(self) -> None:
        self.cluster = start()
        self.client = Client(self.cluster.shards[0].primary)
        for key, text in (
            ("numbers", NUMBERS),
            ("objects", OBJECTS),
            ("members", MEMBERS),
            ("tree", BRANCHES),
        ):
            self.send(b"JSON.SET", b"{n}%b" % key.encode(), b"$", text)

    def send(self, *words: bytes) -> bytes:
        return self.client.session.receive(encode_request(list(words)), NOW)

    def hurry(self) -> None:
        self.cluster.clock = Clock(0.03)

    def told(self, first: bytes) -> tuple[bytes, int]:
        """What the client is told in the end, and after how many turns."""
        turns = 0
        while not first and not self.client.said:
            self.cluster.tick(NOW)
            turns += 1
        return first or self.client.heard(), turns


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("line", "passes"),
    [
        ("JSON.GET {n}numbers", 1),
        ("JSON.GET {n}members INDENT x", 1),
        ("JSON.GET {n}objects $[*]", 3),
        ("JSON.GET {n}objects $[?(@.a>5)]", 4),
        ("JSON.GET {n}objects $..a", 4),
        ("JSON.GET {n}tree", 1),
        ("JSON.TYPE {n}numbers $[*]", 4),
        ("JSON.RESP {n}members", 1),
        ("JSON.RESP {n}tree", 1),
        ("JSON.DEBUG MEMORY {n}objects", 1),
        ("JSON.DEBUG DEPTH {n}tree", 1),
        ("JSON.DEBUG FIELDS {n}objects", 1),
        ("JSON.OBJKEYS {n}objects $[*]", 4),
        ("JSON.STRLEN {n}numbers $[*]", 4),
        ("JSON.ARRINDEX {n}numbers $ 99999", 1),
        ("JSON.NUMINCRBY {n}numbers $[*] 1", 6),
        ("JSON.TOGGLE {n}numbers $[*]", 5),
        ("JSON.STRAPPEND {n}numbers $[*] '\"x\"'", 5),
        ("JSON.ARRAPPEND {n}numbers $[*] 1", 5),
        ("JSON.ARRPOP {n}numbers $[*]", 4),
        ("JSON.SET {n}objects $[*].b 5", 3),
        ("JSON.CLEAR {n}objects $[*]", 3),
        ("JSON.DEL {n}objects $[*]", 3),
        ("MEMORY USAGE {n}objects", 1),
        ("COPY {n}objects {n}copy", 1),
        ("DUMP {n}members", 1),
    ],
)
def test_others_come_after_every_so_many_members(world: World, line: str, passes: int) -> None:
    calm = World()
    expected, _ = calm.told(calm.client(line))
    world.hurry()
    reply, turns = world.told(world.client(line))
    assert reply == expected
    assert turns >= passes * 3
    for key in (b"{n}numbers", b"{n}objects", b"{n}members"):
        assert world.told(world.send(b"JSON.GET", key))[0] == calm.told(calm.send(b"JSON.GET", key))[0]


@pytest.mark.parametrize(
    "text", [b"[%b]" % b",".join([b"12345"] * 12_000), b"[%b]" % b",".join([b'{"name":1}'] * 12_000)]
)
def test_a_document_is_read_in_turns(world: World, text: bytes) -> None:
    world.hurry()
    reply, turns = world.told(world.send(b"JSON.SET", b"{n}new", b"$", text))
    assert reply == b"+OK\r\n"
    assert turns >= 3
    assert world.told(world.send(b"JSON.GET", b"{n}new"))[0] == b"$%d\r\n%b\r\n" % (len(text), text)
