"""A client's bytes as requests: read with hiredis while they are plain, strictly where they are not.

hiredis is a reader of replies and takes more than requests: what it cannot read, or should not, is read again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import hiredis

from localstack_memorydb.engine.errors import CommandError, ProtocolError
from localstack_memorydb.engine.resp import (
    BULK_MAX,
    MOST_ARGUMENTS,
    MOST_ARGUMENTS_OF_6_2,
    Argv,
    RequestReader,
    encode_request,
)

LOG = logging.getLogger(__name__)

# hiredis reserves memory for as many arguments as a header announces, so large numbers go to the reader that does not.
_LARGE_HEADER: Final = re.compile(rb"\*[0-9]{7}").search
another_array: Final = re.compile(rb"\*[0-9]").search
_PLAIN_LINES: Final = re.compile(rb"(?:[A-Za-z][^\"'\0\v\f\n]*\n)+").fullmatch
# What hiredis takes for arrays, and for strings, without a difference: messages and sets, words, big numbers, texts of a format.
_MISREAD: Final = re.compile(rb"\n[>~+(=]").search
# What it reads as nothing, as it reads an empty request, and is a line of its own: nulls, and messages without a word.
_NOTHING: Final = re.compile(rb"\n(?:\$-|[_>~|])").search
HEADER: Final = 8
_ASTERISK: Final = 0x2A
_WORD: Final = 0x2B
_BIG_NUMBER: Final = 0x28
_FORMATTED: Final = 0x3D
_MESSAGE: Final = 0x3E
_SET: Final = 0x7E
_GOES_ON: Final = (
    b"$-0123456789"  # what may follow where hiredis has used up all bytes in the middle of a request
)
_PACKET_KEPT: Final = 68 * 1024  # a line that is too long for a real server, and what may stand before it
_PIECES_KEPT: Final = 1 << 20
_BEFORE_KEPT: Final = 512
_PROBED: Final = [b"another request"]
_PROBE: Final = b"*1\r\n$15\r\nanother request\r\n"
_SOON_EXAMINED: Final = 512
_GROWN: Final = 1.25
_LONG_LINE: Final = 64 * 1024


_MUCH: Final = 1 << 14
_PER_REQUEST: Final = 256  # bytes that a queued command takes besides its arguments
_PER_NAME: Final = 200
PORTION: Final = 1024
"""How many bytes of a client are read at once; more of them are run in turns (engine/turns.py)."""


class TooMuchToRead(Exception):
    """A client goes on with a request that is larger than its buffer may be."""


class Requests:
    """What a client sent and nobody has run so far, at most `query_limit` bytes, requests of up to `most_arguments` that are at most `bulk_max` long. `closing` says that nothing more will be read.

    `rest` is not read yet; what was read may be run in part only, when it was `interrupted`. Packets of at most `portion` bytes
    need not wait. `again` asks for another turn. `kept` are the bytes of a transaction's commands, `names` those of watched keys, of
    channels and the like, and `weigh` is called when there is much of anything.
    """

    __slots__ = (
        "again",
        "before",
        "bulk_max",
        "closing",
        "ending",
        "examined",
        "idle",
        "interrupted",
        "kept",
        "lost",
        "most_arguments",
        "names",
        "opened",
        "pace",
        "packet",
        "pieces",
        "portion",
        "query_limit",
        "reader",
        "rest",
        "strict",
        "tail",
        "trusted",
        "unfinished",
        "unread",
        "waits_for_turn",
        "weigh",
    )

    def __init__(self, query_limit: int, bulk_max: int = BULK_MAX, *, legacy: bool) -> None:
        self.query_limit, self.bulk_max = query_limit, bulk_max
        self.most_arguments = MOST_ARGUMENTS_OF_6_2 if legacy else MOST_ARGUMENTS
        self.unread = 0  # of a request that comes in parts
        self.reader = hiredis.Reader()
        self.strict: RequestReader | None = self._strict_reader() if bulk_max < BULK_MAX else None
        self.packet, self.before, self.lost = b"", b"", False
        self.tail = b""  # of what is not kept
        self.pieces: list[bytes] = []
        self.examined = b""
        self.opened = b""  # how a request began that is lost
        self.unfinished = -1
        self.ending: tuple[int, tuple[int, int, int]] = hash(b""), (0, 0, 0)
        self.idle = self.closing = False
        self.trusted = True
        self.rest = bytearray()
        self.portion = self.pace = PORTION
        self.interrupted = self.waits_for_turn = False
        self.again: Callable[[], None] = _nobody
        self.kept = self.names = 0
        self.weigh: Callable[[], None] = _nobody

    def feed(self, data: bytes) -> None:
        """Takes what came from the client. Raises TooMuchToRead."""
        self.idle = False
        if self.strict is not None:
            self.strict.feed(data)
            if self.strict.unread > self.query_limit:
                raise TooMuchToRead
            if self.strict.held > _MUCH:
                self.weigh()
        elif self.reader.has_data() or (data[0] != _ASTERISK and self._is_midway(data[0])):
            self._count(len(data))
            if (
                _LARGE_HEADER(data) is not None
                or _LARGE_HEADER(self._end() + data[:HEADER])
                or (len(data) < _SOON_EXAMINED and is_misread(self._end()[-1:] + data))
            ):
                self._feed_with_care(data)
            else:
                self._keep(data)
                self.reader.feed(data)
        elif data[0] == _ASTERISK and _LARGE_HEADER(data) is None and not is_misread(data):
            self.before = self.packet if len(self.packet) < _BEFORE_KEPT else b""
            self.packet, self.lost = data, False
            self.reader.feed(data)
        elif _PLAIN_LINES(data) is not None:
            # Of these nothing can be wrong that would have to be explained.
            self.packet = self.before = b""
            self.reader.feed(b"".join([encode_request(line.split()) for line in data.split(b"\n")[:-1]]))
        else:
            self.strict = self._rest()
            self.strict.feed(data)

    def settle(self) -> None:
        """One request has run. If the packet was nothing else, the client is between requests."""
        if self.strict is not None or self.reader.has_data():
            return
        if not self.packet and not self.lost:  # it was a line
            self.idle = True
        if self.packet[:1] != b"*":
            return
        reader = hiredis.Reader()
        reader.feed(self.packet)
        # Behind the request there may be something that hiredis has used up without an end.
        if reader.gets() and not reader.has_data():
            self.idle = True
            self.packet = self.before = b""

    def _count(self, size: int) -> None:
        """So many bytes more have come of a request. Raises TooMuchToRead."""
        self.unread = (self.unread if self.lost else len(self.packet)) + size
        if self.unread > self.query_limit:
            raise TooMuchToRead
        if self.unread > _MUCH:
            self.weigh()

    def swallow(self, data: bytes) -> bool:
        """`feed` in the middle of a large argument that goes on behind the data: nothing in it can be anything else, and nothing
        can run. False elsewhere, and then nothing is taken."""
        if not self.lost or self.rest or self.interrupted or self.strict is not None:
            return False
        _, came, announced = self.begun
        if came + len(data) >= announced:
            return False
        self._count(len(data))
        self._keep(data)
        self.reader.feed(data)
        return True

    def _end(self) -> bytes:
        """The last bytes that hiredis has got."""
        return self.tail if self.lost else self.packet[-HEADER:]

    def _feed_with_care(self, data: bytes) -> None:
        """Goes on strictly where an array may begin that is said to be large. Behind something very large, hiredis has first
        to read as far as that; it gets the rest, too, when the header itself is cut there."""
        if not self.lost or self.pieces:
            self._find()
            self._join()
            self.strict = self._rest()
            self.strict.feed(data)
            return
        large = _LARGE_HEADER(data, 1)
        if large is not None:
            self.rest[:0] = data[large.start() :]
            self.interrupted = True
            data = data[: large.start()]
        self._keep(data)
        self.reader.feed(data)

    def _find(self) -> None:
        """Takes the pieces of something large for the packet."""
        if self.lost:
            self.packet, self.lost, self.pieces = b"".join(self.pieces), False, []

    def _keep(self, data: bytes) -> None:
        """Keeps more of a request, so that what is broken can be explained; of one that is very long, nothing."""
        if not self.lost and len(self.packet) <= _PACKET_KEPT:
            self.packet += data
            return
        if not self.lost:
            self.opened = self.packet[:_BEFORE_KEPT]
            self.lost, self.pieces, self.packet = True, [self.packet], b""
        self.tail = data[-HEADER:]
        self.pieces = [*self.pieces, data] if self.pieces and self.unread <= _PIECES_KEPT else []

    def keep(self, size: int) -> None:
        """A request of that many bytes waits for EXEC."""
        self.kept += size + _PER_REQUEST
        if self.kept > _MUCH:
            self.weigh()

    def know(self, name: bytes) -> None:
        """A watched key, a channel, or another name that is kept for the client until `unknow`."""
        self.names += len(name) + _PER_NAME
        if self.names > _MUCH:
            self.weigh()

    def unknow(self, names: Iterable[bytes]) -> None:
        """These are no longer kept."""
        self.names -= sum(len(name) + _PER_NAME for name in names)

    @property
    def pending(self) -> int:
        """The bytes that came and have not run, or are kept because of what ran."""
        begun = self.strict.held if self.strict is not None else self.unread if self.reader.has_data() else 0
        return begun + len(self.rest) + self.kept + self.names

    @property
    def _size(self) -> int:
        return self.unread if self.lost else len(self.packet)

    def note_unfinished(self) -> None:
        """What came so far was answered with nothing: hiredis does not tell a request that ends from one that goes on with an argument."""
        self.unfinished = self._size

    @property
    def begun(self) -> tuple[int, int, int]:
        """Of a request that came in part: the bytes of its arguments, those that came of the next one, and those that were announced."""
        if self.strict is not None:
            return self.strict.begun
        if not self.reader.has_data() and self.unfinished != self._size:
            return 0, 0, 0
        opened = self.opened if self.lost else self.packet
        if self.ending[0] != hash(opened):  # many commands of one packet may ask; it is not kept for that
            self.ending = hash(opened), self._ending(opened)
        arguments, came, announced = self.ending[1]
        return arguments, came + (self.unread - len(opened) if self.lost else 0), announced

    def _ending(self, packet: bytes) -> tuple[int, int, int]:
        """How a packet ends, in the numbers of `begun`."""
        reader = self._strict_reader()
        reader.feed(packet)
        try:
            while reader.next() is not None:
                pass
        except ProtocolError:
            return 0, len(packet), 0
        return reader.begun

    @property
    def has_more(self) -> bool:
        """Whether something was read that has not run: a whole request, or a part of one."""
        return self.reader.has_data() if self.strict is None else not self.strict.idle

    def forget(self) -> None:
        """Nothing will run of what came. Sessions are collected as garbage, much later; what they hold need not wait for that."""
        self.reader, self.strict = hiredis.Reader(), None
        self.packet = self.before = self.examined = b""
        self.pieces = []
        self.rest.clear()
        self.kept = self.names = 0

    def distrust(self) -> None:
        """The client is nobody yet: what it sends is kept small."""
        self.trusted = self.idle = False
        if self.strict is None and not self.reader.has_data():
            self.strict = self._strict_reader()
        if self.strict is not None:
            self.strict.trusted = False

    def trust(self) -> None:
        """The client may send what it likes."""
        self.trusted = True
        if self.strict is not None:
            self.strict.trusted = True

    def limit(self, query_limit: int, bulk_max: int) -> None:
        """How long requests and arguments may be from now on. A limit of arguments that is not the usual one hiredis does not know."""
        self.query_limit, self.bulk_max = query_limit, bulk_max
        self.idle = False
        if self.strict is not None:
            self.strict.bulk_max = bulk_max
        elif bulk_max < BULK_MAX and not self.reader.has_data() and not self.lost:
            self.strict = self._rest()

    def _strict_reader(self) -> RequestReader:
        return RequestReader(self.most_arguments, self.bulk_max)

    def _is_midway(self, first: int) -> bool:
        """Whether a request has begun although hiredis has used up all bytes: a packet may end between two arguments.

        Where nothing was kept, what comes `first` tells whether it goes on.
        """
        if not self.packet:
            return self.lost and first in _GOES_ON
        return self._reread(self.packet) != "idle"

    def _rest(self) -> RequestReader:
        """A strict reader where hiredis stands now: behind what is complete, perhaps in the middle of a request."""
        reader = self._strict_reader()
        reader.feed(self.packet)
        try:
            while reader.next() is not None:
                pass
        except ProtocolError:
            return self._strict_reader()
        return reader

    def _reread(self, packet: bytes) -> str:
        """A packet as the strict reader sees it: it ends between requests (`idle`), in one (`midway`), or is `broken`."""
        return self._read_again(packet)[0]

    def _read_again(self, packet: bytes) -> tuple[str, int]:
        """How the packet ends, and how many requests it has."""
        reader, count = self._strict_reader(), 0
        reader.feed(packet)
        try:
            while reader.next() is not None:
                count += 1
        except ProtocolError:
            return "broken", count
        return "idle" if reader.idle else "midway", count

    def waits_in_vain(self, *, silent: bool = False) -> bool:
        """Whether hiredis waits for the rest of what is no request, such as an array inside an array, or of what is one already,
        such as an inline command behind an array. Says so once of a packet.

        A long one that grows slowly is looked at again when the client is `silent`.
        """
        if not self.packet or self.strict is not None or self.packet is self.examined:
            return False
        grown = len(self.packet) / max(len(self.examined), _SOON_EXAMINED)
        if 1 <= grown < _GROWN and len(self.packet) <= _LONG_LINE and not silent:
            return False
        self._join()
        self.examined = self.packet
        end, count = self._read_again(self.packet)
        return end == "broken" or count > self._taken()[0]

    def stalled(self) -> bool:
        """Whether a client that is silent waits in vain. It does not where its packet ended with a request, which is soon seen."""
        if self.pieces and not self.reader.has_data():
            self.pieces = []
        if not self.packet or self.strict is not None or self.packet is self.examined:
            return False
        if not self.reader.has_data() and self._taken(_PROBE)[1] == _PROBED:
            self.examined = self.packet
            return False
        return self.waits_in_vain(silent=True)

    def _join(self) -> None:
        """Takes a packet that began as a request does for what it is: part of one that began in the packet before."""
        if self.before and self._reread(self.before) == "midway":
            self.packet = self.before + self.packet
        self.before = b""

    def next_strict(self) -> Argv | bool:
        """The next request from the strict reader; False when there is none."""
        if self.strict is None:
            return False
        try:
            argv = self.strict.next()
        except ProtocolError as error:
            self.closing = True
            raise CommandError(f"ERR Protocol error: {error}") from None
        if argv is None and self.strict.idle and self.strict.trusted and self.bulk_max >= BULK_MAX:
            self.strict = None
            self.reader = hiredis.Reader()
            self.packet, self.lost = b"", False
        return False if argv is None else argv

    def explain(self, *, nothing: bool = False) -> Callable[[], Argv | bool]:
        """Goes on strictly where hiredis gave up: at an inline command, or at a request that is broken; or where it has just read
        `nothing`."""
        if self.lost and not self.pieces:
            return self._unexplained
        self._find()
        self._join()
        self.strict = strict = self._strict_reader()
        strict.feed(self.packet or b"*-")
        done = self._taken()[0]
        if nothing:
            done -= 1 + self._read_by(self.reader, len(self.packet))[0]
        while done and strict.at_array:
            before = strict.snapshot()
            try:
                if strict.next() is None:
                    break
            except ProtocolError:
                strict.rewind(before)
                break
            done -= 1
        strict.trusted = self.trusted
        return self.next_strict

    def _unexplained(self) -> bool:
        """What is wrong stands behind something very large in the same piece, of which nothing was kept."""
        self.closing = True
        raise CommandError("ERR Protocol error: expected '*'")

    def _taken(self, more: bytes = b"") -> tuple[int, Any]:
        """How many requests of the packet, and of `more` behind it, hiredis reads, and what it read last."""
        reader = hiredis.Reader()
        reader.feed(self.packet + more)
        return self._read_by(reader, len(self.packet) + len(more))

    @staticmethod
    def _read_by(reader: hiredis.Reader, most: int) -> tuple[int, Any]:
        """How many requests hiredis still reads, and the last one. Bounded, since a reader that failed may go on answering null
        without end."""
        count, last = 0, None
        try:
            while count < most and (argv := reader.gets()) is not False and not is_malformed(argv):
                count, last = count + 1, argv
        except Exception:  # hiredis raises several, for sets of lists and the like
            LOG.debug("hiredis gives up after %d requests", count)
        return count, last

    def misread(self, argv: Any, error: Exception | None = None) -> bool:
        """Whether hiredis is to blame for what a request met: for an argument that is none, or it failed itself.

        Then no function that is written in Python raised the error.
        """
        if self.strict is not None or isinstance(error, MemoryError):
            return False
        if argv is None or argv == []:
            return _NOTHING(self.packet) is not None
        trace = None if error is None else error.__traceback__
        return is_malformed(argv) or (bool(argv) and trace is not None and trace.tb_next is None)

    def confirms(self, argv: Argv) -> bool:
        """Whether the packet has a request of these words, and not something else that hiredis took for it."""
        if self.strict is not None or not self.packet:
            return True
        reader = self._strict_reader()
        reader.feed(self.packet)
        try:
            while (found := reader.next()) is not None:
                if found == argv:
                    return True
        except ProtocolError:
            pass
        return False


def is_misread(data: bytes) -> bool:
    """Whether there may be what hiredis takes for strings or arrays. To look for one byte first costs a fraction, as a number: of
    bytes Python finds out by an exception that they are none."""
    return (
        _WORD in data or _FORMATTED in data or _BIG_NUMBER in data or _MESSAGE in data or _SET in data
    ) and _MISREAD(data) is not None


def _nobody() -> None:
    """Who is asked for another turn where no server gives turns."""


def plain_line(data: bytes) -> list[bytes]:
    """The words of one short inline command in which nothing can be wrong; none of what is not that."""
    return data.split() if data.count(b"\n") == 1 and _PLAIN_LINES(data) is not None else []


def is_malformed(argv: Any) -> bool:
    """Whether hiredis read something that is no request: it takes every reply type for an argument."""
    return argv is not None and not (isinstance(argv, list) and all(type(word) is bytes for word in argv))
