"""What clients make the process keep for them, with a common limit: replies that they do not read, requests without an end.

Each of them may have much, by the limits of its cluster; so that all of them together do not take the memory of the machine,
the one that has most is disconnected when the common limit is passed. A real node does so with `maxmemory-clients`.
https://valkey.io/topics/clients/#client-eviction
"""

from __future__ import annotations

from typing import Final, Protocol

NOTED: Final = 1 << 14
"""Bytes from which on a client is worth noting."""


class Holder(Protocol):
    """A client's connection."""

    @property
    def held(self) -> int:
        """The bytes that are kept for the client."""

    @property
    def is_protected(self) -> bool:
        """Whether the client asked to be spared (CLIENT NO-EVICT): it goes when no other is left."""

    def evict(self) -> None:
        """Disconnects the client at once, for the sake of memory."""


class ClientMemory:
    """The bytes that clients hold which are worth noting: `total`, which is at most `limit`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.total = 0
        self._held: dict[Holder, int] = {}

    def note(self, client: Holder) -> None:
        """The client holds more than before, or less."""
        size = client.held
        if size < NOTED:
            self.forget(client)
            return
        self.total += size - self._held.get(client, 0)
        self._held[client] = size
        if self.total > self.limit:
            self._relieve()

    def forget(self, client: Holder) -> None:
        """The client holds nothing any more."""
        self.total -= self._held.pop(client, 0)

    def _relieve(self) -> None:
        """Disconnects clients until the others are within the limit."""
        self._held = {client: size for client in self._held if (size := client.held) >= NOTED}
        self.total = sum(self._held.values())
        while self.total > self.limit:
            largest = max(self._held, key=lambda client: (not client.is_protected, self._held[client]))
            self.forget(largest)
            largest.evict()
