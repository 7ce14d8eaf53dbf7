"""Hash slots: which of the 16384 slots a key lives in.

https://valkey.io/topics/cluster-spec/ : CRC16 (XMODEM) of the key, or of its hash tag, modulo 16384.
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Iterable

SLOTS = 16384
SLOT_MASK = SLOTS - 1

Range = tuple[int, int]


def key_slot(key: bytes) -> int:
    """The slot of a key; `{tag}` decides alone when it is not empty."""
    if 0x7B in key:
        start = key.index(0x7B) + 1
        end = key.find(b"}", start)
        if end > start:
            key = key[start:end]
    return crc_hqx(key, 0) & SLOT_MASK


def even_ranges(shards: int) -> list[Range]:
    """The slots of a new cluster, one range a shard; the first shards take what does not divide evenly."""
    share, extra = divmod(SLOTS, shards)
    ranges: list[Range] = []
    start = 0
    for index in range(shards):
        end = start + share + (index < extra)
        ranges.append((start, end - 1))
        start = end
    return ranges


def to_ranges(slots: Iterable[int]) -> tuple[Range, ...]:
    """Ascending slots as inclusive ranges."""
    ranges: list[Range] = []
    for slot in slots:
        if ranges and ranges[-1][1] == slot - 1:
            ranges[-1] = (ranges[-1][0], slot)
        else:
            ranges.append((slot, slot))
    return tuple(ranges)


def plan_reshard(owned: list[list[int]], target: int) -> list[tuple[int, int, int]]:
    """The moves (slot, from shard, to shard) that spread the slots evenly over `target` shards.

    `owned` holds the slots of each existing shard; shards at and above `target` are emptied. As few slots
    move as can be.
    """
    shards = max(len(owned), target)
    counts = [len(slots) for slots in owned] + [0] * (shards - len(owned))
    share, extra = divmod(SLOTS, target)
    # The fullest shards keep the odd slots, so that nothing moves only to even out a remainder.
    fullest = sorted(range(target), key=lambda index: -counts[index])
    wanted = [0] * shards
    for place, index in enumerate(fullest):
        wanted[index] = share + (place < extra)
    needy = [
        (index, wanted[index] - counts[index]) for index in range(target) if counts[index] < wanted[index]
    ]
    moves: list[tuple[int, int, int]] = []
    for source, slots in enumerate(owned):
        surplus = len(slots) - wanted[source]
        for slot in slots[len(slots) - surplus :] if surplus > 0 else ():
            index, missing = needy[0]
            moves.append((slot, source, index))
            needy[0] = (index, missing - 1)
            if missing == 1:
                needy.pop(0)
    return moves
