"""What a process writes to its standard output and error, as log events."""

from __future__ import annotations

import os
import selectors
import threading
from contextlib import suppress
from typing import Final

_MOST_KEPT: Final = (
    8 << 20
)  # bytes between two invocations; a function that floods its log loses the oldest part


class Output:
    """Reads a pipe as it fills. `take()` holds all that was written before the call."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._held = bytearray()
        self._ended = False
        self._waken, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._follow, name="lambda-output", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            selector.register(self._waken, selectors.EVENT_READ)
            while not self._ended:
                selector.select()
                self._read()

    def _read(self) -> None:
        with self._lock, suppress(BlockingIOError, OSError):
            while not self._ended:
                data = os.read(self._descriptor, 1 << 16)
                if not data:
                    self._ended = True
                self._held += data
                if len(self._held) > _MOST_KEPT:
                    del self._held[:-_MOST_KEPT]

    def take(self) -> list[str]:
        """The log events since the last call.

        A runtime separates the lines of one event, a stack trace for one, by carriage returns.
        """
        self._read()
        with self._lock:
            text = self._held.decode(errors="replace")
            self._held.clear()
        return [line.rstrip("\r").replace("\r", "\n") for line in text.split("\n") if line.strip()]

    def close(self) -> None:
        """Read no more."""
        with self._lock:
            self._ended = True
        os.write(self._waker, b"!")
        self._thread.join()
        for descriptor in (self._descriptor, self._waken, self._waker):
            os.close(descriptor)
