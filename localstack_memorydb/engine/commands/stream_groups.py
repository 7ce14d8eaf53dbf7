"""Consumer groups of streams. https://valkey.io/topics/streams-intro/#consumer-groups"""

from __future__ import annotations

from itertools import islice
from typing import Final

from localstack_memorydb.engine.commands.streams import (
    ENTRY,
    Request,
    by_key,
    keys_of_read,
    newest,
    parse_end,
    parse_id,
    parse_start,
    record,
    show,
    streams,
)
from localstack_memorydb.engine.errors import (
    CommandError,
    ReplyTooLarge,
    SyntaxFault,
    printable,
    wrong_subcommand_arguments,
)
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.numbers import INT_MAX, INT_MIN, parse_int, parse_int_in
from localstack_memorydb.engine.registry import (
    BLOCKING,
    DENYOOM,
    FAST,
    LOADING,
    READONLY,
    STALE,
    WRITE,
    keyword,
    one,
)
from localstack_memorydb.engine.resp import MOST_TO_SEND, NULL_ARRAY, OK, Argv, Reply
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.streams import ID_MAX, Consumer, Fields, Group, Pending, Stream, format_id

_CLAIM_COUNT = 100  # of XAUTOCLAIM
_CLAIM_ATTEMPTS = 10  # messages that XAUTOCLAIM looks at for each one that it may claim


class NoGroup(CommandError):
    """There is no such key, or no such group of it."""

    def __init__(self, key: bytes, group: bytes, where: str = "") -> None:
        super().__init__(
            f"NOGROUP No such key '{printable(key)}' or consumer group '{printable(group)}'{where}"
        )


def _group(s: Session, argv: Argv) -> tuple[Stream, Group]:
    """The stream and the group that a command line begins with. Raises NoGroup."""
    stream = s.value(argv[1], Stream)
    group = None if stream is None else stream.groups.get(argv[2])
    if stream is None or group is None:
        raise NoGroup(argv[1], argv[2])
    return stream, group


# -- XGROUP -----------------------------------------------------------------------------------------------------------


_REPEATERS: Final = frozenset({"replay", "multi-region"})
"""Who tells of groups that have counted beyond the largest number, as they were."""


def _complain(s: Session, argv: Argv) -> Reply:
    """XGROUP in 6.2 with a subcommand that is none, or with other arguments."""
    if len(argv) > 3:
        if argv[1].lower() in {b"setid", b"createconsumer", b"delconsumer"}:
            _named(s, argv)
        else:
            _stream(s, argv[2])
    raise wrong_subcommand_arguments("xgroup", argv[1], s.legacy)


streams.container("XGROUP", since="5.0.0", complains=_complain)


def _entries_read(s: Session, argv: Argv, at: int, creating: bool) -> tuple[int | None, bool]:
    """The options of XGROUP CREATE and SETID: how many entries were read, and whether MKSTREAM is there."""
    read, makes = -1, False
    if s.legacy and at < len(argv):
        return None, _makes_in_6_2(s, argv, creating)
    while at < len(argv):
        word = argv[at].upper()
        if word == b"MKSTREAM" and creating:
            makes = True
            at += 1
        elif word == b"ENTRIESREAD" and at + 1 < len(argv):
            read = parse_int(argv[at + 1])
            if read < -1 and s.peer not in _REPEATERS:
                raise CommandError("ERR value for ENTRIESREAD must be positive or -1")
            at += 2
        else:
            raise wrong_subcommand_arguments("xgroup", argv[1], s.legacy)
    return None if read == -1 else read, makes


def _makes_in_6_2(s: Session, argv: Argv, creating: bool) -> bool:
    """Whether MKSTREAM is there, the only option of 6.2, which looks at the key before it complains of others."""
    if not creating:
        _named(s, argv)
    elif len(argv) > 6:
        _stream(s, argv[2])
    elif argv[5].upper() == b"MKSTREAM":
        return True
    raise wrong_subcommand_arguments("xgroup", argv[1], s.legacy)


def _stream(s: Session, key: bytes) -> Stream:
    found = s.value(key, Stream)
    if found is None:
        raise CommandError(
            "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the "
            "MKSTREAM option to create an empty stream automatically."
        )
    return found


