"""Every error text that a client can see, and the exceptions that carry them.

A handler raises the reason; the session answers it in one place. The texts are Valkey's own (7.2).
"""

from __future__ import annotations


class CommandError(Exception):
    """An error reply. `text` is what follows the minus sign; it starts with its code, such as `ERR`."""

    counted = False
    """Whether INFO's figures know of it: an error that goes through a script or a transaction counts once."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def wire(self) -> bytes:
        """The reply's bytes; line ends inside the text become spaces, as Valkey does."""
        text = self.text.encode("utf-8", "surrogateescape")
        if b"\r" in text or b"\n" in text:
            text = text.replace(b"\r", b" ").replace(b"\n", b" ")
        return b"-%b\r\n" % text


class Harmless(CommandError):
    """An error that answers its command and leaves the transaction alone which is being queued."""


class ProtocolError(Exception):
    """The client broke RESP: it gets `-ERR Protocol error: <text>` and is disconnected."""


class WrongType(CommandError):
    """The key holds another type than the command works on."""

    def __init__(self) -> None:
        super().__init__("WRONGTYPE Operation against a key holding the wrong kind of value")


class SyntaxFault(CommandError):
    """An option the command does not know, or options that exclude each other."""

    def __init__(self) -> None:
        super().__init__("ERR syntax error")


class NotInteger(CommandError):
    """An argument, or the value to change, is not a 64-bit integer."""

    def __init__(self) -> None:
        super().__init__("ERR value is not an integer or out of range")


class NotFloat(CommandError):
    """An argument is not a number."""

    def __init__(self) -> None:
        super().__init__("ERR value is not a valid float")


class WrongArity(CommandError):
    """Too many or too few arguments. `name` is the full name, such as `cluster|keyslot`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"ERR wrong number of arguments for '{name}' command")


class CrossSlot(CommandError):
    """The command's keys live in different slots."""

    def __init__(self) -> None:
        super().__init__("CROSSSLOT Keys in request don't hash to the same slot")


class Moved(CommandError):
    """The slot lives elsewhere."""

    def __init__(self, slot: int, host: str, port: int) -> None:
        super().__init__(f"MOVED {slot} {host}:{port}")


class ClusterDown(CommandError):
    """No node serves the slot."""

    def __init__(self) -> None:
        super().__init__("CLUSTERDOWN Hash slot not served")


ELSEWHERE = (ClusterDown, CrossSlot, Moved)
"""What a client is told of slots, if its user may run the command."""


class ExecAbort(CommandError):
    """The transaction does not run: a queued command was refused, or EXEC itself because of `reason`."""

    def __init__(self, reason: CommandError | None = None) -> None:
        why = "previous errors." if reason is None else f": {reason.text.removeprefix('ERR ')}"
        super().__init__(f"EXECABORT Transaction discarded because of {why}".replace(" :", ":"))


class NoAuth(CommandError):
    """The connection has no user."""

    def __init__(self) -> None:
        super().__init__("NOAUTH Authentication required.")


class NoPermission(CommandError):
    """The user may not run the command, or not with this key or channel. Each engine version words it anew."""

    def __init__(self, kind: str, user: str, command: str, level: tuple[int, ...]) -> None:
        if level >= (7, 2):
            texts = {
                "command": f"User {user} has no permissions to run the '{command}' command",
                "key": "No permissions to access a key",
                "channel": "No permissions to access a channel",
            }
        else:
            further = " or its subcommand" if level < (7,) else ""
            texts = {
                "command": f"this user has no permissions to run the '{command}' command{further}",
                "key": "this user has no permissions to access one of the keys used as arguments",
                "channel": "this user has no permissions to access one of the channels used as arguments",
            }
        super().__init__(f"NOPERM {texts[kind]}")


class NoLongerPermitted(CommandError):
    """A queued command that was allowed when it was queued."""

    def __init__(self, kind: str) -> None:
        reason = {
            "command": "no permission to execute the command or subcommand",
            "key": "no permission to touch the specified keys",
            "channel": "no permission to access one of the channels used as arguments to the command",
        }[kind]
        super().__init__(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "
            f"This command is no longer allowed for the following reason: {reason}"
        )


class HelloWithoutUser(CommandError):
    """HELLO from a client that is not authenticated and does not do it now."""

    def __init__(self, level: tuple[int, ...]) -> None:
        form = "HELLO <proto> AUTH" if level >= (7, 2) else "HELLO AUTH"
        super().__init__(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
            f"{form} <user> <pass> option can be used to authenticate the client and select the RESP protocol "
            "version at the same time"
        )


class WrongPass(CommandError):
    """Unknown user, disabled user or wrong password: one text for all three, so that nothing is told."""

    def __init__(self) -> None:
        super().__init__("WRONGPASS invalid username-password pair or user is disabled.")


class ReadOnlyReplica(CommandError):
    """A write reached a replica."""

    def __init__(self) -> None:
        super().__init__("READONLY You can't write against a read only replica.")


