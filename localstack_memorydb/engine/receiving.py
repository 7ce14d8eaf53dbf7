"""What a client sends comes in here: packets of one request, as most are, by a short way, all others with care.

The short way is what `drain` of the session does for one request, without what that looks at for many. The lines for commands of
one key stand in both, since a call would cost a tenth of what such a command takes.
"""

from __future__ import annotations

from binascii import crc_hqx
from typing import TYPE_CHECKING, Final

import hiredis

from localstack_memorydb.engine import turns
from localstack_memorydb.engine.bugs import failed
from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.requests import (
    ASTERISK,
    BIG_NUMBER,
    FORMATTED,
    HEADER,
    RETURN,
    WORD,
    another_array,
    is_malformed,
    is_misread,
)
from localstack_memorydb.engine.resp import (
    BLOCKED,
    HEADERS,
    OK,
    SMALL,
    SMALL_INTEGERS,
)
from localstack_memorydb.engine.slots import SLOT_MASK, key_slot
from localstack_memorydb.engine.stats import LONG_PACKET, CommandStat

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

BRACE: Final = 0x7B
KEY_ONLY: Final = 2  # arguments; that the key is bytes is seen when its slot is computed

join = b"".join
"""Also the cheapest way to be sure that every argument is bytes: hiredis lets other types through."""


def receive(s: Session, data: bytes, now: int) -> bytes:  # noqa: PLR0915 - flat, since a call costs more than a line
    """Handles what a client sent at `now` (unix time in ms); returns what is due to it at once. Raises TooMuchToRead."""
    s.now = s.last_seen = now
    node = s.node
    node.bytes_received += (size := len(data))
    # One request of at most 99 arguments, between others, as most packets are: to look for single bytes costs the least.
    if not (
        s.idle
        and s.blocked is None
        and HEADER < size <= s.portion
        and data[0] == ASTERISK
        and (data[2] == RETURN or data[3] == RETURN)
        and (ASTERISK not in (rest := data[1:]) or another_array(rest) is None)
        and not ((WORD in data or FORMATTED in data or BIG_NUMBER in data) and is_misread(data))
    ):
        return _with_care(s, data)
    reader = s.reader
    try:
        reader.feed(data)
        argv = reader.gets()
        command = s.find(argv[0])
    except Exception:  # hiredis raises several, and what it reads need not be a list of words
        return _reread(s, data)
    if command is None or reader.has_data():
        return _reread(s, data)
    keyspace = node.shard.keyspace
    clock = node.cluster.clock
    s.processing = True
    began = clock()
    try:
        if command.gates & s.gates or not command.least <= len(argv) <= command.brief:
            stat: CommandStat | None = None
            reply = s.detour(command, argv)
            out = None if reply is BLOCKED else s.encoders[type(reply)](reply)
        else:
            stat = node.stats.commands.get(command.name) or node.stats.commands[command.name]
            if command.straight:
                key = argv[1]
                number = crc_hqx(key, 0) & SLOT_MASK if BRACE not in key else key_slot(key)
                db = s.slots[number]
                if db is None:
                    db = s.own_slot(number)
                elif db.deadlines:
                    keyspace.purge(db, key, now)
                s.db = db
                db.used = now
                if command.write:
                    if keyspace.observed:
                        reply = s.observed(command, argv)
                    else:
                        join(argv)
                        reply = command.run(s, argv)
                else:
                    if command.most > KEY_ONLY:
                        join(argv)
                    reply = command.run(s, argv)
                    if not reply and key not in db:
                        node.stats.misses += 1
                # The three commonest replies, spared a call.
                if reply is OK:
                    out = b"+OK\r\n"
                elif (kind := type(reply)) is int:
                    out = SMALL_INTEGERS[reply] if 0 <= reply < SMALL else b":%d\r\n" % reply
                elif kind is bytes and len(reply) < SMALL:
                    out = HEADERS[len(reply)] + reply + b"\r\n"
                else:
                    out = None if reply is BLOCKED else s.encoders[kind](reply)
            else:
                reply = s.call(command, argv)
                out = None if reply is BLOCKED else s.encoders[type(reply)](reply)
    except CommandError as error:
        if is_malformed(argv):
            return _reread(s, data)
        out = s.refused(error, argv, command)
        if s.closing:
            stat = None
    except Exception as error:
        if is_malformed(argv):
            return _reread(s, data)
        out = failed(error, argv)
    if keyspace.observed and keyspace.tracking.pending:
        keyspace.tracking.broadcast()
    s.processing = False
    if stat is not None:
        s.last_command = command.name
        if out is not None:
            elapsed = clock() - began
            stat.calls += 1
            stat.timed += 1
            stat.seconds += elapsed
            if elapsed > LONG_PACKET:
                node.stats.took_long(s, command, argv, 1, elapsed)
    elif not command.subcommands:
        s.last_command = command.name
    if s.deferred:
        out = join([out or b"", *s.deferred])
        s.deferred.clear()
    if node.cluster.unblocked:
        node.cluster.resume(s.now)
    if out is None:
        return b""
    node.bytes_sent += len(out)
    return out


def _with_care(s: Session, data: bytes) -> bytes:
    """Takes any packet. After one that was a single request the next may be spared that. Raises TooMuchToRead."""
    if len(data) > s.portion or s.blocked is not None:
        return turns.take(s, data)
    s.feed(data)
    drained = s.node.drained
    replies = s.drain()
    if s.interrupted:
        return turns.run(s, replies)
    if s.node.drained == drained + 1:
        s.settle()
    return replies


def _reread(s: Session, data: bytes) -> bytes:
    """Takes a packet with care of which hiredis has read a part that nobody ran."""
    s.reader = hiredis.Reader()
    return _with_care(s, data)
