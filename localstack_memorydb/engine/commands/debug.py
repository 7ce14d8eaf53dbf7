"""DEBUG, which a managed node does not have: what test suites use of it, on an unrestricted engine.

https://valkey.io/commands/debug/ has no reference of it, on purpose; `DEBUG HELP` lists what there is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Final

from localstack_memorydb.engine import digest, rdb
from localstack_memorydb.engine.commands.keys import encoding, references
from localstack_memorydb.engine.configuration import read_memory
from localstack_memorydb.engine.documents import Document
from localstack_memorydb.engine.errors import (
    CommandError,
    NoSuchKey,
    printable,
    unknown_subcommand,
    wrong_subcommand_arguments,
)
from localstack_memorydb.engine.eviction import idle_seconds
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.numbers import INT_MAX, parse_int_in
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
from localstack_memorydb.engine.values import Value

LOG = logging.getLogger(__name__)

debug = Family("server", unrestricted=True)

_Subcommand = Callable[[Session, Argv], Reply]
_NUMBER: Final = re.compile(rb"\s*([0-9]+\.?[0-9]*|\.[0-9]+)").match
_LARGEST_NODE: Final = 4 << 30
_FRAME: Final = 11  # of a DUMP payload: the type, the version and the checksum


@debug.command("DEBUG", -2, ADMIN | LOADING | NOSCRIPT | STALE)
def debug_(s: Session, argv: Argv) -> Reply:
    """Looks at what clients should not see, and makes happen what should not happen."""
    name = argv[1].lower()
    run, least, most = _SUBCOMMANDS.get(name, (None, 0, 0))
    if run is None or not least <= len(argv) - 2 <= most:
        if s.legacy:
            raise unknown_subcommand("debug", argv[1], legacy=True)
        raise wrong_subcommand_arguments("debug", argv[1], s.legacy)
    return run(s, argv)


def _live(s: Session, key: bytes) -> Value | None:
    """The key's value, as if this were a command that reads it."""
    slot = s.node.shard.keyspace.of(key)
    s.node.shard.keyspace.purge(slot, key, s.now)
    return slot.get(key)


def _existing(s: Session, key: bytes) -> Value:
    value = _live(s, key)
    if value is None:
        raise NoSuchKey
    return value


def _number(text: bytes) -> float:
    """What C's atof makes of it; anything else than a number is 0."""
    found = _NUMBER(text)
    return 0.0 if found is None else float(found[1])


# -- time and errors --------------------------------------------------------------------------------------------------


def _sleep(s: Session, argv: Argv) -> Reply:
    """Stops the engine, all of it."""
    s.node.cluster.switches.sleep(_number(argv[2]))
    return OK


def _error(s: Session, argv: Argv) -> Reply:
    raise CommandError(argv[2].decode("utf-8", "surrogateescape"))


def _log(s: Session, argv: Argv) -> Reply:
    LOG.warning("DEBUG LOG: %s", printable(argv[2]))
    return OK


def _set_active_expire(s: Session, argv: Argv) -> Reply:
    s.node.cluster.switches.active_expire = _number(argv[2]) != 0
    return OK


def _pause_cron(s: Session, argv: Argv) -> Reply:
    """What happens by itself several times a second happens no more: expiry, the ends of pauses and timeouts."""
    s.node.cluster.switches.cron = _number(argv[2]) == 0
    return OK


def _set_disable_deny_scripts(s: Session, argv: Argv) -> Reply:
    s.node.cluster.switches.scripts_run_all = _number(argv[2]) != 0
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


def _listpack(s: Session, argv: Argv) -> Reply:
    value = _existing(s, argv[2])
    if encoding(s, argv[2], value) != b"listpack" or isinstance(value, bytes | Document):
        raise CommandError("ERR Not a listpack encoded object.")
    print(f"{{entries {len(value)}}} {list(value)!r}")
    return Simple(b"Listpack structure printed on stdout")


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
        value = _live(s, key)
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
    return help_lines(s, "debug", _SUBCOMMANDS)


# How many arguments there may be beside the name.
_SUBCOMMANDS: Final[dict[bytes, tuple[_Subcommand, int, int]]] = {
    b"change-repl-id": (_change_repl_id, 0, 0),
    b"digest": (_digest, 0, 0),
    b"digest-value": (_digest_value, 0, INT_MAX),
    b"error": (_error, 1, 1),
    b"help": (_help, 0, 0),
    b"listpack": (_listpack, 1, 1),
    b"log": (_log, 1, 1),
    b"object": (_object, 1, 2),
    b"pause-cron": (_pause_cron, 1, 1),
    b"populate": (_populate, 1, 3),
    b"protocol": (_protocol, 1, 1),
    b"quicklist-packed-threshold": (_quicklist_packed_threshold, 1, 1),
    b"reload": (_reload, 0, INT_MAX),
    b"set-active-expire": (_set_active_expire, 1, 1),
    b"set-disable-deny-scripts": (_set_disable_deny_scripts, 1, 1),
    b"sleep": (_sleep, 1, 1),
}
