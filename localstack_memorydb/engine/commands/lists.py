"""lists commands."""

from __future__ import annotations

from localstack_memorydb.engine.registry import Family

lists = Family("list", "@list")
