"""Differences that stay, each with its reason."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, filterfalse
from typing import Final, Literal

from tests.differential.player import CLOSED
from tests.differential.wire import Node, decode, encode, transform

from . import comparing
from .scripts import command_of

Line = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What differs, and why it stays."""

    reason: str
    applies: Callable[[Line, bytes, bytes], bool]


def _texts(real: bytes, ours: bytes) -> Callable[[Line, bytes, bytes], bool]:
    return lambda line, one, two: (
        re.match(real, one, re.DOTALL) is not None and re.match(ours, two) is not None
    )


def _commands(
    names: str, inner: Callable[[Line, bytes, bytes], bool]
) -> Callable[[Line, bytes, bytes], bool]:
    wanted = frozenset(name.encode() for name in names.split())
    return lambda line, one, two: bool(line) and line[0].lower() in wanted and inner(line, one, two)


def negative_limit(line: Line) -> bool:
    """Whether LIMIT is followed by a number less than nought."""
    words = [word.upper() for word in line]
    return any(
        word == b"LIMIT" and words[at + 1 : at + 2] and words[at + 1][:1] == b"-"
        for at, word in enumerate(words)
    )


ALWAYS: Final = [
    Known(
        "which of a library's functions is found to be there already depends on a hash table",
        _commands(
            "function", _texts(rb"-ERR Function \w+ already exists", rb"-ERR Function \w+ already exists")
        ),
    ),
    Known(
        "what the memory's allocator has to say has another form in another build",
        _commands("memory", lambda line, one, two: line[1:2] != () and line[1].lower() == b"malloc-stats"),
    ),
    Known(
        "where a cursor leads that no reply had depends on the hash table",
        _commands(
            "scan sscan hscan zscan",
            lambda line, one, two: b"0" not in line[1:3] and one[:4] == two[:4] == b"*2\r\n",
        ),
    ),
    Known(
        "small integers are shared: which strings those are is found from the content, too, and 9.0 shares none",
        _commands("object", lambda line, one, two: len(line) > 1 and line[1].lower() == b"refcount"),
    ),
]

# Redis 7.0, which stands for MemoryDB's engines 7.0 and 7.1.
OLDER: Final = [
    Known(
        "7.0 looks at the unit of BITCOUNT after the range, and takes the least rank of LPOS for a positive one",
        lambda line, one, two: (
            (line[0].lower() == b"bitcount" and len(line) == 5 and two.startswith(b"-ERR syntax"))
            or (line[0].lower() == b"lpos" and b"-9223372036854775808" in line)
        ),
    ),
    Known(
        "a key that was set with a time long past is counted until somebody looks",
        _commands("dbsize", _texts(rb":", rb":")),
    ),
    Known(
        "the order of a set is that of its hash table, and SORT BY of no pattern takes some of it",
        _commands("sort sort_ro", lambda line, one, two: b"BY" in map(bytes.upper, line)),
    ),
]

_PROGRESS: Final = re.compile(rb"(lag|entries-read)\r\n[^\r]*")

