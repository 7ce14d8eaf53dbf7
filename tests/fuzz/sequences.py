"""What there is before commands are drawn: a few keys of every type; and payloads, for RESTORE."""

from __future__ import annotations

from random import Random
from typing import Final

from . import values

# How many elements values begin with: few, or about as many as their small encodings take.
SIZES: Final = [3, 3, 3, 3, 3, 3, 126, 128, 510, 512, 600]
TIMES: Final = [*[b"0"] * 9, b"4102444800000", b"4102444800000", b"1000000000", b"-1", b"abc", b""]


def restore(rng: Random, payloads: list[bytes]) -> tuple[bytes, ...]:
    """RESTORE of what our engine dumped; now and then with a byte that is not as it was, which the checksum tells."""
    payload = rng.choice(payloads)
    if rng.random() < 0.1:
        place = rng.randrange(len(payload))
        payload = payload[:place] + bytes([payload[place] ^ 1 << rng.randrange(8)]) + payload[place + 1 :]
    options = [b"REPLACE"] if rng.random() < 0.85 else []
    options += [b"ABSTTL"] if rng.random() < 0.5 else []
    options += [b"FREQ", values.amount(rng)] if rng.random() < 0.1 else []
    options += [b"IDLETIME", values.amount(rng)] if rng.random() < 0.1 else []
    return (
        b"RESTORE",
        rng.choice(values.ANY_KEY),
        rng.choice(TIMES),
        payload,
        *options,
    )


def beginning(rng: Random) -> list[tuple[bytes, ...]]:
    """Values of every type, so that commands find what they are for; now and then so many that the encoding changes."""
    many = [b"%d" % number for number in range(rng.choice(SIZES))]
    names = [b"m%d" % number for number in range(rng.choice(SIZES))]
    lines = [
        (b"SET", b"{k}s1", rng.choice([b"hello", b"10", b"\x00\xff\x0f", b"3.5"])),
        (b"SET", b"{k}n1", b"5"),
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
        (b"XGROUP", b"CREATE", b"{k}x1", b"g2", b"1-1"),
        (b"XREADGROUP", b"GROUP", b"g1", b"bob", b"COUNT", b"1", b"STREAMS", b"{k}x1", b">"),
        (b"XADD", b"{k}x2", b"1-1", b"f", b"v"),
        (b"XGROUP", b"CREATE", b"{k}x2", b"g1", b"0"),
        (b"XREADGROUP", b"GROUP", b"g2", b"alice", b"NOACK", b"STREAMS", b"{k}x1", b">"),
        (b"GEOADD", b"{k}g1", b"13.361389", b"38.115556", b"a", b"15.087269", b"37.502669", b"b"),
    ]
    return [line for line in lines if rng.random() < 0.8]
