"""Transactions. https://valkey.io/commands/#transactions"""

from __future__ import annotations

from collections.abc import Sized
from typing import Final

from localstack_memorydb.engine.errors import (
    CommandError,
    CrossSlot,
    ExecAbort,
    Harmless,
    NoLongerPermitted,
    ReplyTooLarge,
)
from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.own_events import attended, serve
from localstack_memorydb.engine.performing import perform
from localstack_memorydb.engine.registry import (
    ALLOW_BUSY,
    FAST,
    GATE_MULTI,
    GATE_RESTRICTED,
    LOADING,
    NOSCRIPT,
    SKIP_SLOWLOG,
    STALE,
    Command,
    Family,
    span,
)
from localstack_memorydb.engine.resp import MOST_TO_SEND, NULL_ARRAY, OK, Argv, Encoders, Reply, Several, Wire
from localstack_memorydb.engine.routing import one_slot, route
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.tracking import settle
from localstack_memorydb.engine.users import log_refusal

transactions = Family("transactions", "@transaction")

_PER_ELEMENT: Final = 8  # bytes, of what a reply that is a list takes at least
_LOOKED_AT_ONCE: Final = 512
_RUN_AT_ONCE: Final = 16
_ENCODED_AT_ONCE: Final = 256
_ANYTIME = ALLOW_BUSY | FAST | LOADING | NOSCRIPT | STALE


@transactions.command("MULTI", 1, _ANYTIME, since="1.2.0", passes=GATE_MULTI)
def multi(s: Session, argv: Argv) -> Reply:
    """Starts a transaction: what follows is queued."""
    if s.queue is not None:
        raise Harmless("ERR MULTI calls can not be nested")
    s.queue = []
    s.aborted = False
    s.gates |= GATE_MULTI
    return OK


@transactions.command("DISCARD", 1, _ANYTIME, since="2.0.0", passes=GATE_MULTI)
def discard(s: Session, argv: Argv) -> Reply:
    """Forgets the queued commands and the watched keys."""
    if s.queue is None:
        raise CommandError("ERR DISCARD without MULTI")
    s.end_transaction()
    return OK


@transactions.command("WATCH", -2, _ANYTIME, keys=span("RO"), since="2.2.0", passes=GATE_MULTI)
def watch(s: Session, argv: Argv) -> Reply:
    """EXEC will refuse when one of the keys changes before it."""
    if s.queue is not None:
        raise Harmless("ERR WATCH inside MULTI is not allowed")
    if not s.touched:
        for key in looking(argv[1:]):
            s.watch(key)
    return OK


@transactions.command("UNWATCH", 1, _ANYTIME, since="2.2.0")
def unwatch(s: Session, argv: Argv) -> Reply:
    """Forgets the watched keys."""
    s.unwatch()
    return OK


@transactions.command(
    "EXEC",
    1,
    LOADING | NOSCRIPT | SKIP_SLOWLOG | STALE,
    since="1.2.0",
    passes=GATE_MULTI,
    careful=True,
)
def exec_(s: Session, argv: Argv) -> Reply:
    """Runs the queued commands; an array of their replies, or null when a watched key has changed."""
    if s.queue is None:
        raise CommandError("ERR EXEC without MULTI")
    queue, aborted = s.queue, s.aborted
    for key in s.watched:
        keyspace = s.node.shard.keyspace
        keyspace.purge(keyspace.of(key), key, s.now)
    touched = s.touched
    s.end_transaction()
    slots: set[int] = set()
    if len(queue) <= _LOOKED_AT_ONCE:
        _require_one_slot(s, queue, slots)
    else:
        _require_one_slot_of_many(s, queue, slots)
    s.exec_slot = next(iter(slots), None)
    if aborted:
        raise ExecAbort
    if touched:
        return NULL_ARRAY
    return _run(s, queue)


def _require_one_slot(s: Session, queue: list[tuple[Command, Argv]], slots: set[int]) -> None:
    """All keys of a transaction live in one slot, and it is still this node's."""
    for command, argv in queue:
        keys = command.find_keys(argv)
        if keys:
            slots.add(one_slot(keys))
            if len(slots) > 1:
                raise CrossSlot
            route(s, command, argv, keys)


