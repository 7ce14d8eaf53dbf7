"""Clients of a node as other clients see them, and what they may ask for themselves. https://valkey.io/commands/client-list/"""

from __future__ import annotations

from localstack_memorydb.engine.clients import client_type, describe
from localstack_memorydb.engine.commands.connection import is_plain, valid_name
from localstack_memorydb.engine.errors import (
    CommandError,
    SyntaxFault,
    printable,
    wrong_subcommand_arguments,
)
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.numbers import INT_MAX, INT_MIN, parse_int, parse_int_in
from localstack_memorydb.engine.options import parse_milliseconds
from localstack_memorydb.engine.registry import (
    ADMIN,
    GATE_SILENT,
    GATE_TRACKING,
    GATE_UNTOUCHING,
    LOADING,
    NOSCRIPT,
    STALE,
    Earlier,
    Family,
)
from localstack_memorydb.engine.resp import (
    NOTHING,
    NULL_ARRAY,
    OK,
    Argv,
    Reply,
    Unordered,
    Verbatim,
    sendable,
)
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.tracking import Tracker

clients = Family("connection", "@connection")

_ANYTIME = LOADING | NOSCRIPT | STALE


clients.container("CLIENT", since="2.4.0")


@clients.command("CLIENT|ID", 2, _ANYTIME, since="5.0.0")
def client_id(s: Session, argv: Argv) -> Reply:
    """The connection's number."""
    return s.number


@clients.command("CLIENT|GETNAME", 2, _ANYTIME, since="2.6.9")
def client_getname(s: Session, argv: Argv) -> Reply:
    """The connection's name."""
    return s.name or None


@clients.command("CLIENT|SETNAME", 3, _ANYTIME, since="2.6.9")
def client_setname(s: Session, argv: Argv) -> Reply:
    """Names the connection."""
    s.name = valid_name(s, argv[2])
    return OK


@clients.command("CLIENT|SETINFO", 4, _ANYTIME, since="7.2.0")
def client_setinfo(s: Session, argv: Argv) -> Reply:
    """Tells which client library this is."""
    attribute, value = argv[2].lower(), argv[3]
    if attribute not in {b"lib-name", b"lib-ver"}:
        raise CommandError(f"ERR Unrecognized option '{printable(argv[2])}'")
    if not is_plain(value):
        raise CommandError(f"ERR {printable(argv[2])} cannot contain spaces, newlines or special characters.")
    name, version = s.library
    s.library = (value, version) if attribute == b"lib-name" else (name, value)
    return OK


@clients.command("CLIENT|NO-EVICT", 3, ADMIN | _ANYTIME, since="7.0.0")
def client_no_evict(s: Session, argv: Argv) -> Reply:
    """Whether the connection is spared when clients take too much memory."""
    s.no_evict = _on_off(argv[2])
    return OK


@clients.command("CLIENT|NO-TOUCH", 3, _ANYTIME, since="7.2.0")
def client_no_touch(s: Session, argv: Argv) -> Reply:
    """Whether the connection's reads leave the keys' idle times alone."""
    s.no_touch = _on_off(argv[2])
    s.gates = s.gates | GATE_UNTOUCHING if s.no_touch else s.gates & ~GATE_UNTOUCHING
    return OK


def _on_off(word: bytes) -> bool:
    if word.lower() not in {b"on", b"off"}:
        raise SyntaxFault
    return word.lower() == b"on"


@clients.command("CLIENT|REPLY", 3, _ANYTIME, since="3.2.0")
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


@clients.command("CLIENT|INFO", 2, _ANYTIME, since="6.2.0")
def client_info(s: Session, argv: Argv) -> Reply:
    """This connection's line of CLIENT LIST."""
    return Verbatim(describe(s, s.now, argv) + b"\n")


@clients.command("CLIENT|LIST", -2, ADMIN | _ANYTIME, since="2.4.0")
def client_list(s: Session, argv: Argv) -> Reply:
    """A line for each connection of the node."""
    sessions = list(s.node.sessions.values())
    if len(argv) >= 4 and argv[2].lower() == b"type" and len(argv) == 4:
        kind = argv[3].lower()
        if kind not in _CLIENT_TYPES:
            raise CommandError(f"ERR Unknown client type '{printable(argv[3])}'")
        sessions = [session for session in sessions if client_type(session) == kind]
    elif len(argv) >= 4 and argv[2].lower() == b"id":
        numbers = [
            parse_int_in(word, INT_MIN, INT_MAX, "ERR Invalid client ID") for word in looking(argv[3:])
        ]
        sessions = [s.node.sessions[number] for number in numbers if number in s.node.sessions]
    elif len(argv) > 2:
        raise SyntaxFault
    lines = {
        session: describe(session, s.now, argv if session is s else None) + b"\n"
        for session in dict.fromkeys(sessions)
    }
    return Verbatim(b"".join(sendable(map(lines.__getitem__, sessions))))  # one may be named many times


_CLIENT_TYPES = {b"normal", b"master", b"replica", b"slave", b"pubsub"}


@clients.command("CLIENT|UNBLOCK", -3, ADMIN | _ANYTIME, since="5.0.0")
def client_unblock(s: Session, argv: Argv) -> Reply:
    """Ends another connection's wait, as its timeout would or with an error."""
    if len(argv) > 4:
        raise wrong_subcommand_arguments("client", argv[1], s.legacy)
    if len(argv) == 4 and argv[3].lower() not in {b"timeout", b"error"}:
        raise CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
    other = s.node.sessions.get(parse_int(argv[2]))
    if other is None or other.blocked is None or not other.blocked.keys:
        return 0
    with_error = len(argv) == 4 and argv[3].lower() == b"error"
    error = CommandError("UNBLOCKED client unblocked via CLIENT UNBLOCK")
    s.node.stats.told_to_stop(other, other.blocked, with_error=with_error)
    other.unblock(error if with_error else NULL_ARRAY)
    return 1


