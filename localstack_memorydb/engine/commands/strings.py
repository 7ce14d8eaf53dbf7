"""Strings. https://valkey.io/commands/#string"""

from __future__ import annotations

import re
from collections.abc import Container
from fractions import Fraction
from typing import Final

from localstack_memorydb.engine.buffers import LEAST, text, whole, write
from localstack_memorydb.engine.errors import (
    CommandError,
    NotFloat,
    NotInteger,
    StringTooLong,
    SyntaxFault,
    WrongType,
    incomplete_pairs,
)
from localstack_memorydb.engine.lcs import Lcs, Match
from localstack_memorydb.engine.looking import MANY, looking
from localstack_memorydb.engine.numbers import (
    INT_MAX,
    INT_MIN,
    add_long_double,
    add_simple,
    format_long_double,
    parse_int,
    parse_long_double,
)
from localstack_memorydb.engine.options import GETEX_WORDS, SET_WORDS, expiry_time, parse_string_options
from localstack_memorydb.engine.registry import DENYOOM, FAST, READONLY, WRITE, Family, KeySpec, one, span
from localstack_memorydb.engine.resp import OK, Argv, Reply
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.values import Value

strings = Family("string", "@string")

_MOST_FOR_LCS: Final = 4 << 30  # 6.2 asks the system for as much as it takes, which may refuse
_INFINITY: Final = re.compile(rb"[+-]?inf(?:inity)?", re.IGNORECASE).fullmatch


@strings.command("GET", 2, READONLY | FAST, keys=one("RO access"))
def get(s: Session, argv: Argv) -> Reply:
    """The string value of a key."""
    found = s.db.get(argv[1])
    if found is None or type(found) is bytes:
        return found
    return s.value(argv[1], bytes)  # one that is written in place, or of another type


@strings.command("SET", -3, WRITE | DENYOOM, keys=one("RW access update variable_flags"))
def set_(s: Session, argv: Argv) -> Reply:
    """Sets the string value of a key, whatever it held before."""
    if len(argv) != 3:
        return _set_with_options(s, argv)
    db = s.db
    key = argv[1]
    db[key] = argv[2]
    if db.deadlines:
        db.deadlines.pop(key, None)
    return OK


def _set_with_options(s: Session, argv: Argv) -> Reply:
    """`[NX|XX] [GET] [EX seconds|PX milliseconds|EXAT time|PXAT time|KEEPTTL]`; GET answers the old value."""
    key, value = argv[1], argv[2]
    condition, get_old, lifetime, time = parse_string_options(argv, 3, SET_WORDS)
    if s.legacy and get_old and condition == b"NX":
        raise SyntaxFault
    deadline = expiry_time(s, lifetime, time, "set") if time or lifetime not in (b"", b"KEEPTTL") else 0
    if get_old:
        old: Value | None = s.value(key, bytes)
        s.node.stats.looked_for(old)
    else:
        old = s.db.get(key)
    if condition and (condition == b"NX") is (old is not None):
        s.unchanged = True
        return old if get_old else None
    if deadline:
        _set_until(s, key, value, deadline)
    elif lifetime:
        s.db[key] = value
    else:
        s.db.put(key, value)
    return old if get_old else OK


def _set_until(s: Session, key: bytes, value: bytes, deadline: int) -> None:
    """Sets a key that expires. With a time in the past it is there until somebody looks, or the clock ticks."""
    s.db[key] = value
    s.db.expire(key, deadline)
    s.effect([b"SET", key, value, b"PXAT", b"%d" % deadline])


@strings.command("SETEX", 4, WRITE | DENYOOM, keys=one("OW update"), since="2.0.0")
def setex(s: Session, argv: Argv) -> Reply:
    """Sets the value and a time to live in seconds."""
    _set_until(s, argv[1], argv[3], expiry_time(s, b"EX", argv[2], "setex"))
    return OK


@strings.command("PSETEX", 4, WRITE | DENYOOM, keys=one("OW update"), since="2.6.0")
def psetex(s: Session, argv: Argv) -> Reply:
    """Sets the value and a time to live in milliseconds."""
    _set_until(s, argv[1], argv[3], expiry_time(s, b"PX", argv[2], "psetex"))
    return OK


