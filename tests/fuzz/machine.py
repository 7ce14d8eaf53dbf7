"""A hypothesis state machine: three clients use a real server and ours, in all ways that clients have, and see the same."""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from . import values
from .bodies import Bodies
from .grammar import Grammar
from .lua import expression
from .luck import Luck
from .scripts import DUMPED, SHAS, scripted
from .sequences import beginning, restore
from .stage import Stage

Line = tuple[bytes, ...]

STEPS: Final = 25
WEIGHTS: Final = {"server": 3, "cluster": 2, "scripting": 1, "connection": 1, "pubsub": 1}
COUNTS: Final = {(b"dbsize",), (b"cluster", b"countkeysinslot"), (b"cluster", b"getkeysinslot")}
DATA: Final = st.data()
WHO: Final = st.sampled_from(["a", "a", "b", "a", "b", "d"])
# Who waits for a stream is told when it goes, whenever that is.
EXPIRING: Final = [key for key in values.ANY_KEY if key not in values.KEYS["stream"]]
CHANNELS: Final = [b"c1", b"c2", b"d1"]
PATTERNS: Final = [b"c*", b"?1", b"c[12]", b"[cd]?"]
# A time that is past: Redis tells of the end of such a key when it comes to it, and Valkey 9 calls it by another name.
DEADLINES: Final = frozenset(b"EXPIRE PEXPIRE EXPIREAT PEXPIREAT EXAT PXAT ABSTTL".split())
POLICIES: Final[list[Line]] = [(), (b"APPEND",), (b"REPLACE",), (b"flush",), (b"x",)]
EVENTS: Final = [b"__keyspace@0__:*", b"__keyevent@0__:*"]
SHARD_CHANNELS: Final = [b"{k}c1", b"{k}c2", b"{o}c1"]
SKETCHES: Final = values.KEYS["hyperloglog"]
LISTS, SETS = values.KEYS["list"], values.KEYS["sorted-set"]
STREAMS: Final = values.KEYS["stream"]
WAITED_FOR: Final = [*LISTS, *SETS, *STREAMS]
MARKS: Final = [b"$", b"0", b"3-3", b"18-1", b"9-9"]
ENDS: Final = [b"LEFT", b"RIGHT", b"left", b"up"]


