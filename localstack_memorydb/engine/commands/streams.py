"""Streams. https://valkey.io/commands/#stream Consumer groups are in stream_groups.py."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Final

from localstack_memorydb.engine.errors import (
    CommandError,
    NoSuchKey,
    ReplyTooLarge,
    SyntaxFault,
    WrongType,
    incomplete_pairs,
    printable,
    wrong_subcommand_arguments,
)
from localstack_memorydb.engine.giving_way import made_at_leisure
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.looking import MANY, looking
from localstack_memorydb.engine.numbers import is_integer, parse_int
from localstack_memorydb.engine.options import parse_milliseconds
from localstack_memorydb.engine.parameters import Limits
from localstack_memorydb.engine.registry import (
    BLOCKING,
    DENYOOM,
    FAST,
    LOADING,
    READONLY,
    STALE,
    WRITE,
    Earlier,
    Family,
    keyword,
    one,
)
from localstack_memorydb.engine.resp import MOST_TO_SEND, NULL_ARRAY, OK, Argv, Multimap, Reply
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.streams import (
    ID_MAX,
    SEQUENCE_MAX,
    Fields,
    Group,
    Stream,
    format_id,
    tree_nodes,
)

streams = Family("stream", "@stream")

_UNSIGNED = re.compile(rb"[ \t\n\v\f\r]*([+-]?)([0-9]+)")
_INVALID_ID: Final = "ERR Invalid stream ID specified as stream command argument"

Trim = tuple[int | None, int, bool, int]
"""The arguments of Stream.trim."""


# -- reading IDs ------------------------------------------------------------------------------------------------------


def _unsigned(text: bytes) -> int:
    """An unsigned 64-bit number as strtoull reads it (util.c: string2ull)."""
    found = _UNSIGNED.fullmatch(text)
    if found is not None and not (found[1] == b"-" and is_integer(text)) and len(found[2]) < 4000:
        number = int(found[2])
        if number <= SEQUENCE_MAX:
            return -number % (1 << 64) if found[1] == b"-" else number
    raise CommandError(_INVALID_ID)


def parse_id(text: bytes, sequence: int = 0, strict: bool = True) -> int:
    """`ms` or `ms-seq`; without a sequence it is `sequence`. `-` and `+` are the ends unless it is `strict`."""
    if len(text) > 127:
        raise CommandError(_INVALID_ID)
    if text in {b"-", b"+"}:
        if strict:
            raise CommandError(_INVALID_ID)
        return 0 if text == b"-" else ID_MAX
    ms, dash, seq = text.partition(b"\0")[0].partition(b"-")
    return _unsigned(ms) << 64 | (_unsigned(seq) if dash else sequence)


def parse_start(text: bytes) -> int:
    """The beginning of an interval, `(` excludes it."""
    if len(text) < 2 or text[0] != 0x28:
        return parse_id(text, strict=False)
    identifier = parse_id(text[1:])
    if identifier == ID_MAX:
        raise CommandError("ERR invalid start ID for the interval")
    return identifier + 1


def parse_end(text: bytes) -> int:
    """The end of an interval, `(` excludes it."""
    if len(text) < 2 or text[0] != 0x28:
        return parse_id(text, SEQUENCE_MAX, strict=False)
    identifier = parse_id(text[1:], SEQUENCE_MAX)
    if not identifier:
        raise CommandError("ERR invalid end ID for the interval")
    return identifier - 1


# -- adding and trimming ----------------------------------------------------------------------------------------------


def _parse_trim(s: Session, argv: Argv, adding: bool) -> tuple[int, Trim | None, bool]:
    """The options of XADD and XTRIM: where they end, what to trim, whether a missing key stays missing."""
    longest: int | None = None
    oldest = 0
    limit: int | None = None
    trims = approximate = keeps = False
    at = 2
    while at < len(argv):
        word, more = argv[at].upper(), len(argv) - 1 - at
        if word in {b"MAXLEN", b"MINID"} and more:
            if trims:
                raise CommandError(
                    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
                )
            approximate = more > 1 and argv[at + 1] == b"~"
            at += 2 if more > 1 and argv[at + 1] in {b"~", b"="} else 1
            if word == b"MINID":
                oldest = parse_id(argv[at])
            else:
                longest = _not_negative(argv[at], "MAXLEN")
            trims = True
        elif word == b"LIMIT" and more:
            at += 1
            limit = _not_negative(argv[at], "LIMIT")
        elif word == b"NOMKSTREAM" and adding:
            keeps = True
        elif adding:
            break
        else:
            raise SyntaxFault
        at += 1
    if adding and at < len(argv):
        _parse_new_id(argv[at], not s.legacy)
    if not trims:
        if limit:
            raise CommandError(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
            )
        if not adding:
            raise CommandError("ERR syntax error, XTRIM must be called with a trimming strategy")
    if limit is not None and not approximate:
        raise CommandError("ERR syntax error, LIMIT cannot be used without the special ~ option")
    if limit is None:
        limit = _trim_limit(s.node.cluster.parameters.limits) if approximate else 0
    return at, (longest, oldest, approximate, limit) if trims else None, keeps


def _trim_limit(limits: Limits) -> int:
    """How many entries approximate trimming looks at: those of a hundred nodes (streamParseAddOrTrimArgsOrReply)."""
    return min(100 * limits.stream_node_max_entries or 10_000, 1_000_000)


def _not_negative(text: bytes, option: str) -> int:
    number = parse_int(text)
    if number < 0:
        raise CommandError(f"ERR The {option} argument must be >= 0.")
    return number


def _parse_new_id(text: bytes, partial: bool) -> tuple[int, bool] | None:
    """The ID for a new entry and whether its sequence is given; None for `*`."""
    if text == b"*":
        return None
    ms, _, seq = text.partition(b"-")
    if partial and seq == b"*" and len(text) < 128:
        return _unsigned(ms) << 64, False
    return parse_id(text), True


def _new_id(s: Session, found: Stream | None, wanted: tuple[int, bool] | None) -> int:
    """The ID that the new entry gets."""
    last = 0 if found is None else found.last
    if last == ID_MAX:
        raise CommandError("ERR The stream has exhausted the last possible ID, unable to add more items")
    if wanted is None:
        present = s.now << 64
        return present if present > last else last + 1
    identifier, exact = wanted
    if not exact and identifier >> 64 == last >> 64:
        if last & SEQUENCE_MAX == SEQUENCE_MAX and s.legacy_doubles:
            raise CommandError("ERR Elements are too large to be stored")  # before 7.2 every failure but one
        identifier = last + 1 if last & SEQUENCE_MAX != SEQUENCE_MAX else 0
    if identifier <= last and (found is not None or exact):
        raise CommandError("ERR The ID specified in XADD is equal or smaller than the target stream top item")
    return identifier


@streams.command("XADD", -5, WRITE | DENYOOM | FAST, keys=one("RW update"), since="5.0.0")
def xadd(s: Session, argv: Argv) -> Reply:
    """Appends an entry, and trims the stream if asked to."""
    trim: Trim | None = None
    wanted: tuple[int, bool] | None = None
    at, keeps = 2, False
    if argv[2] != b"*":
        at, trim, keeps = _parse_trim(s, argv, adding=True)
    count = len(argv) - at - 1
    if count < 2 or count & 1:
        raise incomplete_pairs("xadd", "XADD", s.legacy)
    if at > 2 or argv[2] != b"*":
        wanted = _parse_new_id(argv[at], not s.legacy)
        if wanted == (0, True):
            raise CommandError("ERR The ID specified in XADD must be greater than 0-0")
    key = argv[1]
    found = s.db.get(key)
    if found is None:
        if keeps:
            s.unchanged = True
            return None
    elif type(found) is not Stream:
        raise WrongType
    identifier = _new_id(s, found, wanted)
    if found is None:
        s.db[key] = found = Stream()
    found.append(identifier, tuple(argv[at + 1 :]), s.node.cluster.parameters.limits)
    if trim is not None:
        found.trim(*trim)
    name = _at(identifier >> 64) + b"%d" % (identifier & SEQUENCE_MAX)
    if s.node.shard.keyspace.observed:
        if trim is not None and trim[2]:
            s.effect([argv[0], key, *_exactly(found), name, *argv[at + 1 :]])
        elif wanted is None or not wanted[1]:
            s.effect([*argv[:at], name, *argv[at + 1 :]])
    return name


@lru_cache(maxsize=16)
def _at(ms: int) -> bytes:
    """How the IDs of entries begin that were added just now."""
    return b"%d-" % ms


def _exactly(found: Stream) -> Argv:
    """How to trim to what an approximate trimming has left, whatever the nodes of streams hold where it is repeated."""
    return [b"MAXLEN", b"=", b"%d" % found.length]


@streams.command("XTRIM", -4, WRITE, keys=one("RW delete"), since="5.0.0")
def xtrim(s: Session, argv: Argv) -> Reply:
    """Removes entries from the front; how many."""
    _, trim, _ = _parse_trim(s, argv, adding=False)
    found = s.value(argv[1], Stream)
    removed = found.trim(*trim) if found is not None and trim is not None else 0
    s.unchanged = not removed
    if found is not None and trim is not None and trim[2] and removed and s.is_observed:
        s.effect([argv[0], argv[1], *_exactly(found)])
    return removed


@streams.command("XDEL", -3, WRITE | FAST, keys=one("RW delete"), since="5.0.0")
def xdel(s: Session, argv: Argv) -> Reply:
    """Removes entries; how many there were."""
    found = s.value(argv[1], Stream)
    if found is None:
        s.unchanged = True
        return 0
    removed = 0
    for identifier in looking([parse_id(text) for text in looking(argv[2:])]):
        if found.delete(identifier):
            removed += 1
            found.max_deleted = max(found.max_deleted, identifier)
    s.unchanged = not removed
    return removed


def record(s: Session, *entries: Argv) -> None:
    """What a command did, for the log only: to transactions and clients that keep keys the stream has not changed."""
    s.effect()
    log = s.node.shard.keyspace.log
    if log is not None:
        log.append_all(entries)


@streams.command(
    "XSETID",
    -3,
    WRITE | DENYOOM | FAST,
    keys=one("RW update"),
    since="5.0.0",
    earlier=Earlier("7.0", arity=3),
)
def xsetid(s: Session, argv: Argv) -> Reply:
    """Sets the last ID, and what the stream knows of entries that are gone."""
    found = _existing(s, argv[1]) if s.legacy else None
    identifier = parse_id(argv[2])
    added, deleted = _xsetid_options(argv, identifier)
    found = found or _existing(s, argv[1])
    if identifier < found.max_deleted and s.table.level >= (7, 2):
        raise CommandError("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
    if found.length:
        if identifier < found.top:
            raise CommandError("ERR The ID specified in XSETID is smaller than the target stream top item")
        if added is not None and added < found.length:
            raise CommandError(
                "ERR The entries_added specified in XSETID is smaller than the target stream length"
            )
    found.last = identifier
    found.entries_added = found.entries_added if added is None else added
    found.max_deleted = deleted or found.max_deleted
    record(s, argv)
    return OK


def _xsetid_options(argv: Argv, identifier: int) -> tuple[int | None, int]:
    added: int | None = None
    deleted = 0
    for at in range(3, len(argv), 2):
        word = argv[at].upper()
        if word not in {b"ENTRIESADDED", b"MAXDELETEDID"} or at + 1 == len(argv):
            raise SyntaxFault
        if word == b"ENTRIESADDED":
            added = parse_int(argv[at + 1])
            if added < 0:
                raise CommandError("ERR entries_added must be positive")
        else:
            deleted = parse_id(argv[at + 1])
            if identifier < deleted:
                raise CommandError(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
                )
    return added, deleted


# -- reading ----------------------------------------------------------------------------------------------------------


def show(entries: Iterable[tuple[int, Fields]], count: int = 0) -> list[Reply]:
    """Entries as clients see them; all of them with a count of 0."""
    shown = islice(entries, count or None)
    return [[format_id(identifier), list(fields)] for identifier, fields in looking(shown)]


@streams.command("XLEN", 2, READONLY | FAST, keys=one("RO"), since="5.0.0")
def xlen(s: Session, argv: Argv) -> Reply:
    """The number of entries."""
    found = s.value(argv[1], Stream)
    return 0 if found is None else found.length


def _range(s: Session, argv: Argv, reverse: bool) -> Reply:
    first, second = (3, 2) if reverse else (2, 3)
    start, stop = parse_start(argv[first]), parse_end(argv[second])
    count = -1
    for at in range(4, len(argv), 2):
        if argv[at].upper() != b"COUNT" or at + 1 == len(argv):
            raise SyntaxFault
        count = max(parse_int(argv[at + 1]), 0)
    found = s.value(argv[1], Stream)
    if found is None:
        return []
    if count == 0:
        return NULL_ARRAY
    entries = found.backwards(start, stop) if reverse else found.between(start, stop)
    if found.length < MANY or 0 < count < MANY:
        return show(entries, max(count, 0))
    return made_at_leisure(s, argv, lambda: show(entries, max(count, 0)))


@streams.command("XRANGE", -4, READONLY, keys=one("RO access"), since="5.0.0")
def xrange(s: Session, argv: Argv) -> Reply:
    """The entries within an interval of IDs."""
    return _range(s, argv, reverse=False)


@streams.command("XREVRANGE", -4, READONLY, keys=one("RO access"), since="5.0.0")
def xrevrange(s: Session, argv: Argv) -> Reply:
    """The same from the end to the start."""
    return _range(s, argv, reverse=True)


ENTRY: Final = 200  # bytes that an entry takes at least, until it is sent


class Request:
    """What XREAD and XREADGROUP ask for."""

    __slots__ = ("at", "block", "consumer", "count", "group", "keys", "noack", "texts")

    def __init__(self, s: Session, argv: Argv, grouped: bool) -> None:
        self.count, self.block, self.noack = 0, -1, False
        self.group: bytes | None = None
        self.consumer = b""
        self.at = self._options(s, argv, grouped)
        names = argv[self.at :]
        if not self.at:
            raise SyntaxFault
        if len(names) % 2:
            before = s.table.level < (7, 2)
            name = "XREAD" if before else "'xreadgroup'" if grouped else "'xread'"
            mark = ">" if grouped and not before else "$"
            raise CommandError(
                f"ERR Unbalanced {name} list of streams: for each stream key an ID or '{mark}' must be specified."
            )
        if grouped and self.group is None:
            raise CommandError("ERR Missing GROUP option for XREADGROUP")
        self.keys, self.texts = names[: len(names) // 2], names[len(names) // 2 :]
        if s.blocked is not None and s.blocked.changed in self.keys:
            at = self.keys.index(s.blocked.changed)
            self.keys, self.texts = [self.keys[at]], [self.texts[at]]

    def _options(self, s: Session, argv: Argv, grouped: bool) -> int:
        """Reads what precedes the keys; where they begin, 0 without STREAMS."""
        at = 1
        while at < len(argv):
            word, more = argv[at].upper(), len(argv) - 1 - at
            if word == b"STREAMS" and more:
                return at + 1
            if word == b"BLOCK" and more:
                _not_in_old_scripts(s, argv)
                self.block = parse_milliseconds(s, argv[at + 1])
            elif word == b"COUNT" and more:
                self.count = max(parse_int(argv[at + 1]), 0)
            elif word == b"GROUP" and more >= 2:
                _only_in_groups("GROUP", grouped)
                self.group, self.consumer = argv[at + 1], argv[at + 2]
                at += 1
            elif word == b"NOACK":
                _only_in_groups("NOACK", grouped)
                self.noack = True
                at -= 1
            else:
                raise SyntaxFault
            at += 2
        return 0

    def park(self, s: Session, argv: Argv, texts: list[bytes], kind: type) -> Reply:
        """Waits for one of the streams if BLOCK allows it, for what comes after those IDs."""
        if self.block < 0:
            return NULL_ARRAY
        shown = argv if s.blocked is None else s.blocked.shown
        line = [*argv[: self.at], *self.keys, *texts]
        reply = s.block(line, self.keys, kind, self.block / 1000, NULL_ARRAY)
        if s.blocked is not None:
            s.blocked.shown = shown
        return reply


def _not_in_old_scripts(s: Session, argv: Argv) -> None:
    """Since 7.2 BLOCK means nothing in a script."""
    if s.legacy_doubles and s.script is not None:
        raise CommandError(f"ERR {printable(argv[0])} command is not allowed with BLOCK option from scripts")


def _only_in_groups(option: str, grouped: bool) -> None:
    if not grouped:
        raise CommandError(
            f"ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
        )


def newest(s: Session, stream: Stream) -> int:
    """The ID of the last entry; before 7.2 clients that wait are served for one that is gone again, too."""
    return stream.last if s.blocked is not None and s.legacy_doubles else stream.top


def by_key(s: Session, found: list[tuple[bytes, list[Reply]]]) -> Reply:
    """Entries of several streams: a map in RESP3. A stream that was named twice is there twice."""
    return Multimap(found) if s.protocol == 3 else [list(pair) for pair in found]


def keys_of_read(argv: Argv) -> list[bytes]:
    """The keys that a real server finds: none unless every word before STREAMS is an option, and each key has an ID."""
    at = 1
    while at < len(argv):
        word = argv[at].upper()
        if word == b"STREAMS":
            keys, odd = divmod(len(argv) - at - 1, 2)
            return [] if odd else argv[at + 1 : at + 1 + keys]
        if word not in _WORDS_OF_READ:
            return []
        at += _WORDS_OF_READ[word]
    return []


_WORDS_OF_READ: Final = {b"BLOCK": 2, b"COUNT": 2, b"GROUP": 3, b"NOACK": 1}


@streams.command(
    "XREAD",
    -4,
    READONLY | BLOCKING,
    keys=keyword("RO access", b"STREAMS", 1),
    since="5.0.0",
    finder=keys_of_read,
)
def xread(s: Session, argv: Argv) -> Reply:
    """The entries of streams after an ID each; waits for some if asked to."""
    request = Request(s, argv, grouped=False)
    after: list[int] = []
    for key, text in looking(zip(request.keys, request.texts, strict=True)):
        stream = s.value(key, Stream)
        if text == b"$":
            after.append(0 if stream is None else stream.last)
        elif text == b">":
            raise CommandError(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
            )
        else:
            after.append(parse_id(text))
    replies: list[tuple[bytes, list[Reply]]] = []
    count = 0
    for key, identifier in looking(zip(request.keys, after, strict=True)):
        stream = s.value(key, Stream)
        if stream is not None and newest(s, stream) > identifier:
            replies.append((key, show(stream.between(identifier + 1, ID_MAX), request.count)))
            count += len(replies[-1][1])
            if len(replies) > 1 and count * ENTRY > MOST_TO_SEND:  # a stream may be named many times
                raise ReplyTooLarge
    if replies:
        return by_key(s, replies)
    return request.park(s, argv, [format_id(identifier) for identifier in looking(after)], Stream)


# -- looking inside ---------------------------------------------------------------------------------------------------


def _complain(s: Session, argv: Argv) -> Reply:
    """XINFO in 6.2 with a subcommand that is none, or with other arguments."""
    if argv[1].lower() == b"help":
        return help_lines(s, "xinfo")
    if len(argv) > 2:
        _existing(s, argv[2])
    raise wrong_subcommand_arguments("xinfo", argv[1], s.legacy)


streams.container("XINFO", since="5.0.0", complains=_complain)


def _existing(s: Session, key: bytes) -> Stream:
    found = s.value(key, Stream)
    if found is None:
        raise NoSuchKey
    return found


@streams.command("XINFO|STREAM", -3, READONLY, keys=one("RO access", at=2), since="5.0.0")
def xinfo_stream(s: Session, argv: Argv) -> Reply:
    """What is known of a stream; with FULL also its groups and what they have pending."""
    found = _existing(s, argv[2])
    count = _full_count(s, argv)
    shown: dict[bytes, Reply] = {
        b"length": found.length,
        b"radix-tree-keys": len(found.nodes),
        b"radix-tree-nodes": tree_nodes([node.master for node in found.nodes]),
        b"last-generated-id": format_id(found.last),
    }
    if not s.legacy:
        shown[b"max-deleted-entry-id"] = format_id(found.max_deleted)
        shown[b"entries-added"] = (
            found.entries_added + 2**63
        ) % 2**64 - 2**63  # as C counts on behind the largest number
        shown[b"recorded-first-entry-id"] = format_id(found.first)
    if count is None:
        edges = [*show(found.between(0, ID_MAX), 1), *show(found.backwards(0, ID_MAX), 1)] or [None, None]
        return shown | {b"groups": len(found.groups), b"first-entry": edges[0], b"last-entry": edges[1]}
    shown[b"entries"] = show(found.between(0, ID_MAX), count)
    shown[b"groups"] = [_full_group(s, found, name, count) for name in sorted(found.groups)]
    return shown


def _full_count(s: Session, argv: Argv) -> int | None:
    """`FULL [COUNT count]`: how many entries and pending messages to list, 0 for all; None without FULL."""
    options = argv[3:]
    if not options:
        return None
    if options[0].upper() != b"FULL" or len(options) not in {1, 3}:
        raise wrong_subcommand_arguments("xinfo", argv[1], s.legacy)
    if len(options) == 1:
        return 10
    if options[1].upper() != b"COUNT":
        raise wrong_subcommand_arguments("xinfo", argv[1], s.legacy)
    count = parse_int(options[2])
    return count if count >= 0 else 10


def _reading(s: Session, stream: Stream, group: Group) -> dict[bytes, Reply]:
    """How far a group has read; unknown to 6.2."""
    return {} if s.legacy else {b"entries-read": group.entries_read, b"lag": stream.lag(group)}


def _full_group(s: Session, stream: Stream, name: bytes, count: int) -> Reply:
    group = stream.groups[name]
    consumers: list[Reply] = []
    for each in sorted(group.consumers.values(), key=lambda consumer: consumer.name):
        shown: dict[bytes, Reply] = {b"name": each.name, b"seen-time": each.seen}
        if not s.legacy_doubles:
            shown[b"active-time"] = each.active
        shown[b"pel-count"] = len(each.pending)
        listed = islice(each.pending.items(), count or None)
        shown[b"pending"] = [[format_id(identifier), it.time, it.count] for identifier, it in looking(listed)]
        consumers.append(shown)
    pending = islice(group.pending.items(), count or None)
    return {
        b"name": name,
        b"last-delivered-id": format_id(group.last),
        **_reading(s, stream, group),
        b"pel-count": len(group.pending),
        b"pending": [
            [format_id(identifier), it.consumer.name, it.time, it.count]
            for identifier, it in looking(pending)
        ],
        b"consumers": consumers,
    }


@streams.command("XINFO|GROUPS", 3, READONLY, keys=one("RO access", at=2), since="5.0.0")
def xinfo_groups(s: Session, argv: Argv) -> Reply:
    """The stream's groups."""
    found = _existing(s, argv[2])
    return [
        {
            b"name": name,
            b"consumers": len(group.consumers),
            b"pending": len(group.pending),
            b"last-delivered-id": format_id(group.last),
            **_reading(s, found, group),
        }
        for name, group in sorted(found.groups.items())
    ]


@streams.command("XINFO|CONSUMERS", 4, READONLY, keys=one("RO access", at=2), since="5.0.0")
def xinfo_consumers(s: Session, argv: Argv) -> Reply:
    """The consumers of a group."""
    group = _existing(s, argv[2]).groups.get(argv[3])
    if group is None:
        raise CommandError(
            f"NOGROUP No such consumer group '{printable(argv[3])}' for key name '{printable(argv[2])}'"
        )
    replies: list[Reply] = []
    for _, each in sorted(group.consumers.items()):
        shown: dict[bytes, Reply] = {
            b"name": each.name,
            b"pending": len(each.pending),
            b"idle": max(s.now - each.seen, 0),
        }
        if not s.legacy_doubles:
            shown[b"inactive"] = each.active if each.active < 0 else max(s.now - each.active, 0)
        replies.append(shown)
    return replies


@streams.command("XINFO|HELP", 2, LOADING | STALE, since="5.0.0")
def xinfo_help(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "xinfo")