@strings.command("SETNX", 3, WRITE | DENYOOM | FAST, keys=one("OW insert"))
def setnx(s: Session, argv: Argv) -> Reply:
    """Sets the value if there is no such key."""
    if argv[1] in s.db:
        s.unchanged = True
        return 0
    s.db[argv[1]] = argv[2]
    return 1


@strings.command("GETSET", 3, WRITE | DENYOOM | FAST, keys=one("RW access update"))
def getset(s: Session, argv: Argv) -> Reply:
    """Sets the value; answers the old one."""
    old = s.value(argv[1], bytes)
    s.db.put(argv[1], argv[2])
    return old


@strings.command("GETDEL", 2, WRITE | FAST, keys=one("RW access delete"), since="6.2.0")
def getdel(s: Session, argv: Argv) -> Reply:
    """Deletes the key; answers what it held."""
    old = s.value(argv[1], bytes)
    s.unchanged = not s.db.remove(argv[1])
    return old


@strings.command("GETEX", -2, WRITE | FAST, keys=one("RW access update"), since="6.2.0")
def getex(s: Session, argv: Argv) -> Reply:
    """The value; options change when the key expires."""
    key = argv[1]
    _, _, lifetime, time = parse_string_options(argv, 2, GETEX_WORDS)
    found = s.value(key, bytes)
    if found is None or not lifetime:
        s.unchanged = True
        return found
    if lifetime == b"PERSIST":
        s.unchanged = s.db.deadlines.pop(key, None) is None
        s.effect([b"PERSIST", key])
        return found
    deadline = expiry_time(s, lifetime, time, "getex")
    if deadline > s.now:
        s.db.expire(key, deadline)
        s.effect([b"PEXPIREAT", key, b"%d" % deadline])
    else:
        s.db.remove(key)
        s.effect([b"DEL", key])
    return found


@strings.command("MGET", -2, READONLY | FAST, keys=span("RO access"))
def mget(s: Session, argv: Argv) -> Reply:
    """The values of keys; null for those that hold no string."""
    values = map(s.db.get, argv[1:] if len(argv) < MANY else looking(argv[1:]))
    return [value if type(value) is bytes else whole(value) for value in values]


@strings.command("MSET", -3, WRITE | DENYOOM, keys=span("OW update", step=2), since="1.0.1")
def mset(s: Session, argv: Argv) -> Reply:
    """Sets keys, all of them at once."""
    if not len(argv) & 1:
        raise incomplete_pairs("mset", "MSET", s.legacy)
    db = s.db
    pairs = zip(argv[1::2], argv[2::2], strict=True)
    db.update(pairs if len(argv) < MANY else looking(pairs))
    if db.deadlines:
        for key in looking(argv[1::2]):
            db.deadlines.pop(key, None)
    return OK


@strings.command("MSETNX", -3, WRITE | DENYOOM, keys=span("OW insert", step=2), since="1.0.1")
def msetnx(s: Session, argv: Argv) -> Reply:
    """Sets keys if none of them is there."""
    if not len(argv) & 1:
        raise incomplete_pairs("msetnx", "MSET", s.legacy)
    if any(key in s.db for key in argv[1::2]):
        s.unchanged = True
        return 0
    s.db.update(zip(argv[1::2], argv[2::2], strict=True))
    return 1


# -- parts of strings -------------------------------------------------------------------------------------------------


@strings.command("APPEND", 3, WRITE | DENYOOM | FAST, keys=one("RW insert"), since="2.0.0")
def append(s: Session, argv: Argv) -> Reply:
    """Appends to the value; answers the new length."""
    found = text(s, argv[1])
    if found is None:
        s.db[argv[1]] = argv[2]
        return len(argv[2])
    length = len(found) + len(argv[2])
    if length > s.node.cluster.parameters.proto_max_bulk_len:
        raise StringTooLong
    if length < LEAST and type(found) is bytes:
        s.db.grow(argv[1], found + argv[2])
        return length
    return write(s.db, argv[1], found, len(found), argv[2])


@strings.command("STRLEN", 2, READONLY | FAST, keys=one("RO"), since="2.2.0")
def strlen(s: Session, argv: Argv) -> Reply:
    """The length of the value."""
    return len(text(s, argv[1]) or b"")


