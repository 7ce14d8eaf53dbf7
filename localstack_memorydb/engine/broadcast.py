"""One message for many clients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localstack_memorydb.engine.resp import Reply
    from localstack_memorydb.engine.session import Session


def send(message: Reply, sessions: Iterable[Session]) -> int:
    """Sends a message to all of them, as `Session.send` does; how many they are.

    It is encoded once for each protocol: the bytes that wait for clients are then the same, however many they are.
    """
    wires: dict[int, bytes] = {}
    count = 0
    for session in list(sessions):
        data = wires.get(session.protocol)
        if data is None:
            data = wires[session.protocol] = session.encoders[type(message)](message)
        (session.deferred.append if session.processing else session.push)(data)
        count += 1
    return count
