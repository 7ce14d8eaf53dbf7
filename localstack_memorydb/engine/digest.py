"""Digests of values and of whole nodes, as DEBUG DIGEST and DEBUG DIGEST-VALUE compute them.

Two servers with the same data have the same digests, whatever order they keep it in: what has no order is combined by XOR.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from localstack_memorydb.engine.buffers import Buffer
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.numbers import format_double_17
from localstack_memorydb.engine.streams import SEQUENCE_MAX, Stream
from localstack_memorydb.engine.values import Hash, List, Set, Value, ZSet

EMPTY: Final = bytes(20)
_TYPES: Final = {bytes: 0, Buffer: 0, List: 1, Set: 2, ZSet: 3, Hash: 4, Document: 5, Stream: 6}


def _with(digest: bytes, data: bytes) -> bytes:
    """The digest with something that may come in any order."""
    other = hashlib.sha1(data).digest()  # noqa: S324 - no secret
    return bytes(left ^ right for left, right in zip(digest, other, strict=True))


def _then(digest: bytes, *parts: bytes) -> bytes:
    """The digest with parts whose order matters."""
    for part in parts:
        digest = hashlib.sha1(_with(digest, part)).digest()  # noqa: S324 - no secret
    return digest


def of_value(value: Value, deadline: int | None, start: bytes = EMPTY) -> bytes:
    """The digest of a value, on top of what `start` stands for."""
    digest = _contents(_then(start, _TYPES[type(value)].to_bytes(4, "big")), value)
    return digest if deadline is None else _with(digest, b"!!expire!!")


def _contents(digest: bytes, value: Value) -> bytes:
    if isinstance(value, bytes | Buffer):
        return _then(digest, bytes(value))
    if isinstance(value, Document):
        return _then(digest, value.dump())
    if isinstance(value, List):
        return _then(digest, *value)
    if isinstance(value, Stream):
        for node in value.nodes:
            for identifier, fields in node.entries.items():
                name = b"%d.%d" % (identifier >> 64, identifier & SEQUENCE_MAX)
                digest = _then(digest, name, *fields)
        return digest
    if isinstance(value, Set):
        parts: Iterable[bytes] = value
    elif isinstance(value, ZSet):
        parts = (_then(EMPTY, member, format_double_17(score)) for member, score in value.scores.items())
    else:
        parts = (_then(EMPTY, *pair) for pair in value.items())
    for part in parts:
        digest = _with(digest, part)
    return digest


def of_keys(entries: Iterable[tuple[bytes, Value, int | None]]) -> bytes:
    """The digest of a node with these keys, values and deadlines."""
    digest, empty = _then(EMPTY, bytes(4)), True
    for key, value, deadline in entries:
        digest, empty = _with(digest, of_value(value, deadline, _then(EMPTY, key))), False
    return EMPTY if empty else digest
