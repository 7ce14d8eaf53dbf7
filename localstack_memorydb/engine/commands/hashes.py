"""hashes commands."""

from __future__ import annotations

from localstack_memorydb.engine.registry import Family

hashes = Family("hash", "@hash")
