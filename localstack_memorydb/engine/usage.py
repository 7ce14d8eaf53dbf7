"""What nodes take of the machine that they share: processor time, memory, packets on the network."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from localstack_memorydb.engine.spec import HostFigures

if TYPE_CHECKING:
    from localstack_memorydb.engine.cluster import Node

_BEGAN: Final = os.times()
_UNKNOWN_MACHINE: Final = 8 << 30
_PER_COMMAND: Final = 10
"""Microseconds that a command costs besides its own time: its packet is read, and its reply sent."""


class Packets:
    """Packets of a node's connections, as the system has counted them: those received, and those sent.

    A connection that is open is asked when somebody wants to know. None stands for a system that does not count them.
    """

    def __init__(self) -> None:
        self._open: dict[object, Callable[[], tuple[int, int] | None]] = {}
        self._received = self._sent = 0
        self._counted = True

    def opened(self, connection: object, count: Callable[[], tuple[int, int] | None]) -> None:
        """From now on the connection counts, too."""
        self._open[connection] = count

    def closing(self, connection: object) -> None:
        """What the connection has counted stays."""
        count = self._open.pop(connection, None)
        if count is not None:
            self._add(count())

    def _add(self, found: tuple[int, int] | None) -> None:
        if found is None:
            self._counted = False
        else:
            self._received += found[0]
            self._sent += found[1]

    def totals(self) -> tuple[int, int] | None:
        """All packets received and sent so far."""
        received, sent = self._received, self._sent
        for count in self._open.values():
            found = count()
            if found is None:
                self._counted = False
            else:
                received, sent = received + found[0], sent + found[1]
        return (received, sent) if self._counted else None


class Work:
    """A node's part of the processor time of the engine's thread. `since` is when the node came, in unix time in ms."""

    def __init__(self, now: int) -> None:
        self.since = now
        self.seconds = 0.0
        self._before = 0

    def grown(self, total: int) -> int:
        """How much a total has grown since the last time; one that shrank has begun anew (CONFIG RESETSTAT)."""
        before, self._before = self._before, total
        return total - before if total >= before else total


def done_since(node: Node) -> int:
    """What the node has done since the last time: microseconds of its commands, and a little for their way in and out."""
    spent = sum(stat.microseconds for stat in node.stats.commands.values())
    return node.work.grown(spent + _PER_COMMAND * node.stats.calls)


def share_out(seconds: float, nodes: Sequence[Node], departed: int) -> None:
    """Divides processor time among the nodes by what they have done since the last time; `departed` nodes had done that much.

    Where nothing was done the nodes share alike: then it was spent on looking after them.
    """
    done = [done_since(node) for node in nodes]
    total = sum(done) + departed
    for node, part in zip(nodes, done, strict=True):
        node.work.seconds += seconds * (part / total if total else 1 / len(nodes))


def host_figures() -> HostFigures:
    """What this process takes of the machine, and what the machine has left. Linux tells of its memory, others do not."""
    used = os.times()
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:
        processors = os.cpu_count() or 1
    return HostFigures(
        age=used.elapsed - _BEGAN.elapsed,
        processor_seconds=used.user + used.system - _BEGAN.user - _BEGAN.system,
        processors=processors,
        resident_memory=resident_memory(),
        available_memory=available_memory(),
        swapped=_kilobytes("/proc/self/status", "VmSwap"),
    )


def machine_memory() -> int:
    """The memory that this process can have: the machine's, or its container's where that is less."""
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        found = _UNKNOWN_MACHINE
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            found = min(found, int(Path(file).read_text()))
    return found


def available_memory() -> int | None:
    """What the machine has left, where it tells."""
    return _kilobytes("/proc/meminfo", "MemAvailable")


def resident_memory() -> int | None:
    """The memory of this process that is not swapped out, where the system tells."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _kilobytes(file: str, field: str) -> int | None:
    try:
        found = re.search(rf"^{field}:\s+(\d+) kB", Path(file).read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else int(found[1]) * 1024
