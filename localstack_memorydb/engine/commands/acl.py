"""Users as a connection may ask for them. https://valkey.io/commands/acl-whoami/

Users are made and changed through the MemoryDB API: the commands that would do it here do not exist. Passwords are never
shown, not even hashed. An unrestricted engine has those commands (commands/administration.py), and shows hashes as Valkey does.
"""

from __future__ import annotations

from localstack_memorydb.engine.acl import Selector
from localstack_memorydb.engine.errors import (
    CommandError,
    WrongArity,
    printable,
    refusal_text,
    wrong_subcommand_arguments,
)
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.numbers import parse_int
from localstack_memorydb.engine.registry import ADMIN, LOADING, NOSCRIPT, STALE, Family
from localstack_memorydb.engine.resp import OK, Argv, Reply, Unordered
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.users import Denial, User

acl = Family("server")

acl.container("ACL", since="6.0.0")

_ANYTIME = LOADING | NOSCRIPT | STALE


@acl.command("ACL|WHOAMI", 2, _ANYTIME, since="6.0.0")
def whoami(s: Session, argv: Argv) -> Reply:
    """The connection's user."""
    return s.user.encode()


def _sorted_users(s: Session) -> list[User]:
    users = s.node.cluster.users.values()
    return sorted(users, key=lambda user: _name(user))


def _name(user: User) -> bytes:
    return user.name.encode("utf-8", "surrogateescape")


def _flags(s: Session, user: User) -> list[bytes]:
    flags = [b"on" if user.permissions.enabled else b"off"]
    root = user.permissions.root
    if s.legacy:
        whole = root.base == "+@all" and not any(rule[0] == "-" for rule in root.rules.values())
        facts = {b"allkeys": root.all_keys, b"allchannels": root.all_channels, b"allcommands": whole}
        flags += [flag for flag, holds in facts.items() if holds]
    if user.spec.authentication == "no-password":
        flags.append(b"nopass")
    if s.table.level >= (7, 2):
        flags.append(b"sanitize-payload")
    return flags


@acl.command("ACL|USERS", 2, ADMIN | _ANYTIME, since="6.0.0")
def users(s: Session, argv: Argv) -> Reply:
    """The users of the cluster."""
    return [_name(user) for user in _sorted_users(s)]


@acl.command("ACL|LIST", 2, ADMIN | _ANYTIME, since="6.0.0")
def list_(s: Session, argv: Argv) -> Reply:
    """The users with what they may do."""
    return [_line(s, user) for user in _sorted_users(s)]


def _hashes(user: User) -> list[bytes]:
    """The hashes of passwords that ACL SETUSER has set; others are never shown."""
    return [each.encode() for each in user.spec.password_hashes] if user.shows_hashes else []


def _line(s: Session, user: User) -> bytes:
    _, _, rules = user.permissions.text.partition(" ")
    flags = [flag for flag in _flags(s, user) if not flag.startswith(b"all")]
    hashes = [b"#" + each for each in _hashes(user)]
    return b" ".join([b"user", _name(user), *flags, *hashes, rules.encode("utf-8", "surrogateescape")])


@acl.command("ACL|CAT", -2, _ANYTIME, since="6.0.0")
def cat(s: Session, argv: Argv) -> Reply:
    """The categories, or the commands of one."""
    if len(argv) > 3:
        raise wrong_subcommand_arguments("acl", argv[1], s.legacy)
    if len(argv) == 2:
        return [name[1:].encode() for name in s.table.categories]
    category = f"@{printable(argv[2]).lower()}"
    if category not in s.table.categories:
        raise CommandError(f"ERR Unknown category '{printable(argv[2])}'")
    known = s.table.top if s.legacy else s.table.full()  # in 6.2 a container is one command
    return [each.title.encode() for each in known if category in each.categories]


