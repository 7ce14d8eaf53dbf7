"""Taking turns: a client that sends much, or asks for much, waits for the others now and then.

All clients share one thread. What a client sends at once is run in portions, small ones first, for as long as its turn lasts; then
the others have theirs. A turn ends early when there is much to send: more is made when the client has taken that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.performing import go_on
from localstack_memorydb.engine.requests import PORTION, TooMuchToRead

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Node
    from localstack_memorydb.engine.session import Session

_LARGEST_PORTION: Final = 1 << 16
_SMALLEST_PORTION: Final = 32
_MUCH_TO_SEND: Final = 1 << 20

LARGE: Final = 1 << 16
"""Bytes of a reply that interrupts its client's turn."""
LONG_TURN: Final = 0.02
"""Seconds after which the others come."""


def take(s: Session, data: bytes) -> bytes:
    """Takes more than runs at once; returns what is due to the client so far. Raises TooMuchToRead."""
    if s.swallow(data):
        return b""
    s.rest += data
    if len(s.rest) > s.query_limit:
        raise TooMuchToRead
    if len(s.rest) > LARGE:
        s.weigh()
    s.portion = 0
    return run(s) if s.blocked is None and not s.waits_for_turn else b""


def run(s: Session, replies: bytes = b"") -> bytes:
    """A turn of the client, which has these replies already; returns what is due to it. Raises TooMuchToRead."""
    clock = s.node.cluster.clock
    began, out, size, ran = clock(), [replies], len(replies), s.node.drained
    portion, s.waits_for_turn = s.pace, False
    while _can_go_on(s):
        if s.interrupted:
            s.interrupted = False
        else:
            if s.lost:  # in the middle of something large
                portion = _LARGEST_PORTION
            s.feed(_cut(s.rest, portion))
            portion = min(4 * portion, _LARGEST_PORTION)
        out.append(s.drain())
        size += len(out[-1])
        if s.node.drained == ran:
            continue  # of a large request a part has been read
        if (size > _MUCH_TO_SEND or clock() - began > LONG_TURN) and _can_go_on(s):
            s.waits_for_turn = True
            s.again()
            break
    if s.rest or s.interrupted:
        s.node.shard.work.holds_up(s)
    s.pace = max(_SMALLEST_PORTION, s.pace // 8) if s.waits_for_turn else min(2 * s.pace, PORTION)
    s.portion = 0 if s.rest or s.interrupted or s.node.shard.work.holder is not None else PORTION
    return b"".join(out)


def _cut(rest: bytearray, size: int) -> bytes:
    """The next bytes, if possible up to where a request ends: what follows then begins with one, and can be explained."""
    if len(rest) > size:
        end = rest.rfind(b"\r\n*", 0, size)
        size = end + 2 if end >= 0 else size
    with memoryview(rest) as view:
        piece = bytes(view[:size])
    del rest[:size]
    return piece


def _can_go_on(s: Session) -> bool:
    free = s.blocked is None and not s.closing and s.node.shard.work.holder is None
    return free and (s.interrupted or bool(s.rest))


def resume(s: Session, now: int) -> None:
    """A turn of a client that was blocked, for what it sent meanwhile."""
    s.now = now
    if s.number not in s.node.sessions or s.node.shard.work.holds_up(s):
        return
    if s.blocked is not None and s.blocked.postponed:
        go_on(s, now)
    if s.blocked is not None:
        return
    try:
        replies = run(s, s.drain())
    except TooMuchToRead:
        s.cut_off()
        return
    if replies:
        s.sink(replies)
    if s.closing:
        s.hang_up()


def rouse(node: Node, now: int) -> None:
    """Answers clients of which something was not understood behind what they have been answered, and who sent no more since."""
    for session in list(node.sessions.values()):
        waits = session.waits_for_turn or session.blocked is not None or session.last_seen >= now
        if not waits and session.stalled():
            session.explain()
            resume(session, now)
