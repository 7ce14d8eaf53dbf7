"""Files that only their owner can read, in directories that only their owner can enter."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

PRIVATE = 0o600


class DirectoryInUseError(Exception):
    """Another process keeps its data in the directory."""


def lock_directory(directory: Path) -> IO[str]:
    """Makes the directory this process's own until the file is closed or the process ends. Raises DirectoryInUseError, OSError.

    Two that write to the same logs would each lose what the other has acknowledged.
    """
    make_private(directory)
    lock = os.fdopen(os.open(directory / "lock", os.O_WRONLY | os.O_CREAT, PRIVATE), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise DirectoryInUseError from None
    return lock


def make_private(directory: Path) -> None:
    """Makes the directory, and those above it that are missing. One that is there stays as it is."""
    if not directory.is_dir():
        make_private(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)


def write_whole(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Makes the file have that content; whoever looks finds the old or the new one, also after a crash.

    It is a new file, which nobody could open before it had its mode.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
