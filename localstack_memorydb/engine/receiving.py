"""What a client sends comes in here: packets of one request, as most are, by a short way, all others with care.

The short way is what `drain` of the session does for one request, without what that looks at for many. The lines for commands of
one key stand in both, since a call would cost a tenth of what such a command takes.

A command of one key that nothing stands in the way of, and of whose writes nobody has to be told, can neither block nor make its
client hear anything else: after it there is nothing to look at.
"""

from __future__ import annotations

from binascii import crc_hqx
from typing import TYPE_CHECKING, Final

import hiredis

from localstack_memorydb.engine import turns
from localstack_memorydb.engine.bugs import failed
from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.registry import Command
from localstack_memorydb.engine.requests import (
    HEADER,
    another_array,
    is_malformed,
    is_misread,
    plain_line,
)
from localstack_memorydb.engine.resp import BLOCKED, HEADERS, OK, SMALL, SMALL_INTEGERS, Argv
from localstack_memorydb.engine.slots import SLOT_MASK, key_slot
from localstack_memorydb.engine.stats import LONG_PACKET, CommandStat

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

KEY_ONLY: Final = 2  # arguments; that the key is bytes is seen when its slot is computed

join = b"".join
"""Also the cheapest way to be sure that every argument is bytes: hiredis lets other types through."""


def receive(s: Session, data: bytes, now: int) -> bytes:
    """Handles what a client sent at `now` (unix time in ms); returns what is due to it at once. Raises TooMuchToRead."""
    s.now = s.last_seen = now
    node = s.node
    node.bytes_received += (size := len(data))
    # One request of at most 99 arguments, between others, as most packets are: to look for single bytes costs the least. Constants
    # stand here as such, and functions that are attributes are taken before they are called: the interpreter likes both.
    if not (
        s.idle
        and s.blocked is None
        and HEADER < size <= s.portion
        and data[0] == b"*"[0]
        and (data[2] == b"\r"[0] or data[3] == b"\r"[0])
        and (b"*"[0] not in (rest := data[1:]) or another_array(rest) is None)
        and not ((b"+"[0] in data or b"="[0] in data or b"("[0] in data) and is_misread(data))
    ):
        return _with_care(s, data)
    reader = s.reader
    try:
        reader.feed(data)
        argv = reader.gets()
        find = s.find
        command = find(argv[0])
    except Exception:  # hiredis raises several, and what it reads need not be a list of words
        return _reread(s, data)
    if command is None or reader.has_data():
        return _reread(s, data)
    keyspace = node.shard.keyspace
    if (
        command.gates & s.gates
        or not command.straight
        or (keyspace.observed and (command.write or keyspace.has_deadlines))
        or len(argv) not in command.lengths
    ):
        return _in_full(s, command, argv, data)
    clock = node.cluster.clock
    began = clock()
    try:
        key = argv[1]
        number = crc_hqx(key, 0) & SLOT_MASK if b"{"[0] not in key else key_slot(key)
        db = s.slots[number]
        if db is None:
            db = s.own_slot(number)
        elif db.deadlines:
            keyspace.purge(db, key, now)
        s.db = db
        db.used = now
        if command.most > KEY_ONLY:
            join(argv)
        run = command.run
        reply = run(s, argv)
        if not reply and not command.write and key not in db:
            node.stats.misses += 1
        # The four commonest replies, spared a call.
        if reply is OK:
            out = b"+OK\r\n"
        elif (kind := type(reply)) is int:
            out = SMALL_INTEGERS[reply] if 0 <= reply < SMALL else b":%d\r\n" % reply
        elif kind is bytes and len(reply) < SMALL:
            out = HEADERS[len(reply)] + reply + b"\r\n"
        elif reply is None:
            out = s.encoders.null
        else:
            out = s.encoders[kind](reply)
    except Exception as error:
        if is_malformed(argv):
            return _reread(s, data)
        out = _refusal(s, command, argv, error)
    elapsed = clock() - began
    stat = node.stats.numbered[command.number] or node.stats.first(command)
    stat.alone += 1
    stat.seconds += elapsed
    if elapsed > LONG_PACKET:
        node.stats.took_long(s, command, argv, 1, elapsed)
    s.last_command = command.name
    node.bytes_sent += len(out)
    return out


def _in_full(s: Session, command: Command, argv: Argv, data: bytes) -> bytes:
    """Runs any request, and does all that may have to be done after one."""
    node = s.node
    keyspace = node.shard.keyspace
    clock = node.cluster.clock
    s.processing = True
    began = clock()
    stat: CommandStat | None = None
    out: bytes | None = None
    try:
        if command.gates & s.gates or len(argv) not in command.lengths:
            join(argv)  # before anything is counted that would be again
            node.stats.other_reads += 1
            reply = s.detour(command, argv)
        else:
            stat = node.stats.numbered[command.number] or node.stats.first(command)
            reply = s.call(command, argv)
        if reply is not BLOCKED:
            out = s.encoders[type(reply)](reply)
    except Exception as error:
        if is_malformed(argv):
            return _reread(s, data)
        out = _refusal(s, command, argv, error)
        if s.closing:
            stat = None
    if keyspace.observed and keyspace.tracking.pending:
        keyspace.tracking.broadcast()
    s.processing = False
    if stat is not None or not command.subcommands:
        s.last_command = command.name
    if stat is not None and out is not None:
        elapsed = clock() - began
        stat.alone += 1
        stat.seconds += elapsed
        if elapsed > LONG_PACKET:
            node.stats.took_long(s, command, argv, 1, elapsed)
    if s.deferred:
        out = join([out or b"", *s.deferred])
        s.deferred.clear()
    if node.cluster.unblocked:
        node.cluster.resume(s.now)
    if out is None:
        return b""
    node.bytes_sent += len(out)
    return out


def _refusal(s: Session, command: Command, argv: Argv, error: Exception) -> bytes:
    return s.refused(error, argv, command) if isinstance(error, CommandError) else failed(error, argv)


def _with_care(s: Session, data: bytes) -> bytes:
    """Takes any packet. After one that was a single request the next may be spared that. Raises TooMuchToRead."""
    if s.idle and s.blocked is None and len(data) <= s.portion and (argv := plain_line(data)):
        command = s.find(argv[0])
        if command is not None:
            return _in_full(s, command, argv, data)
    s.node.stats.other_reads += 1
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
