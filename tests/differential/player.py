"""Plays a scenario on two servers at once and lists the lines at which their answers differ."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import time
from dataclasses import dataclass, field
from typing import Final

from .transcript import Scenario, Step
from .wire import Node, decode, encode, end_of_reply, request, show, split_line, transform
from .witness import Server

REPLY_SECONDS: Final = 20.0  # PFSELFTEST takes a real server a second or more
NO_REPLY: Final = b"<no reply>"
CLOSED: Final = b"<connection closed>"
QUIET: Final = b"<nothing>"

_SAVING = re.compile(rb"(?:rdb_bgsave|aof_rewrite)_(?:in_progress|scheduled):1")
_VARIABLE = re.compile(r"\$\{(\w+)(?:([+-])(\d+))?\}")
_REPEAT = re.compile(r"\$\{(.)\*(\d+)\}")


@dataclass(frozen=True, slots=True)
class Difference:
    """A line whose two answers do not compare as the transcript says they must."""

    scenario: Scenario
    step: Step
    expected: bytes
    actual: bytes
    rule: str

    def __str__(self) -> str:
        place = f"{self.scenario.family}.txt:{self.step.line}  ({self.scenario.name})"
        wanted, got = (_indent(show(reply)) for reply in (self.expected, self.actual))
        return f"{place}\n  {self.step.text}\n    expected ({self.rule}):\n{wanted}\n    got:\n{got}"


def _indent(text: str) -> str:
    return "\n".join("      " + line for line in text.splitlines())


class Connection:
    """A raw socket that hands out one reply at a time, as bytes."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.create_connection((server.host, server.port), timeout=REPLY_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.arrivals = select.poll()  # unlike select(), it takes descriptors beyond 1024
        self.arrivals.register(self.socket, select.POLLIN)
        self.buffer = b""

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the next read says that the connection is closed
            self.socket.sendall(data)

    def read(self, seconds: float = REPLY_SECONDS) -> bytes:
        """The next reply or push message; CLOSED or NO_REPLY instead of an exception."""
        deadline = time.monotonic() + seconds
        while (end := end_of_reply(self.buffer) if self.buffer else None) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return NO_REPLY + self.buffer
            if self.arrivals.poll(left * 1000):
                try:
                    piece = self.socket.recv(1 << 16)
                except OSError:
                    piece = b""
                if not piece:
                    return CLOSED
                self.buffer += piece
        reply, self.buffer = self.buffer[:end], self.buffer[end:]
        return reply

    def ask(self, *argv: bytes) -> bytes:
        self.send(request(argv))
        return self.read()

    def close(self) -> None:
        self.socket.close()


@dataclass
class Side:
    """One of the two servers during a scenario: its clients' connections and what @let remembered."""

    server: Server
    control: Connection
    clients: dict[str, Connection] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    users: dict[str, tuple[str, str]] = field(default_factory=dict)

    def client(self, name: str) -> Connection:
        if name not in self.clients:
            self.clients[name] = Connection(self.server)
        return self.clients[name]

    def barrier(self) -> None:
        """Returns when the server has taken in everything sent to it so far, on whichever connection.

        Two round trips: what was sent before the first is read in the same turn of the server's loop at the latest.
        """
        for _ in range(2):
            self.control.ask(b"PING")

    def wait_for_children(self) -> None:
        """Returns when the server saves nothing: while a child of it does, a real one counts no uses of keys, for example."""
        while _SAVING.search(self.control.ask(b"INFO", b"persistence")):
            self.control.ask(b"WAIT", b"1", b"20")  # passes the time without load

    def fill(self, text: str) -> str:
        """Replaces ${name}, ${now+10} and ${x*1000}."""
        text = _REPEAT.sub(lambda found: found[1] * int(found[2]), text)

        def value(found: re.Match[str]) -> str:
            base = self.variables[found[1]]
            if found[2]:
                return str(int(base) + int(found[2] + found[3]))
            return base

        return _VARIABLE.sub(value, text)

    def argv(self, text: str) -> list[bytes]:
        return split_line(self.fill(text))

    def forget(self, name: str) -> None:
        if name in self.clients:
            self.clients.pop(name).close()

    def set_user(self, name: str, password: str, rules: str) -> None:
        """Makes or changes a user; `default` can only be turned off, and is on again after the scenario."""
        self.users[name] = password, rules
        if self.server.set_users is not None:
            self.server.set_users(self.users)
        elif name == "default":
            self.control.ask(b"ACL", b"SETUSER", b"default", b"off")
        else:
            words = ["ACL", "SETUSER", name, "reset", f">{password}", *rules.split()]
            made = self.control.ask(*(word.encode() for word in words))
            assert made == b"+OK\r\n", (words, made)

    def forget_users(self) -> None:
        """Leaves the server with open access again."""
        if not self.users:
            return
        if self.server.set_users is not None:
            self.server.set_users({})
            return
        self.control.ask(b"ACL", b"SETUSER", b"default", b"on")
        self.control.ask(
            b"ACL", b"DELUSER", b"nobody", *(name.encode() for name in self.users if name != "default")
        )
        self.control.ask(b"ACL", b"LOG", b"RESET")

    def close(self) -> None:
        self.forget_users()
        for connection in (*self.clients.values(), self.control):
            connection.close()


