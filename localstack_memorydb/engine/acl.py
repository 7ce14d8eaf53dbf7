"""Access strings: the rules that say which commands, keys and channels a user may use, compiled so that a check is cheap.

https://valkey.io/topics/acl/ has the grammar, read from left to right;
https://docs.aws.amazon.com/memorydb/latest/devguide/clusters.acls.html says what MemoryDB leaves out of it: passwords,
`reset`, and the commands that it keeps to itself. Those are not in the command table, so they are refused by absence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import methodcaller
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from localstack_memorydb.engine.documentation import command_docs
from localstack_memorydb.engine.errors import CommandError, NotInteger
from localstack_memorydb.engine.glob import Matcher, compile_glob, compile_globs
from localstack_memorydb.engine.registry import (
    CATEGORIES,
    MORE_CATEGORIES,
    NO_AUTH,
    Command,
    CommandTable,
    KeySpec,
    command_table,
    version_numbers,
)
from localstack_memorydb.engine.resp import Argv, Reply
from localstack_memorydb.engine.versions import SEARCH_VERSIONS, Edition

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

READ: Final = 1
WRITE: Final = 2
READ_WRITE: Final = READ | WRITE


class AccessStringError(ValueError):
    """MemoryDB does not take the access string; the text says which rule and why, and never shows a password.

    `reason` is what Valkey says of the rule alone.
    """

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason or text


class Refusal(NamedTuple):
    """Why a command line may not run: its `command`, or the `key` or `channel` that stands `at` that place."""

    kind: str
    at: int


Predicate: TypeAlias = Callable[[Argv], bool]
Places: TypeAlias = list[tuple[int, int]]
"""Where the keys of a command line stand, and what permission each needs."""

_NO_COMMAND: Final = Refusal("command", 0)
_SPECIAL: Final = frozenset(b"*?[\\")
_RANK: Final = {"command": 1, "key": 2, "channel": 4}

# What commands do with channels; those that end subscriptions need no permission.
_PUBLISHERS: Final = frozenset({"publish", "spublish"})
_SUBSCRIBERS: Final = frozenset({"subscribe", "ssubscribe", "psubscribe"})
_WITH_CHANNELS: Final = _PUBLISHERS | _SUBSCRIBERS

_UNKNOWN: Final = "Unknown command or category name in ACL"
_SYNTAX: Final = "Syntax error"
_CLOSED: Final = (
    "Adding a pattern after the * pattern (or the 'all{0}s' flag) is not valid and does not have any effect. "
    "Try 'reset{0}s' to start with an empty list of {1}s"
)
_NESTED: Final = "Allowing first-arg of a subcommand is not supported"
_NOT_HERE: Final = "MemoryDB does not allow passwords, 'reset' or flags of users in access strings"
_OF_USERS: Final = frozenset({"nopass", "resetpass", "reset", "sanitize-payload", "skip-sanitize-payload"})


class FirstKey:
    """The commonest question: does the first argument match one of the patterns?

    What asks often looks at `prefixes` itself, and without any calls `matches`.
    """

    __slots__ = ("matches", "patterns", "prefixes")

    def __init__(self, patterns: list[bytes]) -> None:
        self.patterns = patterns
        self.matches = _any_of(patterns)
        self.prefixes = _prefixes(patterns)

    def __call__(self, argv: Argv) -> bool:
        return bool(self.matches(argv[1]))


class Selector:
    """One set of rules: the access string itself, or what stands in parentheses in it."""

    def __init__(self, table: CommandTable) -> None:
        self._table = table
        self.legacy = table.level < (7,)
        self.all_keys = False
        self.keys: dict[bytes, int] = {}
        self.all_channels = self.legacy  # acl-pubsub-default
        self.channels: dict[bytes, None] = {}
        self.base = "-@all"
        self.rules: dict[str, str] = {}
        self._commands: set[str] = set()
        self._first_arguments: dict[str, list[bytes]] = {}
        self._matchers: dict[int, Matcher] = {}

    # -- compiling ---------------------------------------------------------------------------------------------------

    def apply(self, rule: str) -> None:
        """Reads one rule. Raises AccessStringError."""
        self._matchers.clear()
        word = rule.lower()
        if word in _WHOLE:
            _WHOLE[word](self)
        elif word[0] == "~" or (word[0] == "%" and not self.legacy):
            self._add_keys(rule)
        elif word[0] == "&":
            if self.all_channels:
                raise AccessStringError(_CLOSED.format("channel", "channel"))
            self.channels[rule[1:].encode("utf-8", "surrogateescape")] = None
        elif word[:2] in {"+@", "-@"}:
            self._change_category(word[1:], allow=word[0] == "+")
        elif word[0] == "-":
            self._change(self._find(word[1:]), word[1:], allow=False)
        elif word[0] == "+":
            self._allow(word[1:])
        else:
            raise AccessStringError(_SYNTAX)

    def set_keys(self, everything: bool) -> None:
        """`allkeys` and `resetkeys`."""
        self.all_keys = everything
        self.keys.clear()

    def set_channels(self, everything: bool) -> None:
        """`allchannels` and `resetchannels`."""
        self.all_channels = everything
        self.channels.clear()

    def set_commands(self, everything: bool) -> None:
        """`allcommands` and `nocommands`."""
        self.base = "+@all" if everything else "-@all"
        self.rules.clear()
        self._first_arguments.clear()
        self._commands = {command.name for command in self._table.full()} if everything else set()

    def _add_keys(self, rule: str) -> None:
        if self.all_keys:
            raise AccessStringError(_CLOSED.format("key", "pattern"))
        access, _, pattern = rule.partition("~")  # `%R` alone is the key whose name is empty
        letters = access[1:].upper()
        if access and letters not in {"R", "W", "RW", "WR"}:
            raise AccessStringError(_SYNTAX)
        granted = sum({"R": READ, "W": WRITE}[letter] for letter in letters) or READ_WRITE
        name = pattern.encode("utf-8", "surrogateescape")
        self.keys[name] = self.keys.get(name, 0) | granted

    def _find(self, name: str) -> Command | None:
        """The command or, since 7.0, `container|subcommand`; None for one that the engine has but this table lacks.

        Raises AccessStringError.
        """
        top, bar, leaf = name.partition("|")
        found = self._table.get(top.encode())
        if found is not None and bar:
            found = None if self.legacy else found.subcommands.get(leaf.encode())
        if found is None and (not _is_documented(name, self._table) or (bar and self.legacy)):
            raise AccessStringError(_UNKNOWN)
        return found

    def _allow(self, target: str) -> None:
        """`+command`, `+container|subcommand`, or a command with one first argument only."""
        name, bar, argument = target.partition("|") if self.legacy else target.rpartition("|")
        if not bar:
            self._change(self._find(target), target, allow=True)
            return
        command = self._find(name)
        if "|" in name:
            raise AccessStringError(_NESTED)
        if not argument:
            raise AccessStringError(_SYNTAX)
        if command is not None and command.subcommands and not self.legacy:
            self._change(self._find(target), target, allow=True)
            return
        allowed = self._first_arguments.setdefault(name, [])
        if argument.encode() not in allowed:
            allowed.append(argument.encode())
        self._remember(target, allow=True)

    def _change(self, command: Command | None, target: str, *, allow: bool) -> None:
        if command is not None:
            self._set(command, allow=allow)
        self._remember(target, allow=allow)

    def _set(self, command: Command, *, allow: bool) -> None:
        names = [command.name, *(each.name for each in command.subcommands.values())]
        if allow:
            self._commands.update(names)
        else:
            self._commands.difference_update(names)
        self._first_arguments.pop(command.name, None)

    def _change_category(self, category: str, *, allow: bool) -> None:
        if category not in CATEGORIES and category not in MORE_CATEGORIES:
            raise AccessStringError(_UNKNOWN)
        names = self._table.in_category(category, subcommands=not self.legacy)
        (self._commands.update if allow else self._commands.difference_update)(names)
        for name in [each for each in self._first_arguments if each in names]:
            del self._first_arguments[name]
        self._remember(category, allow=allow)

    def _remember(self, target: str, *, allow: bool) -> None:
        """Keeps the rule for descriptions; it takes the place of earlier ones about the same or a part of it."""
        for earlier in [each for each in self.rules if each == target or each.startswith(target + "|")]:
            del self.rules[earlier]
        self.rules[target] = ("+" if allow else "-") + target

    # -- describing --------------------------------------------------------------------------------------------------

    def describe_keys(self) -> list[str]:
        """The key rules."""
        marks = {READ_WRITE: "~", READ: "%R~", WRITE: "%W~"}
        return ["~*"] if self.all_keys else [marks[bits] + _text(key) for key, bits in self.keys.items()]

    def describe_channels(self) -> list[str]:
        """The channel rules, without `resetchannels`."""
        return ["&*"] if self.all_channels else ["&" + _text(channel) for channel in self.channels]

    def describe_commands(self) -> str:
        """The command rules, from +@all or -@all on."""
        return " ".join([self.base, *self.rules.values()])

    def describe(self) -> str:
        """All rules as ACL LIST prints them."""
        reset = [] if self.all_channels else ["resetchannels"]
        return " ".join([*self.describe_keys(), *reset, *self.describe_channels(), self.describe_commands()])

    # -- checking ----------------------------------------------------------------------------------------------------

    @property
    def unrestricted(self) -> bool:
        """Whether there is nothing that these rules forbid."""
        everything = self._commands.issuperset(command.name for command in self._table.full())
        return self.all_keys and self.all_channels and everything

    def _unit(self, command: Command) -> str:
        """What is allowed or not: in 6.2 a container is one command, and its subcommands are first arguments."""
        return command.parent if self.legacy and command.parent else command.name

    def allows(self, command: Command) -> bool:
        """Whether the command may run, whatever its arguments are."""
        return bool(command.flags & NO_AUTH) or self._unit(command) in self._commands

    def first_arguments(self, command: Command) -> list[bytes]:
        """The first arguments with which alone the command may run; none when it may run with any or never."""
        return [] if self.allows(command) else self._first_arguments.get(self._unit(command), [])

    def key_patterns(self, needs: int) -> list[bytes]:
        """The patterns of keys that may be used in that way; one pattern must grant all of it."""
        return [pattern for pattern, granted in self.keys.items() if granted & needs == needs]

    def _matcher(self, needs: int) -> Matcher:
        """Whether a key may be used in that way."""
        found = self._matchers.get(needs)
        if found is None:
            found = self._matchers[needs] = _any_of(self.key_patterns(needs))
        return found

    def refuse_channel(self, command: Command, argv: Argv) -> Refusal | None:
        """Channels are matched against the patterns; patterns of channels must be among them."""
        names = argv[1:2] if command.name in _PUBLISHERS else argv[1:]
        for at, name in enumerate(names, 1):
            literal = command.name == "psubscribe"
            if name not in self.channels if literal else not _any_of(self.channels)(name):
                return Refusal("channel", at)
        return None

    def predicate(self, command: Command) -> Predicate:
        """Whether a command line may run, for a command that may run at all: what the straight path asks."""

        def slowly(argv: Argv) -> bool:
            return self.check(command, argv, find_places(command, argv, self.legacy)) is None

        specs = [spec for spec in command.keys if "not_key" not in spec.flags and not self.all_keys]
        if (
            not self.allows(command)
            or (command.name in _WITH_CHANNELS and not self.all_channels)
            or (specs and has_own_finder(command, self.legacy))
            or any(spec.last < 0 and spec.index >= command.least for spec in specs)
            or (len(specs) > 1 and any(spec.counted for spec in specs))
        ):
            return slowly
        if any(map(_varies, specs)) and any(granted != READ_WRITE for granted in self.keys.values()):
            if command.name != "set":
                return slowly
            writes = self._matcher(WRITE)
            return lambda argv: bool(writes(argv[1])) if len(argv) == 3 else slowly(argv)
        if len(specs) == 1:
            quickly = self._one_spec(command, specs[0])
            return (lambda argv: quickly(argv) or slowly(argv)) if specs[0].counted else quickly
        matchers = [(spec, self._matcher(_needs(spec.flags))) for spec in specs]
        return lambda argv: all(all(map(matches, spec.find(argv))) for spec, matches in matchers)

    def _one_spec(self, command: Command, spec: KeySpec) -> Predicate:
        """The predicate of a command all of whose keys need the same permission."""
        needs = _needs(spec.flags)
        if command.single:
            return FirstKey(self.key_patterns(needs))
        matches, find = self._matcher(needs), spec.find
        if spec == KeySpec(spec.flags, last=-1):
            return lambda argv: all(map(matches, argv[1:]))
        return lambda argv: all(map(matches, find(argv)))

    def check(self, command: Command, argv: Argv, places: Places) -> Refusal | None:
        """Whether this command line may run."""
        if not self.allows(command):
            allowed = self.first_arguments(command)
            if len(argv) < 2 or argv[1].lower() not in allowed:
                return _NO_COMMAND
        if not self.all_keys:
            for at, needs in places:
                if not self._matcher(needs)(argv[at]):
                    return Refusal("key", at)
        if not self.all_channels and command.name in _WITH_CHANNELS:
            return self.refuse_channel(command, argv)
        return None


_WHOLE: Final[dict[str, Callable[[Selector], None]]] = {
    "allkeys": methodcaller("set_keys", True),
    "~*": methodcaller("set_keys", True),
    "resetkeys": methodcaller("set_keys", False),
    "allchannels": methodcaller("set_channels", True),
    "&*": methodcaller("set_channels", True),
    "resetchannels": methodcaller("set_channels", False),
    "allcommands": methodcaller("set_commands", True),
    "+@all": methodcaller("set_commands", True),
    "nocommands": methodcaller("set_commands", False),
    "-@all": methodcaller("set_commands", False),
}


class Permissions:
    """What a user may do: `check` says why a command line may not run, or None.

    `commands` are those of the table by name, with the permissions built in, for the straight path.
    """

    def __init__(self, selectors: Iterable[Selector], table: CommandTable, *, enabled: bool) -> None:
        self.selectors = tuple(selectors)
        self.enabled = enabled
        self.unrestricted = any(each.unrestricted for each in self.selectors)
        self.commands = PermittedCommands(self, table)
        self._predicates: dict[Command, Predicate] = {}

    @property
    def root(self) -> Selector:
        """The rules outside of parentheses."""
        return self.selectors[0]

    @property
    def text(self) -> str:
        """The access string in its normal form, as ACL LIST prints it."""
        further = (f"({each.describe()})" for each in self.selectors[1:])
        return " ".join(["on" if self.enabled else "off", self.root.describe(), *further])

    def check(self, command: Command, argv: Argv) -> Refusal | None:
        """Why the command line, whose arity is right, may not run; None when it may."""
        return None if self.predicate(command)(argv) else self.explain(command, argv)

    def predicate(self, command: Command) -> Predicate:
        """The cheapest test of whether a command line of this command may run."""
        found = self._predicates.get(command)
        if found is None:
            found = self._predicates[command] = self._compile(command)
        return found

    def _compile(self, command: Command) -> Predicate:
        keys = any("not_key" not in spec.flags for spec in command.keys)
        channels = command.name in _WITH_CHANNELS
        willing = [each for each in self.selectors if each.allows(command) or each.first_arguments(command)]
        if not willing:
            return _never
        for each in willing:
            if (each.all_keys or not keys) and (each.all_channels or not channels) and each.allows(command):
                return _always
        predicates = [each.predicate(command) for each in willing]
        if len(predicates) == 1:
            return predicates[0]
        first_keys = [each for each in predicates if isinstance(each, FirstKey)]
        if len(first_keys) == len(predicates):
            return FirstKey([pattern for each in first_keys for pattern in each.patterns])
        return lambda argv: any(permits(argv) for permits in predicates)

    def may_read_all(self, command: Command, prefix: bytes) -> bool:
        """Whether the command may read every key that begins with the prefix."""
        return any(
            each.all_keys or any(_covers(pattern, prefix) for pattern in each.key_patterns(READ))
            for each in self.selectors
            if each.allows(command)
        )

    def may_hear(self, channels: Iterable[bytes], patterns: Iterable[bytes]) -> bool:
        """Whether the user may listen to these channels and patterns, with whichever command."""
        if any(each.all_channels for each in self.selectors):
            return True
        granted = {pattern for each in self.selectors for pattern in each.channels}
        return granted.issuperset(patterns) and all(map(_any_of(granted), channels))

    def explain(self, command: Command, argv: Argv) -> Refusal | None:
        """One selector must allow everything. If none does, the refusal that came furthest is told."""
        places = find_places(command, argv, self.root.legacy)
        worst = _NO_COMMAND
        for each in self.selectors:
            refusal = each.check(command, argv, places)
            if refusal is None:
                return None
            worst = max(worst, refusal, key=lambda one: (_RANK[one.kind], one.at))
        return worst


class PermittedCommands(dict[bytes, Command | None]):
    """A user's commands by name as in the table, filled when they are asked for; None for unknown names."""

    def __init__(self, permissions: Permissions, table: CommandTable) -> None:
        super().__init__()
        self._permissions = permissions
        self._table = table

    def __missing__(self, name: bytes) -> Command | None:
        command = self._table.get(name)
        if command is None:
            return None
        found = self[name] = self._guard(command)
        return found

    def _guard(self, command: Command) -> Command:
        permits = self._permissions.predicate(command)
        if command.subcommands or permits is _never:
            return command
        if permits is _always:
            return command.guarded(command.run)
        run = command.run

        def guarded(s: Session, argv: Argv) -> Reply:
            if permits(argv):
                return run(s, argv)
            raise refused(s, argv)

        def guarded_key(s: Session, argv: Argv) -> Reply:
            if matches(argv[1]):
                return run(s, argv)
            raise refused(s, argv)

        def refused(s: Session, argv: Argv) -> CommandError:
            refusal = self._permissions.explain(command, argv)
            return s.refusal(refusal or _NO_COMMAND, command, argv)

        def guarded_prefix(s: Session, argv: Argv) -> Reply:
            if argv[1].startswith(prefixes):
                return run(s, argv)
            raise refused(s, argv)

        if isinstance(permits, FirstKey):
            matches, prefixes = permits.matches, permits.prefixes
            return command.guarded(guarded_prefix if prefixes else guarded_key)
        return command.guarded(guarded)


