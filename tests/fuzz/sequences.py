"""Sequences of commands: a few keys of every type, then commands of one or two families, some in MULTI, some in a script."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from . import values
from .grammar import Grammar

TIMES: Final = [b"0", b"0", b"0", b"4102444800000", b"1000000000", b"-1", b"abc", b""]

# pcall, because the text that a script's own error has is that of another product in Valkey 9.
SCRIPT: Final = b"return redis.pcall(unpack(ARGV))"
# What these answer is a table of Lua then, which has no order; or numbers, of which Lua's 0 has no sign here, and
# those of places are printed by another rule.
MAPS: Final = frozenset({b"hgetall", b"xinfo", b"xread", b"xreadgroup", b"lcs"})
NUMBERS: Final = frozenset(
    {b"zinter", b"zunion", b"zdiff", b"zincrby", b"zadd", b"zscore", b"zmscore", b"zrange"}
)
SCRIPTS: Final = (SCRIPT, SCRIPT, b"redis.setresp(3) " + SCRIPT)


@dataclass(frozen=True, slots=True)
class Sequence:
    """Lines to send, each a command's arguments; `protocol` is 2 or 3."""

    protocol: int
    lines: tuple[tuple[bytes, ...], ...]

    def of(self, lines: list[tuple[bytes, ...]]) -> Sequence:
        return Sequence(self.protocol, tuple(lines))


def playable(sequence: Sequence, grammar: Grammar) -> bool:
    """Whether scripts have only commands of one slot.

    After one that has keys of two, Valkey 9.1 refuses whatever scripts do, on all connections.
    """
    return all(line == (inner := command_of(line)) or grammar.of_one_slot(inner) for line in sequence.lines)


def command_of(line: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The command that a line is about: the one in the script where it is one of SCRIPTS."""
    return line[3:] if line[:1] == (b"EVAL",) and line[1] in SCRIPTS else line


def restore(rng: Random, payloads: list[bytes]) -> tuple[bytes, ...]:
    """RESTORE of what our engine dumped; now and then with a byte that is not as it was, which the checksum tells."""
    payload = rng.choice(payloads)
    if rng.random() < 0.1:
        place = rng.randrange(len(payload))
        payload = payload[:place] + bytes([payload[place] ^ 1 << rng.randrange(8)]) + payload[place + 1 :]
    options = [word for word in (b"REPLACE", b"ABSTTL") if rng.random() < 0.5]
    options += [b"FREQ", values.integer(rng)] if rng.random() < 0.1 else []
    return (
        b"RESTORE",
        rng.choice(values.ANY_KEY),
        rng.choice(TIMES),
        payload,
        *options,
    )


def draw(
    rng: Random, grammar: Grammar, length: int, families: list[str], payloads: list[bytes] | None = None
) -> Sequence:
    """A sequence about one or two of the families, with some of all others among it; and values restored from payloads."""
    chosen = rng.sample(families, min(len(families), rng.choice([1, 1, 2])))
    every = list(grammar.families)
    lines = [line for line in beginning(rng) if grammar.table.find(line[0])]
    # Skip lists of several scores are not sorted by member: where BYLEX comes to then is a matter of luck.
    lucky = any(line[0] == b"ZADD" and len(line) > 200 for line in lines)
    while len(lines) < length:
        mode = rng.random()

        def one(waits: bool) -> tuple[bytes, ...]:
            while True:
                family = rng.choice(chosen if rng.random() < 0.85 else every)
                line = grammar.line(rng, family, waits=waits)
                if not lucky or (b"lex" not in line[0].lower() and b"BYLEX" not in map(bytes.upper, line)):
                    return tuple(line)

        if payloads and rng.random() < 0.02:
            lines.append(restore(rng, payloads))
        elif mode < 0.08:
            block = [one(waits=True) for _ in range(rng.randrange(1, 6))]
            lines += [(b"MULTI",), *block, (b"EXEC",) if rng.random() < 0.9 else (b"DISCARD",)]
        elif mode < 0.2:
            line = one(waits=False)
            script = (
                SCRIPT
                if line[0].lower() in MAPS | NUMBERS or line[0].lower().startswith(b"geo")
                else rng.choice(SCRIPTS)
            )
            lines.append((b"EVAL", script, b"0", *line) if grammar.of_one_slot(line) else line)
        else:
            lines.append(one(waits=True))
    return Sequence(rng.choice([2, 2, 3]), tuple(lines))


def beginning(rng: Random) -> list[tuple[bytes, ...]]:
    """Values of every type, so that commands find what they are for; now and then so many that the encoding changes."""
    many = [b"%d" % number for number in range(rng.choice([3, 3, 3, 3, 140, 600]))]
    names = [b"m%d" % number for number in range(rng.choice([3, 3, 3, 3, 140, 600]))]
    lines = [
        (b"SET", b"{k}s1", rng.choice([b"hello", b"10", b"\x00\xff\x0f", b"3.5"])),
        (b"SET", b"{k}b1", b"foobar\x00\xff"),
        (b"RPUSH", b"{k}l1", *many, b"a", b"b"),
        (b"RPUSH", b"{k}l2", b"c", b"a", b"1"),
        (b"SADD", b"{k}e1", *many),
        (b"SADD", b"{k}e2", b"a", b"b", b"1", *names),
        (b"HSET", b"{k}h1", *(part for name in [b"a", b"1", *names] for part in (name, b"10"))),
        (
            b"ZADD",
            b"{k}z1",
            *(
                part
                for at, name in enumerate([b"a", b"b", b"c", *names])
                for part in (b"%d" % (at % 7), name)
            ),
        ),
        (b"ZADD", b"{k}z2", b"0", b"a", b"0", b"b", b"0", b"c", b"0", b"foo"),
        (b"PFADD", b"{k}p1", *names),
        (b"XADD", b"{k}x1", b"1-1", b"a", b"1", b"b", b"2"),
        (b"XADD", b"{k}x1", b"2-1", b"a", b"1"),
        (b"XADD", b"{k}x1", b"3-3", b"c", b""),
        (b"XGROUP", b"CREATE", b"{k}x1", b"g1", b"0"),
        (b"XREADGROUP", b"GROUP", b"g1", b"alice", b"COUNT", b"2", b"STREAMS", b"{k}x1", b">"),
        (b"GEOADD", b"{k}g1", b"13.361389", b"38.115556", b"a", b"15.087269", b"37.502669", b"b"),
    ]
    return [line for line in lines if rng.random() < 0.8]
