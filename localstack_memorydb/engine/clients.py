"""A connection as CLIENT LIST and ACL LOG show it. https://valkey.io/commands/client-list/"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session


def client_type(session: Session) -> bytes:
    """`pubsub` for clients with subscriptions, else `normal`."""
    return b"pubsub" if session.channels or session.patterns or session.shard_channels else b"normal"


def _flags(session: Session) -> bytes:
    letters = b""
    if client_type(session) == b"pubsub":
        letters += b"P"
    if session.queue is not None:
        letters += b"x"
    if session.blocked is not None:
        letters += b"b"
    if session in session.node.monitors:
        letters += b"O"
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


def describe(session: Session, now: int) -> bytes:
    """The connection as CLIENT LIST shows it; sizes of buffers are not kept and read 0."""
    host, port = session.node.address
    name, version = session.library
    queued = -1 if session.queue is None else len(session.queue)
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
        b"qbuf": b"0",
        b"qbuf-free": b"0",
        b"argv-mem": b"0",
        b"multi-mem": b"0",
        b"rbs": b"1024",
        b"rbp": b"0",
        b"obl": b"0",
        b"oll": b"0",
        b"omem": b"0",
        b"tot-mem": b"0",
        b"events": b"r",
        b"cmd": session.last_command.encode(),
        b"user": session.user.encode(),
        b"redir": b"%d" % (-1 if session.tracking is None else session.tracking.redirect),
        b"resp": b"%d" % session.protocol,
        b"lib-name": name,
        b"lib-ver": version,
    }
    if session.table.level < (7, 2):
        del fields[b"lib-name"], fields[b"lib-ver"]
    return b" ".join(b"%b=%b" % field for field in fields.items())