def _always(argv: Argv) -> bool:
    return True


def _never(argv: Argv) -> bool:
    return False


def _covers(pattern: bytes, prefix: bytes) -> bool:
    """Whether the pattern matches whatever begins with the prefix."""
    return pattern.endswith(b"*") and not pattern.endswith(b"\\*") and bool(compile_glob(pattern)(prefix))


def _text(pattern: bytes) -> str:
    return pattern.decode("utf-8", "surrogateescape")


def _any_of(patterns: Iterable[bytes]) -> Matcher:
    """Whether a text matches one of the patterns; most are prefixes."""
    chosen = list(patterns)
    if len(chosen) == 1:
        return compile_glob(chosen[0])
    if prefixes := _prefixes(chosen):
        return methodcaller("startswith", prefixes)
    return compile_globs(chosen)


def _prefixes(patterns: list[bytes]) -> tuple[bytes, ...]:
    """What texts must begin with, if that is all that the patterns say; else nothing."""
    plain = [each[:-1] for each in patterns if each.endswith(b"*") and not set(each[:-1]) & _SPECIAL]
    return tuple(plain) if len(plain) == len(patterns) and all(plain) else ()


# -- the keys of a command line --------------------------------------------------------------------------------------


def _needs(flags: str) -> int:
    """What the flags of a key spec ask for: https://valkey.io/topics/key-specs/#logical-operation-flags."""
    words = flags.split()
    reads = READ if "access" in words else 0
    return reads | (WRITE if {"insert", "delete", "update"} & {*words} else 0)