def _named(s: Session, argv: Argv) -> tuple[Stream, Group]:
    """The stream and the group of a subcommand that needs both."""
    found = _stream(s, argv[2])
    group = found.groups.get(argv[3])
    if group is None:
        raise CommandError(
            f"NOGROUP No such consumer group '{printable(argv[3])}' for key name '{printable(argv[2])}'"
        )
    return found, group


@streams.command("XGROUP|CREATE", -5, WRITE | DENYOOM, keys=one("RW insert", at=2), since="5.0.0")
def xgroup_create(s: Session, argv: Argv) -> Reply:
    """Makes a group."""
    read, makes = _entries_read(s, argv, 5, creating=True)
    found = s.value(argv[2], Stream) if makes else _stream(s, argv[2])
    if len(argv) > 8:
        raise wrong_subcommand_arguments("xgroup", argv[1], s.legacy)
    last = (0 if found is None else found.last) if argv[4] == b"$" else parse_id(argv[4])
    made = found is None
    if found is None:
        found = s.db[argv[2]] = Stream()
    if argv[3] in found.groups:
        raise CommandError("BUSYGROUP Consumer Group name already exists")
    found.groups[argv[3]] = Group(last, read)
    if not made:
        record(s, argv)
    return OK


@streams.command("XGROUP|SETID", -5, WRITE, keys=one("RW update", at=2), since="5.0.0")
def xgroup_setid(s: Session, argv: Argv) -> Reply:
    """Sets what a group was last given."""
    read, _ = _entries_read(s, argv, 5, creating=False)
    found, group = _named(s, argv)
    if len(argv) not in {5, 7}:
        raise wrong_subcommand_arguments("xgroup", argv[1], s.legacy)
    group.last = found.last if argv[4] == b"$" else parse_id(argv[4], strict=False)
    group.entries_read = read
    record(s, argv)
    return OK


@streams.command("XGROUP|DESTROY", 4, WRITE, keys=one("RW delete", at=2), since="5.0.0")
def xgroup_destroy(s: Session, argv: Argv) -> Reply:
    """Removes a group; clients that wait for its messages are told."""
    if _stream(s, argv[2]).groups.pop(argv[3], None) is None:
        s.unchanged = True
        return 0
    record(s, argv)
    s.node.shard.keyspace.wake(argv[2])
    return 1


@streams.command("XGROUP|CREATECONSUMER", 5, WRITE | DENYOOM, keys=one("RW insert", at=2), since="6.2.0")
def xgroup_createconsumer(s: Session, argv: Argv) -> Reply:
    """Adds a consumer to a group."""
    _, group = _named(s, argv)
    if argv[4] in group.consumers:
        s.unchanged = True
        return 0
    group.consumers[argv[4]] = Consumer(argv[4], s.now)
    record(s, argv)
    return 1


@streams.command("XGROUP|DELCONSUMER", 5, WRITE, keys=one("RW delete", at=2), since="5.0.0")
def xgroup_delconsumer(s: Session, argv: Argv) -> Reply:
    """Removes a consumer with what it has pending; how many messages that was."""
    _, group = _named(s, argv)
    consumer = group.consumers.take(argv[4])
    if consumer is None:
        s.unchanged = not s.legacy  # which tells of it all the same
        s.effect()
        return 0
    for identifier in looking(consumer.pending):
        del group.pending[identifier]
    record(s, argv)
    return len(consumer.pending)


@streams.command("XGROUP|HELP", 2, LOADING | STALE, since="5.0.0")
def xgroup_help(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "xgroup")


# -- what a log repeats -----------------------------------------------------------------------------------------------


def _delivered(key: bytes, name: bytes, group: Group, identifier: int, pending: Pending) -> Argv:
    """The command that makes a message pending as it is now, whenever it runs (streamPropagateXCLAIM)."""
    time, count = b"%d" % pending.time, b"%d" % pending.count
    named = [b"XCLAIM", key, name, pending.consumer.name, b"0", format_id(identifier)]
    options = [b"TIME", time, b"RETRYCOUNT", count, b"FORCE", b"JUSTID", b"LASTID", format_id(group.last)]
    return named + options


def _read_up_to(s: Session, key: bytes, name: bytes, group: Group) -> Argv:
    """The command that makes a group have read so far."""
    entry = [b"XGROUP", b"SETID", key, name, format_id(group.last)]
    if group.entries_read is not None and not s.legacy:
        entry += [b"ENTRIESREAD", b"%d" % group.entries_read]
    return entry


