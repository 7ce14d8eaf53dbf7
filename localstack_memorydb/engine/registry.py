"""The command table. A command is declared once, where its handler stands:

    strings = Family("string", "@string")

    @strings.command("GETRANGE", 4, READONLY, keys=one("RO access"), since="2.4.0")
    def getrange(s: Session, argv: Argv) -> Reply: ...

Everything else is derived from that line: arity check, ACL categories, COMMAND INFO, key routing, the table of each
engine version. https://valkey.io/topics/command-arguments/ and https://valkey.io/topics/key-specs/ explain the terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

from localstack_memorydb.engine import multi_region
from localstack_memorydb.engine.errors import CommandError, WrongArity, unknown_subcommand
from localstack_memorydb.engine.looking import MANY
from localstack_memorydb.engine.metadata_of_6_2 import CATEGORIES_OF_6_2, ONLY_IN_6_2, RANGES_OF_6_2
from localstack_memorydb.engine.numbers import is_integer, leading_integer
from localstack_memorydb.engine.resp import Argv, Reply
from localstack_memorydb.engine.versions import SEARCH_VERSIONS, Edition

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

Handler: TypeAlias = "Callable[[Session, Argv], Reply]"
Finder: TypeAlias = Callable[[Argv], list[bytes]]

# Flags, by the names that COMMAND INFO prints. Plain ints: an enum's operators cost a microsecond each.
WRITE: Final = 1 << 0
READONLY: Final = 1 << 1
DENYOOM: Final = 1 << 2
ADMIN: Final = 1 << 3
PUBSUB: Final = 1 << 4
NOSCRIPT: Final = 1 << 5
BLOCKING: Final = 1 << 6
LOADING: Final = 1 << 7
STALE: Final = 1 << 8
SKIP_MONITOR: Final = 1 << 9
SKIP_SLOWLOG: Final = 1 << 10
ASKING: Final = 1 << 11
FAST: Final = 1 << 12
NO_AUTH: Final = 1 << 13
MAY_REPLICATE: Final = 1 << 14
NO_MANDATORY_KEYS: Final = 1 << 15
NO_ASYNC_LOADING: Final = 1 << 16
NO_MULTI: Final = 1 << 17
ALLOW_BUSY: Final = 1 << 18
MOVABLE_KEYS: Final = 1 << 19
MODULE: Final = 1 << 20  # not of the engine itself: JSON.* and the like

FLAG_NAMES: Final = {
    WRITE: "write",
    READONLY: "readonly",
    DENYOOM: "denyoom",
    MODULE: "module",
    ADMIN: "admin",
    PUBSUB: "pubsub",
    NOSCRIPT: "noscript",
    BLOCKING: "blocking",
    LOADING: "loading",
    STALE: "stale",
    SKIP_MONITOR: "skip_monitor",
    SKIP_SLOWLOG: "skip_slowlog",
    ASKING: "asking",
    FAST: "fast",
    NO_AUTH: "no_auth",
    MAY_REPLICATE: "may_replicate",
    NO_MANDATORY_KEYS: "no_mandatory_keys",
    NO_ASYNC_LOADING: "no_async_loading",
    NO_MULTI: "no_multi",
    ALLOW_BUSY: "allow_busy",
    MOVABLE_KEYS: "movablekeys",
}

# ACL categories in the order in which servers list them.
CATEGORIES: Final = tuple(
    "@keyspace @read @write @set @sortedset @list @hash @string @bitmap @hyperloglog @geo @stream @pubsub @admin "
    "@fast @slow @blocking @dangerous @connection @transaction @scripting".split()
)

# Those of the commands that MemoryDB adds to the engine.
MORE_CATEGORIES: Final = ("@json", "@search")

# Gates: why a command may not take the straight path. A session has the bits that hold for it now, a command those
# that it minds; the hot loop looks only at whether they meet.
GATE_UNAUTHENTICATED: Final = 1 << 0
GATE_MULTI: Final = 1 << 1
GATE_SUBSCRIBED: Final = 1 << 2
GATE_REPLICA: Final = 1 << 3
GATE_SILENT: Final = 1 << 4
GATE_MONITORED: Final = 1 << 5
GATE_RESTRICTED: Final = 1 << 6  # the user may not do everything
GATE_MEMORY: Final = 1 << 8  # memory or replicas are short, or somebody wants to know which keys are used
GATE_BUSY: Final = 1 << 9  # a script runs for too long
GATE_TIMED: Final = 1 << 10  # every command is timed by itself
GATE_TRACKING: Final = 1 << 11  # the client wants to know when what it read changes
GATE_PAUSED: Final = 1 << 12  # clients are made to wait
GATE_UNTOUCHING: Final = 1 << 13  # what the client does is not to be seen in how long keys are idle
GATE_ALWAYS: Final = 1 << 7  # every session has it: containers, and commands that change the protocol
EVERY_GATE: Final = (1 << 14) - 1 & ~GATE_ALWAYS


@dataclass(frozen=True, slots=True)
class KeySpec:
    """Where keys stand in a command's arguments, and what is done to them (https://valkey.io/topics/key-specs/).

    `index` is where the search begins; keys run from there to `last` (relative to it; negative counts from the
    command's end), every `step`-th. With `counted`, a number of keys stands at `index` and the keys follow it.
    An `unknown` place is one that no rule describes: clients are told so, and only the argument after the last
    `keyword` is known here (SORT's STORE). Any other `keyword` is searched for from `index` on, and the keys are the
    first of `limit` equal parts of what follows it (XREAD's STREAMS), or the one argument after it without a limit
    (GEORADIUS's STORE, where the first one counts, although the command obeys the last). Places `after` certain words are known to the command only, and clients are
    not told of them (JSON.DEBUG).
    """

    flags: str
    index: int = 1
    last: int = 0
    step: int = 1
    counted: bool = False
    unknown: bool = False
    keyword: bytes = b""
    limit: int = 0
    after: tuple[bytes, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether the keys may be modified."""
        return not self.flags.startswith("RO")

    def find(self, argv: Argv) -> list[bytes]:
        """The keys in a command line that passed its arity check; none for a number of keys that cannot be."""
        if self.after and argv[self.index - 1].upper() not in self.after:
            return []
        if self.unknown:
            found = [key for word, key in pairwise(argv[2:]) if word.upper() == self.keyword]
            return found[-1:] if self.keyword else []
        if self.keyword:
            places = [at for at in range(self.index, len(argv) - 1) if argv[at].upper() == self.keyword]
            if not places or not self.limit:
                return [argv[at + 1] for at in places[:1]]
            following = argv[places[0] + 1 :]
            return following[: len(following) // self.limit]
        if not self.counted:
            stop = len(argv) + self.last if self.last < 0 else self.index + self.last
            return argv[self.index : stop + 1 : self.step]
        first = self.index + 1
        return argv[first : first + self.count(argv)]

    def count(self, argv: Argv) -> int:
        """How many keys are `counted`: `1.5` is 1, and an error of the command itself later. 0 for a number that cannot be."""
        word = argv[self.index] if self.index < len(argv) else b""
        count = _SMALL_NUMBERS.get(word)
        if count is None:
            count = leading_integer(word)
        return count if 0 < count < len(argv) - self.index else 0


_SMALL_NUMBERS: Final = {b"%d" % number: number for number in range(10)}

Keys: TypeAlias = tuple[KeySpec, ...]
NO_KEYS: Final[Keys] = ()


def one(flags: str, at: int = 1) -> Keys:
    """One key."""
    return (KeySpec(flags, at),)


def two(first: str, second: str) -> Keys:
    """Two keys with different treatment, such as source and destination."""
    return (KeySpec(first, 1), KeySpec(second, 2))


def span(flags: str, last: int = -1, step: int = 1, at: int = 1) -> Keys:
    """Keys from `at` to `last` (-1 is the last argument), every `step`-th."""
    return (KeySpec(flags, at, last, step),)


def counted(flags: str, at: int = 1) -> Keys:
    """A number of keys at `at`, then the keys."""
    return (KeySpec(flags, at, counted=True),)


def stored(sources: Keys, flags: str = "OW update") -> Keys:
    """A destination first, then the sources (ZUNIONSTORE, SINTERSTORE)."""
    return (KeySpec(flags, 1), *sources)


def keyword(flags: str, word: bytes, at: int) -> Keys:
    """Keys after a word that stands at `at` or behind, and as many arguments after them."""
    return (KeySpec(flags, at, -1, keyword=word, limit=2),)


def unknown(flags: str, keyword: bytes = b"") -> Keys:
    """Keys that stand anywhere, or that data names."""
    return (KeySpec(flags, unknown=True, keyword=keyword),)


@dataclass(frozen=True, slots=True)
class Earlier:
    """How a command was declared `before` an engine version, if need be `since` another: arity, flags more or fewer."""

    before: str
    arity: int = 0
    adds: int = 0
    drops: int = 0
    since: str = "0"


# What these commands make may be far larger than what the client sends (SETRANGE), so memory is looked at each time.
_AMPLIFIERS: Final = frozenset(
    "bitfield bitop copy georadius georadiusbymember geosearchstore pfmerge restore sdiffstore setbit setrange "
    "sinterstore sort sunionstore zdiffstore zinterstore zrangestore zunionstore".split()
)


# Commands that do not use a key although they look at it (LOOKUP_NOTOUCH), by name, and one that is told of the use.
_LOOKS_ONLY: Final = frozenset(
    "exists expiretime memory|usage object|encoding object|freq object|idletime object|refcount pexpiretime pttl restore "
    "ttl type watch".split()
)


# Commands that may take long although their replies are short. They may interrupt their client's turn (engine/turns.py).
_SLOW: Final = frozenset(
    "append bitcount bitfield bitfield_ro bitpos copy dump eval eval_ro evalsha evalsha_ro exec fcall fcall_ro hscan lcs linsert "
    "lpos lrem restore scan setbit setrange sort sort_ro sscan zrangestore zscan".split()
)


# They look at the clock while they run, where what they take grows with the request or with the data (engine/giving_way.py).
_ENDLESS: Final = frozenset(
    "bitop blmpop bzmpop copy dump geosearch geosearchstore georadius georadiusbymember georadius_ro georadiusbymember_ro hrandfield "
    "hscan keys lmpop lolwut memory|usage pfcount pfmerge restore sdiff sdiffstore sinter sintercard sinterstore sort sort_ro "
    "srandmember sscan sunion sunionstore xautoclaim xinfo|stream xpending xread xreadgroup zdiff zdiffstore zinter zintercard zinterstore "
    "zlexcount zmpop zrandmember zrangestore zremrangebylex zremrangebyrank zremrangebyscore zscan zunion zunionstore".split()
)

# These, too, if they have more words than so many: without a count they are short.
_ENDLESS_WITH_COUNT: Final = dict.fromkeys("lpop rpop spop zpopmax zpopmin".split(), 2)

_DEADLINES: Final = frozenset("expire expireat persist pexpire pexpireat".split())

READS_FIRST: Final = frozenset(
    {"getdel", "getex", "getset", "pfmerge", "xack", "xautoclaim", "xclaim", "xreadgroup"}
)
"""Writes that look all their keys up to read them."""


# They put an element somewhere before they take it away: who watches hears of the second key first.
_DESTINATION_FIRST: Final = frozenset("lmove rpoplpush blmove brpoplpush".split())


NUMBERS: Final[dict[str, int]] = {}
"""Of every command and subcommand by its full name: what is counted of commands can stand in lists."""

_MOST_IN_HEADER: Final = 99
"""Arguments of a request whose number has no more than two digits."""


@cache
def _lengths(least: int, most: int) -> frozenset[int]:
    return frozenset(range(least, most + 1))


class Command:
    """One command or subcommand: its handler and its declaration."""

    __slots__ = (
        "amplifies",
        "arity",
        "brief",
        "categories",
        "complains",
        "counted",
        "counter",
        "earlier",
        "endless",
        "family",
        "finder",
        "flags",
        "gates",
        "group",
        "keys",
        "least",
        "lengths",
        "most",
        "name",
        "number",
        "parent",
        "plain",
        "reads",
        "reads_one",
        "run",
        "since",
        "single",
        "slow",
        "straight",
        "subcommands",
        "uses",
        "write",
    )

    def __init__(self, name: str, arity: int, flags: int, run: Handler, keys: Keys, since: str) -> None:
        self.name = name.lower()
        self.number = NUMBERS.setdefault(self.name, len(NUMBERS))
        self.parent = self.name.rpartition("|")[0]
        self.arity = arity
        self.flags = flags
        self.run = run
        self.keys = keys
        self.counted = any(spec.counted for spec in keys)
        self.counter = 0  # where the number of all keys stands, in every line that is long enough
        self.since = since
        self.group = ""
        self.earlier: Earlier | None = None
        self.finder: Finder | None = None  # finds keys where the specifications only come near
        self.categories: frozenset[str] = frozenset()
        self.subcommands: dict[bytes, Command] = {}
        self.complains: Handler | None = None
        self.least = abs(arity)
        self.most = arity if arity > 0 else 1 << 62
        if len(keys) == 1 and self.counted and not keys[0].after and keys[0].index < self.least:
            self.counter = keys[0].index
        # A line of more words is careful: it may be work that gives way.
        self.brief = min(self.most, _ENDLESS_WITH_COUNT.get(self.name, MANY))
        self.write = bool(flags & WRITE)
        self.amplifies = self.name in _AMPLIFIERS
        self.plain = self  # of a command with permissions built in, the one without
        self.gates = EVERY_GATE
        self.uses = self.name not in _LOOKS_ONLY
        # Exactly one key, first argument.
        self.single = len(keys) == 1 and keys[0] == KeySpec(keys[0].flags) and "not_key" not in keys[0].flags
        endless = self.name in _ENDLESS or self.name.startswith(("json.", "ft."))
        self.endless = endless or self.name in _ENDLESS_WITH_COUNT
        self.slow = endless or self.name in _SLOW
        self.reads_one = self.single and bool(flags & READONLY)
        # A key is looked up to be read, and be it by a write (engine/lookups.py). SET with GET says so itself.
        self.reads = bool(keys and flags & (READONLY | WRITE)) and (
            not self.write
            or self.name in READS_FIRST
            or self.name == "bitfield"
            or not all(spec.writes for spec in keys)
        )
        self.straight = self.single and self.uses and not self.slow and not (self.write and self.reads)
        self.lengths = _lengths(self.least, min(self.brief, _MOST_IN_HEADER))

    @property
    def title(self) -> str:
        """The name as the server says it: as declared, and that is in capitals for modules."""
        return self.name.upper() if self.flags & MODULE else self.name

    @property
    def is_fast(self) -> bool:
        """Whether the command takes much the same time however large the data is."""
        return bool(self.flags & FAST)

    def takes(self, argv: Argv) -> bool:
        """Whether the number of arguments is right."""
        return self.least <= len(argv) <= self.most

    @property
    def adds_nothing(self) -> bool:
        """Whether a stream has no new entries by it, whatever else changes."""
        return self.name in _DEADLINES or (self.group == "stream" and self.name != "xadd")

    def is_brief(self, argv: Argv) -> bool:
        """Whether the line need not take the careful path because of its words."""
        return self.least <= len(argv) <= self.brief

    def find_keys(self, argv: Argv) -> list[bytes]:
        """All keys of a command line, those that are only read included."""
        if self.single:
            return [argv[1]]
        if self.finder is not None:
            return self.finder(argv)
        if self.counter and argv[self.counter] == b"0":
            return []
        if len(self.keys) == 1:
            return self.keys[0].find(argv)
        return self.stated_keys(argv)

    def stated_keys(self, argv: Argv) -> list[bytes]:
        """The keys that a client finds by the specifications; those of an odd number (`+2`) as the server alone does."""
        if len(self.keys) == 1:
            return self.keys[0].find(argv)
        if not self.counted:
            return [key for spec in self.keys for key in spec.find(argv)]
        found = [(spec, spec.find(argv)) for spec in self.keys]
        if any(spec.counted and not keys for spec, keys in found):
            return []  # where the number cannot be, no argument is taken for a key
        if self.counts_oddly(argv):
            found.reverse()
        return [key for _, keys in found for key in keys]

    def counts_oddly(self, argv: Argv) -> bool:
        """Whether the number of keys is none by the specifications (which cut 2^32 + 2 to 2), but one for C's atoi."""
        words = [argv[spec.index] for spec in self.keys if spec.counted and spec.index < len(argv)]
        return any(not (is_integer(word) and int(word) >= 0) for word in words)

    def modified_keys(self, argv: Argv) -> list[bytes]:
        """The keys of a command line that the command may change."""
        if self.finder is not None:  # the source is read, what follows is stored
            return self.finder(argv)[1:] if self.keys[-1].writes else []
        if self.name in _DESTINATION_FIRST:
            return [argv[2], argv[1]]
        return [key for spec in self.keys if spec.writes for key in spec.find(argv)]

    def guarded(self, run: Handler) -> Command:
        """The command as a user's permissions let it run: `run` looks at them, so their gate is open."""
        twin = copy(self)
        twin.run, twin.gates = run, self.gates & ~GATE_RESTRICTED
        return twin

    def resolve(self, argv: Argv, legacy: bool) -> Command:
        """The subcommand that a container's command line names. Raises CommandError.

        6.2 finds out when it runs the container that there is none of that name with so many arguments.
        """
        if len(argv) == 1 and self.least == 1:  # COMMAND alone is a command
            return self
        if len(argv) < 2:
            raise WrongArity(self.name)
        found = self.subcommands.get(argv[1].lower())
        if legacy and (found is None or not found.takes(argv)):
            failing = self.guarded(self._fail)
            if RANGES_OF_6_2.get(self.name, (0,))[0]:
                failing.keys = one("RO", at=2)
            return failing
        if found is None:
            raise unknown_subcommand(self.name, argv[1], legacy)
        return found

    def _fail(self, s: Session, argv: Argv) -> Reply:
        if self.complains is not None:
            return self.complains(s, argv)
        raise unknown_subcommand(self.name, argv[1], legacy=True)


def _categories(flags: int, family: str, extra: str) -> frozenset[str]:
    """The ACL categories that Valkey derives from flags (setImplicitACLCategories), and the declared ones."""
    names = {category for category in (family, *extra.split()) if category}
    if flags & WRITE:
        names.add("@write")
    if flags & READONLY and "@scripting" not in names:
        names.add("@read")
    if flags & ADMIN:
        names |= {"@admin", "@dangerous"}
    if flags & PUBSUB:
        names.add("@pubsub")
    if flags & BLOCKING:
        names.add("@blocking")
    names.add("@fast" if flags & FAST else "@slow")
    return frozenset(names)


class Family:
    """The commands of one group of the reference, in one file. `category` is the ACL category they share.

    Those of an `unrestricted` family are what MemoryDB keeps to itself: only a bare engine has them that is asked for them.
    """

    def __init__(self, group: str, category: str = "", *, unrestricted: bool = False) -> None:
        self.group = group
        self.category = category
        self.unrestricted = unrestricted
        self.commands: list[Command] = []
        FAMILIES.append(self)

    def command(
        self,
        name: str,
        arity: int,
        flags: int = 0,
        *,
        keys: Keys = NO_KEYS,
        since: str = "1.0.0",
        categories: str = "",
        category: str | None = None,
        passes: int = 0,
        careful: bool = False,
        earlier: Earlier | None = None,
        finder: Finder | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declares a command; `a|b` is a subcommand of `a`. `passes` are the gates that it does not mind.

        A `careful` command never takes the straight path: it changes how replies are written. Nor do those that may
        block or publish. A `finder` finds the keys where a real server has code of its own for that. The handler itself is
        returned unchanged.
        """

        def declare(run: Handler) -> Handler:
            command = Command(name, arity, flags, run, keys, since)
            command.group, command.earlier, command.finder = self.group, earlier, finder
            shared = self.category if category is None else category
            command.categories = _categories(flags, shared, categories)
            command.gates = EVERY_GATE & ~passes | (
                GATE_ALWAYS if careful or flags & (BLOCKING | PUBSUB) else 0
            )
            if flags & ALLOW_BUSY:
                command.gates &= ~GATE_BUSY
            if flags & NO_AUTH:
                command.gates &= ~GATE_UNAUTHENTICATED
            if not keys and not flags & (WRITE | MAY_REPLICATE):
                command.gates &= ~GATE_REPLICA
            if not keys and not flags & (WRITE | DENYOOM):
                command.gates &= ~GATE_MEMORY
            if command.amplifies:
                command.gates |= GATE_ALWAYS
            self.commands.append(command)
            return run

        return declare

    def container(
        self,
        name: str,
        *,
        since: str = "1.0.0",
        flags: int = 0,
        categories: str = "",
        complains: Handler | None = None,
    ) -> None:
        """Declares a command that only has subcommands (CLIENT, CLUSTER, ...).

        In 6.2 one may look at the key, its second argument, before it `complains` that there is no such subcommand.
        """
        self.command(name, -2, flags, since=since, categories=categories, category="")(_no_handler)
        self.commands[-1].complains = complains


FAMILIES: Final[list[Family]] = []
FAMILY_MODULES: Final = (
    "connection",
    "clients",
    "cluster",
    "server",
    "observing",
    "command",
    "acl",
    "keys",
    "sort",
    "strings",
    "bitmaps",
    "hyperloglogs",
    "hashes",
    "lists",
    "sets",
    "sorted_sets",
    "sorted_set_ranges",
    "sorted_set_algebra",
    "geo",
    "streams",
    "stream_groups",
    "transactions",
    "pubsub",
    "scripting",
    "functions",
    "search",
    "json",
    "json_elements",
)


UNRESTRICTED_MODULES: Final = ("config", "administration", "debug")


def _no_handler(s: Session, argv: Argv) -> Reply:
    """A container is always resolved to a subcommand before anything runs."""
    raise CommandError("ERR internal error")


def version_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


# The command level of each MemoryDB engine version: 7.1 is compatible with Redis OSS 7.0, 7.3 with Valkey 7.2.
ENGINE_LEVELS: Final = {
    "6.2": (6, 2, 99),
    "7.0": (7, 0, 99),
    "7.1": (7, 0, 99),
    "7.2": (7, 2, 99),
    "7.3": (7, 2, 99),
}


class CommandTable(dict[bytes, Command]):
    """The commands of one engine version by name; upper and lower case spellings are both keys.

    `effects` is the table of what logs hold and Regions tell each other, which may be more than clients may say.
    """

    def __init__(
        self, commands: Iterable[Command], level: tuple[int, ...], effects: CommandTable | None = None
    ) -> None:
        super().__init__()
        self.level = level
        self.described: dict[int, bytes] = {}
        """What COMMAND answers, by protocol, once a client has asked."""
        self.effects = effects or self
        known = [command for command in commands if version_numbers(command.since) <= level]
        for command in known:
            if not command.parent:
                self[command.name.encode()] = self[command.name.upper().encode()] = command
        self.top = [command for command in known if not command.parent]
        for command in known:
            if command.parent:
                container = self[command.parent.encode()]
                container.subcommands[command.name.rpartition("|")[2].encode()] = command
                container.gates |= GATE_ALWAYS
        self._full = [leaf for command in self.top for leaf in (command, *command.subcommands.values())]
        self._in_category: dict[tuple[str, bool], frozenset[str]] = {}
        self.readers = tuple(each.name for each in self.full() if each.reads_one)
        used = {category for each in self.full() for category in each.categories}
        self.categories = CATEGORIES + tuple(each for each in MORE_CATEGORIES if each in used)

    def find(self, name: bytes) -> Command | None:
        """The command of that name in any spelling."""
        return self.get(name) or self.get(name.lower())

    def full(self) -> list[Command]:
        """Every command and subcommand."""
        return self._full

    def in_category(self, category: str, *, subcommands: bool) -> frozenset[str]:
        """The names of the commands of a category, each with all its subcommands, and of further `subcommands` that are of it."""
        found = self._in_category.get((category, subcommands))
        if found is None:
            found = self._in_category[category, subcommands] = frozenset(
                name
                for command in self.top
                for each in (command, *(command.subcommands.values() if subcommands else ()))
                if category in each.categories
                for name in (each.name, *(leaf.name for leaf in each.subcommands.values()))
            )
        return found


@cache
def command_table(engine_version: str, edition: Edition = "") -> CommandTable:
    """The frozen table of a MemoryDB engine version such as `7.2`, for clusters of that edition."""
    for module in FAMILY_MODULES + UNRESTRICTED_MODULES * (edition == "unrestricted"):
        import_module(f"localstack_memorydb.engine.commands.{module}")
    level = ENGINE_LEVELS[engine_version]
    searches = edition == "search" and engine_version in SEARCH_VERSIONS
    families = [
        family
        for family in FAMILIES
        if (searches or family.category != "@search")
        and (edition == "unrestricted" or not family.unrestricted)
    ]
    copies = [
        _copy(command, level)
        for family in families
        for command in family.commands
        if level < (7,) or command.name not in ONLY_IN_6_2
    ]
    if edition == "multi-region":
        copies = [multi_region.narrowed(command) for command in copies if multi_region.offers(command)]
        return CommandTable(copies, level, command_table(engine_version))
    return CommandTable(copies, level)


def _copy(command: Command, level: tuple[int, ...]) -> Command:
    """A command of its own for each table, as it was declared at that level."""
    arity, flags = command.arity, command.flags
    earlier = command.earlier
    if earlier is not None and version_numbers(earlier.since) <= level < version_numbers(earlier.before):
        arity, flags = earlier.arity or arity, (flags | earlier.adds) & ~earlier.drops
    twin = Command(command.name, arity, flags, command.run, command.keys, command.since)
    twin.group, twin.categories, twin.gates = command.group, command.categories, command.gates
    twin.finder, twin.complains = command.finder, command.complains
    if command.flags & ~flags & NO_AUTH:
        twin.gates |= GATE_UNAUTHENTICATED
    if level < (7,) and command.name in CATEGORIES_OF_6_2:
        twin.categories = frozenset(CATEGORIES_OF_6_2[command.name].split())
    return twin
