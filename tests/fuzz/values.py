"""What arguments are drawn from: few keys and members, so that commands meet each other, and hostile ones among them.

Nothing here depends on the clock: times are far away or long past, and no two relative ones are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, TypeAlias

Pool: TypeAlias = "Callable[[Random], bytes]"

KEYS: Final[dict[str, list[bytes]]] = {
    "string": [b"{k}s1", b"{k}s2", b"{k}n1"],
    "bitmap": [b"{k}s1", b"{k}b1", b"{k}b2"],
    "hyperloglog": [b"{k}p1", b"{k}p2", b"{k}p3"],
    "hash": [b"{k}h1", b"{k}h2"],
    "list": [b"{k}l1", b"{k}l2", b"{k}l3"],
    "set": [b"{k}e1", b"{k}e2", b"{k}e3"],
    "sorted-set": [b"{k}z1", b"{k}z2", b"{k}z3"],
    "stream": [b"{k}x1", b"{k}x2"],
    "geo": [b"{k}g1", b"{k}g2"],
}
ANY_KEY: Final = sorted({key for keys in KEYS.values() for key in keys})
ODD_KEYS: Final = [b"{k}none", b"{k}none", b"{k}\x00\xff\r\n", b"", b"{o}x"]

HOSTILE: Final = [
    b"",
    b"abc",
    b"0",
    b"-1",
    b"1.5",
    b" 1",
    b"1 ",
    b"01",
    b"+1",
    b"-0",
    b"1e3",
    b"0x10",
    b"1\x00",
    b"nan",
    b"inf",
    b"-inf",
    b"2147483647",
    b"2147483648",
    b"-2147483648",
    b"4294967296",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551615",
    b"99999999999999999999999",
    b"\xff\xfe",
    b"*",
    b"{k}s1",
]
MEMBERS: Final = [b"a", b"b", b"c", b"d", b"e", b"1", b"2", b"3", b"10", b"-5", b"foo"]
ODD_MEMBERS: Final = [
    b"",
    b"\xff\x00\r\n",
    b"007",
    b"9223372036854775807",
    b"x" * 64,
    b"x" * 65,
    b"w" * 4_100,
    b"3.0e3",
    b"12345678901",
]
SMALL: Final = [b"%d" % number for number in range(-4, 8)]
AMOUNTS: Final = [b"1", b"2", b"3", b"5", b"10", b"100", b"0"]
INTEGERS: Final = [b"10", b"100", b"-100", b"255", b"65536", b"9223372036854775807", b"-9223372036854775808"]
FLOATS: Final = [b"0", b"1", b"-1", b"1.5", b"2", b"3", b"-2.25", b"0.1", b"1e3", b"3.0000000000000004"]
ODD_FLOATS: Final = [
    b"inf",
    b"-inf",
    b"+inf",
    b"nan",
    b"1e400",
    b"-0",
    b"1e-320",
    b"1e17",
    b"123456789012345678",
    b"17179869184.5",
    b"",
    b"abc",
    b"1.",
    b".5",
    b"5e-324",
    b"1.7976931348623157e308",
    b"1e20",
    b"Infinity",
    b"1,5",
]
IDS: Final = [b"0", b"0-0", b"0-1", b"1", b"1-1", b"1-2", b"2-1", b"3", b"3-3", b"5-*", b"7-1", b"9-9"]
ODD_IDS: Final = [
    b"-",
    b"+",
    b"$",
    b">",
    b"",
    b"abc",
    b"1-",
    b"-1",
    b"1-1-1",
    b"18446744073709551615-18446744073709551615",
    b"18446744073709551615",
    b"18446744073709551616",
    b"(1-1",
    b"100-0",
    b"18446744073709551615-*",
]


def mixed(usual: list[bytes], odd: list[bytes], chance: float = 0.12) -> Pool:
    """Mostly of the usual ones."""
    return lambda rng: rng.choice(odd if rng.random() < chance else usual)


def integer(rng: Random) -> bytes:
    roll = rng.random()
    return rng.choice(SMALL if roll < 0.75 else INTEGERS if roll < 0.9 else HOSTILE)


def amount(rng: Random) -> bytes:
    """How many: seldom none, less than none or not a number."""
    return rng.choice(AMOUNTS) if rng.random() < 0.85 else integer(rng)


def floating(rng: Random) -> bytes:
    roll = rng.random()
    if roll < 0.15:
        return b"%de%d" % (rng.randrange(-999_999, 1_000_000), rng.randrange(-30, 30))
    return rng.choice(FLOATS if roll < 0.85 else ODD_FLOATS)


def member(rng: Random) -> bytes:
    return rng.choice(ODD_MEMBERS if rng.random() < 0.12 else MEMBERS)


def text(rng: Random) -> bytes:
    """A value of a string: now and then a number, bits, or a long one."""
    roll = rng.random()
    if roll < 0.4:
        return rng.choice(MEMBERS)
    if roll < 0.6:
        return rng.choice(INTEGERS)
    if roll < 0.75:
        return rng.choice(FLOATS)
    if roll < 0.85:
        return rng.choice(HOSTILE)
    return rng.choice(
        [
            b"hello world",
            b"\x00\x01\xff",
            b"y" * 44,
            b"y" * 45,
            b"ohmytext",
            b"mynewtext",
            b"z" * 200,
            b"z" * 20_000,
            b"9223372036854775806",
            b"0." + b"3" * 40,
        ]
    )


def duration(rng: Random) -> bytes:
    """Seconds or milliseconds from now; no two are alike, so that none depends on which of two came first."""
    if rng.random() < 0.85:
        return b"%d" % rng.randrange(100_000, 100_000_000)
    return rng.choice([b"0", b"-1", *HOSTILE])


def moment(rng: Random) -> bytes:
    if rng.random() < 0.85:
        return rng.choice(
            [b"4102444800", b"4102444800000", b"4102444801", b"1", b"1000000000", b"4102444900000"]
        )
    return rng.choice(HOSTILE)


def offset(rng: Random) -> bytes:
    """Of bits and bytes: what would be hundreds of megabytes is left out."""
    roll = rng.random()
    if roll < 0.7:
        return b"%d" % rng.randrange(0, 70)
    if roll < 0.85:
        return rng.choice([b"#0", b"#1", b"#3", b"1000", b"800", b"4000"])
    big = [b"4294967296", b"9223372036854775807", b"-1", b"", b"abc", b"1.5", b"18446744073709551615", b"#-1"]
    return rng.choice([*big, b"-9223372036854775808", b"#9223372036854775807", b"01", b"4294967297"])


def place(rng: Random) -> bytes:
    """Of one bit or byte."""
    return b"%d" % rng.randrange(0, 70) if rng.random() < 0.75 else offset(rng)


def encoding(rng: Random) -> bytes:
    kinds = [b"u8", b"i8", b"u4", b"i5", b"u1", b"i16", b"u32", b"i64", b"u63", b"i1"]
    return rng.choice(
        kinds if rng.random() < 0.9 else [b"u64", b"i65", b"u0", b"x8", b"", b"i", b"u8x", b"U8"]
    )


def some(rng: Random) -> bytes:
    """How many random elements: never so many that the reply is long."""
    if rng.random() < 0.85:
        return rng.choice([b"0", b"1", b"2", b"5", b"100", b"-1", b"-3"])
    return rng.choice([b"-9223372036854775808", b"abc", b"", b"1.5"])


def lexical(rng: Random) -> bytes:
    usual = [b"-", b"+", b"[a", b"(a", b"[c", b"(c", b"[", b"(", b"[foo", b"(1"]
    return rng.choice(usual if rng.random() < 0.9 else [b"", b"a", b"[\xff", b"++", b"0", b"[-"])


def low_lexical(rng: Random) -> bytes:
    return rng.choice([b"-", b"-", b"[", b"[a", b"(a", b"(1"]) if rng.random() < 0.6 else lexical(rng)


def high_lexical(rng: Random) -> bytes:
    return rng.choice([b"+", b"+", b"[foo", b"(foo", b"[c"]) if rng.random() < 0.6 else lexical(rng)


def low(rng: Random) -> bytes:
    return rng.choice([b"-inf", b"-inf", b"0", b"(0", b"-1", b"1"]) if rng.random() < 0.6 else bound(rng)


def high(rng: Random) -> bytes:
    return rng.choice([b"+inf", b"inf", b"3", b"(5", b"2.5", b"1e3"]) if rng.random() < 0.6 else bound(rng)


def bound(rng: Random) -> bytes:
    roll = rng.random()
    if roll < 0.6:
        return rng.choice(FLOATS)
    if roll < 0.9:
        return b"(" + rng.choice(FLOATS)
    return rng.choice(
        [b"-inf", b"+inf", b"(inf", b"(-inf", b"(", b"abc", b"nan", b"", b"(1e400", b"((1", b"(nan"]
    )


def timeout(rng: Random) -> bytes:
    """Redis 6.2 drops what is less than a millisecond, of 0.001 too: it would wait without end."""
    if rng.random() < 0.7:
        return rng.choice([b"0.0015", b"0.0015", b"15e-4", b".002"])
    return rng.choice([b"-1", b"abc", b"nan", b"inf", b"", b"1e300", b"-inf"])


def timeout_of_nobody_waiting(rng: Random) -> bytes:
    return rng.choice([b"0", b"0", b"1", b"0.5"] if rng.random() < 0.85 else [b"-1", b"abc", b"", b"1e300"])


def pattern(rng: Random) -> bytes:
    return rng.choice(
        [
            b"*",
            b"a*",
            b"?",
            b"[a-c]",
            b"[^a]",
            b"{k}*",
            b"*1",
            b"\\*",
            b"[",
            b"",
            b"*{k}s?",
            b"f[no]o",
            b"[c-a]*",
        ]
    )


# By the argument's name in COMMAND DOCS; `command argument` where a command means something else by the name.
BY_NAME: Final[dict[str, Pool]] = {
    "member": member,
    "field": member,
    "element": member,
    "pivot": member,
    "value": text,
    "score": floating,
    "increment": integer,
    "hincrbyfloat increment": floating,
    "incrbyfloat increment": floating,
    "zincrby increment": floating,
    "bitfield value": integer,
    "setbit value": lambda rng: rng.choice(
        [b"0", b"1", b"1"] if rng.random() < 0.85 else [b"2", b"-1", b"", b"abc"]
    ),
    "setbit offset": place,
    "getbit offset": place,
    "bitpos bit": mixed([b"0", b"1"], [b"2", b"-1", b"abc", b""]),
    "bitfield offset": offset,
    "bitfield_ro offset": offset,
    "setrange offset": place,
    "encoding": encoding,
    "weight": floating,
    "min": low,
    "max": high,
    "zlexcount min": low_lexical,
    "zlexcount max": high_lexical,
    "zrangebylex min": low_lexical,
    "zrangebylex max": high_lexical,
    "zrevrangebylex min": low_lexical,
    "zrevrangebylex max": high_lexical,
    "zremrangebylex min": low_lexical,
    "zremrangebylex max": high_lexical,
    "seconds": duration,
    "milliseconds": duration,
    "ttl": duration,
    "unix-time-seconds": moment,
    "unix-time-milliseconds": moment,
    "timeout": timeout,
    "id": mixed(IDS, ODD_IDS),
    "start": lambda rng: integer(rng),
    "xrange start": mixed([*IDS, *[b"-"] * 6, b"(1-1"], ODD_IDS),
    "xrange end": mixed([*IDS, *[b"+"] * 6, b"(3"], ODD_IDS),
    "xrevrange start": mixed([*IDS, *[b"-"] * 6, b"(1-1"], ODD_IDS),
    "xrevrange end": mixed([*IDS, *[b"+"] * 6, b"(3"], ODD_IDS),
    "xpending start": mixed([*IDS, *[b"-"] * 6, b"(1-1"], ODD_IDS),
    "xpending end": mixed([*IDS, *[b"+"] * 6, b"(3"], ODD_IDS),
    "xautoclaim start": mixed([*IDS, *[b"0"] * 6, b"(1-1", b"-"], ODD_IDS),
    "last-id": mixed(IDS, ODD_IDS),
    "xsetid last-id": mixed([b"3-3", b"9-9", b"20-0", b"100-0"], [*IDS, *ODD_IDS], 0.25),
    "lastid": mixed(IDS, ODD_IDS),
    "max-deleted-id": mixed(IDS, ODD_IDS),
    "threshold": mixed([*AMOUNTS, *AMOUNTS, *IDS], [b"", b"abc", b"-1", b"9223372036854775807"]),
    "entries-added": amount,
    "entriesread": amount,
    "entries-read": amount,
    "group": mixed([b"g1", b"g1", b"g2"], [b"", b"nogroup"]),
    "count": amount,
    "lrem count": integer,
    "limit": amount,
    "offset": amount,
    "num-matches": amount,
    "len": amount,
    "maxlen": amount,
    "consumer": mixed([b"alice", b"bob"], [b"", b"nobody"]),
    "min-idle-time": mixed([b"0", b"0", b"100000000000"], [b"-1", b"abc", b"", b"9223372036854775807"]),
    "ms": mixed([b"0", b"10", b"100000"], HOSTILE),
    "hrandfield count": some,
    "zrandmember count": some,
    "srandmember count": some,
    "cursor": mixed([b"0"], [b"abc", b"-1", b""], 0.08),
    "pattern": pattern,
    "by-pattern": pattern,
    "get-pattern": pattern,
    "longitude": mixed(
        [b"13.361389", b"15.087269", b"0", b"-122.4", b"179.9"], [b"181", b"-180.1", b"abc", b"nan", b""]
    ),
    "latitude": mixed(
        [b"38.115556", b"37.502669", b"0", b"-37.8", b"85"], [b"86", b"-85.06", b"abc", b"inf", b""]
    ),
    "radius": mixed([b"1", b"200", b"5000", b"20000", b"0"], [b"-1", b"abc", b"1e10", b""]),
    "width": mixed([b"1", b"200", b"5000", b"20000"], [b"-1", b"abc", b"0", b""]),
    "height": mixed([b"1", b"200", b"5000", b"20000"], [b"-1", b"abc", b"0", b""]),
    "type": mixed([b"string", b"hash", b"list", b"set", b"zset", b"stream"], [b"nothing", b"", b"STRING"]),
    "category": mixed([b"read", b"string", b"dangerous", b"Hash"], [b"", b"nothing", b"@read"]),
    "username": mixed([b"default"], [b"nobody", b""]),
    "event": mixed([b"command", b"fork", b"expire-cycle"], [b"", b"nothing"]),
    "section": mixed([b"server", b"Memory", b"replication", b"everything"], [b"", b"nothing"]),
    "command-name": mixed([b"get", b"XADD", b"client|kill", b"config"], [b"", b"nothing", b"client|nothing"]),
    "module-name": mixed([b"json", b"nothing"], [b""]),
    "node-id": mixed([b"0" * 40], [b"", b"nothing"]),
    "slot": mixed([b"0", b"7629", b"16383"], [b"16384", b"-1", b"abc", b""]),
    "bits": mixed([b"1", b"5", b"128", b"4096"], [b"0", b"-1", b"4097", b"abc", b""]),
    "serialized-value": lambda rng: rng.choice(HOSTILE),
    "lolwut version": lambda rng: rng.choice(SMALL),
    "numreplicas": lambda rng: rng.choice([b"0", b"1", b"-1", b"abc", b""]),
    "numlocal": lambda rng: rng.choice([b"0", b"1", b"2", b"-1", b"abc"]),
    "wait timeout": lambda rng: rng.choice([b"1", b"1", b"-1", b"abc", b"", b"1.5"]),
    "waitaof timeout": lambda rng: rng.choice([b"1", b"1", b"-1", b"abc", b"", b"1.5"]),
}
BLOCK_MILLISECONDS: Final = [b"1", b"2", b"1", b"2", b"1", b"2", b"-1", b"abc", b"", b"1.5"]