def _require_one_slot_of_many(s: Session, queue: list[tuple[Command, Argv]], slots: set[int]) -> None:
    for at in range(0, len(queue), _LOOKED_AT_ONCE):
        _require_one_slot(s, queue[at : at + _LOOKED_AT_ONCE], slots)
        s.node.shard.work.look()


class _Replies(list[Reply]):
    """The replies of a transaction; none are kept any more when they have become more than can be sent.

    Each is encoded in the protocol that the client had when its command had run: `encoders` are those of the ones kept.
    A client that wants no replies gets none, though the array may be announced already; and no array when it turns them on.
    """

    __slots__ = ("encoded", "encoders", "size")

    def __init__(self, encoders: Encoders) -> None:
        super().__init__()
        self.size = 0
        self.encoders = encoders
        self.encoded: list[bytes] | None = None

    def keep(self, reply: Reply) -> None:
        """One more."""
        if isinstance(reply, Sized):
            self.size += len(reply) * (1 if isinstance(reply, bytes) else _PER_ELEMENT)
            if self.size > MOST_TO_SEND:
                self.clear()
                return
        self.append(reply)

    def turn_to(self, encoders: Encoders) -> None:
        """What follows is in another protocol."""
        self.encode()
        self.encoders = encoders

    def encode(self) -> None:
        """Makes bytes of what was kept since the last time: a long list would take long to encode."""
        self.encoded = self.encoded or []
        if self.size <= MOST_TO_SEND:
            try:
                self.encoded.append(self.encoders[Several](self))
            except ReplyTooLarge:
                self.size = MOST_TO_SEND + 1
        if self.size > MOST_TO_SEND:
            self.encoded.clear()
        self.clear()

    def reply(self, announced: int | None) -> Reply:
        """What the client gets: an array of `announced` replies, or only those kept. Raises ReplyTooLarge."""
        if self.encoded is None and len(self) == announced:
            reply: Reply = list(self)
        elif self.encoded is None and announced is None:
            reply = Several(self)
        else:
            self.encode()
            encoded = b"".join(self.encoded or [])
            reply = (
                Several([Wire(encoded)]) if announced is None else Wire(b"*%d\r\n%b" % (announced, encoded))
            )
            self.size = max(self.size, len(encoded))
        if self.size > MOST_TO_SEND:
            raise ReplyTooLarge
        return reply


def _run(s: Session, queue: list[tuple[Command, Argv]]) -> Reply:
    replies, shard = _Replies(s.encoders), s.node.shard
    s.in_exec = size = len(queue)
    announced = None if s.reply_mode == "off" else size
    try:
        with shard.keyspace.atomic():
            if shard.work.running:
                _run_in_parts(s, queue, replies)
            else:
                _run_each(s, queue, replies)
    finally:
        s.in_exec = 0
    serve(s)
    if s.deferred:
        settle(s)
    return replies.reply(announced)


def _run_in_parts(s: Session, queue: list[tuple[Command, Argv]], replies: _Replies) -> None:
    """Runs a few commands at a time, and gives way in between."""
    encodes = len(queue) > _ENCODED_AT_ONCE
    queue.reverse()
    while queue:
        part = queue[: -_RUN_AT_ONCE - 1 : -1]
        del queue[-_RUN_AT_ONCE:]
        _run_each(s, part, replies)
        if encodes:
            replies.encode()
        if queue:
            s.node.shard.work.look()


def _run_each(s: Session, queue: list[tuple[Command, Argv]], replies: _Replies) -> None:
    for command, argv in queue:
        try:
            refusal = s.permissions.check(command.plain, argv) if s.gates & GATE_RESTRICTED else None
            if refusal is not None:
                log_refusal(s, refusal, command, argv)
                raise NoLongerPermitted(refusal.kind)
            reply = perform(s, command, argv)
        except CommandError as error:
            s.node.count_error(error)
            reply = attended(s, error) if s.deferred else error
        if s.encoders is not replies.encoders:
            replies.turn_to(s.encoders)
        if s.reply_mode != "off" or isinstance(reply, Several):  # which confirms a subscription
            replies.keep(reply)
        if command.slow:
            s.node.shard.work.look()