def play(scenario: Scenario, expected: Server, actual: Server, *, newer: bool = True) -> list[Difference]:
    """Plays every line on both; `newer` says that the witness is newer than MemoryDB, so @differs applies."""
    sides: list[Side] = []
    try:
        now = time.time()
        for server in (expected, actual):
            side = Side(server, Connection(server))
            sides.append(side)
            side.barrier()  # the last scenario's connections are gone
            side.wait_for_children()
            side.control.ask(b"FLUSHALL")
            side.variables |= {"now": str(int(now)), "nowms": str(int(now * 1000))}
        return _play(scenario, sides[0], sides[1], newer=newer)
    finally:
        for side in sides:
            side.close()


def _play(scenario: Scenario, left: Side, right: Side, *, newer: bool) -> list[Difference]:
    differences: list[Difference] = []
    served = min(left.server.version, right.server.version)
    for step in scenario.steps:
        if not step.plays_on(served):
            continue
        for expected, actual in _act(step, left, right):
            rule, wanted = step.comparison, expected
            if step.ours is not None and (newer if not step.always else right.server.name == "engine"):
                wanted, rule = step.ours, "@memorydb" if step.always else "@differs"
                if expected == wanted:
                    rule += ", but the witness answers this, too"
                    differences.append(Difference(scenario, step, wanted, expected, rule))
                same = actual == wanted
            else:
                same = equal(step, expected, actual)
            if not same:
                differences.append(Difference(scenario, step, wanted, actual, rule))
            if any(reply.startswith(NO_REPLY) for reply in (expected, actual)):
                return differences
    return differences + _left_over(scenario, left, right)


def _left_over(scenario: Scenario, left: Side, right: Side) -> list[Difference]:
    """Replies that nobody has read when the scenario is over: the next lines may have been compared with wrong ones."""
    names = sorted({*left.clients, *right.clients})
    found = []
    for name in names:
        step = Step(scenario.steps[-1].line, "the end of the scenario", name, "quiet", "")
        expected, actual = _quiet(step, left), _quiet(step, right)
        if not {expected, actual} <= {QUIET, CLOSED}:
            found.append(Difference(scenario, step, expected, actual, f"client {name} has read everything"))
    return found


def _act(step: Step, left: Side, right: Side) -> list[tuple[bytes, bytes]]:
    """Does what the step says on both sides; the pairs of replies to compare."""
    sides = (left, right)
    if step.action in ("command", "send"):
        for side in sides:
            side.client(step.client).send(request(side.argv(step.argument)))
    elif step.action in ("raw", "raw-send"):
        for side in sides:
            side.client(step.client).send(side.argv(step.argument)[0])
    elif step.action == "read":
        count = int(step.argument or "1")
        return [(left.client(step.client).read(), right.client(step.client).read()) for _ in range(count)]
    elif step.action in _BY_SIDE:
        do = _BY_SIDE[step.action]
        return [(do(step, left), do(step, right))]
    if step.action in ("send", "raw-send"):
        for side in sides:
            side.barrier()
        return []
    return [(left.client(step.client).read(), right.client(step.client).read())]


def _until(step: Step, side: Side) -> bytes:
    """Repeats the command until its reply is the one named: nil, or the text after the type byte."""
    wanted, _, command = step.argument.partition(" ")
    payload = request(side.argv(command))
    deadline = time.monotonic() + REPLY_SECONDS
    while True:
        side.client(step.client).send(payload)
        reply = side.client(step.client).read()
        shown = "nil" if reply in (b"$-1\r\n", b"*-1\r\n", b"_\r\n") else reply[1:].strip().decode("latin-1")
        if shown == wanted or reply in (CLOSED, NO_REPLY):
            return reply
        if time.monotonic() > deadline:
            return NO_REPLY + reply


def _scan(step: Step, side: Side) -> bytes:
    """A whole iteration: the word CURSOR is replaced until it comes back as 0; the elements seen, sorted, once each."""
    argv = side.argv(step.argument)
    place = argv.index(b"CURSOR")
    width = 2 if argv[0].upper() in (b"HSCAN", b"ZSCAN") else 1
    argv[place] = b"0"
    seen: set[tuple[Node, ...]] = set()
    for _ in range(100_000):
        side.client(step.client).send(request(argv))
        reply = side.client(step.client).read()
        if not reply.startswith(b"*2\r\n"):
            return reply
        cursor, elements = decode(reply).children
        seen.update(zip(*[iter(elements.children)] * width, strict=True))
        assert isinstance(cursor.value, bytes)
        argv[place] = cursor.value
        if cursor.value == b"0":
            flat = [node for group in sorted(seen, key=lambda group: encode(group[0])) for node in group]
            return encode(Node("*", tuple(flat)))
    return NO_REPLY


