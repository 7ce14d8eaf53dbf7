"""DUMP payloads: one value as it lies in a file, then the version and a checksum of both (Valkey's verifyDumpPayload).

https://valkey.io/commands/dump/ https://valkey.io/commands/restore/
"""

from __future__ import annotations

import struct
from typing import Final

from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.rdb import format as rdb
from localstack_memorydb.engine.rdb.format import FooterError, RdbError, crc64
from localstack_memorydb.engine.rdb.loading import LOADERS, refusal
from localstack_memorydb.engine.rdb.writer import OLDEST_VERSION, contents
from localstack_memorydb.engine.values import Value

_FOOTER_SIZE: Final = 10
_DEFAULT_LIMITS: Final = Limits()


def dump(value: Value, *, version: int = OLDEST_VERSION) -> bytes:
    """What DUMP answers. The older the version, the more servers restore it."""
    body = contents(value, version) + version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def restore(payload: bytes, limits: Limits = _DEFAULT_LIMITS) -> Value:
    """The value of a DUMP payload. FooterError where Valkey says `DUMP payload version or checksum are wrong`, any other RdbError
    where it says `Bad data format`. Bytes between the value and the footer are ignored, as there.
    """
    end = len(payload) - _FOOTER_SIZE
    if end < 1:
        raise FooterError("the payload is too short")
    version = int.from_bytes(payload[end : end + 2], "little")
    if version > rdb.NEWEST_REDIS and version != rdb.NEWEST_VALKEY:
        raise FooterError(f"RDB version {version} is not understood")
    if crc64(memoryview(payload)[:-8]) != int.from_bytes(payload[-8:], "little"):
        raise FooterError("the payload's checksum is wrong")
    body = payload[:end]
    try:
        loader = LOADERS.get(body[0])
        if loader is None:
            raise refusal(body[0], body, 1)
        value, after = loader(body, 1, limits)
    except (IndexError, struct.error):
        after = end + 1
    if after > end:
        raise RdbError("the payload ends in the middle of its value")
    if not isinstance(value, bytes) and not value:
        raise RdbError("the payload holds an empty value")
    return value
