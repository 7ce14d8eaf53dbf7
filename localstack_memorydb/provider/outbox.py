"""What has to be told to others, in order, by a thread of its own: whoever is slow, or calls back, holds up no operation."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

LOG: Final = logging.getLogger(__name__)
_FAREWELL_SECONDS: Final = 1.0

Errand: TypeAlias = Callable[[], None]


class Outbox:
    """Runs errands. One that fails is logged and dropped; what it raises must not hold a secret."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def post(self, errand: Errand) -> None:
        """Have this done; returns at once. Called under the provider's lock."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="memorydb-outbox", daemon=True)
            self._thread.start()
        self._queue.put(errand)

    def _run(self) -> None:
        while (errand := self._queue.get()) is not None:
            try:
                errand()
            except Exception as error:
                LOG.warning("something was not told: %s: %s", type(error).__name__, error)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until everything that was posted is done; False when it is not after `timeout` seconds."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._queue.put(done.set)
        return done.wait(timeout)

    def clear(self) -> None:
        """Forget what is not done yet."""
        while not self._queue.empty():
            self._queue.get()

    def close(self) -> None:
        """Do what is left, as far as that takes no longer than a moment, and end the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(_FAREWELL_SECONDS)