def _let(step: Step, side: Side) -> bytes:
    """Remembers a reply under a name for ${name}; only the type of the two replies is compared."""
    name, _, command = step.argument.partition(" ")
    side.client(step.client).send(request(side.argv(command)))
    reply = side.client(step.client).read()
    if reply[:1] in (b"$", b":", b"+"):
        value = decode(reply).value
        side.variables[name] = value.decode("latin-1") if isinstance(value, bytes) else ""
    return reply[:1] + b"\r\n" if reply[:1] != b"$" else b"$0\r\n\r\n"


def _user(step: Step, side: Side) -> bytes:
    name, _, rest = step.argument.partition(" ")
    password, _, rules = rest.partition(" ")
    side.set_user(name, password, rules)
    return b"+OK\r\n"


def _protocol(step: Step, side: Side) -> bytes:
    reply = side.client(step.client).ask(b"HELLO", step.action[-1:].encode())
    return b"+OK\r\n" if reply[:1] in b"%*" else reply


def _quiet(step: Step, side: Side) -> bytes:
    """Nothing more has arrived at the client."""
    side.barrier()
    connection = side.client(step.client)
    return connection.read() if connection.buffer or connection.arrivals.poll(0) else QUIET


def _closed(step: Step, side: Side) -> bytes:
    """The server has closed the connection; the client's next line opens a new one."""
    reply = side.client(step.client).read()
    side.forget(step.client)
    return reply


_BY_SIDE: Final = {
    "until": _until,
    "scan": _scan,
    "let": _let,
    "resp2": _protocol,
    "resp3": _protocol,
    "user": _user,
    "quiet": _quiet,
    "closed": _closed,
}


def equal(step: Step, expected: bytes, actual: bytes) -> bool:
    """Whether the two answers are the same in the way that the line asks for.

    Two servers that both stay silent do not agree: then the transcript is wrong.
    """
    if step.action in ("closed", "quiet"):
        return expected == actual == (CLOSED if step.action == "closed" else QUIET)
    if expected.startswith((NO_REPLY, CLOSED)):
        return False
    if step.comparison == "bytes":
        return expected == actual or _same_deadline(step, expected, actual)
    if step.comparison == "any":
        return expected[:1] == actual[:1]
    if step.comparison == "match":
        pattern = re.compile(step.comparison_argument, re.DOTALL)
        return all(pattern.fullmatch(reply.decode("latin-1")) is not None for reply in (expected, actual))
    try:
        one, two = decode(expected), decode(actual)
    except (ValueError, IndexError):
        return False
    argument = step.comparison_argument
    if step.comparison == "near":
        return _near(one, two, int(argument.split()[0]))
    change = {"sorted": _sorted, "shape": _shape, "keys": _keys, "mask": _masked}[step.comparison]
    return change(one, argument) == change(two, argument)


def _same_deadline(step: Step, expected: bytes, actual: bytes) -> bool:
    """Whether both are the seconds left of one deadline: the second answer may come later, on a busy machine by seconds."""
    if step.argument[:4].upper() != "TTL " or not expected[:1] == actual[:1] == b":":
        return False
    left = sorted(int(reply[1:-2]) for reply in (expected, actual))
    return left[0] > 0 and left[1] - left[0] <= 5


def _near(one: Node, two: Node, slack: int) -> bool:
    if isinstance(one.value, tuple) and isinstance(two.value, tuple):
        pairs = zip(one.value, two.value, strict=False)
        return (
            one.kind == two.kind
            and len(one.value) == len(two.value)
            and all(_near(a, b, slack) for a, b in pairs)
        )
    if one.kind == two.kind == ":":
        return abs(int(one.plain()) - int(two.plain())) <= slack
    return one == two


def _sorted(node: Node, argument: str) -> Node:
    """`@sorted` sorts the elements, `@sorted 2` pairs of them, `@sorted deep` every array and set in the reply."""
    if argument == "deep":
        return transform(node, lambda each: _sorted(each, "") if each.kind in "*~%" else each)
    width = int(argument.split(maxsplit=1)[0]) if argument else 2 if node.kind == "%" else 1
    children = node.children
    if len(children) % width:
        return node
    groups = sorted(
        zip(*[iter(children)] * width, strict=True), key=lambda group: [encode(each) for each in group]
    )
    return Node(node.kind, tuple(each for group in groups for each in group)) if children else node


def _shape(node: Node, argument: str) -> Node:
    """Types and counts only."""
    return transform(node, lambda each: each if each.children or not each.value else Node(each.kind, b"0"))


def _keys(node: Node, argument: str) -> object:
    """The keys of a map (or of a flat array of pairs) and the types of its values."""
    return [
        (key.value, value.kind) for key, value in zip(node.children[::2], node.children[1::2], strict=False)
    ]


def _masked(node: Node, argument: str) -> Node:
    """Texts with everything that the pattern matches taken out."""
    pattern = re.compile(argument.encode(), re.DOTALL)
    return transform(
        node, lambda each: Node(each.kind, pattern.sub(b"?", each.value)) if _text(each) else each
    )


def _text(node: Node) -> bool:
    return isinstance(node.value, bytes)