# Valkey 9.1 is newer than the engines that MemoryDB has.
NEWER: Final = [
    Known(
        "9.0 may have several databases in a cluster",
        _commands("select", _texts(rb"-ERR DB index", rb"-ERR SELECT is not allowed")),
    ),
    Known(
        "8.1: to transactions a list has not changed of which LTRIM keeps all",
        _commands(
            "exec",
            lambda line, one, two: (
                line[1:] == (b"LTRIM",) and one[:1] == b"*" and two in (b"_\r\n", b"*-1\r\n")
            ),
        ),
    ),
    Known(
        "9.1 keeps as text what a script appends to no key",
        _commands("object", _texts(rb"\$6\r\nembstr", rb"\$3\r\nint")),
    ),
    Known(
        "9.0 keeps longer strings in one piece",
        _commands("object", _texts(rb"\$\d+\r\n(embstr|raw)", rb"\$\d+\r\n(embstr|raw)")),
    ),
    Known(
        "8.0 tells less often how far a group lags, where entries were deleted, and 8.1 counts anew what one has read that was "
        "before the first entry; the rule of 7.2 is that of 7.0, where it is compared",
        _commands(
            "xinfo",
            lambda line, one, two: comparing.same(
                line, *(_PROGRESS.sub(rb"\1\r\n:0", each) for each in (one, two))
            ),
        ),
    ),
    Known(
        "8.1 reads floats without the C library, which knows hexadecimal ones and skips blanks",
        lambda line, one, two: any(b"0x" in word.lower() or word[:1] == b" " for word in line),
    ),
    Known(
        "scripts: the texts name another product since 8.0",
        _texts(
            rb"-ERR (This Valkey|Unknown|Wrong number of args calling|Attempted to access)",
            rb"-ERR (This Redis|Unknown|Wrong number of args calling|Script attempted to access)",
        ),
    ),
    Known(
        "9.1 no longer says what to use instead of a script that there is not",
        _texts(
            rb"-NOSCRIPT No matching script\.\r\n", rb"-NOSCRIPT No matching script\. Please use EVAL\.\r\n"
        ),
    ),
    Known(
        "8.0 tells which member there is not",
        _texts(rb"-ERR member .* does not exist", rb"-ERR could not decode requested zset member"),
    ),
    Known(
        "SCAN: later releases know which types there are",
        _commands("scan", _texts(rb"-ERR unknown type name", rb"[*]|-ERR syntax error")),
    ),
    Known(
        "later releases look at how long the members are before they add them, those that are not added, too",
        _commands("object", _texts(rb"\$8\r\nskiplist", rb"\$8\r\nlistpack")),
    ),
    Known(
        "9.1: LOLWUT draws another picture, of columns and rows of its own",
        _commands("lolwut", _texts(rb"-ERR (Syntax error\. Use: LOLWUT|value is not an integer)", rb"\$|=")),
    ),
    Known("8.0 has + for the last entry", _commands("xread xreadgroup", lambda line, one, two: b"+" in line)),
    Known(
        "9.0 checks the time before it looks for the key",
        _commands("getex", _texts(rb"-ERR", rb"[$_]|-WRONGTYPE")),
    ),
    Known(
        "8.0: BITCOUNT's end may be left out, and is read last",
        _commands(
            "bitcount",
            lambda line, one, two: len(line) == 3 or (len(line) == 5 and one[:1] == two[:1] == b"-"),
        ),
    ),
    Known(
        "8.0 says first that the transaction is spoilt, then that its keys are apart",
        _commands("exec", _texts(rb"-EXECABORT", rb"-CROSSSLOT")),
    ),
    Known(
        "8.0 refuses WATCH in MULTI before it looks at the keys",
        _commands("watch", _texts(rb"-ERR Command 'watch'", rb"-CROSSSLOT")),
    ),
    Known(
        "later releases take a negative offset of LIMIT for none",
        lambda line, one, two: negative_limit(line),
    ),
    Known(
        "of several errors in a library 9.1 tells another one",
        _commands("function", _texts(rb"-ERR (Error registering|Function)", rb"-ERR Error registering")),
    ),
    Known(
        "9.1 says of keys that are only written to what 7.2 said otherwise (test_command_metadata.py)",
        lambda line, one, two: (
            tuple(map(bytes.lower, line[:2])) == (b"command", b"getkeysandflags")
            and line[2:3] != ()
            and line[2].lower() in (b"sinterstore", b"georadius", b"georadiusbymember")
        ),
    ),
    Known(
        "7.2 does not serve WAITAOF in scripts",
        _commands("waitaof", _texts(rb"", rb"-ERR This Redis command is not")),
    ),
    Known(
        "8.0 reads cursors more strictly",
        _commands("scan sscan hscan zscan", _texts(rb"-ERR invalid cursor", rb"")),
    ),
    Known(
        "8.0 refuses what may not stand in MULTI, which spoils the transaction",
        _commands(
            "watch multi",
            _texts(rb"-ERR Command '.*' not allowed inside", rb"-ERR (WATCH inside|MULTI calls can)"),
        ),
    ),
]


_STORED_CODE: Final = frozenset({b"EVALSHA", b"EVALSHA_RO", b"FCALL", b"FCALL_RO"})


def _may_trim(line: Line, before: Iterable[Line]) -> bool:
    """Whether a line has LTRIM in it, or runs code which one before it may have brought."""
    trims = any(b"ltrim" in word.lower() for word in line)
    return trims or (
        line[:1] != () and line[0].upper() in _STORED_CODE and any(_may_trim(each, ()) for each in before)
    )


