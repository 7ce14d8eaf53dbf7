"""Amazon MemoryDB inside a local AWS emulator: the API, and real clusters behind it."""

from __future__ import annotations

__version__ = "0.1.0"
