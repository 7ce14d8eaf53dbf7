"""Keyspace notifications: messages about what happens to keys. https://valkey.io/topics/notifications/

Handlers know nothing of them: which event a write is follows from its name, from what was there before and after, and from the
effect that it told of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.lookups import keys_looked_up
from localstack_memorydb.engine.own_events import place_of, put, put_misses
from localstack_memorydb.engine.resp import BLOCKED, Argv, Reply
from localstack_memorydb.engine.streams import Stream

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Shard
    from localstack_memorydb.engine.keyspace import Slot
    from localstack_memorydb.engine.registry import Command
    from localstack_memorydb.engine.session import Session

Event: TypeAlias = tuple[str, str, bytes]
"""The class of the event as the parameter has it, its name, and the key."""

_ALL: Final = "g$lshzxetd"

# Which event a write is, by its class and name, for the keys that it may change.
_EVENTS: Final = {
    "$ set": "getset setnx mset msetnx",
    "$ append": "append",
    "$ setrange": "setrange",
    "$ incrby": "incr decr incrby decrby",
    "$ incrbyfloat": "incrbyfloat",
    "$ setbit": "setbit",
    "$ pfadd": "pfadd pfmerge",
    "l lpush": "lpush lpushx",
    "l rpush": "rpush rpushx",
    "l linsert": "linsert",
    "l lset": "lset",
    "l lrem": "lrem",
    "l ltrim": "ltrim",
    "s sadd": "sadd",
    "s srem": "srem",
    "s spop": "spop",
    "h hset": "hset hmset hsetnx",
    "h hincrby": "hincrby",
    "h hincrbyfloat": "hincrbyfloat",
    "h hdel": "hdel",
    "z zadd": "geoadd",
    "z zincr": "zincrby",
    "z zrem": "zrem",
    "z zremrangebyscore": "zremrangebyscore",
    "z zremrangebyrank": "zremrangebyrank",
    "z zremrangebylex": "zremrangebylex",
    "t xtrim": "xtrim",
    "t xdel": "xdel",
    "t xsetid": "xsetid",
    "t xgroup-create": "xgroup|create",
    "t xgroup-setid": "xgroup|setid",
    "t xgroup-destroy": "xgroup|destroy",
    "t xgroup-createconsumer": "xgroup|createconsumer",
    "t xgroup-delconsumer": "xgroup|delconsumer",
}
# The same where the key may be gone afterwards, and that is then all there is to say.
_EVENTS_OF_RESULTS: Final = {
    "$ set": "bitop",
    "g expire": "expire pexpire expireat pexpireat",
    "g persist": "persist",
    "s sinterstore": "sinterstore",
    "s sunionstore": "sunionstore",
    "s sdiffstore": "sdiffstore",
    "z zinterstore": "zinterstore",
    "z zunionstore": "zunionstore",
    "z zdiffstore": "zdiffstore",
    "z zrangestore": "zrangestore",
    "z geosearchstore": "geosearchstore",
    "z georadiusstore": "georadius georadiusbymember",
    "l sortstore": "sort",
}
_JSON_WRITES: Final = (
    "arrappend arrinsert arrpop arrtrim clear del forget numincrby nummultby set strappend toggle".split()
)


def _by_command(table: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {name: (event[0], event[2:]) for event, commands in table.items() for name in commands.split()}


_PLAIN: Final = _by_command(_EVENTS)
_OF_RESULTS: Final = _by_command(_EVENTS_OF_RESULTS)


class Before:
    """What a write found: the sizes of its keys (None: no such key), and how many consumers its groups had."""

    __slots__ = ("consumers", "sizes")

    def __init__(self, command: Command, argv: Argv, db: Slot) -> None:
        self.sizes: dict[bytes, int | None] = {}
        for key in looking(command.find_keys(argv)):
            value = db.get(key)
            self.sizes[key] = None if value is None else len(value)
        self.consumers = _consumers(command, argv, db)


def _consumers(command: Command, argv: Argv, db: Slot) -> dict[bytes, int]:
    """How many consumers the group has in each of the streams."""
    if command.name not in {"xreadgroup", "xclaim", "xautoclaim"}:
        return {}
    group = argv[2]
    counts = {}
    for key in command.find_keys(argv):
        stream = db.get(key)
        if isinstance(stream, Stream) and group in stream.groups:
            counts[key] = len(stream.groups[group].consumers)
    return counts


class Notifier:
    """Tells the subscribers of a shard's nodes of events, of the classes that `flags` names."""

    def __init__(self, shard: Shard, flags: str) -> None:
        self._shard = shard
        self.flags = flags.replace("A", _ALL)
        self._by_key, self._by_event = "K" in flags, "E" in flags

    @classmethod
    def of(cls, shard: Shard, flags: str) -> Notifier | None:
        """None when the parameter asks for nothing: it needs K or E, and a class."""
        notifier = cls(shard, flags)
        wanted = (notifier._by_key or notifier._by_event) and notifier.flags.strip("KE")
        return notifier if wanted else None

    def emit(self, kind: str, event: str, key: bytes) -> None:
        """Publishes an event, if its class is wanted."""
        if kind not in self.flags:
            return
        name = event.encode()
        for node in self._shard.nodes:
            if self._by_key:
                node.deliver(b"__keyspace@0__:" + key, name)
            if self._by_event:
                node.deliver(b"__keyevent@0__:" + name, key)

    def tell_misses(self, s: Session, command: Command, argv: Argv, keys: Sequence[bytes]) -> None:
        """Publishes that a command that reads found no such keys."""
        if command.name in _QUIET:
            return
        heard = len(s.deferred)
        for key in looking(keys):
            self.emit("m", "keymiss", key)
        if len(s.deferred) > heard and command.name == "mget" and s.legacy_doubles and s.script is None:
            put_misses(s, heard, [key in s.db for key in argv[1:]])

    def tell(self, s: Session, command: Command, argv: Argv, reply: Reply, before: Before) -> None:
        """Publishes what a write did."""
        db, sizes = s.db, before.sizes
        if "m" in self.flags:
            for key in looking(keys_looked_up(command, argv, s.legacy)):
                if sizes[key] is None:
                    self.emit("m", "keymiss", key)
        told: set[bytes] = set()
        gone: set[bytes] = set()
        for kind, event, key in looking(_events(s, command, argv, reply, before)):
            if key not in told and sizes.get(key, 0) is None and key in db:
                self._tell_of_own(s, command, argv, reply, ("n", "new", key))
            told.add(key)
            if event in {"del", "expired", "rename_from", "json.del"}:
                gone.add(key)
            self._tell_of_own(s, command, argv, reply, (kind, event, key))
        for key, size in looking(sizes.items()):
            if size is not None and key not in db and key not in gone:
                self._tell_of_own(s, command, argv, reply, ("g", "del", key))

    def _tell_of_own(self, s: Session, command: Command, argv: Argv, reply: Reply, event: Event) -> None:
        """Publishes what a command did; the client itself, if it listens, hears it in its place."""
        heard = len(s.deferred)
        self.emit(*event)
        if len(s.deferred) > heard and s.legacy_doubles and s.script is None:
            put(s, heard, place_of(s, command, argv, event, reply))


