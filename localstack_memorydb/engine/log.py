"""The log of a shard on disk: a snapshot, and after it the effects of every write since, in RESP.

The files are those of Valkey's append-only file (https://valkey.io/topics/persistence/), so that a real server can start from
them: `appendonly.aof.N.base.rdb`, `appendonly.aof.N.incr.aof` and a manifest. An effect repeated gives the same data
(a point in time for a span, SREM for SPOP), and a transaction stands between MULTI and EXEC, so that it is there as a whole or
not at all.

What a client is told was done has been given to the operating system before: it outlives this process, however that ends.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import hiredis

from localstack_memorydb.engine.files import PRIVATE, make_private, write_whole
from localstack_memorydb.engine.resp import Argv, encode_request

LOG: Final = logging.getLogger(__name__)

_CHUNK: Final = 1 << 20
_NAME: Final = "appendonly.aof"
_MULTI: Final = b"*1\r\n$5\r\nMULTI\r\n"
_EXEC: Final = b"*1\r\n$4\r\nEXEC\r\n"


class LogError(Exception):
    """A log cannot be read; the text says which file, and what is wrong with it."""


class ShardLog:
    """The open log of a shard. `generation` is the N of its files.

    Entries are gathered in memory until `flush`, which whoever answers a client calls first. `failure` says why nothing can be
    written now; what could not be written is kept and tried again.
    """

    def __init__(self, directory: Path, generation: int) -> None:
        self.directory = directory
        self.generation = generation
        self.blocked: str | None = None  # why the files do not say where the data is
        self.size = 0
        self.written = 0
        """Bytes of entries, over all generations since the log was opened."""
        self.base_size = 0
        self._depth = 0
        self._began = False
        self._waiting: list[bytes] = []
        self._whole = 0  # so many of these stand before the transaction that has begun
        self._unsynced = False
        self.delay: Callable[[], None] | None = None
        """Called before anything is handed over, for tests of what happens when that takes long."""
        self._failure: str | None = None
        self._postponed = 0
        self._file = -1
        self._next: tuple[int, int, int] | None = None  # file, generation, size of the snapshot

    # -- writing ------------------------------------------------------------------------------------------------------

    def prepare(self, base: bytes) -> None:
        """Makes the files of the next generation: a snapshot of now, and an empty file for what follows. Raises OSError.

        The present one counts until `adopt`; nothing may be appended in between.
        """
        make_private(self.directory)
        generation = self.generation + 1
        write_whole(self._path(generation, "base.rdb"), base)
        path = self._path(generation, "incr.aof")
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, PRIVATE)
        self._next = file, generation, len(base)

    @property
    def coming_generation(self) -> int:
        """The generation that was prepared, else the present one."""
        return self._next[1] if self._next is not None else self.generation

    def abandon(self) -> None:
        """Goes on with the present generation."""
        if self._next is not None:
            os.close(self._next[0])
            self._next = None

    def adopt(self) -> None:
        """Goes on with the generation that was prepared, once whoever keeps account of generations has noted it."""
        if self._next is None:
            return
        if self._file >= 0:
            os.close(self._file)
        self._file, self.generation, self.base_size = self._next
        self._next, self.size, self._postponed = None, 0, 0
        self._waiting.clear()  # the snapshot has it
        self._whole = 0
        self._began = False
        self._failure = self.blocked = None
        try:
            self._settle()
        except OSError as error:
            LOG.warning("old files of the log in %s stay: %s", self.directory, error.strerror)

    def _settle(self) -> None:
        """Makes the generation the only one that is there."""
        base, incr = self._path(self.generation, "base.rdb"), self._path(self.generation, "incr.aof")
        manifest = (
            f"file {base.name} seq {self.generation} type b\nfile {incr.name} seq {self.generation} type i\n"
        )
        write_whole(self.directory / f"{_NAME}.manifest", manifest.encode())
        for file in self.directory.glob(f"{_NAME}.*"):
            if file not in {base, incr} and file.suffix != ".manifest":
                file.unlink()

    def append(self, entry: Argv) -> None:
        """Adds an effect; inside of `transaction` together with its others."""
        if self._depth and not self._began:
            self._began = True
            self._waiting.append(_MULTI)
        self._waiting.append(encode_request(entry))

    def append_all(self, entries: Sequence[Argv]) -> None:
        """Adds what one command did; several effects are one transaction."""
        if len(entries) == 1:
            self.append(entries[0])
            return
        with self.transaction():
            for entry in entries:
                self.append(entry)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is appended meanwhile is one: a reader takes all of it or nothing."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """What is appended from now on is one transaction, until `leave`."""
        if not self._depth:
            self._whole = len(self._waiting)
        self._depth += 1

    def leave(self) -> None:
        """The end of what `enter` began."""
        self._depth -= 1
        if not self._depth and self._began:
            self._began = False
            self._waiting.append(_EXEC)

    def flush(self) -> bool:
        """Hands everything to the operating system, of a transaction that goes on what stands before it.

        What fails is kept, `failure` says why, and the answer is False.
        """
        whole = self._whole if self._depth else len(self._waiting)
        if not whole:
            return True
        data = b"".join(self._waiting[:whole])
        if self.delay is not None:
            self.delay()
        try:
            written = os.write(self._file, data)
        except OSError as error:
            written = 0
            self._fail(error)
        self.size += written
        self.written += written
        self._waiting[:whole] = [data[written:]] if written < len(data) else []
        self._whole = int(written < len(data))
        if written < len(data):
            return False
        self._unsynced = True
        self._failure = None
        return True

    def _fail(self, error: OSError) -> None:
        if self._failure is None:
            LOG.error("the log in %s cannot be written: %s", self.directory, error.strerror)
        self._failure = error.strerror or str(error)

    @property
    def failure(self) -> str | None:
        """Why writes have to be refused; None when all is well."""
        return self.blocked or self._failure

    def sync(self) -> bool:
        """Waits until the disk has everything that was flushed; False when it does not take it."""
        if self._unsynced:
            try:
                os.fsync(self._file)
            except OSError as error:
                self._fail(error)
                return False
            self._unsynced = False
        return True

    def outgrew(self, percentage: int, least: int) -> bool:
        """Whether a new snapshot would be the shorter way to say the same: the log is that large, and that much of its snapshot.

        Not in the middle of a transaction, and never with 0 percent.
        """
        large = max(least, self.base_size * percentage // 100, self._postponed)
        return bool(percentage) and not self._depth and self.size > large

    def postpone(self) -> None:
        """The snapshot could not be written: try again when the log has twice its size."""
        self._postponed = 2 * self.size

    def close(self) -> None:
        """Writes what is left and closes the file."""
        if self._file >= 0:
            self.flush()
            self.sync()
            os.close(self._file)
            self._file = -1

    def stop(self) -> None:
        """Closes the file in the middle of whatever goes on; what follows is not logged."""
        self._began = False
        self.close()
        self._waiting.clear()
        self._whole = 0
        self.blocked = self._failure = None

    # -- reading ------------------------------------------------------------------------------------------------------

    def base(self) -> bytes:
        """The snapshot, an RDB file. Raises LogError."""
        path = self._path(self.generation, "base.rdb")
        try:
            return path.read_bytes()
        except OSError as error:
            raise LogError(f"{path} cannot be read: {error.strerror}") from None

    def entries(self) -> Iterator[Argv]:
        """The effects after the snapshot, whole transactions only. An end in the middle of an entry is what a kill leaves.

        Raises LogError for anything else that is not an entry.
        """
        pending: list[Argv] | None = None
        for entry in self._read():
            word = entry[0].upper()
            if word == b"MULTI":
                pending = []
            elif word == b"EXEC" and pending is not None:
                yield from pending
                pending = None
            elif pending is not None:
                pending.append(entry)
            else:
                yield entry
        if pending is not None:
            LOG.warning("the log in %s ends inside a transaction, which is left out", self.directory)

    def _read(self) -> Iterator[Argv]:
        path = self._path(self.generation, "incr.aof")
        reader = hiredis.Reader()
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    reader.feed(chunk)
                    while (entry := reader.gets()) is not False:
                        if not isinstance(entry, list) or not all(type(word) is bytes for word in entry):
                            raise LogError(f"{path} is damaged: it holds something that is not a command")
                        yield entry
        except hiredis.ProtocolError as error:
            raise LogError(f"{path} is damaged: {error}") from None
        except OSError as error:
            raise LogError(f"{path} cannot be read: {error.strerror}") from None

    def _path(self, generation: int, kind: str) -> Path:
        return self.directory / f"{_NAME}.{generation}.{kind}"
