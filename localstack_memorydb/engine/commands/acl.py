"""Users as a connection may ask for them. https://valkey.io/commands/acl-whoami/

With `open-access`, the one access control list that there is so far, the only user is `default`, who may do everything.
Users are made and changed through the MemoryDB API: the commands that would do it here do not exist.
"""

from __future__ import annotations

from localstack_memorydb.engine.errors import CommandError, WrongArity, printable, wrong_subcommand_arguments
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.numbers import parse_int
from localstack_memorydb.engine.registry import ADMIN, CATEGORIES, LOADING, NOSCRIPT, STALE, Family
from localstack_memorydb.engine.resp import OK, Argv, Reply, Unordered
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


@acl.command("ACL|GETUSER", 3, ADMIN | _ANYTIME, since="6.0.0")
def getuser(s: Session, argv: Argv) -> Reply:
    """What a user may do. Passwords are never shown, not even hashed."""
    if argv[2] != b"default":
        return None
    sanitize = [b"sanitize-payload"] if s.table.level >= (7, 2) else []
    if s.legacy:
        flags = [b"on", b"allkeys", b"allchannels", b"allcommands", b"nopass"]
        return {
            b"flags": Unordered(flags),
            b"passwords": [],
            b"commands": b"+@all",
            b"keys": [b"*"],
            b"channels": [b"*"],
        }
    return {
        b"flags": Unordered([b"on", b"nopass", *sanitize]),
        b"passwords": [],
        b"commands": b"+@all",
        b"keys": b"~*",
        b"channels": b"&*",
        b"selectors": [],
    }


@acl.command("ACL|GENPASS", -2, _ANYTIME, since="6.0.0")
def genpass(s: Session, argv: Argv) -> Reply:
    """A random password of so many bits, 256 by default, in hexadecimal."""
    if len(argv) > 3:
        raise wrong_subcommand_arguments("acl", argv[1])
    message = "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096"
    bits = parse_int(argv[2]) if len(argv) == 3 else 256
    if not 0 < bits <= 4096:
        raise CommandError(message)
    digits = (bits + 3) // 4
    return b"%0*x" % (digits, s.node.cluster.random.getrandbits(digits * 4))


@acl.command("ACL|DRYRUN", -4, ADMIN | _ANYTIME, since="7.0.0")
def dryrun(s: Session, argv: Argv) -> Reply:
    """Whether a user could run a command line."""
    if argv[2] != b"default":
        raise CommandError(f"ERR User '{printable(argv[2])}' not found")
    line = argv[3:]
    found = s.table.find(line[0])
    if found is None:
        raise CommandError(f"ERR Command '{printable(line[0])}' not found")
    found = found.resolve(line, s.legacy) if found.subcommands else found
    if not found.least <= len(line) <= found.most:
        raise WrongArity(found.name)
    return OK


@acl.command("ACL|HELP", 2, LOADING | STALE, since="6.0.0")
def help_(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "acl")