def _consumer(
    s: Session, entries: list[Argv], key: bytes, group: Group, names: tuple[bytes, bytes]
) -> Consumer:
    """The consumer of that name; that it is new is one of the entries."""
    if names[1] not in group.consumers:
        entries.append([b"XGROUP", b"CREATECONSUMER", key, *names])
    return group.consumer(names[1], s.now)


# -- reading as a consumer --------------------------------------------------------------------------------------------


def _find_groups(s: Session, request: Request) -> list[tuple[bytes, Stream, Group, int | None]]:
    """The group of every stream, and the ID to read after. Raises NoGroup, in the words of the engine version."""
    found: list[tuple[bytes, Stream, Group, int | None]] = []
    name = request.group or b""
    waited = s.blocked is not None and s.legacy_doubles
    for key, text in looking(zip(request.keys, request.texts, strict=True)):
        value = s.db.get(key)
        if waited and type(value) is not Stream:
            raise CommandError("UNBLOCKED the stream key no longer exists")
        stream = s.value(key, Stream)
        group = None if stream is None else stream.groups.get(name)
        if stream is None or group is None:
            if waited:
                raise CommandError("NOGROUP the consumer group this client was blocked on no longer exists")
            raise NoGroup(key, name, " in XREADGROUP with GROUP option")
        found.append((key, stream, group, _parse_read(text)))
    return found


def _parse_read(text: bytes) -> int | None:
    """The ID after which a consumer reads what it has pending; None for new messages."""
    if text == b"$":
        raise CommandError(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer "
            "by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty "
            "result set."
        )
    identifier = ID_MAX if text == b">" else parse_id(text)
    return None if identifier == ID_MAX else identifier  # which is what Valkey takes > for


@streams.command(
    "XREADGROUP",
    -7,
    WRITE | BLOCKING,
    keys=keyword("RO access", b"STREAMS", 4),
    since="5.0.0",
    finder=keys_of_read,
)
def xreadgroup(s: Session, argv: Argv) -> Reply:
    """New messages for a consumer, or those that it has pending; waits for some if asked to."""
    request = Request(s, argv, grouped=True)
    groups = _find_groups(s, request)
    names = (request.group or b"", request.consumer)
    replies: list[tuple[bytes, list[Reply]]] = []
    entries: list[Argv] = []
    count = 0
    for key, stream, group, identifier in groups:
        fresh = identifier is None and newest(s, stream) > group.last
        if identifier is None and not fresh:
            if not s.legacy_doubles:
                _consumer(s, entries, key, group, names)
            continue
        consumer = _consumer(s, entries, key, group, names)
        if identifier is None:
            delivered = _deliver(s, stream, group, consumer, request)
            replies.append((key, show(delivered)))
            if not request.noack:
                entries += [
                    _delivered(key, names[0], group, each, group.pending[each])
                    for each, _ in looking(delivered)
                ]
            entries.append(_read_up_to(s, key, names[0], group))
        else:
            replies.append((key, _history(s, stream, consumer, identifier, request.count)))
            count += len(replies[-1][1])
            if count * ENTRY > MOST_TO_SEND:  # a stream may be named many times
                raise ReplyTooLarge
    record(s, *entries)
    if replies:
        return by_key(s, replies)
    # Whatever becomes of the key is news: without the group there is nothing to wait for. 6.2 goes on waiting.
    return request.park(s, argv, request.texts, Stream if s.legacy else object)


def _deliver(
    s: Session, stream: Stream, group: Group, consumer: Consumer, request: Request
) -> list[tuple[int, Fields]]:
    """Gives new entries to the consumer."""
    if not request.noack:
        consumer.active = s.now
    entries = list(looking(islice(stream.between(group.last + 1, ID_MAX), request.count or None)))
    for identifier, _ in looking(entries):
        stream.advance(group, identifier)
        if request.noack:
            continue
        pending = group.pending.get(identifier)
        if pending is None:
            pending = Pending(consumer, s.now)
        pending.time, pending.count = s.now, 1
        group.give(identifier, pending, consumer)
    return entries