class TooManyClients(CommandError):
    """The node has as many clients as it takes (maxclients)."""

    def __init__(self) -> None:
        super().__init__("ERR max number of clients reached")


class OutOfMemory(CommandError):
    """The command may need memory, and the limit is reached."""

    def __init__(self) -> None:
        super().__init__("OOM command not allowed when used memory > 'maxmemory'.")


class NoReplicas(CommandError):
    """The shard has fewer replicas than writes ask for (min-replicas-to-write)."""

    def __init__(self) -> None:
        super().__init__("NOREPLICAS Not enough good replicas to write.")


class Busy(CommandError):
    """A script or function runs for too long; only what may end it is served."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"BUSY Redis is busy running a script. You can only call {kind} KILL or SHUTDOWN NOSAVE."
        )


class NotBusy(CommandError):
    """There is no script to end."""

    def __init__(self) -> None:
        super().__init__("NOTBUSY No scripts in execution right now.")


class Unkillable(CommandError):
    """The script has written: half of it must not remain."""

    def __init__(self) -> None:
        super().__init__(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the "
            "script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command."
        )


class LogFailed(CommandError):
    """The log on disk cannot be written, so nothing may be acknowledged."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"MISCONF Errors writing to the AOF file: {reason}")


class OutOfRange(CommandError):
    """An index, offset or count outside of what the command takes."""

    def __init__(self, what: str = "value") -> None:
        super().__init__(f"ERR {what} is out of range")


class NoSuchKey(CommandError):
    """The key must exist and does not."""

    def __init__(self) -> None:
        super().__init__("ERR no such key")


class InvalidExpireTime(CommandError):
    """A time to live that is not positive where it must be, or too large for milliseconds in 64 bits."""

    def __init__(self, command: str, legacy: bool) -> None:
        name = command if legacy else f"'{command}' command"
        super().__init__(f"ERR invalid expire time in {name}")


class ReplyTooLarge(CommandError):
    """The command ran, but nobody could take what it answers."""

    def __init__(self) -> None:
        super().__init__("ERR the reply would have more than 1 GB")


class StringTooLong(CommandError):
    """The string would outgrow proto-max-bulk-len."""

    def __init__(self) -> None:
        super().__init__("ERR string exceeds maximum allowed size (proto-max-bulk-len)")


def refusal_text(kind: str, user: str, command: str, item: str, level: tuple[int, ...]) -> str:
    """Why a user could not run a command line, as ACL DRYRUN says it."""
    who = f"User {user}" if level >= (7, 2) else "This user"
    if kind == "command":
        return f"{who} has no permissions to run the '{command}' command"
    return f"{who} has no permissions to access the '{item}' {kind}"


def printable(argument: bytes) -> str:
    """An argument as text for an error message: up to the first NUL, as C prints it; any other byte survives."""
    return argument.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def unknown_command(argv: list[bytes], legacy: bool) -> CommandError:
    """The unknown-command error, with the beginning of the arguments; 6.2 quotes them differently."""
    name = printable(argv[0] if legacy else argv[0][:128])
    shown = 0
    pieces: list[str] = []
    for argument in argv[1:]:
        if shown >= 128:
            break
        piece = printable(argument[: 128 - shown])
        pieces.append(f"`{piece}`, " if legacy else f"'{piece}' ")
        shown += len(pieces[-1])
    quoted = f"`{name}`" if legacy else f"'{name}'"
    return CommandError(f"ERR unknown command {quoted}, with args beginning with: {''.join(pieces)}")


def unknown_subcommand(container: str, name: bytes, legacy: bool) -> CommandError:
    """The error for a subcommand that the container does not have."""
    what = "Unknown subcommand or wrong number of arguments for" if legacy else "unknown subcommand"
    return CommandError(f"ERR {what} '{printable(name[:128])}'. Try {container.upper()} HELP.")


def only_for_subscribers(name: str, legacy: bool) -> CommandError:
    """The error of a command that a subscriber on RESP2 may not send."""
    kinds = "(P)" if legacy else "(P|S)"
    return CommandError(
        f"ERR Can't execute '{name.partition('|')[0] if legacy else name}': only {kinds}SUBSCRIBE / "
        f"{kinds}UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
    )


def incomplete_pairs(name: str, shared: str, legacy: bool) -> CommandError:
    """The error of a command that got a field without a value; 6.2 has one for several commands."""
    return CommandError(f"ERR wrong number of arguments for {shared}") if legacy else WrongArity(name)


def wrong_subcommand_arguments(container: str, name: bytes, legacy: bool) -> CommandError:
    """The error of subcommands that count their arguments themselves, as all of them do in 6.2."""
    if legacy:
        return unknown_subcommand(container, name, legacy)
    return CommandError(
        f"ERR unknown subcommand or wrong number of arguments for '{printable(name[:128])}'. "
        f"Try {container.upper()} HELP."
    )


REFUSALS = (*ELSEWHERE, NoPermission)
"""What is refused before a command begins, although the straight path finds it out while it runs."""