class Play(RuleBasedStateMachine):
    """What three clients say, drawn from the declared arguments of the commands."""

    stage: ClassVar[Stage]
    grammar: ClassVar[Grammar]
    families: ClassVar[list[str]]
    payloads: ClassVar[list[bytes]]

    @initialize(data=DATA)
    def begin(self, data: st.DataObject) -> None:
        rng = Luck(data)
        self.stage.begin()
        many = [line for line in beginning(rng) if self.grammar.table.find(line[0])]
        # Skip lists of several scores are not sorted by member: where BYLEX comes to then is a matter of luck.
        self.lucky = any(line[0] == b"ZADD" and len(line) > 200 for line in many)
        # When a key that nobody looks at goes is up to the server: such sequences have nobody who is told, nor counts keys.
        self.passing = rng.random() < 0.25
        self.notified = (
            "notify-keyspace-events" in self.stage.settings and not self.passing and rng.random() < 0.4
        )
        self.chosen = [rng.choice(self.families), rng.choice(self.families)]
        if rng.random() < 0.5:
            self.stage.say("a", (b"HELLO", b"3"))
        if (
            self.notified
        ):  # somebody else: when one's own commands are told of beside their replies is another matter
            self.stage.say("c", (b"HELLO", b"3"))
            self.stage.listen("c", (b"PSUBSCRIBE", *EVENTS))
        if many:
            self.stage.say("a", *many)

    def teardown(self) -> None:
        self.stage.end()

    def line(self, rng: Random, *, waits: bool = True) -> Line:
        """A command of one of the chosen families, mostly."""
        if self.payloads and rng.random() < 0.02 and not self.notified:
            return restore(rng, self.payloads)
        while True:
            family = rng.choice(self.chosen if rng.random() > 0.15 else self.families)
            line = tuple(self.grammar.line(rng, family, waits=waits))
            if self.notified and DEADLINES & {word.upper() for word in line}:
                continue
            if self.passing and (line[0].lower(), *map(bytes.lower, line[1:2])) in COUNTS:
                continue
            if not self.lucky or (b"lex" not in line[0].lower() and b"BYLEX" not in map(bytes.upper, line)):
                return line

    # -- commands -------------------------------------------------------------------------------------------------------

    @rule(data=DATA, who=WHO, count=st.integers(1, 16))
    def commands(self, data: st.DataObject, who: str, count: int) -> None:
        rng = Luck(data)
        self.stage.say(who, *(self.line(rng) for _ in range(count)))

    @rule(data=DATA, who=WHO, count=st.integers(1, 8))
    def in_a_script(self, data: st.DataObject, who: str, count: int) -> None:
        rng = Luck(data)
        drawn = [self.line(rng, waits=False) for _ in range(count)]
        self.stage.say(who, *(line for each in drawn for line in scripted(rng, self.grammar, each)))

    @rule(data=DATA, who=WHO, count=st.integers(0, 8), watches=st.booleans(), other=st.booleans())
    def transaction(self, data: st.DataObject, who: str, count: int, watches: bool, other: bool) -> None:
        rng = Luck(data)
        # 6.2 takes it for a change when a key goes that had expired before.
        if watches and not (self.passing and self.grammar.engine_version < (7, 0)):
            self.stage.say(who, (b"WATCH", *(rng.choice(values.ANY_KEY) for _ in range(2))))
        if other:
            self.stage.say("b" if who == "a" else "a", self.line(rng))
        block = [self.line(rng) for _ in range(count)]
        last = (b"EXEC",) if rng.random() > 0.1 else (b"DISCARD",)
        self.stage.say(who, (b"MULTI",), *block, last)

    @rule(data=DATA, who=WHO, count=st.integers(1, 6))
    def in_lua(self, data: st.DataObject, who: str, count: int) -> None:
        rng = Luck(data)
        self.stage.say(who, *(expression(rng) for _ in range(count)))

    @rule(data=DATA, who=WHO, count=st.integers(1, 8))
    def later(self, data: st.DataObject, who: str, count: int) -> None:
        rng = Luck(data)
        if self.passing:
            chosen = {rng.choice(EXPIRING) for _ in range(rng.choice([1, 2, 3]))}
            self.stage.pass_time(who, sorted(chosen))
        self.stage.say(who, *(self.line(rng) for _ in range(count)))

    @rule(data=DATA, who=WHO, count=st.integers(1, 4))
    def in_bodies(self, data: st.DataObject, who: str, count: int) -> None:
        rng = Luck(data)
        drawn = [self.line(rng, waits=False) for _ in range(4)]
        self.stage.say(who, *Bodies(rng, self.grammar, drawn).some(count))

    @rule(data=DATA, who=WHO, count=st.integers(1, 6))
    def about_oneself_in_a_transaction(self, data: st.DataObject, who: str, count: int) -> None:
        """What changes the connection, or is told to others, amid the commands of a transaction."""
        rng = Luck(data)
        bodies = Bodies(rng, self.grammar, [self.line(rng, waits=False) for _ in range(2)])
        block: list[Line] = []
        for _ in range(count):
            roll = rng.random()
            if roll < 0.4:
                block.append(self.line(rng))
            elif roll < 0.5:
                block += bodies.some(1)
            else:
                line = rng.choice(in_transactions(rng))
                if self.grammar.table.find(line[0]) and (line[0] != b"CLIENT" or self.known_to(line)):
                    block.append(line)
        if self.passing:
            block = [line for line in block if line[:2] != (b"CLIENT", b"TRACKING")]
        self.stage.listen(who, (b"MULTI",), *block, (b"EXEC",))

    @rule(data=DATA, who=WHO, count=st.integers(1, 5))
    def unused(self, data: st.DataObject, who: str, count: int) -> None:
        """Keys that nobody has used for long, and what takes them for used."""
        rng = Luck(data)
        if self.notified or not self.payloads or "lru" not in self.stage.settings.get("maxmemory-policy", ""):
            return
        keys = [rng.choice(values.ANY_KEY) for _ in range(rng.choice([1, 2]))]
        lines: list[Line] = [
            (b"RESTORE", key, b"0", rng.choice(self.payloads), b"REPLACE", b"IDLETIME", b"50000")
            for key in keys
        ]
        if rng.random() < 0.4 and self.known_to((b"CLIENT", b"NO-TOUCH")):
            lines.append((b"CLIENT", b"NO-TOUCH", rng.choice([b"on", b"off"])))
        drawn = [self.line(rng, waits=False) for _ in range(count)]
        roll = rng.random()
        if roll < 0.2:
            drawn = [line for each in drawn for line in scripted(rng, self.grammar, each)]
        elif roll < 0.4:
            drawn = [(b"MULTI",), *drawn, (b"EXEC",)]
        self.stage.say(who, *lines, *drawn, *((b"OBJECT", b"IDLETIME", key) for key in keys))

    # -- clients that wait ----------------------------------------------------------------------------------------------

    @rule(data=DATA, who=WHO, feeds=st.booleans())
    def waiting(self, data: st.DataObject, who: str, feeds: bool) -> None:
        if feeds:
            self.feed(Luck(data), who)
        else:
            self.wait(Luck(data), who)

    def wait(self, rng: Random, who: str) -> None:
        lists = [rng.choice(LISTS) for _ in range(rng.choice([1, 1, 2]))]
        sets = [rng.choice(SETS) for _ in range(rng.choice([1, 1, 2]))]
        count = b"%d" % len(lists)
        stream = rng.choice(values.KEYS["stream"])
        end, other = rng.choice(ENDS), rng.choice(ENDS)
        choices: list[Line] = [
            (b"BLPOP", *lists, b"0"),
            (b"BRPOP", *lists, b"0"),
            (b"BLMOVE", rng.choice(LISTS), rng.choice(LISTS), end, other, b"0"),
            (b"BRPOPLPUSH", rng.choice(LISTS), rng.choice(LISTS), b"0"),
            (b"BLMPOP", b"0", count, *lists, end, b"COUNT", b"2"),
            (b"BZPOPMIN", *sets, b"0"),
            (b"BZPOPMAX", *sets, b"0"),
            (b"BZMPOP", b"0", b"%d" % len(sets), *sets, b"MIN"),
            (b"XREAD", b"BLOCK", b"0", b"STREAMS", stream, b"$"),
            (b"XREADGROUP", b"GROUP", b"g1", b"alice", b"BLOCK", b"0", b"STREAMS", stream, b">"),
            (
                b"XREAD",
                b"COUNT",
                b"1",
                b"BLOCK",
                b"0",
                b"STREAMS",
                *STREAMS,
                rng.choice(MARKS),
                rng.choice(MARKS),
            ),
            (
                b"XREADGROUP",
                b"GROUP",
                rng.choice([b"g1", b"g2"]),
                rng.choice([b"bob", b"carol"]),
                b"COUNT",
                b"2",
                b"BLOCK",
                b"0",
                *rng.choice([(), (b"NOACK",)]),
                b"STREAMS",
                *STREAMS,
                b">",
                b">",
            ),
            (b"BZMPOP", b"0", b"%d" % len(sets), *sets, b"MAX", b"COUNT", b"3"),
        ]
        line = rng.choice([each for each in choices if self.grammar.table.find(each[0])])
        self.stage.wait(who, line)

    def feed(self, rng: Random, who: str) -> None:
        choices: list[Line] = [
            (b"RPUSH", rng.choice(LISTS), b"1", b"2", b"3"),
            (b"LPUSH", rng.choice(LISTS), b"a"),
            (b"ZADD", rng.choice(SETS), b"1", b"a", b"2", b"b"),
            (b"XADD", rng.choice(values.KEYS["stream"]), b"18-1", b"f", b"v"),
            (b"DEL", *values.KEYS["list"], *SETS, *values.KEYS["stream"]),
            (b"CLIENT", b"UNBLOCK", b"id:b" if who == "a" else b"id:a", rng.choice([b"TIMEOUT", b"ERROR"])),
            (b"XGROUP", b"DESTROY", rng.choice(values.KEYS["stream"]), b"g1"),
            (b"SET", rng.choice(LISTS), b"x"),
            (b"RENAME", rng.choice(values.ANY_KEY), rng.choice(WAITED_FOR)),
            (b"COPY", rng.choice(values.ANY_KEY), rng.choice(WAITED_FOR), b"REPLACE"),
            (b"SORT", rng.choice([*LISTS, b"{k}e1"]), b"ALPHA", b"STORE", rng.choice(LISTS)),
            (b"ZUNIONSTORE", rng.choice(SETS), b"2", b"{k}z1", b"{k}e2"),
            (b"ZRANGESTORE", rng.choice(SETS), b"{k}z1", b"0", b"2"),
            (b"GEOSEARCHSTORE", rng.choice(SETS), b"{k}g1", b"FROMMEMBER", b"a", b"BYRADIUS", b"900", b"km"),
            (b"LMOVE", rng.choice(LISTS), rng.choice(LISTS), b"LEFT", b"RIGHT"),
            (b"LINSERT", rng.choice(LISTS), b"BEFORE", b"a", b"new"),
            (b"ZINCRBY", rng.choice(SETS), b"1.5", b"x"),
            (b"XADD", rng.choice(STREAMS), rng.choice([b"20-*", b"21-1", b"0-*"]), b"f", b"v"),
            (b"XADD", rng.choice(STREAMS), b"MAXLEN", b"0", b"30-*", b"f", b"v"),
            (b"XGROUP", b"CREATE", rng.choice(STREAMS), b"g1", b"$", b"MKSTREAM"),
            (b"XGROUP", b"SETID", rng.choice(STREAMS), b"g1", rng.choice([b"0", b"$", b"1-1"])),
            (b"XSETID", rng.choice(STREAMS), b"40-0"),
            (b"FLUSHALL",),
            (b"UNLINK", rng.choice(WAITED_FOR)),
            (b"CLIENT", b"KILL", b"ID", rng.choice([b"id:a", b"id:b", b"id:d"])),
        ]
        choices = [each for each in choices if self.grammar.table.find(each[0])]
        if self.payloads and not self.notified:
            choices.append((b"RESTORE", rng.choice(WAITED_FOR), b"0", rng.choice(self.payloads), b"REPLACE"))
        lines = [rng.choice(choices) for _ in range(rng.choice([1, 1, 2, 3]))]
        roll = rng.random()
        if roll < 0.2 and all(line[0] != b"CLIENT" for line in lines):
            lines = [made for line in lines for made in scripted(rng, self.grammar, line)]
        elif roll < 0.4:
            lines = [(b"MULTI",), *lines, (b"EXEC",)]
        self.stage.say(who, *lines)

    # -- messages -------------------------------------------------------------------------------------------------------

    @rule(data=DATA, who=WHO)
    def messages(self, data: st.DataObject, who: str) -> None:
        rng = Luck(data)
        rng.choice([self.publish, self.subscribe])(rng, who)

    def subscribe(self, rng: Random, who: str) -> None:
        word, names = rng.choice(
            [(b"SUBSCRIBE", CHANNELS), (b"PSUBSCRIBE", PATTERNS), (b"SSUBSCRIBE", SHARD_CHANNELS)]
        )
        chosen = [rng.choice(names) for _ in range(rng.choice([1, 1, 2]))]
        if rng.random() < 0.4:
            word = word.replace(b"SUB", b"UNSUB")
        # In RESP2 such a client may not say anything else, and most of what follows would be refused.
        if rng.random() < 0.8:
            self.stage.say(who, (b"HELLO", b"3"))
        if self.grammar.table.find(word):
            self.stage.listen(who, (word, *chosen))

    def publish(self, rng: Random, who: str) -> None:
        choices: list[Line] = [
            (b"PUBLISH", rng.choice(CHANNELS), rng.choice(values.MEMBERS)),
            (b"SPUBLISH", rng.choice(SHARD_CHANNELS), rng.choice(values.MEMBERS)),
            (b"PUBSUB", b"NUMPAT"),
            (b"PUBSUB", b"NUMSUB", *CHANNELS),
            (b"PUBSUB", b"SHARDNUMSUB", *SHARD_CHANNELS),
        ]
        line = rng.choice([each for each in choices if self.grammar.table.find(each[0])])
        self.stage.say(who, line)

    # -- connections ------------------------------------------------------------------------------------------------------

    @rule(data=DATA, who=WHO)
    def connection(self, data: st.DataObject, who: str) -> None:
        rng = Luck(data)
        rng.choice([self.about_itself, self.track, self.cache, self.without_replies, self.about_the_server])(
            rng, who
        )

    def about_itself(self, rng: Random, who: str) -> None:
        name = rng.choice([b"n1", b"n2", b"", b"a b", b"x\n"])
        choices: list[Line] = [
            (b"CLIENT", b"GETNAME"),
            (b"HELLO", b"2"),
            (b"HELLO", b"3"),
            (b"HELLO", rng.choice([b"1", b"4", b"abc", b""])),
            (b"HELLO", b"3", b"SETNAME", name),
            (b"RESET",),
            (b"QUIT",),
            (b"CLIENT", b"SETNAME", name),
            (b"CLIENT", b"INFO"),
            (b"CLIENT", b"LIST", b"ID", b"id:a", b"id:b"),
            (b"CLIENT", b"LIST", b"TYPE", rng.choice([b"normal", b"pubsub", b"replica", b"master", b"x"])),
            (b"CLIENT", b"KILL", b"TYPE", rng.choice([b"replica", b"master", b"slave", b"x"])),
            (b"CLIENT", b"KILL", rng.choice([b"USER", b"ADDR", b"LADDR"]), b"nobody"),
            (b"CLIENT", b"KILL", b"127.0.0.1:1"),
            (b"AUTH", *rng.choice([(b"x",), (b"default", b"x"), (b"nobody", b"x"), ()])),
            (b"HELLO", b"3", b"AUTH", rng.choice([b"default", b"nobody"]), b"x"),
            (b"CLIENT", b"ID"),
            (b"CLIENT", b"GETREDIR"),
            (b"CLIENT", b"TRACKINGINFO"),
            (b"CLIENT", b"NO-EVICT", rng.choice([b"on", b"off", b"maybe"])),
            (b"CLIENT", b"NO-TOUCH", rng.choice([b"on", b"off", b"maybe"])),
            (b"CLIENT", b"SETINFO", rng.choice([b"LIB-NAME", b"lib-ver", b"other"]), name),
            (
                b"CLIENT",
                b"KILL",
                b"ID",
                rng.choice([b"id:a", b"id:b"]),
                b"SKIPME",
                rng.choice([b"yes", b"no"]),
            ),
        ]
        line = rng.choice(choices)
        if line[0] != b"CLIENT" or self.known_to(line):
            self.stage.say(who, line)

    def about_the_server(self, rng: Random, who: str) -> None:
        choices: list[Line] = [
            (b"ACL", b"WHOAMI"),
            (b"SELECT", rng.choice([b"0", b"1", b"-1", b"abc"])),
            (b"READONLY",),
            (b"READWRITE",),
            (b"ASKING",),
            (b"FLUSHALL", *rng.choice([(), (b"ASYNC",), (b"SYNC",), (b"x",), (b"SYNC", b"ASYNC")])),
            (b"FLUSHDB", *rng.choice([(), (b"ASYNC",), (b"sync",), (b"x",)])),
            (b"SCRIPT", b"EXISTS", *SHAS, b"x"),
            (b"SCRIPT", b"FLUSH", *rng.choice([(), (b"ASYNC",), (b"SYNC",), (b"x",)])),
            (b"FUNCTION", b"LIST", *rng.choice([(), (b"WITHCODE",), (b"LIBRARYNAME", b"li*"), (b"x",)])),
            (b"FUNCTION", b"RESTORE", DUMPED, *rng.choice(POLICIES)),
            (b"FUNCTION", b"RESTORE", DUMPED[:-1], *rng.choice(POLICIES)),
            (b"FUNCTION", b"DELETE", rng.choice([b"library", b"none"])),
            (b"FUNCTION", b"FLUSH", *rng.choice([(), (b"ASYNC",), (b"SYNC",), (b"x",)])),
            (b"PUBSUB", b"CHANNELS", *rng.choice([(), (b"c*",), (b"?1",)])),
            (b"PUBSUB", b"SHARDCHANNELS"),
            (b"CLUSTER", b"COUNTKEYSINSLOT", rng.choice([b"7629", b"0", b"-1", b"16384", b"abc"])),
            (b"OBJECT", b"FREQ", rng.choice(values.ANY_KEY)),
            (
                b"PFDEBUG",
                rng.choice([b"ENCODING", b"DECODE", b"GETREG", b"TODENSE", b"x"]),
                rng.choice(SKETCHES),
            ),
            (b"SWAPDB", b"0", b"1"),
            *([(b"MOVE", rng.choice(values.ANY_KEY), b"1")] if not self.grammar.newer else []),
            (
                b"CLIENT",
                b"PAUSE",
                rng.choice([b"0", b"100000", b"-1", b"abc"]),
                rng.choice([b"WRITE", b"write", b"x"]),
            ),
            (b"CLIENT", b"UNPAUSE"),
            (b"CLIENT", b"PAUSE", b"0", b"all"),
            (b"SCRIPT", b"DEBUG", rng.choice([b"NO", b"maybe"])),
        ]
        line = rng.choice(choices)
        command = self.grammar.table.find(line[0])
        if command is not None and (not command.subcommands or self.known_to(line)):
            paused = line[:2] == (b"CLIENT", b"PAUSE") and self.known_to((b"CLIENT", b"UNPAUSE"))
            self.stage.say(who, line, *([(b"CLIENT", b"UNPAUSE")] if paused else []))

    def known_to(self, line: Line) -> bool:
        """Whether the engine version has the subcommand."""
        command = self.grammar.table.find(line[0])
        return command is not None and line[1].lower() in command.subcommands

    def without_replies(self, rng: Random, who: str) -> None:
        line = self.line(rng)
        if rng.random() < 0.5:
            self.stage.say(who, (b"CLIENT", b"REPLY", b"SKIP"), line, silent=2)
        else:
            more = [self.line(rng) for _ in range(2)]
            lines = [(b"CLIENT", b"REPLY", b"OFF"), line, *more]
            self.stage.say(who, *lines, (b"CLIENT", b"REPLY", b"ON"), silent=len(lines))

    def track(self, rng: Random, who: str) -> None:
        options = [
            option
            for option in (
                (b"BCAST",),
                (b"PREFIX", rng.choice([b"{k}", b"{k}l", b"{o}", b""])),
                (b"OPTIN",),
                (b"OPTOUT",),
                (b"NOLOOP",),
                (b"REDIRECT", rng.choice([b"id:a", b"id:b", b"0", b"99999999"])),
            )
            if rng.random() < 0.2
        ]
        words = [word for option in options for word in option]
        if self.passing:
            return
        self.stage.listen(who, (b"CLIENT", b"TRACKING", rng.choice([b"on", b"on", b"off"]), *words))

    def cache(self, rng: Random, who: str) -> None:
        self.stage.say(who, (b"CLIENT", b"CACHING", rng.choice([b"yes", b"no"])), self.line(rng))