def tells_of_trimming(said: list[Line], real: list[bytes], ours: list[bytes]) -> bool:
    """Whether all that differs is when, or that, those who track a list are told of it of which LTRIM kept all: later releases
    take that for no change, and tell of what changes it next."""
    words = [word for at, line in enumerate(said) if _may_trim(line, said[:at]) for word in line]

    def is_of_trimming(reply: bytes) -> bool:
        return any(key in word for key in _invalidated(reply) for word in words)

    return len(ours) >= len(real) and [*filterfalse(is_of_trimming, real)] == [
        *filterfalse(is_of_trimming, ours)
    ]


def trims_what_is_watched(said: list[tuple[str, Line]], name: str) -> bool:
    """Whether LTRIM may have come to a list between WATCH and EXEC of the client with that name. `said`: who said what."""
    watched: set[bytes] = set()
    queues = trimmed = False
    for at, (who, line) in enumerate(said):
        word = line[0].upper()
        if who == name and word in (b"EXEC", b"DISCARD", b"UNWATCH", b"RESET"):
            if trimmed and word == b"EXEC":
                return True
            watched, queues, trimmed = set(), False, False
        elif who == name and (queues or word in (b"MULTI", b"WATCH")):
            queues = queues or word == b"MULTI"
            watched |= set() if queues else set(line[1:])
        elif _may_trim(line, [each for _, each in said[:at]]):
            trimmed = trimmed or any(key in part for key in watched for part in line)
    return False


def is_told_before_it_is_killed(said: list[Line], real: list[bytes], ours: list[bytes]) -> bool:
    """Whether only ours still sends what it had to say to a client that CLIENT KILL ends: a real server has sent nothing of that
    turn yet, and drops it."""
    kills = any(tuple(map(bytes.upper, line[:2])) == (b"CLIENT", b"KILL") for line in said)
    ended = real[-1:] == ours[-1:] == [CLOSED]
    return kills and ended and ours[: len(real) - 1] == real[:-1]


_DEADLINES: Final = frozenset({b"EXAT", b"PXAT", b"EXPIREAT", b"PEXPIREAT"})


def _expires_at_once(line: Line) -> bool:
    for at, word in enumerate(map(bytes.upper, line)):
        if word in _DEADLINES:
            given = line[at + 1 : at + 2] if at else line[2:3]
            milliseconds = word.startswith(b"P")
            if given and re.fullmatch(rb"-?\d{1,15}", given[0]):
                return int(given[0]) < time.time() * (1000 if milliseconds else 1)
    return False


def tells_of_expiry(said: list[Line], real: list[bytes], ours: list[bytes]) -> bool:
    """Whether all that differs is when those who track a key are told of it that was given a deadline in the past: as soon as a
    server finds it."""
    words = {word for line in said if _expires_at_once(line) for word in line}

    def expires(reply: bytes) -> bool:
        return any(key in words for key in _invalidated(reply))

    return [*filterfalse(expires, real)] == [*filterfalse(expires, ours)]


def tells_patterns_in_another_order(lines: Iterable[Line], real: list[bytes], ours: list[bytes]) -> bool:
    """Whether all that differs is for which of its patterns a client hears first of a message that its own transaction sends: that
    is up to a hash table."""
    one, two = (b"".join(each).split(b"\r\n") for each in (real, ours))
    executes = any(line[0].upper() == b"EXEC" for line in lines)
    return executes and b"pmessage" in one and sorted(one) == sorted(two)


def forgets_who_waits(said: list[Line], real: list[bytes], ours: list[bytes]) -> bool:
    """Whether only ours answers a client that waits for a stream which a transaction has flushed: 9.1 looks for the keys in the slot
    of the transaction, which may be that of a shard channel."""
    words = {line[0].upper() for line in said}
    flushes = b"MULTI" in words and not words.isdisjoint((b"FLUSHALL", b"FLUSHDB"))
    in_slots = not words.isdisjoint((b"SSUBSCRIBE", b"SUNSUBSCRIBE", b"SPUBLISH"))
    return (
        flushes
        and in_slots
        and ours[: len(real)] == real
        and all(reply.startswith(b"-NOGROUP") for reply in ours[len(real) :])
    )


def _invalidated(reply: bytes) -> list[bytes]:
    """The keys that a message names; none for any other reply: [invalidate, [key, ...]]."""
    if not reply.startswith(b">2\r\n$10\r\ninvalidate\r\n"):
        return []
    return [each.value for each in decode(reply).children[1].children if isinstance(each.value, bytes)]


