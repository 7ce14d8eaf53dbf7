"""Random members of a collection, as SRANDMEMBER, SPOP, HRANDFIELD and ZRANDMEMBER choose them."""

from __future__ import annotations

from random import Random
from typing import Final

from localstack_memorydb.engine.errors import OutOfRange
from localstack_memorydb.engine.looking import parts
from localstack_memorydb.engine.numbers import INT_MAX, parse_int_in
from localstack_memorydb.engine.values import Hash, Set, ZSet

# More repetitions than anybody has memory for; Valkey dies trying.
_REPETITIONS: Final = 1 << 24


def parse_count(text: bytes) -> int:
    """The count of SRANDMEMBER, HRANDFIELD and ZRANDMEMBER; negative when members may repeat."""
    return parse_int_in(text, -INT_MAX, INT_MAX)


def draw_one(found: Hash | Set | ZSet, random: Random) -> bytes:
    """Any member of a collection that is not empty."""
    members = found.choices()
    return members[int(random.random() * len(members))]


def draw(found: Hash | Set | ZSet, count: int, random: Random) -> list[bytes]:
    """`count` different members, all there are if they are fewer; -count members, repeated or not, if it is negative."""
    if count < 0:
        if count < -_REPETITIONS:
            raise OutOfRange
        members = found.choices()
        size, luck = len(members), random.random
        drawn: list[bytes] = []
        for part in parts(range(-count)):
            drawn += [members[int(luck() * size)] for _ in part]
        return drawn
    if count >= len(found):
        return found.members()
    if found.encoding == "listpack":
        # A listpack is gone through once, so what is chosen keeps its order.
        members = found.members()
        return [members[place] for place in sorted(random.sample(range(len(members)), count))]
    return random.sample(found.choices(), count)
