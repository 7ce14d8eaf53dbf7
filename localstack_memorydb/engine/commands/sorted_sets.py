"""sorted_sets commands."""

from __future__ import annotations

from localstack_memorydb.engine.registry import Family

sorted_sets = Family("sorted-set", "@sortedset")