SCRIPTING: Final = frozenset({(b"EVAL",), (b"EVAL_RO",), (b"FUNCTION",), (b"FCALL",), (b"FCALL_RO",)})
# Valkey 9.1 has other words for some errors of scripts, which stand in what a script makes of them, too.
_NEW_WORDS: Final = (
    (re.compile(rb"^\$\d+\r\n", re.MULTILINE), b"$\r\n"),  # lengths, also of what stands in an array
    (re.compile(rb"script: \w+, on"), b"script: on"),
    (re.compile(rb"This Valkey command is"), b"This Redis command is"),
    (re.compile(rb"args calling Redis command from"), b"args calling command from"),
    (re.compile(rb"Lua redis lib command arguments must"), b"Command arguments must"),
    (re.compile(rb"for this redis lib call"), b"for this call"),
    (re.compile(rb"Unknown Redis command called"), b"Unknown command called"),
    (re.compile(rb"(redis|server)\.set_repl\(\) requires (one|two) arguments?"), b"set_repl"),
    (re.compile(rb"(redis|server)\.(\w+\(\) requires)"), rb"\2"),
    (re.compile(rb"(redis|server)\.acl_check_cmd"), b"acl_check_cmd"),
    (re.compile(rb"(redis|server)\.register_function"), b"register_function"),
    (re.compile(rb"member [^\r\n]* does not exist"), b"could not decode requested zset member"),
    (
        re.compile(rb"\A-ERR (Error registering functions: ERR )?(Function|Library) (already|names)"),
        rb"-ERR Function \3",
    ),
    (re.compile(rb"\AERR [ \r\n]+|(?<=ERR )[ \r\n]+"), b""),  # it trims only some errors
)


def reworded(reply: bytes) -> bytes:
    """What a script answers, in the words of Valkey 9.1."""
    # The order of a table is that of Lua's hash table, which 9.1 has another of.
    if reply[:1] in (b"*", b"%"):
        reply = encode(transform(decode(reply), _in_order))
    for old, new in _NEW_WORDS:
        reply = old.sub(new, reply)
    return reply


def _in_order(node: Node) -> Node:
    if node.kind != "%":
        return node
    pairs = zip(node.children[::2], node.children[1::2], strict=True)
    return Node("%", tuple(chain.from_iterable(sorted(pairs, key=lambda pair: encode(pair[0])))))


def is_known(line: Line, real: bytes, ours: bytes, *, newer: bool) -> bool:
    """Whether the difference is one of those that stay."""
    return any(each.applies(line, real, ours) for each in [*ALWAYS, *(NEWER if newer else OLDER)])


def verdict(
    line: Line, real: bytes, ours: bytes, queued: list[Line] | None, *, newer: bool
) -> Literal["same", "known", "other"]:
    """Whether two replies agree. `queued` is what EXEC was for. Two refusals that are known to differ change nothing."""
    command = command_of(line)
    executes = command[:1] == (b"EXEC",) and queued is not None
    if executes and _same_transaction(queued or [], real, ours, newer=newer):
        return "same"
    if not executes and comparing.same(command, real, ours):
        return "same"
    # Behind confirmations of subscriptions an error of a script may be taken for another line's.
    of_script = command[:1] in SCRIPTING or (real[:1] == ours[:1] == b"-" and b" script: on @" in real)
    if newer and of_script and reworded(real) == reworded(ours):
        return "same"
    if not is_known(command, real, ours, newer=newer):
        return "other"
    refused = real[:1] == ours[:1] == b"-" and command[0].upper() not in (b"WATCH", b"MULTI", b"EXEC")
    return "same" if refused else "known"


def _same_transaction(queued: list[Line], real: bytes, ours: bytes, *, newer: bool) -> bool:
    if real == ours:
        return True
    if real[:1] != b"*" or ours[:1] != b"*":
        return False
    left, right = decode(real).children, decode(ours).children
    return len(left) == len(right) == len(queued) and all(
        comparing.same(command, encode(one), encode(two))
        or (newer and command[:1] in SCRIPTING and reworded(encode(one)) == reworded(encode(two)))
        or is_known(command, encode(one), encode(two), newer=newer)
        for command, one, two in zip(queued, left, right, strict=True)
    )
