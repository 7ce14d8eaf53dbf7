"""Where a client hears of what it does itself: a RESP3 client may listen to events and change keys, and its replies and messages
come over one connection.

Since 7.2 everything that it is told follows its reply, invalidations last. Before, a real server writes each event at the moment
at which the command's code tells of it: before the reply, behind it, or in the midst of a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.registry import GATE_SILENT, Command
from localstack_memorydb.engine.resp import BLOCKED, Argv, Multimap, Reply, Several, Wire

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Shard
    from localstack_memorydb.engine.session import Session

_AFTER: Final = 1 << 62
_LAST: Final = _AFTER + 2

_BEHIND: Final = frozenset(
    "getset getdel getex bitfield lpush rpush lpushx rpushx lset lpop rpop lmpop blmpop blpop brpop sunionstore sdiffstore"
    " hset hmset hsetnx hincrby hincrbyfloat zadd zincrby zunionstore zinterstore zdiffstore zrangestore geoadd xadd xsetid"
    " xgroup|create xgroup|destroy xgroup|setid".split()
)
"""Commands that are answered before their events are told; that a key is new was told before."""
_BEHIND_IN_6_2: Final = frozenset({"xgroup|delconsumer"})
_SOME_BEHIND: Final = {
    **dict.fromkeys(("expire", "pexpire", "expireat", "pexpireat"), frozenset({"expire"})),
    **dict.fromkeys(("lmove", "blmove", "rpoplpush", "brpoplpush"), frozenset({"lpop", "rpop", "del"})),
    **dict.fromkeys(
        ("zpopmin", "zpopmax", "bzpopmin", "bzpopmax", "zmpop", "bzmpop", "spop"), frozenset({"del"})
    ),
}
"""Commands of whose events only these are told behind the reply."""
_WITHIN: Final = {
    **dict.fromkeys(("zpopmin", "zpopmax", "xclaim"), 1),
    **dict.fromkeys(("bzpopmin", "bzpopmax"), 2),
    **dict.fromkeys(("zmpop", "bzmpop", "xautoclaim"), 3),
}
"""How many elements of the reply are written before these commands tell of something, where they do so in its midst."""


class Message(bytes):
    """What a client is told behind so many elements of its reply."""

    place: int

    @classmethod
    def at(cls, place: int, data: bytes) -> Message:
        """The same bytes, with their place."""
        message = cls(data)
        message.place = place
        return message


class Later(Message):
    """A message to a client about keys that it keeps itself: it never comes before the reply of the command that changed them."""

    place = _AFTER + 1


def _place(message: bytes) -> int:
    return message.place if isinstance(message, Message) else 0


def put(s: Session, heard: int, place: int) -> None:
    """What the client has been told beyond the first `heard` messages belongs there."""
    s.deferred[heard:] = [Message.at(place, data) for data in s.deferred[heard:]]


def put_misses(s: Session, heard: int, found: Sequence[bool]) -> None:
    """MGET tells of each key that is missing when it comes to it; a client may hear so more than once of each."""
    places = [1 + number for number, there in enumerate(found) if not there]
    times = (len(s.deferred) - heard) // len(places)
    for at, data in enumerate(s.deferred[heard:]):
        s.deferred[heard + at] = Message.at(places[at // times], data)


def hold(shard: Shard) -> bool:
    """Nobody who waits is served from now on; False if that is so already."""
    held = not shard.serving
    shard.serving = True
    return held


def serve(s: Session) -> None:
    """Lets those try again who wait for what the client has changed; what they do is told last."""
    heard, shard = len(s.deferred), s.node.shard
    if shard.keyspace.ready:
        shard.serve_ready(s.now)
    if len(s.deferred) > heard:
        put(s, heard, _LAST)


def place_of(s: Session, command: Command, argv: Argv, told: tuple[str, str, bytes], reply: Reply) -> int:
    """Where a client hears of an event of its own command, before 7.2."""
    name = command.name
    _, event, key = told
    if name == "set" and any(word.upper() == b"GET" for word in argv[3:]):
        return _AFTER if event != "keymiss" else 0
    if event in {"new", "keymiss"}:
        return _AFTER if event == "new" and name == "getset" else 0
    if name in _BEHIND or (s.legacy and name in _BEHIND_IN_6_2) or event in _SOME_BEHIND.get(name, ()):
        return _AFTER
    if name == "sinterstore" and (event != "del" or all(key in s.db for key in argv[2:])):
        return _AFTER
    if event == "xgroup-createconsumer" and isinstance(reply, Multimap):
        return _place_of_stream(s, key, reply)
    if event.startswith("zpop") or event == "xgroup-createconsumer":
        return _WITHIN.get(name, 0)
    return 0


def _place_of_stream(s: Session, key: bytes, reply: Multimap) -> int:
    """XREADGROUP makes consumers when it has written the stream's name."""
    place = 2
    for name, entries in reply:
        if name == key:
            break
        place += 1 + len(_ends(s.encoders[type(entries)](entries)))
    return place


def attended(s: Session, reply: Reply) -> Reply:
    """The reply to a client that was told of something while its own command ran, and what it was told, in order.

    In EXEC what follows replies waits for the end, but before 7.2 only what is about keys that the client keeps.
    """
    if s.script is not None or reply is BLOCKED or s.gates & GATE_SILENT:
        return reply
    if not s.legacy_doubles:
        if s.in_exec:
            return reply
        told = sorted(s.deferred, key=_place)
        s.deferred.clear()
        return Several([reply, *map(Wire, told)])
    told = sorted(s.deferred, key=_place)
    s.deferred.clear()
    while s.in_exec and told and isinstance(told[-1], Later):
        s.deferred.insert(0, told.pop())
    return Several(_among(s, reply, told))


def answered(s: Session, error: CommandError) -> bytes:
    """The same of an error, as bytes."""
    reply = attended(s, error)
    return s.encoders[type(reply)](reply)


def _among(s: Session, reply: Reply, told: Sequence[bytes]) -> Iterator[Reply]:
    """The messages before, within and behind the reply."""
    before = [Wire(data) for data in told if not _place(data)]
    within = [data for data in told if 0 < _place(data) < _AFTER]
    yield from before
    if within:
        data = s.encoders[type(reply)](reply)
        ends, begin = _ends(data), 0
        for message in within:
            end = ends[min(_place(message), len(ends)) - 1]
            yield Wire(data[begin:end])
            yield Wire(message)
            begin = end
        yield Wire(data[begin:])
    else:
        yield reply
    yield from (Wire(data) for data in told if _place(data) >= _AFTER)


def _ends(data: bytes) -> list[int]:
    """Where each element of an encoded reply ends; the head of an array is one of them."""
    ends, at = [], 0
    while at < len(data):
        line = data.index(b"\r\n", at)
        size = int(data[at + 1 : line]) if data[at] in b"$=" else -1
        at = line + 2 + (size + 2 if size >= 0 else 0)
        ends.append(at)
    return ends