@strings.command("GETRANGE", 4, READONLY, keys=one("RO access"), since="2.4.0")
@strings.command("SUBSTR", 4, READONLY, keys=one("RO access"))
def getrange(s: Session, argv: Argv) -> Reply:
    """The bytes from one offset to another, both included; negative ones count from the end."""
    start, end = parse_int(argv[2]), parse_int(argv[3])
    found = text(s, argv[1])
    if found is None or end < start < 0:
        return b""
    # An end before the first byte still means the first byte (t_string.c: getrangeCommand).
    start, end = (max(0, index + len(found)) if index < 0 else index for index in (start, end))
    return found[start : end + 1] if type(found) is bytes else bytes(memoryview(found)[start : end + 1])


@strings.command("SETRANGE", 4, WRITE | DENYOOM, keys=one("RW update"), since="2.2.0")
def setrange(s: Session, argv: Argv) -> Reply:
    """Overwrites from an offset on, after zero bytes where the value is shorter; answers the new length."""
    key, offset, piece = argv[1], parse_int(argv[2]), argv[3]
    if offset < 0:
        raise CommandError("ERR offset is out of range")
    found = text(s, key)
    if not piece:
        s.unchanged = True
        return len(found or b"")
    if offset + len(piece) > s.node.cluster.parameters.proto_max_bulk_len:
        raise StringTooLong
    return write(s.db, key, found, offset, piece)


# -- numbers ----------------------------------------------------------------------------------------------------------


_MANY_DIGITS: Final = 19  # which may be more than 64 bits
_ZERO: Final = 0x30


def _add(s: Session, key: bytes, delta: int) -> int:
    """The key's integer after adding to it; a missing key counts as 0. Its deadline stays."""
    db = s.db
    found = db.get(key)
    if found is None:
        db[key] = b"%d" % delta
        return delta
    if type(found) is not bytes:
        raise WrongType if whole(found) is None else NotInteger
    plain = found.isdigit() and found[0] != _ZERO and len(found) < _MANY_DIGITS  # spared a call
    number = (int(found) if plain else parse_int(found)) + delta
    if not INT_MIN <= number <= INT_MAX:
        raise CommandError("ERR increment or decrement would overflow")
    db[key] = b"%d" % number
    return number


@strings.command("INCR", 2, WRITE | DENYOOM | FAST, keys=one("RW access update"))
def incr(s: Session, argv: Argv) -> Reply:
    """Adds one."""
    return _add(s, argv[1], 1)


@strings.command("DECR", 2, WRITE | DENYOOM | FAST, keys=one("RW access update"))
def decr(s: Session, argv: Argv) -> Reply:
    """Subtracts one."""
    return _add(s, argv[1], -1)


@strings.command("INCRBY", 3, WRITE | DENYOOM | FAST, keys=one("RW access update"))
def incrby(s: Session, argv: Argv) -> Reply:
    """Adds an integer."""
    return _add(s, argv[1], parse_int(argv[2]))


@strings.command("DECRBY", 3, WRITE | DENYOOM | FAST, keys=one("RW access update"))
def decrby(s: Session, argv: Argv) -> Reply:
    """Subtracts an integer."""
    delta = parse_int(argv[2])
    if delta == INT_MIN:
        if not s.legacy:
            raise CommandError("ERR decrement would overflow")
        delta = -delta  # in 6.2 as in C: the smallest integer is its own negative
    return _add(s, argv[1], -delta)


@strings.command("INCRBYFLOAT", 3, WRITE | DENYOOM | FAST, keys=one("RW access update"), since="2.6.0")
def incrbyfloat(s: Session, argv: Argv) -> Reply:
    """Adds a number, in the precision of an extended double."""
    key = argv[1]
    found = s.value(key, bytes)
    value = add_simple(b"0" if found is None else found, argv[2])
    if value is None:
        number = Fraction(0) if found is None else _long_double(found)
        delta = _long_double(argv[2])
        total = None if number is None or delta is None else add_long_double(number, delta)
        if total is None:
            raise CommandError("ERR increment would produce NaN or Infinity")
        value = format_long_double(total)
    s.db.keep(key, value, b"embstr")
    s.effect([b"SET", key, value, b"KEEPTTL"])
    return value


