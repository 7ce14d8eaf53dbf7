"""Strings. https://valkey.io/commands/#string"""

from __future__ import annotations

from localstack_memorydb.engine.errors import SyntaxFault
from localstack_memorydb.engine.registry import DENYOOM, FAST, READONLY, WRITE, Family, one
from localstack_memorydb.engine.resp import OK, Argv, Reply
from localstack_memorydb.engine.session import Session

strings = Family("string", "@string")


@strings.command("GET", 2, READONLY | FAST, keys=one("RO access"))
def get(s: Session, argv: Argv) -> Reply:
    """The string value of a key."""
    found = s.db.get(argv[1])
    if found is None or type(found) is bytes:
        return found
    return s.value(argv[1], bytes)


@strings.command("SET", -3, WRITE | DENYOOM, keys=one("RW access update variable_flags"))
def set_(s: Session, argv: Argv) -> Reply:
    """Sets the string value of a key."""
    if len(argv) != 3:
        raise SyntaxFault
    db = s.db
    key = argv[1]
    db[key] = argv[2]
    if db.deadlines:
        db.deadlines.pop(key, None)
    return OK
