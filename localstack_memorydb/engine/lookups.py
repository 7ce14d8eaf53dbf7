"""Which keys a command looks up to read them: what `keyspace_hits`, `keyspace_misses` and the event `keymiss` are about.

Handlers know nothing of it: it follows from where the command's keys stand, and from the error with which it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.buffers import Buffer
from localstack_memorydb.engine.registry import READS_FIRST
from localstack_memorydb.engine.streams import Stream
from localstack_memorydb.engine.values import Hash, List, Set, Value, ZSet

if TYPE_CHECKING:
    from localstack_memorydb.engine.errors import CommandError
    from localstack_memorydb.engine.keyspace import Slot
    from localstack_memorydb.engine.registry import Command
    from localstack_memorydb.engine.resp import Argv

_LOOKS_FIRST: Final = frozenset(
    "geosearch geosearchstore georadius georadius_ro georadiusbymember georadiusbymember_ro hscan lcs lindex object|freq object|idletime "
    "sscan xautoclaim xinfo|consumers xinfo|groups xinfo|stream zdiff zdiffstore zinter zintercard zinterstore zscan zunion zunionstore".split()
)
"""These read their options only after they have looked for their keys."""

_READ_LATE: Final[dict[str, tuple[str, ...]]] = {
    "getex": ("ERR invalid expire", "ERR value"),
    "sort": ("ERR One or more scores",),
    "sort_ro": ("ERR One or more scores",),
    "xread": ("ERR Invalid stream ID", "ERR The > ID"),
}
"""What these find to be wrong only when they have looked the first key up."""

_BAD_CURSOR: Final = "ERR invalid cursor"

_DIGITS: Final = len("1048576")
"""A request has no more words than that."""

_NOT_COUNTED: Final = frozenset({"memory|usage"})
"""They look at a key as if they did not."""

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "bitmap": (bytes, Buffer),
    "geo": (ZSet,),
    "hash": (Hash,),
    "list": (List,),
    "set": (Set,),
    "sorted-set": (ZSet, Set),
    "stream": (Stream,),
    "string": (bytes, Buffer),
}
"""What the commands of a group can read."""


_TO_WRITE_IN_6_2: Final = frozenset(
    "copy sdiffstore sinterstore sunionstore zdiffstore zinterstore zrangestore zunionstore".split()
)
"""They look for what they read as for what they write."""


def _only_writes_in_6_2(command: Command, argv: Argv) -> bool:
    words = [word.upper() for word in argv[2:]]
    return (
        command.name in _TO_WRITE_IN_6_2
        or (command.name == "sort" and b"STORE" in words)
        or (command.name == "pfcount" and len(argv) == 2)
        or (command.name == "set" and b"XX" in words)  # without a key there is nothing to get
    )


def keys_looked_up(command: Command, argv: Argv, legacy: bool) -> list[bytes]:
    """The keys that a command looks up to read them, in its order; those that a write only writes are none."""
    if command.name in _NOT_COUNTED or (legacy and _only_writes_in_6_2(command, argv)):
        return []
    keys = command.find_keys(argv)
    if command.name == "xread":  # first all are looked at, then they are read
        return keys * 2
    if not command.write or command.name in READS_FIRST:
        return keys
    if command.name == "set":
        return keys if b"GET" in map(bytes.upper, argv[3:]) else []
    if command.name == "bitfield":
        return [] if any(word.upper() in {b"SET", b"INCRBY"} for word in argv[2:]) else keys
    return [key for spec in command.keys if not spec.writes for key in spec.find(argv)]


def looked_up_before(
    command: Command, argv: Argv, db: Slot, error: CommandError, level: tuple[int, ...]
) -> list[bytes]:
    """The keys that a command had looked up when it failed."""
    if any(spec.counted and not _counts(argv, spec.index) for spec in command.keys):
        return []
    keys = keys_looked_up(command, argv, legacy=level < (7,))
    if error.text.startswith("WRONGTYPE"):
        last = next(
            (at for at, key in enumerate(keys, 1) if key in db and not _suits(command, db[key])), len(keys)
        )
    elif error.text.startswith("NOGROUP"):
        last = next((at for at, key in enumerate(keys, 1) if key not in db), 1)
    elif error.text.startswith(_READ_LATE.get(command.name, ())):
        last = 1
    elif level < (7, 2) and command.name in {"bitcount", "bitpos"}:
        last = command.name == "bitcount" or argv[2] in {b"0", b"1"}
    elif command.name in _LOOKS_FIRST and error.text != _BAD_CURSOR:
        last = len(keys)
    else:
        last = 0
    return keys[:last]


def _counts(argv: Argv, at: int) -> bool:
    """Whether the number of keys is one to the command itself; to those who look for its keys, `02` and 2**32 + 1 are, too."""
    number = argv[at]
    if not number.isdigit() or number.startswith(b"0") or len(number) > _DIGITS:
        return False
    return int(number) < len(argv) - at


def _suits(command: Command, value: Value) -> bool:
    """Whether the command can read the value."""
    if command.group == "hyperloglog":
        return isinstance(value, bytes | Buffer) and value.startswith(b"HYLL")
    return type(value) in _TYPES.get(command.group, ())
