"""Which node serves a command: that which has the one slot of its keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from localstack_memorydb.engine.errors import CrossSlot, Moved
from localstack_memorydb.engine.looking import MANY, looking
from localstack_memorydb.engine.lua.scripting import NO_WRITES, declared_flags
from localstack_memorydb.engine.registry import PUBSUB, Command
from localstack_memorydb.engine.resp import Argv
from localstack_memorydb.engine.slots import key_slot

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session


def one_slot(keys: Sequence[bytes]) -> int:
    """The slot of the keys. Raises CrossSlot."""
    first = keys[0]
    number = key_slot(first)
    if len(keys) > 1:
        # Keys of one slot mostly begin with the same tag: to see that costs less than to compute the slot again.
        end = first.find(b"}") if first[:1] == b"{" else 0
        tag = first[: end + 1] if end > 1 else None
        for key in keys if len(keys) < MANY else looking(keys):
            alike = key == first or (tag is not None and key.startswith(tag))
            if not alike and key_slot(key) != number:
                raise CrossSlot
    return number


def writes(s: Session, command: Command, argv: Argv) -> bool:
    """Whether the command line is a write. Scripts and functions that declare what they do are what they say."""
    flags = declared_flags(s, command, argv) if command.group == "scripting" else None
    return command.write if flags is None else NO_WRITES not in flags


def route(s: Session, command: Command, argv: Argv, keys: Sequence[bytes]) -> int:
    """The one slot of the keys, if the client's node serves it to this client. Raises CrossSlot, Moved, ClusterDown."""
    number = one_slot(keys)
    node = s.node
    shard = node.cluster.owner(number)
    if shard is node.shard:
        if node.is_primary:
            return number
        if command.flags & PUBSUB or (s.readonly and not writes(s, command, argv)):
            return number
    raise Moved(number, *shard.primary.address)