def _long_double(text: bytes) -> Fraction | None:
    """The number; None for infinity. Raises NotFloat."""
    number = parse_long_double(text)
    if number is None and _INFINITY(text) is None:
        raise NotFloat
    return number


# -- the longest common subsequence -----------------------------------------------------------------------------------


@strings.command("LCS", -3, READONLY, keys=span("RO access", last=1), since="7.0.0")
def lcs(s: Session, argv: Argv) -> Reply:
    """The longest common subsequence of two strings, its length, or where it stands in them."""
    first, second = (whole(s.db.get(key, b"")) for key in argv[1:3])
    if first is None or second is None:
        raise CommandError("ERR The specified keys must contain string values")
    words, shortest = _lcs_options(argv)
    return _common(s, first, second, words, shortest)


def _common(s: Session, first: bytes, second: bytes, words: Container[bytes], shortest: int) -> Reply:
    """What LCS and STRALGO answer."""
    if b"IDX" in words and b"LEN" in words:
        raise CommandError("ERR If you want both the length and indexes, please just use IDX.")
    # What a real server's table of lengths would take.
    table = 4 * (len(first) + 1) * (len(second) + 1)
    if s.legacy and table > _MOST_FOR_LCS:
        raise CommandError("ERR Insufficient memory")
    if not s.legacy and table > s.node.cluster.parameters.proto_max_bulk_len:
        raise CommandError("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    found = Lcs(first, second)
    if b"LEN" in words:
        return found.length
    if b"IDX" not in words:
        return b"".join([first[match.first : match.first + match.length] for match in found.matches()][::-1])
    matches = [match for match in found.matches() if match.length >= shortest]
    return {
        b"matches": [_match_reply(match, b"WITHMATCHLEN" in words) for match in matches],
        b"len": found.length,
    }


def _strings_of_stralgo(argv: Argv) -> list[bytes]:
    """The keys of a STRALGO, for those that look for keys."""
    places = [at for at, word in enumerate(argv[2:-2], 2) if word.upper() == b"KEYS"]
    return argv[places[0] + 1 : places[0] + 3] if places else []


@strings.command(
    "STRALGO",
    -2,
    READONLY,
    keys=(KeySpec("RO access", unknown=True),),
    since="6.0.0",
    finder=_strings_of_stralgo,
)
def stralgo(s: Session, argv: Argv) -> Reply:
    """The longest common subsequence of keys or of strings: what became LCS in 7.0."""
    if argv[1].lower() != b"lcs":
        raise SyntaxFault
    words: set[bytes] = set()
    shortest, at = 0, 2
    compared: list[bytes] | None = None
    while at < len(argv):
        word = argv[at].upper()
        if word == b"MINMATCHLEN" and at + 1 < len(argv):
            at += 1
            shortest = max(0, parse_int(argv[at]))
        elif word in (b"KEYS", b"STRINGS") and at + 2 < len(argv):
            if compared is not None:
                raise CommandError("ERR Either use STRINGS or KEYS")
            compared = argv[at + 1 : at + 3]
            if word == b"KEYS":
                found = [whole(s.db.get(key, b"")) for key in compared]
                compared = [value for value in found if value is not None]
                if len(compared) < 2:
                    raise CommandError("ERR The specified keys must contain string values")
            at += 2
        elif word not in (b"IDX", b"LEN", b"WITHMATCHLEN"):
            raise SyntaxFault
        words.add(word)
        at += 1
    if compared is None:
        raise CommandError("ERR Please specify two strings: STRINGS or KEYS options are mandatory")
    return _common(s, compared[0], compared[1], words, shortest)


def _lcs_options(argv: Argv) -> tuple[set[bytes], int]:
    words: set[bytes] = set()
    shortest = 0
    at = 3
    while at < len(argv):
        word = argv[at].upper()
        if word == b"MINMATCHLEN" and at + 1 < len(argv):
            at += 1
            shortest = parse_int(argv[at])
        elif word not in (b"IDX", b"LEN", b"WITHMATCHLEN"):
            raise SyntaxFault
        words.add(word)
        at += 1
    return words, shortest


def _match_reply(match: Match, with_length: bool) -> Reply:
    last = match.length - 1
    reply: list[Reply] = [[match.first, match.first + last], [match.second, match.second + last]]
    return [*reply, match.length] if with_length else reply
