"""Options that several commands share, read in Valkey's order and refused with its texts."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.errors import CommandError, InvalidExpireTime, SyntaxFault, printable
from localstack_memorydb.engine.glob import Matcher, compile_glob
from localstack_memorydb.engine.numbers import INT_MAX, INT_MIN, parse_int, parse_int_in, parse_long_double
from localstack_memorydb.engine.resp import Argv

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

SCAN_COUNT: Final = 10
_CONDITIONS: Final = frozenset({b"NX", b"XX"})
_TIMES: Final = frozenset({b"EX", b"PX", b"EXAT", b"PXAT"})
SET_WORDS: Final = _CONDITIONS | _TIMES | {b"GET", b"KEEPTTL"}
GETEX_WORDS: Final = _TIMES | {b"PERSIST"}


def parse_scan_options(argv: Argv, at: int, typed: bool = False) -> tuple[int, Matcher | None, bytes | None]:
    """`[MATCH pattern] [COUNT count] [TYPE type]` from `at` on: count, matcher (None: everything), type's name or None.

    TYPE is known to SCAN only (`typed`).
    """
    count, pattern, kind = SCAN_COUNT, b"*", None
    while at < len(argv):
        word = argv[at].upper()
        if at + 1 == len(argv):
            raise SyntaxFault
        value = argv[at + 1]
        if word == b"COUNT":
            count = parse_int(value)
            if count < 1:
                raise SyntaxFault
        elif word == b"MATCH":
            pattern = value
        elif word == b"TYPE" and typed:
            kind = value.lower()
        else:
            raise SyntaxFault
        at += 2
    return count, None if pattern == b"*" else compile_glob(pattern), kind


def parse_string_options(argv: Argv, at: int, words: Container[bytes]) -> tuple[bytes, bool, bytes, bytes]:
    """The options of SET and GETEX from `at` on: NX or XX, whether GET is there, the option about expiry, its time.

    Absent ones are empty. An option may be repeated; two that exclude each other are a syntax error.
    """
    condition = lifetime = time = b""
    get = False
    while at < len(argv):
        word = argv[at].upper()
        at += 1
        if word not in words:
            raise SyntaxFault
        if word == b"GET":
            get = True
        elif word in _CONDITIONS:
            if condition not in (b"", word):
                raise SyntaxFault
            condition = word
        else:
            if lifetime not in (b"", word):
                raise SyntaxFault
            lifetime = word
            if word in _TIMES:
                if at == len(argv):
                    raise SyntaxFault
                time = argv[at]
                at += 1
    return condition, get, lifetime, time


def expiry_time(s: Session, option: bytes, text: bytes, command: str) -> int:
    """The unix time in ms that EX, PX, EXAT or PXAT mean. It may have passed. Raises NotInteger, InvalidExpireTime."""
    time = parse_int(text)
    if time > 0:
        if option[0] == 0x45:  # E: seconds
            time *= 1000
        if len(option) == 2:
            time += s.now
        if time <= INT_MAX:
            return time
    raise InvalidExpireTime(command, s.legacy)


def deadline_time(s: Session, text: bytes, command: str, seconds: bool, relative: bool) -> int:
    """The unix time in ms that the argument of EXPIRE, PEXPIRE, EXPIREAT or PEXPIREAT means; it may be negative."""
    time = parse_int(text)
    if seconds:
        time *= 1000
    base = s.now if relative else 0
    if not INT_MIN <= time <= INT_MAX - base:
        raise InvalidExpireTime(command, s.legacy)
    return time + base


def parse_expire_conditions(argv: Argv, at: int) -> frozenset[bytes]:
    """NX, XX, GT and LT of EXPIRE and its kin from `at` on. Raises what Valkey says to others and to contradictions."""
    found: set[bytes] = set()
    for argument in argv[at:]:
        word = argument.upper()
        if word not in (b"NX", b"XX", b"GT", b"LT"):
            shown = printable(argument.rstrip(b"\r\n"))  # what ends an error is cut off
            raise CommandError(f"ERR Unsupported option {shown}")
        found.add(word)
    if b"NX" in found and len(found) > 1:
        raise CommandError("ERR NX and XX, GT or LT options at the same time are not compatible")
    if b"GT" in found and b"LT" in found:
        raise CommandError("ERR GT and LT options at the same time are not compatible")
    return frozenset(found)


def parse_timeout(s: Session, text: bytes) -> float:
    """The seconds that a blocking command may wait, 0 for ever; fractions of a millisecond count as one."""
    if text.isdigit() and len(text) < 12:
        return int(text)
    seconds = parse_long_double(text)
    if seconds is None:
        sign = text[:1] if text[:1] in (b"+", b"-") else b""
        if text[len(sign) :].lower() not in (b"inf", b"infinity"):
            raise CommandError("ERR timeout is not a float or out of range")
        # Before 7.2 what no C integer holds became the least of them.
        negative = sign == b"-" or s.legacy_doubles
        raise CommandError("ERR timeout is negative" if negative else "ERR timeout is out of range")
    if seconds * 1000 <= -1:
        raise CommandError("ERR timeout is negative")
    if s.legacy_doubles and seconds * 1000 > INT_MAX:
        raise CommandError("ERR timeout is negative")
    if seconds * 1000 > INT_MAX - s.now:
        if s.legacy_doubles:
            return 0  # the end was a time long ago, and that never came
        raise CommandError("ERR timeout is out of range")
    if s.legacy:
        return math.floor(round(float(seconds) * 1000, 6)) / 1000  # less than a millisecond was for ever
    # In doubles, since Valkey rounds the product, too: 0.1 s are 100 ms and not one more.
    return math.ceil(round(float(seconds) * 1000, 6)) / 1000


def parse_numkeys(argv: Argv, at: int) -> tuple[list[bytes], int]:
    """`numkeys key [key ...]` of the commands that pop from the first of several keys: the keys, and what follows."""
    count = parse_int_in(argv[at], 1, INT_MAX, "ERR numkeys should be greater than 0")
    after = at + 1 + count
    if after >= len(argv):
        raise SyntaxFault
    return argv[at + 1 : after], after


def parse_pop_count(argv: Argv, at: int) -> int:
    """`[COUNT count]` of LMPOP, ZMPOP and their blocking forms; 1 without it."""
    count = 0
    while at < len(argv):
        if argv[at].upper() != b"COUNT" or count or at + 1 == len(argv):
            raise SyntaxFault
        count = parse_int_in(argv[at + 1], 1, INT_MAX, "ERR count should be greater than 0")
        at += 2
    return count or 1


def parse_milliseconds(s: Session, word: bytes) -> int:
    """A time in ms that a client wants to wait, 0 for ever. Raises CommandError."""
    try:
        timeout = parse_int(word)
    except CommandError:
        raise CommandError("ERR timeout is not an integer or out of range") from None
    if timeout < 0:
        raise CommandError("ERR timeout is negative")
    if timeout > INT_MAX - s.now:
        if s.legacy_doubles:
            return 0  # the end was a time long ago, and that never came
        raise CommandError("ERR timeout is out of range")
    return timeout
