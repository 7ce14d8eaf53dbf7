"""The subcommands of DEBUG about the process: its log on disk, its buffers for clients, and tests of itself.

`JMAP` and `STRINGMATCH-LEN` are our own: a real server has neither, but they are named where DEBUG is talked about.
"""

from __future__ import annotations

import logging
from random import Random
from typing import Final

from localstack_memorydb.engine.client_eviction import buckets
from localstack_memorydb.engine.errors import CommandError, wrong_subcommand_arguments
from localstack_memorydb.engine.glob import compile_glob
from localstack_memorydb.engine.histogram import take_histogram
from localstack_memorydb.engine.log import LogError
from localstack_memorydb.engine.numbers import leading_number, parse_int
from localstack_memorydb.engine.resp import OK, Argv, Reply, Simple, Verbatim
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.switches import NEVER, REPLY_BUFFER_RESET

LOG = logging.getLogger(__name__)

_TEST_SECONDS: Final = 1.0
_TESTS: Final = 20_000


# -- the log ----------------------------------------------------------------------------------------------------------


def loadaof(s: Session, argv: Argv) -> Reply:
    """Writes what the log still lacks, forgets the shard's data and loads it from the log."""
    storage = s.node.cluster.storage
    try:
        if storage is None:
            raise LogError("there is no data directory")
        storage.reload(s.node.shard, s.now)
    except LogError as error:
        LOG.warning("DEBUG LOADAOF: %s", error)
        if s.legacy:
            raise CommandError("ERR") from None
        raise CommandError("ERR Error trying to load the AOF files, check server logs.") from None
    return OK


def aof_flush_sleep(s: Session, argv: Argv) -> Reply:
    """How many microseconds to wait before anything is handed to the disk."""
    sleep, seconds = s.node.cluster.switches.sleep, max(0.0, leading_number(argv[2])) / 1e6
    for shard in s.node.cluster.shards:
        if shard.log is not None:
            shard.log.delay = (lambda: sleep(seconds)) if seconds else None
    return OK


def config_rewrite_force_all(s: Session, argv: Argv) -> Reply:
    """There is no file, which a real server without one says by what the system calls it."""
    if s.legacy:
        raise CommandError("ERR CONFIG-REWRITE-FORCE-ALL failed")
    raise CommandError("ERR CONFIG-REWRITE-FORCE-ALL failed: Bad address")


# -- what is taken for granted ----------------------------------------------------------------------------------------


def set_skip_checksum_validation(s: Session, argv: Argv) -> Reply:
    """Whether RESTORE takes a payload whose checksum is wrong."""
    s.node.cluster.switches.any_checksum = leading_number(argv[2]) != 0
    return OK


def replybuffer(s: Session, argv: Argv) -> Reply:
    """When the buffer for a client's replies becomes small again (PEAK-RESET-TIME), and whether it does at all (RESIZING)."""
    switches, kind, value = s.node.cluster.switches, argv[2].lower(), argv[3]
    if kind == b"peak-reset-time":
        words = {b"never": NEVER, b"reset": REPLY_BUFFER_RESET}
        switches.reply_buffer_reset = words.get(value.lower()) or parse_int(value)
    elif kind == b"resizing":
        switches.reply_buffer_resizing = leading_number(value) != 0
    else:
        raise wrong_subcommand_arguments("debug", argv[1], s.legacy)
    return OK


def client_eviction(s: Session, argv: Argv) -> Reply:
    """How many clients there are of each size, among which `maxmemory-clients` chooses."""
    if not s.node.cluster.switches.limits_clients:
        raise CommandError("ERR maxmemory-clients is disabled.")
    return Verbatim(buckets(s.node, s.now).encode())


def client_enforce_reply_list(s: Session, argv: Argv) -> Reply:
    """Whether CLIENT LIST counts replies that wait as those of a client whose own buffer is not used."""
    s.node.cluster.switches.reply_list = leading_number(argv[2]) != 0
    return OK


# -- patterns ---------------------------------------------------------------------------------------------------------


def stringmatch_len(s: Session, argv: Argv) -> Reply:
    """Whether a string matches a pattern, as KEYS would have it."""
    return int(bool(compile_glob(argv[2])(argv[3])))


def stringmatch_test(s: Session, argv: Argv) -> Reply:
    """Tries patterns that are made of the string which they have to match, and others of which nothing is known but that they end."""
    luck, clock = s.node.cluster.random, s.node.cluster.clock
    until = clock() + _TEST_SECONDS
    for _ in range(_TESTS):
        text = luck.randbytes(luck.randrange(1, 24))
        pattern = b"".join(_part(text[at : at + 1], luck) for at in range(len(text)))
        if not compile_glob(pattern)(text):
            raise CommandError(f"ERR the pattern {pattern!r} does not match {text!r}")
        compile_glob(bytes(luck.choices(b"*?[]^-\\ab", k=luck.randrange(24))))(text)
        if clock() > until:
            break
    return Simple(b"Apparently Redis did not crash: test passed")


def _part(byte: bytes, luck: Random) -> bytes:
    """Something that this byte matches."""
    return luck.choice(
        (b"\\" + byte, b"?", b"*", b"*\\" + byte + b"*", b"[\\" + byte + b"-]", b"[x\\" + byte + b"]")
    )


# -- memory -----------------------------------------------------------------------------------------------------------


def jmap(s: Session, argv: Argv) -> Reply:
    """How many objects of each class there are in this process, and what they take. All nodes are in it."""
    return Verbatim(take_histogram(s.node.cluster.clock).text().encode())
