"""When two replies to a command are the same: byte for byte, except where the answer is random, unordered or a time."""

from __future__ import annotations

import re
from typing import Final

from tests.differential.wire import Node, decode, encode, transform

TIME_SECONDS: Final = 3
LOADED_SECONDS: Final = 200  # of thousands, to which ages are rounded: a sequence does not take longer
UNORDERED: Final = frozenset("pubsub smembers sinter sunion sdiff hgetall hkeys hvals keys spop".split())
RANDOM: Final = frozenset("srandmember hrandfield zrandmember randomkey".split())
SCANS: Final = frozenset("hscan sscan zscan scan".split())
TIMES: Final = {"ttl": 1, "expiretime": 1, "pttl": 1000, "pexpiretime": 1000}
IDLE: Final = frozenset("object xpending xinfo".split())
# Their answers are about the server, its clock or its release: of these the kind is the same, and what is refused.
ABOUT: Final = frozenset(
    "acl|cat acl|genpass acl|getuser acl|help acl|list acl|log acl|users client|help cluster|help cluster|info cluster|links "
    "cluster|myid cluster|myshardid cluster|nodes cluster|replicas cluster|shards cluster|slaves cluster|slots command|count "
    "command|docs command|help command|info command|list function|dump function|help function|stats info lastsave latency|doctor "
    "latency|graph latency|help latency|histogram latency|history latency|latest lolwut memory|doctor memory|help "
    "memory|malloc-stats memory|stats memory|usage object|help pubsub|help role script|help slowlog|get slowlog|help slowlog|len "
    "hello time xgroup|help xinfo|help".split()
)


def same(line: tuple[bytes, ...], one: bytes, two: bytes) -> bool:
    """Whether the replies to a command agree."""
    if one == two:
        return True
    if not line or one[:1] == b"-" or two[:1] == b"-":
        return False
    name = line[0].lower().decode("latin-1")
    try:
        left, right = decode(one), decode(two)
    except (ValueError, IndexError):
        return False
    return same_nodes(name, line, left, right)


def same_nodes(name: str, line: tuple[bytes, ...], left: Node, right: Node) -> bool:
    if left == right:
        return True
    if left.kind != right.kind or (left.value is None) != (right.value is None):
        return False
    whole = f"{name}|{line[1].lower().decode('latin-1')}" if len(line) > 1 else name
    if name in ABOUT or whole in ABOUT or (_introduces(left) and _introduces(right)):
        return True
    if whole == "cluster|getkeysinslot":
        return len(left.children) == len(right.children)
    if name in UNORDERED:
        return _ordered(left, 2 if name == "hgetall" else 1) == _ordered(right, 2 if name == "hgetall" else 1)
    if name == "function":  # a library's functions are in no order
        return transform(left, _sorted) == transform(right, _sorted)
    if name in RANDOM:
        return _shape(left) == _shape(right)
    if name in SCANS:
        return _same_scan(left, right, 1 if name in ("scan", "sscan") else 2)
    if name in TIMES and left.kind == right.kind == ":":
        one, two = int(left.plain()), int(right.plain())
        return min(one, two) >= 0 and abs(one - two) <= TIME_SECONDS * TIMES[name]
    if name == "dump":
        return left.kind == right.kind == "$"
    if name in IDLE:
        return _timeless(name, line, left) == _timeless(name, line, right)
    return False


def _introduces(node: Node) -> bool:
    """Whether that is what HELLO tells: a message between the replies of a transaction makes it seem another command's."""
    return node.kind in "*%" and any(each.value == b"server" for each in node.children[:1])


def _ordered(node: Node, width: int) -> tuple[str, list[tuple[bytes, ...]]]:
    parts = [encode(each) for each in node.children]
    return node.kind, sorted(zip(*[iter(parts)] * width, strict=True))


def _sorted(node: Node) -> Node:
    return Node(node.kind, tuple(sorted(node.children, key=encode))) if node.children else node


def _shape(node: Node) -> Node:
    return transform(
        node,
        lambda each: each if isinstance(each.value, tuple) or each.value is None else Node(each.kind, b""),
    )


def _same_scan(left: Node, right: Node, width: int) -> bool:
    """Where a cursor leads depends on the hash table; what a whole iteration sees does not."""
    if len(left.children) != 2 or len(right.children) != 2:
        return False
    done = {left.children[0].value, right.children[0].value} == {b"0"}
    one, two = left.children[1], right.children[1]
    return (
        not done or (width > 1 and len(one.children) % 2 > 0) or _ordered(one, width) == _ordered(two, width)
    )


def _timeless(name: str, line: tuple[bytes, ...], node: Node) -> Node:
    """Without how long ago something was."""
    if name == "object":
        if line[1].lower() != b"idletime" or node.kind != ":":
            return node
        return Node(":", b"%d" % ((int(node.plain()) + LOADED_SECONDS) // 1000))
    if name == "xpending":
        return transform(node, _pending_entry)
    return transform(node, _stream_times)


def _pending_entry(node: Node) -> Node:
    """[id, consumer, idle, deliveries]"""
    children = node.children
    if len(children) == 4 and children[2].kind == ":" and b"-" in (children[0].value or b""):  # type: ignore[operator]
        return Node(node.kind, (*children[:2], Node(":", b""), children[3]))
    return node


_NAMED_TIMES: Final = frozenset({b"idle", b"inactive", b"seen-time", b"active-time"})
_RECENT: Final = re.compile(rb"1[6-9]\d{11}")


def _stream_times(node: Node) -> Node:
    """Ages that have a name, and delivery times, which are milliseconds since 1970."""
    changed: list[Node] = []
    for child in node.children:
        named = bool(changed) and changed[-1].value in _NAMED_TIMES and child.value != b"-1"
        recent = (
            child.kind == ":"
            and isinstance(child.value, bytes)
            and _RECENT.fullmatch(child.value) is not None
        )
        changed.append(Node(":", b"") if (named and child.kind == ":") or recent else child)
    return Node(node.kind, tuple(changed)) if changed else node
