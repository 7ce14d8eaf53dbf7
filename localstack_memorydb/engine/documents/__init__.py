"""JSON documents: their text, their paths, what paths select, and how a selection is changed. No commands, no keys.

Behaves as valkey-json does, the module that MemoryDB's JSON became. https://valkey.io/topics/valkey-json/
"""

from localstack_memorydb.engine.documents.document import Document
from localstack_memorydb.engine.documents.texts import Json, Real, parse, write

__all__ = ["Document", "Json", "Real", "parse", "write"]
