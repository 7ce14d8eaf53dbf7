"""Ports for servers that tests start: nobody else gets them before the server listens, nor between two starts of it."""

from __future__ import annotations

import atexit
import socket
import sys
from contextlib import ExitStack, suppress
from typing import Final

_KEPT: Final = ExitStack()
"""Sockets that are bound and do not listen. A server that takes its port with SO_REUSEADDR, as all do, can have it all the same, and
the system gives it to no one else who asks for any port. Other systems than Linux are not so subtle."""
atexit.register(_KEPT.close)


def free_port() -> int:
    return free_ports(0)[0]


def free_ports(*distances: int) -> list[int]:
    """A free port at each of these distances from a first one that the system chooses."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            first: int = probe.getsockname()[1]
        found = [first + distance for distance in distances]
        with ExitStack() as stack, suppress(OSError, OverflowError):
            for port in found:
                bound = stack.enter_context(socket.socket())
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                bound.bind(("127.0.0.1", port))
            if sys.platform == "linux":
                _KEPT.push(stack.pop_all())
            return found