def _history(s: Session, stream: Stream, consumer: Consumer, after: int, count: int) -> list[Reply]:
    """What the consumer has pending; entries that are gone have no fields."""
    replies: list[Reply] = []
    for identifier in looking(islice(consumer.pending.irange(after + 1), count or None)):
        fields = stream.get(identifier)
        if fields is None:
            replies.append([format_id(identifier), NULL_ARRAY])
            continue
        pending = consumer.pending[identifier]
        pending.time = s.now
        pending.count += 1
        replies.append([format_id(identifier), list(fields)])
    return replies


@streams.command("XACK", -4, WRITE | FAST, keys=one("RW update"), since="5.0.0")
def xack(s: Session, argv: Argv) -> Reply:
    """Messages are done with; how many were pending."""
    stream = s.value(argv[1], Stream)
    group = None if stream is None else stream.groups.get(argv[2])
    if group is None:
        s.unchanged = True
        return 0
    done = sum(map(group.forget, looking([parse_id(text) for text in looking(argv[3:])])))
    if done:
        record(s, argv)
    else:
        s.unchanged = True
    return done


# -- pending messages -------------------------------------------------------------------------------------------------


@streams.command("XPENDING", -3, READONLY, keys=one("RO access"), since="5.0.0")
def xpending(s: Session, argv: Argv) -> Reply:
    """A group's pending messages: a summary, or the messages within an interval of IDs."""
    if len(argv) == 3:
        return _summary(_group(s, argv)[1])
    if not 6 <= len(argv) <= 9:
        raise SyntaxFault
    idle, at = 0, 3
    if argv[3].upper() == b"IDLE":
        idle, at = parse_int(argv[4]), 5
        if len(argv) < 8:
            raise SyntaxFault
    count = max(parse_int(argv[at + 2]), 0)
    start, stop = parse_start(argv[at]), parse_end(argv[at + 1])
    _, group = _group(s, argv)
    pending = group.pending
    if len(argv) > at + 3:
        consumer = group.consumers.get(argv[at + 3])
        if consumer is None:
            return []
        pending = consumer.pending
    listed = ((identifier, pending[identifier]) for identifier in pending.irange(start, stop))
    chosen = ((identifier, each) for identifier, each in listed if not idle or s.now - each.time >= idle)
    return [
        [format_id(identifier), each.consumer.name, max(s.now - each.time, 0), each.count]
        for identifier, each in looking(islice(chosen, count))
    ]


def _summary(group: Group) -> Reply:
    if not group.pending:
        return [0, None, None, NULL_ARRAY]
    first, last = group.pending.keys()[0], group.pending.keys()[-1]
    consumers = [
        [name, b"%d" % len(each.pending)] for name, each in sorted(group.consumers.items()) if each.pending
    ]
    return [len(group.pending), format_id(first), format_id(last), consumers]


class Claim:
    """The options of XCLAIM."""

    __slots__ = ("count", "force", "just_id", "last", "time")

    def __init__(self, argv: Argv, at: int, now: int) -> None:
        self.force = self.just_id = False
        self.last, self.count, self.time = 0, -1, -1
        while at < len(argv):
            word, more = argv[at].upper(), at + 1 < len(argv)
            if word == b"FORCE":
                self.force = True
            elif word == b"JUSTID":
                self.just_id = True
            elif word in {b"IDLE", b"TIME", b"RETRYCOUNT"} and more:
                at += 1
                self._number(word, argv[at], now)
            elif word == b"LASTID" and more:
                at += 1
                self.last = parse_id(argv[at])
            else:
                raise CommandError(f"ERR Unrecognized XCLAIM option '{printable(argv[at])}'")
            at += 1
        if not 0 <= self.time <= now:
            self.time = now

    def _number(self, word: bytes, text: bytes, now: int) -> None:
        number = parse_int_in(
            text, INT_MIN, INT_MAX, f"ERR Invalid {word.decode()} option argument for XCLAIM"
        )
        if word == b"RETRYCOUNT":
            self.count = number
        else:
            self.time = now - number if word == b"IDLE" else number


def _parse_idle(text: bytes, command: str) -> int:
    return max(parse_int_in(text, INT_MIN, INT_MAX, f"ERR Invalid min-idle-time argument for {command}"), 0)


def _claimed(stream: Stream, identifier: int, just_id: bool) -> Reply:
    """A claimed message as the reply shows it; null if it is gone, which 6.2 does not mind."""
    if just_id:
        return format_id(identifier)
    fields = stream.get(identifier)
    return None if fields is None else [format_id(identifier), list(fields)]