def _varies(spec: KeySpec) -> bool:
    return "variable_flags" in spec.flags


def varying_needs(command: Command, argv: Argv) -> int:
    """SET reads the key with GET only, and BITFIELD writes it unless all that it does is GET."""
    if command.name == "set":
        return READ_WRITE if any(word.lower() == b"get" for word in argv[3:]) else WRITE
    if command.name != "bitfield":
        return READ_WRITE
    at = 2
    while at < len(argv):
        word, left = argv[at].lower(), len(argv) - at - 1
        steps = {b"get": 3, b"overflow": 2}.get(word, 0)
        if not steps or left < steps - 1:
            return READ_WRITE
        at += steps
    return READ


def has_own_finder(command: Command, legacy: bool) -> bool:
    """Whether a real server finds the keys with code of the command's own.

    6.2 does wherever there is some, later versions where key specs do not say it all.
    """
    return command.finder is not None and (legacy or any(spec.unknown for spec in command.keys))


def find_places(command: Command, argv: Argv, legacy: bool) -> Places:
    """Every key of a command line with the permission that it needs.

    None at all when the number of keys cannot be: such a command line fails anyway. Nor when a range of keys is empty: then a
    real server does not ask (PFMERGE without sources), except 6.2, which knows one range of all keys.
    """
    places: Places = []
    if has_own_finder(command, legacy):  # 6.2 has one permission for all, later versions ask so of SORT only
        for key in command.find_keys(argv):
            places.append((argv.index(key, 1), WRITE if places else READ))
        return places
    oddly = command.counts_oddly(argv)  # of such keys a real server does not know what is done to them
    for spec in reversed(command.keys) if oddly else command.keys:
        if "not_key" in spec.flags:
            continue
        needs = varying_needs(command, argv) if _varies(spec) else _needs(spec.flags)
        try:
            places += [(at, 0 if oddly else needs) for at in _indices(spec, argv, legacy)]
        except (NotInteger, IndexError):
            return []
    return places


