"""RESP2 and RESP3: what handlers may return, how replies are encoded, how requests are read. No sockets.

https://valkey.io/topics/protocol/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, TypeAlias, TypeVar

from localstack_memorydb.engine.errors import CommandError, ProtocolError, ReplyTooLarge
from localstack_memorydb.engine.looking import looking, parts
from localstack_memorydb.engine.numbers import format_decimals, format_double, format_double_17

Argv: TypeAlias = list[bytes]
Reply: TypeAlias = Any
"""What a handler returns: bytes, int, None, float, bool, list, tuple, dict, or one of the classes below."""


class Simple(bytes):
    """A simple string, `+OK`."""

    __slots__ = ()


class Verbatim(bytes):
    """Text for people: a verbatim string (`txt:`) in RESP3, a bulk string in RESP2."""

    __slots__ = ()


class Wire(bytes):
    """A reply that is encoded already: what a script returned, or what is always the same."""

    __slots__ = ()


class BigNumber(int):
    """A big number in RESP3."""


class Decimal17(float):
    """A double with up to 17 decimals: longitudes and latitudes."""


class Unordered(list[Any]):
    """A set in RESP3, an array in RESP2."""

    __slots__ = ()


class Pairs(list[Any]):
    """Pairs: an array of two-element arrays in RESP3, one flat array in RESP2."""

    __slots__ = ()


class Multimap(list[Any]):
    """Pairs of a RESP3 map in which a key may stand twice."""

    __slots__ = ()


class Bulks(list[bytes]):
    """An array of bulk strings, which need not be looked at one by one to know that."""

    __slots__ = ()


class Absent(list[Any]):
    """What a key that does not exist has of several things: an array, but as false as all else that such a key has."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


class Push(list[Any]):
    """An out-of-band message: a push in RESP3, an array in RESP2."""

    __slots__ = ()


class Several(list[Any]):
    """More than one reply to one command (SUBSCRIBE a b), or none at all."""

    __slots__ = ()


class _Null:
    """A null that is an array where RESP2 tells the two apart."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


class _Blocked:
    """The command waits; its reply comes later."""

    __slots__ = ()


OK: Final = Simple(b"OK")
PONG: Final = Simple(b"PONG")
QUEUED: Final = Simple(b"QUEUED")
NULL_ARRAY: Final = _Null()
BLOCKED: Final = _Blocked()
NOTHING: Final = Several()

Encoder: TypeAlias = Callable[[Any], bytes]

SMALL: Final = 4096
SMALL_INTEGERS: Final = tuple(b":%d\r\n" % number for number in range(SMALL))
HEADERS: Final = tuple(b"$%d\r\n" % size for size in range(SMALL))
MOST_TO_SEND: Final = 1 << 30
"""How long a reply may be: commands could ask for more than there is memory, and others need some, too."""


T = TypeVar("T", bytes, str, "bytes | None")


def sendable(parts: Iterable[T], each: int = 0) -> list[T]:
    """The parts of a reply, made one by one; `each` are the bytes between two. Raises ReplyTooLarge before they are too many."""
    kept, size = [], 0
    for part in parts:
        size += each + (len(part) if part is not None else 0)
        if size > MOST_TO_SEND:
            raise ReplyTooLarge
        kept.append(part)
    return kept


_BATCH: Final = 64
_LONG: Final = 1 << 13
_MANY: Final = 8  # from here on looking at the whole list first costs less than it saves


def _bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def _integer(value: int) -> bytes:
    return SMALL_INTEGERS[value] if 0 <= value < SMALL else b":%d\r\n" % value


def _simple(value: bytes) -> bytes:
    return b"+%b\r\n" % value


def _error(value: CommandError) -> bytes:
    return value.wire


class Encoders(dict[type, Encoder]):
    """Encoders by the reply's exact type, and the reply `null`; subclasses of CommandError are learned when first seen."""

    __slots__ = ("null",)

    def __init__(self, null: bytes) -> None:
        super().__init__()
        self.null = null
        self[type(None)] = lambda _: null

    def __missing__(self, kind: type) -> Encoder:
        for parent in kind.__mro__[1:]:
            if parent in self:
                self[kind] = self[parent]
                return self[kind]
        raise TypeError(f"no RESP form for {kind.__name__}")


