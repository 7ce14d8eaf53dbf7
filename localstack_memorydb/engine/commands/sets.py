"""sets commands."""

from __future__ import annotations

from localstack_memorydb.engine.registry import Family

sets = Family("set", "@set")
