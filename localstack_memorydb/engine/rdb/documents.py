"""JSON documents as the JSON module writes them: one string since the third version of its format, before that value by value."""

from __future__ import annotations

import struct
from typing import Final

from localstack_memorydb.engine.documents import Document, Json, Real, parse
from localstack_memorydb.engine.documents.errors import DocumentError
from localstack_memorydb.engine.documents.texts import MAX_DEPTH
from localstack_memorydb.engine.rdb import format as rdb
from localstack_memorydb.engine.rdb.format import RdbError
from localstack_memorydb.engine.rdb.strings import read_length, read_string

_NULL, _STRING, _DOUBLE, _INTEGER, _BOOLEAN, _OBJECT, _ARRAY, _PAIR = (1 << bit for bit in range(8))
_AS_TEXT: Final = 3
_BOOLEANS: Final = {b"0": False, b"1": True}
_unpack_double = struct.Struct("<d").unpack_from


def read_document(data: bytes, at: int, version: int) -> tuple[Document, int]:
    """A document in that version of the format, and the position behind it. Raises RdbError."""
    if version > _AS_TEXT:
        raise RdbError(f"a JSON document of the format {version} is not supported")
    try:
        if version == _AS_TEXT:
            at = _expect(data, at, rdb.MODULE_STRING)
            text, at = read_string(data, at)
            document = Document(parse(text))
        else:
            root, at = _value(data, at, 0)
            document = Document(root)
    except DocumentError as error:
        raise RdbError(f"corrupt: a JSON document cannot be read: {error.text}") from None
    return document, _expect(data, at, rdb.MODULE_EOF)


def _expect(data: bytes, at: int, part: int) -> int:
    found, after = read_length(data, at)
    if found != part:
        raise RdbError(f"corrupt at byte {at}: a JSON document has the part {found} where {part} should be")
    return after


def _number(data: bytes, at: int) -> tuple[int, int]:
    return read_length(data, _expect(data, at, rdb.MODULE_UNSIGNED))


def _text(data: bytes, at: int) -> tuple[str, int]:
    text, at = read_string(data, _expect(data, at, rdb.MODULE_STRING))
    return text.decode("utf-8", "surrogateescape"), at


def _value(data: bytes, at: int, depth: int) -> tuple[Json, int]:
    kind, at = _number(data, at)
    if kind == _NULL:
        return None, at
    if kind == _STRING:
        return _text(data, at)
    if kind == _DOUBLE:
        at = _expect(data, at, rdb.MODULE_DOUBLE)
        return Real.of(_unpack_double(data, at)[0]), at + 8
    if kind == _INTEGER:
        number, at = read_length(data, _expect(data, at, rdb.MODULE_SIGNED))
        return number - (1 << 64) if number >> 63 else number, at
    if kind == _BOOLEAN:
        text, at = read_string(data, _expect(data, at, rdb.MODULE_STRING))
        if text not in _BOOLEANS:
            raise RdbError("corrupt: a JSON document holds a boolean that is neither")
        return _BOOLEANS[text], at
    if kind not in (_OBJECT, _ARRAY) or depth == MAX_DEPTH:
        raise RdbError(f"corrupt or too deep: a JSON document holds a value of the kind {kind}")
    return _object(data, at, depth) if kind == _OBJECT else _array(data, at, depth)


def _object(data: bytes, at: int, depth: int) -> tuple[Json, int]:
    count, at = _number(data, at)
    members: dict[str, Json] = {}
    for _ in range(count):
        pair, at = _number(data, at)
        if pair != _PAIR:
            raise RdbError(f"corrupt: a JSON document has {pair} where a member should begin")
        name, at = _text(data, at)
        members[name], at = _value(data, at, depth + 1)
    return members, at


def _array(data: bytes, at: int, depth: int) -> tuple[Json, int]:
    count, at = _number(data, at)
    elements: list[Json] = []
    for _ in range(count):
        element, at = _value(data, at, depth + 1)
        elements.append(element)
    return elements, at