def _joined(table: Encoders, values: Sequence[Any]) -> bytes:
    """The values one after the other; most are bytes, which are spared a call, and many are nothing else."""
    if len(values) > _LONG:
        return b"".join(
            sendable(
                _joined(table, values[at : at + _LONG]) for at in looking(range(0, len(values), _LONG), 1)
            )
        )
    if len(values) >= _MANY and (type(values) is Bulks or set(map(type, values)) == {bytes}):
        sizes = list(map(len, values))
        alike = sizes.count(sizes[0]) == len(sizes)
        longest = sizes[0] if alike else max(sizes)
        if longest * len(sizes) > MOST_TO_SEND and sum(sizes) > MOST_TO_SEND:
            raise ReplyTooLarge
        if alike:
            header = HEADERS[longest] if longest < SMALL else b"$%d\r\n" % longest
            return b"%b%b\r\n" % (header, (b"\r\n" + header).join(values))
        if longest < SMALL:
            parts = [b"\r\n"] * (3 * len(sizes))
            parts[0::3] = map(HEADERS.__getitem__, sizes)
            parts[1::3] = values
            return b"".join(parts)
    if len(values) <= _BATCH:
        return _one_by_one(table, values)
    return b"".join(
        sendable(_one_by_one(table, values[at : at + _BATCH]) for at in range(0, len(values), _BATCH))
    )


def _one_by_one(table: Encoders, values: Sequence[Any]) -> bytes:
    return b"".join(
        [
            b"$%d\r\n%b\r\n" % (len(value), value) if type(value) is bytes else table[type(value)](value)
            for value in values
        ]
    )


def _common(table: Encoders, arrays: tuple[type, ...]) -> None:
    def array(values: Sequence[Any]) -> bytes:
        count = len(values)
        if not count:
            return b"*0\r\n"
        if count != 2:
            return b"*%d\r\n%b" % (count, (_joined if count >= _MANY else _one_by_one)(table, values))
        # An entry of a stream, a member and its distance, ...: replies may hold a great many pairs.
        one, other = values
        if type(one) is not bytes:
            return b"*2\r\n%b%b" % (table[type(one)](one), table[type(other)](other))
        if type(other) is not bytes:
            return b"*2\r\n$%d\r\n%b\r\n%b" % (len(one), one, table[type(other)](other))
        return b"*2\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(one), one, len(other), other)

    table.update(dict.fromkeys(arrays, array))
    table[bytes] = _bulk
    table[int] = _integer
    table[Simple] = _simple
    table[CommandError] = _error
    table[Wire] = bytes
    table[Several] = lambda values: _joined(table, values)


def _remembering(form: Encoder) -> Encoder:
    """The same for doubles, of which those that were sent lately are sent again; 0 and -0 are the same to a cache."""
    known = lru_cache(maxsize=1 << 14)(form)
    return lambda value: known(value) if value else form(value)


def _resp2(double: Callable[[float], bytes]) -> Encoders:
    table = Encoders(b"$-1\r\n")
    _common(table, (list, tuple, Bulks, Absent, Unordered, Push))
    table[Verbatim] = _bulk
    table[BigNumber] = lambda value: _bulk(b"%d" % value)
    table[_Null] = lambda _: b"*-1\r\n"
    table[bool] = lambda value: b":1\r\n" if value else b":0\r\n"
    table[float] = _remembering(lambda value: _bulk(double(value)))
    table[Decimal17] = _remembering(lambda value: _bulk(format_decimals(value)))

    def flat(pairs: Collection[Any]) -> bytes:
        return b"*%d\r\n%b" % (2 * len(pairs), _joined(table, list(chain.from_iterable(pairs))))

    table[Pairs] = flat
    table[dict] = lambda value: flat(value.items())
    return table


def _resp3(double: Callable[[float], bytes]) -> Encoders:
    table = Encoders(b"_\r\n")
    _common(table, (list, tuple, Bulks, Absent, Pairs))
    table[Verbatim] = lambda value: b"=%d\r\ntxt:%b\r\n" % (len(value) + 4, value)
    table[BigNumber] = lambda value: b"(%d\r\n" % value
    table[_Null] = table[type(None)]
    table[bool] = lambda value: b"#t\r\n" if value else b"#f\r\n"
    table[float] = _remembering(lambda value: b",%b\r\n" % double(value))
    table[Decimal17] = _remembering(lambda value: b",%b\r\n" % format_decimals(value))
    table[Unordered] = lambda values: b"~%d\r\n%b" % (len(values), _joined(table, values))
    table[Push] = lambda values: b">%d\r\n%b" % (len(values), _joined(table, values))

    def mapping(value: dict[Any, Any]) -> bytes:
        return b"%%%d\r\n%b" % (len(value), _joined(table, list(chain.from_iterable(value.items()))))

    table[dict] = mapping
    table[Multimap] = lambda pairs: (
        b"%%%d\r\n%b"
        % (
            len(pairs),
            _joined(table, list(chain.from_iterable(pairs))),
        )
    )
    return table


