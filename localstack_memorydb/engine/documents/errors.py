"""What can be wrong with a document, a path, or an operation on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from localstack_memorydb.engine.errors import CommandError


class DocumentError(CommandError):
    """An error of a JSON command."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a path leads nowhere, or cannot be read.

    A `fatal` one ends the search. Of the others a search of many places takes no notice, and in the enhanced syntax they mean
    that nothing is selected.
    """

    text: str
    fatal: bool = False


class PathError(DocumentError):
    """What is wrong with a path."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


MALFORMED: Final = "SYNTAXERR Failed to parse JSON string due to syntax error"

INVALID_PATH: Final = Fault("SYNTAXERR Invalid JSON path", fatal=True)
INVALID_NAME: Final = Fault("SYNTAXERR Invalid object member name", fatal=True)
INVALID_NUMBER: Final = Fault("SYNTAXERR Invalid number", fatal=True)
INVALID_IDENTIFIER: Final = Fault("SYNTAXERR Invalid identifier", fatal=True)
INVALID_DOTS: Final = Fault("SYNTAXERR Invalid dot sequence")
EMPTY_EXPRESSION: Final = Fault("SYNTAXERR Expression token cannot be empty", fatal=True)
INDEX_NOT_NUMBER: Final = Fault("SYNTAXERR Array index is not a number", fatal=True)
STEP_OF_ZERO: Final = Fault("SYNTAXERR Step in the slice cannot be zero", fatal=True)
INVALID_WILDCARD: Final = Fault("ERR Invalid use of wildcard")
DOLLAR_NOT_AT_ROOT: Final = Fault("SYNTAXERR Dollar sign cannot apply to non-root element")
MALFORMED_LITERAL: Final = Fault(MALFORMED)

NO_SUCH_PATH: Final = Fault("NONEXISTENT JSON path does not exist")
NOT_AN_OBJECT: Final = Fault("WRONGTYPE JSON element is not an object")
NOT_AN_ARRAY: Final = Fault("WRONGTYPE JSON element is not an array")
NO_PLACE_FOR_MEMBER: Final = Fault("ERROR Cannot insert a member into a non-object value")
OUT_OF_BOUNDS: Final = Fault("OUTOFBOUNDARIES Array index is out of bounds")

PATH_TOO_LONG: Final = Fault("LIMIT Query string size limit is exceeded", fatal=True)
PATH_TOO_DEEP: Final = Fault("LIMIT Parser recursion depth is exceeded", fatal=True)
TOO_MANY_DESCENTS: Final = Fault(
    "LIMIT Total number of recursive descent tokens in the query string exceeds the limit", fatal=True
)


class Malformed(DocumentError):
    """Text that is not JSON."""

    def __init__(self) -> None:
        super().__init__(MALFORMED)


class TooDeep(DocumentError):
    """More levels than a document may have."""

    def __init__(self) -> None:
        super().__init__("LIMIT Document path nesting limit is exceeded")


class TooLarge(DocumentError):
    """The document would take more memory than one may."""

    def __init__(self) -> None:
        super().__init__("LIMIT Document size limit is exceeded")
