"""Users of a running cluster: who may come in, and the log of those who were turned away.

https://docs.aws.amazon.com/memorydb/latest/devguide/clusters.acls.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.acl import Permissions, Refusal, compile_access_string
from localstack_memorydb.engine.bugs import log_bug
from localstack_memorydb.engine.clients import describe
from localstack_memorydb.engine.errors import CommandError, NoAuth, NoPermission
from localstack_memorydb.engine.registry import GATE_RESTRICTED, GATE_UNAUTHENTICATED, Command
from localstack_memorydb.engine.resp import Argv
from localstack_memorydb.engine.spec import ClusterSpec, UserSpec
from localstack_memorydb.engine.versions import Edition

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

IAM_CONNECTION_MS: Final = 12 * 60 * 60 * 1000
"""MemoryDB closes a connection that long after its IAM authentication."""


def hash_password(password: str | bytes, salt: str) -> str:
    """A salted hash of the password, the only form in which passwords are kept."""
    secret = password.encode("utf-8", "surrogateescape") if isinstance(password, str) else password
    return hmac.new(salt.encode(), secret, hashlib.sha256).hexdigest()


class User:
    """A user of one cluster: its declaration, and the permissions compiled from the access string."""

    __slots__ = ("name", "permissions", "spec")

    def __init__(self, spec: UserSpec, engine_version: str, edition: Edition = "") -> None:
        self.name = spec.name
        self.spec = spec
        self.permissions: Permissions = compile_access_string(spec.access_string, engine_version, edition)

    @property
    def is_open(self) -> bool:
        """Whether everybody may act for the user without a password."""
        return self.permissions.enabled and self.spec.authentication == "no-password"

    @property
    def uses_iam(self) -> bool:
        """Whether the user signs in with IAM tokens."""
        return self.spec.authentication == "iam"

    @property
    def shows_hashes(self) -> bool:
        """Whether the user's passwords are kept as ACL SETUSER keeps them, so that ACL GETUSER can show them."""
        return self.spec.authentication == "sha256"

    def accepts(self, password: bytes, cluster: ClusterSpec, now: int) -> bool:
        """Whether that is one of the user's passwords, or a valid token."""
        if not self.permissions.enabled:
            return False
        if self.spec.authentication == "no-password":
            return True
        if self.uses_iam:
            return self._accepts_token(password, cluster, now)
        if self.shows_hashes:
            given = hashlib.sha256(password).hexdigest()
        else:
            given = hash_password(password, self.spec.salt)
        return any(hmac.compare_digest(given, known) for known in self.spec.password_hashes)

    def _accepts_token(self, token: bytes, cluster: ClusterSpec, now: int) -> bool:
        if cluster.verify_token is None:
            return False
        try:
            return cluster.verify_token(cluster.name, self.name, token.decode("utf-8", "replace"), now)
        except Exception as error:
            log_bug("in the verifier of IAM tokens, the login is refused", error)
            return False


def compile_users(specs: Iterable[UserSpec], engine_version: str, edition: Edition = "") -> dict[str, User]:
    """The users by name, on a cluster of that edition. Raises AccessStringError."""
    return {spec.name: User(spec, engine_version, edition) for spec in specs}


@dataclass(slots=True)
class Denial:
    """An entry of ACL LOG: something that was refused, `count` times in a row."""

    number: int
    reason: str
    context: str
    object: bytes
    user: bytes
    client: bytes
    created: int
    updated: int
    count: int = 1

    def is_like(self, other: Denial) -> bool:
        """Whether both are the same thing within a minute."""
        mine = (self.reason, self.context, self.object, self.user)
        theirs = (other.reason, other.context, other.object, other.user)
        return mine == theirs and abs(self.updated - other.updated) <= _GROUPED_MS


_GROUPED_MS: Final = 60_000
_COMPARED: Final = 10


_LONG_NAMES: Final = 4096
_LONGEST_LOG: Final = 64 << 20  # bytes of names


class AccessLog:
    """What ACL LOG shows, newest first, with up to `room` bytes of names. https://valkey.io/commands/acl-log/"""

    def __init__(self) -> None:
        self.entries: list[Denial] = []
        self.denied: Counter[str] = Counter()
        self.room = _LONGEST_LOG
        self._made = 0

    def add(
        self, reason: str, context: str, item: bytes, user: bytes, client: bytes, now: int, most: int
    ) -> None:
        """Tells of a refusal; one like a recent one only makes that one's count grow. Keeps the newest `most`."""
        self.denied[reason] += 1
        entry = Denial(self._made, reason, context, item, user, client, now, now)
        for place, earlier in enumerate(self.entries[:_COMPARED]):
            if earlier.is_like(entry):
                earlier.client, earlier.updated = client, now
                earlier.count += 1
                self.entries.insert(0, self.entries.pop(place))
                return
        self._made += 1
        self.entries.insert(0, entry)
        del self.entries[most:]
        if len(item) + len(user) > _LONG_NAMES:
            while self._size() > self.room:
                self.entries.pop()

    def _size(self) -> int:
        return sum(len(each.object) + len(each.user) for each in self.entries[1:])


def authorize(s: Session, command: Command, argv: Argv) -> None:
    """Raises NoAuth or NoPermission unless the client may run this command line, whose arity is right."""
    if command.gates & s.gates & GATE_UNAUTHENTICATED:
        raise NoAuth
    if s.gates & GATE_RESTRICTED:
        refusal = s.permissions.check(command, argv)
        if refusal is not None:
            raise refuse(s, refusal, command, argv)


def rather(s: Session, error: CommandError, argv: Argv) -> CommandError:
    """Permissions come before slots, although the straight path looks at slots first."""
    command = s.table.find(argv[0])
    if command is not None and not command.subcommands:
        try:
            authorize(s, command, argv)
        except CommandError as refusal:
            return refusal
    return error


def refuse(s: Session, refusal: Refusal, command: Command, argv: Argv) -> NoPermission:
    """The error that tells the client, after an entry in ACL LOG."""
    s.last_command = command.name
    log_refusal(s, refusal, command, argv)
    return NoPermission(refusal.kind, s.user, command.title, s.table.level)


def log_refusal(s: Session, refusal: Refusal, command: Command, argv: Argv) -> None:
    """Adds to ACL LOG that the client's user may not do this."""
    item = command.name.encode() if refusal.kind == "command" else argv[refusal.at]
    log_denial(s, refusal.kind, item, s.user.encode("utf-8", "surrogateescape"))


def log_denial(s: Session, reason: str, item: bytes, user: bytes) -> None:
    """Adds to ACL LOG what was refused to whom."""
    context = "multi" if s.queue is not None or s.in_exec else "toplevel"
    if s.script is not None:
        context = "lua"
    most = s.node.cluster.parameters.acllog_max_len
    s.node.access_log.add(reason, context, item, user, describe(s, s.now), s.now, most)
