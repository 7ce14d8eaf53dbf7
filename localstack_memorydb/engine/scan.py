"""Cursors. They hold all the state of an iteration, so that any number of clients may iterate, and none must finish.

https://valkey.io/commands/scan/ : what is there from the first call to the last is returned, at least once.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, TypeVar
from zlib import crc32

from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.looking import in_order, looking
from localstack_memorydb.engine.options import parse_scan_options
from localstack_memorydb.engine.resp import Argv
from localstack_memorydb.engine.values import Hash, Set, ZSet

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

_CURSOR: Final = re.compile(rb"([+-]?[0-9]+)?(?:\0.*)?", re.DOTALL).fullmatch
_CURSOR_END: Final = 2**64
_COMPACT: Final = frozenset({"listpack", "ziplist", "intset"})

Collection = TypeVar("Collection", Hash, Set, ZSet)


def parse_cursor(text: bytes) -> int:
    """A cursor as C's strtoul reads it: nothing is 0, and -1 is the largest. Raises CommandError."""
    found = _CURSOR(text)
    number = int(found[1] or 0) if found is not None and len(text) < 256 else _CURSOR_END
    if abs(number) >= _CURSOR_END:
        raise CommandError("ERR invalid cursor")
    return number % _CURSOR_END


def scan_collection(s: Session, argv: Argv, kind: type[Collection]) -> tuple[bytes, Collection, list[bytes]]:
    """HSCAN, SSCAN and ZSCAN: the next cursor, the value (an empty one if there is none) and its members' part.

    Errors come in Valkey's order: the cursor, the type, then the options, which nobody reads without a key.
    """
    cursor = parse_cursor(argv[2])
    value = s.value(argv[1], kind)
    if value is None:
        return b"0", kind(), []
    count, matches, _ = parse_scan_options(argv, 3)
    following, members = scan_members(value, cursor, count)
    if matches is not None:
        members = [member for member in looking(members) if matches(member)]
    return b"%d" % following, value, members


def scan_members(value: Hash | Set | ZSet, cursor: int, count: int) -> tuple[int, list[bytes]]:
    """The next cursor (0 at the end) and at least `count` members if there are as many.

    A compact value is returned whole, as in Valkey. A large one is walked in the order of its members' checksums,
    which no other member changes. That order is kept from the first call to the last, and made again if need be.
    """
    known = value.scores if isinstance(value, ZSet) else value
    if value.encoding in _COMPACT:
        return 0, list(value) if isinstance(value, ZSet) else value.members()
    if cursor == 0 or value.walk is None:
        members = in_order(known, crc32)
        value.walk = array("I", map(crc32, looking(members))), members
    checksums, members = value.walk
    start = bisect_left(checksums, cursor) if cursor < 2**32 else len(members)
    last = start + count - 1
    end = bisect_right(checksums, checksums[last], last) if last < len(checksums) else len(checksums)
    if end == len(checksums):
        following, value.walk = 0, None
    else:
        following = checksums[end]
    return following, [member for member in looking(members[start:end]) if member in known]
