"""Draws command lines from what the engine itself declares: its table, and the arguments that COMMAND DOCS tells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from random import Random
from typing import Any, Final

from localstack_memorydb.engine.registry import BLOCKING, Command, command_table
from localstack_memorydb.engine.slots import key_slot

from . import values

# Not drawn here, and why.
NOT_DRAWN: Final = {
    "what becomes of the connection is the state machine's to know, which says them": "auth hello quit reset psubscribe ssubscribe "
    "subscribe punsubscribe sunsubscribe unsubscribe asking readonly readwrite select client|reply client|pause client|kill "
    "client|no-evict client|no-touch client|tracking client|caching client|setname client|setinfo client|unpause client|unblock "
    "client|id client|info client|list client|getname client|getredir client|trackinginfo script|debug publish spublish pubsub|channels "
    "pubsub|numpat pubsub|numsub pubsub|shardchannels pubsub|shardnumsub acl|whoami",
    "what becomes of all keys is the state machine's to know, which says them": "swapdb move flushall flushdb",
    "scripts and functions are drawn in their own way": "eval eval_ro evalsha evalsha_ro fcall fcall_ro script|load script|exists "
    "script|flush function|load function|delete function|list function|flush",
    "transactions are drawn around other commands": "multi exec discard",
    "payloads are drawn in their own way": "restore pfdebug",
    "words of web browsers, which are hung up on": "post host:",
    "the connection would not answer any more; see transcripts/observing.txt": "monitor",
    "takes seconds; see transcripts/hyperloglogs.txt": "pfselftest",
}
LEFT_OUT: Final = {name for names in NOT_DRAWN.values() for name in names.split()}

# What only 6.2 has, in the form in which COMMAND DOCS tells of others.
_STRALGO: Final[dict[str, Any]] = {
    "group": "string",
    "arguments": [
        {"name": "lcs", "type": "pure-token", "token": "LCS"},
        {
            "name": "source",
            "type": "oneof",
            "arguments": [
                {"name": "key", "type": "key", "token": "KEYS", "flags": ["multiple"]},
                {"name": "value", "type": "string", "token": "STRINGS", "flags": ["multiple"]},
            ],
        },
        {"name": "len", "type": "pure-token", "token": "LEN", "flags": ["optional"]},
        {"name": "idx", "type": "pure-token", "token": "IDX", "flags": ["optional"]},
        {"name": "min-match-len", "type": "integer", "token": "MINMATCHLEN", "flags": ["optional"]},
        {"name": "withmatchlen", "type": "pure-token", "token": "WITHMATCHLEN", "flags": ["optional"]},
    ],
}

# Commands about another command line, and what stands before that.
ABOUT_A_LINE: Final[dict[str, list[bytes]]] = {
    "command|getkeys": [],
    "command|getkeysandflags": [],
    "acl|dryrun": [b"default"],
}

FAMILY_OF_KEYS: Final = {
    "sorted-set": "sorted-set",
    "generic": "",
    "transactions": "",
    "scripting": "",
    "server": "",
}


class Grammar:
    """The commands that are drawn, by their group in COMMAND DOCS."""

    def __init__(self, engine_version: str = "7.2", *, newer: bool = True) -> None:
        folder = resources.files("localstack_memorydb.engine") / "data/commands.json"
        documented: dict[str, Any] = json.loads(folder.read_text("utf-8"))["commands"] | {"stralgo": _STRALGO}
        self.newer = newer
        self._documented = documented
        self.engine_version = tuple(int(part) for part in engine_version.split("."))
        self.families: dict[str, list[tuple[Command, list[dict[str, Any]]]]] = {}
        self.table = command_table(engine_version)
        for command in self.table.full():
            entry = documented.get(command.name)
            if entry is None or command.subcommands or command.name in LEFT_OUT:
                continue
            self.families.setdefault(entry["group"], []).append((command, self._kept(entry)))

    def names(self) -> list[str]:
        """All commands and subcommands of the table."""
        return [command.name for command in self.table.full() if not command.subcommands]

    def arguments(self, name: str) -> list[dict[str, Any]]:
        """What COMMAND DOCS tells of a command's arguments, without those that are new in a later version."""
        return self._kept(self._documented.get(name, {}))

    def of_one_slot(self, line: Sequence[bytes]) -> bool:
        """Whether all keys of a command line are in one slot; not when the line names no command."""
        command = self.table.find(line[0]) if line else None
        if command is None:
            return False
        if command.subcommands:
            command = command.subcommands.get(line[1].lower(), command) if len(line) > 1 else command
        keys = command.find_keys(list(line)) if command.takes(list(line)) else []
        if command.keys and not keys:
            return False  # a real server may find keys where none are found here
        return len({key_slot(key) for key in keys}) <= 1

    def _kept(self, entry: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self._served(entry.get("arguments", [])))

    def _served(self, arguments: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
        for argument in arguments:
            new_in = argument.get("new_in")
            if new_in and tuple(int(part) for part in new_in.split(".")) > self.engine_version:
                continue
            if "arguments" in argument:
                yield argument | {"arguments": list(self._served(argument["arguments"]))}
            else:
                yield argument

    def line(self, rng: Random, family: str, *, waits: bool) -> list[bytes]:
        """A command line; `waits` says that a blocking command would really wait."""
        command, arguments = rng.choice(self.families[family])
        if command.name in ABOUT_A_LINE and rng.random() > 0.1:
            names = [name for name in self.families if name != "server"]
            about = self.line(rng, rng.choice(names), waits=waits)
            return [*(part.encode() for part in command.name.split("|")), *ABOUT_A_LINE[command.name], *about]
        line = _Line(rng, family, command, waits, newer=self.newer).draw(arguments)
        if command.name == "xadd":  # no ID of the clock
            return [b"5-*" if word == b"*" else word for word in line]
        if command.name == "xautoclaim":
            return [
                b"100" if _takes_all_memory(word) and before.upper() == b"COUNT" else word
                for before, word in zip([b"", *line], line, strict=False)
            ]
        return line


def _takes_all_memory(word: bytes) -> bool:
    """Whether XAUTOCLAIM makes room for so many first, and the machine's memory decides what it answers."""
    return word.isdigit() and 10**8 < int(word) < 2**59


@dataclass(frozen=True, slots=True)
class Range:
    """What ZRANGE's two bounds are: the option that says so, and what they are drawn from."""

    token: str
    low: values.Pool
    high: values.Pool


RANGES: Final = [
    Range("", values.integer, values.integer),
    Range("BYSCORE", values.low, values.high),
    Range("BYLEX", values.low_lexical, values.high_lexical),
]


class _Line:
    """One command line in the making."""

    def __init__(self, rng: Random, family: str, command: Command, waits: bool, *, newer: bool) -> None:
        self.rng = rng
        self.name = command.name
        self.family = family
        self.waits = waits
        self.newer = newer
        self.blocking = bool(command.flags & BLOCKING)
        self.count = 0  # how many keys the line has, where a number of them comes first or ids follow
        self.range = rng.choice(RANGES) if command.name in ("zrange", "zrangestore") else None

    def draw(self, arguments: list[dict[str, Any]]) -> list[bytes]:
        head = [part.encode() for part in self.name.split("|")]
        if self.rng.random() < 0.1:
            head[0] = head[0].upper()
        rest = self.sequence(arguments)
        if self.rng.random() < 0.05 and self.name != "spop":
            rest = self.spoil(rest)
        return [*head, *rest]

    def sequence(self, arguments: list[dict[str, Any]]) -> list[bytes]:
        required = [each for each in arguments if "optional" not in each.get("flags", ())]
        if (
            len(required) < len(arguments) - 1 and self.rng.random() < 0.2
        ):  # options may stand in another order
            first = next(at for at, each in enumerate(arguments) if "optional" in each.get("flags", ()))
            last = first
            while last < len(arguments) and "optional" in arguments[last].get("flags", ()):
                last += 1
            options = arguments[first:last]
            self.rng.shuffle(options)
            arguments = [*arguments[:first], *options, *arguments[last:]]
        return [word for argument in arguments for word in self.argument(argument)]

    def argument(self, argument: dict[str, Any]) -> list[bytes]:
        flags = argument.get("flags", ())
        if (
            "optional" in flags
            and self.name != "spop"
            and (self.unwanted(argument) or self.rng.random() < (0.97 if self.unfit(argument) else 0.6))
            and not (self.range is not None and argument["name"] == "sortby")
        ):
            return []
        token = argument.get("token", "").encode()
        if self.range is not None and argument["name"] == "sortby":
            words = [self.range.token.encode()] if self.range.token else []
            return words if self.rng.random() < 0.95 else self.one(argument)
        if argument["type"] == "pure-token":
            return [self.case(token)]
        times = 1
        if "multiple" in flags:
            times = self.rng.choice([1, 1, 2, 2, 3])
            if self.count and argument["name"] in ("key", "weight", "id"):
                times = self.count if self.rng.random() < 0.95 else times
            elif argument["name"] == "key":
                self.count = times
        words: list[bytes] = []
        for turn in range(times):
            if token and (turn == 0 or "multiple_token" in flags):
                words.append(self.case(token))
            words += self.one(argument)
        return words

    def case(self, token: bytes) -> bytes:
        return token.lower() if self.rng.random() < 0.3 else token

    def unwanted(self, argument: dict[str, Any]) -> bool:
        """Options that Valkey 9.1 has got a new meaning for."""
        return self.newer and argument["name"] in ("destination-db", "by-pattern", "get-pattern")

    def unfit(self, argument: dict[str, Any]) -> bool:
        """Options that are refused beside what was drawn before."""
        if self.range is None:
            return False
        return (argument["name"] == "limit" and not self.range.token) or (
            argument["name"] == "withscores" and self.range.token == "BYLEX"
        )

    def one(self, argument: dict[str, Any]) -> list[bytes]:
        kind, name = argument["type"], argument["name"]
        if kind == "block":
            return self.sequence(argument["arguments"])
        if kind == "oneof":
            choices = [each for each in argument["arguments"] if each["name"] != "auto-id"]
            return self.argument(self.rng.choice(choices))
        if kind == "key":
            return [self.key()]
        if name == "numkeys":
            self.count = self.rng.choice([1, 1, 2, 2, 3])
            odd = self.rng.random() < 0.08
            return [values.integer(self.rng) if odd else b"%d" % self.count]
        return [self.leaf(kind, name)]

    def key(self) -> bytes:
        roll = self.rng.random()
        if roll < 0.05:
            return self.rng.choice(values.ODD_KEYS)
        if roll < 0.15 or self.family not in values.KEYS:
            return self.rng.choice(values.ANY_KEY)
        return self.rng.choice(values.KEYS[self.family])

    def leaf(self, kind: str, name: str) -> bytes:
        if name == "milliseconds" and self.name in ("xread", "xreadgroup"):
            return self.rng.choice(
                values.BLOCK_MILLISECONDS if self.waits else [*values.BLOCK_MILLISECONDS, b"0"]
            )
        if name == "timeout" and self.blocking and not self.waits and not self.name.startswith("wait"):
            return values.timeout_of_nobody_waiting(self.rng)
        if self.name == "spop":  # what is popped is random, unless it is nothing or all
            odd = [b"0", b"-1", b"abc", b"", b"9223372036854775808"]
            return b"100000" if self.rng.random() < 0.7 else self.rng.choice(odd)
        if self.range is not None and name in ("start", "stop", "min", "max"):
            return (self.range.low if name in ("start", "min") else self.range.high)(self.rng)
        pool = values.BY_NAME.get(f"{self.name} {name}") or values.BY_NAME.get(name)
        if pool is None:
            pool = {"integer": values.integer, "double": values.floating}.get(kind, values.member)
        return pool(self.rng)

    def spoil(self, words: list[bytes]) -> list[bytes]:
        """One argument too few, too many, or another one than is wanted."""
        place = self.rng.randrange(len(words) + 1)
        how = self.rng.random()
        if how < 0.3 and words:
            return words[:place] + words[place + 1 :]
        if (
            self.blocking
            or self.name.startswith("wait")
            or self.name
            in (
                "setbit",
                "setrange",
                "bitfield",
                "srandmember",
                "hrandfield",
                "zrandmember",
            )
        ):
            return words  # it could wait long, or take much memory
        if how < 0.5:
            return [*words[:place], *words[max(place - 1, 0) : place], *words[place:]]
        if how < 0.6:
            return [*words[:place], self.rng.choice(values.HOSTILE), *words[place:]]
        return [*words[:place], self.rng.choice(values.HOSTILE), *words[place + 1 :]]