def _indices(spec: KeySpec, argv: Argv, legacy: bool) -> Iterator[int]:
    if spec.counted:
        yield from _counted_indices(spec, argv)
        return
    if spec.last < 0 and spec.index >= len(argv) and not legacy:
        raise IndexError
    at = spec.index - 1
    for key in spec.find(argv):
        at = argv.index(key, at + 1 if at + 1 < len(argv) else 0)
        yield at


def _counted_indices(spec: KeySpec, argv: Argv) -> range:
    """Raises NotInteger for a number of keys that cannot be."""
    count = spec.count(argv)
    if not count:
        raise NotInteger
    return range(spec.index + 1, spec.index + 1 + count)


# -- reading access strings ------------------------------------------------------------------------------------------


def _is_documented(name: str, table: CommandTable) -> bool:
    """Whether the engine version has the command, served here or not."""
    if name.startswith("ft."):
        return any(name.encode() in command_table(version, "search") for version in SEARCH_VERSIONS)
    if name.encode() in table.effects:
        return True
    document = command_docs().get(name)
    return document is not None and version_numbers(document.get("since", "1.0.0")) <= table.level


def _rules(text: str, legacy: bool) -> Iterator[str]:
    """The rules; what stands in parentheses is one. Raises AccessStringError."""
    opened: list[str] = []
    for word in text.split():
        if legacy or not (opened or (word[0] == "(" and word[-1] != ")")):
            yield word
            continue
        opened.append(word)
        if word[-1] == ")":
            yield " ".join(opened)
            opened.clear()
    if opened:
        raise AccessStringError(f"Unmatched parenthesis in acl selector starting at '{opened[0]}'.")