@streams.command("XCLAIM", -6, WRITE | FAST, keys=one("RW update"), since="5.0.0")
def xclaim(s: Session, argv: Argv) -> Reply:
    """Gives pending messages to another consumer."""
    stream, group = _group(s, argv)
    idle = _parse_idle(argv[4], "XCLAIM")
    identifiers: list[int] = []
    for text in looking(argv[5:]):
        try:
            identifiers.append(parse_id(text))
        except CommandError:
            break
    claim = Claim(argv, 5 + len(identifiers), s.now)
    key, names = argv[1], (argv[2], argv[3])
    entries: list[Argv] = []
    if claim.last > group.last:
        group.last = claim.last
        entries.append(_read_up_to(s, key, argv[2], group))
    if not s.legacy_doubles:  # before 7.2 a consumer that gets nothing is not made
        _consumer(s, entries, key, group, names)
    replies: list[Reply] = []
    for identifier in looking(identifiers):
        is_gone = stream.get(identifier) is None
        if is_gone and not s.legacy:
            if identifier in group.pending:
                entries.append(_delivered(key, argv[2], group, identifier, group.pending[identifier]))
            group.forget(identifier)
            continue
        pending = group.pending.get(identifier)
        if pending is None:
            if is_gone or not claim.force:
                continue
            pending = Pending(_consumer(s, entries, key, group, names), s.now)
        elif idle and s.now - pending.time < idle:
            continue
        pending.time = claim.time
        if claim.count >= 0:
            pending.count = claim.count
        elif not claim.just_id:
            pending.count += 1
        consumer = _consumer(s, entries, key, group, names)
        group.give(identifier, pending, consumer)
        consumer.active = s.now
        entries.append(_delivered(key, argv[2], group, identifier, pending))
        replies.append(_claimed(stream, identifier, claim.just_id))
    record(s, *entries)
    return replies


@streams.command("XAUTOCLAIM", -6, WRITE | FAST, keys=one("RW delete"), since="6.2.0")
def xautoclaim(s: Session, argv: Argv) -> Reply:
    """Gives messages that were pending for long to another consumer: where to go on, the messages, those that are gone."""
    idle = _parse_idle(argv[4], "XAUTOCLAIM")
    start = parse_start(argv[5])
    count, just_id = _autoclaim_options(s, argv)
    stream, group = _group(s, argv)
    key, names = argv[1], (argv[2], argv[3])
    entries: list[Argv] = []
    if not s.legacy_doubles:  # before 7.2 a consumer that gets nothing is not made
        _consumer(s, entries, key, group, names)
    claimed: list[Reply] = []
    gone: list[Reply] = []
    attempts = min(count, INT_MAX // 16) * _CLAIM_ATTEMPTS
    following = 0
    for tried, identifier in enumerate(looking(list(islice(group.pending.irange(start), attempts + 1)))):
        if tried == attempts or len(claimed) + len(gone) == count:
            following = identifier
            break
        if stream.get(identifier) is None and not s.legacy:
            entries.append(_delivered(key, argv[2], group, identifier, group.pending[identifier]))
            group.forget(identifier)
            gone.append(format_id(identifier))
            continue
        pending = group.pending[identifier]
        if idle and s.now - pending.time < idle:
            continue
        pending.time = s.now
        pending.count += not just_id
        consumer = _consumer(s, entries, key, group, names)
        group.give(identifier, pending, consumer)
        consumer.active = s.now
        entries.append(_delivered(key, argv[2], group, identifier, pending))
        claimed.append(_claimed(stream, identifier, just_id))
    record(s, *entries)
    return [format_id(following), claimed] if s.legacy else [format_id(following), claimed, gone]


def _autoclaim_options(s: Session, argv: Argv) -> tuple[int, bool]:
    count, just_id, at = _CLAIM_COUNT, False, 6
    most = INT_MAX if s.legacy else INT_MAX // 16
    while at < len(argv):
        word = argv[at].upper()
        if word == b"COUNT" and at + 1 < len(argv):
            at += 1
            count = parse_int_in(argv[at], 1, most, "ERR COUNT must be > 0")
        elif word == b"JUSTID":
            just_id = True
        else:
            raise SyntaxFault
        at += 1
    return count, just_id
