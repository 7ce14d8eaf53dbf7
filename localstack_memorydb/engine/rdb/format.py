"""What an RDB file is made of: opcodes, value types and the checksum (Valkey's rdb.h and crc64.c).

Plain integers rather than an enum: they are compared once per key.
"""

from __future__ import annotations

from typing import Final

import crcmod

from localstack_memorydb.engine.looking import looking

NEWEST_REDIS: Final = 11  # Redis 7.2, Valkey 7.2 and 8; 12 to 79 belong to later Redis and mean other things
NEWEST_VALKEY: Final = 80  # Valkey 9.0 and 9.1

STRING: Final = 0
LIST: Final = 1
SET: Final = 2
ZSET: Final = 3
HASH: Final = 4
ZSET_2: Final = 5
LIST_ZIPLIST: Final = 10
SET_INTSET: Final = 11
ZSET_ZIPLIST: Final = 12
HASH_ZIPLIST: Final = 13
LIST_QUICKLIST: Final = 14
STREAM_LISTPACKS: Final = 15
HASH_LISTPACK: Final = 16
ZSET_LISTPACK: Final = 17
LIST_QUICKLIST_2: Final = 18
STREAM_LISTPACKS_2: Final = 19
SET_LISTPACK: Final = 20
STREAM_LISTPACKS_3: Final = 21
NEWEST_TYPE: Final = 22

MODULE_2: Final = 7
MODULE_EOF: Final = 0
MODULE_SIGNED: Final = 1
MODULE_UNSIGNED: Final = 2
MODULE_DOUBLE: Final = 4
MODULE_STRING: Final = 5
MODULE_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def module_number(name: str, version: int) -> int:
    """A module type as a file has it: nine letters of six bits each, and ten bits for the version of its format."""
    number = 0
    for letter in name:
        number = number << 6 | MODULE_LETTERS.index(letter)
    return number << 10 | version


JSON_MODULE: Final = module_number("ReJSON-RL", 3)

UNSUPPORTED: Final = {
    6: "a module value of a Redis 4.0 release candidate",
    MODULE_2: "a module value",
    9: "a hash in the zipmap encoding of Redis 2.4",
    22: "a hash with field expiration",
}

SLOT_IMPORT: Final = 243
SLOT_INFO: Final = 244
FUNCTION2: Final = 245
FUNCTION_PRE_GA: Final = 246
MODULE_AUX: Final = 247
IDLE: Final = 248
FREQ: Final = 249
AUX: Final = 250
RESIZEDB: Final = 251
EXPIRETIME_MS: Final = 252
EXPIRETIME: Final = 253
SELECTDB: Final = 254
EOF: Final = 255


class RdbError(Exception):
    """A file or payload that cannot be read; str() says why, in one line."""


class FooterError(RdbError):
    """A DUMP payload whose version or checksum is wrong, so that its contents were not looked at."""


_crc64: Final = crcmod.mkCrcFun(0x1AD93D23594C935A9, initCrc=0, rev=True, xorOut=0)
_AT_ONCE: Final = 1 << 22


def crc64(data: bytes | bytearray | memoryview) -> int:
    """CRC-64 with the Jones polynomial, reflected: b"123456789" gives 0xe9c6d914c4b8d9ca."""
    if len(data) <= _AT_ONCE:
        return int(_crc64(data))
    found = 0
    with memoryview(data) as view:
        for at in looking(range(0, len(view), _AT_ONCE), 1):
            found = _crc64(view[at : at + _AT_ONCE], found)
    return found
