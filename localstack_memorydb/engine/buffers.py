"""Large strings that are written in place: APPEND, SETRANGE, SETBIT and BITFIELD change some bytes without copying the rest.

A string is plain `bytes`, which commands hand on as they are. The first write into one of some size makes it a Buffer, and it stays
one until a command sets the key anew. Who reads a string whole gets bytes of its own (`Session.value`); who reads a
part of it looks at the Buffer (`text`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar, cast

from localstack_memorydb.engine.errors import WrongType

if TYPE_CHECKING:
    from localstack_memorydb.engine.keyspace import Slot
    from localstack_memorydb.engine.session import Session

LEAST: Final = 4096
"""A shorter string is copied with every write: that costs less than a microsecond."""


V = TypeVar("V")


class Buffer(bytearray):
    """A string that is written in place. It belongs to one key, and nobody else may keep it."""

    __slots__ = ()


def whole(value: object) -> bytes | None:
    """The string as bytes that will not change; None for what is no string."""
    if type(value) is bytes:
        return value
    return bytes(value) if type(value) is Buffer else None


def text(s: Session, key: bytes) -> bytes | Buffer | None:
    """The key's string to look at, or None when there is no such key. Raises WrongType."""
    found = s.db.get(key)
    if found is None or type(found) is bytes or type(found) is Buffer:
        return found
    raise WrongType


def write(db: Slot, key: bytes, found: bytes | Buffer | None, at: int, piece: bytes) -> int:
    """Puts the piece into the key's string (None: no such key), after zero bytes where it is shorter; its length then."""
    old = found or b""
    size = max(len(old), at + len(piece))
    if size < LEAST:
        db.grow(key, b"".join((old[:at].ljust(at, b"\0"), piece, old[at + len(piece) :])))
        return size
    if not old:
        buffer = db[key] = Buffer(size)
    else:
        buffer = opened(db, key, old)
        if at > len(buffer):
            buffer += bytes(at - len(buffer))
    buffer[at : at + len(piece)] = piece
    return size


def opened(db: Slot, key: bytes, found: bytes | Buffer) -> Buffer:
    """The key's string as one that is written in place."""
    if type(found) is Buffer:
        return found
    made = db[key] = Buffer(found)
    return made


def copied(value: Buffer, _: type[V]) -> V:
    """The bytes of a string at this moment, for who asks for a value of type bytes."""
    return cast("V", bytes(value))
