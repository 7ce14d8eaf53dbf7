"""The slow log (https://valkey.io/commands/slowlog/), and how a command line is shown to others without its secrets."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.resp import Argv, Reply

if TYPE_CHECKING:
    from localstack_memorydb.engine.registry import Command
    from localstack_memorydb.engine.session import Session

_MOST_ARGUMENTS: Final = 32
_MOST_BYTES: Final = 128
_REDACTED: Final = b"(redacted)"
_SECRET_PARAMETERS: Final = frozenset(
    {b"masterauth", b"masteruser", b"primaryauth", b"primaryuser", b"requirepass", b"tls-key-file-pass"}
)


class SlowLog:
    """The newest entries first, as SLOWLOG GET shows them."""

    def __init__(self) -> None:
        self.entries: deque[list[Reply]] = deque()
        self._made = 0

    def add(self, s: Session, command: Command, argv: Argv, microseconds: int, most: int) -> None:
        """Adds a command line, shortened and without secrets; keeps `most` entries. Since 7.2 there is no log of 0 entries."""
        if not most and not s.legacy_doubles:
            return
        shown = _shortened(redacted(command, argv))
        # Before 7.2 what a script calls is called by nobody.
        who = (b"?:0", b"") if s.script is not None and s.legacy_doubles else (s.peer.encode(), s.name)
        entry = [self._made, s.now // 1000, microseconds, shown, *who]
        self._made += 1
        self.entries.appendleft(entry)
        while len(self.entries) > most:
            self.entries.pop()


def redacted(command: Command, argv: Argv) -> Argv:
    """The command line as others may see it: passwords are taken out."""
    match command.name:
        case "auth":
            return [argv[0], *[_REDACTED] * (len(argv) - 1)]
        case "hello":
            return _without_credentials(argv)
        case "acl|setuser":
            return [*argv[:2], *[_REDACTED] * (len(argv) - 2)]
        case "config|set":
            return [
                _REDACTED if at > 2 and at % 2 and argv[at - 1].lower() in _SECRET_PARAMETERS else word
                for at, word in enumerate(argv)
            ]
    return argv


def _without_credentials(argv: Argv) -> Argv:
    """HELLO as others may see it. A name of the connection is no option, whatever it is."""
    shown, at = list(argv), 2
    while at < len(argv):
        match argv[at].upper():
            case b"AUTH":
                shown[at + 1 : at + 3] = [_REDACTED] * len(argv[at + 1 : at + 3])
                at += 3
            case b"SETNAME":
                at += 2
            case _:
                at += 1
    return shown


def _shortened(argv: Argv) -> Argv:
    shown = [
        word
        if len(word) <= _MOST_BYTES
        else b"%b... (%d more bytes)" % (word[:_MOST_BYTES], len(word) - _MOST_BYTES)
        for word in argv[:_MOST_ARGUMENTS]
    ]
    if len(argv) > _MOST_ARGUMENTS:
        shown[-1] = b"... (%d more arguments)" % (len(argv) - _MOST_ARGUMENTS + 1)
    return shown
