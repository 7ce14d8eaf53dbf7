"""Connections. https://valkey.io/commands/#connection"""

from __future__ import annotations

from localstack_memorydb.engine.registry import FAST, GATE_SUBSCRIBED, Family
from localstack_memorydb.engine.resp import PONG, Argv, Reply
from localstack_memorydb.engine.session import Session

connection = Family("connection", "@connection")


@connection.command("PING", -1, FAST, passes=GATE_SUBSCRIBED)
def ping(s: Session, argv: Argv) -> Reply:
    """PONG, or the argument."""
    return PONG if len(argv) == 1 else argv[1]
