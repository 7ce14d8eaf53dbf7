"""Users as ACL SETUSER makes and changes them, rule by rule. https://valkey.io/commands/acl-setuser/

MemoryDB's users come from its API; only an unrestricted engine changes them so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.acl import AccessStringError, normal_form
from localstack_memorydb.engine.errors import CommandError
from localstack_memorydb.engine.spec import UserSpec
from localstack_memorydb.engine.users import User

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Cluster

_HASH: Final = re.compile("[0-9a-f]{64}").fullmatch
_NO_HASH: Final = (
    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
)
_NO_SUCH_PASSWORD: Final = "The password you are trying to remove from the user does not exist"  # noqa: S105


_UNKNOWN: Final = "Unknown command or category name in ACL"


def _odd_selector(rule: str) -> bool:
    """Whether parentheses end a command's name inside of parentheses."""
    words = rule[1:-1].split() if rule.startswith("(") else ()
    return any(word[0] in "+-" and word[-1] in "()" for word in words)


class _BadRule(Exception):
    """A rule that cannot be applied; the text is Valkey's reason."""


class UserRules:
    """The users of a cluster, to be changed by rules."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def apply(self, name: str, rules: Iterable[str]) -> None:
        """Makes the user, or changes it, if all rules are good. Raises CommandError."""
        user = self._cluster.users.get(name)
        spec = self._new(name) if user is None else replace(user.spec, access_string=user.permissions.text)
        for rule in self._merged(rules):
            try:
                spec = self._with(spec, rule)
            except _BadRule as reason:
                raise CommandError(f"ERR Error in ACL SETUSER modifier '{rule}': {reason}") from None
        self._cluster.set_users(self._cluster.users | {name: self._compile(spec)})

    def remove(self, name: str) -> bool:
        """Deletes the user and cuts its clients off; False without such a user."""
        if name not in self._cluster.users:
            return False
        self._cluster.set_users({each: user for each, user in self._cluster.users.items() if each != name})
        return True

    def _new(self, name: str) -> UserSpec:
        return UserSpec(name, f"off {self._channels}".rstrip(), "sha256")

    @property
    def _channels(self) -> str:
        """What acl-pubsub-default says of channels, if anything was said."""
        return self._cluster.switches.recorded.get("acl-pubsub-default", "")

    def _compile(self, spec: UserSpec) -> User:
        return User(spec, self._cluster.spec.engine_version, self._cluster.spec.edition)

    def _merged(self, rules: Iterable[str]) -> Iterator[str]:
        """The rules; what stands in parentheses is one, however many words it was."""
        if self._cluster.table.level < (7,):
            yield from rules
            return
        opened: list[str] = []
        for rule in rules:
            if not opened and not (rule.startswith("(") and not rule.endswith(")")):
                yield rule
                continue
            opened.append(rule)
            if rule.endswith(")"):
                yield " ".join(opened)
                opened.clear()
        if opened:
            raise CommandError(f"ERR Unmatched parenthesis in acl selector starting at '{opened[0]}'.")

    def _with(self, spec: UserSpec, rule: str) -> UserSpec:
        """The user after one rule. Raises _BadRule."""
        word = rule.lower()
        if word == "reset":
            return self._new(spec.name)
        if word in ("sanitize-payload", "skip-sanitize-payload"):  # values are checked always
            return spec
        if word == "nopass":
            return replace(spec, authentication="no-password", password_hashes=())
        if word == "resetpass":
            return replace(spec, authentication="sha256", password_hashes=())
        if rule[:1] in (">", "#", "<", "!"):
            return self._with_password(spec, rule)
        if not rule:
            return spec
        if _odd_selector(rule) or (rule[0] in "+-" and " " in rule):
            raise _BadRule(_UNKNOWN)
        if " " in rule and not rule.startswith("("):
            self._with(spec, rule.replace(" ", ""))  # what else is wrong with it is said first
            raise _BadRule("Syntax error")
        if rule.startswith("(") and self._channels == "allchannels":
            rule = f"(allchannels {rule[1:]}"
        try:
            cluster = self._cluster.spec
            text = f"{spec.access_string} {rule}"
            return replace(spec, access_string=normal_form(text, cluster.engine_version, cluster.edition))
        except AccessStringError as error:
            raise _BadRule(error.reason) from None

    def _with_password(self, spec: UserSpec, rule: str) -> UserSpec:
        """`>` and `<` add and remove a password, `#` and `!` its hash."""
        hashed = rule[1:]
        if rule[0] in "><":
            hashed = hashlib.sha256(hashed.encode("utf-8", "surrogateescape")).hexdigest()
        elif _HASH(hashed) is None:
            raise _BadRule(_NO_HASH)
        hashes = spec.password_hashes if spec.authentication == "sha256" else ()
        if rule[0] in ">#":
            return replace(
                spec, authentication="sha256", password_hashes=tuple(dict.fromkeys((*hashes, hashed)))
            )
        if hashed not in hashes:
            raise _BadRule(_NO_SUCH_PASSWORD)
        return replace(spec, password_hashes=tuple(each for each in hashes if each != hashed))

    def set_password(self, password: str) -> None:
        """What `requirepass` says: the one password of the user `default`, who needs none without it."""
        self._cluster.switches.requirepass = password
        self.apply("default", ("resetpass", f">{password}") if password else ("nopass",))
