"""One message for many clients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from localstack_memorydb.engine.glob import Matcher, compile_glob

if TYPE_CHECKING:
    from localstack_memorydb.engine.resp import Reply
    from localstack_memorydb.engine.session import Session


class Patterns(dict[bytes, "dict[Session, None]"]):
    """The patterns that clients of a node listen to, each read once."""

    def __init__(self) -> None:
        super().__init__()
        self._matchers: dict[bytes, Matcher] = {}

    def __delitem__(self, pattern: bytes) -> None:
        super().__delitem__(pattern)
        self._matchers.pop(pattern, None)

    def matching(self, channel: bytes) -> list[tuple[bytes, dict[Session, None]]]:
        """The patterns that a channel matches, with who listens to them."""
        found, matchers = [], self._matchers
        for pattern, sessions in self.items():
            matches = matchers.get(pattern)
            if matches is None:
                matches = matchers[pattern] = compile_glob(pattern)
            if matches(channel):
                found.append((pattern, sessions))
        return found


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
        session.say(data)
        count += 1
    return count