def in_transactions(rng: Random) -> list[Line]:
    """What a transaction may have, or what is refused in one, that is not about keys."""
    who = rng.choice([b"id:a", b"id:b", b"id:d"])
    return [
        (b"HELLO", b"3"),
        (b"HELLO", b"2"),
        (b"HELLO", b"4"),
        (b"SUBSCRIBE", rng.choice(CHANNELS)),
        (b"UNSUBSCRIBE", rng.choice(CHANNELS)),
        (b"PSUBSCRIBE", rng.choice(PATTERNS)),
        (b"PUNSUBSCRIBE", rng.choice(PATTERNS)),
        (b"SSUBSCRIBE", rng.choice(SHARD_CHANNELS)),
        (b"SUNSUBSCRIBE", rng.choice(SHARD_CHANNELS)),
        (b"PUBLISH", rng.choice(CHANNELS), b"m"),
        (b"SPUBLISH", rng.choice(SHARD_CHANNELS), b"m"),
        (b"CLIENT", b"TRACKING", rng.choice([b"on", b"off"])),
        (b"CLIENT", b"TRACKING", b"on", b"BCAST", b"PREFIX", b"{k}"),
        (b"CLIENT", b"TRACKING", b"on", b"OPTIN"),
        (b"CLIENT", b"CACHING", b"yes"),
        (b"CLIENT", b"TRACKINGINFO"),
        (b"CLIENT", b"GETNAME"),
        (b"CLIENT", b"SETNAME", b"n3"),
        (b"CLIENT", b"UNBLOCK", who),
        (b"CLIENT", b"UNBLOCK", who, b"ERROR"),
        (b"CLIENT", b"KILL", b"ID", who),
        (b"CLIENT", b"NO-TOUCH", b"on"),
        (b"CLIENT", b"UNPAUSE"),
        (b"SELECT", rng.choice([b"0", b"x"])),
        (b"FLUSHALL",),
        (b"FLUSHDB", b"ASYNC"),
        (b"SCRIPT", b"LOAD", b"return 1"),
        (b"SCRIPT", b"FLUSH"),
        (b"EVALSHA", b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db", b"0"),
        (b"WATCH", b"{k}s1"),
        (b"UNWATCH",),
        (b"MULTI",),
        (b"RESET",),
        (b"QUIT",),
        (b"DISCARD",),
        (b"EXEC",),
        (b"AUTH", b"x"),
        (b"AUTH", b"default", b"x"),
        (b"READONLY",),
        (b"ASKING",),
        (b"NOSUCH", b"x"),
        (b"GET",),
        (b"CLIENT", b"NOSUCH"),
        (b"PING",),
        (b"PING", b"x"),
        (b"ECHO", b"x"),
        (b"WAIT", b"0", b"1"),
    ]


def payloads(stage: Stage, grammar: Grammar, number: int) -> list[bytes]:
    """What our engine makes, as DUMP does, of the values that some commands leave."""
    found = []
    families = list(grammar.families)
    for turn in range(20):
        rng = Random(f"{number} {turn}")
        stage.begin()
        lines = [line for line in beginning(rng) if grammar.table.find(line[0])]
        drawn = [tuple(grammar.line(rng, rng.choice(families), waits=True)) for _ in range(40)]
        found += stage.dumps((*lines, *drawn))
    return found


def play(
    stage: Stage,
    grammar: Grammar,
    payloads: list[bytes],
    *,
    number: int,
    examples: int,
    families: list[str] | None = None,
) -> None:
    """So many sequences, drawn from a seed. Raises Disagreement with the smallest that differs."""
    machine: Any = type("Machine", (Play,), {})
    machine.stage, machine.grammar, machine.payloads = stage, grammar, payloads
    # A group of few commands does not come as often as one of many.
    wanted = families or list(grammar.families)
    machine.families = [name for name in wanted for _ in grammar.families[name][: WEIGHTS.get(name, 12)]]
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
