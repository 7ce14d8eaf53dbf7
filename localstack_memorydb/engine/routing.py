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
    number = key_slot(keys[0])
    if len(keys) > 1:
        for key in keys if len(keys) < MANY else looking(keys):
            if key_slot(key) != number:
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
