"""DEBUG, which a managed node does not have: what test suites use of it, on an unrestricted engine.

https://valkey.io/commands/debug/ has no reference of it, on purpose; `DEBUG HELP` lists what there is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from localstack_memorydb.engine import digest, rdb
from localstack_memorydb.engine.commands import debug_process as process
from localstack_memorydb.engine.commands import debug_tables as tables
from localstack_memorydb.engine.commands.debug_tables import live
from localstack_memorydb.engine.commands.keys import encoding, references
from localstack_memorydb.engine.errors import (
    CommandError,
    NoSuchKey,
    printable,
    unknown_subcommand,
    wrong_subcommand_arguments,
)
from localstack_memorydb.engine.eviction import idle_seconds
from localstack_memorydb.engine.giving_way import made_at_leisure
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.looking import look
from localstack_memorydb.engine.numbers import INT_MAX, leading_number, parse_int_in
from localstack_memorydb.engine.readers import read_memory
from localstack_memorydb.engine.registry import ADMIN, LOADING, NOSCRIPT, STALE, Family
from localstack_memorydb.engine.resp import (
    OK,
    Argv,
    BigNumber,
    Reply,
    Several,
    Simple,
    Unordered,
    Verbatim,
    Wire,
)
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.slots import key_slot
from localstack_memorydb.engine.snapshots import load_saved, save_shard
from localstack_memorydb.engine.spec import SnapshotError
from localstack_memorydb.engine.switches import Switches

LOG = logging.getLogger(__name__)

debug = Family("server", unrestricted=True)

_LARGEST_NODE: Final = 4 << 30
_FRAME: Final = 11  # of a DUMP payload: the type, the version and the checksum


@debug.command("DEBUG", -2, ADMIN | LOADING | NOSCRIPT | STALE)
def debug_(s: Session, argv: Argv) -> Reply:
    """Looks at what clients should not see, and makes happen what should not happen."""
    name = argv[1].lower()
    found = _subcommands(s.table.level).get(name)
    if found is None or not found.least <= len(argv) - 2 <= found.most:
        if s.legacy:
            raise unknown_subcommand("debug", argv[1], legacy=True)
        raise wrong_subcommand_arguments("debug", argv[1], s.legacy)
    return found.run(s, argv)


# -- time and errors --------------------------------------------------------------------------------------------------


def _sleep(s: Session, argv: Argv) -> Reply:
    """Stops the shard. Other shards and their clients go on, as other servers would."""
    return made_at_leisure(s, argv, partial(_nap, s.node.cluster.switches, leading_number(argv[2])))


def _nap(switches: Switches, seconds: float) -> Reply:
    while seconds > 0:
        switches.sleep(min(seconds, _NAP))
        seconds -= _NAP
        look()
    return OK


_NAP: Final = 0.01


def _error(s: Session, argv: Argv) -> Reply:
    raise CommandError(argv[2].decode("utf-8", "surrogateescape"))


def _log(s: Session, argv: Argv) -> Reply:
    LOG.warning("DEBUG LOG: %s", printable(argv[2]))
    return OK


def _set_active_expire(s: Session, argv: Argv) -> Reply:
    s.node.cluster.switches.active_expire = leading_number(argv[2]) != 0
    return OK


def _pause_cron(s: Session, argv: Argv) -> Reply:
    """What happens by itself several times a second happens no more: expiry, the ends of pauses and timeouts."""
    s.node.cluster.switches.cron = leading_number(argv[2]) == 0
    return OK


def _set_disable_deny_scripts(s: Session, argv: Argv) -> Reply:
    s.node.cluster.switches.scripts_run_all = leading_number(argv[2]) != 0
    return OK


def _change_repl_id(s: Session, argv: Argv) -> Reply:
    s.node.shard.replication_id = f"{s.node.cluster.random.getrandbits(160):040x}"
    return OK


# -- values -----------------------------------------------------------------------------------------------------------


def _object(s: Session, argv: Argv) -> Reply:
    key = argv[2]
    value = s.node.shard.keyspace.of(key).get(key)  # expired or not
    if value is None:
        raise NoSuchKey
    limits = s.node.cluster.parameters.limits
    idle = idle_seconds(s.node.shard.keyspace.of(key), key, s.node.started, s.now)
    return Simple(
        b"Value at:0x%x refcount:%d encoding:%b serializedlength:%d lru:%d lru_seconds_idle:%d"
        % (
            id(value),
            references(s, key, value),
            encoding(s, key, value),
            len(rdb.dump(value, version=rdb.version_of(s.table.level), limits=limits)) - _FRAME,
            (s.now // 1000 - idle) & 0xFFFFFF,
            idle,
        )
    )


def _quicklist_packed_threshold(s: Session, argv: Argv) -> Reply:
    """Checked and forgotten: elements of lists have no nodes of their own here."""
    size = read_memory(printable(argv[2]))
    if size is None or size > _LARGEST_NODE:
        raise CommandError("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
    return OK


def _digest(s: Session, argv: Argv) -> Reply:
    return Simple(digest.of_keys(s.node.shard.keyspace.entries(s.now)).hex().encode())


def _digest_value(s: Session, argv: Argv) -> Reply:
    found = []
    for key in argv[2:]:
        value = live(s, key)
        deadline = s.node.shard.keyspace.of(key).deadlines.get(key)
        found.append(digest.EMPTY if value is None else digest.of_value(value, deadline))
    return [Simple(each.hex().encode()) for each in found]


# -- the whole data ---------------------------------------------------------------------------------------------------


def _populate(s: Session, argv: Argv) -> Reply:
    """Makes strings, as far as they belong to this shard. Like all that DEBUG does, it is not in the log on disk."""
    count = parse_int_in(argv[2], 0, INT_MAX, "ERR value is out of range, must be positive")
    prefix = argv[3] if len(argv) > 3 else b"key"
    size = (
        parse_int_in(argv[4], 0, INT_MAX, "ERR value is out of range, must be positive")
        if len(argv) > 4
        else 0
    )
    cluster, shard = s.node.cluster, s.node.shard
    for number in range(count):
        key, value = b"%b:%d" % (prefix, number), b"value:%d" % number
        slot = key_slot(key)
        if cluster.owner(slot) is shard:
            shard.keyspace.slot(slot).setdefault(key, value[:size].ljust(size, b"\0") if size else value)
    shard.budget.recount()
    return OK


def _reload(s: Session, argv: Argv) -> Reply:
    """Saves the shard and loads it again."""
    words = {word.upper() for word in argv[2:]}
    if words - {b"MERGE", b"NOFLUSH", b"NOSAVE"}:
        raise CommandError("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
    if b"NOSAVE" not in words:
        save_shard(s.node.shard, s.now)
    try:
        load_saved(s.node.shard, s.now, flush=b"NOFLUSH" not in words, replaces=b"MERGE" in words)
    except SnapshotError:
        more = "" if s.legacy_doubles else ", check server logs."
        raise CommandError(f"ERR Error trying to load the RDB dump{more}") from None
    return OK


# -- replies ----------------------------------------------------------------------------------------------------------


def _attribute(s: Session) -> Reply:
    reply = b"Some real reply following the attribute"
    attribute = Wire(b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n")
    return Several([attribute, reply]) if s.protocol == 3 else reply


def _push(s: Session) -> Reply:
    if s.protocol == 2:
        raise CommandError("ERR RESP2 is not supported by this command")
    push = Wire(b">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n")
    reply = b"Some real reply following the push reply"
    return Several([push, reply] if s.legacy_doubles else [reply, push])  # since 7.2 what is pushed waits


_REPLIES: Final[dict[bytes, Callable[[Session], Reply]]] = {
    b"string": lambda _: b"Hello World",
    b"integer": lambda _: 12345,
    b"double": lambda _: 3.141,
    b"bignum": lambda _: BigNumber("1234567999999999999999999999999999999"),
    b"null": lambda _: None,
    b"array": lambda _: [0, 1, 2],
    b"set": lambda _: Unordered([0, 1, 2]),
    b"map": lambda _: {0: False, 1: True, 2: False},
    b"attrib": _attribute,
    b"push": _push,
    b"verbatim": lambda _: Verbatim(b"This is a verbatim\nstring"),
    b"true": lambda _: True,
    b"false": lambda _: False,
}


def _protocol(s: Session, argv: Argv) -> Reply:
    """A reply of each kind, for those who write clients."""
    reply = _REPLIES.get(argv[2].lower())
    if reply is None:
        names = "|".join(name.decode() for name in _REPLIES)
        raise CommandError(f"ERR Wrong protocol type name. Please use one of the following: {names}")
    return reply(s)


def _help(s: Session, argv: Argv) -> Reply:
    return help_lines(s, "debug", _subcommands(s.table.level))


@dataclass(frozen=True, slots=True)
class _Subcommand:
    """`least` and `most` arguments may follow its name. Engine versions from `since` to before `before` have it."""

    run: Callable[[Session, Argv], Reply]
    least: int
    most: int
    since: tuple[int, ...] = (6, 2)
    before: tuple[int, ...] = (99,)


_SUBCOMMANDS: Final[dict[bytes, _Subcommand]] = {
    b"aof-flush-sleep": _Subcommand(process.aof_flush_sleep, 1, 1),
    b"change-repl-id": _Subcommand(_change_repl_id, 0, 0),
    b"client-eviction": _Subcommand(process.client_eviction, 0, 0, since=(7,)),
    b"client-enforce-reply-list": _Subcommand(process.client_enforce_reply_list, 1, 1, since=(7, 2)),
    b"config-rewrite-force-all": _Subcommand(process.config_rewrite_force_all, 0, 0),
    b"digest": _Subcommand(_digest, 0, 0),
    b"digest-value": _Subcommand(_digest_value, 0, INT_MAX),
    b"error": _Subcommand(_error, 1, 1),
    b"help": _Subcommand(_help, 0, 0),
    b"htstats": _Subcommand(tables.htstats, 1, 1, before=(7, 2)),
    b"htstats-key": _Subcommand(tables.htstats_key, 1, 1, before=(7, 2)),
    b"jmap": _Subcommand(process.jmap, 0, 0),
    b"listpack": _Subcommand(tables.listpack, 1, 1, since=(7,)),
    b"loadaof": _Subcommand(process.loadaof, 0, INT_MAX),
    b"log": _Subcommand(_log, 1, 1),
    b"object": _Subcommand(_object, 1, 2),
    b"pause-cron": _Subcommand(_pause_cron, 1, 1),
    b"populate": _Subcommand(_populate, 1, 3),
    b"protocol": _Subcommand(_protocol, 1, 1),
    b"quicklist": _Subcommand(tables.quicklist, 1, 2, since=(7,)),
    b"quicklist-packed-threshold": _Subcommand(_quicklist_packed_threshold, 1, 1, since=(7,)),
    b"reload": _Subcommand(_reload, 0, INT_MAX),
    b"replybuffer": _Subcommand(process.replybuffer, 2, 2, since=(7,)),
    b"sdslen": _Subcommand(tables.sdslen, 1, 1),
    b"set-active-expire": _Subcommand(_set_active_expire, 1, 1),
    b"set-disable-deny-scripts": _Subcommand(_set_disable_deny_scripts, 1, 1, since=(7,)),
    b"set-skip-checksum-validation": _Subcommand(process.set_skip_checksum_validation, 1, 1),
    b"sleep": _Subcommand(_sleep, 1, 1),
    b"stringmatch-len": _Subcommand(process.stringmatch_len, 2, 2),
    b"stringmatch-test": _Subcommand(process.stringmatch_test, 0, 0),
    b"structsize": _Subcommand(tables.structsize, 0, 0),
    b"ziplist": _Subcommand(tables.ziplist, 1, 1, before=(7,)),
}
_SINCE_7_2: Final[dict[bytes, _Subcommand]] = {
    b"htstats": _Subcommand(tables.htstats, 1, INT_MAX),
    b"htstats-key": _Subcommand(tables.htstats_key, 1, INT_MAX),
}


@cache
def _subcommands(level: tuple[int, ...]) -> dict[bytes, _Subcommand]:
    """Those of a version."""
    known = {name: found for name, found in _SUBCOMMANDS.items() if found.since <= level < found.before}
    return known if level < (7, 2) else known | _SINCE_7_2
