"""What MemoryDB does itself and only an unrestricted engine offers: saving, and users. https://valkey.io/commands/save/"""

from __future__ import annotations

from typing import Final

from localstack_memorydb.engine.errors import CommandError, SyntaxFault
from localstack_memorydb.engine.registry import (
    ADMIN,
    LOADING,
    NO_ASYNC_LOADING,
    NO_MULTI,
    NOSCRIPT,
    STALE,
    Earlier,
    Family,
)
from localstack_memorydb.engine.resp import OK, Argv, Reply, Simple
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.snapshots import save_shard
from localstack_memorydb.engine.user_rules import UserRules

administration = Family("server", unrestricted=True)

_SAVES: Final = ADMIN | NO_ASYNC_LOADING | NOSCRIPT
_ANYTIME: Final = ADMIN | LOADING | NOSCRIPT | STALE
_NO_FILE: Final = (
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER "
    "command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users "
    "in the Redis configuration."
)


# -- saving -----------------------------------------------------------------------------------------------------------


def _save(s: Session, *, rewrites: bool = False) -> None:
    save_shard(s.node.shard, s.now)
    storage = s.node.cluster.storage
    if storage is not None and not (storage.rewrite if rewrites else storage.keep_all)(s.now):
        raise CommandError("ERR")


@administration.command("SAVE", 1, _SAVES | NO_MULTI, earlier=Earlier("7.0", drops=NO_MULTI))
def save(s: Session, argv: Argv) -> Reply:
    """Takes a snapshot of this node's shard; with a data directory the logs of all shards begin anew from one."""
    _save(s)
    return OK


@administration.command("BGSAVE", -1, _SAVES)
def bgsave(s: Session, argv: Argv) -> Reply:
    """As SAVE: no other process is needed, so it has been done when this says that it begins, or will after EXEC."""
    if len(argv) > 1 and (len(argv) > 2 or argv[1].lower() != b"schedule"):
        raise SyntaxFault
    _save(s)
    return Simple(b"Background saving " + _when(s))


@administration.command("BGREWRITEAOF", 1, _SAVES)
def bgrewriteaof(s: Session, argv: Argv) -> Reply:
    """With a data directory, makes the logs begin anew from a snapshot."""
    _save(s, rewrites=True)
    return Simple(b"Background append only file rewriting " + _when(s))


def _when(s: Session) -> bytes:
    return b"scheduled" if s.in_exec and not s.legacy else b"started"


administration.container("MODULE", since="4.0.0")


@administration.command("MODULE|LIST", 2, ADMIN | NOSCRIPT, since="4.0.0")
def module_list(s: Session, argv: Argv) -> Reply:
    """There are none; JSON is part of the engine."""
    return []


# -- users ------------------------------------------------------------------------------------------------------------


def _text(word: bytes) -> str:
    return word.decode("utf-8", "surrogateescape")


@administration.command("ACL|SETUSER", -3, _ANYTIME, since="6.0.0", careful=True)
def setuser(s: Session, argv: Argv) -> Reply:
    """Makes a user, or changes one by further rules."""
    if b" " in argv[2] or b"\0" in argv[2]:
        raise CommandError("ERR Usernames can't contain spaces or null characters")
    UserRules(s.node.cluster).apply(_text(argv[2]), map(_text, argv[3:]))
    return OK


@administration.command("ACL|DELUSER", -3, _ANYTIME, since="6.0.0", careful=True)
def deluser(s: Session, argv: Argv) -> Reply:
    """Deletes users; how many there were. Their connections are closed."""
    rules, removed = UserRules(s.node.cluster), 0
    for name in argv[2:]:
        if name == b"default":
            raise CommandError("ERR The 'default' user cannot be removed")
        removed += rules.remove(_text(name))
    return removed


@administration.command("ACL|LOAD", 2, _ANYTIME, since="6.0.0")
def load(s: Session, argv: Argv) -> Reply:
    """There is no file."""
    raise CommandError(_NO_FILE)


@administration.command("ACL|SAVE", 2, _ANYTIME, since="6.0.0")
def save_users(s: Session, argv: Argv) -> Reply:
    """There is no file."""
    raise CommandError(_NO_FILE)