@acl.command("ACL|GETUSER", 3, ADMIN | _ANYTIME, since="6.0.0")
def getuser(s: Session, argv: Argv) -> Reply:
    """What a user may do."""
    user = s.node.cluster.users.get(argv[2].decode("utf-8", "surrogateescape"))
    if user is None:
        return None
    root, *further = user.permissions.selectors
    shown: dict[bytes, Reply] = {b"flags": Unordered(_flags(s, user)), b"passwords": _hashes(user)}
    if s.legacy:
        return shown | {
            b"commands": root.describe_commands().encode(),
            b"keys": [b"*"] if root.all_keys else list(root.keys),
            b"channels": [b"*"] if root.all_channels else list(root.channels),
        }
    return shown | _rules(root) | {b"selectors": [_rules(each) for each in further]}


def _rules(selector: Selector) -> dict[bytes, Reply]:
    parts = {
        b"commands": selector.describe_commands(),
        b"keys": " ".join(selector.describe_keys()),
        b"channels": " ".join(selector.describe_channels()),
    }
    return {name: text.encode("utf-8", "surrogateescape") for name, text in parts.items()}


@acl.command("ACL|LOG", -2, ADMIN | _ANYTIME, since="6.0.0")
def log(s: Session, argv: Argv) -> Reply:
    """What was refused lately, newest first: ten entries or as many as asked for; RESET forgets them."""
    if len(argv) > 3:
        raise wrong_subcommand_arguments("acl", argv[1], s.legacy)
    entries = s.node.access_log.entries
    if len(argv) == 2:
        return [_denial(s, entry) for entry in entries[:10]]
    if argv[2].lower() == b"reset":
        entries.clear()
        return OK
    return [_denial(s, entry) for entry in entries[: max(0, parse_int(argv[2]))]]


def _denial(s: Session, entry: Denial) -> Reply:
    shown: dict[bytes, Reply] = {
        b"count": entry.count,
        b"reason": entry.reason.encode(),
        b"context": entry.context.encode(),
        b"object": entry.object,
        b"username": entry.user,
        b"age-seconds": (s.now - entry.updated) / 1000,
        b"client-info": entry.client,
    }
    if s.table.level >= (7, 2):
        shown |= {
            b"entry-id": entry.number,
            b"timestamp-created": entry.created,
            b"timestamp-last-updated": entry.updated,
        }
    return shown


@acl.command("ACL|GENPASS", -2, _ANYTIME, since="6.0.0")
def genpass(s: Session, argv: Argv) -> Reply:
    """A random password of so many bits, 256 by default, in hexadecimal."""
    if len(argv) > 3:
        raise wrong_subcommand_arguments("acl", argv[1], s.legacy)
    message = "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096"
    bits = parse_int(argv[2]) if len(argv) == 3 else 256
    if not 0 < bits <= 4096:
        raise CommandError(message)
    digits = (bits + 3) // 4
    return b"%0*x" % (digits, s.node.cluster.random.getrandbits(digits * 4))


@acl.command("ACL|DRYRUN", -4, ADMIN | _ANYTIME, since="7.0.0")
def dryrun(s: Session, argv: Argv) -> Reply:
    """Whether a user could run a command line: OK, or the reason why not."""
    user = s.node.cluster.users.get(argv[2].decode("utf-8", "surrogateescape"))
    if user is None:
        raise CommandError(f"ERR User '{printable(argv[2])}' not found")
    line = argv[3:]
    found = s.table.find(line[0])
    if found is not None and found.subcommands and len(line) > 1:
        found = found.subcommands.get(line[1].lower())
    if found is None:
        raise CommandError(f"ERR Command '{printable(line[0])}' not found")
    if not found.least <= len(line) <= found.most:
        raise WrongArity(found.title)
    refusal = user.permissions.check(found, line)
    if refusal is None:
        return OK
    item = printable(line[refusal.at])
    text = refusal_text(refusal.kind, user.name, found.title, item, s.table.level)
    return text.encode("utf-8", "surrogateescape")


@acl.command("ACL|HELP", 2, LOADING | STALE, since="6.0.0")
def help_(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "acl")
