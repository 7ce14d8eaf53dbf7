"""Connections. https://valkey.io/commands/#connection"""

from __future__ import annotations

import re
from typing import Final

from localstack_memorydb.engine.commands.pubsub import refresh_gate
from localstack_memorydb.engine.errors import (
    CommandError,
    HelloWithoutUser,
    NotInteger,
    SyntaxFault,
    WrongArity,
    WrongPass,
    printable,
)
from localstack_memorydb.engine.numbers import parse_int, parse_int_in
from localstack_memorydb.engine.registry import (
    ALLOW_BUSY,
    FAST,
    GATE_MULTI,
    GATE_SUBSCRIBED,
    LOADING,
    NO_AUTH,
    NOSCRIPT,
    STALE,
    Earlier,
    Family,
)
from localstack_memorydb.engine.resp import (
    OK,
    PONG,
    Argv,
    Reply,
    Simple,
    encoders,
)
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.users import IAM_CONNECTION_MS, log_denial
from localstack_memorydb.engine.versions import PATCH_VERSIONS

connection = Family("connection", "@connection")

_ANYTIME = LOADING | NOSCRIPT | STALE
_HANDSHAKE = ALLOW_BUSY | FAST | NO_AUTH | _ANYTIME


@connection.command("PING", -1, FAST, passes=GATE_SUBSCRIBED)
def ping(s: Session, argv: Argv) -> Reply:
    """PONG, or the argument; an array for subscribers on RESP2."""
    if len(argv) > 2:
        raise WrongArity("ping")
    if s.gates & GATE_SUBSCRIBED:
        return [b"pong", argv[1] if len(argv) == 2 else b""]
    return PONG if len(argv) == 1 else argv[1]


@connection.command("ECHO", 2, FAST | LOADING | STALE)
def echo(s: Session, argv: Argv) -> Reply:
    """The argument."""
    return argv[1]


@connection.command("SELECT", 2, FAST | LOADING | STALE)
def select(s: Session, argv: Argv) -> Reply:
    """A cluster has one database, 0."""
    number = parse_int_in(argv[1], -(2**31), 2**31 - 1)
    if number != 0:
        raise CommandError("ERR SELECT is not allowed in cluster mode")
    return OK


@connection.command("QUIT", -1, _HANDSHAKE, passes=GATE_MULTI | GATE_SUBSCRIBED, careful=True)
def quit_(s: Session, argv: Argv) -> Reply:
    """Closes the connection after this reply."""
    s.closing = True
    return OK


@connection.command(
    "RESET",
    1,
    _HANDSHAKE,
    since="6.2.0",
    passes=GATE_MULTI | GATE_SUBSCRIBED,
    careful=True,
    earlier=Earlier("7.0", drops=NO_AUTH),
)
def reset(s: Session, argv: Argv) -> Reply:
    """The connection as it was when it was made."""
    s.end_transaction()
    s.node.drop_subscriptions(s)
    s.node.cluster.iam_sessions.pop(s, None)
    s.node.stop_observing(s)
    spared = s.no_evict and s.legacy_doubles  # 7.2 ends that, too
    s.reset()
    s.no_evict = spared
    return Simple(b"RESET")


def _authenticate(s: Session, argv: Argv, name: bytes, password: bytes) -> None:
    """The connection acts for that user from now on. Raises WrongPass; the connection is then what it was."""
    cluster = s.node.cluster
    user = cluster.users.get(name.decode("utf-8", "surrogateescape"))
    if user is not None and user.uses_iam and s.in_exec:
        raise CommandError("ERR Command not allowed inside a transaction")
    if user is None or not user.accepts(password, cluster.spec, s.now):
        if not s.in_exec:
            s.last_command = printable(argv[0]).lower()
        log_denial(s, "auth", argv[0], name)
        raise WrongPass
    s.become(user)
    cluster.iam_sessions.pop(s, None)
    if user.uses_iam:
        cluster.iam_sessions[s] = s.now + IAM_CONNECTION_MS


@connection.command("AUTH", -2, _HANDSHAKE)
def auth(s: Session, argv: Argv) -> Reply:
    """Authenticates the connection."""
    if len(argv) > 3:
        raise SyntaxFault
    name = argv[1] if len(argv) == 3 else b"default"
    default = s.node.cluster.users.get("default")
    if len(argv) == 2 and default is not None and default.spec.authentication == "no-password":
        raise CommandError(
            "ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?"
        )
    _authenticate(s, argv, name, argv[-1])
    return OK


@connection.command("HELLO", -1, _HANDSHAKE, since="6.0.0", careful=True)
def hello(s: Session, argv: Argv) -> Reply:
    """Chooses the protocol, authenticates and names the connection; who the server is."""
    protocol = s.protocol
    if len(argv) > 1:
        try:
            protocol = parse_int(argv[1])
        except NotInteger:
            raise CommandError("ERR Protocol version is not an integer or out of range") from None
        if protocol not in {2, 3}:
            raise CommandError("NOPROTO unsupported protocol version")
    credentials, name = _hello_options(s, argv)
    if credentials is not None:
        _authenticate(s, argv, *credentials)
    if not s.is_authenticated:
        raise HelloWithoutUser(s.table.level)
    if name is not None:
        s.name = name
    s.protocol = protocol
    s.encoders = encoders(protocol, s.legacy_doubles)
    refresh_gate(s)
    return {
        b"server": b"redis",
        b"version": PATCH_VERSIONS[s.node.cluster.spec.engine_version].encode(),
        b"proto": protocol,
        b"id": s.number,
        b"mode": b"cluster",
        b"role": b"master" if s.node.is_primary else b"replica",
        b"modules": [],
    }


def _hello_options(s: Session, argv: Argv) -> tuple[tuple[bytes, bytes] | None, bytes | None]:
    """The user's name and password, and the connection's name. Before 7.2 each is taken over before the next is read."""
    at_once = s.table.level < (7, 2)
    credentials: tuple[bytes, bytes] | None = None
    name: bytes | None = None
    at = 2
    while at < len(argv):
        option, left = argv[at].upper(), len(argv) - at - 1
        if option == b"AUTH" and left >= 2:
            credentials = (argv[at + 1], argv[at + 2])
            if at_once:
                _authenticate(s, argv, *credentials)
            at += 3
        elif option == b"SETNAME" and left >= 1:
            name = valid_name(s, argv[at + 1])
            if at_once:
                s.name = name
            at += 2
        else:
            raise CommandError(f"ERR Syntax error in HELLO option '{printable(argv[at])}'")
    return (None, None) if at_once else (credentials, name)


_PLAIN: Final = re.compile(rb"[!-~]*").fullmatch


def is_plain(text: bytes) -> bool:
    """Printable ASCII without spaces, looked at as C does: up to the first NUL."""
    return _PLAIN(text.partition(b"\0")[0]) is not None


def valid_name(s: Session, name: bytes) -> bytes:
    """A name for the connection. Before 7.2 what follows a NUL was looked at, too. Raises CommandError."""
    if not is_plain(name) or (s.legacy_doubles and b"\0" in name):
        raise CommandError("ERR Client names cannot contain spaces, newlines or special characters.")
    return name
