"""Access strings: what they may hold, and the form in which they come back.

https://docs.aws.amazon.com/memorydb/latest/devguide/clusters.acls.html#access-string and
https://valkey.io/topics/acl/: rules are read from left to right. MemoryDB takes no passwords and no `reset` here, a
user is off unless the string says on, and answers hold what ACL LIST would print: the state, the keys, the
channels, then the commands from +@all or -@all on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from localstack_memorydb.provider.faults import InvalidParameterValueException

CATEGORIES: Final = frozenset(
    "admin all bitmap blocking bloom connection dangerous fast geo hash hyperloglog json keyspace list pubsub read "
    "scripting search set slow sortedset stream string transaction write".split()
)
RESTRICTED: Final = frozenset(
    "acl|deluser acl|load acl|save acl|setuser bgrewriteaof bgsave cluster|addslot cluster|addslots "
    "cluster|addslotsrange cluster|delslot cluster|delslots cluster|delslotsrange cluster|setslot config debug "
    "migrate module psync replicaof save shutdown slaveof sync".split()
)
"""Commands that MemoryDB keeps to itself, so nobody can be allowed to call them."""

_TOKEN: Final = re.compile(r"\([^()]*\)|[^\s()]+")
_COMMAND: Final = re.compile(r"[a-z][a-z0-9._-]*(\|[a-z0-9._-]+)?")
_KEY_RULE: Final = re.compile(r"%(?P<access>RW?|WR?)~(?P<pattern>.+)", re.IGNORECASE)


@dataclass
class _Permissions:
    """What the root of an access string, or one of its selectors, allows."""

    keys: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    base: str = "-@all"
    commands: dict[str, str] = field(default_factory=dict)

    def apply(self, token: str) -> None:
        """Read one rule."""
        word = token.lower()
        if word == "allkeys":
            self.keys = ["~*"]
        elif word == "resetkeys":
            self.keys = []
        elif word == "allchannels":
            self.channels = ["&*"]
        elif word == "resetchannels":
            self.channels = []
        elif word in {"allcommands", "+@all", "nocommands", "-@all"}:
            self.base, self.commands = ("+@all" if word in {"allcommands", "+@all"} else "-@all"), {}
        elif word[0] == "~" and len(word) > 1:
            self.keys = _added(self.keys, token, "~*")
        elif match := _KEY_RULE.fullmatch(token):
            self.keys = _added(self.keys, _key_rule(match), "~*")
        elif word[0] == "&" and len(word) > 1:
            self.channels = _added(self.channels, token, "&*")
        elif word[0] in "+-":
            self._command(word)
        elif word[0] in "><#!":
            raise InvalidParameterValueException("The access string must not hold passwords.")
        else:
            raise _invalid(token)

    def _command(self, rule: str) -> None:
        target = rule[1:]
        if target.startswith("@"):
            if target[1:] not in CATEGORIES:
                raise _invalid(rule)
        elif not _COMMAND.fullmatch(target):
            raise _invalid(rule)
        elif {target, target.partition("|")[0]} & RESTRICTED:
            raise InvalidParameterValueException(f"The access string names a restricted command: {target}.")
        self.commands.pop(target, None)
        self.commands[target] = rule

    def words(self) -> Iterator[str]:
        yield from self.keys
        if self.channels != ["&*"]:
            yield "resetchannels"
        yield from self.channels
        yield self.base
        yield from self.commands.values()


@dataclass(frozen=True, slots=True)
class AccessString:
    """A valid access string: its normal form, and the engine version that knows all of its rules."""

    text: str
    minimum_engine_version: str


def parse(text: str) -> AccessString:
    """Read an access string; InvalidParameterValueException for one that MemoryDB does not take."""
    if _TOKEN.sub("", text).strip():
        raise InvalidParameterValueException("The access string has parentheses that do not match.")
    state, root = "off", _Permissions()
    selectors: list[str] = []
    for token in _TOKEN.findall(text):
        if token.lower() in {"on", "off"}:
            state = token.lower()
        elif token.lower() == "clearselectors":
            selectors = []
        elif token.startswith("("):
            selectors.append(_selector(token))
        else:
            root.apply(token)
    is_new = bool(selectors) or any(rule.startswith("%") for rule in root.keys)
    return AccessString(" ".join([state, *root.words(), *selectors]), "7.0" if is_new else "6.2")


def _selector(token: str) -> str:
    permissions = _Permissions()
    for rule in token[1:-1].split():
        permissions.apply(rule)
    return f"({' '.join(permissions.words())})"


def _key_rule(match: re.Match[str]) -> str:
    """%R~x, %W~x; read and write together are the same as ~x."""
    access = match["access"].upper()
    return f"~{match['pattern']}" if len(access) == 2 else f"%{access}~{match['pattern']}"


def _added(patterns: list[str], pattern: str, everything: str) -> list[str]:
    """The patterns and one more. Everything takes the place of all others, and nothing can be added to it."""
    if pattern == everything:
        return [everything]
    if patterns == [everything]:
        raise InvalidParameterValueException(
            f"The access string adds {pattern} to {everything}, which includes it already."
        )
    return patterns if pattern in patterns else [*patterns, pattern]


def _invalid(rule: str) -> InvalidParameterValueException:
    return InvalidParameterValueException(f"The access string is not valid: {rule}")