_QUIET: Final = frozenset({"object|encoding", "object|freq", "object|idletime", "object|refcount"})
"""Nobody is told of what these do not find."""


def _events(s: Session, command: Command, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    """What a write did, in the order in which Valkey says it."""
    for key, count in () if s.legacy else before.consumers.items():
        stream = s.db.get(key)
        if isinstance(stream, Stream) and len(stream.groups[argv[2]].consumers) > count:
            yield "t", "xgroup-createconsumer", key
    if s.unchanged or reply is BLOCKED:
        return
    special = _SPECIAL.get(command.name)
    if special is not None:
        yield from special(s, argv, reply, before)
    elif command.name in _PLAIN:
        kind, event = _PLAIN[command.name]
        for key in command.modified_keys(argv):
            yield kind, event, key
    elif command.name in _OF_RESULTS:
        kind, event = _OF_RESULTS[command.name]
        for key in dict.fromkeys(command.modified_keys(argv)):  # GEORADIUS may name its destination twice
            if key in s.db:
                yield kind, event, key


def _set(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    yield "$", "set", argv[1]
    if argv[1] in s.db.deadlines and b"KEEPTTL" not in [word.upper() for word in argv[3:]]:
        yield "g", "expire", argv[1]


def _bitfield(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    """A write that would overflow and must not makes the key, but changes nothing."""
    if before.sizes[argv[1]] is None:
        before.sizes[argv[1]] = 0
        yield "n", "new", argv[1]
    at, answers = 2, iter(reply)
    while at < len(argv):
        word = argv[at].upper()
        at += {b"OVERFLOW": 2, b"GET": 3}.get(word, 4)
        if word != b"OVERFLOW" and (next(answers) is not None or s.legacy) and word != b"GET":
            yield "$", "setbit", argv[1]
            return


def _getex(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    if argv[1] in s.db:
        yield "g", "persist" if argv[2].upper() == b"PERSIST" else "expire", argv[1]


def _delete(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    for key, size in before.sizes.items():
        if size is not None:
            yield "g", "del", key


def _rename(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    before.sizes[argv[2]] = 0
    yield "n", "new", argv[2]
    yield "g", "rename_from", argv[1]
    yield "g", "rename_to", argv[2]


def _replaced(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    """COPY and RESTORE make a new key even of one that they replace."""
    key = argv[2] if argv[0].lower() == b"copy" else argv[1]
    if key in s.db:
        before.sizes[key] = 0
        yield "n", "new", key
        yield "g", "copy_to" if argv[0].lower() == b"copy" else "restore", key


def _popped(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    """What BLPOP, LMPOP, ZMPOP and the like did is an effect of its own; LPOP is its own effect."""
    for entry in s.effects or [argv]:
        name = entry[0].decode().lower()
        kind = "z" if name.startswith("z") else "l"
        yield kind, name, entry[1]


def _popped_first(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    """BZPOPMIN and BZPOPMAX answer with the key that they took from."""
    if isinstance(reply, list) and reply:
        yield "z", argv[0].decode().lower().removeprefix("b"), reply[0]


def _moved(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    words = [word.lower() for word in argv]
    source, destination = argv[1], argv[2]
    ends = (words[3], words[4]) if words[0].endswith(b"lmove") else (b"right", b"left")
    yield "l", "lpush" if ends[1] == b"left" else "rpush", destination
    yield "l", "lpop" if ends[0] == b"left" else "rpop", source


def _smove(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    source, destination = argv[1], argv[2]
    yield "s", "srem", source
    if source not in s.db:
        yield "g", "del", source
    if before.sizes[destination] != len(s.db[destination]):
        yield "s", "sadd", destination


def _json(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    """Events of JSON commands have their names. A document that is set as a whole is a new key even where there was one."""
    key, name = argv[1], argv[0].decode().lower().replace("forget", "del")
    if name == "json.set" and argv[2] in {b".", b"$"}:
        before.sizes[key] = None
    yield "g", name, key


def _zadd(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    # With INCR the answer is a score; the word may be a member, too.
    yield "z", "zincr" if isinstance(reply, float) else "zadd", argv[1]


def _xadd(s: Session, argv: Argv, reply: Reply, before: Before) -> Iterator[Event]:
    yield "t", "xadd", argv[1]
    if len(s.db[argv[1]]) != (before.sizes[argv[1]] or 0) + 1:
        yield "t", "xtrim", argv[1]


_SPECIAL: Final[dict[str, Callable[[Session, Argv, Reply, Before], Iterator[Event]]]] = {
    **dict.fromkeys(("set", "setex", "psetex"), _set),
    "bitfield": _bitfield,
    "getex": _getex,
    **dict.fromkeys(("del", "unlink", "getdel"), _delete),
    **dict.fromkeys(("rename", "renamenx"), _rename),
    **dict.fromkeys(("lpop", "rpop", "blpop", "brpop", "lmpop", "blmpop", "zmpop", "bzmpop"), _popped),
    **dict.fromkeys(("zpopmin", "zpopmax"), _popped),
    **dict.fromkeys(("bzpopmin", "bzpopmax"), _popped_first),
    **dict.fromkeys(("lmove", "blmove", "rpoplpush", "brpoplpush"), _moved),
    **dict.fromkeys(("copy", "restore"), _replaced),
    **{f"json.{name}": _json for name in _JSON_WRITES},
    "smove": _smove,
    "zadd": _zadd,
    "xadd": _xadd,
}