_ENCODERS: Final = {
    (2, False): _resp2(format_double),
    (3, False): _resp3(format_double),
    (2, True): _resp2(format_double_17),
    (3, True): _resp3(format_double_17),
}


def encoders(protocol: int, long_doubles: bool = False) -> Encoders:
    """The encoder table of RESP 2 or 3; `long_doubles` prints 17 digits, as engines before 7.2 do."""
    return _ENCODERS[(protocol, long_doubles)]


def encode_request(argv: Argv) -> bytes:
    """A command line as clients send it: an array of bulk strings."""
    if len(argv) == 1:
        return b"*1\r\n$%d\r\n%b\r\n" % (len(argv[0]), argv[0])
    if len(argv) > _LONG:
        return b"*%d\r\n%b" % (len(argv), b"".join([_several(part) for part in parts(argv, _LONG)]))
    return b"*%d\r\n%b" % (len(argv), _several(argv))


def _several(words: Iterable[bytes]) -> bytes:
    return b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


_INLINE_MAX = 64 * 1024
_TLS_HANDSHAKE = b"\x16\x03"
MOST_ARGUMENTS: Final = 2**31 - 1
MOST_ARGUMENTS_OF_6_2: Final = 1 << 20
_UNTRUSTED_ARGUMENTS = 10
_PER_ARGUMENT = 48  # bytes of an object in a list
_UNTRUSTED_BULK = 16 * 1024
_PLAIN_HEADER = re.compile(rb"\$(0|[1-9][0-9]{0,3})\r\n").match


BULK_MAX: Final = 512 << 20
"""How long an argument may be unless somebody says otherwise (proto-max-bulk-len)."""


class RequestReader:
    """Reads requests strictly, inline commands included, and says what Valkey says when a client breaks the rules.

    It is the slow path: the session reads with hiredis as long as a client sends plain arrays of bulk strings.
    """

    def __init__(self, most_arguments: int = MOST_ARGUMENTS, bulk_max: int = BULK_MAX) -> None:
        self.most_arguments, self.bulk_max = most_arguments, bulk_max
        self.trusted = True  # clients without a user may only send what authentication needs
        self.unread = 0  # bytes of requests that are not complete
        self._buffer = bytearray()
        self._argv: Argv = []
        self._missing = 0
        self._bulk = -1

    @property
    def idle(self) -> bool:
        """True between two requests, with nothing buffered."""
        return not self._buffer and not self._missing

    @property
    def held(self) -> int:
        """The bytes that a request takes which is not complete: many small arguments take more than they had on their way."""
        return self.unread + _PER_ARGUMENT * len(self._argv) if self._missing else self.unread

    @property
    def begun(self) -> tuple[int, int, int]:
        """Of a request that is not complete: the bytes of its arguments, those that came of the next one, and those that were announced."""
        return sum(map(len, self._argv)) if self._missing else 0, len(self._buffer), max(0, self._bulk)

    @property
    def at_array(self) -> bool:
        """True between two requests when the next one is an array, the only form that hiredis reads."""
        return self._missing == 0 and self._buffer[:1] == b"*"

    def snapshot(self) -> bytes:
        """What is buffered between two requests, for `rewind`."""
        return bytes(self._buffer)

    def rewind(self, buffered: bytes) -> None:
        """Goes back to a snapshot."""
        self._buffer[:] = buffered
        self._missing, self._bulk = 0, -1

    def feed(self, data: bytes) -> None:
        """Adds bytes from the client."""
        self._buffer += data
        self.unread += len(data)

    def next(self) -> Argv | None:
        """The next request (empty for an empty line), or None until more bytes come. Raises ProtocolError."""
        if self._missing == 0:
            if not self._buffer:
                return None
            if self._buffer[0] != 0x2A:  # '*'
                return self._inline()
            end = self._line_end(b"\r", "too big mbulk count string")
            if end < 0:
                return None
            count = self._number(end, "invalid multibulk length", self.most_arguments)
            if count <= 0:
                return []
            if count > _UNTRUSTED_ARGUMENTS and not self.trusted:
                raise ProtocolError("unauthenticated multibulk length")
            self._missing, self._argv = count, []
        self._read_plain()
        while self._missing:
            if not self._read_bulk():
                return None
        self.unread = len(self._buffer)
        return self._argv

    def _read_plain(self) -> None:
        """Reads arguments of which nothing can be wrong: short ones, each whole."""
        if self._bulk >= 0:
            return
        buffer, at = self._buffer, 0
        size, missing = len(buffer), self._missing
        while missing:
            header = _PLAIN_HEADER(buffer, at)
            if header is None:
                break
            start = header.end()
            end = start + int(header[1])
            if size < end + 2:
                break
            self._argv.append(bytes(buffer[start:end]))
            at = end + 2
            missing -= 1
        del buffer[:at]
        self._missing = missing

    def _read_bulk(self) -> bool:
        if self._bulk < 0:
            end = self._line_end(b"\r", "too big bulk count string")
            if end < 0:
                return False
            if self._buffer[0] != 0x24:  # '$'
                raise ProtocolError(
                    f"expected '$', got '{self._buffer[:1].decode('utf-8', 'surrogateescape')}'"
                )
            length = self._number(end, "invalid bulk length", self.bulk_max)
            if length < 0:
                raise ProtocolError("invalid bulk length")
            if length > _UNTRUSTED_BULK and not self.trusted:
                raise ProtocolError("unauthenticated bulk length")
            self._bulk = length
        if len(self._buffer) < self._bulk + 2:
            return False
        self._argv.append(bytes(self._buffer[: self._bulk]))
        del self._buffer[: self._bulk + 2]
        self._bulk = -1
        self._missing -= 1
        return True

    def _line_end(self, mark: bytes, endless: str) -> int:
        """Where the line ends, -1 while it does not: as strchr finds it, not behind a zero byte."""
        end = self._buffer.find(mark)
        zero = self._buffer.find(b"\0", 0, end if end >= 0 else None)
        if end < 0 or zero >= 0:
            if len(self._buffer) > _INLINE_MAX:
                raise ProtocolError(endless)
            return -1
        return end if mark != b"\r" or len(self._buffer) >= end + 2 else -1

    def _number(self, end: int, invalid: str, most: int) -> int:
        text = bytes(self._buffer[1:end])
        digits = text[1:] if text.startswith(b"-") else text
        canonical = digits.isdigit() and digits.isascii() and (text == b"0" or not digits.startswith(b"0"))
        number = int(text) if canonical and len(text) <= 20 else most + 1
        if number > most:
            raise ProtocolError(invalid)
        del self._buffer[: end + 2]
        return number

    def _inline(self) -> Argv | None:
        if self._buffer.startswith(
            _TLS_HANDSHAKE
        ):  # a real server waits for the end of a line that never comes
            raise ProtocolError("TLS handshake on a port without TLS")
        end = self._line_end(b"\n", "too big inline request")
        if end < 0:
            return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        argv = split_line(line)
        if argv is None:
            raise ProtocolError("unbalanced quotes in request")
        del self._buffer[: end + 1]
        self.unread = len(self._buffer)
        return argv


