"""The state of accounts on disk, for a provider that is given a data directory.

    DIRECTORY/lock                          held while an emulator runs on the directory
    DIRECTORY/state/ACCOUNT/REGION.json     a store
    DIRECTORY/state/ACCOUNT/global.json     what the account has in no Region (of another partition: global.PARTITION.json)
    DIRECTORY/snapshots/SHA-256.rdb         the data of snapshots; copies share their files
    DIRECTORY/clusters/                     the engine's: what clusters need to come back (engine/storage.py)

A file is written under another name and then renamed, so that it is whole whenever the process dies. Passwords are in it
as the salted hashes that the store has, and only the owner can read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, TypeVar
from urllib.parse import quote

from cattrs.preconf.json import JsonConverter, make_converter

from localstack_memorydb.engine import (
    DirectoryInUseError,
    ShardSnapshot,
    lock_directory,
    make_private,
    write_whole,
)
from localstack_memorydb.provider.store import GlobalStore, StateError, Store

VERSION: Final = 1
_GLOBAL: Final = "global."

T = TypeVar("T")


@dataclass
class SavedStore:
    """A store as it is written."""

    version: int
    store: Store


@dataclass
class SavedGlobalStore:
    """What an account has in no Region, as it is written."""

    version: int
    store: GlobalStore


class StateDirectory:
    """Reads and writes the state. Raises StateError; what could not be read is never overwritten."""

    def __init__(self, directory: Path) -> None:
        self._root = directory
        self._written: dict[Path, bytes] = {}
        self._kept: dict[int, tuple[str, bytes]] = {}
        self._converter = _converter(self)
        self._lock = self._acquire()

    def _acquire(self) -> IO[str]:
        try:
            return lock_directory(self._root)
        except DirectoryInUseError:
            raise StateError(
                f"another emulator uses the data directory {self._root}: stop it, or set MEMORYDB_DATA_DIR to another one"
            ) from None

    def close(self) -> None:
        """Leaves the directory to others."""
        self._lock.close()

    # -- reading ------------------------------------------------------------------------------------------------------

    def load(self) -> tuple[list[Store], list[GlobalStore]]:
        """Everything that was saved."""
        stores, globes = [], []
        for file in sorted(self._root.glob("state/*/*.json")):
            if file.name.startswith(_GLOBAL):
                globes.append(self._read(file, SavedGlobalStore).store)
            else:
                stores.append(self._read(file, SavedStore).store)
        return stores, globes

    def _read(self, file: Path, kind: type[T]) -> T:
        try:
            text = file.read_bytes()
            document = json.loads(text)
            if document["version"] != VERSION:
                raise StateError(
                    f"the saved state in {file} is of version {document['version']}, this program knows {VERSION}: use the "
                    "program that wrote it, or set MEMORYDB_DATA_DIR to another directory"
                )
            saved = self._converter.structure(document, kind)
        except StateError:
            raise
        except Exception as error:
            raise StateError(
                f"the saved state in {file} cannot be read ({type(error).__name__}): repair it, or move it away to begin "
                "without it"
            ) from error
        self._written[file] = text
        return saved

    def data(self, name: str) -> bytes:
        """The data of a snapshot's file."""
        file = self._data_file(name)
        try:
            data = file.read_bytes()
        except OSError as error:
            raise StateError(f"the data of a snapshot is missing: {file} ({error.strerror})") from None
        if hashlib.sha256(data).hexdigest() != name:
            raise StateError(
                f"the data of a snapshot is damaged: {file}. Remove the file's snapshot, or restore the file"
            )
        return data

    # -- writing ------------------------------------------------------------------------------------------------------

    def save(self, store: Store) -> None:
        """Writes the store if it has changed since it was read or written last."""
        name = f"{store.region}.json"
        if name.startswith(_GLOBAL):
            name = f"%{name}"
        self._write(self._state(store.account, name), SavedStore(VERSION, store))

    def save_global(self, store: GlobalStore) -> None:
        """Writes what the account has in no Region, if it has changed."""
        name = "json" if store.partition == "aws" else f"{store.partition}.json"
        self._write(self._state(store.account, f"{_GLOBAL}{name}"), SavedGlobalStore(VERSION, store))

    def _state(self, account: str, name: str) -> Path:
        """Names come from requests: whatever stands in them, the file is in the directory, and no other's."""
        return self._root / "state" / _plain(account) / _plain(name)

    def _write(self, file: Path, saved: SavedStore | SavedGlobalStore) -> None:
        text = self._converter.dumps(saved, indent=1).encode()
        if self._written.get(file) != text:
            _write(file, text)
            self._written[file] = text

    def keep(self, data: bytes) -> str:
        """Writes the data of a snapshot's file, unless it is there; returns the name by which `data` finds it."""
        if id(data) not in self._kept:
            name = hashlib.sha256(data).hexdigest()
            if not self._data_file(name).exists():
                _write(self._data_file(name), data)
            self._kept[id(data)] = name, data
        return self._kept[id(data)][0]

    def _data_file(self, name: str) -> Path:
        return self._root / "snapshots" / f"{name}.rdb"

    def sweep(self, stores: Iterable[Store]) -> None:
        """Removes the data of snapshots that no longer exist."""
        snapshots = [snapshot for store in stores for snapshot in store.snapshots.values()]
        datas = [file.data for snapshot in snapshots for file in snapshot.files]
        kept = {self._data_file(self.keep(data)) for data in datas}
        for file in self._root.glob("snapshots/*.rdb"):
            if file not in kept:
                file.unlink()
        alive = {id(data) for data in datas}
        self._kept = {key: entry for key, entry in self._kept.items() if key in alive}

    def clear(self) -> None:
        """Removes the state, as if nothing had ever been saved."""
        for file in self._files():
            file.unlink()
        self._written.clear()
        self._kept.clear()

    def _files(self) -> Iterator[Path]:
        yield from self._root.glob("state/*/*.json")
        yield from self._root.glob("snapshots/*.rdb")


def _plain(name: str) -> str:
    return quote(name, safe="").replace("..", "%2E%2E")


def _write(file: Path, data: bytes) -> None:
    make_private(file.parent)
    write_whole(file, data)


def _converter(directory: StateDirectory) -> JsonConverter:
    """Dataclasses to JSON and back; the data of snapshots lies in files of its own."""
    converter = make_converter(forbid_extra_keys=True)

    def write_file(file: ShardSnapshot) -> dict[str, Any]:
        return {"name": file.name, "slots": file.slots, "keys": file.keys, "data": directory.keep(file.data)}

    def read_file(saved: dict[str, Any], _: Any) -> ShardSnapshot:
        slots = tuple((first, last) for first, last in saved["slots"])
        return ShardSnapshot(saved["name"], slots, directory.data(saved["data"]), saved["keys"])

    converter.register_unstructure_hook(ShardSnapshot, write_file)
    converter.register_structure_hook(ShardSnapshot, read_file)
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    return converter