@clients.command("CLIENT|KILL", -3, ADMIN | _ANYTIME, since="2.4.0", earlier=Earlier("7.0", arity=-2))
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
    if session is s:
        session.closing = True
    else:
        session.cut_off()


def _client_id(s: Session, value: bytes) -> int:
    """6.2 takes any integer."""
    if s.legacy:
        return parse_int(value)
    return parse_int_in(value, 1, INT_MAX, "ERR client-id should be greater than 0")


def _kill_filters(s: Session, argv: Argv) -> dict[bytes, bytes]:
    if len(argv) % 2 == 1 or len(argv) == 2:
        raise SyntaxFault
    filters: dict[bytes, bytes] = {}
    for name, value in zip(argv[2::2], argv[3::2], strict=True):
        filters[name.lower()] = value
        match name.lower():
            case b"id":
                if _client_id(s, value) == 0:  # no filter
                    del filters[b"id"]
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


@clients.command("CLIENT|PAUSE", -3, ADMIN | _ANYTIME, since="3.0.0")
def client_pause(s: Session, argv: Argv) -> Reply:
    """Makes the clients of the node wait: with all commands, or with those that write."""
    words = [word.lower() for word in argv[3:]]
    if len(words) > 1:
        raise wrong_subcommand_arguments("client", argv[1], s.legacy)
    if words and words[0] not in {b"write", b"all"}:
        raise CommandError("ERR CLIENT PAUSE mode must be WRITE or ALL")
    s.node.pause(s.now, parse_milliseconds(s, argv[2]), everything=words != [b"write"])
    return OK


@clients.command("CLIENT|UNPAUSE", 2, ADMIN | _ANYTIME, since="6.2.0")
def client_unpause(s: Session, argv: Argv) -> Reply:
    """Lets the waiting clients go on."""
    s.node.unpause(s.now)
    return OK


# -- tracking of keys -----------------------------------------------------------------------------------------------------


@clients.command("CLIENT|TRACKING", -3, _ANYTIME, since="6.0.0")
def client_tracking(s: Session, argv: Argv) -> Reply:
    """Tells the client from now on of changes of keys that it may keep, or no longer."""
    tracker = _tracker(s, argv)
    keyspace = s.node.shard.keyspace
    match argv[2].lower():
        case b"on":
            tracker.refuse(s.tracking)
            keyspace.tracking.start(s, tracker)
            s.gates |= GATE_TRACKING
        case b"off":
            keyspace.tracking.stop(s)
            s.gates &= ~GATE_TRACKING
        case _:
            raise SyntaxFault
    keyspace.observe()
    return OK


def _tracker(s: Session, argv: Argv) -> Tracker:
    """What the options ask for. Raises CommandError."""
    tracker = Tracker()
    words = iter(argv[3:])
    for word in words:
        option = word.lower()
        value = next(words, None) if option in {b"redirect", b"prefix"} else b""
        if option not in _TRACKING_OPTIONS or value is None:
            raise SyntaxFault
        if option == b"redirect":
            if tracker.redirect:
                raise CommandError("ERR A client can only redirect to a single other client")
            tracker.redirect = parse_int(value)
            if tracker.redirect not in s.node.sessions:
                raise CommandError("ERR The client ID you want redirect to does not exist")
        elif option == b"prefix":
            tracker.prefixes.append(value)
        else:
            setattr(tracker, option.decode(), True)
    return tracker


_TRACKING_OPTIONS = frozenset({b"redirect", b"prefix", b"bcast", b"optin", b"optout", b"noloop"})


@clients.command("CLIENT|CACHING", 3, _ANYTIME, since="6.0.0", earlier=Earlier("7.0", arity=-3))
def client_caching(s: Session, argv: Argv) -> Reply:
    """Whether the keys of the next command are tracked, where CLIENT TRACKING leaves it to the client."""
    tracker, word = s.tracking, argv[2].lower()
    if tracker is None:
        raise CommandError(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
        )
    if word not in {b"yes", b"no"}:
        raise SyntaxFault
    mode = "optin" if word == b"yes" else "optout"
    if not getattr(tracker, mode):
        raise CommandError(
            f"ERR CLIENT CACHING {word.decode().upper()} is only valid when tracking is enabled in {mode.upper()} mode."
        )
    tracker.caching = True
    return OK


@clients.command("CLIENT|GETREDIR", 2, _ANYTIME, since="6.0.0")
def client_getredir(s: Session, argv: Argv) -> Reply:
    """The number of the client that is told instead of this one: 0 for none, -1 without tracking."""
    return -1 if s.tracking is None else s.tracking.redirect


@clients.command("CLIENT|TRACKINGINFO", 2, _ANYTIME, since="6.2.0")
def client_trackinginfo(s: Session, argv: Argv) -> Reply:
    """How the client tracks keys."""
    tracker = s.tracking
    if tracker is None:
        return {b"flags": Unordered([b"off"]), b"redirect": -1, b"prefixes": []}
    flags = [b"on"]
    for name in ("bcast", "optin", "optout", "noloop"):
        if getattr(tracker, name):
            flags.append(name.encode())
        if tracker.caching and name in {"optin", "optout"} and getattr(tracker, name):
            flags.append(b"caching-yes" if name == "optin" else b"caching-no")
    if tracker.broken:
        flags.append(b"broken_redirect")
    return {b"flags": Unordered(flags), b"redirect": tracker.redirect, b"prefixes": sorted(tracker.prefixes)}


@clients.command("CLIENT|HELP", 2, LOADING | STALE, since="5.0.0")
def client_help(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "client")
