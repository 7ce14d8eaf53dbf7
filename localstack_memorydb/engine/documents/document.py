"""A document as a key's value: its root, and the memory that it takes on a real node."""

from __future__ import annotations

from typing import Final

from localstack_memorydb.engine.documents.errors import TooDeep, TooLarge
from localstack_memorydb.engine.documents.texts import (
    MAX_DEPTH,
    Json,
    Real,
    children,
    duplicate,
    encoded,
    nesting,
    write,
)
from localstack_memorydb.engine.looking import through
from localstack_memorydb.engine.sizes import allocated

MAX_SIZE: Final = 64 << 20

_DOCUMENT: Final = 24
_VALUE: Final = 16
_INLINE: Final = 13  # up to here the text of a string or number lies in its value
_MEMBER: Final = 24
_TABLE_MEMBER: Final = 32
_TABLE_FROM: Final = 65  # objects of so many members have a hash table
_TABLE_LOAD: Final = 0.85
_WORST_FACTOR: Final = 16  # no value takes more bytes of memory for one of its text


class Document:
    """A JSON document. Whoever changes what is in it has asked `admit` before."""

    __slots__ = ("bound", "encoding", "root")

    def __init__(self, root: Json, bound: int = MAX_SIZE + 1) -> None:
        self.root = root
        self.encoding = "raw"
        self.bound = bound  # the size is not more than this

    @classmethod
    def of(cls, root: Json, text: bytes) -> Document:
        """A new document. Raises TooLarge."""
        made = cls(root, _DOCUMENT + _WORST_FACTOR * len(text))
        made.admit_size(0)
        return made

    def __len__(self) -> int:
        """One: unlike a collection, a document is never empty."""
        return 1

    def copy(self) -> Document:
        """The same document for another key."""
        return Document(duplicate(self.root), self.bound)

    def size(self) -> int:
        """The bytes of the document, as JSON.DEBUG MEMORY says them."""
        return _DOCUMENT + heap_size(self.root)

    def dump(self) -> bytes:
        """The document as text."""
        return write(self.root)

    def admit(self, depth: int, text: bytes, value: Json, times: int = 1) -> None:
        """Allows that the value of that text is put `depth` levels deep at so many places. Raises TooDeep, TooLarge."""
        brackets = text.count(b"[") + text.count(b"{")
        if depth + brackets > MAX_DEPTH and depth + nesting(value) > MAX_DEPTH:
            raise TooDeep
        times = max(1, times)
        self.admit_size(_WORST_FACTOR * len(text) * times, value_size(value) * times)

    def admit_size(self, bound: int, size: int = 0) -> None:
        """Allows that the document grows by `size`, or by more up to `bound`. Raises TooLarge."""
        if self.bound + bound > MAX_SIZE:
            self.bound = self.size()
            if self.bound + size > MAX_SIZE:
                raise TooLarge
        self.bound += bound


def value_size(value: Json) -> int:
    """The bytes of a value, wherever it stands."""
    return _VALUE + heap_size(value)


def heap_size(value: Json) -> int:
    """The bytes of a value apart from itself. Names are shared by all documents and count for none."""
    if isinstance(value, str | Real):
        length = len(value.text if isinstance(value, Real) else encoded(value))
        return allocated(length + 1) if length > _INLINE else 0
    if not isinstance(value, dict | list) or not value:
        return 0
    if isinstance(value, list):
        frame = _VALUE * len(value)
    elif len(value) < _TABLE_FROM:
        frame = _MEMBER * len(value)
    else:
        frame = _TABLE_MEMBER * (int(len(value) / _TABLE_LOAD) + 2)
    return allocated(frame) + sum(map(heap_size, through(children(value))))