def _apply(selector: Selector, rule: str) -> None:
    """Reads one rule; the error names it, unless it may hold a password."""
    if rule[0] in "><#!" or rule.lower() in _OF_USERS:
        raise AccessStringError(f"{_NOT_HERE}.")
    try:
        selector.apply(rule)
    except AccessStringError as error:
        text = f"Error in the access string's rule '{rule}': {error}"
        raise AccessStringError(text, error.reason) from None


def compile_access_string(text: str, engine_version: str, edition: Edition = "") -> Permissions:
    """What the access string allows on that engine version and edition. Raises AccessStringError."""
    table = command_table(engine_version, edition)
    legacy = table.level < (7,)
    enabled = False
    root = Selector(table)
    further: list[Selector] = []
    for rule in _rules(text, legacy):
        word = rule.lower()
        if word in {"on", "off"}:
            enabled = word == "on"
        elif word == "clearselectors" and not legacy:
            further.clear()
        elif word[0] == "(" and word[-1] == ")" and not legacy:
            further.append(Selector(table))
            for inner in rule[1:-1].split():
                _apply(further[-1], inner)
        else:
            _apply(root, rule)
    return Permissions([root, *further], table, enabled=enabled)


@lru_cache(maxsize=256)
def normal_form(text: str, engine_version: str, edition: Edition = "") -> str:
    """The access string as ACL LIST prints it. Raises AccessStringError."""
    return compile_access_string(text, engine_version, edition).text


def check_access_string(text: str, engine_version: str) -> str:
    """The access string in the form in which MemoryDB returns it. Raises AccessStringError."""
    if not text.strip():
        raise AccessStringError("The access string is empty.")
    return normal_form(text, engine_version)
