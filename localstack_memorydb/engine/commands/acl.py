"""Users as a connection may ask for them. https://valkey.io/commands/acl-whoami/

With `open-access`, the one access control list that there is so far, the only user is `default`, who may do everything.
Users are made and changed through the MemoryDB API: the commands that would do it here do not exist.
"""

from __future__ import annotations

from localstack_memorydb.engine.errors import CommandError, printable, wrong_subcommand_arguments
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.registry import ADMIN, CATEGORIES, LOADING, NOSCRIPT, STALE, Family
from localstack_memorydb.engine.resp import Argv, Reply
from localstack_memorydb.engine.session import Session

acl = Family("server")

acl.container("ACL", since="6.0.0")

_ANYTIME = LOADING | NOSCRIPT | STALE


@acl.command("ACL|WHOAMI", 2, _ANYTIME, since="6.0.0")
def whoami(s: Session, argv: Argv) -> Reply:
    """The connection's user."""
    return s.user.encode()


@acl.command("ACL|USERS", 2, ADMIN | _ANYTIME, since="6.0.0")
def users(s: Session, argv: Argv) -> Reply:
    """The users of the cluster."""
    return [b"default"]


@acl.command("ACL|LIST", 2, ADMIN | _ANYTIME, since="6.0.0")
def list_(s: Session, argv: Argv) -> Reply:
    """The users with what they may do."""
    sanitize = b" sanitize-payload" if s.table.level >= (7, 2) else b""
    return [b"user default on nopass%b ~* &* +@all" % sanitize]


@acl.command("ACL|CAT", -2, _ANYTIME, since="6.0.0")
def cat(s: Session, argv: Argv) -> Reply:
    """The categories, or the commands of one."""
    if len(argv) > 3:
        raise wrong_subcommand_arguments("acl", argv[1])
    if len(argv) == 2:
        return [name[1:].encode() for name in CATEGORIES]
    category = f"@{printable(argv[2]).lower()}"
    if category not in CATEGORIES:
        raise CommandError(f"ERR Unknown category '{printable(argv[2])}'")
    return [each.name.encode() for each in s.table.full() if category in each.categories]


@acl.command("ACL|HELP", 2, LOADING | STALE, since="6.0.0")
def help_(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "acl")
