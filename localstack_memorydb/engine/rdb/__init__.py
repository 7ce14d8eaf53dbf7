"""Snapshot files in the RDB format of Redis and Valkey, and the DUMP payloads made of the same parts.

`write` makes a file that every server since Redis 5.0 loads. `read` understands what Redis up to 7.2 and Valkey up to 9.1 write.
Strings, lists, sets, hashes, sorted sets and streams are carried, in every encoding; other types are refused by name.
"""

from __future__ import annotations

from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.rdb.format import FooterError, RdbError
from localstack_memorydb.engine.rdb.payload import (
    dump,
    dump_functions,
    restore,
    restore_functions,
    version_of,
)
from localstack_memorydb.engine.rdb.reader import Entry, Snapshot, read
from localstack_memorydb.engine.rdb.writer import write

__all__ = [
    "Entry",
    "FooterError",
    "Limits",
    "RdbError",
    "Snapshot",
    "dump",
    "dump_functions",
    "read",
    "restore",
    "restore_functions",
    "version_of",
    "write",
]