_BETWEEN: Final = b" \n\r\t\v\f"  # what isspace says
_AFTER_WORD: Final = b" \n\r\t\0"
_ESCAPES: Final = {0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x62: 0x08, 0x61: 0x07}
_PLAIN_LINE: Final = re.compile(rb"[^\"'\0\v\f]*").fullmatch
_HEX: Final = b"0123456789abcdefABCDEF"


def split_line(line: bytes) -> Argv | None:
    """The words of an inline request (sds.c: sdssplitargs); None when its quotes do not balance."""
    if _PLAIN_LINE(line) is not None:
        return line.split()
    words: Argv = []
    at = 0
    while True:
        while at < len(line) and line[at] in _BETWEEN:
            at += 1
        if at >= len(line) or line[at] == 0:
            return words
        word, at = _word(line, at)
        if word is None:
            return None
        words.append(word)


def _word(line: bytes, at: int) -> tuple[bytes | None, int]:
    word = bytearray()
    while at < len(line) and line[at] not in _AFTER_WORD:
        quote = line[at]
        if quote not in b"\"'":
            word.append(quote)
            at += 1
            continue
        at = _quoted(line, at + 1, quote, word)
        # A closing quote must be followed by a space or the end.
        if at < 0 or (at < len(line) and line[at] not in _BETWEEN and line[at]):
            return None, at
        break
    return bytes(word), at


def _quoted(line: bytes, at: int, quote: int, word: bytearray) -> int:
    """Appends what stands between quotes; returns the place after the closing one, or -1."""
    while at < len(line):
        byte = line[at]
        if byte == quote:
            return at + 1
        if byte == 0x5C and at + 1 < len(line):
            following = line[at + 1]
            if quote == 0x27:
                if following == 0x27:
                    byte, at = following, at + 1
            elif following == 0x78 and at + 3 < len(line) and line[at + 2] in _HEX and line[at + 3] in _HEX:
                byte, at = int(line[at + 2 : at + 4], 16), at + 3
            else:
                byte, at = _ESCAPES.get(following, following), at + 1
        word.append(byte)
        at += 1
    return -1
