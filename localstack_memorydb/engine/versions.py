"""What an engine version calls itself, in HELLO and INFO.

https://docs.aws.amazon.com/memorydb/latest/devguide/engine-versions.html
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

PATCH_VERSIONS: Final = {"6.2": "6.2.6", "7.0": "7.0.7", "7.1": "7.1.1", "7.2": "7.2.6", "7.3": "7.3.0"}

# Valkey 7.2 goes on saying which Redis OSS version it is compatible with.
REDIS_COMPATIBLE: Final = "7.2.4"

Edition: TypeAlias = Literal["", "search", "multi-region", "unrestricted"]
"""What a cluster was made for, which decides what commands it has: search adds some, multi-Region clusters lack many,
and a bare engine may have some that MemoryDB keeps to itself."""

# Those with search, on clusters that want it.
SEARCH_VERSIONS: Final = ("7.1", "7.2", "7.3")


def is_valkey(engine_version: str) -> bool:
    """Whether the engine version is Valkey's; up to 7.1 it is Redis OSS."""
    return engine_version in {"7.2", "7.3"}
