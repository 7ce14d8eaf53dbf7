"""Ends the processes of functions when their host has ended, even by SIGKILL.

The host starts this file as a program, with a directory as its argument, and holds the other end of its standard
input: `+123` names a process group that lives, `-123` one that is gone. When the input ends, so has the host: the
groups that are left are killed, and the directory is removed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO, cast


class Reaper:
    """The host's side: the program, and what it is told."""

    def __init__(self, directory: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", __file__, str(directory)],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in a terminal is the host's business first
            text=True,
        )
        self._input = cast(IO[str], self._process.stdin)
        self._lock = threading.Lock()

    def watch(self, group: int) -> None:
        """Remember a process group."""
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """A process group that is gone."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._input.write(line)
            self._input.flush()

    def close(self) -> None:
        """Kill what is left and remove the directory, now."""
        with self._lock, contextlib.suppress(OSError):
            self._input.close()
        self._process.wait()


def _reap(lines: Iterable[str], directory: str) -> None:
    groups: set[int] = set()
    for line in lines:
        change = groups.add if line.startswith("+") else groups.discard
        change(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    _reap(sys.stdin, sys.argv[1])
