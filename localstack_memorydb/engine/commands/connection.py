"""Connections. https://valkey.io/commands/#connection"""

from __future__ import annotations

from localstack_memorydb.engine.clients import client_type, describe
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
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.numbers import parse_int, parse_int_in
from localstack_memorydb.engine.registry import (
    ADMIN,
    ALLOW_BUSY,
    FAST,
    GATE_MULTI,
    GATE_SILENT,
    GATE_SUBSCRIBED,
    LOADING,
    NO_AUTH,
    NOSCRIPT,
    STALE,
    Family,
)
from localstack_memorydb.engine.resp import (
    NOTHING,
    NULL_ARRAY,
    OK,
    PONG,
    Argv,
    Reply,
    Simple,
    Verbatim,
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


@connection.command("RESET", 1, _HANDSHAKE, since="6.2.0", passes=GATE_MULTI | GATE_SUBSCRIBED, careful=True)
def reset(s: Session, argv: Argv) -> Reply:
    """The connection as it was when it was made."""
    s.end_transaction()
    s.node.drop_subscriptions(s)
    s.node.cluster.iam_sessions.pop(s, None)
    s.reset()
    return Simple(b"RESET")


def _authenticate(s: Session, argv: Argv, name: bytes, password: bytes) -> None:
    """The connection acts for that user from now on. Raises WrongPass; the connection is then what it was."""
    cluster = s.node.cluster
    user = cluster.users.get(name.decode("utf-8", "surrogateescape"))
    if user is not None and user.uses_iam and s.in_exec:
        raise CommandError("ERR Command not allowed inside a transaction")
    if user is None or not user.accepts(password, cluster.spec, s.now):
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
    credentials, name = _hello_options(argv)
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


def _hello_options(argv: Argv) -> tuple[tuple[bytes, bytes] | None, bytes | None]:
    credentials: tuple[bytes, bytes] | None = None
    name: bytes | None = None
    at = 2
    while at < len(argv):
        option, left = argv[at].upper(), len(argv) - at - 1
        if option == b"AUTH" and left >= 2:
            credentials = (argv[at + 1], argv[at + 2])
            at += 3
        elif option == b"SETNAME" and left >= 1:
            name = _valid_name(argv[at + 1])
            at += 2
        else:
            raise CommandError(f"ERR Syntax error in HELLO option '{printable(argv[at])}'")
    return credentials, name


def _is_plain(text: bytes) -> bool:
    """Printable ASCII without spaces, looked at as C does: up to the first NUL."""
    return all(0x21 <= byte <= 0x7E for byte in text.partition(b"\0")[0])


def _valid_name(name: bytes) -> bytes:
    if not _is_plain(name):
        raise CommandError("ERR Client names cannot contain spaces, newlines or special characters.")
    return name


connection.container("CLIENT", since="2.4.0")


@connection.command("CLIENT|ID", 2, _ANYTIME, since="5.0.0")
def client_id(s: Session, argv: Argv) -> Reply:
    """The connection's number."""
    return s.number


@connection.command("CLIENT|GETNAME", 2, _ANYTIME, since="2.6.9")
def client_getname(s: Session, argv: Argv) -> Reply:
    """The connection's name."""
    return s.name or None


@connection.command("CLIENT|SETNAME", 3, _ANYTIME, since="2.6.9")
def client_setname(s: Session, argv: Argv) -> Reply:
    """Names the connection."""
    s.name = _valid_name(argv[2])
    return OK


@connection.command("CLIENT|SETINFO", 4, _ANYTIME, since="7.2.0")
def client_setinfo(s: Session, argv: Argv) -> Reply:
    """Tells which client library this is."""
    attribute, value = argv[2].lower(), argv[3]
    if attribute not in {b"lib-name", b"lib-ver"}:
        raise CommandError(f"ERR Unrecognized option '{printable(argv[2])}'")
    if not _is_plain(value):
        raise CommandError(f"ERR {printable(argv[2])} cannot contain spaces, newlines or special characters.")
    name, version = s.library
    s.library = (value, version) if attribute == b"lib-name" else (name, value)
    return OK


@connection.command("CLIENT|NO-EVICT", 3, ADMIN | _ANYTIME, since="7.0.0")
def client_no_evict(s: Session, argv: Argv) -> Reply:
    """Whether the connection is spared when clients take too much memory."""
    s.no_evict = _on_off(argv[2])
    return OK


@connection.command("CLIENT|NO-TOUCH", 3, _ANYTIME, since="7.2.0")
def client_no_touch(s: Session, argv: Argv) -> Reply:
    """Whether the connection's reads leave the keys' idle times alone."""
    s.no_touch = _on_off(argv[2])
    return OK


def _on_off(word: bytes) -> bool:
    if word.lower() not in {b"on", b"off"}:
        raise SyntaxFault
    return word.lower() == b"on"


@connection.command("CLIENT|REPLY", 3, _ANYTIME, since="3.2.0")
def client_reply(s: Session, argv: Argv) -> Reply:
    """Turns replies off and on, or skips the next one."""
    mode = argv[2].lower()
    if mode == b"on":
        s.reply_mode = "on"
        s.gates &= ~GATE_SILENT
        return OK
    if mode not in {b"off", b"skip"}:
        raise SyntaxFault
    if s.reply_mode != "off":
        s.reply_mode = mode.decode()
    s.gates |= GATE_SILENT
    return NOTHING


@connection.command("CLIENT|INFO", 2, _ANYTIME, since="6.2.0")
def client_info(s: Session, argv: Argv) -> Reply:
    """This connection's line of CLIENT LIST."""
    return Verbatim(describe(s, s.now) + b"\n")


@connection.command("CLIENT|LIST", -2, ADMIN | _ANYTIME, since="2.4.0")
def client_list(s: Session, argv: Argv) -> Reply:
    """A line for each connection of the node."""
    sessions = list(s.node.sessions.values())
    if len(argv) >= 4 and argv[2].lower() == b"type" and len(argv) == 4:
        kind = argv[3].lower()
        if kind not in _CLIENT_TYPES:
            raise CommandError(f"ERR Unknown client type '{printable(argv[3])}'")
        sessions = [session for session in sessions if client_type(session) == kind]
    elif len(argv) >= 4 and argv[2].lower() == b"id":
        numbers = [parse_int_in(word, 1, 2**63 - 1, "ERR Invalid client ID") for word in argv[3:]]
        sessions = [s.node.sessions[number] for number in numbers if number in s.node.sessions]
    elif len(argv) > 2:
        raise SyntaxFault
    return Verbatim(b"".join(describe(session, s.now) + b"\n" for session in sessions))


_CLIENT_TYPES = {b"normal", b"master", b"primary", b"replica", b"slave", b"pubsub"}


@connection.command("CLIENT|UNBLOCK", -3, ADMIN | _ANYTIME, since="5.0.0")
def client_unblock(s: Session, argv: Argv) -> Reply:
    """Ends another connection's wait, as its timeout would or with an error."""
    if len(argv) > 4 or (len(argv) == 4 and argv[3].lower() not in {b"timeout", b"error"}):
        raise CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
    other = s.node.sessions.get(parse_int(argv[2]))
    if other is None or other.blocked is None:
        return 0
    with_error = len(argv) == 4 and argv[3].lower() == b"error"
    error = CommandError("UNBLOCKED client unblocked via CLIENT UNBLOCK")
    other.unblock(error if with_error else NULL_ARRAY)
    return 1


@connection.command("CLIENT|KILL", -3, ADMIN | _ANYTIME, since="2.4.0")
def client_kill(s: Session, argv: Argv) -> Reply:
    """Closes connections, by address or by filters."""
    if len(argv) == 3:
        for session in list(s.node.sessions.values()):
            if session.peer.encode() == argv[2]:
                _hang_up(session, s)
                return OK
        raise CommandError("ERR No such client")
    filters = _kill_filters(s, argv)
    skip_me = filters.pop(b"skipme", b"yes") == b"yes"
    chosen = [
        session
        for session in list(s.node.sessions.values())
        if not (skip_me and session is s) and _matches(session, filters)
    ]
    for session in chosen:
        _hang_up(session, s)
    return len(chosen)


def _hang_up(session: Session, s: Session) -> None:
    """Another connection is closed at once, one's own after the reply."""
    session.closing = True
    if session is not s:
        session.hang_up()


def _kill_filters(s: Session, argv: Argv) -> dict[bytes, bytes]:
    if len(argv) % 2 == 1:
        raise SyntaxFault
    filters: dict[bytes, bytes] = {}
    for name, value in zip(argv[2::2], argv[3::2], strict=True):
        filters[name.lower()] = value
        match name.lower():
            case b"id":
                parse_int_in(value, 1, 2**63 - 1, "ERR client-id should be greater than 0")
            case b"type":
                if value.lower() not in _CLIENT_TYPES:
                    raise CommandError(f"ERR Unknown client type '{printable(value)}'")
            case b"user":
                if value.decode("utf-8", "surrogateescape") not in s.node.cluster.users:
                    raise CommandError(f"ERR No such user '{printable(value)}'")
            case b"skipme":
                if value.lower() not in {b"yes", b"no"}:
                    raise SyntaxFault
                filters[b"skipme"] = value.lower()
            case b"addr" | b"laddr":
                pass
            case _:
                raise SyntaxFault
    return filters


def _matches(session: Session, filters: dict[bytes, bytes]) -> bool:
    host, port = session.node.address
    facts = {
        b"id": b"%d" % session.number,
        b"type": client_type(session),
        b"user": session.user.encode(),
        b"addr": session.peer.encode(),
        b"laddr": f"{host}:{port}".encode(),
    }
    return all(
        facts[name] == (value.lower() if name == b"type" else value) for name, value in filters.items()
    )


@connection.command("CLIENT|HELP", 2, LOADING | STALE, since="5.0.0")
def client_help(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "client")
