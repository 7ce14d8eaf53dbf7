"""The wire protocol as a witness sees it: requests out, one reply's raw bytes in, nothing normalised.

Source: https://valkey.io/topics/protocol/ (RESP2 and RESP3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_LINE_TYPES = b"+-:,#_("
_BLOB_TYPES = b"$=!"
_AGGREGATES = {0x2A: 1, 0x7E: 1, 0x3E: 1, 0x25: 2, 0x7C: 2}  # * ~ > have one value per element, % | two

_ESCAPES = {
    "n": b"\n",
    "r": b"\r",
    "t": b"\t",
    "b": b"\b",
    "a": b"\a",
}


def request(argv: Sequence[bytes]) -> bytes:
    """The array of bulk strings that a client sends."""
    parts = [b"*%d\r\n" % len(argv)]
    parts.extend(b"$%d\r\n%b\r\n" % (len(arg), arg) for arg in argv)
    return b"".join(parts)


def end_of_reply(data: bytes, start: int = 0) -> int | None:
    """Where the reply that begins at `start` ends, or None while it is incomplete."""
    pending = 1
    at = start
    while pending:
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return None
        kind = data[at]
        pending -= 1
        if kind in _BLOB_TYPES:
            size = int(data[at + 1 : line_end])
            at = line_end + 2 + (size + 2 if size >= 0 else 0)
            if at > len(data):
                return None
        elif kind in _AGGREGATES:
            pending += max(0, int(data[at + 1 : line_end])) * _AGGREGATES[kind]
            pending += kind == 0x7C  # an attribute precedes the reply it belongs to
            at = line_end + 2
        elif kind in _LINE_TYPES:
            at = line_end + 2
        else:
            raise ValueError(f"not a reply: {data[at : at + 40]!r}")
    return at


@dataclass(frozen=True, slots=True)
class Node:
    """A decoded value which still knows its type byte; `value` is bytes for leaves, a tuple of nodes for aggregates."""

    kind: str
    value: bytes | tuple[Node, ...] | None

    @property
    def children(self) -> tuple[Node, ...]:
        return self.value if isinstance(self.value, tuple) else ()

    def plain(self) -> Any:
        """As Python values: a map is a dict, a set a sorted tuple, an array a list, every text a str."""
        if self.kind == "%":
            items = [child.plain() for child in self.children]
            return dict(zip(items[::2], items[1::2], strict=True))
        if self.kind == "~":
            return tuple(sorted((child.plain() for child in self.children), key=repr))
        if isinstance(self.value, tuple):
            return [child.plain() for child in self.value]
        if self.value is None:
            return None
        if self.kind == ":":
            return int(self.value)
        if self.kind == "#":
            return self.value == b"t"
        return self.value.decode("utf-8", "replace")


def decode(data: bytes) -> Node:
    """The tree of one complete reply."""
    node, end = _decode(data, 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes after the reply")
    return node


def _decode(data: bytes, at: int) -> tuple[Node, int]:
    line_end = data.index(b"\r\n", at)
    kind, text = chr(data[at]), data[at + 1 : line_end]
    after = line_end + 2
    if kind in "$=!":
        size = int(text)
        if size < 0:
            return Node(kind, None), after
        return Node(kind, data[after : after + size]), after + size + 2
    if ord(kind) in _AGGREGATES:
        if int(text) < 0:
            return Node(kind, None), after
        children = []
        for _ in range(int(text) * _AGGREGATES[ord(kind)]):
            child, after = _decode(data, after)
            children.append(child)
        return Node(kind, tuple(children)), after
    return Node(kind, None if kind == "_" else text), after


def encode(node: Node) -> bytes:
    """The bytes of a decoded reply again; equal for equal trees."""
    head = node.kind.encode()
    if isinstance(node.value, tuple):
        count = len(node.value) // _AGGREGATES[ord(node.kind)]
        return head + b"%d\r\n" % count + b"".join(encode(child) for child in node.value)
    if node.kind in "$=!" or node.kind == "*":
        return head + (b"-1\r\n" if node.value is None else b"%d\r\n%b\r\n" % (len(node.value), node.value))
    return head + (node.value or b"") + b"\r\n"


def show(data: bytes) -> str:
    """A reply for people: the wire bytes, one value per line, nested ones indented, long ones cut."""
    try:
        return "\n".join(_lines(decode(data), ""))
    except (ValueError, IndexError):
        return repr(data)


def _lines(node: Node, indent: str) -> Iterable[str]:
    if isinstance(node.value, tuple):
        yield f"{indent}{node.kind}{len(node.value) // _AGGREGATES[ord(node.kind)]}"
        for child in node.value:
            yield from _lines(child, indent + "  ")
    elif node.value is None:
        yield f"{indent}{node.kind}nil"
    else:
        text = repr(node.value)[1:]
        cut = text if len(text) <= 400 else f"{text[:300]}... ({len(node.value)} bytes)"
        yield f"{indent}{node.kind}{cut if node.kind in '$=!' else cut[1:-1]}"


def transform(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree with `change` applied to every node, leaves first."""
    if isinstance(node.value, tuple):
        node = Node(node.kind, tuple(transform(child, change) for child in node.value))
    return change(node)


def split_line(line: str) -> list[bytes]:
    """The arguments of a command line as redis-cli reads it: blanks separate, "..." has escapes, '...' has only \\'."""
    argv: list[bytes] = []
    at = 0
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        if at == len(line):
            return argv
        word, at = _word(line, at)
        argv.append(word)


def first_word(line: str) -> bytes:
    """The first argument of a line; what follows it is not looked at."""
    return _word(line, 0)[0]


def _word(line: str, at: int) -> tuple[bytes, int]:
    word = bytearray()
    quote = ""
    while at < len(line):
        char = line[at]
        if quote:
            if char == quote:
                if at + 1 < len(line) and not line[at + 1].isspace():
                    raise ValueError(f"closing quote must be followed by a blank: {line}")
                return bytes(word), at + 1
            if char == "\\" and (quote == '"' or line[at + 1 : at + 2] == "'"):
                piece, at = _escape(line, at)
                word += piece
                continue
        elif char.isspace():
            break
        elif char in "\"'":
            quote = char
            at += 1
            continue
        word += char.encode()
        at += 1
    if quote:
        raise ValueError(f"unbalanced quotes: {line}")
    return bytes(word), at


def _escape(line: str, at: int) -> tuple[bytes, int]:
    char = line[at + 1]
    if char == "x":
        return bytes.fromhex(line[at + 2 : at + 4]), at + 4
    return _ESCAPES.get(char, char.encode()), at + 2
