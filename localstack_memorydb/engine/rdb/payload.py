"""DUMP payloads: one value as it lies in a file, then the version and a checksum of both (Valkey's verifyDumpPayload).

https://valkey.io/commands/dump/ https://valkey.io/commands/restore/
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.rdb import format as rdb
from localstack_memorydb.engine.rdb.encoding import Encoder
from localstack_memorydb.engine.rdb.format import FooterError, RdbError, crc64
from localstack_memorydb.engine.rdb.loading import LOADERS, refusal
from localstack_memorydb.engine.rdb.strings import read_string
from localstack_memorydb.engine.rdb.writer import FUNCTIONS_SINCE, OLDEST_VERSION
from localstack_memorydb.engine.values import Value

_FOOTER_SIZE: Final = 10
_NEWEST_TYPES: Final = {9: rdb.STREAM_LISTPACKS, 10: rdb.STREAM_LISTPACKS_2, 11: rdb.STREAM_LISTPACKS_3}
"""Types of values that a server of an RDB version knows."""

_DEFAULT_LIMITS: Final = Limits()


def version_of(level: tuple[int, ...]) -> int:
    """The RDB version of an engine of that level: what it dumps, and the newest that it restores."""
    return 9 if level < (7,) else 10 if level < (7, 2) else 11


def dump(
    value: Value, *, version: int = OLDEST_VERSION, limits: Limits = _DEFAULT_LIMITS, compresses: bool = True
) -> bytes:
    """What DUMP answers. The older the version, the more servers restore it."""
    body = Encoder(version, limits, compresses=compresses).encode(value) + version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def restore(
    payload: bytes,
    limits: Limits = _DEFAULT_LIMITS,
    newest: int = rdb.NEWEST_VALKEY,
    *,
    any_checksum: bool = False,
) -> Value:
    """The value of a DUMP payload of a version up to `newest`. FooterError where Valkey says `DUMP payload version or checksum are wrong`, any other RdbError
    where it says `Bad data format`. Bytes between the value and the footer are ignored, as there.
    """
    body = _checked(payload, 1, newest, any_checksum=any_checksum)
    end = len(body)
    try:
        loader = LOADERS.get(body[0])
        if loader is None or body[0] > _NEWEST_TYPES.get(newest, rdb.NEWEST_TYPE):
            raise refusal(body[0], body, 1)
        value, after = loader(body, 1, limits)
    except (IndexError, struct.error):
        after = end + 1
    if after > end:
        raise RdbError("the payload ends in the middle of its value")
    if not isinstance(value, bytes) and not value:
        raise RdbError("the payload holds an empty value")
    return value


def _checked(payload: bytes, least: int, newest: int, *, any_checksum: bool = False) -> bytes:
    """What stands before the footer. Raises FooterError."""
    end = len(payload) - _FOOTER_SIZE
    if end < least:
        raise FooterError("the payload is too short")
    version = int.from_bytes(payload[end : end + 2], "little")
    if version > newest or rdb.NEWEST_REDIS < version < rdb.NEWEST_VALKEY:
        raise FooterError(f"RDB version {version} is not understood")
    if not any_checksum and crc64(memoryview(payload)[:-8]) != int.from_bytes(payload[-8:], "little"):
        raise FooterError("the payload's checksum is wrong")
    return payload[:end]


def dump_functions(
    sources: Iterable[bytes], *, version: int = FUNCTIONS_SINCE, compresses: bool = True
) -> bytes:
    """What FUNCTION DUMP answers: the sources of all libraries."""
    body = b"".join(
        bytes([rdb.FUNCTION2]) + Encoder(version, _DEFAULT_LIMITS, compresses=compresses).string(source)
        for source in sources
    )
    body += version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def restore_functions(payload: bytes, newest: int = rdb.NEWEST_VALKEY) -> list[bytes]:
    """The sources of libraries in a payload of FUNCTION DUMP. Raises FooterError, or RdbError with Valkey's reason."""
    body = _checked(payload, 0, newest)
    sources: list[bytes] = []
    at = 0
    while at < len(body):
        if body[at] != rdb.FUNCTION2:
            raise RdbError("given type is not a function")
        try:
            source, at = read_string(body, at + 1)
        except (IndexError, struct.error):
            at = len(body) + 1
        if at > len(body):
            raise RdbError("Failed loading library data")
        sources.append(source)
    return sources
