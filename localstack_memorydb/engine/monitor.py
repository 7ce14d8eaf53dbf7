"""MONITOR: every command line of a node, shown to clients that asked for it. https://valkey.io/commands/monitor/"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine import broadcast
from localstack_memorydb.engine.registry import ADMIN, SKIP_MONITOR, Command
from localstack_memorydb.engine.resp import Argv, Simple
from localstack_memorydb.engine.slowlog import redacted

if TYPE_CHECKING:
    from localstack_memorydb.engine.session import Session

_ESCAPES: Final = {
    **{byte: f"\\x{byte:02x}" for byte in range(256) if not 0x20 <= byte <= 0x7E},
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    ord("\a"): "\\a",
    ord("\b"): "\\b",
}
_ADMINISTRATION_IN_6_2: Final = frozenset({"acl", "client", "cluster"})
# There a subcommand is what its command is.
_FOR_ADMINISTRATORS_IN_6_2: Final = frozenset({"acl", "client", "cluster", "config", "latency", "slowlog"})
_ODD: Final = re.compile(rb'[^ -~]|["\\]').search


def quoted(text: bytes) -> bytes:
    """The text in quotes, with escapes for what cannot be printed (sdscatrepr)."""
    if _ODD(text) is not None:
        text = text.decode("latin-1").translate(_ESCAPES).encode()
    return b'"%b"' % text


def show(s: Session, command: Command, argv: Argv, *, itself: bool = False) -> None:
    """Tells the monitors of the node what a client has just done. Scripts are told of before what they call (`itself`)."""
    for_administrators = s.legacy and command.parent in _FOR_ADMINISTRATORS_IN_6_2
    if (for_administrators or command.flags & (ADMIN | SKIP_MONITOR)) and not itself:
        return
    if s.legacy and (command.parent in _ADMINISTRATION_IN_6_2 or command.name == "quit"):
        return
    where = b"lua" if s.script is not None and not itself else s.peer.encode()
    words = b" ".join(map(quoted, redacted(command, argv)))
    now = s.node.microseconds(s.now)
    line = Simple(b"%d.%06d [0 %b] %b" % (now // 1_000_000, now % 1_000_000, where, words))
    broadcast.send(line, s.node.monitors)
