"""A connection as CLIENT LIST and ACL LOG show it. https://valkey.io/commands/client-list/"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from localstack_memorydb.engine.switches import NEVER

if TYPE_CHECKING:
    from localstack_memorydb.engine.resp import Argv
    from localstack_memorydb.engine.session import Session


def client_type(session: Session) -> bytes:
    """`pubsub` for clients with subscriptions, else `normal`."""
    return b"pubsub" if session.channels or session.patterns or session.shard_channels else b"normal"


def held(session: Session) -> int:
    """The bytes that a node keeps for the client, its replies apart."""
    waiting = 0 if session.blocked is None else session.blocked.size
    return session.pending + waiting + len(session.name) + sum(map(len, session.library))


def _flags(session: Session) -> bytes:
    letters = b""
    if session in session.node.monitors:
        letters += b"O"
    if client_type(session) == b"pubsub":
        letters += b"P"
    if session.queue is not None or session.in_exec > 0:
        letters += b"x"
    if session.blocked is not None:
        letters += b"b"
    if session.tracking is not None:
        letters += b"t" + b"R" * session.tracking.broken + b"B" * session.tracking.bcast
    if session.touched:
        letters += b"d"
    if session.readonly:
        letters += b"r"
    if session.no_evict:
        letters += b"e"
    if session.no_touch:
        letters += b"T"
    return letters or b"N"


class Sizes(NamedTuple):
    """The buffers of a connection, as a real node has them for one that does the same."""

    query: int
    query_free: int
    arguments: int
    queued: int
    buffer: int
    used_peak: int
    in_buffer: int
    replies: int
    output: int
    total: int


def sizes_of(session: Session, now: int, argv: Argv | None = None) -> Sizes:
    """What the connection takes; `argv` is the command that it runs just now."""
    argv = argv or (session.blocked.argv if session.blocked is not None else [])
    arguments = sum(map(len, argv))
    heading = len(b"*%d\r\n" % len(argv)) + sum(len(b"$%d\r\n\r\n" % len(word)) for word in argv)
    complete, came, announced = session.begun
    query = came + len(session.rest) or (heading + arguments if argv and session.blocked is None else 0)
    arguments += complete
    # A client that was silent for two seconds gives its query buffer back, and after five most of that for replies.
    silent = now - session.last_seen
    room = _QUERY_BUFFER_OF_6_2 if session.legacy else _QUERY_BUFFER
    read = session.last_command != "NULL" or bool(argv)
    query_free = max(0, room - query) if read and silent <= 2000 else 0
    switches = session.node.cluster.switches
    reset = switches.reply_buffer_reset
    fresh = session.legacy or not switches.reply_buffer_resizing or silent < reset or reset == NEVER
    buffer = _REPLY_BUFFER if fresh else _SMALL_REPLY_BUFFER
    unsent = session.unsent()
    in_buffer = 0 if switches.reply_list else min(unsent, buffer)
    replies = -(-(unsent - in_buffer) // _REPLY_BUFFER)
    output = replies * (_REPLY_BUFFER + _REPLY_NODE)
    queue = session.queue or []
    queued = sum(len(words) * _POINTER + sum(map(len, words)) for _, words in queue)
    channels = len(session.channels) + len(session.patterns) + len(session.shard_channels)
    total = (
        (_CLIENT_OF_6_2 if session.legacy else _CLIENT)
        + buffer
        + output
        + arguments
        + _POINTER * len(argv)
        + queued
        + _QUEUED * len(queue)
    )
    total += _CHANNEL * channels + _WATCHED * len(session.watched)
    if session.tracking is not None and session.tracking.prefixes and not session.legacy:
        total += _PREFIX_NODE * _nodes(session.tracking.prefixes)
    if query or query_free:
        total += max(room, query, announced) + _QUERY_HEADER
    peak = 0 if not fresh else buffer
    return Sizes(query, query_free, arguments, queued, buffer, peak, in_buffer, replies, output, total)


def _common(one: bytes, other: bytes) -> int:
    """The length of a common beginning of two words of which neither begins with the other."""
    return next(place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)


def _nodes(prefixes: Sequence[bytes]) -> int:
    """How many nodes they take in a tree of common beginnings (rax.c), none of them being another's beginning.

    There is one where they part, one at the end of each, and one more before these for what does not part.
    """
    words = sorted(prefixes)
    if len(words) == 1:
        return 1 + bool(words[0])
    shared = [_common(*pair) for pair in pairwise(words)]
    ends = zip(words, [0, *shared], [*shared, 0], strict=True)
    total = sum(1 + (len(word) - max(left, right) > 1) for word, left, right in ends)
    forks: list[int] = []
    for depth in [*shared, -1]:
        while forks and forks[-1] > depth:
            fork = forks.pop()
            above = max(depth, forks[-1] if forks else -1)
            total += 1 + (fork - above > 1)
        if depth >= 0 and (not forks or forks[-1] < depth):
            forks.append(depth)
    return total


_QUERY_BUFFER: Final = 20474
_QUERY_BUFFER_OF_6_2: Final = 40954
_QUERY_HEADER: Final = 6
_REPLY_BUFFER: Final = 16384
_SMALL_REPLY_BUFFER: Final = 1024
_REPLY_NODE: Final = 40
_CLIENT: Final = 768
_CLIENT_OF_6_2: Final = 4096
_POINTER: Final = 8
_QUEUED: Final = 40
_CHANNEL: Final = 56
_WATCHED: Final = 64
_PREFIX_NODE: Final = 32


def describe(session: Session, now: int, argv: Argv | None = None) -> bytes:
    """The connection as CLIENT LIST shows it; `argv` is the command that it runs just now."""
    host, port = session.node.address
    name, version = session.library
    queued = len(session.queue) if session.queue is not None else session.in_exec or -1
    sizes = sizes_of(session, now, argv)
    command = session.last_command.partition("|")[0] if session.legacy else session.last_command
    fields = {
        b"id": b"%d" % session.number,
        b"addr": session.peer.encode(),
        b"laddr": f"{host}:{port}".encode(),
        b"fd": b"%d" % (session.number + 7),
        b"name": session.name,
        b"age": b"%d" % ((now - session.started) // 1000),
        b"idle": b"%d" % ((now - session.last_seen) // 1000),
        b"flags": _flags(session),
        b"db": b"0",
        b"sub": b"%d" % len(session.channels),
        b"psub": b"%d" % len(session.patterns),
        b"ssub": b"%d" % len(session.shard_channels),
        b"multi": b"%d" % queued,
        b"qbuf": b"%d" % sizes.query,
        b"qbuf-free": b"%d" % sizes.query_free,
        b"argv-mem": b"%d" % sizes.arguments,
        b"multi-mem": b"%d" % sizes.queued,
        b"rbs": b"%d" % sizes.buffer,
        b"rbp": b"%d" % sizes.used_peak,
        b"obl": b"%d" % sizes.in_buffer,
        b"oll": b"%d" % sizes.replies,
        b"omem": b"%d" % sizes.output,
        b"tot-mem": b"%d" % sizes.total,
        b"events": b"rw" if sizes.in_buffer else b"r",
        b"cmd": command.encode(),
        b"user": session.user.encode(),
        b"redir": b"%d" % (-1 if session.tracking is None else session.tracking.redirect),
        b"resp": b"%d" % session.protocol,
        b"lib-name": name,
        b"lib-ver": version,
    }
    since = {(7,): (b"ssub", b"multi-mem", b"rbs", b"rbp", b"resp"), (7, 2): (b"lib-name", b"lib-ver")}
    for level, names in since.items():
        if session.table.level < level:
            for each in names:
                del fields[each]
    return b" ".join(b"%b=%b" % field for field in fields.items())
